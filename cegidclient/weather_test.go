package cegidclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// sky is a Loop whose weather the test makes.
type sky struct{ now atomic.Value }

func (s *sky) set(h http.HandlerFunc)                       { s.now.Store(h) }
func (s *sky) serve(w http.ResponseWriter, r *http.Request) { s.now.Load().(http.HandlerFunc)(w, r) }

// sometimes answers 503 with the given chance, in an order that repeats itself.
func sometimes(chance float64) http.HandlerFunc {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(16, 2))
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fails := rng.Float64() < chance
		mu.Unlock()
		time.Sleep(20 * time.Millisecond)
		if fails {
			reply(503, ``)(w, r)
			return
		}
		reply(200, okList)(w, r)
	}
}

// read is one of many made at a steady pace.
type read struct {
	began, took time.Duration
	err         *Error
}

// steadily makes a read every pace for a while, and waits for all.
func steadily(t *testing.T, c *Client, pace, lasts time.Duration) []read {
	var all []read
	var mu sync.Mutex
	var under sync.WaitGroup
	start := time.Now()
	for time.Since(start) < lasts {
		under.Go(func() {
			began := time.Since(start)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			e, _ := asError(readOnce(ctx, c))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, read{began, time.Since(start) - began, e})
		})
		time.Sleep(pace)
	}
	under.Wait()
	return all
}

func TestFailuresOfLoopAreMadeUpForWithoutMultiplyingThem(t *testing.T) {
	for _, tc := range []struct {
		chance, failed, amplification float64
	}{{0, 0, 1}, {0.2, 0.02, 1.3}, {0.5, 1, 1.5}, {1, 1, 1.1}} {
		t.Run(fmt.Sprintf("%.0f %%", 100*tc.chance), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := testClient(t, sometimes(tc.chance))
				all := steadily(t, c, 50*time.Millisecond, 150*time.Second)
				failed := 0
				for _, r := range all {
					if r.err == nil {
						continue
					}
					failed++
					if r.err.NoMore == "" || r.err.NoMore == StoppedByAttempts && r.err.Attempts != 3 || r.err.Attempts == 0 && !r.err.Local {
						t.Fatalf("%#v", r.err)
					}
				}
				share, amplification := float64(failed)/float64(len(all)), float64(w.requests.Load())/float64(len(all))
				t.Logf("%d reads, %.2f %% failed, %.3f requests each", len(all), 100*share, amplification)
				if share > tc.failed || amplification > tc.amplification {
					t.Errorf("%.2f %% of reads fail, with %.3f requests each; at most %.0f %% and %.1f wanted", 100*share, amplification, 100*tc.failed, tc.amplification)
				}
			})
		})
	}
}

func TestReadsAreBackSoonAfterLoop(t *testing.T) {
	for name, down := range map[string]http.HandlerFunc{"503": reply(503, ``), "no connection": refuseConnection, "no answer": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s sky
				s.set(sometimes(0))
				var turns []BreakerTurn
				c, _ := testClient(t, s.serve, func(cfg *Config) {
					cfg.Breaker.Turned = func(turn BreakerTurn) { turns = append(turns, turn) }
				})
				const outage = 60 * time.Second
				time.AfterFunc(10*time.Second, func() { s.set(down) })
				time.AfterFunc(10*time.Second+outage, func() { s.set(sometimes(0)) })
				var refusedLate, failedLater int
				for _, r := range steadily(t, c, 100*time.Millisecond, 100*time.Second) {
					switch {
					case r.began < 10*time.Second && r.began+r.took < 10*time.Second || r.began > 12*time.Second+outage:
						if r.err != nil {
							failedLater++
						}
					case r.began > 25*time.Second && r.began+5*time.Second < 10*time.Second+outage && r.took > 100*time.Millisecond && r.err != nil && r.err.Attempts == 0:
						refusedLate++
					}
				}
				if failedLater > 0 || refusedLate > 0 {
					t.Errorf("%d reads failed more than 2 s after Loop was back, %d were refused late", failedLater, refusedLate)
				}
				if len(turns) != 2 || !turns[0].Open || turns[0].Why == "" || turns[1].Open || turns[1].OpenFor < 50*time.Second {
					t.Errorf("%+v", turns)
				}
			})
		})
	}
}

