package submission

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// lost is an import that was sent, and that a look has not found in Loop.
func lost(t *testing.T, l *ledger.Ledger, id string) {
	t.Helper()
	s := submission(id)
	b, err := l.Begin(t.Context(), s, "before")
	testkit.OK(t, err)
	testkit.OK(t, l.Submitting(t.Context(), b.Key, 1, "before", time.Minute))
	if _, err := l.Settle(t.Context(), b.Key, 1, "before", ledger.Outcome{State: ledger.Uncertain}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	if r, err := l.Checked(t.Context(), b.Key, ledger.Search{Control: ledger.ControlFound, Attempt: 1, Sightings: []ledger.Sighting{{Reference: id}}}); err != nil || r.Evidence.Verdict != ledger.NotFound {
		t.Fatalf("%+v, %v", r.Evidence, err)
	}
}

var old = ledger.WithResubmitAfter(time.Millisecond)

func TestTwoServersThatSendAgainSendOnce(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	var loop loop
	loop.says("loop-FA-1", "1")
	l := ledgers(old)
	lost(t, l, "FA-1")
	servers := []*Sender{open(t, l, &loop, nil), open(t, ledgers(old), &loop, nil)}
	var sent atomic.Int64
	var callers sync.WaitGroup
	for n := range 10 {
		i := servers[n%2]
		callers.Go(func() {
			got, err := i.Resubmit(t.Context(), submission("FA-1"), 1, "anna", func(ctx context.Context) (string, error) {
				sent.Add(1)
				time.Sleep(50 * time.Millisecond)
				return accepted(i, "FA-1")(ctx)
			})
			if err != nil || got.State != ledger.Waiting || got.LoopRequestID != "loop-FA-1" || got.Attempt != 2 || got.Resolution.Resubmissions != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	callers.Wait()
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}

// TestSendingAgainWhoseCommitIsNotConfirmedSendsOnce whether it was stored or not.
func TestSendingAgainWhoseCommitIsNotConfirmedSendsOnce(t *testing.T) {
	for name, treatment := range map[string]pgtest.Treatment{"stored": pgtest.CutAfter, "not stored": pgtest.CutBefore} {
		t.Run(name, func(t *testing.T) {
			_, dsn := sharedLedger(t)
			wire := pgtest.NewWire(t, pgtest.Shared(t))
			l := opened(t, wire.DSN(dsn), old)
			var loop loop
			loop.says("loop-FA-1", "1")
			lost(t, l, "FA-1")
			i := open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = time.Minute })
			wire.Does(pgtest.CommitOf("FA-1", treatment))
			sent := 0
			got, err := i.Resubmit(t.Context(), submission("FA-1"), 1, "anna", func(ctx context.Context) (string, error) {
				sent++
				return accepted(i, "FA-1")(ctx)
			})
			if err != nil || got.State != ledger.Waiting || got.Attempt != 2 || got.Resolution.Resubmissions != 1 || sent != 1 {
				t.Errorf("%+v, %v; sent %d times", got, err, sent)
			}
		})
	}
}
