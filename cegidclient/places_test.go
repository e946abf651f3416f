package cegidclient

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestOnePartyDoesNotKeepAnotherOut: a hundred calls of the one wait, and the other one's next call waits for one of them.
func TestOnePartyDoesNotKeepAnotherOut(t *testing.T) {
	second := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		reply(200, okList)(w, r)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		limits Limits
	}{
		"at the concurrency limit": {second, Limits{Concurrency: 2}},
		"at the configured rate":   {reply(200, okList), Limits{RatePerSecond: 2, Burst: 1, Concurrency: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := testClient(t, c.answer, func(cfg *Config) { cfg.Limits, cfg.Retry.Attempts = c.limits, 1 })
				noisy, quiet := WithParty(t.Context(), "noisy"), WithParty(t.Context(), "quiet")
				var noise sync.WaitGroup
				for range 50 { // 25 s of work
					noise.Go(func() {
						if err := readOnce(noisy, client); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				for range 5 {
					start := time.Now()
					if err := readOnce(quiet, client); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); took > 2*time.Second {
						t.Errorf("the quiet one's call took %s", took)
					}
				}
				// A third one that speaks without a name is a party, too.
				start := time.Now()
				if err := readOnce(t.Context(), client); err != nil || time.Since(start) > 2*time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				start = time.Now()
				noise.Wait()
				if took := time.Since(start); took < 15*time.Second || took > 25*time.Second {
					t.Errorf("the noisy one's rest took %s", took)
				}
			})
		})
	}
}

// TestTheRateRefusesTheNoisyPartyAlone: who would wait too long is told at once, and that is who has most calls waiting.
func TestTheRateRefusesTheNoisyPartyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := testClient(t, reply(200, okList), func(cfg *Config) {
			cfg.Limits, cfg.Retry.Attempts = Limits{RatePerSecond: 1, Burst: 1, Concurrency: 1000}, 1
		})
		var refused atomic.Int32
		var noise sync.WaitGroup
		for range 100 {
			noise.Go(func() {
				if err := readOnce(WithParty(t.Context(), "noisy"), client); err != nil {
					e, _ := asError(err)
					if e.Kind != KindThrottled || !e.Local || e.RetryAfter < 20*time.Second {
						t.Error(err)
					}
					refused.Add(1)
				}
			})
			synctest.Wait()
		}
		if n := refused.Load(); n < 65 || n > 75 { // thirty seconds are accepted
			t.Errorf("%d of the noisy one's calls were refused", n)
		}
		start := time.Now()
		if err := readOnce(WithParty(t.Context(), "quiet"), client); err != nil || time.Since(start) > 3*time.Second {
			t.Errorf("the quiet one: %v after %s", err, time.Since(start))
		}
		noise.Wait()
	})
}

// TestNoPlaceIsLost: whatever comes, waits and leaves, as many as there are places hold one, and in the end all are free.
func TestNoPlaceIsLost(t *testing.T) {
	const number = 3
	all := newPlaces(number)
	var held, most, got, left atomic.Int32
	var takers sync.WaitGroup
	for range 40 {
		random := rand.New(rand.NewPCG(rand.Uint64(), 1))
		takers.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(WithParty(t.Context(), string(rune('a'+random.IntN(5)))), time.Duration(random.IntN(300))*time.Microsecond)
				if all.take(ctx) == nil {
					got.Add(1)
					if n := held.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Duration(random.IntN(20)) * time.Microsecond)
					held.Add(-1)
					all.give()
				} else {
					left.Add(1)
				}
				cancel()
			}
		})
	}
	takers.Wait()
	if most.Load() > number || all.free != number || len(all.order) != 0 || len(all.waiting) != 0 {
		t.Errorf("%d held at once; %d free, %v and %v waiting", most.Load(), all.free, all.order, all.waiting)
	}
	if got.Load() == 0 || left.Load() == 0 {
		t.Errorf("%d places were taken, %d waits given up: the test proves nothing", got.Load(), left.Load())
	}
}
