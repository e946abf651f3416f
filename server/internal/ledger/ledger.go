// Package ledger remembers every write, so that it is sent at most once and never lost sight of (docs/architecture.md,
// "Writes").
//
// An owner is a process, with a new name for each start. It begins a submission, notes that it submits it as the last step
// before bytes leave, and settles the outcome. Then Loop is asked about it until it is final. What an owner leaves behind is
// settled by Recover or Expire. Each transition is decided by rules, which know no database, and stored as one compare-and-set
// on state, attempt and Loop's id in one transaction.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Begin opens an attempt, or finds that there is nothing to send: see Begun. Errors are ErrReused, *DuplicateError,
// *OverlapError, ErrNoDigests, or the database's; then nothing may be sent. owner names this start of this process.
func (l *Ledger) Begin(ctx context.Context, s Submission, owner string) (Begun, error) {
	ctx = named(ctx, "begin", s.Key)
	if s.Practice == "" || s.Collection == "" || s.RequestID == "" || owner == "" || len(s.Fingerprints) == 0 {
		return Begun{}, errors.New("ledger: practice, collection, request id, fingerprints and owner must be given")
	}
	var begun Begun
	err := l.compared(ctx, &s, func() error {
		var verdict error // the refusal, of which the transaction stores what it had to settle first
		err := l.write(ctx, func(w *writing) error {
			var err error
			begun, verdict, err = w.begin(s, owner)
			return err
		})
		return errors.Join(err, verdict)
	})
	if err != nil {
		return Begun{}, err
	}
	return begun, nil
}

