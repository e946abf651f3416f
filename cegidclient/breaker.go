package cegidclient

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// BreakerPolicy stops calls for a while when Loop looks down. Zero values are the defaults.
type BreakerPolicy struct {
	// Failures in a row (5xx, network, attempt timeouts) that open it. Default 10.
	Failures int
	// OpenFor is how long it stays open before one call may try. Default 10 s.
	OpenFor time.Duration
	// Disabled leaves it closed for ever.
	Disabled bool
}

func (p BreakerPolicy) withDefaults() BreakerPolicy {
	if p.Failures <= 0 {
		p.Failures = 10
	}
	if p.OpenFor <= 0 {
		p.OpenFor = 10 * time.Second
	}
	return p
}

// errNotCounted ends an attempt that says nothing about Loop's health: the caller left, or the hook failed.
var errNotCounted = errors.New("not counted")

// circuitBreaker counts 5xx and network failures only: a 4xx is an answer, and a caller who goes away proves nothing.
func circuitBreaker(p BreakerPolicy, count *brakes) Interceptor {
	var opened atomic.Int64 // time of the last opening, Unix nanoseconds
	b := gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     p.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= p.Failures },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				opened.Store(time.Now().UnixNano())
			}
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNotCounted) },
	})
	count.state = func() BreakerState {
		switch b.State() {
		case gobreaker.StateOpen:
			return BreakerOpen
		case gobreaker.StateHalfOpen:
			return BreakerHalfOpen
		}
		return BreakerClosed
	}
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		if p.Disabled || call.probe { // a probe asks Loop itself, and is no evidence for others
			return next(ctx, call)
		}
		done, err := b.Allow()
		if err != nil {
			count.paused.Add(1)
			left := time.Until(time.Unix(0, opened.Load()).Add(p.OpenFor))
			// While one call tries the way, the others learn soon.
			return nil, &Error{
				Kind: KindUnavailable, Local: true, RetryAfter: max(left, time.Second),
				detail: "Loop failed several times in a row; calls are paused",
			}
		}
		verdict := errNotCounted
		defer func() { done(verdict) }() // also when a hook panics: a lost slot would keep it half-open for ever
		resp, err := next(ctx, call)
		if e, ok := asError(err); err == nil || ok && e.Kind != KindInterrupted && !e.Local {
			verdict = nil
			if ok && e.Kind == KindUnavailable {
				verdict = err
			}
		}
		return resp, err
	}
}
