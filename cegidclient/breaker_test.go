package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheBreakerOpensOnOutagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h atomic.Value
		set := func(f http.HandlerFunc) { h.Store(f) }
		c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) { h.Load().(http.HandlerFunc)(w, r) },
			func(cfg *Config) { cfg.Retry.Attempts, cfg.Breaker.OpenFor = 1, 10*time.Second })
		for _, harmless := range []http.HandlerFunc{reply(400, `{}`), reply(401, `{}`), reply(404, `{}`), reply(429, ``), reply(200, `<html>`)} {
			set(harmless)
			for range 12 {
				_ = readOnce(t.Context(), c)
			}
		}
		set(hang)
		for range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_ = readOnce(ctx, c)
			cancel()
		}
		set(reply(503, ``))
		w.requests.Store(0)
		for range 10 {
			_ = readOnce(t.Context(), c)
		}
		if n := w.requests.Load(); n != 10 {
			t.Fatalf("%d requests: something harmless was counted", n)
		}
		time.Sleep(4 * time.Second)
		e, _ := asError(readOnce(t.Context(), c))
		if e == nil || e.Kind != KindUnavailable || !e.Local || e.RetryAfter != 6*time.Second || w.requests.Load() != 10 {
			t.Fatalf("%#v", e)
		}
		time.Sleep(7 * time.Second)
		set(reply(200, okList))
		for range 3 {
			if err := readOnce(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTheOpenBreakerEndsTheRetriesWithWhatLoopSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, reply(503, `{"message":"maintenance"}`), func(cfg *Config) { cfg.Breaker.Failures = 2 })
		e, _ := asError(readOnce(t.Context(), c))
		if e == nil || e.Local || e.HTTPStatus != 503 || e.Message != "maintenance" || e.RetryAfter == 0 || w.requests.Load() != 2 {
			t.Errorf("%#v", e)
		}
	})
}

func TestAPanickingHookDoesNotJamTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := true
		c, _ := testClient(t, script(reply(503, ``), reply(200, okList)), func(cfg *Config) {
			cfg.Retry.Attempts, cfg.Breaker.Failures = 1, 1
			calls := 0
			cfg.BeforeSend = func(context.Context, *Call) error {
				if calls++; calls == 2 && boom {
					panic("hook")
				}
				return nil
			}
		})
		do := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = errors.New("panicked")
				}
			}()
			_, err = c.Do(t.Context(), &Call{Operation: operation(t, "list_accounts"), Dossier: "D"})
			return err
		}
		_ = do()
		time.Sleep(11 * time.Second)
		if err := do(); err == nil || err.Error() != "panicked" {
			t.Fatal(err)
		}
		if err := do(); err != nil {
			t.Error(err)
		}
	})
}