// TestAHangIsNoticedEarly: those who come after the first few are refused at once, and those who wait for a turn are let go; a
// practice behind the same gate feels nothing.
func TestAHangIsNoticedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		c, w := testClient(t, hang, func(cfg *Config) { cfg.Gate = gate })
		other, _ := testClient(t, sometimes(0), func(cfg *Config) { cfg.Gate, cfg.Practice = gate, "other" })
		var well []read
		var under sync.WaitGroup
		under.Go(func() { well = steadily(t, other, 50*time.Millisecond, 40*time.Second) })
		slow := 0
		for _, r := range steadily(t, c, 50*time.Millisecond, 40*time.Second) {
			if r.err == nil || r.err.Kind != KindUnavailable && (r.err.Kind != KindBusy || r.took > 0) {
				t.Fatalf("%#v", r.err)
			}
			if !r.err.Local && !strings.Contains(r.err.Error(), "timed out") {
				t.Fatal(r.err)
			}
			switch {
			case r.took > 11*time.Second:
				t.Errorf("a read from %s on took %s", r.began, r.took)
			case r.began < 5*time.Second && r.err.Attempts == 0 && r.took > 5*time.Second:
				t.Errorf("a read that waited for its turn from %s on was let go after %s", r.began, r.took)
			case r.began >= 5*time.Second+50*time.Millisecond && r.took > 0:
				slow++
			}
		}
		if most := 35; slow > most {
			t.Errorf("%d reads were not refused at once; %d may have been trial calls", slow, most)
		}
		if n := w.requests.Load(); n > 7+40 {
			t.Errorf("%d requests", n)
		}
		under.Wait()
		for _, r := range well {
			if r.err != nil || r.took > 30*time.Millisecond {
				t.Fatalf("the other practice: a read from %s on took %s: %v", r.began, r.took, r.err)
			}
		}
	})
}

// TestASlowLoopIsNotAHang: what was asked later is answered.
func TestASlowLoopIsNotAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("codeDossier") == "SLOW" {
				time.Sleep(8 * time.Second)
			}
			reply(200, okList)(w, r)
		})
		var under sync.WaitGroup
		for range 4 {
			under.Go(func() {
				if _, err := c.Accounts.List(t.Context(), "SLOW", ListOptions{Take: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			testkit.OK(t, readOnce(t.Context(), c))
		}
		under.Wait()
	})
}

func TestAWriteTriesTheWayWhenNobodyElseDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sky
		s.set(reply(503, ``))
		c, w := testClient(t, s.serve, func(cfg *Config) { cfg.Breaker.Failures = 1 })
		write := func() error {
			_, err := c.Do(t.Context(), &Call{Operation: operation(t, "import_entries"), Dossier: "D1", Body: []byte("{}")})
			return err
		}
		_ = write()
		if err := write(); OutcomeOf(err) != WriteNotSent {
			t.Error(err)
		}
		time.Sleep(time.Second)
		s.set(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(30 * time.Second) // long, and not cut short
			reply(200, okList)(w, r)
		})
		done := make(chan error, 1)
		go func() { done <- write() }()
		time.Sleep(5 * time.Second)
		if err := write(); OutcomeOf(err) != WriteNotSent {
			t.Error("a second write is a trial call:", err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := write(); err != nil || w.requests.Load() != 3 {
			t.Error(err, w.requests.Load())
		}
	})
}

func TestAnErrorSaysHowOftenWasTriedAndWhyNoMore(t *testing.T) {
	for name, tc := range map[string]struct {
		adjust   func(*Config)
		deadline time.Duration
		before   int // reads that fail first
		attempts int
		why      StopReason
	}{
		"all attempts":              {nil, time.Minute, 0, 3, StoppedByAttempts},
		"one attempt by policy":     {func(c *Config) { c.Retry.Attempts = 1 }, time.Minute, 0, 1, ""},
		"the budget":                {func(c *Config) { c.Retry.Budget, c.Breaker.Disabled = 1, true }, time.Minute, 0, 2, StoppedByBudget},
		"no budget at all":          {func(c *Config) { c.Retry.Budget, c.Breaker.Disabled = 2, true }, time.Minute, 1, 1, StoppedByBudget},
		"the breaker, open before":  {func(c *Config) { c.Breaker.Failures = 3 }, time.Minute, 1, 0, StoppedByBreaker},
		"the breaker, opened by it": {func(c *Config) { c.Breaker.Failures = 2 }, time.Minute, 0, 2, StoppedByBreaker},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var adjust []func(*Config)
				if tc.adjust != nil {
					adjust = append(adjust, tc.adjust)
				}
				c, _ := testClient(t, reply(503, ``), adjust...)
				for range tc.before {
					_ = readOnce(t.Context(), c)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
				defer cancel()
				e, _ := asError(readOnce(ctx, c))
				if e == nil || e.Kind != KindUnavailable || e.Attempts != tc.attempts || e.NoMore != tc.why {
					t.Errorf("%#v", e)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, reply(429, ``, "Retry-After", "20"))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if e, _ := asError(readOnce(ctx, c)); e == nil || e.NoMore != StoppedByDeadline || e.Attempts != 1 || !errors.Is(e, ErrThrottled) {
			t.Errorf("%#v", e)
		}
	})
}

