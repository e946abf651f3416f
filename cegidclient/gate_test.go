package cegidclient

import (
	"context"
	"errors"
	"strings"
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

// TestGatesTellEachOther: what Loop told one keeps the calls of another back, and its end lets them pass, those that wait at once.
func TestGatesTellEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := NewGate(), NewGate()
		var told []Throttle
		here.Tell(func(each Throttle) { told = append(told, each); there.Heed(each) })
		with := func(gate *Gate) func(*Config) {
			return func(cfg *Config) { cfg.Gate, cfg.Retry.Attempts = gate, 1 }
		}
		first, _ := testClient(t, script(reply(429, ``, "Retry-After", "25"), reply(200, okList)), with(here))
		second, wire := testClient(t, reply(200, okList), with(there))
		other, _ := testClient(t, reply(200, okList), with(there), func(cfg *Config) { cfg.Practice = "partner" })
		if err := readOnce(t.Context(), first); !errors.Is(err, ErrThrottled) {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].Wait != 25*time.Second || told[0].Practice != "demo" || len(told[0].Subscription) != 16 || strings.Contains(told[0].Subscription, testSub) {
			t.Fatalf("%+v", told)
		}
		e, _ := asError(readOnce(t.Context(), second))
		if e == nil || e.Kind != KindThrottled || !e.Local || e.RetryAfter != 25*time.Second || wire.requests.Load() != 0 {
			t.Errorf("%#v", e)
		}
		if err := readOnce(t.Context(), other); err != nil {
			t.Errorf("another practice: %v", err)
		}
		time.Sleep(10 * time.Second)
		done := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			if err := readOnce(t.Context(), second); err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
		}()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if _, err := first.Probe(t.Context(), "X", KeyStandard); err != nil { // somebody asks Loop itself, and it answers
			t.Fatal(err)
		}
		if took := <-done; took != 2*time.Second {
			t.Errorf("who waited there had its turn after %s", took)
		}
		if len(told) != 2 || told[1].Wait != 0 {
			t.Errorf("%+v", told)
		}
		if err := readOnce(t.Context(), first); err != nil || len(told) != 2 {
			t.Errorf("%v, told %+v", err, told)
		}
		there.Heed(Throttle{Subscription: "of a version to come", Practice: "demo", Wait: time.Hour})
		if err := readOnce(t.Context(), second); err != nil {
			t.Error(err)
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
