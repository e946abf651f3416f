package ledger

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// leastStep is what the database's clock may go back by without anything being done about it: by so much, following is late.
const leastStep = 5 * time.Second

// wentBack says whether the database's clock has gone back, against the monotonic one of this process, since this was asked last;
// the first time it is unknown, and the answer is yes.
func (g *clockGuard) wentBack(now int64, stands bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	var base int64
	if g.monotonic != nil || !stands {
		base = now - g.elapsed().Microseconds()
	}
	back := !g.following || base < g.followBase-leastStep.Microseconds()
	if back || base > g.followBase {
		g.following, g.followBase = true, base
	}
	return back
}

// forget has wentBack say so again: what it was asked for has failed.
func (g *clockGuard) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.following = false
}

// catchUp makes due what a clock that has gone back has put off: Loop was asked about it, or it was sent, in the future. Else it
// would wait until the clock is again where it was. All that is followed is looked through, at the start of a process and after each
// step back.
func (l *Ledger) catchUp(ctx context.Context) error {
	err := l.write(ctx, func(w *writing) error {
		for _, p := range pursuits() {
			if _, err := w.tx.ExecContext(w.ctx, p.present, w.now); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		l.guard.forget()
	}
	return err
}

// outlived are the leases that began in the future: the clock has gone back since. They last as long as they were given for, by the
// monotonic clock of this process, from when it saw them first.
type outlived struct {
	mu   sync.Mutex
	seen map[leased]time.Duration
}

type leased struct {
	Key
	attempt int
	until   time.Time
}

// over says which leases are; those that are not among rows are forgotten.
func (o *outlived) over(rows []Record, now int64, elapsed time.Duration) map[leased]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.seen
	o.seen = nil
	over := map[leased]bool{}
	for i := range rows {
		r := &rows[i]
		if micros(r.Received) <= now || !r.State.Open() || r.LeaseUntil.Before(r.Received) {
			continue // the last: it was given by the clock of now, and dated (writing.date)
		}
		lease := leased{r.Key, r.Attempt, r.LeaseUntil}
		since, known := before[lease]
		if !known {
			since = elapsed
		}
		if o.seen == nil {
			o.seen = map[leased]time.Duration{}
		}
		o.seen[lease] = since
		over[lease] = elapsed-since >= r.LeaseUntil.Sub(r.Received)
	}
	return over
}

// ran is how long the monotonic clock has.
func (g *clockGuard) ran() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.elapsed()
}