// TestPatienceMayGrow: an owner for whom others wait has as much as the last of them, also when he comes while Loop is asked.
func TestPatienceMayGrow(t *testing.T) {
	for name, grows := range map[string]bool{"": false, "and does": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, script(after(time.Second, reply(429, ``, "Retry-After", "20")), reply(200, okList)))
				until := time.Now().Add(5 * time.Second)
				var mu sync.Mutex
				ctx := WithPatience(t.Context(), func() (time.Time, bool) {
					mu.Lock()
					defer mu.Unlock()
					return until, true
				})
				if grows {
					time.AfterFunc(time.Second/2, func() {
						mu.Lock()
						defer mu.Unlock()
						until = until.Add(time.Minute)
					})
				}
				err := readOnce(ctx, c)
				if e, _ := asError(err); grows != (err == nil) || !grows && (e == nil || e.NoMore != StoppedByDeadline) {
					t.Errorf("%#v", err)
				}
				short, cancel := context.WithTimeout(WithPatience(t.Context(), func() (time.Time, bool) { return time.Now().Add(time.Hour), true }), time.Minute)
				defer cancel()
				if left := timeLeft(short); left != time.Minute {
					t.Errorf("a deadline of its own counts, too: %s", left)
				}
			})
		})
	}
}

func TestTheBudgetIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, script(reply(503, ``), reply(200, okList)), func(cfg *Config) { cfg.Retry.Budget, cfg.Retry.BudgetPerSuccess = 4, 0.25 })
		for i, want := range []float64{4, 3.25, 3.5} {
			if got := c.Brakes().Retries; got != want {
				t.Errorf("%d: %v, want %v", i, got, want)
			}
			testkit.OK(t, readOnce(t.Context(), c))
		}
	})
}

func after(d time.Duration, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(d)
		h(w, r)
	}
}

func TestALoopThatIsBackAndSlowIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sky
		s.set(reply(503, ``))
		var closed time.Time
		c, _ := testClient(t, s.serve, func(cfg *Config) {
			cfg.Breaker.Turned = func(turn BreakerTurn) {
				if !turn.Open {
					closed = time.Now()
				}
			}
		})
		start := time.Now()
		time.AfterFunc(30*time.Second, func() { s.set(after(8*time.Second, reply(200, okList))) })
		late := 0
		for _, r := range steadily(t, c, 250*time.Millisecond, 90*time.Second) {
			if r.err != nil && r.began > 42*time.Second && r.err.NoMore == StoppedByBreaker {
				late++
			}
		}
		if took := closed.Sub(start); closed.IsZero() || took > 40*time.Second || late > 0 {
			t.Errorf("calls were let through again after %s; %d reads were still refused", took, late)
		}
	})
}

func TestWhoHasTooLittleTimeKeepsNobodyFromTryingTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sky
		s.set(reply(503, ``))
		c, _ := testClient(t, s.serve)
		for range 5 {
			_ = readOnce(t.Context(), c)
		}
		s.set(reply(200, okList))
		stop := make(chan struct{})
		var under sync.WaitGroup
		under.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(7 * time.Millisecond):
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_, err := c.Do(ctx, &Call{Operation: operation(t, "import_entries"), Dossier: "D1", Body: []byte("{}")})
				cancel()
				if OutcomeOf(err) != WriteNotSent {
					t.Error(err)
				}
			}
		})
		failed := 0
		for range 20 {
			time.Sleep(300 * time.Millisecond)
			if readOnce(t.Context(), c) != nil {
				failed++
			}
		}
		close(stop)
		under.Wait()
		if failed > 4 {
			t.Errorf("%d of 20 reads were refused although Loop is back", failed)
		}
	})
}

func TestARetryThatIsNotMadeCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, reply(503, ``), func(cfg *Config) { cfg.Breaker.Failures = 1 })
		before := c.Brakes().Retries
		e, _ := asError(readOnce(t.Context(), c))
		if e == nil || e.NoMore != StoppedByBreaker || w.requests.Load() != 1 {
			t.Fatalf("%#v", e)
		}
		if after := c.Brakes().Retries; after != before {
			t.Errorf("%v retries in hand after one that was not made, %v before", after, before)
		}
	})
}

func TestNoTurnIsNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		throttled := false
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("codeDossier") == "OTHER" {
				throttled = true
				reply(429, ``, "Retry-After", "25")(w, r)
				return
			}
			reply(503, ``, "Retry-After", "3")(w, r)
		}, func(cfg *Config) { cfg.Gate = gate })
		time.AfterFunc(time.Second, func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, _ = c.Accounts.List(ctx, "OTHER", ListOptions{Take: 1})
		})
		e, _ := asError(readOnce(t.Context(), c)) // without a deadline
		if e == nil || !throttled || e.HTTPStatus != 503 || e.Attempts != 1 || e.NoMore != StoppedByTurn {
			t.Errorf("%#v", e)
		}
	})
}
