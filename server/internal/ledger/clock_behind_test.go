package ledger

import (
	"errors"
	"testing"
	"time"
)

// TestWhatHappensWhileTheClockIsBehindIsNoOlder: what is sent in an hour of a clock three years back is neither forgotten nor
// taken for long gone, once the clock is right and trusted again.
func TestWhatHappensWhileTheClockIsBehindIsNoOlder(t *testing.T) {
	onEach(t, whatHappensWhileTheClockIsBehindIsNoOlder)
}

func whatHappensWhileTheClockIsBehindIsNoOlder(t *testing.T, temporary opener) {
	const leap = 3 * 365 * 24 * time.Hour
	l, c := guarded(t, temporary)
	before := reach(t, l, submission("before", "before"), Waiting)
	c.pass(-leap)
	c.runs(time.Minute)
	booked := reach(t, l, submission("booked", "booked"), Succeeded)
	waiting := reach(t, l, submission("waiting", "waiting"), Waiting)
	lost := reach(t, l, submission("lost", "lost"), Uncertain)
	before = follow(t, l, before, Progress{State: Succeeded})
	c.pass(leap)
	c.runs(time.Minute)
	if err := l.TrustClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if gone, err := l.Retain(t.Context()); err != nil || gone.Rows+gone.Contents != 0 {
			t.Errorf("forgotten: %+v, %v", gone, err)
		}
	}
	for _, each := range []Record{before, booked, waiting, lost} {
		r, err := l.Get(t.Context(), each.Key)
		if err != nil || c.Now().Sub(r.Updated) > 24*time.Hour || c.Now().Sub(r.Submitted) > 24*time.Hour {
			t.Errorf("%s: %v, sent %s, changed %s", each.RequestID, err, r.Submitted, r.Updated)
		}
	}
	if r := follow(t, l, waiting, Progress{FollowError: "x", Unasked: true, Pause: time.Minute}); r.State != Waiting {
		t.Errorf("it is %s, because Loop could not be asked once", r.State)
	}
	if early, err := l.TooEarly(t.Context(), &lost); err != nil || !early {
		t.Errorf("a look would prove its absence: %v", err)
	}
	if _, err := l.Begin(t.Context(), submission("other", "booked"), owner); !errors.As(err, new(*DuplicateError)) {
		t.Errorf("the same content: %v", err)
	}
}
