package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

func of(practice, id string) Submission {
	s := submission(id, practice+id)
	s.Practice = practice
	return s
}

// TestEachPracticeIsKeptForItsTime: and one that the configuration no longer has, for the time of all others.
func TestEachPracticeIsKeptForItsTime(t *testing.T) { onEach(t, eachPracticeIsKeptForItsTime) }

func eachPracticeIsKeptForItsTime(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	WithKeeping(func(practice string) Keeping {
		switch practice {
		case "short":
			return Keeping{LeastOutcome, LeastContent}
		case "long":
			return Keeping{MostOutcome, MostContent}
		}
		return DefaultKeeping()
	})(l)
	began := c.Now()
	practices := []string{"short", "gone", "long"}
	for _, practice := range practices {
		reach(t, l, of(practice, "done"), Succeeded)
		reach(t, l, of(practice, "waits"), Waiting)
	}
	for _, step := range []struct {
		age  time.Duration
		want Retained
		has  string // rows and references of each practice
	}{
		{LeastContent, Retained{}, "2/2 2/2 2/2"},
		{LeastContent + time.Second, Retained{Contents: 1}, "2/1 2/2 2/2"},
		{KeepContent + time.Second, Retained{Contents: 1}, "2/1 2/1 2/2"},
		{LeastOutcome, Retained{}, "2/1 2/1 2/2"},
		{LeastOutcome + time.Second, Retained{Rows: 1, Contents: 1}, "1/1 2/1 2/1"},
		{KeepOutcome + time.Second, Retained{Rows: 1}, "1/1 1/1 2/1"},
		{MostOutcome, Retained{}, "1/1 1/1 2/1"},
		{MostOutcome + time.Second, Retained{Rows: 1}, "1/1 1/1 1/1"},
	} {
		c.pass(began.Add(step.age).Sub(c.Now()))
		if got := retainAll(t, l); got != step.want {
			t.Errorf("after %s: %+v", step.age, got)
		}
		var has []string
		for _, practice := range practices {
			rows := lines(t, l, "SELECT COUNT(*) AS n FROM write_request WHERE practice = '"+practice+"'")
			references := lines(t, l, "SELECT COUNT(*) AS n FROM document_reference WHERE practice = '"+practice+"'")
			has = append(has, strings.NewReplacer("n=", "", " \n", "").Replace(rows+"/"+references))
		}
		if got := strings.ReplaceAll(strings.Join(has, " "), "\n", ""); got != step.has {
			t.Errorf("after %s there are %s, and should be %s", step.age, got, step.has)
		}
	}
}

// TestADayForgetsTwoPartsIn400OfEachPractice: however short it is kept, and however much of another one is to be forgotten.
func TestADayForgetsTwoPartsIn400OfEachPractice(t *testing.T) {
	onEach(t, aDayForgetsTwoPartsIn400OfEachPractice)
}

func aDayForgetsTwoPartsIn400OfEachPractice(t *testing.T, temporary opener) {
	l, c := guarded(t, temporary)
	WithKeeping(func(practice string) Keeping {
		if practice == "demo" {
			return Keeping{LeastOutcome, LeastContent}
		}
		return DefaultKeeping()
	})(l)
	many(t, l, 1000)
	for i := range 3 {
		reach(t, l, of("small", fmt.Sprint(i)), Succeeded)
		c.runs(time.Second)
	}
	c.runs(KeepOutcome + time.Hour)
	for day, want := range []Retained{{Rows: 5 + 1, Contents: 5 + 1}, {Rows: 5 + 1, Contents: 5 + 1}} {
		var gone Retained
		for range 24 {
			got, err := l.Retain(t.Context())
			testkit.OK(t, err)
			gone.Rows, gone.Contents = gone.Rows+got.Rows, gone.Contents+got.Contents
			c.runs(time.Hour)
		}
		if gone != want {
			t.Errorf("day %d: %+v, want %+v", day, gone, want)
		}
	}
	c.pass(2 * 365 * 24 * time.Hour) // a leap
	if gone, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) || gone != (Retained{}) {
		t.Errorf("after a leap: %+v, %v", gone, err)
	}
}

// TestTheLeastIsForgottenInTime: a day forgets as many as come to their age each day, at the shortest time that ids may be kept.
func TestTheLeastIsForgottenInTime(t *testing.T) {
	const aDay = 10
	if forgotten := perDay(aDay*int64(LeastOutcome/(24*time.Hour)), KeepOutcome); forgotten < aDay {
		t.Errorf("%d come to their age each day, and %d are forgotten", aDay, forgotten)
	}
}

// TestWhatIsOldIsFoundWithoutTheRest: the rows of practices that are kept for longer are not gone through, nor those that have lost
// their references.
func TestWhatIsOldIsFoundWithoutTheRest(t *testing.T) { onEach(t, whatIsOldIsFoundWithoutTheRest) }

