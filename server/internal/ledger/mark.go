package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// Why a ledger is held: nothing is begun or sent until Restore.
const (
	heldOlder = "older"
	heldCopy  = "copy"
)

// commits is the number of the newest commit that this process knows of: its own, and what the audit tells. The number grows
// with each commit that moves a submission. A ledger with a smaller one was put back from a copy.
type commits struct{ newest atomic.Int64 }

func (c *commits) learn(number int64) {
	for {
		known := c.newest.Load()
		if number <= known || c.newest.CompareAndSwap(known, number) {
			return
		}
	}
}

// WithAudited tells a ledger of the newest commit that the audit knows.
func WithAudited(commit int64) Option { return func(l *Ledger) { l.commits.learn(commit) } }

// Commit is the number of the newest commit that is known to have been stored. What is written elsewhere with this number is
// known to a ledger of the same or of a greater one.
func (l *Ledger) Commit() int64 { return l.commits.newest.Load() }

// Held says why nothing may be begun or sent: ErrOlder; nil when it may.
func (l *Ledger) Held(ctx context.Context) error {
	return l.write(ctx, func(w *writing) error { return w.current() })
}

// mark reads how many commits there were, and why the ledger is held.
func mark(ctx context.Context, q querier) (number int64, held string, err error) {
	if err := q.QueryRowContext(ctx, `SELECT commits, held FROM ledger_mark`).Scan(&number, &held); err != nil {
		return 0, "", fmt.Errorf("ledger: %w", err)
	}
	return number, held, nil
}

// current refuses what must not be done with a ledger that has forgotten something. It returns how many commits there were.
func (c *commits) current(ctx context.Context, q querier) (number int64, err error) {
	newest := c.newest.Load() // first: what is learnt meanwhile may be newer than what is read
	number, held, err := mark(ctx, q)
	switch {
	case err != nil:
		return 0, err
	case held != "":
		return 0, fmt.Errorf("%w (%s)", ErrOlder, held)
	case number < newest:
		return 0, fmt.Errorf("%w: it is at commit %d, and %d is known", errFellBack, number, newest)
	}
	return number, nil
}

func (w *writing) current() (err error) {
	w.number, err = w.commits.current(w.ctx, w.tx)
	return err
}

// knowsAll refuses to say what is booked nowhere while the ledger may have forgotten that it was sent.
func (l *Ledger) knowsAll(ctx context.Context) error {
	return l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := l.commits.current(ctx, conn)
		return err
	})
}

// errFellBack is ErrOlder, seen here first: the other servers are to know.
var errFellBack = fmt.Errorf("%w", ErrOlder)

// hold keeps all servers of the ledger from sending until it is restored.
func (l *Ledger) hold(ctx context.Context) {
	newest := l.commits.newest.Load()
	// Where it fails, this server goes on refusing by itself.
	_ = l.writeOnce(ctx, func(w *writing) error {
		_, err := w.changes(`UPDATE ledger_mark SET held = $1 WHERE held = '' AND commits < $2`, heldOlder, newest)
		return err
	})
}

// older says whether nothing may be sent, and tells the other servers where this one is the first to see it.
func (l *Ledger) older(ctx context.Context, err error) error {
	if errors.Is(err, errFellBack) {
		l.hold(ctx)
	}
	return err
}

// markCopy holds a copy of a ledger in a file: until it is restored, it is unknown what was sent since it was made. One of an
// older schema has no place for it.
func markCopy(ctx context.Context, path string) (err error) {
	db, err := openSQLite(path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var there int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'ledger_mark'`).
		Scan(&there); err != nil || there == 0 {
		return err
	}
	_, err = db.ExecContext(ctx, `UPDATE ledger_mark SET held = $1`, heldCopy)
	return err
}
