package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// pingEvery is how often the ledger is asked whether it answers.
	pingEvery = time.Second
	// pingLimit is how long it may take: it has one connection, and large imports keep that for a moment.
	pingLimit = 5 * time.Second
)

// Why the service is not ready for reads, or for writes. Loop is no reason, nor are secrets that cannot be read again: other
// instances have the same, callers get errors that say more, and a service that is not asked cannot answer what it still can.
// The ledger is a reason for writes alone, since reads need none.
var (
	errStarting = errors.New("starting")
	errDraining = errors.New("shutting down")
	errDrained  = errors.New("drained, as the operator asked")
	errLedger   = errors.New("the ledger does not answer")
	errFull     = errors.New("the disk of the ledger is full")
	errGone     = errors.New("the file of the ledger was removed")
	errOlder    = errors.New("the ledger is a copy, or older than its audit")
	// errAwaited is for reads, too, for a while: a new version that cannot reach the ledger at all should not replace those before.
	errAwaited = errors.New("the ledger has not been reached yet")
)

// tellEvery is how often failures are logged that are over before the ledger is asked.
const tellEvery = time.Minute

// readiness says whether new calls are welcome.
type readiness struct {
	// ping asks the ledger; it can take longer than its context.
	ping func(context.Context) error
	// trouble is how often the ledger has failed, and how it did last.
	trouble func() ledger.Failures
	// changed receives each change.
	changed func(reads, writes bool)
	log     *slog.Logger

	// all has reads wait for the ledger, too.
	all bool
	// firstLedger is how long a server is not ready that has never reached its ledger.
	firstLedger time.Duration

	mu                sync.Mutex
	serving, draining bool
	drained           bool  // as the operator asked, until he takes it back
	awaiting          bool  // the ledger, which was not reached yet, and nothing is served until then
	ledger            error // of the last ping
	failures          int64 // of both kinds, that were logged
	told              time.Time
}

func (r *readiness) drainedNow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drained
}

// why is nil when the service is ready for reads.
func (r *readiness) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	reads, _ := r.reasons()
	return reads
}

// whyNoWrites is nil when the service is ready for writes.
func (r *readiness) whyNoWrites() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, writes := r.reasons()
	return writes
}

func (r *readiness) reasons() (reads, writes error) {
	switch {
	case r.draining:
		return errDraining, errDraining
	case !r.serving:
		return errStarting, errStarting
	case r.drained:
		return errDrained, errDrained
	case r.ledger == nil:
		return nil, nil
	case errors.Is(r.ledger, ledger.ErrFull):
		writes = errFull
	case errors.Is(r.ledger, ledger.ErrGone):
		writes = errGone
	case errors.Is(r.ledger, ledger.ErrOlder):
		writes = errOlder
	case errors.Is(r.ledger, ledger.ErrNotOpen):
		writes = errAwaited
	default:
		writes = errLedger
	}
	if r.all || r.awaiting {
		reads = writes
	}
	return reads, writes
}

// set changes what is known, and tells of it if that makes a difference.
func (r *readiness) set(change func(*readiness)) {
	r.mu.Lock()
	defer r.mu.Unlock() // listeners receive the changes in order
	reads, writes := r.reasons()
	change(r)
	readsNow, writesNow := r.reasons()
	if (reads == nil) != (readsNow == nil) || (writes == nil) != (writesNow == nil) {
		r.changed(readsNow == nil, writesNow == nil)
	}
	switch up := readsNow == nil && reads == nil; {
	case up && writes == nil && writesNow != nil:
		r.log.Error("writes are refused: "+writesNow.Error(), "error", r.ledger.Error())
	case up && writes != nil && writesNow == nil:
		r.log.Info("writes are taken again: the ledger answers")
	}
}

// answered notes what the ledger has answered, and tells of failures that were over by then: calls have met them.
func (r *readiness) answered(err error) {
	var trouble ledger.Failures
	if r.trouble != nil {
		trouble = r.trouble()
	}
	failures := trouble.Commits + trouble.Reads
	r.set(func(r *readiness) {
		passing := failures > r.failures && err == nil && r.ledger == nil && time.Since(r.told) >= tellEvery
		if failures > r.failures && (passing || err != nil || r.ledger != nil) {
			r.failures = failures
		}
		r.ledger = err
		r.awaiting = r.awaiting && err != nil
		if passing {
			r.told = time.Now()
			r.log.Error("the ledger has failed, and answers again", "error", trouble.Last.Error())
		}
	})
}

// watch asks the ledger until ctx ends.
func (r *readiness) watch(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	answer := make(chan error, 1)
	patience := time.NewTimer(r.firstLedger)
	defer patience.Stop()
	var asked time.Time // when the question was put that has no answer yet; zero without one
	for {
		select {
		case <-ctx.Done():
			return
		case <-patience.C:
			r.set(func(r *readiness) { r.awaiting = false })
		case err := <-answer:
			asked = time.Time{}
			if ctx.Err() == nil { // else the end cut it short
				r.answered(err)
			}
		case now := <-ticker.C:
			switch {
			case asked.IsZero():
				asked = now
				go func() {
					ctx, cancel := context.WithTimeout(ctx, pingLimit)
					defer cancel()
					answer <- r.ping(ctx)
				}()
			case now.Sub(asked) >= pingLimit:
				r.set(func(r *readiness) { r.ledger = context.DeadlineExceeded })
			}
		}
	}
}
