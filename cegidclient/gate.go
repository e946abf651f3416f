package cegidclient

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gateCap is the longest that a 429 keeps the gate shut: Loop publishes no quota (loop-api: C 3.1), so a long
// Retry-After is tried again rather than believed for hours.
const gateCap = 30 * time.Second

// Gate remembers who was throttled, so that calls bound to fail are refused here. Clients of one installation
// share a Gate. The memory is keyed by subscription key (a digest of it), then practice.
type Gate struct {
	mu    sync.Mutex
	shut  map[gateKey]shutUntil
	paces map[string]*pace // by practice
}

// pace is a practice's configured rate, at which its callers take turns.
type pace struct {
	*rate.Limiter
	places *places
}

type gateKey struct {
	subscription digest
	practice     string
}

type shutUntil struct {
	opens time.Time // after this the gate lets a call try again
	told  time.Time // the end of the Retry-After that Loop gave
}

// NewGate returns an open gate.
func NewGate() *Gate {
	return &Gate{shut: map[gateKey]shutUntil{}, paces: map[string]*pace{}}
}

// limit gives the practice's limiter the newest settings; clients of one practice share it.
func (g *Gate) limit(practice string, perSecond float64, burst int) *pace {
	if perSecond <= 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.paces[practice]
	if !ok {
		l = &pace{rate.NewLimiter(rate.Limit(perSecond), max(burst, 1)), newPlaces(1)}
		g.paces[practice] = l
		return l
	}
	l.SetLimit(rate.Limit(perSecond))
	l.SetBurst(max(burst, 1))
	return l
}

// refused gives the time that Loop asked for and that is left; 0 lets the call pass.
func (g *Gate) refused(key gateKey, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.shut[key]
	if !ok {
		return 0
	}
	if !now.Before(s.opens) {
		delete(g.shut, key)
		return 0
	}
	return s.told.Sub(now)
}

func (g *Gate) remember(key gateKey, wait time.Duration, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, s := range g.shut { // few entries: one per throttled pair
		if !now.Before(s.opens) {
			delete(g.shut, k)
		}
	}
	g.shut[key] = shutUntil{opens: now.Add(min(wait, gateCap)), told: now.Add(wait)}
}

// interceptor is the quota gate. A rate limit waits when the wait is short and fits the deadline; the memory of a
// 429 refuses at once, and the retry interceptor treats that as the 429 it stands for.
func (g *Gate) interceptor(pace *pace, count *brakes) Interceptor {
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		if call.probe { // somebody wants to know what Loop says, now
			return next(ctx, call)
		}
		key := gateKey{subscription: call.pair.subscription, practice: call.Practice}
		if wait := g.refused(key, time.Now()); wait > 0 {
			count.throttled.Add(1)
			return nil, &Error{Kind: KindThrottled, Local: true, RetryAfter: wait, detail: "Loop throttled this practice a moment ago"}
		}
		if err := pace.wait(ctx, count); err != nil {
			return nil, err
		}
		resp, err := next(ctx, call)
		if e, ok := asError(err); ok && e.Kind == KindThrottled && !e.Local && e.RetryAfter > 0 {
			g.remember(key, e.RetryAfter, time.Now())
		}
		return resp, err
	}
}

// wait waits for a turn, unless it would come too late. One attempt at a time waits for the rate, so that the next one is
// chosen when its turn has come.
func (p *pace) wait(ctx context.Context, count *brakes) error {
	if p == nil {
		return nil
	}
	if p.places.try() {
		if p.Allow() {
			p.places.give()
			return nil
		}
		p.places.give()
	}
	wait := p.estimate(p.places.ahead(ctx) + 1)
	if wait > gateCap || wait > timeLeft(ctx) {
		count.overRate.Add(1)
		return &Error{Kind: KindThrottled, Local: true, RetryAfter: min(wait, maxRetryAfter), detail: "over the rate configured for this practice"}
	}
	defer count.rate.since(time.Now())
	if p.places.take(ctx) != nil {
		return interrupted(ctx, NotSent, nil)
	}
	defer p.places.give()
	turn := p.Reserve()
	if sleep(ctx, turn.Delay()) != nil {
		turn.Cancel()
		return interrupted(ctx, NotSent, nil)
	}
	return nil
}

// estimate is how long it takes until so many more have had their turn.
func (p *pace) estimate(n int) time.Duration {
	return time.Duration(max(0, float64(n)-p.Tokens()) / float64(p.Limit()) * float64(time.Second))
}
