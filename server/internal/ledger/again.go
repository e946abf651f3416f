package ledger

import (
	"context"
	"errors"
)

// again ends an attempt as turned away and begins the next one, in one step: in between, nobody else may begin one. Once others
// have settled the attempt it is too late: its entries may have been sent under another id since, with which nobody would
// compare them.
func (r rules) again(s status, attempt int, owner, next string, now int64) (status, error) {
	if !s.state.Open() {
		return s, ErrLost
	}
	to, changed, err := r.settle(s, attempt, owner, NotSent, "")
	switch {
	case err != nil:
		return s, err
	case !changed: // it is the answer to a repeat by its caller, or by a person
		return s, ErrLost
	}
	return r.retake(to, next, now)
}

// Again ends an attempt as turned away by Loop and begins another one of the same submission, for the owner next; only
// that of the first may do so. It may be repeated when its commit was not confirmed. With ErrLost the attempt is not the
// owner's to end, and nothing has changed.
func (l *Ledger) Again(ctx context.Context, key Key, attempt int, owner, next string) (Record, error) {
	var row Record
	err := l.write(ctx, func(w *writing) error {
		err := w.current()
		if err != nil {
			return err
		}
		if row, err = w.row(key); err != nil {
			return err
		}
		from := row.status()
		if from.attempt == attempt+1 && from.owner == next && from.state == Received {
			return nil // it was stored
		}
		to, err := w.rules.again(from, attempt, owner, next, w.now)
		if err != nil {
			return errors.Join(ErrLost, err)
		}
		row.apply(to, w.now)
		row.Received, row.Error = instant(w.now), nil
		return w.update(from, &row)
	})
	if err != nil {
		return Record{}, err
	}
	return row, nil
}
