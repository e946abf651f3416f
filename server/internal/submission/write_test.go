package submission

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatIsReadBeforeAWriteIsBounded: it leaves the time for the write, and says whose fault it is.
func TestWhatIsReadBeforeAWriteIsBounded(t *testing.T) {
	slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	mine := errors.New("mine")
	for _, c := range []struct {
		name   string
		allows time.Duration // of the caller
		read   func(context.Context) error
		after  time.Duration
		want   error
	}{
		{name: "quick", allows: 90 * time.Second, read: func(context.Context) error { return nil }},
		{name: "wrong", allows: 90 * time.Second, read: func(context.Context) error { return mine }, want: mine},
		{name: "slow", allows: 90 * time.Second, read: slow, after: 10 * time.Second, want: ErrPreparation},
		{name: "the caller's own time is over", allows: time.Second, read: slow, after: time.Second, want: context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.allows)
				defer cancel()
				begun := time.Now()
				err := prepared(ctx, c.read)
				if time.Since(begun) != c.after || !errors.Is(err, c.want) {
					t.Errorf("%v after %s", err, time.Since(begun))
				}
			})
		})
	}
}
