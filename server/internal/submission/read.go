package submission

import (
	"context"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

// Import returns an import that a caller may see.
func (w *Writer) Import(ctx context.Context, caller string, key ledger.Key) (ledger.Record, error) {
	return w.find(ctx, caller, key, ErrImportUnknown)
}

// Document returns a document that a caller may see.
func (w *Writer) Document(ctx context.Context, caller string, key ledger.Key) (ledger.Record, error) {
	return w.find(ctx, caller, key, ErrDocumentUnknown)
}

// List lists imports; ledger.ErrCursor as of the ledger.
func (w *Writer) List(ctx context.Context, query ledger.Query) ([]ledger.Record, ledger.Cursor, error) {
	records, next, err := w.Ledger.List(ctx, query)
	return records, next, ledgerFault(err)
}

const (
	// heartbeat of a watch: balancers end connections on which nothing moves.
	heartbeat = 15 * time.Second
	// watchLimit ends a watch, so that a stream does not live on when its reader has forgotten it.
	watchLimit = 10 * time.Minute
)

// Watch tells of an import now, whenever it changes, and at times when it does not, until it is final or the watch has lasted
// long enough. get looks whether it may still be seen.
func (w *Writer) Watch(ctx context.Context, key ledger.Key, get func() (ledger.Record, error), tell func(ledger.Record) error) error {
	changed, cancel := w.Ledger.Subscribe(key)
	defer cancel()
	end := time.NewTimer(watchLimit)
	defer end.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var told ledger.Record
	for last, due := false, true; ; {
		record, err := get()
		if err != nil {
			return err
		}
		// A question to Loop that brought nothing new is no change.
		if due || record.State != told.State || record.Attempt != told.Attempt || record.FollowError != told.FollowError {
			if err := tell(record); err != nil {
				return err
			}
			told = record
		}
		if last || record.State.Final() {
			return nil
		}
		due = false
		select {
		case <-changed:
		case <-beat.C:
			due = true
		case <-end.C:
			last, due = true, true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
