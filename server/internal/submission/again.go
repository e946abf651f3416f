package submission

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// mostRepeats is how often a submission is begun again after a 429.
	mostRepeats = 2
	// firstRepeat is the pause after a 429 that does not say how long; it doubles.
	firstRepeat = time.Second
)

// again begins another attempt of a submission that Loop refused with a 429, and says how long it pauses first. The attempt has
// its own commits and its own record of the audit, and is only begun where there is time for its turn. That nothing looked at
// what was turned away is inferred (loop-api: C 3.1) [I]; an answer that names an import is no 429 of this kind, since its
// outcome is uncertain.
func (i *Sender) again(ctx context.Context, record ledger.Record, outcome ledger.Outcome, turnBy time.Time,
	repeats int,
) (next ledger.Record, pause time.Duration, begun bool) {
	if !i.cfg.RepeatAfter429 || repeats >= mostRepeats || outcome.State != ledger.NotSent || outcome.Error == nil ||
		outcome.Error.HTTPStatus != http.StatusTooManyRequests {
		return next, 0, false
	}
	pause = max(outcome.Error.RetryAfter, firstRepeat<<repeats)
	if time.Until(turnBy) <= pause || i.stopped.Err() != nil {
		return next, 0, false
	}
	owner := i.owner()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		next, err := i.cfg.Ledger.Again(ctx, record.Key, record.Attempt, record.Owner, owner)
		switch {
		case err == nil:
			ended := record
			ended.State, ended.Error = outcome.State, outcome.Error
			i.note(ctx, ended)
			return next, pause, true
		case !errors.Is(err, ledger.ErrCommit): // it is settled as the row says
			return next, 0, false
		}
		if !i.pause(wait) { // should it have been stored, the next server that finds it settles it
			return next, 0, false
		}
	}
}

// pause waits; false when the server stops meanwhile.
func (i *Sender) pause(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-i.stopping:
		return false
	}
}
