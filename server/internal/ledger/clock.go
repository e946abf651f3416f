package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// mostLeap is how far the database's clock may leave the monotonic one of this process, and how far ahead of it the newest row
// may lie when the process begins.
const mostLeap = 24 * time.Hour

// ErrClock: the clock cannot be trusted, and nothing that depends on age is done.
var ErrClock = errors.New("ledger: the clock cannot be trusted")

// clockGuard compares the database's clock with one that cannot leap. After a leap, what depends on age is not done until a
// person says that the clock is right, or the process starts anew and the rows agree with the clock. An hour of a clock two
// years ahead must not make the ledger forget every id.
type clockGuard struct {
	// monotonic replaces that of the process in tests; with a clock of its own and without it, a ledger compares nothing.
	monotonic func() time.Duration

	mu    sync.Mutex
	began time.Time // with its monotonic reading
	known bool
	base  int64 // the database's clock less the monotonic one, in microseconds
	leap  time.Duration
	found bool // leap was found as this process began: the newest row lies so far ahead
	// following: followBase is the same, as it was highest since the last step back.
	following  bool
	followBase int64
}

// trusts notes what the database's clock says, and whether it can be believed. A process begins to compare with the newest row:
// where that lies ahead, the clock went back before, or was ahead then.
func (g *clockGuard) trusts(now int64, stands bool, newest func() (int64, error)) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.monotonic == nil && stands {
		return true, nil
	}
	base := now - g.elapsed().Microseconds()
	if !g.known {
		row, err := newest()
		if err != nil {
			return false, err
		}
		g.base, g.known = base, true
		if ahead := row - now; ahead > mostLeap.Microseconds() {
			g.base, g.found = base+ahead, true
		}
	}
	if apart := time.Duration(base-g.base) * time.Microsecond; g.leap == 0 && apart.Abs() > mostLeap {
		g.leap = apart
	}
	return g.leap == 0, nil
}

func (g *clockGuard) elapsed() time.Duration {
	if g.monotonic != nil {
		return g.monotonic()
	}
	if g.began.IsZero() {
		g.began = time.Now()
	}
	return time.Since(g.began)
}

// behind is how far back the database's clock is for now, in microseconds; 0 unless it has leapt.
func (g *clockGuard) behind(now int64) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leap == 0 || !g.known {
		return 0
	}
	if back := g.base - (now - g.elapsed().Microseconds()); back > mostLeap.Microseconds() {
		return back
	}
	return 0
}

// forgive begins to compare anew.
func (g *clockGuard) forgive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known, g.leap, g.found = false, 0, false
}

// Clock says why what depends on age is not done; nil while the clock is trusted.
func (l *Ledger) Clock() error {
	l.guard.mu.Lock()
	defer l.guard.mu.Unlock()
	if l.guard.leap == 0 {
		return nil
	}
	if l.guard.found {
		return fmt.Errorf("%w: the newest submission lies %s in the future", ErrClock, -l.guard.leap.Round(time.Second))
	}
	return fmt.Errorf("%w: the database's clock has leapt by %s", ErrClock, l.guard.leap.Round(time.Second))
}

// frozen are the rules in which nothing grows old.
func (r rules) frozen() rules {
	r.askGap, r.followFor, r.askFor, r.resubmitAfter = 0, math.MaxInt64, math.MaxInt64, math.MaxInt64
	return r
}

// rulesAt are the rules as they hold by what the database's clock says.
func (l *Ledger) rulesAt(ctx context.Context, q querier, now int64) (in rules, trusted bool, err error) {
	trusted, err = l.guard.trusts(now, l.clock != nil, func() (newest int64, err error) {
		if err = q.QueryRowContext(ctx, `SELECT COALESCE(MAX(updated), 0) FROM write_request`).Scan(&newest); err != nil {
			err = fmt.Errorf("ledger: %w", err)
		}
		return newest, err
	})
	if trusted {
		return l.rules, true, err
	}
	return l.rules.frozen(), false, err
}

// date gives what a transaction dates the day on which it happens, by the clock as it was before it went back: once it is
// right again, a row must not look as if it were years old.
func (w *writing) date(r *Record) {
	back := w.guard.behind(w.now)
	if back == 0 {
		return
	}
	for _, at := range []*time.Time{&r.Created, &r.Received, &r.Updated, &r.Submitted, &r.Finished} {
		if at.Equal(instant(w.now)) {
			*at = instant(w.now + back)
		}
	}
}

// since is how far back something of an age is remembered; everything while the clock is not trusted.
func (w *writing) since(age time.Duration) int64 {
	if !w.trusted {
		return 0
	}
	return ago(w.now, age)
}

// backTo sets each instant that lies ahead of $1 to it, and a lease that lasts longer than until $3.
var backTo = func() string {
	var out []string
	for _, column := range []string{"created", "received", "updated", "submitted", "finished", "asked", "next_poll"} {
		out = append(out, fmt.Sprintf("%[1]s = CASE WHEN %[1]s > $1 THEN $1 ELSE %[1]s END", column))
	}
	// else no server settles what a dead owner has left
	out = append(out, "lease_until = CASE WHEN lease_until > $3 THEN $3 ELSE lease_until END")
	return strings.Join(out, ", ")
}()

// TrustClock takes the database's clock as right as it is, and brings what lies ahead of it back to it.
func (l *Ledger) TrustClock(ctx context.Context) error {
	err := l.write(ctx, func(w *writing) error {
		_, err := w.tx.ExecContext(w.ctx, `UPDATE write_request SET `+backTo+` WHERE created > $2 OR received > $2 OR updated > $2 `+
			`OR submitted > $2 OR finished > $2 OR asked > $2 OR next_poll > $2 OR lease_until > $2`,
			w.now, w.now+mostLeap.Microseconds()+time.Hour.Microseconds(), // what is UNCERTAIN may be put off by a day
			w.now+w.rules.lease.Microseconds())
		if err == nil {
			_, err = w.tx.ExecContext(w.ctx, `UPDATE retention SET day = $1 WHERE day > $1`, w.now)
		}
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	if err == nil { // who is told that it failed does not trust it
		l.guard.forgive()
	}
	return err
}