func whatIsOldIsFoundWithoutTheRest(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	explain := "EXPLAIN QUERY PLAN "
	if l.Shared() {
		explain = "EXPLAIN "
		l.db.SetMaxOpenConns(1)
		if _, err := l.db.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	for from, index := range map[string]string{agedRows: "write_request_age", agedContents: "write_request_contents"} {
		plan := lines(t, l, explain+literal("SELECT request_id "+from+"9", "'x'", "5"))
		if !strings.Contains(plan, index) || strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Filter") {
			t.Errorf("%s\n%s", from, plan)
		}
	}
}

// TestCountsOfPracticesFollowEveryChange: what the bound of a day is reckoned from.
func TestCountsOfPracticesFollowEveryChange(t *testing.T) {
	onEach(t, countsOfPracticesFollowEveryChange)
}

func countsOfPracticesFollowEveryChange(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	reach(t, l, of("a", "1"), Succeeded)
	reach(t, l, of("a", "2"), NotSent)
	begin(t, l, of("a", "2")) // again
	reach(t, l, of("b", "1"), Waiting)
	counted := func(want string) {
		t.Helper()
		if got := lines(t, l, "SELECT practice, CAST(SUM(n) AS TEXT) AS n FROM practice_count GROUP BY practice HAVING SUM(n) <> 0 ORDER BY practice"); got != want {
			t.Errorf("counted %s, not %s", got, want)
		}
	}
	counted("practice=a n=2 \npractice=b n=1 \n")
	if _, err := l.db.ExecContext(t.Context(), `DELETE FROM write_request WHERE practice = 'b'`); err != nil {
		t.Fatal(err)
	}
	counted("practice=a n=2 \n")
	if _, err := l.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	counted("practice=a n=2 \n")
	if l.Shared() {
		if left := lines(t, l, "SELECT COUNT(*) AS n FROM practice_count"); left != "n=1 \n" {
			t.Errorf("drawn together there are %s", left)
		}
	}
}

// TestAnImportNamedInAnOldErrorIsAskedFor: servers before kept the id of an import that the answer to a refused call named in the
// error alone.
func TestAnImportNamedInAnOldErrorIsAskedFor(t *testing.T) {
	onEach(t, anImportNamedInAnOldErrorIsAskedFor)
}

func anImportNamedInAnOldErrorIsAskedFor(t *testing.T, temporary opener) {
	shared := temporary(t, nil).Shared()
	digest := map[bool]string{true: `decode(repeat('00', 32), 'hex')`, false: `zeroblob(32)`}[shared]
	row := func(id, state, loopID, failure string) string {
		return `INSERT INTO write_request (` + columns + `) VALUES ('demo', 'CEGID001', 'imports', '` + id + `', 1, '` + state + `', 'old', 0, 0, 'billing', 'ImportService.ImportEntries', 'ENTRIES', 1, ` + digest +
			`, '', 1, 2, '1.00', '1.00', '2026-01-01', '2026-01-01', '` + loopID + `', '', '` + failure + `', '', 0, 0, 1, 1, 5000000, 1, 5000000, '', '', '', '', '', '', 0, 0)`
	}
	rows := []string{
		row("named", "UNCERTAIN", "", `{"reason":"names_import","loop_import":"loop-9"}`),
		row("lost", "UNCERTAIN", "", `{"reason":"network","message":"loop_import"}`),
		row("without", "UNCERTAIN", "", ""),
		row("settled", "SUCCEEDED", "", `{"reason":"names_import","loop_import":"loop-8"}`),
		row("known", "UNCERTAIN", "loop-7", `{"reason":"names_import","loop_import":"loop-6"}`),
	}
	var l *Ledger
	if shared {
		dsn := at(pgtest.Shared(t).Database(t))
		db := openPostgres(dsn, nil)
		older(t, db, postgresDialect(), "00015", rows...)
		testkit.OK(t, db.Close())
		l = openedPostgres(t, dsn)
	} else {
		l = opened(t, olderFile(t, "00015", rows...))
	}
	for id, want := range map[string]string{"named": "loop-9", "lost": "", "without": "", "settled": "", "known": "loop-7"} {
		if r := get(t, l, key(id)); r.LoopRequestID != want || id == "named" && !r.NextPoll.Equal(r.Updated.Add(AskUncertain)) {
			t.Errorf("%s: %q, asked at %s", id, r.LoopRequestID, r.NextPoll)
		}
	}
	if due, err := l.DueOf(t.Context(), "demo", time.Hour, 9); err != nil || len(due) != 1 || due[0].LoopRequestID != "loop-9" {
		t.Errorf("%+v, %v", due, err)
	}
	if counted := lines(t, l, "SELECT practice, n FROM practice_count"); counted != "practice=demo n=5 \n" {
		t.Errorf("counted %s", counted)
	}
}
