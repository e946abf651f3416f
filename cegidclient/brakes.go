package cegidclient

import (
	"sync/atomic"
	"time"
)

// BreakerState is the state of a client's circuit breaker.
type BreakerState int

// The states: calls pass; one call at a time is tried; calls are refused.
const (
	BreakerClosed BreakerState = iota
	BreakerHalfOpen
	BreakerOpen
)

// Brakes says what has kept a client's attempts from Loop since it was made.
type Brakes struct {
	// Breaker is the state now.
	Breaker BreakerState
	// Answers is how many attempts Loop has answered, otherwise than by being out of order.
	Answers int64
	// Rejections is how many calls Loop has turned away in a row by rejecting the keys (401), with whichever it was tried.
	Rejections int64
	// Retries is how many the client has in hand by its budget.
	Retries float64
	// Of each class are its attempts.
	Of [classes]ClassBrakes
	// Places are those of the practice's attempts here, and Rate how many it may begin in a second; 0 is no limit.
	Places int
	Rate   float64
	// SubscriptionKey is the one that the next attempt begins with: 0 the primary one, 1 the secondary.
	SubscriptionKey int
}

// ClassBrakes says what has kept the attempts of a [Class] from Loop.
type ClassBrakes struct {
	// Throttled, OverRate, Busy and Paused count the attempts that were refused here: soon after a 429 of Loop's, over the
	// configured rate, because they would not have had their turn in time, while the breaker was open.
	Throttled, OverRate, Busy, Paused int64
	// GateWaits, RateWaits and SlotWaits count the attempts that waited here: for the end of the pause that a 429 asked for, for
	// their turn at the configured rate, and for an attempt under way to end. GateTime, RateTime and SlotTime are the sums of
	// these waits.
	GateWaits, RateWaits, SlotWaits int64
	GateTime, RateTime, SlotTime    time.Duration
	// UnderWay and Waiting are the practice's attempts now, those of its other clients included.
	UnderWay, Waiting int
}

// Brakes returns what the client has counted.
func (c *Client) Brakes() Brakes {
	b := c.brakes
	out := Brakes{
		Breaker: b.state(), Answers: b.answers.Load(), Rejections: b.rejections.Load(), Retries: b.retries(),
		SubscriptionKey: b.subscriptionKey(),
	}
	for class := range b.of {
		out.Of[class] = b.of[class].told()
	}
	c.admission.mu.Lock()
	defer c.admission.mu.Unlock()
	for _, kept := range c.admission.share.kept {
		out.Places += kept
	}
	out.Places += c.admission.share.shared
	if c.admission.rate != nil {
		out.Rate = float64(c.admission.rate.Limit())
	}
	for class := range c.admission.lines {
		out.Of[class].UnderWay, out.Of[class].Waiting = len(c.admission.lines[class].underWay), c.admission.lines[class].n
	}
	return out
}

// brakes is where the steps of a client's chain count.
type brakes struct {
	state               func() BreakerState
	retries             func() float64
	subscriptionKey     func() int
	answers, rejections atomic.Int64
	of                  [classes]classBrakes
}

// classBrakes is where those of a class are counted.
type classBrakes struct {
	throttled, overRate, busy, paused atomic.Int64
	waits                             [causes]waits
}

type waits struct{ n, took atomic.Int64 }

// told is what was counted.
func (b *classBrakes) told() ClassBrakes {
	gate, pace, place := &b.waits[forGate], &b.waits[forRate], &b.waits[forPlace]
	return ClassBrakes{
		Throttled: b.throttled.Load(), OverRate: b.overRate.Load(), Busy: b.busy.Load(), Paused: b.paused.Load(),
		GateWaits: gate.n.Load(), GateTime: time.Duration(gate.took.Load()),
		RateWaits: pace.n.Load(), RateTime: time.Duration(pace.took.Load()),
		SlotWaits: place.n.Load(), SlotTime: time.Duration(place.took.Load()),
	}
}

// waited counts a wait, also one that its caller gave up.
func (b *classBrakes) waited(why cause, start time.Time) {
	b.waits[why].n.Add(1)
	b.waits[why].took.Add(int64(time.Since(start)))
}

// refused counts an attempt that had no turn.
func (b *classBrakes) refused(err error) {
	switch e, _ := asError(err); {
	case e.Kind == KindBusy:
		b.busy.Add(1)
	case e.Kind == KindThrottled && e.detail == overRate:
		b.overRate.Add(1)
	case e.Kind == KindThrottled:
		b.throttled.Add(1)
	}
}
