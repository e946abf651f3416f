package cegidclient

import (
	"encoding/hex"
	"sync"
	"time"
)

// gateCap is the longest that a 429 keeps the gate shut: Loop publishes no quota (loop-api: C 3.1), so a long
// Retry-After is tried again rather than believed for hours.
const gateCap = 30 * time.Second

// Gate is what the clients of one installation share: an admission for each practice, who was throttled, and how long Loop's
// pages are. Calls that a 429 would refuse wait here, or are refused here. The memory of 429s is keyed by subscription key (a
// digest of it), then practice.
type Gate struct {
	mu         sync.Mutex
	shut       map[gateKey]shutUntil
	admissions map[string]*admission // by practice
	pages      map[pageKey]*pageKnowledge
	tell       func(Throttle)
}

// pageKey is the base URL, as the cap is the server's, and the route where each has a cap of its own.
type pageKey struct{ base, route string }

type gateKey struct {
	subscription mark
	practice     string
}

// mark replaces a subscription key where it must not be known: a part of its digest.
type mark [8]byte

func markOf(of digest) mark { return mark(of[:8]) }

type shutUntil struct {
	since time.Time // when it was learnt
	opens time.Time // after this the gate lets a call try again
	told  time.Time // the end of the Retry-After that Loop gave
}

// Throttle is what a 429 of Loop's for a practice has asked for, or its end.
type Throttle struct {
	// Subscription is a mark of the subscription key, in 16 hexadecimal digits, by which other gates know it; no secret.
	Subscription string
	Practice     string
	// Wait is what is left of it; 0 is its end: Loop has answered.
	Wait time.Duration
}

// NewGate returns an open gate.
func NewGate() *Gate {
	return &Gate{shut: map[gateKey]shutUntil{}, admissions: map[string]*admission{}, pages: map[pageKey]*pageKnowledge{}}
}

func (g *Gate) pagesOf(key pageKey) *pageKnowledge {
	g.mu.Lock()
	defer g.mu.Unlock()
	k, ok := g.pages[key]
	if !ok {
		k = new(pageKnowledge)
		g.pages[key] = k
	}
	return k
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

// Tell has a function told of each 429 that asks for a wait, and of its end, for the gates of other processes. It is called in the
// way of calls, and must not block.
func (g *Gate) Tell(tell func(Throttle)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell = tell
}

// Heed takes in what another gate was told by Loop.
func (g *Gate) Heed(t Throttle) {
	raw, err := hex.DecodeString(t.Subscription)
	if err != nil || len(raw) != len(mark{}) {
		return // of a version to come
	}
	key, now := gateKey{mark(raw), t.Practice}, time.Now()
	g.mu.Lock()
	if t.Wait > 0 {
		g.shut[key] = shutFor(t.Wait, now)
	} else {
		delete(g.shut, key)
	}
	waiting := g.admissions[t.Practice]
	g.mu.Unlock()
	if waiting == nil {
		return
	}
	waiting.mu.Lock()
	defer waiting.mu.Unlock()
	waiting.dispatch(now)
}

// refused gives the time that Loop asked for and that is left; 0 lets the call pass.
func (g *Gate) refused(key gateKey, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.shut[key]
	if !ok || !now.Before(s.opens) {
		return 0
	}
	return s.told.Sub(now)
}

func shutFor(wait time.Duration, now time.Time) shutUntil {
	return shutUntil{since: now, opens: now.Add(min(wait, gateCap)), told: now.Add(wait)}
}

func (g *Gate) remember(key gateKey, wait time.Duration, now time.Time) {
	g.mu.Lock()
	for k, s := range g.shut { // few entries: one per throttled pair
		if !now.Before(s.told) {
			delete(g.shut, k)
		}
	}
	g.shut[key] = shutFor(wait, now)
	tell := g.tell
	g.mu.Unlock()
	if tell != nil {
		tell(Throttle{hex.EncodeToString(key.subscription[:]), key.practice, wait})
	}
}

// answered notes that Loop has answered an attempt that began at an instant: a 429 of before is over, whatever it asked for.
func (g *Gate) answered(key gateKey, began time.Time) {
	g.mu.Lock()
	s, shut := g.shut[key]
	over := shut && began.After(s.since)
	if over {
		delete(g.shut, key)
	}
	tell := g.tell
	g.mu.Unlock()
	if over && tell != nil && time.Now().Before(s.told) {
		tell(Throttle{hex.EncodeToString(key.subscription[:]), key.practice, 0})
	}
}
