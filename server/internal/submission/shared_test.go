package submission

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// Several servers on one ledger, in real time, which is that of the database.

// sharedLedger makes a ledger for several servers, and returns what opens it.
func sharedLedger(t *testing.T) (open func(...ledger.Option) *ledger.Ledger, dsn string) {
	t.Helper()
	dsn = pgtest.Shared(t).Database(t)
	testkit.OK(t, ledger.InitPostgres(t.Context(), func() string { return dsn }))
	return func(options ...ledger.Option) *ledger.Ledger { return opened(t, dsn, options...) }, dsn
}

func opened(t *testing.T, dsn string, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.OpenPostgres(t.Context(), func() string { return dsn }, options...)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestTwoServersOfOneIDSendItOnce(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	var loop loop
	servers := []*Sender{open(t, ledgers(), &loop, nil), open(t, ledgers(), &loop, nil)}
	for round := range 3 {
		id := fmt.Sprint("FA-", round)
		loop.says("loop-"+id, "1")
		var sent atomic.Int64
		var callers sync.WaitGroup
		for n := range 10 {
			i := servers[n%2]
			callers.Go(func() {
				got, err := i.Submit(t.Context(), submission(id), func(ctx context.Context) (string, error) {
					sent.Add(1)
					time.Sleep(50 * time.Millisecond)
					return accepted(i, id)(ctx)
				})
				if err != nil || got.State != ledger.Waiting || got.LoopRequestID != "loop-"+id || got.Attempt != 1 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
		callers.Wait()
		if sent.Load() != 1 {
			t.Errorf("%s was sent %d times", id, sent.Load())
		}
	}
}

// TestWhatADeadServerLeftIsSettledByAnother once its lease is over, and not before: it might live.
func TestWhatADeadServerLeftIsSettledByAnother(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	const lease = 3 * time.Second
	dead := ledgers(ledger.WithLease(lease))
	begun := time.Now()
	for _, id := range []string{"received", "submitting"} {
		b, err := dead.Begin(t.Context(), submission(id), "dead")
		testkit.OK(t, err)
		if id == "submitting" {
			testkit.OK(t, dead.Submitting(t.Context(), b.Key, b.Attempt, "dead", time.Second))
		}
	}
	var loop loop
	loop.says("loop-received", "1")
	i := open(t, ledgers(ledger.WithLease(lease)), &loop, func(cfg *Config) { cfg.CallLimit = time.Second })
	for id, want := range map[string]ledger.State{"received": ledger.Received, "submitting": ledger.Submitting} {
		if got := get(t, i.cfg.Ledger, id).State; got != want {
			t.Errorf("%s became %s at the start of another server", id, got)
		}
	}
	// Callers come to the server that is left, and wait.
	got, err := i.Submit(t.Context(), submission("submitting"), nil)
	if err != nil || got.State != ledger.Uncertain || time.Since(begun) < lease {
		t.Errorf("%+v, %v after %s", got, err, time.Since(begun))
	}
	if got, err = i.Submit(t.Context(), submission("received"), accepted(i, "received")); err == nil && got.State == ledger.NotSent {
		got, err = i.Submit(t.Context(), submission("received"), accepted(i, "received"))
	}
	if err != nil || got.State != ledger.Waiting || got.Attempt != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAnEventOfAnotherServerWakesTheFollower: of two servers that look at nothing by themselves, one asks for what a third has had
// accepted, and for what it has left uncertain.
func TestAnEventOfAnotherServerWakesTheFollower(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	third := ledgers()
	var loops [2]loop
	for n := range loops {
		loops[n].says("loop-FA-1", "3")
		loops[n].says("loop-FA-2", "3")
		open(t, ledgers(), &loops[n], func(cfg *Config) { cfg.FirstPoll, cfg.IdlePoll = 20*time.Millisecond, 24*time.Hour })
	}
	asked := func(id string) (times int) {
		for n := range loops {
			times += len(loops[n].times("loop-" + id))
		}
		return times
	}
	for _, id := range []string{"FA-1", "FA-2"} { // the second when both are at rest again
		accept(t, third, id)
		for state := ledger.Waiting; state != ledger.Succeeded; state = get(t, third, id).State { // or never
			time.Sleep(10 * time.Millisecond)
		}
		if n := asked(id); n != 1 {
			t.Errorf("Loop was asked %d times about %s", n, id)
		}
	}
}

// TestServersShareOutWhatTheyAskFor: each import is asked for by one of them.
func TestServersShareOutWhatTheyAskFor(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	l := ledgers()
	var loops [2]loop
	const many = 60
	for i := range loops {
		for n := range many {
			loops[i].says(fmt.Sprint("loop-FA-", n), "3")
		}
		loops[i].slow = 20 * time.Millisecond // so that one does not do it all
		open(t, ledgers(), &loops[i], func(cfg *Config) { cfg.FirstPoll = 20 * time.Millisecond })
	}
	for n := range many {
		accept(t, l, fmt.Sprint("FA-", n))
	}
	waitFor(t, func() bool {
		counts, err := l.CountByState(t.Context())
		return err == nil && counts[ledger.Succeeded] == many
	})
	var share [2]int
	for n := range many {
		for i := range loops {
			share[i] += len(loops[i].times(fmt.Sprint("loop-FA-", n)))
		}
	}
	if share[0]+share[1] != many || share[0] == 0 || share[1] == 0 {
		t.Errorf("Loop was asked %d and %d times for %d imports", share[0], share[1], many)
	}
}

// TestAnotherServerAsksWhenTheFirstHasDied while it asked.
func TestAnotherServerAsksWhenTheFirstHasDied(t *testing.T) {
	ledgers, _ := sharedLedger(t)
	l := ledgers()
	accept(t, l, "FA-1")
	due, _, err := l.Due(t.Context(), time.Hour, func(string) int { return 1 })
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	claimed := time.Now()
	if mine, err := l.Claim(t.Context(), due[0], time.Second); err != nil || !mine {
		t.Fatal(mine, err)
	}
	var loop loop
	loop.says("loop-FA-1", "3")
	open(t, ledgers(), &loop, func(cfg *Config) { cfg.FirstPoll = 20 * time.Millisecond })
	waitFor(t, func() bool { return get(t, l, "FA-1").State == ledger.Succeeded })
	if asked := loop.times("loop-FA-1"); len(asked) != 1 || asked[0].Sub(claimed) < 900*time.Millisecond {
		t.Errorf("asked %v, claimed %v", asked, claimed)
	}
}

// accept makes an import that Loop has accepted, and that is due.
func accept(t *testing.T, l *ledger.Ledger, id string) ledger.Record {
	t.Helper()
	b, err := l.Begin(t.Context(), submission(id), "before")
	testkit.OK(t, err)
	testkit.OK(t, l.Submitting(t.Context(), b.Key, 1, "before", time.Minute))
	r, err := l.Settle(t.Context(), b.Key, 1, "before", ledger.Outcome{State: ledger.Waiting, LoopRequestID: "loop-" + id})
	testkit.OK(t, err)
	return r
}

// TestACommitThatIsNotConfirmedIsFoundOut at each commit of a submission: whether it was stored or not, the submission is
// sent once at most, and its caller learns what became of it.
func TestACommitThatIsNotConfirmedIsFoundOut(t *testing.T) {
	for name, treatment := range map[string]pgtest.Treatment{"and was stored": pgtest.CutAfter, "and was not stored": pgtest.CutBefore} {
		for commit, want := range map[string]ledger.State{"RECEIVED": ledger.Waiting, "SUBMITTING": ledger.NotSent, "WAITING": ledger.Waiting} {
			t.Run(commit+" "+name, func(t *testing.T) {
				_, dsn := sharedLedger(t)
				wire := pgtest.NewWire(t, pgtest.Shared(t))
				l := opened(t, wire.DSN(dsn))
				var loop loop
				loop.says("loop-FA-1", "1")
				i := open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = time.Minute })
				cut := func() { wire.Does(pgtest.CommitOf("FA-1", treatment)) }
				if commit == "RECEIVED" {
					cut()
				}
				sent := 0
				got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
					if commit == "SUBMITTING" {
						cut()
					}
					id, err := accepted(i, "FA-1")(ctx)
					if err != nil {
						return "", err
					}
					sent++
					if commit == "WAITING" {
						cut()
					}
					return id, nil
				})
				if err != nil || got.State != want || got.Attempt != 1 {
					t.Errorf("%+v, %v; want %s", got, err, want)
				}
				if (sent == 1) != (want == ledger.Waiting) {
					t.Errorf("sent %d times", sent)
				}
				if again := get(t, l, "FA-1"); again.State != want {
					t.Errorf("the ledger has %+v", again)
				}
			})
		}
	}
}

// TestWhatIsReadIsReleasedOnce also when the beginning was not confirmed.
func TestWhatIsReadIsReleasedOnce(t *testing.T) {
	for name, treatment := range map[string]pgtest.Treatment{"stored": pgtest.CutAfter, "not stored": pgtest.CutBefore} {
		t.Run(name, func(t *testing.T) {
			_, dsn := sharedLedger(t)
			wire := pgtest.NewWire(t, pgtest.Shared(t))
			var loop loop
			i := open(t, opened(t, wire.DSN(dsn)), &loop, nil)
			wire.Does(pgtest.CommitOf("DOC-1", treatment))
			var released atomic.Int64
			got, err := i.Do(t.Context(), submission("DOC-1"), func(ctx context.Context) (map[string]string, error) {
				if released.Load() > 0 {
					t.Error("released before it was sent")
				}
				_, err := accepted(i, "DOC-1")(ctx)
				return map[string]string{"objectId": "1"}, err
			}, func() { released.Add(1) })
			if err != nil || got.State != ledger.Succeeded || released.Load() != 1 {
				t.Errorf("%+v, %v, released %d times", got, err, released.Load())
			}
		})
	}
}
