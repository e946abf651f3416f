package submission

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestWhatBecomesOfASubmission: each answer of Loop's, as the ledger keeps it.
func TestWhatBecomesOfASubmission(t *testing.T) {
	submitting := func(i *Sender, id string) { _, _ = accepted(i, id)(context.Background()) }
	for _, c := range []struct {
		name  string
		id    string
		err   error
		early bool // it failed before the hook
		want  ledger.State
		cause ledger.Cause
		// comeBack: it says when.
		comeBack bool
	}{
		{name: "accepted", id: "loop-1", want: ledger.Waiting},
		{name: "accepted without an id", want: ledger.Uncertain, cause: ledger.CauseWithoutID},
		{name: "refused in a 200", err: &cegidclient.Error{Kind: cegidclient.KindRefused, HTTPStatus: 200, Sent: cegidclient.MaybeSent}, want: ledger.Refused, cause: "refused"},
		{name: "an unknown outcome", err: &cegidclient.Error{Kind: cegidclient.KindOutcomeUnknown, Sent: cegidclient.MaybeSent}, want: ledger.Uncertain, cause: "outcome_unknown"},
		{name: "turned away for its rate", err: &cegidclient.Error{Kind: cegidclient.KindThrottled, HTTPStatus: 429, Sent: cegidclient.MaybeSent}, want: ledger.NotSent, cause: "throttled"},
		{name: "no connection", err: &cegidclient.Error{Kind: cegidclient.KindUnavailable, Sent: cegidclient.NotSent}, early: true, want: ledger.NotSent, cause: "unavailable"},
		{name: "its turn did not come", err: &cegidclient.Error{Kind: cegidclient.KindInterrupted, Sent: cegidclient.NotSent}, early: true, want: ledger.NotSent, cause: ledger.CauseNoTurn, comeBack: true},
		{name: "it would not have had its turn in time", err: &cegidclient.Error{Kind: cegidclient.KindBusy, Local: true, RetryAfter: 7 * time.Second}, early: true, want: ledger.NotSent, cause: "busy", comeBack: true},
		{name: "its lease does not cover the call any more", err: ledger.ErrLease, early: true, want: ledger.NotSent, cause: ledger.CauseNoTurn, comeBack: true},
		{name: "the hook said no", err: ledger.ErrCommit, early: true, want: ledger.NotSent, cause: ledger.CauseNotNoted, comeBack: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				loop.says("loop-1", "1")
				i := open(t, temporary(t), &loop, nil)
				got, err := i.Submit(t.Context(), submission("FA-1"), func(context.Context) (string, error) {
					if !c.early {
						submitting(i, "FA-1")
					}
					return c.id, c.err
				})
				if err != nil || got.State != c.want || got.LoopRequestID != c.id {
					t.Fatalf("%s, id %q, %v; want %s", got.State, got.LoopRequestID, err, c.want)
				}
				if (got.Error != nil) != (c.cause != "") || got.Error != nil && got.Error.Cause != c.cause {
					t.Errorf("the failure is %+v; want %s", got.Error, c.cause)
				}
				if got.Error != nil && (got.Error.RetryAfter > 0) != c.comeBack {
					t.Errorf("to come back after %s", got.Error.RetryAfter)
				}
				if again := get(t, i.cfg.Ledger, "FA-1"); again.State != c.want {
					t.Errorf("the ledger has %s", again.State)
				}
			})
		})
	}
}

// TestACallerThatLeavesLeavesItsSubmission: it goes on, and its outcome is there for a caller who asks again.
func TestACallerThatLeavesLeavesItsSubmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		i := open(t, temporary(t), &loop, nil)
		ctx, leave := context.WithCancel(t.Context())
		type tag struct{}
		ctx = context.WithValue(ctx, tag{}, "kept")
		release := make(chan struct{})
		var cut error
		var kept any
		returned := make(chan error, 1)
		go func() {
			_, err := i.Submit(ctx, submission("FA-1"), func(ctx context.Context) (string, error) {
				<-release
				cut, kept = ctx.Err(), ctx.Value(tag{})
				return accepted(i, "FA-1")(ctx)
			})
			returned <- err
		}()
		synctest.Wait()
		leave()
		if err := <-returned; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left got %v", err)
		}
		if state := get(t, i.cfg.Ledger, "FA-1").State; state != ledger.Received {
			t.Errorf("the submission is %s before it was sent", state)
		}
		// A caller who comes back waits for the one that is under way, as long as it likes.
		brief, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := i.Await(brief, get(t, i.cfg.Ledger, "FA-1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting ended with %v", err)
		}
		close(release)
		got, err := i.Submit(t.Context(), submission("FA-1"), func(context.Context) (string, error) {
			t.Error("it was sent twice")
			return "", nil
		})
		if err != nil || got.State != ledger.Waiting || got.LoopRequestID != "loop-FA-1" {
			t.Errorf("%+v, %v", got, err)
		}
		if cut != nil || kept != "kept" {
			t.Errorf("the call was cut by its caller's leaving (%v), or lost its values (%v)", cut, kept)
		}
	})
}

func TestTwoCallersOfOneIDSendItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		i := open(t, temporary(t), &loop, nil)
		var sent atomic.Int64
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
					sent.Add(1)
					time.Sleep(time.Second)
					return accepted(i, "FA-1")(ctx)
				})
				if err != nil || got.State != ledger.Waiting || got.LoopRequestID != "loop-FA-1" || got.Attempt != 1 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
		callers.Wait()
		if sent.Load() != 1 {
			t.Errorf("it was sent %d times", sent.Load())
		}
		other := submission("FA-1")
		other.Fingerprints = []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte("other content")).Sum()}
		if _, err := i.Submit(t.Context(), other, nil); !errors.Is(err, ledger.ErrReused) {
			t.Errorf("other content under the id: %v", err)
		}
	})
}

// TestWhoHasLostItsLeaseHearsOfTheNextAttempt: a caller is told how it ended, not that it was received.
func TestWhoHasLostItsLeaseHearsOfTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		l := temporary(t)
		i := open(t, l, &loop, nil)
		got, err := i.Submit(t.Context(), submission("FA-1"), func(context.Context) (string, error) {
			time.Sleep(l.Lease() + 2*time.Minute)
			next, err := l.Begin(t.Context(), submission("FA-1"), "another")
			if err != nil || next.Attempt != 2 {
				t.Errorf("%+v, %v", next, err)
			}
			time.AfterFunc(10*time.Second, func() {
				if err := l.Submitting(t.Context(), next.Key, next.Attempt, "another", time.Minute); err != nil {
					t.Error(err)
				}
				if _, err := l.Settle(t.Context(), next.Key, next.Attempt, "another", ledger.Outcome{State: ledger.Waiting, LoopRequestID: "loop-FA-1", Pause: time.Minute}); err != nil {
					t.Error(err)
				}
			})
			return "", &cegidclient.Error{Kind: cegidclient.KindInterrupted, Sent: cegidclient.NotSent}
		})
		if err != nil || got.State != ledger.Waiting || got.Attempt != 2 {
			t.Errorf("%s of attempt %d, %v", got.State, got.Attempt, err)
		}
	})
}

func TestASubmissionIsBoundedWhateverItsCallerAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		i := open(t, temporary(t), &loop, nil)
		begun := time.Now()
		got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", &cegidclient.Error{Kind: cegidclient.KindInterrupted, Sent: cegidclient.NotSent}
		})
		if err != nil || got.State != ledger.NotSent || time.Since(begun) != 20*time.Second+commitLimit+time.Minute {
			t.Errorf("%s after %s, %v", got.State, time.Since(begun), err)
		}
	})
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		i := open(t, temporary(t), &loop, nil)
		release, returned := make(chan struct{}), make(chan ledger.State, 1)
		go func() {
			got, _ := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
				id, err := accepted(i, "FA-1")(ctx)
				<-release
				return id, err
			})
			returned <- got.State
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() { i.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("it closed while a submission was under way")
		default:
		}
		_, err := i.Submit(t.Context(), submission("FA-2"), func(context.Context) (string, error) {
			t.Error("it was sent after the end")
			return "", nil
		})
		if !errors.Is(err, ErrStopping) {
			t.Errorf("a submission after the end: %v", err)
		}
		if _, err := i.cfg.Ledger.Get(t.Context(), submission("FA-2").Key); !errors.Is(err, ledger.ErrUnknown) {
			t.Errorf("the ledger took it on: %v", err)
		}
		close(release)
		<-closed
		if state := <-returned; state != ledger.Waiting || get(t, i.cfg.Ledger, "FA-1").State != ledger.Waiting {
			t.Errorf("the submission under way ended as %s", state)
		}
		i.Close() // once more does nothing
	})
}

