package ledger

import (
	"reflect"
	"testing"
	"time"
)

func TestThrottlesAreToldInDurations(t *testing.T) { onEach(t, throttlesAreToldInDurations) }

func throttlesAreToldInDurations(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	note := func(told ...Throttle) {
		t.Helper()
		if err := l.NoteThrottles(t.Context(), told); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, all ...Throttle) {
		t.Helper()
		if got, err := l.Throttles(t.Context()); err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%s: %+v, %v; want %+v", when, got, err, all)
		}
	}
	demo := Throttle{Subscription: "0123456789abcdef", Practice: "demo", Server: "first", Number: 1, Wait: time.Minute}
	left := func(of Throttle, wait time.Duration) Throttle { of.Wait = wait; return of }
	note(demo)
	want("at once", demo)
	c.pass(20 * time.Second)
	want("later", left(demo, 40*time.Second))
	// A clock that has gone back makes no wait longer than it was, one that has leapt ends it.
	c.pass(-5 * time.Hour)
	want("back", demo)
	c.pass(10 * time.Hour)
	want("ahead", left(demo, 0))
	// The newest alone counts: what another said, and the end.
	other := Throttle{Subscription: demo.Subscription, Practice: "other", Server: "second", Number: 1, Wait: 5 * time.Second}
	note(other, Throttle{Subscription: demo.Subscription, Practice: "demo", Server: "second", Number: 2})
	want("its end", Throttle{Subscription: demo.Subscription, Practice: "demo", Server: "second", Number: 2}, other)
	// What is over for long, or lies ahead, is forgotten with the next that is told.
	c.pass(2 * keepThrottles)
	note(other)
	want("old", other)
	c.pass(-2 * keepThrottles)
	note(demo)
	want("ahead of a clock that has gone back", demo)
}
