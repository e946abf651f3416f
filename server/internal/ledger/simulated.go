package ledger

import (
	"context"
	"time"
)

// What follows is for tests of other packages only.

// WithMonotonic gives a ledger with a clock of its own what to compare it with: a clock that cannot leap.
func WithMonotonic(passed func() time.Duration) Option {
	return func(l *Ledger) { l.guard.monotonic = passed }
}

// Simulated opens the ledger in a file, which Init has made, for a simulation in which processes die and others go on with their
// file. clock replaces the database's and is trusted not to leap; no commit waits for the disk.
func Simulated(ctx context.Context, path string, clock func() time.Time, passed func() time.Duration, options ...Option) (*Ledger, error) {
	l, err := open(ctx, path, false)
	if err != nil {
		return nil, err
	}
	l.clock = clock
	for _, option := range append(options, WithMonotonic(passed)) {
		option(l)
	}
	return l, nil
}
