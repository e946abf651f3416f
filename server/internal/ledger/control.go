package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// MostControls is how many references are chosen for a look to be proven by.
const MostControls = 3

// Booked is a document reference of which Loop has said that it is booked.
type Booked struct {
	Reference string
	of        Record // as far as Fits needs it
}

// Fits says whether an entry that Loop shows can be of it, as Record.Fits does.
func (b Booked) Fits(journal, date *string) bool { return b.of.Fits(b.Reference, journal, date) }

// controlRows is how many imports are gone through for MostControls references.
const controlRows = 20

// Controls returns references of the newest imports of the dossier of an import that Loop has said to be booked, one of each,
// that Loop's filter finds as they are and that the import does not have. Empty where there is none.
func (l *Ledger) Controls(ctx context.Context, of Record, searchable func(reference string) bool) (out []Booked, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		out = nil
		newest, err := collect(ctx, conn,
			selectRow+`WHERE practice = $1 AND dossier = $2 AND `+controls+` ORDER BY updated DESC LIMIT CAST($3 AS BIGINT)`,
			of.Practice, of.Dossier, controlRows)
		if err != nil {
			return err
		}
		kept, err := keptControl(ctx, conn, of.Key)
		if err != nil {
			return err
		}
		for _, record := range append(newest, kept...) {
			if len(out) == MostControls {
				break
			}
			taken := func(reference string) bool {
				return slices.Contains(of.DocumentReferences, reference) ||
					slices.ContainsFunc(out, func(b Booked) bool { return b.Reference == reference })
			}
			if reference, found := record.control(func(reference string) bool { return !taken(reference) && searchable(reference) }); found {
				out = append(out, Booked{reference, record})
			}
		}
		return nil
	})
	return out, err
}

// controls are rows that may have a reference to prove a look by; write_request_control is their index.
const controls = `collection = 'imports' AND state = 'SUCCEEDED' AND document_references <> ''`

// control is its first plain reference that is good for a look; none where a person has said that it is booked, and not Loop.
func (r *Record) control(good func(reference string) bool) (string, bool) {
	if r.status().inForce() {
		return "", false
	}
	at := slices.IndexFunc(r.DocumentReferences,
		func(reference string) bool { return Sighting{Reference: reference}.Plain() && good(reference) })
	if at < 0 {
		return "", false
	}
	return r.DocumentReferences[at], true
}

// keptControl is what keepControl has kept of a dossier.
func keptControl(ctx context.Context, q querier, key Key) ([]Record, error) {
	kept := Record{Key: key}
	var reference, clues string
	err := q.QueryRowContext(ctx, `SELECT reference, clues, first_date, last_date FROM dossier_control WHERE practice = $1 AND dossier = $2`,
		key.Practice, key.Dossier).
		Scan(&reference, &clues, &kept.Totals.FirstDate, &kept.Totals.LastDate)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && clues != "" {
		err = json.Unmarshal([]byte(clues), &kept.Clues)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	kept.State, kept.DocumentReferences = Succeeded, []string{reference}
	return []Record{kept}, nil
}

// keepControl keeps a reference of a row that is about to lose its own, so that a look into a dossier that was quiet for long
// can still be proven: the one of the newest row.
func (w *writing) keepControl(row *Record) error {
	if row.Collection != Imports || row.State != Succeeded {
		return nil
	}
	reference, found := row.control(func(string) bool { return true })
	if !found {
		return nil
	}
	var clues string
	if clue, known := row.Clues[reference]; known {
		var err error
		if clues, err = encode(map[string]Clue{reference: clue}, false); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	_, err := w.tx.ExecContext(w.ctx,
		`INSERT INTO dossier_control (practice, dossier, reference, clues, first_date, last_date, updated) VALUES ($1, $2, $3, $4, $5, $6, $7) `+
			`ON CONFLICT (practice, dossier) DO UPDATE SET reference = excluded.reference, clues = excluded.clues, `+
			`first_date = excluded.first_date, last_date = excluded.last_date, updated = excluded.updated `+
			`WHERE excluded.updated > dossier_control.updated`,
		row.Practice, row.Dossier, reference, clues, row.Totals.FirstDate, row.Totals.LastDate, micros(row.Updated))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}
