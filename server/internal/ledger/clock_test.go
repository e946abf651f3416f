package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// wall is a clock of a database that can leap against the monotonic one of the process.
type wall struct {
	*clock
	passed time.Duration
}

func (w *wall) runs(d time.Duration) { w.pass(d); w.passed += d }

func guarded(t *testing.T, temporary opener) (*Ledger, *wall) {
	t.Helper()
	w := &wall{clock: newClock()}
	l := temporary(t, w.Now)
	l.guard.monotonic = func() time.Duration { return w.passed }
	return l, w
}

// TestAClockThatLeapsForgetsAndAgesNothing: an hour of a clock two years ahead, forward and back.
func TestAClockThatLeapsForgetsAndAgesNothing(t *testing.T) {
	onEach(t, aClockThatLeapsForgetsAndAgesNothing)
}

func aClockThatLeapsForgetsAndAgesNothing(t *testing.T, temporary opener) {
	for name, leap := range map[string]time.Duration{"ahead": 2 * 365 * 24 * time.Hour, "back": -2 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			l, c := guarded(t, temporary)
			reach(t, l, submission("done", "done"), Succeeded)
			waiting := reach(t, l, submission("waiting", "waiting"), Waiting)
			sent := reach(t, l, submission("sent", "sent"), Uncertain)
			c.runs(time.Hour)
			if _, err := l.Retain(t.Context()); err != nil || l.Clock() != nil {
				t.Fatalf("before: %v, %v", err, l.Clock())
			}
			c.pass(leap)
			c.runs(time.Minute)
			if gone, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) || gone != (Retained{}) || !errors.Is(l.Clock(), ErrClock) {
				t.Errorf("Retain: %+v, %v, %v", gone, err, l.Clock())
			}
			r := follow(t, l, waiting, Progress{State: Waiting, Pause: time.Minute})
			r = follow(t, l, r, Progress{FollowError: "x", Unasked: true, Pause: time.Minute})
			if r.State != Waiting || r.FollowAge != 0 {
				t.Errorf("followed: %s, %s old", r.State, r.FollowAge)
			}
			// What is remembered of the same content is remembered still, and a look proves nothing.
			if _, err := l.Begin(t.Context(), submission("other", "done"), owner); !errors.As(err, new(*DuplicateError)) {
				t.Errorf("the same content: %v", err)
			}
			look := checked(t, l, sent.Key, absent(1, "FA-sent"))
			if early, err := l.TooEarly(t.Context(), &sent); err != nil || !early || look.Evidence.Doubt != TooEarly {
				t.Errorf("a look: %+v, too early %t, %v", look.Evidence, early, err)
			}
			c.pass(-leap) // repaired, and nobody has said so
			c.runs(time.Hour)
			if _, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) {
				t.Errorf("once it is mended: %v", err)
			}
			if err := l.TrustClock(t.Context()); err != nil || l.Clock() != nil {
				t.Fatalf("%v, %v", err, l.Clock())
			}
			if _, err := l.Retain(t.Context()); err != nil {
				t.Errorf("trusted again: %v", err)
			}
			r = follow(t, l, get(t, l, waiting.Key), Progress{State: Waiting, Pause: time.Minute})
			c.runs(time.Minute)
			if r = follow(t, l, r, Progress{State: Waiting}); r.FollowAge < time.Minute || r.FollowAge > 3*time.Hour {
				t.Errorf("trusted again, it is followed for %s", r.FollowAge)
			}
		})
	}
}

// TestAClockMayDrift: what is corrected bit by bit, or by less than a day, is no leap.
func TestAClockMayDrift(t *testing.T) {
	l, c := guarded(t, temporary)
	begin(t, l, submission("r1", "one"))
	c.runs(300 * 24 * time.Hour)
	c.pass(23 * time.Hour)
	if _, err := l.Retain(t.Context()); err != nil {
		t.Error(err)
	}
}

// another is a process that begins by the same clocks.
func another(l *Ledger) { l.guard = clockGuard{monotonic: l.guard.monotonic} }

