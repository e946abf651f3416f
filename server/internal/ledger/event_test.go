package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// happened are all events of a query, page by page, in short.
func happened(t testing.TB, l *Ledger, q EventQuery) (out []string) {
	t.Helper()
	for after := Sequence(0); ; {
		events, next := page(t, l, q, after)
		for _, e := range events {
			out = append(out, fmt.Sprintf("%s %s %s>%s %d", e.Kind, e.RequestID, e.Before, e.After, e.Attempt))
		}
		if next == after {
			return out
		}
		after = next
	}
}

func page(t testing.TB, l *Ledger, q EventQuery, after Sequence) ([]Event, Sequence) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 3
	}
	events, next, err := l.Events(t.Context(), q, after)
	testkit.OK(t, err)
	return events, next
}

// TestTransitionsThatCallersCareAboutAreEvents, each once, with what the caller noted and without what is in the books.
func TestTransitionsThatCallersCareAboutAreEvents(t *testing.T) {
	onEach(t, transitionsThatCallersCareAboutAreEvents)
}

func transitionsThatCallersCareAboutAreEvents(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	document := func(id string) Submission {
		s := submission(id, id)
		s.Collection, s.Kind = Documents, KindDocument
		return s
	}
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"received", func() { begin(t, l, submission("r", "r")) }, nil},
		{"turned away", func() { reach(t, l, submission("n", "n"), NotSent) }, []string{"FINAL n RECEIVED>NOT_SENT 1"}},
		{"again", func() { reach(t, l, submission("n", "n"), Refused) }, []string{"FINAL n SUBMITTING>REFUSED 2"}},
		{"accepted", func() { reach(t, l, submission("w", "w"), Waiting) }, []string{"ACCEPTED w SUBMITTING>WAITING 1"}},
		{"running", func() { reach(t, l, submission("u", "u"), Running) }, []string{"ACCEPTED u SUBMITTING>WAITING 1"}},
		{"booked", func() { reach(t, l, submission("s", "s"), Succeeded) }, []string{"ACCEPTED s SUBMITTING>WAITING 1", "FINAL s *>SUCCEEDED 1"}},
		{"failed", func() { reach(t, l, submission("f", "f"), Failed) }, []string{"ACCEPTED f SUBMITTING>WAITING 1", "FINAL f *>FAILED 1", "PERSON_NEEDED f *>FAILED 1"}},
		{"lost", func() { reach(t, l, submission("x", "x"), Uncertain) }, []string{"UNCERTAIN x SUBMITTING>UNCERTAIN 1", "PERSON_NEEDED x SUBMITTING>UNCERTAIN 1"}},
		{"resolved", func() {
			if _, _, err := l.Confirm(t.Context(), key("x"), 1, Statement{Booked: true, Caller: "anna", Note: "seen"}); err != nil {
				t.Fatal(err)
			}
		}, []string{"RESOLVED x UNCERTAIN>SUCCEEDED 1", "FINAL x UNCERTAIN>SUCCEEDED 1"}},
		{"a document that is lost", func() { reach(t, l, document("d"), Uncertain) }, []string{"UNCERTAIN d SUBMITTING>UNCERTAIN 1"}},
		{"owners that died", func() {
			c.pass(Lease + time.Second)
			if _, err := l.Expire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, []string{"FINAL r RECEIVED>NOT_SENT 1"}},
		{"a connection", func() {
			for _, is := range []bool{true, true, false, false, true, true} { // as several servers see it
				testkit.OK(t, l.Connected(t.Context(), "demo", is))
			}
		}, []string{"CONNECTION_LOST  > 0", "CONNECTION_FOUND  > 0"}},
	} {
		before := len(happened(t, l, EventQuery{}))
		step.do()
		got := happened(t, l, EventQuery{})[before:]
		same := len(got) == len(step.want)
		for i := range min(len(got), len(step.want)) {
			first, last, _ := strings.Cut(step.want[i], "*")
			same = same && strings.HasPrefix(got[i], first) && strings.HasSuffix(got[i], last)
		}
		if !same {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
	all, _ := page(t, l, EventQuery{Limit: 1000}, 0)
	for i, e := range all {
		if i > 0 && e.Sequence <= all[i-1].Sequence {
			t.Errorf("%s comes behind %s", e.Sequence, all[i-1].Sequence)
		}
		if e.Practice != "demo" || e.Time.IsZero() || e.Collection != "" && (e.Dossier != "CEGID001" || e.Caller != "billing" || e.Metadata["job"] != "é") {
			t.Errorf("%+v", e)
		}
		text, err := json.Marshal(e)
		if err != nil || strings.Contains(string(text), "120.00") || strings.Contains(string(text), "FA-") {
			t.Errorf("it shows the books: %s, %v", text, err)
		}
		if back, err := ParseSequence(e.Sequence.String()); err != nil || back != e.Sequence {
			t.Errorf("%s: %v, %v", e.Sequence, back, err)
		}
	}
	if got := happened(t, l, EventQuery{Kinds: []EventKind{EventResolved, EventConnectionLost}}); len(got) != 2 {
		t.Errorf("of two kinds: %q", got)
	}
}

// TestACursor: what has nothing new gives it back; one of another ledger, or before what is kept, is refused.
func TestACursor(t *testing.T) { onEach(t, aCursor) }

func aCursor(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	reach(t, l, submission("r1", "one"), Succeeded)
	events, next := page(t, l, EventQuery{Limit: 10}, 0)
	if len(events) != 2 || next != events[1].Sequence {
		t.Fatalf("%+v, %s", events, next)
	}
	if more, same := page(t, l, EventQuery{}, next); len(more) != 0 || same != next {
		t.Errorf("%+v, %s", more, same)
	}
	now, err := l.Now(t.Context())
	if err != nil || now < next {
		t.Errorf("%s, %v", now, err)
	}
	begin(t, l, submission("r2", "two")) // of which nobody is told
	if more, same := page(t, l, EventQuery{}, next); len(more) != 0 || same != next {
		t.Errorf("%+v, %s", more, same)
	}
	if _, _, err := l.Events(t.Context(), EventQuery{Limit: 1}, next+1000*inCommit); !errors.Is(err, ErrCursor) {
		t.Errorf("ahead: %v", err)
	}
	for _, bad := range []string{"x", "1", "1.", ".1", "01.0", "-1.0", "1.1048576", "1.1.1", "99999999999999999999.0", "+1.0"} {
		if _, err := ParseSequence(bad); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	c.pass(KeepEvent + time.Hour)
	last := reach(t, l, submission("r3", "three"), Succeeded)
	for range 10 { // as much as a day forgets
		if _, err := l.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.pass(24 * time.Hour)
	}
	if _, _, err := l.Events(t.Context(), EventQuery{Limit: 1}, events[0].Sequence); !errors.Is(err, ErrForgotten) {
		t.Errorf("before what is kept: %v", err)
	}
	kept := happened(t, l, EventQuery{})
	if len(kept) != 2 || !strings.Contains(kept[1], last.RequestID) {
		t.Errorf("kept are %q", kept)
	}
	if _, err := l.Settle(t.Context(), key("r2"), 1, owner, Outcome{State: NotSent}); err != nil {
		t.Fatal(err)
	}
	testkit.OK(t, l.Erase(t.Context(), "demo"))
	if left := happened(t, l, EventQuery{}); len(left) != 0 {
		t.Errorf("of a practice that was removed: %q", left)
	}
}

// TestWhoSeesWhichEvents: in SQL, and in memory.
func TestWhoSeesWhichEvents(t *testing.T) { onEach(t, whoSeesWhichEvents) }

func whoSeesWhichEvents(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	for _, practice := range []string{"a", "b"} {
		for _, dossier := range []string{"", "D1", "D2", "d1", "X*Y", "D_1"} {
			for _, caller := range []string{"me", "them"} {
				s := submission(caller+"-"+dossier, practice+caller+dossier)
				s.Practice, s.Dossier, s.Caller, s.Collection, s.Kind = practice, dossier, caller, RawCalls, KindRaw
				reach(t, l, s, Refused)
			}
		}
		testkit.OK(t, errors.Join(l.Connected(t.Context(), practice, true), l.Connected(t.Context(), practice, false)))
	}
	all, _ := page(t, l, EventQuery{Limit: 1000}, 0)
	if len(all) != 26 {
		t.Fatalf("%d events", len(all))
	}
	for name, test := range map[string]struct {
		q    EventQuery
		want int
	}{
		"nobody":                     {EventQuery{Visible: &Scope{Caller: "me"}}, 0},
		"one's own of one practice":  {EventQuery{Visible: &Scope{Caller: "me", Grants: []Grant{{Practices: []string{"a"}}}}}, 7},
		"somebody else":              {EventQuery{Visible: &Scope{Caller: "other", Grants: []Grant{{Practices: []string{"a"}}}}}, 1},
		"a dossier":                  {EventQuery{Visible: &Scope{Caller: "other", Grants: []Grant{{Practices: []string{"a"}, Dossiers: []string{"D1"}}}}}, 3},
		"all dossiers":               {EventQuery{Visible: &Scope{Caller: "other", Grants: []Grant{{Dossiers: []string{"*"}}}}}, 22},
		"a pattern":                  {EventQuery{Visible: &Scope{Caller: "other", Grants: []Grant{{Dossiers: []string{"D*1"}}}}}, 10},
		"a pattern, of one practice": {EventQuery{Practice: "b", Visible: &Scope{Caller: "other", Grants: []Grant{{Dossiers: []string{"*1*", "*Y"}}}}}, 9},
		"of a kind":                  {EventQuery{Kinds: []EventKind{EventConnectionLost}, Visible: &Scope{Caller: "other", Grants: []Grant{{}}}}, 2},
	} {
		test.q.Limit = 1000
		got, _ := page(t, l, test.q, 0)
		inMemory := slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return !test.q.sees(&e) })
		if len(got) != test.want || !reflect.DeepEqual(got, inMemory) && test.want > 0 || len(inMemory) != test.want {
			t.Errorf("%s: %d, in memory %d, want %d", name, len(got), len(inMemory), test.want)
		}
	}
}

