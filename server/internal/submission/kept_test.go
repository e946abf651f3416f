package submission

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestASubmissionCountsForItsCallerUntilItsOutcomeIsCommitted: from before it is noted, on every way that it can take, and
// is given back once.
func TestASubmissionCountsForItsCallerUntilItsOutcomeIsCommitted(t *testing.T) {
	throttled := &cegidclient.Error{Kind: cegidclient.KindThrottled, HTTPStatus: http.StatusTooManyRequests, Sent: cegidclient.MaybeSent}
	for _, c := range []struct {
		name string
		// send is how the call ends.
		send  func(i *Sender) error
		leave bool // the caller does not wait
		stop  bool
		want  ledger.State
	}{
		{name: "accepted", want: ledger.Waiting},
		{name: "accepted after its caller left", leave: true, want: ledger.Waiting},
		{name: "it panics", send: func(*Sender) error { panic("odd") }, want: ledger.NotSent},
		{name: "turned away until there is no time", send: func(*Sender) error { return throttled }, want: ledger.NotSent},
		{name: "refused", send: func(*Sender) error {
			return &cegidclient.Error{Kind: cegidclient.KindRefused, HTTPStatus: 200, Sent: cegidclient.MaybeSent}
		}, want: ledger.Refused},
		{name: "it ends while the server stops", leave: true, stop: true, want: ledger.Waiting},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				loop.says("loop-FA-1", "1")
				var holders atomic.Int64
				i := open(t, temporary(t), &loop, func(cfg *Config) {
					cfg.RepeatAfter429 = true
					cfg.Keep = func(context.Context) func() {
						holders.Add(1)
						return func() { holders.Add(-1) }
					}
				})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				answer := make(chan struct{})
				go func() {
					_, _ = i.Submit(ctx, submission("FA-1"), func(ctx context.Context) (string, error) {
						id, err := accepted(i, "FA-1")(ctx)
						if <-answer; c.send != nil {
							id, err = "", c.send(i)
						}
						return id, err
					})
				}()
				synctest.Wait()
				if c.leave {
					leave()
				}
				if c.stop {
					i.Stop()
				}
				synctest.Wait()
				if state := get(t, i.cfg.Ledger, "FA-1").State; state != ledger.Submitting || holders.Load() != 1 {
					t.Errorf("while Loop works it is %s, and %d count", state, holders.Load())
				}
				close(answer)
				time.Sleep(time.Minute)
				if state := get(t, i.cfg.Ledger, "FA-1").State; state != c.want || holders.Load() != 0 {
					t.Errorf("in the end it is %s, and %d count", state, holders.Load())
				}
			})
		})
	}
}

// TestWhatTheLedgerCannotNoteCountsUntilItIsNoted: Loop's answer is in memory alone, and so is what was sent.
func TestWhatTheLedgerCannotNoteCountsUntilItIsNoted(t *testing.T) {
	l := faultyLedger(t)
	var loop loop
	loop.says("loop-FA-1", "1")
	var holders atomic.Int64
	i := open(t, l, &loop, func(cfg *Config) {
		cfg.Keep = func(context.Context) func() { holders.Add(1); return func() { holders.Add(-1) } }
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := i.Submit(ctx, submission("FA-1"), func(ctx context.Context) (string, error) {
		id, err := accepted(i, "FA-1")(ctx)
		faulty.Store(true)
		return id, err
	})
	if !errors.Is(err, context.DeadlineExceeded) || holders.Load() != 1 {
		t.Errorf("while it cannot be noted: %v, and %d count", err, holders.Load())
	}
	faulty.Store(false)
	for began := time.Now(); holders.Load() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it counts for ever")
		}
	}
	if state := get(t, l, "FA-1").State; state != ledger.Waiting {
		t.Errorf("it is %s", state)
	}
}

// TestWhatIsNotBegunCountsNoMore: the ledger knows the id, or the server stops.
func TestWhatIsNotBegunCountsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		var holders atomic.Int64
		i := open(t, temporary(t), &loop, func(cfg *Config) {
			cfg.Keep = func(context.Context) func() { holders.Add(1); return func() { holders.Add(-1) } }
		})
		for range 2 {
			if _, err := i.Submit(t.Context(), submission("FA-1"), accepted(i, "FA-1")); err != nil {
				t.Fatal(err)
			}
		}
		other := submission("FA-1")
		other.Fingerprints = []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte("other")).Sum()}
		if _, err := i.Submit(t.Context(), other, accepted(i, "FA-1")); !errors.Is(err, ledger.ErrReused) {
			t.Error(err)
		}
		i.Stop()
		if _, err := i.Submit(t.Context(), submission("FA-2"), accepted(i, "FA-2")); !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
		synctest.Wait()
		if holders.Load() != 0 {
			t.Errorf("%d count", holders.Load())
		}
	})
}