// TestAProcessThatBeginsWithAClockBehindTrustsItNot: the newest row lies ahead, which is all that it has to tell by. Nothing is
// forgotten, nothing grows older and no look proves anything, and what it writes is not old once the clock is right.
func TestAProcessThatBeginsWithAClockBehindTrustsItNot(t *testing.T) {
	onEach(t, aProcessThatBeginsWithAClockBehindTrustsItNot)
}

func aProcessThatBeginsWithAClockBehindTrustsItNot(t *testing.T, temporary opener) {
	const behind = 3 * 365 * 24 * time.Hour
	for name, ends := range map[string]func(*Ledger) error{
		"trusted, once it is right":        func(l *Ledger) error { return l.TrustClock(t.Context()) },
		"another begins, once it is right": func(l *Ledger) error { another(l); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			l, c := guarded(t, temporary)
			before := reach(t, l, submission("before", "before"), Waiting)
			c.runs(time.Minute)
			c.pass(-behind)
			another(l)
			live := begin(t, l, submission("live", "live"))
			if got, err := l.Expire(t.Context()); err != nil || got != (Recovered{}) {
				t.Errorf("the lease of one that lives: %+v, %v", got, err)
			}
			if _, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) || !errors.Is(l.Clock(), ErrClock) {
				t.Errorf("%v, %v", err, l.Clock())
			}
			waiting := reach(t, l, submission("waiting", "waiting"), Waiting)
			sent := reach(t, l, submission("sent", "sent"), Uncertain)
			for _, r := range []Record{before, waiting} {
				r = follow(t, l, r, Progress{State: Waiting, Pause: time.Minute})
				c.runs(time.Minute)
				if r = follow(t, l, r, Progress{State: Waiting, Pause: time.Minute}); r.FollowAge != 0 {
					t.Errorf("%s is followed for %s", r.RequestID, r.FollowAge)
				}
			}
			if look := checked(t, l, sent.Key, absent(1, "FA-sent")); look.Evidence.Doubt != TooEarly {
				t.Errorf("a look: %+v", look.Evidence)
			}
			c.runs(Lease)
			if got, err := l.Expire(t.Context()); err != nil || got != (Recovered{NotSent: 1}) {
				t.Errorf("a lease that is over: %+v, %v", got, err)
			}
			c.pass(behind)
			if _, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) {
				t.Errorf("right, and nobody has said so: %v", err)
			}
			testkit.OK(t, ends(l))
			if gone, err := l.Retain(t.Context()); err != nil || gone.Rows+gone.Contents != 0 || l.Clock() != nil {
				t.Errorf("%+v, %v, %v", gone, err, l.Clock())
			}
			if early, err := l.TooEarly(t.Context(), &sent); err != nil || !early {
				t.Errorf("a look would prove its absence: %v", err)
			}
			for _, each := range []Record{before, waiting, sent, live.Record} {
				if r := get(t, l, each.Key); r.Updated.After(c.Now()) || c.Now().Sub(r.Received) > time.Hour || c.Now().Sub(r.Updated) > time.Hour {
					t.Errorf("%s: received %s, changed %s", r.RequestID, r.Received, r.Updated)
				}
			}
			if r := follow(t, l, get(t, l, waiting.Key), Progress{FollowError: "x", Unasked: true}); r.State != Waiting {
				t.Errorf("it is %s, because Loop could not be asked once", r.State)
			}
		})
	}
}

// TestNothingIsForgottenWhileTheNewestRowLiesAhead: what was written by a clock that was ahead says so to each process that begins,
// until somebody says that the clock is right.
func TestNothingIsForgottenWhileTheNewestRowLiesAhead(t *testing.T) {
	onEach(t, nothingIsForgottenWhileTheNewestRowLiesAhead)
}

