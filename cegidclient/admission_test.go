package cegidclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// slowly answers after a time, or when the caller leaves.
func slowly(takes time.Duration, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(takes):
			reply(200, body)(w, r)
		case <-r.Context().Done():
		}
	}
}

// byKind answers imports, questions what became of them, and reads each after a time of its own.
func byKind(write, poll, read time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			slowly(write, acceptedBody)(w, r)
		case r.URL.Query().Has("accountingImportRequestId"):
			slowly(poll, `{"status":2}`)(w, r)
		default:
			slowly(read, okList)(w, r)
		}
	}
}

func submitOnce(ctx context.Context, c *Client) error {
	_, err := c.Imports.Submit(ctx, "D1", purchase())
	return err
}

func pollOnce(ctx context.Context, c *Client) error {
	_, err := c.Imports.Status(ctx, "7f0b")
	return err
}

func within(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return do(ctx)
}

// TestOnePartyDoesNotKeepAnotherOut: many calls of the one wait, and the other one's next call waits for one of them.
func TestOnePartyDoesNotKeepAnotherOut(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		limits Limits
	}{
		"for a place":            {slowly(time.Second, okList), Limits{Concurrency: MinConcurrency, Wait: time.Minute}}, // two of them for reads
		"at the configured rate": {reply(200, okList), Limits{RatePerSecond: 2, Burst: 1, Concurrency: 1000, Wait: time.Minute}},
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
					testkit.OK(t, readOnce(quiet, client))
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

// TestTheNoisyPartyAloneIsRefused: who would wait too long is told at once, and that is who has most calls waiting.
func TestTheNoisyPartyAloneIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		limits Limits
		kind   Kind
	}{
		"for a place":            {slowly(2*time.Second, okList), Limits{Concurrency: MinConcurrency}, KindBusy},
		"at the configured rate": {reply(200, okList), Limits{RatePerSecond: 1, Burst: 1, Concurrency: 1000}, KindThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := testClient(t, c.answer, func(cfg *Config) { cfg.Limits, cfg.Retry.Attempts = c.limits, 1 })
				_ = readOnce(t.Context(), client) // what one takes is known
				time.Sleep(time.Second)
				var refused, later atomic.Int32
				var noise sync.WaitGroup
				for range 100 {
					noise.Go(func() {
						start := time.Now()
						if err := readOnce(WithParty(t.Context(), "noisy"), client); err != nil {
							e, _ := asError(err)
							if e.Kind != c.kind || !e.Local || e.Sent != NotSent || e.RetryAfter < time.Second {
								t.Errorf("after %s: %#v", time.Since(start), err)
							}
							if time.Since(start) == 0 {
								refused.Add(1)
								if e.RetryAfter < 20*time.Second {
									t.Errorf("to come back after %s", e.RetryAfter)
								}
							} else {
								later.Add(1)
							}
						}
					})
					synctest.Wait()
				}
				if n := refused.Load(); n < 75 || n > 80 { // twenty seconds are accepted
					t.Errorf("%d of the noisy one's calls were refused", n)
				}
				start := time.Now()
				if err := readOnce(WithParty(t.Context(), "quiet"), client); err != nil || time.Since(start) > 4*time.Second {
					t.Errorf("the quiet one: %v after %s", err, time.Since(start))
				}
				noise.Wait()
				if later.Load() > 3 { // the quiet one took a turn, and those of the very last moment may miss theirs
					t.Errorf("%d were refused after they had been let wait", later.Load())
				}
			})
		})
	}
}

