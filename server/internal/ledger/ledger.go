// Package ledger remembers every write, so that it is sent at most once and never lost sight of (design § 6).
//
// An owner (a process, by a name of its own for each start) begins a submission, says that it is submitting it as the
// last step before bytes leave, and settles what came of it; then Loop is asked how it goes until it is final. What
// owners leave behind is settled by Recover or Expire. Each transition is decided by rules, which know no database, and
// stored as one compare-and-set on state and attempt in one transaction.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Begin opens an attempt, or finds that there is nothing to send: see Begun. Errors are ErrReused, *DuplicateError, or
// the database's; then nothing may be sent. owner names this start of this process.
func (l *Ledger) Begin(ctx context.Context, s Submission, owner string) (Begun, error) {
	if s.Practice == "" || s.Collection == "" || s.RequestID == "" || owner == "" || len(s.Fingerprints) == 0 {
		return Begun{}, errors.New("ledger: practice, collection, request id, fingerprints and owner must be given")
	}
	var begun Begun
	var verdict error // the refusal, of which the transaction stores what it had to settle first
	err := l.write(ctx, func(w *writing) error {
		var err error
		begun, verdict, err = w.begin(s, owner)
		return err
	})
	if err = errors.Join(err, verdict); err != nil {
		return Begun{}, err
	}
	return begun, nil
}

func (w *writing) begin(s Submission, owner string) (begun Begun, verdict, err error) {
	if w.dialect.lockContent != nil {
		if err := w.dialect.lockContent(w.ctx, w.tx, s); err != nil {
			return Begun{}, nil, err
		}
	}
	row, err := w.row(s.Key)
	known := err == nil
	if err != nil && !errors.Is(err, ErrUnknown) {
		return Begun{}, nil, err
	}
	if known {
		if err := w.expire(&row); err != nil {
			return Begun{}, nil, err
		}
		if !row.State.NothingBooked() { // else the id is free, for others too
			if !s.Repeats(row) {
				return Begun{}, ErrReused, nil
			}
			return Begun{Record: row, Existing: true}, nil, nil
		}
	}
	if !s.AllowDuplicate {
		other, err := w.duplicate(s)
		if err != nil {
			return Begun{}, nil, err
		}
		if other != nil {
			return Begun{}, &DuplicateError{Of: *other}, nil
		}
	}
	if !known {
		row = Record{Key: s.Key, Created: instant(w.now), Received: instant(w.now)}
		row.fill(s)
		row.stand(w.rules.receive(owner, w.now), w.now)
		return Begun{Record: row}, nil, w.insert(&row)
	}
	from := row.standing()
	to, err := w.rules.retake(from, owner, w.now)
	if err != nil {
		return Begun{}, nil, err
	}
	before := row
	row = Record{Key: s.Key, Created: before.Created, Received: instant(w.now), Evidence: before.Evidence, Resolution: before.Resolution}
	if before.Caller != s.Caller {
		row.Evidence, row.Resolution = nil, before.Resolution.toOthers()
	}
	row.fill(s)
	row.stand(to, w.now)
	if err := w.update(from, &row); err != nil {
		return Begun{}, nil, err
	}
	return Begun{Record: row}, nil, w.index(&row)
}

// duplicate returns the newest row of the same content under another id that is or may be booked, if any.
func (w *writing) duplicate(s Submission) (*Record, error) {
	args := append(s.Key.args(), ago(w.now, DuplicateWithin))
	var same []string
	for _, each := range s.Fingerprints {
		same = append(same, fmt.Sprintf(`fingerprint = $%d AND scheme = $%d`, len(args)+1, len(args)+2))
		args = append(args, each.Sum[:], each.Scheme)
	}
	others, err := collect(w.ctx, w.tx, selectRow+`WHERE practice = $1 AND dossier = $2 AND collection = $3 AND request_id <> $4 AND received >= $5 `+
		`AND (`+strings.Join(same, ` OR `)+`) AND state NOT IN ('NOT_SENT', 'REFUSED') ORDER BY received DESC`+w.dialect.forUpdate, args...)
	if err != nil {
		return nil, err
	}
	var newest *Record
	for i := range others {
		if err := w.expire(&others[i]); err != nil {
			return nil, err
		}
		if newest == nil && !others[i].State.NothingBooked() {
			newest = &others[i]
		}
	}
	return newest, nil
}