func (w *writing) begin(s Submission, owner string) (begun Begun, verdict, err error) {
	if err := w.lock(&s); err != nil {
		return Begun{}, nil, err
	}
	if err := w.current(); err != nil {
		return Begun{}, nil, err
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
	if verdict, err := w.refusal(&s); verdict != nil || err != nil {
		return Begun{}, verdict, err
	}
	if !known {
		row = Record{Key: s.Key, Created: instant(w.now), Received: instant(w.now)}
		row.fill(s)
		row.apply(w.rules.receive(owner, w.now), w.now)
		if err := w.insert(&row); err != nil {
			return Begun{}, nil, err
		}
		return Begun{Record: row}, nil, w.attach(&s)
	}
	from := row.status()
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
	row.apply(to, w.now)
	if err := w.update(from, &row); err != nil {
		return Begun{}, nil, err
	}
	if err := w.index(&row); err != nil {
		return Begun{}, nil, err
	}
	return Begun{Record: row}, nil, w.attach(&s)
}

// sameContent takes a key, since when, and sum and scheme of each fingerprint.
func (d dialect) sameContent(fingerprints int, digests bool) string {
	var ids, same []string
	for sum := 6; sum < 6+2*fingerprints; sum += 2 {
		ids = append(ids, fmt.Sprintf(`SELECT request_id FROM write_request WHERE practice = $1 AND dossier = $2 AND fingerprint = $%d`, sum))
		same = append(same, fmt.Sprintf(`fingerprint = $%d AND scheme = $%d`, sum, sum+1))
	}
	found := ""
	if !d.shared { // for an OR alone SQLite goes through all rows of the dossier
		found = `AND request_id IN (` + strings.Join(ids, ` UNION ALL `) + `) `
	}
	undigested := ""
	if digests {
		undigested = `AND NOT EXISTS (SELECT 1 FROM entry_import e WHERE e.practice = write_request.practice ` +
			`AND e.dossier = write_request.dossier AND e.collection = write_request.collection AND e.request_id = write_request.request_id) `
	}
	return selectRow + `WHERE practice = $1 AND dossier = $2 AND collection = CAST($3 AS TEXT) AND request_id <> $4 ` +
		`AND (received >= $5 OR NOT (` + final + `)) ` +
		found + `AND (` + strings.Join(same, ` OR `) + `) ` + undigested + `AND state NOT IN ('NOT_SENT', 'REFUSED') ORDER BY received DESC` +
		d.forUpdate
}

// duplicate returns the newest row of the same content under another id that is or may be booked, if any: one that is not
// final, or of the last 30 days. Where entries can be told by their digests, it looks at rows alone that have none.
func (w *writing) duplicate(s Submission) (*Record, error) {
	args := append(s.Key.args(), w.since(DuplicateWithin))
	for _, fingerprint := range s.Fingerprints {
		args = append(args, fingerprint.Sum[:], fingerprint.Scheme)
	}
	others, err := collect(w.ctx, w.tx, w.dialect.sameContent(len(s.Fingerprints), s.Digests != nil), args...)
	if err != nil {
		return nil, err
	}
	var newest *Record
	for i := range others {
		if err := w.expire(&others[i]); err != nil {
			return nil, err
		}
		// One may have become final by this.
		remembered := !others[i].State.Final() || micros(others[i].Received) >= w.since(DuplicateWithin)
		if newest == nil && remembered && !others[i].State.NothingBooked() {
			newest = &others[i]
		}
	}
	return newest, nil
}

// expire settles a row whose lease is over.
func (w *writing) expire(row *Record) error {
	to, changed := w.rules.expire(row.status(), w.now)
	if !changed {
		return nil
	}
	if err := w.current(); err != nil { // what the row has as not sent may have been, since
		return err
	}
	return w.orphan(row, to)
}

// orphan stores what became of a row without its owner.
func (w *writing) orphan(row *Record, to status) error {
	from := row.status()
	row.apply(to, w.now)
	row.Error = orphaned(to.state)
	return w.update(from, row)
}

// Submitting commits that bytes are about to leave. On any error they must not. callLimit is how long the call may take
// from now at most: the lease must cover it on the database's clock.
func (l *Ledger) Submitting(ctx context.Context, key Key, attempt int, owner string, callLimit time.Duration) error {
	ctx = named(ctx, "submitting", key)
	return l.write(ctx, func(w *writing) error {
		if err := w.current(); err != nil {
			return err
		}
		row, err := w.row(key)
		if err != nil {
			return err
		}
		from := row.status()
		to, err := w.rules.submit(from, attempt, owner, w.now, callLimit)
		if err != nil {
			return err
		}
		row.apply(to, w.now)
		return w.update(from, &row)
	})
}

// Settle commits what the owner learnt by sending, or NOT_SENT where it did not come to that. It may be repeated, and
// may come after others have given the row up as UNCERTAIN. With ErrLost the record is the row as it is.
func (l *Ledger) Settle(ctx context.Context, key Key, attempt int, owner string, outcome Outcome) (Record, error) {
	ctx = named(ctx, "settle", key)
	if (outcome.State == Waiting) != (outcome.LoopRequestID != "") && outcome.State != Uncertain || outcome.State != Succeeded &&
		len(outcome.LoopIDs) > 0 {
		return Record{}, fmt.Errorf("%w: Loop's id to ask by comes with WAITING, and may come with UNCERTAIN; "+
			"what it has done comes with SUCCEEDED", ErrTransition)
	}
	var row Record
	var late error
	err := l.write(ctx, func(w *writing) error {
		late = nil
		var err error
		if row, err = w.row(key); err != nil {
			return err
		}
		from := row.status()
		to, changed, err := w.rules.settle(from, attempt, owner, outcome.State, outcome.LoopRequestID)
		if errors.Is(err, ErrLost) {
			late = err
			return w.keepLate(&row, attempt, outcome)
		}
		if err != nil || !changed {
			return err
		}
		row.apply(to, w.now)
		row.LoopIDs, row.Error = outcome.LoopIDs, outcome.Error.clipped()
		if to.toBeAsked() {
			row.NextPoll = instant(w.now + max(outcome.Pause, 0).Microseconds())
		}
		if from.inForce() { // a person has said that it was not booked
			row.addLate(attempt, outcome, w.now)
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
	return l.sweep(ctx, func(w *writing, _ []Record) func(*Record) (status, bool) {
		return func(row *Record) (status, bool) {
			if row.Owner == owner {
				return row.status(), false
			}
			return w.rules.abandon(row.status())
		}
	})
}

// Expire settles what owners have left over their lease; nothing while the ledger is held. Begin does so for the rows it meets.
func (l *Ledger) Expire(ctx context.Context) (Recovered, error) {
	if err := l.drawTogether(ctx); err != nil {
		return Recovered{}, err
	}
	return l.sweep(ctx, func(w *writing, rows []Record) func(*Record) (status, bool) {
		over := l.leases.over(rows, w.now, l.guard.ran())
		return func(row *Record) (status, bool) {
			if over[leased{row.Key, row.Attempt, row.LeaseUntil}] {
				return w.rules.abandon(row.status())
			}
			return w.rules.expire(row.status(), w.now)
		}
	})
}

// sweep settles what a rule says of the rows that somebody is at, which it is told first.
func (l *Ledger) sweep(ctx context.Context, rule func(*writing, []Record) func(*Record) (status, bool)) (Recovered, error) {
	var count Recovered
	err := l.write(ctx, func(w *writing) error {
		count = Recovered{}
		if err := w.current(); err != nil { // as for one row
			return err
		}
		open, err := collect(w.ctx, w.tx, selectRow+`WHERE state IN ('RECEIVED', 'SUBMITTING') ORDER BY lease_until`+w.dialect.forUpdate)
		if err != nil {
			return err
		}
		decide := rule(w, open)
		for i := range open {
			to, changed := decide(&open[i])
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
	if errors.Is(err, ErrOlder) {
		return Recovered{}, nil
	}
	if err != nil {
		return Recovered{}, err
	}
	return count, nil
}

// Get returns a row; ErrUnknown without one, ErrOlder where that, or that nothing was booked, may be what the ledger has forgotten.
func (l *Ledger) Get(ctx context.Context, key Key) (Record, error) {
	found, err := l.read(ctx, selectRow+`WHERE `+byKey, key.args()...)
	if err == nil && (len(found) == 0 || found[0].State.NothingBooked()) {
		err = l.knowsAll(ctx)
	}
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
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		counts, err = countStates(ctx, conn)
		return err
	})
	return counts, err
}

// final is State.Final in SQL.
const final = `state NOT IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING')`
