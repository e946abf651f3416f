package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// pingEvery is how often the ledger is asked whether it answers.
	pingEvery = time.Second
	// pingLimit is how long it may take: it has one connection, and large imports keep that for a moment.
	pingLimit = 5 * time.Second
)

// Why the service is not ready. Loop is no reason, nor are secrets that cannot be read again: other instances have the
// same, callers get errors that say more, and a service that nobody asks cannot answer what it still can.
var (
	errStarting = errors.New("starting")
	errLedger   = errors.New("the ledger does not answer")
	errDraining = errors.New("shutting down")
)

// readiness says whether new calls are welcome.
type readiness struct {
	// ping asks the ledger; it can take longer than its context.
	ping func(context.Context) error
	// changed is told of each change.
	changed func(ready bool)
	log     *slog.Logger

	mu                sync.Mutex
	serving, draining bool
	ledger            error // of the last ping
}

// why is nil when the service is ready.
func (r *readiness) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason()
}

func (r *readiness) reason() error {
	switch {
	case r.draining:
		return errDraining
	case !r.serving:
		return errStarting
	case r.ledger != nil:
		return errLedger
	}
	return nil
}

// set changes what is known, and tells of it if that makes a difference.
func (r *readiness) set(change func(*readiness)) {
	r.mu.Lock()
	defer r.mu.Unlock() // those who are told hear the changes in their order
	before := r.reason()
	change(r)
	after := r.reason()
	if (before == nil) == (after == nil) {
		return
	}
	r.changed(after == nil)
	switch {
	case errors.Is(after, errLedger):
		r.log.Error("not ready: the ledger does not answer", "error", r.ledger.Error())
	case errors.Is(before, errLedger):
		r.log.Info("ready again: the ledger answers")
	}
}

// watch asks the ledger until ctx ends.
func (r *readiness) watch(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	answer := make(chan error, 1)
	var asked time.Time // when the question was put that has no answer yet; zero without one
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-answer:
			asked = time.Time{}
			if ctx.Err() == nil { // else the end cut it short
				r.set(func(r *readiness) { r.ledger = err })
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