// TestWhatHasNoTimeIsRefusedAtOnce: by its context's deadline, by what its owner has left for the wait, and by the bound of
// all; and what has the time waits.
func TestWhatHasNoTimeIsRefusedAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		wait    time.Duration
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		refused bool
	}{
		{name: "its deadline comes first", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 3*time.Second)
		}, refused: true},
		{name: "its deadline comes while it would be answered", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 7*time.Second)
		}, refused: true},
		{name: "its deadline comes later", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 11*time.Second)
		}},
		{name: "its owner waits no longer", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return WithTurnBy(ctx, time.Now().Add(4*time.Second)), func() {}
		}, refused: true},
		{name: "its owner waits longer", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return WithTurnBy(ctx, time.Now().Add(6*time.Second)), func() {}
		}},
		{name: "nobody waits longer", wait: 4 * time.Second, refused: true},
		{name: "everybody waits longer", wait: 6 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := testClient(t, slowly(5*time.Second, okList), func(cfg *Config) { cfg.Limits.Concurrency, cfg.Limits.Wait = MinConcurrency, tc.wait })
				_ = readOnce(t.Context(), c)
				var before sync.WaitGroup
				for range 2 {
					before.Go(func() { _ = readOnce(t.Context(), c) })
				}
				synctest.Wait()
				ctx, cancel := t.Context(), func() {}
				if tc.ctx != nil {
					ctx, cancel = tc.ctx(ctx)
				}
				defer cancel()
				start := time.Now()
				err := readOnce(ctx, c)
				e, _ := asError(err)
				switch {
				case tc.refused && (e == nil || e.Kind != KindBusy || !e.Local || e.RetryAfter < 5*time.Second || e.RetryAfter > 7*time.Second || time.Since(start) != 0 || w.requests.Load() != 3):
					t.Errorf("%#v after %s", err, time.Since(start))
				case !tc.refused && (err != nil || time.Since(start) != 10*time.Second):
					t.Errorf("%#v after %s", err, time.Since(start))
				}
				before.Wait()
			})
		})
	}
}

// TestThePlacesOfTheClasses: of eight, two are for reads and one is for polls, and the others are shared.
func TestThePlacesOfTheClasses(t *testing.T) {
	for places, want := range map[int]shares{
		3:  {kept: [classes]int{ClassRead: 1, ClassPoll: 1}, shared: 1, reads: 0},
		4:  {kept: [classes]int{ClassRead: 1, ClassPoll: 1}, shared: 2, reads: 1},
		8:  {kept: [classes]int{ClassRead: 2, ClassPoll: 1}, shared: 5, reads: 3},
		16: {kept: [classes]int{ClassRead: 4, ClassPoll: 2}, shared: 10, reads: 6},
	} {
		if got := sharesOf(places); got != want {
			t.Errorf("%d places: %+v; want %+v", places, got, want)
		}
	}
	for places := MinConcurrency; places <= 1000; places++ {
		s := sharesOf(places)
		if s.kept[ClassRead]+s.kept[ClassPoll]+s.shared != places || s.kept[ClassRead] < 1 || s.kept[ClassPoll] < 1 || s.kept[ClassWrite] != 0 || s.shared-s.reads < 1 || s.reads < 0 {
			t.Errorf("%d places: %+v", places, s)
		}
	}
	for _, few := range []int{1, 2} {
		cfg, _ := testConfig(reply(200, okList))
		cfg.Limits.Concurrency = few
		if _, err := New(cfg); !errors.Is(err, ErrConfiguration) {
			t.Errorf("%d places: %v", few, err)
		}
	}
}

// underWayOf are a client's attempts under way, by class.
func underWayOf(c *Client) (out [classes]int) {
	for class, of := range c.Brakes().Of {
		out[class] = of.UnderWay
	}
	return out
}

