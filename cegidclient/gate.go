package cegidclient

import (
	"sync"
	"time"
)

// gateCap is the longest that a 429 keeps the gate shut: Loop publishes no quota (loop-api: C 3.1), so a long
// Retry-After is tried again rather than believed for hours.
const gateCap = 30 * time.Second

// Gate is the way to Loop that the clients of one installation share: an admission for each practice, and the memory of
// who was throttled, so that calls bound to fail wait or are refused here. The memory is keyed by subscription key (a
// digest of it), then practice.
type Gate struct {
	mu         sync.Mutex
	shut       map[gateKey]shutUntil
	admissions map[string]*admission // by practice
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
	return &Gate{shut: map[gateKey]shutUntil{}, admissions: map[string]*admission{}}
}

// admission gives the practice's admission the newest settings; most is how long an attempt of each class may take.
func (g *Gate) admission(practice string, limits Limits, most [classes]time.Duration) *admission {
	g.mu.Lock()
	a, ok := g.admissions[practice]
	if !ok {
		a = &admission{gate: g}
		g.admissions[practice] = a
	}
	g.mu.Unlock()
	a.configure(limits, most)
	return a
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