// TestNoCursorPassesWhatIsNotCommittedYet: while servers write at the same time, a reader who goes on behind what it has read misses
// nothing, reads nothing twice, and has the order of each submission.
func TestNoCursorPassesWhatIsNotCommittedYet(t *testing.T) {
	dsn := database(t)
	servers := []*Ledger{openedPostgres(t, dsn), openedPostgres(t, dsn)}
	const writers, each = 8, 12
	const all = 2 * writers * each
	var writing sync.WaitGroup
	var over atomic.Bool
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				id := fmt.Sprint("w", w, "-", i)
				l := servers[(w+i)%2]
				b := begin(t, l, submission(id, id))
				submitting(t, l, b)
				r := settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-" + id})
				follow(t, servers[(w+i+1)%2], r, Progress{State: Succeeded})
			}
		})
	}
	var following sync.WaitGroup
	read := make([][]string, 4)
	for f := range read {
		following.Go(func() {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			query := func() (EventQuery, error) { return EventQuery{Limit: 5}, nil }
			last := Sequence(0)
			take := func(events []Event, _ Sequence) error {
				for _, e := range events {
					if e.Sequence <= last {
						t.Errorf("reader %d: %s comes behind %s", f, e.Sequence, last)
					}
					last = e.Sequence
					id := fmt.Sprint(e.RequestID, " ", e.Kind)
					if e.Kind == EventFinal && !slices.Contains(read[f], fmt.Sprint(e.RequestID, " ", EventAccepted)) {
						t.Errorf("reader %d: %s comes first", f, id)
					}
					read[f] = append(read[f], id)
				}
				if len(read[f]) >= all {
					end()
				}
				return nil
			}
			if f%2 == 0 {
				if err := servers[f/2].Follow(ctx, 0, true, query, take); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			for after := Sequence(0); len(read[f]) < all; {
				ended := over.Load()
				events, next, err := servers[f/2].Events(t.Context(), EventQuery{Limit: 5}, after)
				if err != nil {
					t.Error(err)
					return
				}
				_ = take(events, next)
				if len(events) == 0 && ended {
					return
				}
				after = next
			}
		})
	}
	writing.Wait()
	over.Store(true)
	following.Wait()
	for f, ids := range read {
		slices.Sort(ids)
		if len(ids) != all || len(slices.Compact(ids)) != all {
			t.Errorf("reader %d: %d events of %d", f, len(ids), all)
		}
	}
}

