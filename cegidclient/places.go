package cegidclient

import (
	"context"
	"slices"
	"sync"
)

type partyKey struct{}

// WithParty names for whom the calls made with the context are. Where attempts wait for one another, at the concurrency
// limit and at the configured rate, parties take turns: however many calls one of them has waiting, another one's next
// call waits for one of each. Calls without a name are of one party, too.
func WithParty(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, partyKey{}, name)
}

// places are handed out to parties that take turns.
type places struct {
	mu      sync.Mutex
	free    int
	waiting map[string][]chan struct{} // by party, those who came first in front
	order   []string                   // of the parties that wait, the next one in front
}

func newPlaces(number int) *places {
	return &places{free: number, waiting: map[string][]chan struct{}{}}
}

// try takes a place if there is one.
func (p *places) try() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 {
		return false
	}
	p.free--
	return true
}

// take waits for a place; the error is that of ctx. Whoever has taken it gives it back.
func (p *places) take(ctx context.Context) error {
	party, _ := ctx.Value(partyKey{}).(string)
	mine := make(chan struct{})
	p.mu.Lock()
	if p.free > 0 { // nobody waits then
		p.free--
		p.mu.Unlock()
		return nil
	}
	if len(p.waiting[party]) == 0 {
		p.order = append(p.order, party)
	}
	p.waiting[party] = append(p.waiting[party], mine)
	p.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	at := slices.Index(p.waiting[party], mine)
	if at < 0 { // it was just handed over
		p.mu.Unlock()
		p.give()
		return ctx.Err()
	}
	defer p.mu.Unlock()
	p.remove(party, at)
	if len(p.waiting[party]) == 0 {
		p.order = slices.DeleteFunc(p.order, func(each string) bool { return each == party })
	}
	return ctx.Err()
}

func (p *places) remove(party string, at int) {
	p.waiting[party] = slices.Delete(p.waiting[party], at, at+1)
	if len(p.waiting[party]) == 0 {
		delete(p.waiting, party)
	}
}

// give hands a place to the party whose turn it is.
func (p *places) give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.order) == 0 {
		p.free++
		return
	}
	party := p.order[0]
	close(p.waiting[party][0])
	p.remove(party, 0)
	p.order = p.order[1:]
	if len(p.waiting[party]) > 0 {
		p.order = append(p.order, party)
	}
}

// ahead is how many of those who wait come before the next call of a context's party.
func (p *places) ahead(ctx context.Context) (n int) {
	party, _ := ctx.Value(partyKey{}).(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	own := len(p.waiting[party])
	for each, waiting := range p.waiting {
		if each == party {
			n += own
		} else {
			n += min(len(waiting), own+1)
		}
	}
	return n
}
