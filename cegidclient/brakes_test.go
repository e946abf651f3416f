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
		}, Brakes{Answers: 1, Throttled: 2}},
		{"a 429 that is over soon", func(t *testing.T) *Client {
			client, _ := testClient(t, script(reply(429, ``, "Retry-After", "20"), reply(200, okList)), once)
			for range 3 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Answers: 3, GateWaits: 1, GateTime: 20 * time.Second}},
		{"the configured rate, for which there was no time", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Limits.RatePerSecond, cfg.Limits.Burst = 0.1, 1 })
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = readOnce(ctx, client)
				cancel()
			}
			return client
		}, Brakes{Answers: 1, OverRate: 1}},
		{"the configured rate, for which there was time", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Limits.RatePerSecond, cfg.Limits.Burst = 0.1, 1 })
			for range 2 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Answers: 2, RateWaits: 1, RateTime: 10 * time.Second}},
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
		}, Brakes{SlotWaits: 1, SlotTime: 5 * time.Second}},
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
			if got := client.Brakes(); got.UnderWay != [classes]int{ClassRead: 2} {
				t.Errorf("%v under way", got.UnderWay)
			}
			calls.Wait()
			return client
		}, Brakes{Busy: 1}},
		{"an open breaker", func(t *testing.T) *Client {
			client, _ := testClient(t, reply(503, ``), once, func(cfg *Config) { cfg.Breaker.Failures = 2 })
			for range 5 {
				_ = readOnce(t.Context(), client)
			}
			return client
		}, Brakes{Breaker: BreakerOpen, Paused: 3}},
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