// TestFollowersHoldNoMemory: one that does not read is passed by, and reads from the database what it has missed.
func TestFollowersHoldNoMemory(t *testing.T) { onEach(t, followersHoldNoMemory) }

func followersHoldNoMemory(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	const rows = ringSize + 200
	resume, stalled := make(chan struct{}), make(chan struct{})
	var got []Sequence
	done := make(chan error, 1)
	go func() {
		done <- l.Follow(ctx, 0, true, func() (EventQuery, error) { return EventQuery{Limit: 100}, nil }, func(events []Event, _ Sequence) error {
			for _, e := range events {
				got = append(got, e.Sequence)
			}
			if len(got) == 1 {
				close(stalled)
				<-resume
			}
			if len(got) == rows+1 {
				end()
			}
			return nil
		})
	}()
	reach(t, l, submission("first", "first"), NotSent)
	<-stalled
	for from := 0; from < rows; from += 300 {
		if err := l.write(t.Context(), func(w *writing) error {
			for i := from; i < min(rows, from+300); i++ {
				w.told = append(w.told, Event{Kind: EventFinal, Key: key(fmt.Sprint("r", i))})
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		l.log.mu.Lock()
		held, tail := len(l.log.ring), l.log.tail
		l.log.mu.Unlock()
		if held > ringSize {
			t.Fatalf("%d events in memory", held)
		}
		if held == ringSize && tail > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the log is not read")
		}
	}
	close(resume)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if len(got) != rows+1 || !slices.IsSorted(got) || len(slices.Compact(got)) != rows+1 {
		t.Errorf("%d of %d", len(got), rows+1)
	}
}

// TestALogThatCannotBeReadIsBehind, and one that was read is not.
func TestALogThatCannotBeReadIsBehind(t *testing.T) { onEach(t, aLogThatCannotBeReadIsBehind) }

func aLogThatCannotBeReadIsBehind(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	leave := l.log.follow(l)
	defer leave()
	until := func(what string, is func(LogState) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !is(l.LogState()); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, l.LogState())
			}
		}
	}
	until("it was read", func(s LogState) bool { return s.Followers == 1 && s.Behind == 0 })
	for _, each := range []*sql.DB{l.db, l.reads} {
		if each != nil {
			_ = each.Close()
		}
	}
	l.log.wake(nil)
	until("it cannot be read", func(s LogState) bool { return s.Behind > 100*time.Millisecond })
}

