package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Keeping is how long submissions are kept after their state last changed: ids, digests and outcome, and references and
// findings.
type Keeping struct{ Outcome, Content time.Duration }

// DefaultKeeping is that of a practice of which nothing else is said.
func DefaultKeeping() Keeping { return Keeping{KeepOutcome, KeepContent} }

// The bounds of Keeping. An id that is forgotten may be sent again, and the file of a year brings its January again in December:
// ids are kept for more than a year. An import that is UNCERTAIN is looked for in Loop by its references, at MostResubmitAfter at
// the latest, and they do not outlast it.
const (
	LeastOutcome = 366 * 24 * time.Hour
	MostOutcome  = 3660 * 24 * time.Hour
	LeastContent = MostResubmitAfter + 7*24*time.Hour
	MostContent  = LeastOutcome
	// MostResubmitAfter bounds WithResubmitAfter.
	MostResubmitAfter = 30 * 24 * time.Hour
)

// WithKeeping sets how long each practice is kept; it is asked each time.
func WithKeeping(keeping func(practice string) Keeping) Option {
	return func(l *Ledger) { l.keeping = keeping }
}

func (l *Ledger) keepingOf(practice string) Keeping {
	if l.keeping == nil {
		return DefaultKeeping()
	}
	return l.keeping(practice)
}

// Retained counts what Retain let go of.
type Retained struct {
	// Rows, Deposits and Events are gone; Contents are rows whose references and findings are.
	Rows, Contents, Deposits, Events int64
}

// retainBatch is how many rows a transaction of Retain touches.
const retainBatch = 500

// aging is one kind of what grows old, of one practice or of none.
type aging struct {
	practice, kind string
	keep           time.Duration
	// most is how long what is forgotten of in a day may be kept at most, see perDay.
	most   time.Duration
	forget func(w *writing, a aging, most int64) (int, error)
	count  *int64
}

// The kinds of aging.
const (
	agingRows     = "rows"
	agingContents = "contents"
	agingDeposits = "deposits"
	agingEvents   = "events"
)

// Retain forgets rows when their state last changed so long ago as the practice is kept, see Keeping, and before that their
// references and findings. What is not final stays whole. Deposits go 30 days after they expired, events 30 days after they
// happened. The digests of entries go with
// the last that leads to them. In a day it forgets of each practice two parts in 400 at most, see perDay. ErrClock: nothing is
// forgotten.
func (l *Ledger) Retain(ctx context.Context) (Retained, error) {
	var count Retained
	steps, err := l.aged(ctx, &count)
	if err != nil {
		return count, err
	}
	steps = append(steps,
		aging{kind: agingDeposits, keep: KeepDeposit, most: KeepDeposit, forget: (*writing).forgetDeposits, count: &count.Deposits},
		aging{kind: agingEvents, keep: KeepEvent, most: KeepEvent, forget: (*writing).forgetEvents, count: &count.Events})
	for _, step := range steps {
		for more := true; more; {
			var gone int
			var most int64
			err := l.write(ctx, func(w *writing) (err error) {
				gone = 0
				if most, err = w.mayForget(step); err != nil || most == 0 {
					return err
				}
				if gone, err = step.forget(w, step, most); err != nil {
					return err
				}
				return w.spend(step, gone)
			})
			if err != nil {
				return count, err
			}
			*step.count += int64(gone)
			more = most > 0 && int64(gone) == most
		}
	}
	return count, l.sweepDigests(ctx)
}

// What has come to its age of a practice, the oldest first; write_request_age and write_request_contents are their indexes.
const (
	agedRows     = `FROM write_request WHERE practice = $1 AND updated < $2 AND ` + final + ` ORDER BY updated LIMIT `
	agedContents = `FROM write_request WHERE practice = $1 AND updated < $2 AND (document_references <> '' OR findings <> '' ` +
		`OR evidence <> '') AND ` + final + ` ORDER BY updated LIMIT `
)

// aged are the practices and kinds of which something has come to its age: without a transaction for each of the others.
func (l *Ledger) aged(ctx context.Context, count *Retained) (steps []aging, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		steps = nil
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		practices, err := texts(conn.QueryContext(ctx,
			`SELECT practice FROM practice_count GROUP BY practice HAVING SUM(n) > 0 ORDER BY practice`))
		if err != nil {
			return err
		}
		for _, practice := range practices {
			keeping := l.keepingOf(practice)
			for _, step := range []aging{
				{practice: practice, kind: agingRows, keep: keeping.Outcome, most: KeepOutcome, forget: (*writing).forgetRows, count: &count.Rows},
				{
					practice: practice, kind: agingContents, keep: keeping.Content, most: KeepOutcome, forget: (*writing).forgetContents,
					count: &count.Contents,
				},
			} {
				from := map[string]string{agingRows: agedRows, agingContents: agedContents}[step.kind]
				old, err := texts(conn.QueryContext(ctx, `SELECT request_id `+from+`1`, practice, ago(now, step.keep)))
				if err != nil {
					return err
				}
				if len(old) > 0 {
					steps = append(steps, step)
				}
			}
		}
		return nil
	})
	return steps, err
}

