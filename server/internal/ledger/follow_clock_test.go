package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func hundred(string) int { return 100 }

// dueNow are the ids of what is due, sorted.
func dueNow(t *testing.T, l *Ledger) (ids []string) {
	t.Helper()
	rows, _, err := l.Due(t.Context(), time.Hour, hundred)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		ids = append(ids, row.RequestID)
	}
	slices.Sort(ids)
	return ids
}

// TestAClockThatGoesBackStopsNoFollowing: by less than the longest pause, by hours and by a day, seen by the process that runs and
// by one that starts afterwards. What is put off by no more than its pause stays so.
func TestAClockThatGoesBackStopsNoFollowing(t *testing.T) {
	onEach(t, aClockThatGoesBackStopsNoFollowing)
}

func aClockThatGoesBackStopsNoFollowing(t *testing.T, temporary opener) {
	for _, step := range []time.Duration{time.Minute, 50 * time.Minute, 3 * time.Hour, 23 * time.Hour} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %t", step, restart), func(t *testing.T) {
				l, c := guarded(t, temporary)
				asked := reach(t, l, submission("asked", "one"), Waiting)
				never := reach(t, l, submission("never", "two"), Waiting)
				if got := dueNow(t, l); len(got) != 2 { // and the clock is known
					t.Fatalf("%q", got)
				}
				c.runs(24 * time.Hour)
				sent := reach(t, l, submission("sent", "three"), Waiting)
				follow(t, l, asked, Progress{State: Waiting, Pause: 5 * time.Minute})
				follow(t, l, never, Progress{State: Waiting, Pause: 5 * time.Minute})
				if mine, err := l.Claim(t.Context(), about(sent), 20*time.Second); err != nil || !mine {
					t.Fatalf("%t, %v", mine, err)
				}
				doubt := reach(t, l, submission("doubt", "four"), Uncertain)
				statement := fmt.Sprintf(`UPDATE write_request SET next_poll = %d, asked = %d, loop_request_id = 'loop-4' WHERE request_id = 'doubt'`, micros(c.Now().Add(AskUncertain)), micros(c.Now()))
				if _, err := l.db.ExecContext(t.Context(), statement); err != nil || doubt.State != Uncertain {
					t.Fatal(err)
				}
				c.runs(time.Second)
				c.pass(-step)
				if restart {
					l.guard = clockGuard{monotonic: l.guard.monotonic}
				}
				want := []string{"asked", "doubt", "never", "sent"}
				if got := dueNow(t, l); !slices.Equal(got, want) {
					t.Fatalf("due are %q", got)
				}
				// An answer goes by the clock as it is, and its pause holds.
				for _, id := range []string{"asked", "never"} {
					follow(t, l, get(t, l, key(id)), Progress{State: Waiting, Pause: 5 * time.Minute})
				}
				if got := dueNow(t, l); slices.Contains(got, "asked") || slices.Contains(got, "never") {
					t.Errorf("due although they were asked about: %q", got)
				}
				c.runs(5 * time.Minute)
				if got := dueNow(t, l); !slices.Equal(got, want) {
					t.Errorf("after the pause, due are %q", got)
				}
				// Ahead again: everything is due, and nothing is lost.
				c.pass(step)
				if got := dueNow(t, l); !slices.Equal(got, want) {
					t.Errorf("ahead again, due are %q", got)
				}
			})
		}
	}
}

// TestAnImportIsNoYoungerByAClock: its pauses go by how long it was followed, where the clock says that it was not sent yet.
func TestAnImportIsNoYoungerByAClock(t *testing.T) {
	onEach(t, func(t *testing.T, temporary opener) {
		l, c := guarded(t, temporary)
		r := reach(t, l, submission("r1", "one"), Waiting)
		c.runs(30 * time.Minute)
		follow(t, l, r, Progress{State: Waiting, Pause: time.Second})
		c.pass(-10 * time.Hour)
		rows, _, err := l.Due(t.Context(), time.Hour, hundred)
		if err != nil || len(rows) != 1 || rows[0].Age < 29*time.Minute || rows[0].Age > 31*time.Minute {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

// TestADeadServersLeaseEndsThoughTheClockGoesBack: it lasts as long as it was given for, by the clock of those who look; and the
// lease of one that lives is not cut short.
func TestADeadServersLeaseEndsThoughTheClockGoesBack(t *testing.T) {
	onEach(t, func(t *testing.T, temporary opener) {
		l, c := guarded(t, temporary)
		begin(t, l, submission("begun", "one"))
		submitting(t, l, begin(t, l, submission("sent", "two")))
		c.runs(time.Minute)
		c.pass(-5 * time.Hour)
		expire := func(want Recovered) {
			t.Helper()
			if got, err := l.Expire(t.Context()); err != nil || got != want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		expire(Recovered{})
		c.runs(Lease - time.Second)
		expire(Recovered{})
		late := begin(t, l, submission("late", "three")) // by the clock of now
		c.runs(time.Second)
		expire(Recovered{NotSent: 1, Uncertain: 1})
		if r := get(t, l, late.Key); r.State != Received {
			t.Errorf("a lease of now: %s", r.State)
		}
		if r := get(t, l, key("sent")); r.State != Uncertain || !r.Abandoned {
			t.Errorf("%+v", r)
		}
		expire(Recovered{})
		c.runs(Lease)
		expire(Recovered{NotSent: 1})
	})
}
