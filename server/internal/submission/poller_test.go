package submission

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// follow submits an import that Loop accepts, and lets time pass.
func follow(t *testing.T, loop *loop, l *ledger.Ledger, id string, passes time.Duration, script ...string) *Sender {
	t.Helper()
	loop.says("loop-"+id, script...)
	i := open(t, l, loop, slowly(passes))
	if _, err := i.Submit(t.Context(), submission(id), accepted(i, id)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(passes)
	synctest.Wait()
	return i
}

// slowly keeps the poller from looking every second of a time that is hours: a look at the ledger takes real time.
func slowly(passes time.Duration) func(*Config) {
	return func(cfg *Config) {
		if passes > time.Minute {
			cfg.FirstPoll = 30 * time.Second
		}
	}
}

func TestHowAnImportIsFollowed(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		after  time.Duration
		want   ledger.State
		stalls string // what follow_error says
		asked  int    // 0: any number
		hourly bool
		cause  ledger.Cause
	}{
		{name: "it waits", script: []string{"1"}, after: 10 * time.Second, want: ledger.Waiting},
		{name: "it runs", script: []string{"1", "2"}, after: 10 * time.Second, want: ledger.Running},
		{name: "it succeeds", script: []string{"1", "2", "3"}, after: time.Hour, want: ledger.Succeeded, asked: 3},
		{name: "it succeeds at once", script: []string{"3"}, after: time.Hour, want: ledger.Succeeded, asked: 1},
		{name: "a status as a text", script: []string{`"3"`}, after: time.Hour, want: ledger.Succeeded, asked: 1},
		{name: "it fails", script: []string{"2", "4"}, after: time.Hour, want: ledger.Failed, asked: 2, cause: ledger.CauseEndedWithErrors},
		{name: "it steps back", script: []string{"2", "1"}, after: 10 * time.Second, want: ledger.Running},
		{name: "an unknown status", script: []string{"2", "25"}, after: 5*time.Hour + 30*time.Minute, want: ledger.Running, stalls: `"25"`, asked: 13, hourly: true},
		{name: "an unknown status, and then success", script: []string{"25", "3"}, after: 2 * time.Hour, want: ledger.Succeeded, asked: 2},
		{name: "it is not found", script: []string{"h404"}, after: 3*time.Hour + 30*time.Minute, want: ledger.Waiting, stalls: "does not say how it goes", hourly: true, asked: 10},
		{name: "it is not found, and then it is", script: []string{"h404", "1"}, after: time.Hour + time.Minute, want: ledger.Waiting},
		{name: "the key is revoked", script: []string{"h401"}, after: 3*time.Hour + 30*time.Minute, want: ledger.Waiting, stalls: "does not say how it goes", hourly: true},
		{name: "nonsense, such as a maintenance page", script: []string{"{}"}, after: 20 * time.Minute, want: ledger.Waiting, stalls: "for now"},
		{name: "Loop is down", script: []string{"h503"}, after: 20 * time.Minute, want: ledger.Waiting, stalls: "for now"},
		{name: "Loop is down for a while", script: []string{"h503", "h503", "h503", "h503", "h503", "h503", "2"}, after: 20 * time.Minute, want: ledger.Running},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				i := follow(t, &loop, temporary(t), "FA-1", c.after, c.script...)
				got := get(t, i.cfg.Ledger, "FA-1")
				if got.State != c.want || (got.FollowError != "") != (c.stalls != "") || !strings.Contains(got.FollowError, c.stalls) {
					t.Errorf("%s, follow_error %q; want %s, %q", got.State, got.FollowError, c.want, c.stalls)
				}
				asked := loop.times("loop-FA-1")
				if c.asked != 0 && len(asked) != c.asked {
					t.Errorf("Loop was asked %d times; want %d", len(asked), c.asked)
				}
				pause := time.Until(got.NextPoll)
				switch {
				case c.want.Final() && !got.NextPoll.IsZero():
					t.Errorf("it is asked for again, in %s", pause)
				case c.hourly && (pause <= 0 || got.NextPoll.Sub(asked[len(asked)-1]) < 59*time.Minute):
					t.Errorf("it is asked for again in %s, %s after the last time", pause, got.NextPoll.Sub(asked[len(asked)-1]))
				case !c.hourly && !c.want.Final() && pause > 5*time.Minute:
					t.Errorf("it is asked for again in %s", pause)
				}
				if (got.Error != nil) != (c.cause != "") || got.Error != nil && (got.Error.Cause != c.cause || got.Error.LoopMessage != "Journal clos" || got.Error.LoopInstanceID != "i-1") {
					t.Errorf("the failure is %+v", got.Error)
				}
			})
		})
	}
}