// TestEachClassHasItsPlaces: hanging imports keep neither reads nor polls out, nor do hanging reads keep out imports and
// polls.
func TestEachClassHasItsPlaces(t *testing.T) {
	underWay := func(t *testing.T, c *Client, want [classes]int) {
		t.Helper()
		synctest.Wait()
		if got := underWayOf(c); got != want {
			t.Errorf("%v under way; want %v", got, want)
		}
	}
	hour := time.Hour
	for _, tc := range []struct {
		name  string
		first func(context.Context, *Client) error
		then  func(context.Context, *Client) error
		most  [classes]int // with forty of the first and as many of the other waiting
	}{
		{"imports", submitOnce, readOnce, [classes]int{ClassWrite: 5, ClassRead: 2}},
		{"reads", readOnce, submitOnce, [classes]int{ClassRead: 7}},
		{"polls", pollOnce, readOnce, [classes]int{ClassPoll: 1, ClassRead: 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, byKind(hour, hour, hour), func(cfg *Config) {
					cfg.Retry = RetryPolicy{Attempts: 1, AttemptTimeout: 2 * hour, SubmissionTimeout: 2 * hour}
				})
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				for _, do := range []func(context.Context, *Client) error{tc.first, tc.then} {
					for range 40 {
						all.Go(func() { _ = do(ctx, c) })
					}
					synctest.Wait()
				}
				underWay(t, c, tc.most)
				cancel()
				all.Wait()
				underWay(t, c, [classes]int{})
			})
		})
	}
	t.Run("a plain read beside eight hanging imports", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, _ := testClient(t, byKind(hour, 100*time.Millisecond, 100*time.Millisecond))
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { _ = submitOnce(t.Context(), c) })
			}
			synctest.Wait()
			for _, do := range []func(context.Context, *Client) error{readOnce, pollOnce} {
				start := time.Now()
				if err := do(t.Context(), c); err != nil || time.Since(start) != 100*time.Millisecond {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			}
			all.Wait()
		})
	})
	t.Run("reads give way to writes that wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, _ := testClient(t, byKind(time.Second, time.Second, time.Second))
			var all sync.WaitGroup
			keep := func(n int, do func(context.Context, *Client) error) {
				for range n {
					all.Go(func() {
						for range 20 {
							_ = do(t.Context(), c)
						}
					})
				}
			}
			keep(20, readOnce)
			underWay(t, c, [classes]int{ClassRead: 7})
			keep(20, submitOnce)
			underWay(t, c, [classes]int{ClassRead: 7})
			time.Sleep(2500 * time.Millisecond)
			for range 10 {
				synctest.Wait()
				got := underWayOf(c)
				if got[ClassRead] < 2 || got[ClassRead] > 5 || got[ClassWrite] < 2 || got[ClassRead]+got[ClassWrite] != 7 {
					t.Errorf("%v under way", got)
				}
				time.Sleep(time.Second)
			}
			all.Wait()
		})
	})
}

// TestClientsOfAPracticeShareItsPlaces: a client that takes the place of another, with other settings, finds its calls.
func TestClientsOfAPracticeShareItsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		places := func(n int) func(*Config) {
			return func(cfg *Config) { cfg.Gate, cfg.Limits.Concurrency = gate, n }
		}
		before, _ := testClient(t, slowly(4*time.Second, okList), places(MinConcurrency))
		var all sync.WaitGroup
		read := func(c *Client, n int) {
			for range n {
				all.Go(func() {
					if err := readOnce(t.Context(), c); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
		}
		read(before, 4)
		if got := before.Brakes().Of[ClassRead]; got.UnderWay != 2 || got.Waiting != 2 {
			t.Errorf("%+v", got)
		}
		after, _ := testClient(t, slowly(4*time.Second, okList), places(4))
		synctest.Wait()
		if got := after.Brakes().Of[ClassRead]; got.UnderWay != 3 || got.Waiting != 1 {
			t.Errorf("%+v", got)
		}
		read(after, 1)
		again, _ := testClient(t, slowly(4*time.Second, okList), places(MinConcurrency))
		if got := again.Brakes().Of[ClassRead]; got.UnderWay != 3 || got.Waiting != 2 {
			t.Errorf("%+v", got)
		}
		time.Sleep(6 * time.Second)
		if got := again.Brakes().Of[ClassRead]; got.UnderWay != 2 || got.Waiting != 0 {
			t.Errorf("%+v", got)
		}
		all.Wait()
	})
}

// TestTheModelOfTheAdmission: whatever comes, waits, leaves, hangs or is refused, each class keeps to its places, nobody
// waits beside a free one, nobody is let in too late, and in the end all are free.
func TestTheModelOfTheAdmission(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 12))) })
		})
	}
}