func nothingIsForgottenWhileTheNewestRowLiesAhead(t *testing.T, temporary opener) {
	l, c := guarded(t, temporary)
	ahead := reach(t, l, submission("r1", "one"), Waiting)
	c.pass(-3 * 24 * time.Hour)
	for range 2 {
		another(l)
		if _, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) || !errors.Is(l.Clock(), ErrClock) {
			t.Errorf("%v, %v", err, l.Clock())
		}
		c.runs(time.Hour)
	}
	reach(t, l, submission("r2", "two"), Waiting)
	if err := l.TrustClock(t.Context()); err != nil || l.Clock() != nil {
		t.Fatal(err, l.Clock())
	}
	another(l)
	if _, err := l.Retain(t.Context()); err != nil || l.Clock() != nil {
		t.Error(err, l.Clock())
	}
	for _, key := range []Key{ahead.Key, key("r2")} {
		if r := get(t, l, key); r.Updated.After(c.Now()) || r.Submitted.After(c.Now()) || r.NextPoll.After(c.Now()) || r.State != Waiting {
			t.Errorf("%+v", r)
		}
	}
}

// TestADayForgetsTwoPartsIn400: whatever has come to its age, also after an idle month, and whatever the clock of a server says
// that starts with it.
func TestADayForgetsTwoPartsIn400(t *testing.T) { onEach(t, aDayForgetsTwoPartsIn400) }

func aDayForgetsTwoPartsIn400(t *testing.T, temporary opener) {
	l, c := guarded(t, temporary)
	const all = 1000
	many(t, l, all)
	c.runs(KeepOutcome + time.Hour)
	left := all
	for day := range 3 {
		var gone int64
		for range 24 {
			got, err := l.Retain(t.Context())
			testkit.OK(t, err)
			gone += got.Rows
			c.runs(time.Hour)
		}
		if most := int64(2*left/400 + 1); gone == 0 || gone > most {
			t.Errorf("day %d: %d of %d, at most %d", day, gone, left, most)
		}
		left -= int(gone)
		c.runs(30 * 24 * time.Hour) // idle
	}
	counts, err := l.CountByState(t.Context())
	if err != nil || counts[Succeeded] != left {
		t.Errorf("%v, %v; want %d", counts, err, left)
	}
}

// many makes so many submissions that are booked.
func many(t testing.TB, l *Ledger, n int) {
	t.Helper()
	if err := l.write(t.Context(), func(w *writing) error {
		for i := range n {
			s := submission(fmt.Sprint("r", i), fmt.Sprint(i))
			row := Record{Key: s.Key, Created: instant(w.now), Received: instant(w.now)}
			row.fill(s)
			row.apply(status{state: Succeeded, attempt: 1, owner: owner, loopID: "loop", submitted: w.now}, w.now)
			if err := w.insert(&row); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestCountsFollowEveryChange: what is counted by the changes is what the rows are.
func TestCountsFollowEveryChange(t *testing.T) { onEach(t, countsFollowEveryChange) }

func countsFollowEveryChange(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	check := func(when string) {
		t.Helper()
		counts, err := l.CountByState(t.Context())
		testkit.OK(t, err)
		for _, state := range States() {
			if rows := lines(t, l, fmt.Sprintf("SELECT COUNT(*) AS n FROM write_request WHERE state = '%s'", state)); rows != fmt.Sprintf("n=%d \n", counts[state]) {
				t.Errorf("%s, %s: counted %d, and there are %s", when, state, counts[state], rows)
			}
		}
	}
	for i, state := range States() {
		reach(t, l, submission(fmt.Sprint(i), fmt.Sprint(i)), state)
	}
	check("in each state")
	if _, err := l.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := lines(t, l, "SELECT COUNT(*) AS n FROM state_count"); left != "n=9 \n" {
		t.Errorf("after they were drawn together there are %s", left)
	}
	check("drawn together")
	if _, err := l.db.ExecContext(t.Context(), `DELETE FROM write_request WHERE state = 'SUCCEEDED'`); err != nil {
		t.Fatal(err)
	}
	check("after one was removed")
	before, err := l.CountByState(t.Context())
	testkit.OK(t, err)
	if _, err := l.db.ExecContext(t.Context(), `UPDATE state_count SET n = n + 7 WHERE state = 'WAITING'`); err != nil {
		t.Fatal(err)
	}
	if counts, err := l.CountByState(t.Context()); err != nil || counts[Waiting] != before[Waiting]+7 {
		t.Errorf("the rows are gone through: %v, %v", counts, err)
	}
}