// TestThePausesGrow: an import that takes hours is not asked for every second.
func TestThePausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		i := follow(t, &loop, temporary(t), "FA-1", 2*time.Hour, "1")
		asked := loop.times("loop-FA-1")
		if len(asked) < 15 || len(asked) > 50 {
			t.Errorf("it was asked for %d times in two hours", len(asked))
		}
		// The poller looks once in FirstPoll.
		before := time.Duration(0)
		for n := 1; n < len(asked); n++ {
			pause := asked[n].Sub(asked[n-1])
			if pause < i.cfg.FirstPoll || pause+i.cfg.FirstPoll < before || pause > i.cfg.LastPoll+i.cfg.FirstPoll {
				t.Errorf("pause %d is %s, after %s", n, pause, before)
			}
			before = pause
		}
		if before < i.cfg.LastPoll {
			t.Errorf("after two hours the pause is %s; want %s", before, i.cfg.LastPoll)
		}
	})
}

// TestASlowAnswerDelaysNoOtherQuestion: when Loop takes longer than the pause between two looks, the next question still comes at its
// time, and not when the ledger is looked at anyway.
func TestASlowAnswerDelaysNoOtherQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := loop{slow: 3 * time.Second}
		i := follow(t, &loop, temporary(t), "FA-1", 25*time.Second, "1")
		asked := loop.times("loop-FA-1")
		for n := 1; n < len(asked); n++ {
			if pause := asked[n].Sub(asked[n-1]) - loop.slow; pause > 4*i.cfg.FirstPoll {
				t.Errorf("question %d came %s after the answer to the one before", n, pause)
			}
		}
		if len(asked) < 4 {
			t.Errorf("it was asked for %d times in 25 s", len(asked))
		}
	})
}

// TestTheLogOfEventsWakesTheFollower: it looks at the ledger once in IdlePoll while nothing is due, instead of each second, and yet asks
// for an import when it is due. What no event tells of it finds by itself.
func TestTheLogOfEventsWakesTheFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64 // each asks for the time
		l, err := ledger.Temporary(t.Context(), func() time.Time { looks.Add(1); return time.Now() })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		var loop loop
		loop.says("loop-FA-1", "25")
		i := open(t, l, &loop, nil)
		const idle = 10 * time.Minute
		time.Sleep(idle + time.Second/2)
		if n := looks.Load(); n > int64(idle/i.cfg.IdlePoll+idle/expireEvery)+5 {
			t.Errorf("the ledger was looked at %d times in %s with nothing to do", n, idle)
		}
		begun := time.Now()
		accept(t, l, "FA-1")
		due := get(t, l, "FA-1").NextPoll
		time.Sleep(i.cfg.IdlePoll / 2)
		synctest.Wait()
		if asked := loop.times("loop-FA-1"); len(asked) == 0 || asked[0].Before(due) || asked[0].Sub(due) > i.cfg.FirstPoll {
			t.Errorf("asked %v; it was accepted at %s and due at %s", asked, begun, due)
		}

		time.Sleep(time.Hour)
		stalled := len(loop.times("loop-FA-1"))
		loop.says("loop-FA-1", "3")
		time.Sleep(3 * time.Second)
		if got := get(t, l, "FA-1"); got.FollowError == "" || time.Until(got.NextPoll) < time.Minute {
			t.Errorf("it does not stall: %q, due in %s", got.FollowError, time.Until(got.NextPoll))
		}
		if err := l.Hasten(t.Context(), "demo"); err != nil { // by another hand, and of no event
			t.Fatal(err)
		}
		time.Sleep(i.cfg.IdlePoll + time.Second)
		synctest.Wait()
		if got := get(t, l, "FA-1"); got.State != ledger.Succeeded {
			t.Errorf("after %d questions, and %s after it was made due without an event: %s", stalled, i.cfg.IdlePoll, got.State)
		}
	})
}

