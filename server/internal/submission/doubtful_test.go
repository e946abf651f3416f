package submission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// rarely keeps the poller from looking at the ledger each second of weeks, which takes real time.
func rarely(cfg *Config) { cfg.FirstPoll = 30 * time.Minute }

// TestWhatLoopCouldNotBeAskedAboutGrowsNoOlder: a key that is revoked for more than a week, and works again.
func TestWhatLoopCouldNotBeAskedAboutGrowsNoOlder(t *testing.T) {
	for name, answer := range map[string]string{"a revoked key": "h401", "a right that is gone": "h403", "Loop is down": "h503", "nonsense": "{}"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				l := temporary(t)
				loop.says("loop-FA-1", answer)
				i := open(t, l, &loop, rarely)
				accept(t, l, "FA-1")
				time.Sleep(9 * 24 * time.Hour)
				if got := get(t, l, "FA-1"); got.State != ledger.Waiting || got.FollowError == "" {
					t.Fatalf("after nine days it is %s, follow_error %q, followed for %s", got.State, got.FollowError, got.FollowAge)
				}
				loop.says("loop-FA-1", "3")
				i.Hasten("demo")
				time.Sleep(2 * time.Hour)
				if got := get(t, l, "FA-1"); got.State != ledger.Succeeded {
					t.Errorf("once it works again it is %s, follow_error %q", got.State, got.FollowError)
				}
			})
		})
	}
}

// TestAServerThatStoodMakesNothingOlder.
func TestAServerThatStoodMakesNothingOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		l := temporary(t)
		accept(t, l, "FA-1")
		time.Sleep(10 * 24 * time.Hour)
		loop.says("loop-FA-1", "2", "2", "3")
		open(t, l, &loop, rarely)
		time.Sleep(31 * time.Minute)
		if got := get(t, l, "FA-1"); got.State != ledger.Running {
			t.Errorf("at the first answer it is %s", got.State)
		}
		time.Sleep(2 * time.Hour)
		if got := get(t, l, "FA-1"); got.State != ledger.Succeeded {
			t.Errorf("in the end it is %s", got.State)
		}
	})
}

// TestWhatIsUncertainIsAskedForEachDay, as long as the ledger knows it, and a final word is committed.
func TestWhatIsUncertainIsAskedForEachDay(t *testing.T) {
	for name, want := range map[string]struct {
		word  string
		state ledger.State
	}{"booked": {"3", ledger.Succeeded}, "ended with errors": {"4", ledger.Failed}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				l := temporary(t)
				loop.says("loop-FA-1", "2")
				i := open(t, l, &loop, rarely)
				accept(t, l, "FA-1")
				time.Sleep(ledger.FollowFor + 2*time.Hour)
				if got := get(t, l, "FA-1"); got.State != ledger.Uncertain || got.NextPoll.IsZero() {
					t.Fatalf("after a week it is %s, asked for again %s", got.State, got.NextPoll)
				}
				i.Close() // and another process goes on
				open(t, l, &loop, rarely)
				before := len(loop.times("loop-FA-1"))
				time.Sleep(10 * 24 * time.Hour)
				if asked := len(loop.times("loop-FA-1")) - before; asked < 9 || asked > 11 {
					t.Errorf("in ten days Loop was asked %d times", asked)
				}
				if got := get(t, l, "FA-1"); got.State != ledger.Uncertain {
					t.Errorf("without a final word it is %s", got.State)
				}
				loop.says("loop-FA-1", "h404", want.word)
				time.Sleep(2*24*time.Hour + 3*time.Hour)
				got := get(t, l, "FA-1")
				if got.State != want.state || !got.NextPoll.IsZero() || got.FollowError != "" || (got.Error != nil) != (want.state == ledger.Failed) {
					t.Errorf("after the final word: %s, %+v, asked for again %s", got.State, got.Error, got.NextPoll)
				}
			})
		})
	}
}

// TestAnImportThatANoNamesIsAskedFor: Loop's answer said no and named an import, which is asked for.
func TestAnImportThatANoNamesIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		l := temporary(t)
		loop.says("loop-FA-1", "1", "3")
		i := open(t, l, &loop, nil)
		got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
			if _, err := accepted(i, "FA-1")(ctx); err != nil {
				return "", err
			}
			return "", &cegidclient.Error{Kind: cegidclient.KindOutcomeUnknown, Sent: cegidclient.MaybeSent, HTTPStatus: 500, LoopRequestID: "loop-FA-1"}
		})
		if err != nil || got.State != ledger.Uncertain || got.LoopRequestID != "loop-FA-1" {
			t.Fatalf("%+v, %v", got, err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := get(t, l, "FA-1"); got.State != ledger.Succeeded {
			t.Errorf("it is %s", got.State)
		}
	})
}

// TestThePauseOfWhatStallsBeginsAsTheImports, and grows to an hour.
func TestThePauseOfWhatStallsBeginsAsTheImports(t *testing.T) {
	for name, answer := range map[string]string{"404": "h404", "403": "h403", "an unknown status": "25", "a revoked key": "h401"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				l := temporary(t)
				loop.says("loop-FA-1", answer)
				open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = 20 * time.Second })
				accept(t, l, "FA-1")
				time.Sleep(3 * time.Minute)
				asked := loop.times("loop-FA-1")
				if len(asked) < 3 || asked[1].Sub(asked[0]) > time.Minute {
					t.Errorf("in the first three minutes it was asked for at %v", asked)
				}
				time.Sleep(12 * time.Hour)
				asked = loop.times("loop-FA-1")
				if last := asked[len(asked)-1].Sub(asked[len(asked)-2]); len(asked) > 40 || last < 59*time.Minute || last > 62*time.Minute {
					t.Errorf("it was asked for %d times, at last after %s", len(asked), last)
				}
			})
		})
	}
}