func texts(rows *sql.Rows, err error) (out []string, _ error) {
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

func (w *writing) forgetRows(a aging, most int64) (int, error) {
	keys, err := w.keys(`DELETE FROM write_request WHERE (`+keyColumns+`) IN (SELECT `+keyColumns+` `+agedRows+`$3) RETURNING `+keyColumns,
		a.practice, ago(w.now, a.keep), most)
	return len(keys), err
}

func (w *writing) forgetDeposits(a aging, most int64) (int, error) {
	keys, err := w.keys(`DELETE FROM file_deposit WHERE (practice, id) IN (SELECT practice, id FROM file_deposit WHERE expires < $1 `+
		`LIMIT $2) RETURNING practice, dossier, '', id`,
		ago(w.now, a.keep), most)
	return len(keys), err
}

// forgetContents takes references and findings from rows, the oldest first.
func (w *writing) forgetContents(a aging, most int64) (int, error) {
	old, err := collect(w.ctx, w.tx, `SELECT `+columns+` `+agedContents+`$3`+w.dialect.forUpdate, a.practice, ago(w.now, a.keep), most)
	if err != nil {
		return 0, err
	}
	for i := range old {
		if err := w.keepControl(&old[i]); err != nil {
			return 0, err
		}
		if _, err := w.changes(`UPDATE write_request SET document_references = '', clues = '', findings = '', evidence = '' WHERE `+byKey,
			old[i].Key.args()...); err != nil {
			return 0, err
		}
		if err := w.index(&Record{Key: old[i].Key}); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// perDay is how many of so many may be forgotten in a day: twice the number that reaches its age in a day when all are kept for
// the longest time. So no wrong clock makes the ledger forget everything at once, and a backlog is removed in the end.
// LeastOutcome is longer than half of KeepOutcome: however short a practice is kept, it suffices.
func perDay(total int64, most time.Duration) int64 {
	days := int64(most / (24 * time.Hour))
	return (2*total + days - 1) / days
}

// total is how many there are of which a kind is forgotten.
func (w *writing) total(a aging) (total int64, err error) {
	query, args := `SELECT COALESCE(SUM(n), 0) FROM practice_count WHERE practice = $1`, []any{a.practice}
	switch a.kind {
	case agingDeposits:
		query, args = `SELECT COUNT(*) FROM file_deposit`, nil
	case agingEvents:
		return w.eventCount()
	}
	if err := w.tx.QueryRowContext(w.ctx, query, args...).Scan(&total); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return total, nil
}

// allowance is how many of a kind may still be forgotten of a practice today.
func (w *writing) allowance(a aging, total int64) (int64, error) {
	if _, err := w.tx.ExecContext(w.ctx,
		`INSERT INTO retention (practice, kind, day, spent) VALUES ($1, $2, $3, 0) ON CONFLICT (practice, kind) DO NOTHING`,
		a.practice, a.kind, w.now); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	var day, spent int64
	if err := w.tx.QueryRowContext(w.ctx, `SELECT day, spent FROM retention WHERE practice = $1 AND kind = $2`+w.dialect.forUpdate,
		a.practice, a.kind).Scan(&day, &spent); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	switch {
	case day > w.now: // a clock was ahead
		day = w.now
	case w.now-day >= (24 * time.Hour).Microseconds():
		day, spent = w.now, 0
	}
	if _, err := w.tx.ExecContext(w.ctx, `UPDATE retention SET day = $3, spent = $4 WHERE practice = $1 AND kind = $2`,
		a.practice, a.kind, day, spent); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return max(0, perDay(total, a.most)-spent), nil
}

func (w *writing) spend(a aging, n int) error {
	_, err := w.tx.ExecContext(w.ctx, `UPDATE retention SET spent = spent + $3 WHERE practice = $1 AND kind = $2`, a.practice, a.kind, n)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// mayForget is how many of a kind a transaction may forget of a practice; 0 when it is enough for today.
func (w *writing) mayForget(a aging) (int64, error) {
	if !w.trusted {
		return 0, w.Clock()
	}
	total, err := w.total(a)
	if err != nil {
		return 0, err
	}
	left, err := w.allowance(a, total)
	return min(left, retainBatch), err
}