func TestAPracticeThatIsRemovedStallsItsImports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		l := temporary(t)
		loop.gone.Store(true)
		i := follow(t, &loop, l, "FA-1", 90*time.Minute, "3")
		got := get(t, l, "FA-1")
		if got.State != ledger.Waiting || !strings.Contains(got.FollowError, "no longer configured") || len(loop.times("loop-FA-1")) != 0 {
			t.Errorf("%s, follow_error %q", got.State, got.FollowError)
		}
		loop.gone.Store(false)
		i.Hasten("another")
		time.Sleep(2 * time.Second)
		if got := get(t, l, "FA-1"); got.FollowError == "" {
			t.Error("another practice's change hastens this one's imports")
		}
		i.Hasten("demo")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := get(t, l, "FA-1"); got.State != ledger.Succeeded || got.FollowError != "" {
			t.Errorf("after it came back: %s, follow_error %q", got.State, got.FollowError)
		}
	})
}

// TestWhatWasAskedBeforeAMendingIsAskedAgain: the answer to the old key comes after the new one.
func TestWhatWasAskedBeforeAMendingIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := loop{slow: 2 * time.Second}
		l := temporary(t)
		loop.says("loop-FA-1", "h401", "h401", "3")
		i := open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = time.Minute })
		if _, err := i.Submit(t.Context(), submission("FA-1"), accepted(i, "FA-1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + time.Second)
		if asked := loop.times("loop-FA-1"); len(asked) != 1 {
			t.Fatalf("Loop was asked %d times", len(asked))
		}
		i.Hasten("demo") // while the first question is under way
		time.Sleep(3 * time.Second)
		if asked := loop.times("loop-FA-1"); len(asked) != 2 {
			t.Fatalf("Loop was asked %d times; want 2", len(asked))
		}
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if asked, got := loop.times("loop-FA-1"), get(t, l, "FA-1"); len(asked) != 2 || got.FollowError == "" || time.Until(got.NextPoll) <= 0 {
			t.Errorf("without another mending Loop was asked %d times, and is asked again in %s", len(asked), time.Until(got.NextPoll))
		}
	})
}

// TestWhenLoopLeapsInTimeAllIsAskedAtOnce, also what Loop was just being asked about; the pauses are as before afterwards.
func TestWhenLoopLeapsInTimeAllIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := loop{slow: 2 * time.Second}
		l := temporary(t)
		loop.says("loop-FA-1", "1", "1", "2")
		i := open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = time.Minute })
		if _, err := i.Submit(t.Context(), submission("FA-1"), accepted(i, "FA-1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		i.AskNow("another")
		time.Sleep(time.Second)
		if asked := loop.times("loop-FA-1"); len(asked) != 0 {
			t.Fatalf("Loop was asked %d times for another practice's sake", len(asked))
		}
		i.AskNow("demo")
		time.Sleep(time.Second)
		if asked := loop.times("loop-FA-1"); len(asked) != 1 {
			t.Fatalf("Loop was asked %d times; want 1", len(asked))
		}
		i.AskNow("demo") // while the question is under way
		time.Sleep(5 * time.Second)
		if asked := loop.times("loop-FA-1"); len(asked) != 2 {
			t.Fatalf("Loop was asked %d times; want 2", len(asked))
		}
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if asked, got := loop.times("loop-FA-1"), get(t, l, "FA-1"); len(asked) != 2 || got.FollowError != "" {
			t.Errorf("without another leap Loop was asked %d times, follow_error %q", len(asked), got.FollowError)
		}
	})
}

// TestFollowingGoesOnAfterARestart: by another process, without its caller.
func TestFollowingGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		l := temporary(t)
		first := follow(t, &loop, l, "FA-1", 10*time.Second, "1")
		first.Close()
		before := len(loop.times("loop-FA-1"))
		time.Sleep(time.Hour)
		if after := len(loop.times("loop-FA-1")); after != before {
			t.Errorf("a closed sender asked %d times", after-before)
		}
		loop.says("loop-FA-1", "2", "3")
		open(t, l, &loop, slowly(time.Hour))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := get(t, l, "FA-1"); got.State != ledger.Succeeded {
			t.Errorf("after a restart it is %s", got.State)
		}
	})
}

