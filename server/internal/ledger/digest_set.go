package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"cegid.internal/gateway/cegidclient/identity"
)

// A chunk ends after an entry whose digest says so, so that files which hold the same entries, and others besides, are cut alike
// and share chunks: those of each month do when the months before come again.
const (
	shortestChunk = 512
	longestChunk  = 8192
	chunkMask     = 2048 - 1
)

// chunksAtOnce are stored in one transaction.
const chunksAtOnce = 8

// keepDraft is how long a set may take from its beginning to its deposit's row.
const keepDraft = time.Hour

// KeepDigests keeps the digests of a deposit, which come by month, and within it by body. They are written in pieces, each in a
// short transaction, and count once all of them are there: what a crash leaves is swept by Retain.
func (l *Ledger) KeepDigests(ctx context.Context, b Books, practice, deposit string,
	entries iter.Seq2[identity.Entry, error],
) (set string, err error) {
	d := &draft{l: l, set: rand.Text()}
	err = l.write(ctx, func(w *writing) (err error) {
		if err := w.takeTurn(b); err != nil {
			return err
		}
		if d.books, _, err = books(w.ctx, w.tx, b); err != nil {
			return err
		}
		return w.exec(`INSERT INTO entry_set (set_id, books, practice, deposit, entries, complete, created) VALUES ($1, $2, $3, $4, 0, 0, $5)`,
			d.set, d.books, practice, deposit, w.now)
	})
	if err != nil {
		return "", err
	}
	for e, err := range entries {
		if err == nil && e.Known() {
			err = d.add(ctx, e)
		}
		if err != nil {
			return "", err
		}
	}
	if err := d.cut(ctx, true); err != nil {
		return "", err
	}
	return d.set, l.write(ctx, func(w *writing) error {
		return w.exec(`UPDATE entry_set SET entries = $1, complete = 1 WHERE set_id = $2`, d.entries, d.set)
	})
}

// takeTurn keeps two transactions from making the same books.
func (w *writing) takeTurn(b Books) error {
	return w.lock(&Submission{Digests: &Digests{Books: b}, Fingerprints: make([]Fingerprint, 1)})
}

