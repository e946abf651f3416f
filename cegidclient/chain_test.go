package cegidclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheWaitForATurnEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			reply(200, okList)(w, r)
		}, func(cfg *Config) { cfg.Limits.Concurrency = MinConcurrency })
		for range 6 {
			go func() { _ = readOnce(t.Context(), c) }()
		}
		time.Sleep(500 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := readOnce(ctx, c)
		if e, _ := asError(err); !errors.Is(err, context.Canceled) || e.Sent != NotSent || e.Attempts != 0 {
			t.Errorf("%#v", err)
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 2 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestTheChainStandsInItsOrder(t *testing.T) {
	c, _ := testClient(t, reply(200, `[]`))
	var names []string
	for _, l := range c.links {
		names = append(names, l.name)
	}
	want := []string{"call metrics", "retry", "circuit breaker", "admission", "breaker's watch", "before-send hook", "attempt metrics"}
	if !slices.Equal(names, want) {
		t.Errorf("chain %q", names)
	}
	var trail []string
	var links []link
	for _, n := range names {
		links = append(links, link{n, func(ctx context.Context, call *Call, next Next) (*Response, error) {
			trail = append(trail, n)
			return next(ctx, call)
		}})
	}
	_, _ = chain(links, func(context.Context, *Call) (*Response, error) { trail = append(trail, "HTTP"); return nil, nil })(t.Context(), nil)
	if !slices.Equal(trail, append(want, "HTTP")) {
		t.Errorf("passed %q", trail)
	}
}

func TestTheHooksErrorComesBackAsItStands(t *testing.T) {
	// Even when it wraps an error of this package that would be retried.
	mine := fmt.Errorf("ledger closed: %w", &Error{Kind: KindUnavailable})
	c, w := testClient(t, reply(200, okList), func(cfg *Config) {
		cfg.BeforeSend = func(context.Context, *Call) error { return mine }
	})
	for range 20 { // neither retried nor counted by the breaker
		if err := readOnce(t.Context(), c); err != mine {
			t.Fatal(err)
		}
	}
	if w.requests.Load() != 0 {
		t.Error("sent all the same")
	}
}

type recorder struct {
	calls    []CallEvent
	turns    []TurnEvent
	attempts []AttemptEvent
}

func (r *recorder) CallDone(_ context.Context, e CallEvent)       { r.calls = append(r.calls, e) }
func (r *recorder) TurnDone(_ context.Context, e TurnEvent)       { r.turns = append(r.turns, e) }
func (r *recorder) AttemptDone(_ context.Context, e AttemptEvent) { r.attempts = append(r.attempts, e) }

func TestTheObserverHearsCallsAndAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(recorder)
		c, _ := testClient(t, script(reply(503, ``), reply(200, okList), reply(200, `{"error":{"message":"non"}}`)), func(cfg *Config) { cfg.Observer = o })
		_ = readOnce(t.Context(), c)
		_ = readOnce(t.Context(), c)
		if len(o.calls) != 2 || o.calls[0].Outcome != "ok" || o.calls[0].Attempts != 2 || o.calls[1].Outcome != "refused" || o.calls[0].Operation != "list_accounts" {
			t.Errorf("%+v", o.calls)
		}
		if len(o.attempts) != 3 || o.attempts[0].Outcome != "unavailable" || o.attempts[0].Status != 503 || o.attempts[1].Attempt != 2 || o.attempts[1].Sends != 1 {
			t.Errorf("%+v", o.attempts)
		}
		if len(o.turns) != 3 || o.turns[0].Outcome != "ok" || o.turns[1].Attempt != 2 || o.turns[0].Class != ClassRead || o.turns[0].Duration != 0 {
			t.Errorf("%+v", o.turns)
		}
	})
}

// TestTheObserverHearsWhatLoopSaidAndWhoWaited: the code and the request id of an answer, which key it was asked with, and how
// long an attempt waited for its turn or was refused it.
func TestTheObserverHearsWhatLoopSaidAndWhoWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(recorder)
		c, _ := testClient(t, script(reply(401, ``), reply(400, `{"error":{"code":"E42","message":"non","requestId":"loop-7"}}`), reply(200, okList)), func(cfg *Config) {
			cfg.Observer, cfg.Limits.RatePerSecond, cfg.Limits.Wait = o, 1, time.Second
			cfg.Credentials = StaticCredentials(NewSecret("a:b"), Secret{}, NewSecret("one"), NewSecret("two"))
		})
		_ = readOnce(t.Context(), c)
		if len(o.attempts) != 2 || o.attempts[0].SubscriptionKey != 0 || o.attempts[1].SubscriptionKey != 1 || o.attempts[1].Said != (Said{"E42", "loop-7"}) || o.attempts[1].Practice != "demo" {
			t.Errorf("%+v", o.attempts)
		}
		if len(o.turns) != 2 || o.turns[1].Duration != time.Second {
			t.Errorf("the second attempt begins a second after the first: %+v", o.turns)
		}
		if len(o.calls) != 1 || o.calls[0].Status != 400 || o.calls[0].Said != (Said{"E42", "loop-7"}) || o.calls[0].Practice != "demo" {
			t.Errorf("%+v", o.calls)
		}
		within, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = readOnce(within, c)
		if len(o.turns) != 3 || o.turns[2].Outcome == "ok" || len(o.attempts) != 2 {
			t.Errorf("a call with no time for its turn: %+v", o.turns)
		}
	})
}