// benchmarked are ledgers whose commits are on the disk when they return; those of the PostgreSQL of tests are with the kernel, by
// which they are quicker than on any disk.
func benchmarked(b *testing.B, run func(*testing.B, *Ledger)) {
	b.Run("SQLite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "ledger.db")
		testkit.OK(b, Init(b.Context(), path))
		l, err := Open(b.Context(), path)
		testkit.OK(b, err)
		defer l.Close()
		run(b, l)
	})
	b.Run("PostgreSQL", func(b *testing.B) { run(b, openedPostgres(b, database(b))) })
}

// BenchmarkACommitWithItsEvent is a step of a submission, with the event that it writes and without, in turns, since no machine is
// always as quick: the medians of both, and how much more the one with it takes; and one that writes two.
func BenchmarkACommitWithItsEvent(b *testing.B) {
	benchmarked(b, func(b *testing.B, l *Ledger) {
		r := reach(b, l, submission("r1", "one"), Waiting)
		step := func(told int) time.Duration {
			start := time.Now()
			if err := l.write(b.Context(), func(w *writing) error {
				row, err := w.row(r.Key)
				if err != nil {
					return err
				}
				from := row.status()
				if err := w.update(from, &row); err != nil {
					return err
				}
				w.told = w.told[:0]
				if told > 0 {
					for range told {
						w.tell(Submitting, &row)
					}
					return nil
				}
				return w.tx.QueryRowContext(w.ctx, `UPDATE ledger_mark SET commits = commits + 1 RETURNING commits`).Scan(&w.number)
			}); err != nil {
				b.Fatal(err)
			}
			return time.Since(start)
		}
		var took [3][]time.Duration
		for b.Loop() {
			for told := range took {
				took[told] = append(took[told], step(told))
			}
		}
		var middle [3]float64
		for told, all := range took {
			slices.Sort(all)
			middle[told] = float64(all[len(all)/2].Microseconds())
		}
		b.ReportMetric(middle[0], "µs-without")
		b.ReportMetric(middle[1], "µs-with")
		b.ReportMetric(100*(middle[1]/middle[0]-1), "%-more")
		b.ReportMetric(100*(middle[2]/middle[0]-1), "%-more-of-two")
	})
}

// BenchmarkListingEvents is to list 100,000 of them, a thousand at a time.
func BenchmarkListingEvents(b *testing.B) {
	benchmarked(b, func(b *testing.B, l *Ledger) {
		for range 100 {
			if err := l.write(b.Context(), func(w *writing) error {
				for i := range 1000 {
					w.told = append(w.told, Event{Kind: EventFinal, Key: key(fmt.Sprint("r", i)), Caller: "billing", Before: Running, After: Succeeded, Metadata: map[string]string{"job": "nightly", "n": fmt.Sprint(rand.Int64())}})
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			listed := 0
			for after := Sequence(0); ; {
				events, next, err := l.Events(b.Context(), EventQuery{Limit: 1000, Visible: &Scope{Caller: "me", Grants: []Grant{{Dossiers: []string{"*"}}}}}, after)
				testkit.OK(b, err)
				if listed += len(events); next == after {
					break
				}
				after = next
			}
			if listed != 100_000 {
				b.Fatalf("%d events", listed)
			}
		}
	})
}
