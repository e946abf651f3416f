package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNotFinal: something of the practice is under way, or Loop is asked about it.
var ErrNotFinal = errors.New("ledger: not everything of the practice is final")

// Remains is what a ledger has of a practice.
type Remains struct {
	// States counts its submissions.
	States   map[State]int
	Deposits int
}

// Submissions counts those of every state.
func (r Remains) Submissions() (n int) {
	for _, count := range r.States {
		n += count
	}
	return n
}

// NotFinal counts those that may still change by themselves.
func (r Remains) NotFinal() (n int) {
	for state, count := range r.States {
		if !state.Final() {
			n += count
		}
	}
	return n
}

// Remains counts what the ledger has of a practice.
func (l *Ledger) Remains(ctx context.Context, practice string) (out Remains, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		out, err = remains(ctx, conn, practice)
		return err
	})
	return out, err
}

func remains(ctx context.Context, q querier, practice string) (out Remains, err error) {
	out.States = map[State]int{}
	rows, err := q.QueryContext(ctx, `SELECT state, COUNT(*) FROM write_request WHERE practice = $1 GROUP BY state`, practice)
	if err != nil {
		return Remains{}, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var state State
		var count int
		if err := rows.Scan(&state, &count); err != nil {
			return Remains{}, fmt.Errorf("ledger: %w", err)
		}
		out.States[state] = count
	}
	if err := rows.Err(); err != nil {
		return Remains{}, fmt.Errorf("ledger: %w", err)
	}
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM file_deposit WHERE practice = $1`, practice).Scan(&out.Deposits); err != nil {
		return Remains{}, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// ofPractice takes a practice, the key after which to go on, and how many.
const ofPractice = selectRow +
	`WHERE practice = $1 AND (dossier, collection, request_id) > ($2, $3, $4) ORDER BY dossier, collection, request_id LIMIT $5`

// Each tells every submission of a practice, in the order of their keys.
func (l *Ledger) Each(ctx context.Context, practice string, told func(Record) error) error {
	last := Key{Practice: practice}
	for {
		batch, err := l.read(ctx, ofPractice, append(last.args(), retainBatch)...)
		if err != nil {
			return err
		}
		for _, record := range batch {
			if err := told(record); err != nil {
				return err
			}
			last = record.Key
		}
		if len(batch) < retainBatch {
			return nil
		}
	}
}

// EachDeposit tells every deposit of a practice, in the order of their ids.
func (l *Ledger) EachDeposit(ctx context.Context, practice string, told func(Deposit) error) error {
	for last, more := "", true; more; {
		var batch []Deposit
		err := l.write(ctx, func(w *writing) (err error) { // for the database's clock, as Deposit
			batch, err = w.deposits(practice, last, retainBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, deposit := range batch {
			if err := told(deposit); err != nil {
				return err
			}
			last = deposit.ID
		}
		more = len(batch) == retainBatch
	}
	return nil
}

func (w *writing) deposits(practice, after string, most int) (out []Deposit, err error) {
	rows, err := w.tx.QueryContext(w.ctx, selectDeposit+`WHERE practice = $1 AND id > $2 ORDER BY id LIMIT $3`, practice, after, most)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		deposit, err := scanDeposit(rows, w.now)
		if err != nil {
			return nil, err
		}
		out = append(out, deposit)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// Erase takes from all submissions and deposits of a practice what can name people: references, file names, findings,
// metadata, notes and what Loop said, and its events whole. Ids, digests, totals and states stay for their time, so that nothing
// is booked twice
// should the practice come back. It may be repeated. ErrNotFinal.
func (l *Ledger) Erase(ctx context.Context, practice string) error {
	if err := l.secureDelete(ctx); err != nil {
		return err
	}
	last, more := Key{Practice: practice}, true
	for more {
		err := l.write(ctx, func(w *writing) error {
			left, err := remains(w.ctx, w.tx, practice)
			switch {
			case err != nil:
				return err
			case left.NotFinal() > 0:
				return ErrNotFinal
			}
			batch, err := collect(w.ctx, w.tx, ofPractice+w.dialect.forUpdate, append(last.args(), retainBatch)...)
			if err != nil {
				return err
			}
			for i := range batch {
				if err := w.erase(&batch[i]); err != nil {
					return err
				}
				last = batch[i].Key
			}
			more = len(batch) == retainBatch
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := l.eraseEvents(ctx, practice); err != nil {
		return err
	}
	err := l.write(ctx, func(w *writing) error {
		for _, statement := range []string{
			`UPDATE file_deposit SET file_name = '', uri = '', report = '{}' WHERE practice = $1`,
			`DELETE FROM dossier_control WHERE practice = $1`,
			`DELETE FROM document_reference WHERE practice = $1`,
			`DELETE FROM connection WHERE practice = $1`,
		} {
			if _, err := w.changes(statement, practice); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return l.compact(ctx)
}

// erase keeps of a row what it takes to know it again.
func (w *writing) erase(r *Record) error {
	var kept Record
	if r.File != nil {
		kept.File = &File{Deposit: r.File.Deposit, SHA256: r.File.SHA256}
	}
	if r.Error != nil {
		failure := *r.Error
		failure.Detail, failure.Field, failure.LoopMessage = "", "", ""
		kept.Error = &failure
	}
	if r.Resolution != nil {
		kept.Resolution = r.Resolution.copied()
		if s := kept.Resolution.Statement; s != nil {
			without := *s
			without.Note = ""
			kept.Resolution.Statement = &without
		}
		late := make([]LateAnswer, len(r.Resolution.Late))
		for i, answer := range r.Resolution.Late {
			late[i] = answer
			late[i].Message = ""
		}
		kept.Resolution.Late = late
	}
	file, err1 := encode(kept.File, kept.File == nil)
	failure, err2 := encode(kept.Error, kept.Error == nil)
	resolution, err3 := encode(kept.Resolution, kept.Resolution == nil)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	_, err := w.changes(`UPDATE write_request SET document_references = '', clues = '', findings = '', evidence = '', `+
		`metadata = '', follow_error = '', file = $5, error = $6, resolution = $7 WHERE `+byKey,
		append(r.Key.args(), file, failure, resolution)...)
	return err
}

// secureDelete lets SQLite overwrite what it deletes.
func (l *Ledger) secureDelete(ctx context.Context) error {
	return l.pragma(ctx, `PRAGMA secure_delete = ON`)
}

// compact leaves nothing of what was erased in the file, nor beside it. PostgreSQL does so by itself, in time.
func (l *Ledger) compact(ctx context.Context) error {
	return errors.Join(l.pragma(ctx, `VACUUM`), l.pragma(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`))
}

func (l *Ledger) pragma(ctx context.Context, statement string) error {
	if l.path == "" {
		return nil
	}
	if _, err := l.db.ExecContext(ctx, statement); err != nil { // on the connection that writes
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}
