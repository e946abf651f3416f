package cegidclient

import (
	"sync/atomic"
	"time"
)

// BreakerState is the state of a client's circuit breaker.
type BreakerState int

// The states: calls pass; one call at a time tries the way; calls are refused.
const (
	BreakerClosed BreakerState = iota
	BreakerHalfOpen
	BreakerOpen
)

// Brakes says what has kept a client's attempts from Loop since it was made.
type Brakes struct {
	// Breaker is the state now.
	Breaker BreakerState
	// Throttled, OverRate and Paused count the attempts that were refused here: soon after a 429 of Loop's, over the
	// configured rate, while the breaker was open.
	Throttled, OverRate, Paused int64
	// RateWaits and SlotWaits count the attempts that waited here, for their turn at the configured rate and for one of
	// the attempts in flight to end; RateTime and SlotTime are how long together.
	RateWaits, SlotWaits int64
	RateTime, SlotTime   time.Duration
}

// Brakes returns what the client has counted.
func (c *Client) Brakes() Brakes {
	b := c.brakes
	return Brakes{
		Breaker:   b.state(),
		Throttled: b.throttled.Load(), OverRate: b.overRate.Load(), Paused: b.paused.Load(),
		RateWaits: b.rate.n.Load(), RateTime: time.Duration(b.rate.took.Load()),
		SlotWaits: b.slot.n.Load(), SlotTime: time.Duration(b.slot.took.Load()),
	}
}

// brakes is where the steps of a client's chain count.
type brakes struct {
	state                       func() BreakerState
	throttled, overRate, paused atomic.Int64
	rate, slot                  waits
}

type waits struct{ n, took atomic.Int64 }

// since counts a wait, also one that its caller gave up.
func (w *waits) since(start time.Time) {
	w.n.Add(1)
	w.took.Add(int64(time.Since(start)))
}