// TestAFaultOfTheLedgerIsNoLoop: what Loop said and could not be committed is asked for again, after a pause. In real
// time, which is that of the database.
func TestAFaultOfTheLedgerIsNoLoop(t *testing.T) {
	var loop loop
	l := faultyLedger(t)
	loop.says("loop-FA-1", "3")
	const pause = 100 * time.Millisecond
	i := open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = pause })
	begun := time.Now()
	if _, err := i.Submit(t.Context(), submission("FA-1"), accepted(i, "FA-1")); err != nil {
		t.Fatal(err)
	}
	faulty.Store(true)
	waitFor(t, func() bool { return len(loop.times("loop-FA-1")) >= 4 })
	asked := len(loop.times("loop-FA-1"))
	if most := int(time.Since(begun)/pause) + 2; asked > most {
		t.Errorf("Loop was asked %d times in %s", asked, time.Since(begun))
	}
	faulty.Store(false)
	waitFor(t, func() bool { return get(t, l, "FA-1").State == ledger.Succeeded })
}

// TestAMendingThatTheLedgerDoesNotTakeIsNotLost: it is made up for when the ledger is well, and not tried without a pause.
func TestAMendingThatTheLedgerDoesNotTakeIsNotLost(t *testing.T) {
	var loop loop
	l := faultyLedger(t)
	loop.says("loop-FA-1", "3")
	accept(t, l, "FA-1")
	due, _, err := l.Due(t.Context(), 0, func(string) int { return 1 })
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	testkit.OK(t, l.Followed(t.Context(), due[0], ledger.Progress{State: ledger.Waiting, Pause: time.Hour, FollowError: "the key is revoked"}))
	const pause = 100 * time.Millisecond
	i := open(t, l, &loop, func(cfg *Config) {
		cfg.FirstPoll = pause
		cfg.Log = slog.New(slog.NewTextHandler(&loop.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	failed := func() int { return strings.Count(loop.log.String(), "not asked for at once") }
	faulty.Store(true)
	begun := time.Now()
	i.Hasten("demo")
	waitFor(t, func() bool { return failed() >= 3 })
	if most := 2*int(time.Since(begun)/pause) + 3; failed() > most {
		t.Errorf("it was tried %d times in %s", failed(), time.Since(begun))
	}
	faulty.Store(false)
	waitFor(t, func() bool { return get(t, l, "FA-1").State == ledger.Succeeded })
}

// TestAQuestionWithoutATurnStaysDue: the line is this service's, and so is a pause that Loop has asked for: neither is a
// word about the import.
func TestAQuestionWithoutATurnStaysDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := loop{slow: 8 * time.Second}
		l := temporary(t)
		loop.says("loop-FA-0", "2")
		clients := loop.client(t)
		client, _ := clients("demo")
		loop.says("loop-FA-1", "2")
		i := open(t, l, &loop, func(cfg *Config) {
			cfg.Client = clients
			cfg.CallLimit = 3 * time.Second
		})
		for range 2 { // a person looks, and looks again
			go func() { _, _ = client.Imports.Status(t.Context(), "loop-FA-0") }()
		}
		synctest.Wait()
		if _, err := i.Submit(t.Context(), submission("FA-1"), accepted(i, "FA-1")); err != nil {
			t.Fatal(err)
		}
		due := get(t, l, "FA-1").NextPoll
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if got := get(t, l, "FA-1"); got.Polls != 0 || got.FollowError != "" || !got.NextPoll.Equal(due) {
			t.Errorf("%d questions, follow_error %q, due %s after it was", got.Polls, got.FollowError, got.NextPoll.Sub(due))
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(loop.times("loop-FA-1")) == 0 {
			t.Error("it was never asked for")
		}
	})
}

// TestManyQuestionsOfAPracticeNeverWaitForAPlace: as many are put as there are places, and the others stay due.
func TestManyQuestionsOfAPracticeNeverWaitForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := loop{slow: 9 * time.Second}
		l := temporary(t)
		i := open(t, l, &loop, nil)
		const many = 20
		for n := range many {
			id := fmt.Sprint("FA-", n)
			loop.says("loop-"+id, "3")
			accept(t, l, id)
		}
		for passed := time.Duration(0); passed < (many+2)*9*time.Second; passed += 3 * time.Second {
			time.Sleep(3 * time.Second)
			for n := range many {
				if got := get(t, l, fmt.Sprint("FA-", n)); got.FollowError != "" {
					t.Fatalf("%s: %s", got.RequestID, got.FollowError)
				}
			}
		}
		synctest.Wait()
		for n := range many {
			if got := get(t, i.cfg.Ledger, fmt.Sprint("FA-", n)); got.State != ledger.Succeeded || got.Polls != 1 {
				t.Errorf("%s is %s after %d questions", got.RequestID, got.State, got.Polls)
			}
		}
	})
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