func (w *writing) exec(query string, args ...any) error {
	if _, err := w.tx.ExecContext(w.ctx, query, args...); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// DigestsOf returns the set of a deposit; ErrNoDigests without one that is whole.
func (l *Ledger) DigestsOf(ctx context.Context, b Books, practice, deposit string) (set string, err error) {
	err = l.looking(ctx, func(ctx context.Context, q querier) error {
		found, err := column[string](q.QueryContext(ctx, `SELECT s.set_id FROM entry_set s JOIN entry_books b ON b.books = s.books `+
			`WHERE s.practice = $1 AND s.deposit = $2 AND b.domain = $3 AND b.dossier = $4 AND s.complete = 1 ORDER BY s.created DESC LIMIT 1`,
			practice, deposit, b.Domain, b.Dossier))
		if err == nil && len(found) == 0 {
			err = ErrNoDigests
		}
		if err == nil {
			set = found[0]
		}
		return err
	})
	return set, err
}

// draft is a set that is being written.
type draft struct {
	l       *Ledger
	set     string
	books   int64
	entries int

	month          int
	content, lines []byte
	position       int
	waiting        []chunk
}

type chunk struct {
	position, month, entries int
	sum, content, lines      []byte
}

func (d *draft) add(ctx context.Context, e identity.Entry) error {
	if e.Month != d.month {
		if err := d.cut(ctx, false); err != nil {
			return err
		}
		d.month = e.Month
	}
	d.content = appendRecord(d.content, e)
	d.lines = binary.BigEndian.AppendUint32(d.lines, uint32(e.Line))
	d.entries++
	n := len(d.content) / recordSize
	if n >= shortestChunk && binary.BigEndian.Uint64(e.Body[8:])&chunkMask == 0 || n == longestChunk {
		return d.cut(ctx, false)
	}
	return nil
}

// cut ends a chunk.
func (d *draft) cut(ctx context.Context, last bool) error {
	if n := len(d.content) / recordSize; n > 0 {
		sum := sha256.Sum256(d.content)
		d.waiting = append(d.waiting, chunk{d.position, d.month, n, sum[:16], d.content, d.lines})
		d.position++
		d.content, d.lines = nil, nil
	}
	if len(d.waiting) == 0 || len(d.waiting) < chunksAtOnce && !last {
		return nil
	}
	err := d.l.write(ctx, func(w *writing) error {
		for _, c := range d.waiting {
			if err := w.exec(`INSERT INTO entry_chunk (books, chunk, content) VALUES ($1, $2, $3) ON CONFLICT (books, chunk) DO NOTHING`,
				d.books, c.sum, c.content); err != nil {
				return err
			}
			// The sweeper may take the chunk in between: then this fails for the want of it, and is done again.
			if err := w.exec(`INSERT INTO entry_part (set_id, position, books, month, chunk, entries, lines) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				d.set, c.position, d.books, c.month, c.sum, c.entries, c.lines); err != nil {
				return err
			}
		}
		return nil
	})
	d.waiting = d.waiting[:0]
	return err
}

// useless says that a set is not needed any more: it is a draft that was given up, or of a deposit that is gone, without an import.
const useless = `s.created < $1 AND NOT EXISTS (SELECT 1 FROM entry_import i WHERE i.set_id = s.set_id) ` +
	`AND (s.complete = 0 OR NOT EXISTS (SELECT 1 FROM file_deposit d WHERE d.practice = s.practice AND d.id = s.deposit))`

// partsAtOnce are removed in one transaction.
const partsAtOnce = 16

// sweepDigests removes what no import and no deposit leads to any more.
func (l *Ledger) sweepDigests(ctx context.Context) error {
	for more := true; more; {
		err := l.write(ctx, func(w *writing) (err error) {
			more, err = w.sweepSet()
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, statement := range []string{
		// Where entries are in a file matters as long as it can be imported.
		`UPDATE entry_part SET lines = NULL WHERE (set_id, position) IN (SELECT p.set_id, p.position FROM entry_part p ` +
			`JOIN entry_set s ON s.set_id = p.set_id ` +
			`WHERE p.lines IS NOT NULL AND s.created < $1 AND NOT EXISTS (SELECT 1 FROM file_deposit d WHERE d.practice = s.practice ` +
			`AND d.id = s.deposit) LIMIT 64)`,
		`DELETE FROM entry_pack WHERE (books, month, pack) IN (SELECT p.books, p.month, p.pack FROM entry_pack p ` +
			`WHERE NOT EXISTS (SELECT 1 FROM entry_import i WHERE i.books = p.books AND i.number >= p.first AND i.number <= p.last ` +
			`AND i.set_id IS NULL) LIMIT 64) AND CAST($1 AS BIGINT) > 0`,
	} {
		for more := true; more; {
			err := l.write(ctx, func(w *writing) (err error) {
				more, err = w.changes(statement, ago(w.now, keepDraft))
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepSet removes some parts of a useless set with the chunks that no other shares, and the set after the last of them.
func (w *writing) sweepSet() (found bool, err error) {
	var set string
	var b Books
	before := ago(w.now, keepDraft)
	found, err = row(w.tx.QueryContext(w.ctx,
		`SELECT s.set_id, b.domain, b.dossier FROM entry_set s JOIN entry_books b ON b.books = s.books WHERE `+useless+` LIMIT 1`,
		before))(&set, &b.Domain, &b.Dossier)
	if err != nil || !found {
		return false, err
	}
	// An import takes a set under the same lock.
	if err := w.takeTurn(b); err != nil {
		return false, err
	}
	if still, err := w.changes(`UPDATE entry_set SET complete = 0 WHERE set_id IN `+
		`(SELECT s.set_id FROM entry_set s WHERE s.set_id = $2 AND `+useless+`)`, before, set); err != nil || !still {
		return true, err
	}
	parts, err := readParts(w.tx.QueryContext(w.ctx,
		`SELECT position, books, chunk FROM entry_part WHERE set_id = $1 ORDER BY position LIMIT $2`, set, partsAtOnce))
	if err != nil {
		return true, err
	}
	for _, p := range parts {
		if err := w.exec(`DELETE FROM entry_part WHERE set_id = $1 AND position = $2`, set, p.position); err != nil {
			return true, err
		}
		if err := w.exec(`DELETE FROM entry_chunk WHERE books = $1 AND chunk = $2 AND NOT EXISTS (SELECT 1 FROM entry_part `+
			`WHERE books = $1 AND chunk = $2)`, p.books, p.chunk); err != nil {
			return true, err
		}
	}
	if len(parts) < partsAtOnce {
		err = w.exec(`DELETE FROM entry_set WHERE set_id = $1`, set)
	}
	return true, err
}

type placedChunk struct {
	position, books int64
	chunk           []byte
}

func readParts(rows *sql.Rows, err error) (out []placedChunk, _ error) {
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p placedChunk
		if err := rows.Scan(&p.position, &p.books, &p.chunk); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}