func runModel(t *testing.T, random *rand.Rand) {
	gate := NewGate()
	places := MinConcurrency + random.IntN(14)
	limits := Limits{Concurrency: places, Wait: time.Duration(1+random.IntN(20)) * time.Second}
	if random.IntN(3) == 0 {
		limits.RatePerSecond, limits.Burst = 1+random.Float64()*20, 1+random.IntN(3)
	}
	a := gate.admission("demo", limits, [classes]time.Duration{10 * time.Second, time.Minute, 10 * time.Second})
	a.share = sharesOf(places)
	count := &classBrakes{}
	var held, had, refused [classes]int
	var mu sync.Mutex
	attempt := func(class Class, party string, limit, takes time.Duration, whole, answered bool) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		w := &waiter{class: class, party: party}
		came := time.Now()
		p, err := a.take(ctx, w, whole, count)
		if err != nil {
			e, ok := asError(err)
			if !ok || e.Sent != NotSent || e.Kind != KindInterrupted && (e.RetryAfter <= 0 || !e.Local) {
				t.Errorf("%#v", err)
			}
			if waited := time.Since(came); waited > limits.Wait {
				t.Errorf("refused after %s", waited)
			}
			mu.Lock()
			refused[class]++
			mu.Unlock()
			return
		}
		if now := time.Now(); now.Sub(came) > limits.Wait || ctx.Err() != nil || whole && timeLeft(ctx) < time.Minute {
			t.Errorf("let in after %s, with %s left", now.Sub(came), timeLeft(ctx))
		}
		a.mu.Lock()
		reads, writes, polls := len(a.lines[ClassRead].underWay), len(a.lines[ClassWrite].underWay), len(a.lines[ClassPoll].underWay)
		borrowed := max(0, reads-a.share.kept[ClassRead])
		if polls > a.share.kept[ClassPoll] || writes+borrowed > a.share.shared || reads+writes+polls > places {
			t.Errorf("%d reads, %d writes, %d polls in %d places", reads, writes, polls, places)
		}
		if class == ClassRead && borrowed > a.share.reads {
			for _, waiting := range a.lines[ClassWrite].waiting {
				if waiting[0].came.Before(p.began) {
					t.Errorf("%d of the shared places are taken by reads, the last one while a write waited", borrowed)
				}
			}
		}
		a.mu.Unlock()
		mu.Lock()
		held[class]++
		had[class]++
		mu.Unlock()
		time.Sleep(takes)
		mu.Lock()
		held[class]--
		mu.Unlock()
		a.give(p, answered)
	}
	var all sync.WaitGroup
	for range 600 {
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		class, party := Class(random.IntN(classes)), string(rune('a'+random.IntN(4)))
		takes, limit := time.Duration(random.IntN(1500))*time.Millisecond, time.Duration(1+random.IntN(90_000))*time.Millisecond
		if random.IntN(40) == 0 {
			takes = time.Minute // it hangs
		}
		answered := random.IntN(4) > 0
		all.Go(func() { attempt(class, party, limit, takes, class == ClassWrite, answered) })
		synctest.Wait()
		a.mu.Lock()
		for class := range a.lines {
			if line := &a.lines[class]; limits.RatePerSecond == 0 && line.n > 0 && a.room(Class(class)) > 0 {
				t.Errorf("%d of class %s wait beside a free place", line.n, Class(class))
			}
		}
		a.mu.Unlock()
	}
	all.Wait()
	for class := range a.lines {
		line := &a.lines[class]
		if len(line.underWay) != 0 || line.n != 0 || len(line.waiting) != 0 || len(line.order) != 0 || held[class] != 0 {
			t.Errorf("in the end: %+v", line)
		}
		if had[class] == 0 {
			t.Errorf("no %s was let in: the run proves nothing", Class(class))
		}
	}
}

// TestNoPlaceIsLost is the same for the race detector: with real time, and real races.
func TestNoPlaceIsLost(t *testing.T) {
	a := NewGate().admission("demo", Limits{Concurrency: 4, Wait: time.Second}, [classes]time.Duration{time.Second, time.Microsecond, time.Second})
	count := &classBrakes{}
	var got, left atomic.Int32
	var takers sync.WaitGroup
	for range 40 {
		random := rand.New(rand.NewPCG(rand.Uint64(), 1))
		takers.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(300))*time.Microsecond)
				w := &waiter{class: Class(random.IntN(classes)), party: string(rune('a' + random.IntN(5)))}
				if p, err := a.take(ctx, w, w.class == ClassWrite, count); err == nil {
					got.Add(1)
					time.Sleep(time.Duration(random.IntN(20)) * time.Microsecond)
					a.give(p, true)
				} else {
					left.Add(1)
				}
				cancel()
			}
		})
	}
	takers.Wait()
	for class := range a.lines {
		if line := &a.lines[class]; len(line.underWay) != 0 || line.n != 0 || len(line.waiting) != 0 || len(line.order) != 0 {
			t.Errorf("in the end: %+v", line)
		}
	}
	if got.Load() == 0 || left.Load() == 0 {
		t.Errorf("%d places were taken, %d waits given up: the test proves nothing", got.Load(), left.Load())
	}
}