// expire settles a row whose lease is over.
func (w *writing) expire(row *Record) error {
	to, changed := w.rules.expire(row.standing(), w.now)
	if !changed {
		return nil
	}
	return w.orphan(row, to)
}

// orphan stores what became of a row without its owner.
func (w *writing) orphan(row *Record, to standing) error {
	from := row.standing()
	row.stand(to, w.now)
	row.Error = orphaned(to.state)
	return w.update(from, row)
}

// Submitting commits that bytes are about to leave. On any error they must not. callLimit is how long the call may take
// from now at most: the lease must cover it on the database's clock.
func (l *Ledger) Submitting(ctx context.Context, key Key, attempt int, owner string, callLimit time.Duration) error {
	return l.write(ctx, func(w *writing) error {
		row, err := w.row(key)
		if err != nil {
			return err
		}
		from := row.standing()
		to, err := w.rules.submit(from, attempt, owner, w.now, callLimit)
		if err != nil {
			return err
		}
		row.stand(to, w.now)
		return w.update(from, &row)
	})
}

// Settle commits what the owner learnt by sending, or NOT_SENT where it did not come to that. It may be repeated, and
// may come after others have given the row up as UNCERTAIN. With ErrLost the record is the row as it stands.
func (l *Ledger) Settle(ctx context.Context, key Key, attempt int, owner string, outcome Outcome) (Record, error) {
	if (outcome.State == Waiting) != (outcome.LoopRequestID != "") || outcome.State != Succeeded && len(outcome.LoopIDs) > 0 {
		return Record{}, fmt.Errorf("%w: Loop's id to ask by comes with WAITING, what it has done with SUCCEEDED, and with nothing else", ErrTransition)
	}
	var row Record
	var late error
	err := l.write(ctx, func(w *writing) error {
		late = nil
		var err error
		if row, err = w.row(key); err != nil {
			return err
		}
		from := row.standing()
		to, changed, err := w.rules.settle(from, attempt, owner, outcome.State)
		if err == nil && !changed && outcome.State == Waiting && row.LoopRequestID != outcome.LoopRequestID {
			err = ErrLost // two ids for one attempt
		}
		if errors.Is(err, ErrLost) {
			late = err
			return w.hear(&row, attempt, outcome)
		}
		if err != nil || !changed {
			return err
		}
		row.stand(to, w.now)
		row.LoopRequestID, row.LoopIDs, row.Error = outcome.LoopRequestID, outcome.LoopIDs, outcome.Error.clipped()
		if to.state.Following() {
			row.NextPoll = instant(w.now + max(outcome.Pause, 0).Microseconds())
		}
		if from.inForce() { // a person has said that it was not booked
			row.hear(attempt, outcome, w.now)
		}
		return w.update(from, &row)
	})
	if err == nil {
		err = late
	}
	if err != nil && !errors.Is(err, ErrLost) {
		return Record{}, err
	}
	return row, err
}

// Recovered counts what was settled without its owner.
type Recovered struct{ NotSent, Uncertain int }

// Recover settles, at the start of a process, what other owners have left. Those of a file are dead, or it would be
// locked; those of a shared ledger may live, and keep what is under their lease.
func (l *Ledger) Recover(ctx context.Context, owner string) (Recovered, error) {
	if l.dialect.shared {
		return l.Expire(ctx)
	}
	return l.sweep(ctx, func(r rules, s standing, _ int64) (standing, bool) {
		if s.owner == owner {
			return s, false
		}
		return r.abandon(s)
	})
}

