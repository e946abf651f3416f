package cegidclient

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheGateRefusesWhatLoopThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		once := func(cfg *Config) { cfg.Gate, cfg.Retry.Attempts = gate, 1 }
		c, w := testClient(t, script(reply(429, ``, "Retry-After", "300"), reply(200, okList)), once)
		same, sameWire := testClient(t, reply(200, okList), once)
		otherPractice, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Practice = "partner" })
		otherKey, _ := testClient(t, reply(200, okList), once, func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub2))
		})
		if err := readOnce(t.Context(), c); !errors.Is(err, ErrThrottled) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, shut := range []*Client{c, same} {
			e, _ := asError(readOnce(t.Context(), shut))
			if e == nil || e.Kind != KindThrottled || !e.Local || e.RetryAfter != 290*time.Second || e.Attempts != 0 || e.Sent != NotSent {
				t.Errorf("%#v", e)
			}
		}
		for _, open := range []*Client{otherPractice, otherKey} {
			if err := readOnce(t.Context(), open); err != nil {
				t.Error(err)
			}
		}
		if w.requests.Load() != 1 || sameWire.requests.Load() != 0 {
			t.Error("sent through a shut gate")
		}
		time.Sleep(20 * time.Second) // 30 s in all: the cap
		if err := readOnce(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

func TestARetryWaitsForTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		share := func(cfg *Config) { cfg.Gate = gate }
		first, _ := testClient(t, reply(429, ``, "Retry-After", "5"), share, func(cfg *Config) { cfg.Retry.Attempts = 1 })
		second, w := testClient(t, reply(200, okList), share)
		_ = readOnce(t.Context(), first)
		start := time.Now()
		if err := readOnce(t.Context(), second); err != nil || time.Since(start) != 5*time.Second || w.requests.Load() != 1 {
			t.Error(err, time.Since(start))
		}
	})
}

func TestTheRateLimitWaitsOrRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, reply(200, okList), func(cfg *Config) {
			cfg.Limits.RatePerSecond, cfg.Limits.Burst, cfg.Retry.Attempts = 2, 1, 1
		})
		start := time.Now()
		for range 5 {
			if err := readOnce(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("5 calls at 2 a second took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if e, _ := asError(readOnce(ctx, c)); e == nil || e.Kind != KindThrottled || !e.Local || e.RetryAfter != 500*time.Millisecond {
			t.Errorf("%#v", e)
		}
	})
}
