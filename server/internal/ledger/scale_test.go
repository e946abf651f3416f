package ledger

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// TestWhatIsOpenIsFoundWithoutTheRest: the plan of each list of states that are few uses the index of those.
func TestWhatIsOpenIsFoundWithoutTheRest(t *testing.T) {
	onEach(t, whatIsOpenIsFoundWithoutTheRest)
}

func whatIsOpenIsFoundWithoutTheRest(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	explain := "EXPLAIN QUERY PLAN "
	if l.Shared() {
		explain = "EXPLAIN "
		l.db.SetMaxOpenConns(1)
		if _, err := l.db.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	for _, states := range [][]State{{Uncertain}, {Uncertain, Failed}, {Received, Submitting, Waiting, Running}} {
		for name, q := range map[string]Query{
			"all": {}, "of a practice": {Practice: "demo"}, "of a dossier": {Practice: "demo", Dossier: "CEGID001"}, "of somebody": {Visible: &Scope{Caller: "billing", Grants: []Grant{{Dossiers: []string{"*"}}}}},
			"changed": {UpdatedFrom: time.Unix(1, 0)}, "changed, of a practice": {Practice: "demo", UpdatedFrom: time.Unix(1, 0)},
		} {
			q.Collection, q.States, q.Limit = Imports, states, 10
			query, args := q.statement(nil, l.dialect)
			plan := plan(t, l, explain+query, args)
			if want := map[bool]string{false: "write_request_open_newest", true: "write_request_open_updated"}[!q.UpdatedFrom.IsZero()]; !strings.Contains(plan, want) {
				t.Errorf("%v, %s:\n%s", states, name, plan)
			}
		}
	}
}

func plan(t testing.TB, l *Ledger, query string, args []any) string {
	t.Helper()
	for i := len(args); i > 0; i-- {
		query = strings.ReplaceAll(query, fmt.Sprint("$", i), fmt.Sprintf("'%v'", args[i-1]))
	}
	query = strings.ReplaceAll(query, "'11'", "11")
	rows, err := l.db.QueryContext(t.Context(), query)
	testkit.OK(t, err)
	defer rows.Close()
	var out strings.Builder
	columns, _ := rows.Columns()
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		testkit.OK(t, rows.Scan(values...))
		for _, value := range values {
			fmt.Fprint(&out, *value.(*any), " ")
		}
		out.WriteByte('\n')
	}
	testkit.OK(t, rows.Err())
	return out.String()
}

// million fills a ledger with rows that are done, over 100 practices, of which one in ten thousand is UNCERTAIN.
func million(b *testing.B, l *Ledger, n int) {
	b.Helper()
	many(b, l, 1)
	names := strings.Split(columns, ", ")
	for i, name := range names {
		switch name {
		case "practice":
			names[i] = "'practice-' || (n % 100)"
		case "request_id":
			names[i] = "'m' || n"
		case "state":
			names[i] = "CASE WHEN n % 10000 = 0 THEN 'UNCERTAIN' ELSE 'SUCCEEDED' END"
		case "created", "received", "updated", "submitted", "finished":
			names[i] = name + " - n * 1000"
		}
	}
	const step = 10_000 // within the time that a statement has
	for from := 0; from < n; from += step {
		statement := fmt.Sprintf(`INSERT INTO write_request (%s) WITH RECURSIVE other(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM other WHERE n < %d) SELECT %s FROM write_request, other WHERE practice = 'demo' AND dossier = 'CEGID001' AND collection = 'imports' AND request_id = 'r0'`,
			columns, from+1, from+step, strings.Join(names, ", "))
		if _, err := l.db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	if l.Shared() {
		if _, err := l.Expire(b.Context()); err != nil {
			b.Fatal(err)
		}
		// As the database does by itself: what so many rows at once leave of the counts would be read each time.
		if _, err := l.db.ExecContext(b.Context(), "VACUUM ANALYZE write_request, state_count, practice_count"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAMillionRows are the questions that people and monitoring put to a ledger of a million rows.
func BenchmarkAMillionRows(b *testing.B) {
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("LOOP_BENCH_ROWS")); err == nil {
		rows = n
	}
	open := map[string]func(testing.TB, func() time.Time) *Ledger{"SQLite": temporary, "PostgreSQL": onPostgres}
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		b.Run(name, func(b *testing.B) {
			if name == "PostgreSQL" {
				database(b) // skips without one
			}
			l := open[name](b, nil)
			million(b, l, rows)
			b.Run("counts of states", func(b *testing.B) {
				for b.Loop() {
					if counts, err := l.CountByState(b.Context()); err != nil || counts[Uncertain] != rows/10_000 {
						b.Fatal(counts, err)
					}
				}
			})
			b.Run("what is old enough to be forgotten", func(b *testing.B) {
				for b.Loop() {
					if gone, err := l.Retain(b.Context()); err != nil || gone != (Retained{}) {
						b.Fatal(gone, err)
					}
				}
			})
			for what, q := range map[string]Query{"all that is UNCERTAIN": {}, "what is UNCERTAIN of a practice": {Practice: "practice-0"}} {
				b.Run(what, func(b *testing.B) {
					q.Collection, q.States, q.Limit = Imports, []State{Uncertain}, 100
					for b.Loop() {
						if found, _, err := l.List(b.Context(), q); err != nil || len(found) != min(100, rows/10_000) {
							b.Fatal(len(found), err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkAnImportBesideOthers is an import's three transactions while so many wait over 100 practices, and are asked for in
// rounds of the poller.
func BenchmarkAnImportBesideOthers(b *testing.B) {
	for _, waiting := range []int{10, 10_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			path := b.TempDir() + "/ledger.db"
			testkit.OK(b, Init(b.Context(), path))
			l, err := Open(b.Context(), path)
			testkit.OK(b, err)
			defer func() { _ = l.Close() }()
			wait(b, l, waiting)
			stop := make(chan struct{})
			var rounds sync.WaitGroup
			rounds.Go(func() { // one question of each practice is put, and answered
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Second):
					}
					due, _, err := l.Due(b.Context(), 2*time.Hour, func(string) int { return 1 })
					if err != nil {
						b.Error(err)
						return
					}
					for _, each := range due[:min(len(due), 30)] { // what comes due each second
						if err := l.Followed(b.Context(), each, Progress{State: Waiting, Pause: 5 * time.Minute}); err != nil {
							b.Error(err)
						}
					}
				}
			})
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				began := time.Now()
				s := submission(fmt.Sprint("new", n), fmt.Sprint("new", n))
				s.Practice = "practice-1"
				x := begin(b, l, s)
				submitting(b, l, x)
				settle(b, l, x, Outcome{State: Waiting, LoopRequestID: "loop", Pause: time.Hour})
				took = append(took, time.Since(began))
			}
			close(stop)
			rounds.Wait()
			sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// wait makes so many imports that wait over 100 practices.
func wait(b *testing.B, l *Ledger, n int) {
	b.Helper()
	if err := l.write(b.Context(), func(w *writing) error {
		for i := range n {
			s := submission(fmt.Sprint("r", i), fmt.Sprint(i))
			s.Practice = fmt.Sprint("practice-", i%100)
			row := Record{Key: s.Key, Created: instant(w.now), Received: instant(w.now)}
			row.fill(s)
			row.apply(status{state: Waiting, attempt: 1, owner: owner, loopID: fmt.Sprint("loop-", i), submitted: w.now}, w.now)
			row.NextPoll = instant(w.now)
			if err := w.insert(&row); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}