// Expire settles what owners have left over their lease. Begin does so for the rows it meets.
func (l *Ledger) Expire(ctx context.Context) (Recovered, error) {
	return l.sweep(ctx, rules.expire)
}

func (l *Ledger) sweep(ctx context.Context, settle func(rules, standing, int64) (standing, bool)) (Recovered, error) {
	var count Recovered
	err := l.write(ctx, func(w *writing) error {
		count = Recovered{}
		open, err := collect(w.ctx, w.tx, selectRow+`WHERE state IN ('RECEIVED', 'SUBMITTING') ORDER BY lease_until`+w.dialect.forUpdate)
		if err != nil {
			return err
		}
		for i := range open {
			to, changed := settle(w.rules, open[i].standing(), w.now)
			if !changed {
				continue
			}
			if err := w.orphan(&open[i], to); err != nil {
				return err
			}
			if to.state == NotSent {
				count.NotSent++
			} else {
				count.Uncertain++
			}
		}
		return nil
	})
	if err != nil {
		return Recovered{}, err
	}
	return count, nil
}

// Get returns a row; ErrUnknown without one.
func (l *Ledger) Get(ctx context.Context, key Key) (Record, error) {
	found, err := l.read(ctx, selectRow+`WHERE `+byKey, key.args()...)
	if err != nil {
		return Record{}, err
	}
	if len(found) == 0 {
		return Record{}, ErrUnknown
	}
	return found[0], nil
}

// CountByState counts the rows of all practices.
func (l *Ledger) CountByState(ctx context.Context) (counts map[State]int, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, `SELECT state, COUNT(*) FROM write_request GROUP BY state`)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		counts = make(map[State]int)
		for rows.Next() {
			var state State
			var count int
			if err := rows.Scan(&state, &count); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			counts[state] = count
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	return counts, err
}

// Retained counts what Retain let go of.
type Retained struct {
	// Rows and Deposits are gone; Contents are rows whose references and findings are.
	Rows, Contents, Deposits int64
}

// retainBatch is how many rows a transaction of Retain touches.
const retainBatch = 500

// Retain forgets rows 400 days after their state last changed, and their references and findings after 90. What is not
// final stays whole. Deposits go 30 days after they expired.
func (l *Ledger) Retain(ctx context.Context) (Retained, error) {
	var count Retained
	for _, step := range []struct {
		query string
		keep  time.Duration
		index bool // the rows stay, and their references go
		count *int64
	}{
		{`DELETE FROM write_request WHERE (` + keyColumns + `) IN (SELECT ` + keyColumns + ` FROM write_request WHERE updated < $1 AND ` + final +
			` LIMIT $2) RETURNING ` + keyColumns, KeepOutcome, false, &count.Rows},
		{`UPDATE write_request SET document_references = '', clues = '', findings = '', evidence = '' WHERE (` + keyColumns + `) IN (SELECT ` + keyColumns + ` FROM write_request ` +
			`WHERE updated < $1 AND (document_references <> '' OR findings <> '' OR evidence <> '') AND ` + final + ` LIMIT $2) RETURNING ` + keyColumns, KeepContent, true, &count.Contents},
		{`DELETE FROM file_deposit WHERE (practice, id) IN (SELECT practice, id FROM file_deposit WHERE expires < $1 LIMIT $2) RETURNING practice, dossier, '', id`, KeepDeposit, false, &count.Deposits},
	} {
		for more := true; more; {
			var keys []Key
			err := l.write(ctx, func(w *writing) (err error) {
				keys, err = w.keys(step.query, ago(w.now, step.keep), retainBatch)
				for i := 0; step.index && i < len(keys) && err == nil; i++ {
					err = w.index(&Record{Key: keys[i]})
				}
				return err
			})
			if err != nil {
				return count, err
			}
			*step.count += int64(len(keys))
			more = len(keys) == retainBatch
		}
	}
	return count, nil
}

// final is State.Final in SQL.
const final = `state NOT IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING')`