// load is what a practice is asked for: calls at times of their own.
type load struct {
	mu      sync.Mutex
	answers []time.Time
	took    []time.Duration
	refused []time.Duration // how long they knew nothing
	lost    int
}

// offer makes calls until a time, so many a second on average, each in its own time.
func (l *load) offer(t *testing.T, random *rand.Rand, perSecond float64, until time.Time, do func(context.Context) error) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		time.Sleep(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second)))
		if !time.Now().Before(until) {
			return
		}
		all.Go(func() {
			start := time.Now()
			err := do(t.Context())
			took := time.Since(start)
			l.mu.Lock()
			defer l.mu.Unlock()
			e, _ := asError(err)
			switch {
			case err == nil:
				l.answers, l.took = append(l.answers, time.Now()), append(l.took, took)
			case e.Kind == KindBusy && e.Local && e.Sent == NotSent && e.RetryAfter >= time.Second && e.RetryAfter <= 75*time.Second:
				l.refused = append(l.refused, took)
			default:
				t.Errorf("after %s: %#v", took, err)
				l.lost++
			}
		})
	}
}

func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func (l *load) rate(from, to time.Time) float64 {
	n := 0
	for _, at := range l.answers {
		if at.After(from) && !at.After(to) {
			n++
		}
	}
	return float64(n) / to.Sub(from).Seconds()
}

// TestGoodputHoldsUnderOverload: more imports than Loop takes leave as many answered as the places for them take, none
// uncertain, each refusal with the time to come back, and reads beside them as they were.
func TestGoodputHoldsUnderOverload(t *testing.T) {
	for _, tc := range []struct {
		name    string
		offered float64
		takes   time.Duration
	}{
		{"2.4 a second at 5 s", 2.4, 5 * time.Second},
		{"24 a second at 5 s", 24, 5 * time.Second},
		{"2.4 a second at 11 s", 2.4, 11 * time.Second},
		{"as many as there are places for at 5 s", 1.1, 5 * time.Second},
		{"60 a second at 0.2 s", 60, 200 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := func(offered float64) (writes, reads *load, from, to time.Time) {
				writes, reads = new(load), new(load)
				synctest.Test(t, func(t *testing.T) {
					c, _ := testClient(t, byKind(tc.takes, 100*time.Millisecond, 100*time.Millisecond))
					from, to = time.Now().Add(30*time.Second), time.Now().Add(180*time.Second)
					var all sync.WaitGroup
					if offered > 0 {
						all.Go(func() {
							writes.offer(t, rand.New(rand.NewPCG(1, 2)), offered, to, func(ctx context.Context) error { return submitOnce(ctx, c) })
						})
					}
					all.Go(func() {
						reads.offer(t, rand.New(rand.NewPCG(3, 4)), 4, to, func(ctx context.Context) error {
							return within(ctx, 30*time.Second, func(ctx context.Context) error { return readOnce(ctx, c) })
						})
					})
					all.Wait()
				})
				return writes, reads, from, to
			}
			_, alone, _, _ := run(0)
			writes, beside, from, to := run(tc.offered)
			takes := 5 / tc.takes.Seconds()
			t.Logf("goodput %.3f/s of %.3f/s; %d answered after %s (median) and %s (p99), %d refused after %s (median) and %s (p99); reads' p99 %s, alone %s",
				writes.rate(from, to), takes, len(writes.took), percentile(writes.took, 0.5), percentile(writes.took, 0.99),
				len(writes.refused), percentile(writes.refused, 0.5), percentile(writes.refused, 0.99), percentile(beside.took, 0.99), percentile(alone.took, 0.99))
			if got := writes.rate(from, to); got < 0.95*min(takes, tc.offered) {
				t.Errorf("goodput %.3f/s; want %.3f/s", got, takes)
			}
			if writes.lost != 0 || beside.lost != 0 || len(beside.refused) != 0 {
				t.Errorf("%d writes and %d reads lost, %d reads refused", writes.lost, beside.lost, len(beside.refused))
			}
			if got, was := percentile(beside.took, 0.99), percentile(alone.took, 0.99); got > 2*was {
				t.Errorf("reads' p99 is %s beside the writes, %s without them", got, was)
			}
			// Who is let in has not waited for as long as one may: the newest go first.
			if got := percentile(writes.took, 0.5) - tc.takes; tc.offered > 1.5*takes && got > 6*time.Second {
				t.Errorf("those who were answered had waited %s (median)", got)
			}
		})
	}
}

