package cegidclient

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBrakesTellWhatKeptAttemptsFromLoop(t *testing.T) {
	once := func(cfg *Config) { cfg.Retry.Attempts = 1 }
	reads := func(of ClassBrakes) [classes]ClassBrakes { return [classes]ClassBrakes{ClassRead: of} }
	for _, c := range []struct {
		name string
		do   func(t *testing.T) *Client
		want Brakes
	}{
		{"nothing", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(200, okList))
			_ = readOnce(t.Context(), client)
			return client
		}, Brakes{Answers: 1}},
		{"a 429 a moment ago", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(429, ``, "Retry-After", "25"), once)
			for range 3 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Answers: 1, Of: reads(ClassBrakes{Throttled: 2})}},
		{"a 429 that is over soon", func(t *testing.T) *Client {
			client, _ := testClient(t, script(reply(429, ``, "Retry-After", "20"), reply(200, okList)), once)
			for range 3 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Answers: 3, Of: reads(ClassBrakes{GateWaits: 1, GateTime: 20 * time.Second})}},
		{"the configured rate, for which there was no time", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Limits.RatePerSecond, cfg.Limits.Burst = 0.1, 1 })
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = readOnce(ctx, client)
				cancel()
			}
			return client
		}, Brakes{Answers: 1, Of: reads(ClassBrakes{OverRate: 1})}},
		{"the configured rate, for which there was time", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Limits.RatePerSecond, cfg.Limits.Burst = 0.1, 1 })
			for range 2 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Answers: 2, Of: reads(ClassBrakes{RateWaits: 1, RateTime: 10 * time.Second})}},
		{"the attempts in flight", func(t *testing.T) *Client {
			client, _ := testClient(t, hang, once, func(cfg *Config) { cfg.Limits.Concurrency, cfg.Breaker.Disabled = MinConcurrency, true })
			var calls sync.WaitGroup
			for range 3 { // two places for reads while no write waits
				calls.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					_ = readOnce(ctx, client)
				})
			}
			calls.Wait()
			return client
		}, Brakes{Of: reads(ClassBrakes{SlotWaits: 1, SlotTime: 5 * time.Second})}},
		{"the attempts in flight, which leave no time", func(t *testing.T) *Client {
			client, _ := testClient(t, hang, once, func(cfg *Config) { cfg.Limits.Concurrency, cfg.Breaker.Disabled = MinConcurrency, true })
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var calls sync.WaitGroup
			for range 2 {
				calls.Go(func() { _ = readOnce(ctx, client) })
			}
			time.Sleep(6 * time.Second)
			late, end := context.WithTimeout(ctx, time.Second)
			defer end()
			_ = readOnce(late, client)
			if got := underWayOf(client); got != [classes]int{ClassRead: 2} {
				t.Errorf("%v under way", got)
			}
			calls.Wait()
			return client
		}, Brakes{Of: reads(ClassBrakes{Busy: 1})}},
		{"an open breaker", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(503, ``), once, func(cfg *Config) { cfg.Breaker.Failures = 2 })
			for range 5 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Breaker: BreakerOpen, Of: reads(ClassBrakes{Paused: 3})}},
		{"each class for itself", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(503, ``), once, func(cfg *Config) { cfg.Breaker.Failures = 1 })
			_ = within(t.Context(), time.Second, func(ctx context.Context) error { return submitOnce(ctx, client) })
			for _, do := range []func(context.Context, *Client) error{readOnce, readOnce, submitOnce, submitOnce, pollOnce, pollOnce, pollOnce} {
				_ = do(t.Context(), client)
			}
			return client
		}, Brakes{Breaker: BreakerOpen, Of: [classes]ClassBrakes{
			ClassRead: {Paused: 1}, ClassWrite: {Busy: 1, Paused: 2}, ClassPoll: {Paused: 3},
		}}},
		{"a breaker that lets one call try", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(503, ``), once, func(cfg *Config) { cfg.Breaker.Failures = 1 })
			_ = readOnce(t.Context(), client)
			time.Sleep(11 * time.Second)
			return client
		}, Brakes{Breaker: BreakerHalfOpen}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.want.Retries = 10
				got := c.do(t).Brakes()
				if got.Places == 0 || got.Rate != 0 && got.Rate != 0.1 {
					t.Errorf("%d places, %v a second", got.Places, got.Rate)
				}
				c.want.Places, c.want.Rate = got.Places, got.Rate
				if got != c.want {
					t.Errorf("%+v; want %+v", got, c.want)
				}
			})
		})
	}
}
