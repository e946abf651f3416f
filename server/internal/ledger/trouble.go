package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// checkFile says whether what is committed to a ledger in a file can be found again: SQLite writes on to a file that was
// removed, and all of that would be gone with the process. ErrGone.
func (l *Ledger) checkFile() error {
	if l.path == "" {
		return nil
	}
	now, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(l.file, now):
		return fmt.Errorf("%w: %s", ErrGone, l.path)
	case err != nil:
		return fmt.Errorf("ledger: %w", err)
	}
	// The newest commits are in files beside it.
	beside := []string{"-wal"}
	if l.reads != nil { // which see them by this one
		beside = append(beside, "-shm")
	}
	for _, suffix := range beside {
		if _, err := os.Stat(l.path + suffix); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s%s", ErrGone, l.path, suffix)
		}
	}
	return nil
}

// Failures are how often the database has failed.
type Failures struct {
	// Commits are the transactions that could not be committed, those of Ping included; Reads are the questions that it did not answer.
	Commits, Reads int64
	// Last is how it failed last; nil before the first time.
	Last error
}

// trouble is how the database has failed lately.
type trouble struct {
	mu sync.Mutex
	Failures
	// failing: since the last failure nothing has shown that it can be written to.
	failing bool
}

// Trouble is how often the database has failed, and how it did last.
func (l *Ledger) Trouble() Failures {
	l.trouble.mu.Lock()
	defer l.trouble.mu.Unlock()
	return l.trouble.Failures
}

// failed counts what is the database's failure in its counter, and names it.
func (l *Ledger) failed(ctx context.Context, count *int64, err error) error {
	if err == nil || answered(err) || ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	if l.dialect.full(err) && !errors.Is(err, ErrFull) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	l.trouble.mu.Lock()
	defer l.trouble.mu.Unlock()
	*count++
	l.trouble.Last, l.trouble.failing = err, true
	return err
}

// answered says whether an error is the ledger's answer.
func answered(err error) bool {
	for _, answer := range []error{
		ErrUnknown, ErrReused, ErrLost, ErrLease, ErrEvidence, ErrTransition, ErrCursor, ErrOlder, ErrNoDigests,
		ErrForgotten, ErrNotFinal, errUnchanged, errStated,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return errors.As(err, new(*DuplicateError)) || errors.As(err, new(*OverlapError)) || errors.As(err, new(*StatedError))
}

// Ping reads in a transaction. After a failure it also writes, so that it says whether that can be done again: that a disk
// has room for the next write only a write shows.
func (l *Ledger) Ping(ctx context.Context) error {
	l.trouble.mu.Lock()
	failing, before := l.trouble.failing, l.trouble.Failures
	l.trouble.mu.Unlock()
	err := l.write(ctx, func(w *writing) error {
		if failing {
			if _, err := w.tx.ExecContext(w.ctx, w.dialect.probe); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
		}
		if err := w.current(); err != nil {
			return err
		}
		var some int
		if err := w.tx.QueryRowContext(w.ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM write_request LIMIT 1) AS first`).Scan(&some); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	if err == nil && failing {
		l.trouble.mu.Lock()
		l.trouble.failing = l.trouble.Commits != before.Commits || l.trouble.Reads != before.Reads // another has failed meanwhile
		l.trouble.mu.Unlock()
	}
	return err
}