// TestSixtyAtOnceOnASlowLoop: those that have their turn within twenty seconds are answered, the others are told when to
// come back, and nobody is left without an answer.
func TestSixtyAtOnceOnASlowLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, byKind(11*time.Second, 0, 0))
		var answered, refused atomic.Int32
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				start := time.Now()
				err := submitOnce(t.Context(), c)
				e, _ := asError(err)
				switch {
				case err == nil:
					answered.Add(1)
				case e.Kind == KindBusy && e.RetryAfter > 0 && time.Since(start) <= 20*time.Second:
					refused.Add(1)
				default:
					t.Errorf("after %s: %#v", time.Since(start), err)
				}
			})
		}
		all.Wait()
		if answered.Load() != 10 || refused.Load() != 50 || w.requests.Load() != 10 {
			t.Errorf("%d answered, %d refused", answered.Load(), refused.Load())
		}
	})
}

// TestReadersOfASlowPracticeAreNotKeptWaiting: what cannot have its turn is told so at once.
func TestReadersOfASlowPracticeAreNotKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, byKind(0, 0, 4*time.Second))
		var reads load
		to := time.Now().Add(2 * time.Minute)
		reads.offer(t, rand.New(rand.NewPCG(5, 6)), 6, to, func(ctx context.Context) error { // of which 7/4 s are taken
			return within(ctx, 30*time.Second, func(ctx context.Context) error { return readOnce(ctx, c) })
		})
		if got := reads.rate(to.Add(-90*time.Second), to); got < 0.95*7/4 {
			t.Errorf("goodput %.3f/s", got)
		}
		if got := percentile(reads.took, 0.5); got > 10*time.Second {
			t.Errorf("those who were answered had waited %s (median)", got)
		}
		if len(reads.refused) == 0 || percentile(reads.refused, 0.99) > 11*time.Second {
			t.Errorf("%d refused, after %s (p99)", len(reads.refused), percentile(reads.refused, 0.99))
		}
	})
}

// TestAWriteWaitsForTheEndOfA429: what was never sent waits for its turn.
func TestAWriteWaitsForTheEndOfA429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, script(reply(429, ``, "Retry-After", "5"), reply(200, acceptedBody)))
		if err := submitOnce(t.Context(), c); OutcomeOf(err) != WriteNotSent {
			t.Error(err)
		}
		start := time.Now()
		if err := submitOnce(t.Context(), c); err != nil || time.Since(start) != 5*time.Second || w.requests.Load() != 2 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func BenchmarkAdmissionUncontended(b *testing.B) {
	a := NewGate().admission("demo", Limits{}.withDefaults(), [classes]time.Duration{time.Second, time.Second, time.Second})
	ctx, cancel := context.WithTimeout(WithParty(b.Context(), "billing"), time.Hour)
	defer cancel()
	count := &classBrakes{}
	b.ReportAllocs()
	for b.Loop() {
		w := waiter{class: ClassRead, party: "billing"}
		p, err := a.take(ctx, &w, false, count)
		testkit.OK(b, err)
		a.give(p, true)
	}
}

func BenchmarkAdmissionCrowded(b *testing.B) {
	a := NewGate().admission("demo", Limits{}.withDefaults(), [classes]time.Duration{time.Second, time.Second, time.Second})
	count := &classBrakes{}
	for range 5 {
		a.hold(ClassWrite, time.Now())
	}
	for range maxWaiting {
		a.lines[ClassWrite].join(&waiter{class: ClassWrite, came: time.Now(), latest: time.Now().Add(time.Hour), turn: make(chan error, 1)})
	}
	for b.Loop() {
		if _, err := a.take(b.Context(), &waiter{class: ClassWrite, party: "billing"}, true, count); err == nil {
			b.Fatal("let in")
		}
	}
}
