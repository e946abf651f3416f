package ledger

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestALeaseOfAClockThatWasAheadEnds: what a dead owner of a shared ledger has left is settled once the clock is trusted, and not
// two years later.
func TestALeaseOfAClockThatWasAheadEnds(t *testing.T) {
	onEach(t, func(t *testing.T, temporary opener) {
		const leap = 2 * 365 * 24 * time.Hour
		l, c := guarded(t, temporary)
		c.pass(leap)
		left := reach(t, l, submission("left", "left"), Submitting)
		c.pass(-leap)
		l.guard.forgive() // another process
		if err := l.TrustClock(t.Context()); err != nil {
			t.Fatal(err)
		}
		if done, err := l.Expire(t.Context()); err != nil || done != (Recovered{}) {
			t.Errorf("within its lease: %+v, %v", done, err)
		}
		c.runs(l.Lease())
		if done, err := l.Expire(t.Context()); err != nil || done.Uncertain != 1 {
			t.Errorf("after its lease: %+v, %v", done, err)
		}
		if got := get(t, l, left.Key); got.State != Uncertain {
			t.Errorf("it is %s", got.State)
		}
	})
}

// TestALookOfAClockThatWasAheadProvesNothing once the clock is right: it would be fresh for years.
func TestALookOfAClockThatWasAheadProvesNothing(t *testing.T) {
	const leap = 2 * 365 * 24 * time.Hour
	l, c := guarded(t, temporary)
	s := submission("sent", "sent")
	sent := reach(t, l, s, Uncertain)
	c.pass(leap)
	l.guard.forgive() // another process, which has begun meanwhile
	checked(t, l, sent.Key, absent(1, "FA-sent"))
	c.pass(-leap)
	l.guard.forgive()
	if _, err := l.Resubmit(t.Context(), s, 1, "somebody", owner); !errors.Is(err, ErrEvidence) {
		t.Errorf("it is sent again: %v", err)
	}
}

// TestAClockIsTrustedWhenThatIsStored: who is told that it failed may repeat it.
func TestAClockIsTrustedWhenThatIsStored(t *testing.T) {
	l, c := guarded(t, temporary)
	reach(t, l, submission("one", "one"), Waiting)
	c.pass(48 * time.Hour)
	if _, err := l.Retain(t.Context()); !errors.Is(err, ErrClock) {
		t.Fatal(err)
	}
	path := l.path
	l.path = path + ".gone" // as when its file was removed
	if err := l.TrustClock(t.Context()); err == nil {
		t.Fatal("it is stored where there is no ledger")
	}
	l.path = path
	if !errors.Is(l.Clock(), ErrClock) {
		t.Error("the clock is trusted all the same")
	}
}

// TestWhatWasSentByAClockBehindIsRestored: a record that tells of years ago, after one of now, was sent after it. It is not forgotten
// because of its age, and its id is not free.
func TestWhatWasSentByAClockBehindIsRestored(t *testing.T) {
	l, c := guarded(t, temporary)
	var sent []Sent
	for commit, age := range []time.Duration{KeepOutcome + time.Hour, 0, 3 * KeepOutcome} {
		id := []string{"old", "now", "behind"}[commit]
		s := sentOf(Record{Key: Key{"demo", "D1", Imports, id}, Caller: "billing", Kind: KindEntries, Attempt: 1, Owner: "owner/" + id})
		s.Time, s.Commit = c.Now().Add(-age), int64(commit+1)
		sent = append(sent, s)
	}
	slices.Reverse(sent) // as the files of several servers may come
	done, err := l.Restore(t.Context(), sent, 10)
	if err != nil || len(done.Forgotten) != 2 || done.Forgotten[0].RequestID != "behind" || done.Forgotten[1].RequestID != "now" || done.Known != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestWhatAClockBehindRestoresIsNotTooOld once the clock is right: it is as young as the audit says, and its id is not free.
func TestWhatAClockBehindRestoresIsNotTooOld(t *testing.T) {
	onEach(t, func(t *testing.T, temporary opener) {
		const behind = 2 * KeepOutcome
		l, c := guarded(t, temporary)
		s := sentOf(Record{Key: Key{"demo", "D1", Imports, "sent"}, Caller: "billing", Kind: KindEntries, Attempt: 1, Owner: "owner/sent"})
		s.Time, s.Commit = c.Now(), 1
		c.pass(-behind) // before anybody has compared it, and the copy has no row that would tell
		if done, err := l.Restore(t.Context(), []Sent{s}, 1); err != nil || len(done.Forgotten) != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		c.pass(behind)
		l.guard.forgive() // another process
		if gone, err := l.Retain(t.Context()); err != nil || gone.Rows > 0 {
			t.Errorf("%+v, %v", gone, err)
		}
		if got := get(t, l, s.Key); got.State != Uncertain {
			t.Errorf("it is %s", got.State)
		}
	})
}

// TestAnAuditThatReachesFarBackRestoresNothingTooOld: what a ledger forgets because of its age it has not lost. A clock that is
// years ahead makes nothing too old: age goes by the youngest record, too.
func TestAnAuditThatReachesFarBackRestoresNothingTooOld(t *testing.T) {
	l, c := guarded(t, temporary)
	of := func(id string, age time.Duration) Sent {
		s := sentOf(Record{Key: Key{"demo", "D1", Imports, id}, Caller: "billing", Kind: KindEntries, Attempt: 1, Owner: "owner/" + id})
		s.Time = c.Now().Add(-age)
		return s
	}
	sent := []Sent{of("old", KeepOutcome+time.Hour), of("young", KeepOutcome-time.Hour), of("new", 0)}
	c.pass(2 * 365 * 24 * time.Hour) // of this clock alone, before anybody has compared it
	done, err := l.Restore(t.Context(), sent, 10)
	if err != nil || len(done.Forgotten) != 2 || done.Forgotten[0].RequestID != "new" || done.Forgotten[1].RequestID != "young" || done.Known != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}