// TestAnOutcomeOutlastsAFaultOfTheLedger: its caller learns of the fault within a second, and what Loop said is committed once
// the database can.
func TestAnOutcomeOutlastsAFaultOfTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		loop.says("loop-FA-1", "1")
		i := open(t, faultyLedger(t), &loop, nil)
		begun := time.Now()
		got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
			defer time.AfterFunc(10*time.Second, func() { faulty.Store(false) })
			defer faulty.Store(true)
			return accepted(i, "FA-1")(ctx)
		})
		if took := time.Since(begun); err == nil || decided(err) || errors.Is(err, ErrGoesOn) || took > time.Second {
			t.Fatalf("%+v, %v after %s", got, err, took)
		}
		got, err = i.Submit(t.Context(), submission("FA-1"), nil)
		if took := time.Since(begun); err != nil || got.State != ledger.Waiting || got.LoopRequestID != "loop-FA-1" || took < 10*time.Second || took > 12*time.Second {
			t.Errorf("%+v, %v after %s", got, err, took)
		}
	})
}

// TestAnOutcomeThatCannotBeCommittedIsLogged: the log is the last place that knows Loop's id when the process ends.
func TestAnOutcomeThatCannotBeCommittedIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		i := open(t, faultyLedger(t), &loop, nil)
		returned := make(chan error, 1)
		go func() {
			_, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
				defer faulty.Store(true)
				return accepted(i, "FA-1")(ctx)
			})
			returned <- err
		}()
		time.Sleep(5 * time.Minute)
		if !strings.Contains(loop.log.String(), `"loop_request_id":"loop-FA-1"`) {
			t.Errorf("the log does not have it while it is tried: %s", loop.log.String())
		}
		begun := time.Now()
		i.Close()
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("the end took %s", took)
		}
		if err := <-returned; err == nil || !strings.Contains(loop.log.String(), "could not be committed") {
			t.Errorf("%v; the log says %s", err, loop.log.String())
		}
		faulty.Store(false)
		if state := get(t, i.cfg.Ledger, "FA-1").State; state != ledger.Submitting {
			t.Errorf("the ledger has %s: only a recovery may settle it", state)
		}
	})
}

// TestAPanicEndsNothingButItsSubmission: and hides nothing that may have been sent.
func TestAPanicEndsNothingButItsSubmission(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(client *cegidclient.Client) func(context.Context) (string, error)
		want ledger.State
	}{
		{"before bytes leave", func(*cegidclient.Client) func(context.Context) (string, error) {
			return func(context.Context) (string, error) { panic("odd: 60700000") }
		}, ledger.NotSent},
		{"while bytes leave", func(client *cegidclient.Client) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				return client.Imports.Submit(ctx, "CEGID001", cegidclient.EntryImport{Entries: []cegidclient.Entry{{
					Journal: "ACH", Date: "2026-03-15", Lines: []cegidclient.EntryLine{{Account: "60700000", Debit: "1"}, {Account: "40100000", Credit: "1"}},
				}}})
			}
		}, ledger.Uncertain},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loop := loop{panics: true}
				i := open(t, temporary(t), &loop, nil)
				client, _ := i.cfg.Client("demo")
				got, err := i.Submit(t.Context(), submission("FA-1"), c.send(client))
				if err != nil || got.State != c.want || got.Error == nil {
					t.Errorf("%+v, %v; want %s", got, err, c.want)
				}
				if strings.Contains(loop.log.String(), "odd") {
					t.Errorf("the log quotes the panic: %s", loop.log.String())
				}
			})
		})
	}
}

// TestWhatAnEarlierProcessLeftIsSettledAtTheStart: nothing of it is sent again.
func TestWhatAnEarlierProcessLeftIsSettledAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := temporary(t)
		for _, id := range []string{"received", "submitting"} {
			begun, err := l.Begin(t.Context(), submission(id), "dead")
			testkit.OK(t, err)
			if id == "submitting" {
				testkit.OK(t, l.Submitting(t.Context(), begun.Key, begun.Attempt, "dead", time.Minute))
			}
		}
		var loop loop
		open(t, l, &loop, nil)
		for id, want := range map[string]ledger.State{"received": ledger.NotSent, "submitting": ledger.Uncertain} {
			if got := get(t, l, id).State; got != want {
				t.Errorf("%s became %s; want %s", id, got, want)
			}
		}
		if !strings.Contains(loop.log.String(), "earlier process") {
			t.Errorf("the log says nothing of it: %s", loop.log.String())
		}
	})
}
