package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"cegid.internal/gateway/cegidclient/identity"
)

// Books are what entries are booked into: a dossier at Loop. Two practices of the same domain share them.
type Books struct{ Domain, Dossier string }

// Digests are what the entries of a submission are told by.
type Digests struct {
	Books Books
	// Entries of a request, in its order; or the Set of a deposit, of which each entry has its place.
	Entries []identity.Entry
	Set     string
	// RepeatOf lets an entry, by its index, be booked beside those of the import with that request id.
	RepeatOf map[int]string
	// Absent are attempts whose entries a look into Loop has just shown not to be there: they refuse nothing.
	Absent []Attempt
}

// Attempt is one of a submission.
type Attempt struct {
	Key
	Number int
}

// OtherImport is one with the same entries.
type OtherImport struct {
	Key
	Caller  string
	Attempt int
	State   State
	number  int64
	set     string
}

// Certain says that no look into Loop is needed for it: it is booked, or under way.
func (o *OtherImport) Certain() bool { return !o.State.Resolvable() }

// Overlap is an entry that is in another import which is booked or may be.
type Overlap struct {
	// Entry is its index in the request, or its place in the set of a deposit; Line is the first of it in a file, or 0.
	Entry, Line int
	Match       identity.Match
	// Refuses: the same entry, told by a document reference or a reference, and not said to repeat it. Others are warned of.
	Refuses bool
	// Of is the first import that it is in: one that is Certain, if there is any.
	Of *OtherImport
}

// OverlapError says that entries are in other imports of the books.
type OverlapError struct {
	// Overlaps are those that refuse, in the order of the entries.
	Overlaps []Overlap
}

// Error names an import; it is not for callers, who may not be allowed to see it.
func (e *OverlapError) Error() string {
	first := e.Overlaps[0]
	return fmt.Sprintf("ledger: %d entries are in other imports; entry %d is %s under request id %q",
		len(e.Overlaps), first.Entry, first.Of.State, first.Of.RequestID)
}

// ErrNoDigests: the set is not there, or not whole, or of other books. Make it again.
var ErrNoDigests = errors.New("ledger: no digests of that deposit")

// errStale: others have come since entries were compared.
var errStale = errors.New("ledger: compared too early")

// IdentityKey is the secret of this ledger under which entries are digested.
func (l *Ledger) IdentityKey(ctx context.Context) (key identity.Key, err error) {
	err = l.looking(ctx, func(ctx context.Context, q querier) error {
		var secret []byte
		if err := q.QueryRowContext(ctx, `SELECT content FROM ledger_secret WHERE name = 'entries'`).Scan(&secret); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		key, err = identity.NewKey(secret)
		return err
	})
	return key, err
}

// looking is reading for what runs within a transaction too.
func (l *Ledger) looking(ctx context.Context, do func(context.Context, querier) error) error {
	return l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error { return do(ctx, conn) })
}

// Booked says whether there are imports in books whose entries can be compared with others.
func (l *Ledger) Booked(ctx context.Context, b Books) (found bool, err error) {
	err = l.looking(ctx, func(ctx context.Context, q querier) error {
		_, last, err := findBooks(ctx, q, b)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		found = last > 0
		return err
	})
	return found, err
}

// Overlaps tells which entries are in other imports than the one of key, without holding anybody up. What comes at the same
// time may be missed: Begin does not miss it.
func (l *Ledger) Overlaps(ctx context.Context, key Key, d Digests) ([]Overlap, error) {
	c := newComparison(key, &d)
	if err := c.more(ctx, l); err != nil {
		return nil, err
	}
	return c.overlaps(ctx, l)
}

const (
	// staleRounds is how often entries are compared before the lock, until the rest is compared under it, however much.
	staleRounds = 5
	// mostUnderLock is how many digests are compared under the lock before.
	mostUnderLock = 20_000
)

// compared begins with entries compared, as far as others have come before; what came since is compared under the lock.
func (l *Ledger) compared(ctx context.Context, s *Submission, begin func() error) error {
	if s.Digests == nil || s.AllowDuplicate {
		return begin()
	}
	s.compared = newComparison(s.Key, s.Digests)
	for round := 0; ; round++ {
		if err := s.compared.more(ctx, l); err != nil {
			return err
		}
		s.compared.anyhow = round >= staleRounds
		err := begin()
		if refused, ok := errors.AsType[*OverlapError](err); ok {
			return errors.Join(s.compared.lines(ctx, l, refused.Overlaps), err)
		}
		if !errors.Is(err, errStale) || round > 2*staleRounds {
			return err
		}
	}
}

// refusal is decided under the lock: *OverlapError, or errStale when entries are to be compared first. err is the database's.
func (w *writing) refusal(s *Submission) (verdict, err error) {
	c := s.compared
	if c == nil {
		return nil, nil
	}
	if err := c.compareAgain(w); errors.Is(err, errStale) || errors.Is(err, ErrNoDigests) {
		return err, nil
	} else if err != nil {
		return nil, err
	}
	var refused []Overlap
	for _, overlap := range c.best {
		if overlap.Refuses {
			refused = append(refused, overlap)
		}
	}
	if len(refused) == 0 {
		return nil, nil
	}
	slices.SortFunc(refused, func(a, b Overlap) int { return a.Entry - b.Entry })
	return &OverlapError{refused}, nil
}

// attach keeps the digests with their import, whose row is there.
func (w *writing) attach(s *Submission) error {
	if s.Collection != Imports {
		return nil
	}
	if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM entry_import WHERE `+byKey, s.Key.args()...); err != nil { // of an earlier attempt
		return fmt.Errorf("ledger: %w", err)
	}
	if s.Digests == nil {
		return nil
	}
	d := s.Digests
	id, last, err := books(w.ctx, w.tx, d.Books)
	if err != nil {
		return err
	}
	number := last + 1
	if _, err := w.tx.ExecContext(w.ctx, `UPDATE entry_books SET last = $1 WHERE books = $2`, number, id); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var set any
	if d.Set != "" {
		if _, err := setParts(w.ctx, w.tx, id, d.Set); err != nil {
			return err
		}
		set = d.Set
	}
	args := append([]any{id, number}, append(s.Key.args(), set)...)
	if _, err := w.tx.ExecContext(w.ctx,
		`INSERT INTO entry_import (books, number, `+keyColumns+`, set_id) VALUES (`+placeholders(1, len(args))+`)`, args...); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return w.pack(id, number, d.Entries)
}

// books finds books, which are made when there are none; last is the number of their latest import.
func books(ctx context.Context, q execer, b Books) (id, last int64, err error) {
	if _, err := q.ExecContext(ctx, `INSERT INTO entry_books (domain, dossier, last) VALUES ($1, $2, 0) `+
		`ON CONFLICT (domain, dossier) DO NOTHING`, b.Domain, b.Dossier); err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	return findBooks(ctx, q, b)
}

func findBooks(ctx context.Context, q querier, b Books) (id, last int64, err error) {
	if err := q.QueryRowContext(ctx, `SELECT books, last FROM entry_books WHERE domain = $1 AND dossier = $2`,
		b.Domain, b.Dossier).Scan(&id, &last); err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	return id, last, nil
}

// Packs are read and written whole, so that they are small.
const packSize = 16 << 10

// pack adds the entries of a request to the packs of their months.
func (w *writing) pack(books, number int64, entries []identity.Entry) error {
	months := map[int][]byte{}
	for _, e := range entries {
		if e.Known() {
			months[e.Month] = appendPacked(months[e.Month], number, e)
		}
	}
	for month, content := range months {
		var pack int64
		var stored []byte
		found, err := row(w.tx.QueryContext(w.ctx,
			`SELECT pack, content FROM entry_pack WHERE books = $1 AND month = $2 ORDER BY pack DESC LIMIT 1`, books, month))(&pack, &stored)
		if err != nil {
			return err
		}
		if found && len(stored)+len(content) <= packSize {
			_, err = w.tx.ExecContext(w.ctx, `UPDATE entry_pack SET content = $1, last = $2 WHERE books = $3 AND month = $4 AND pack = $5`,
				append(stored, content...), number, books, month, pack)
		} else {
			_, err = w.tx.ExecContext(w.ctx, `INSERT INTO entry_pack (books, month, pack, first, last, content) VALUES ($1, $2, $3, $4, $4, $5)`,
				books, month, pack+1, number, content)
		}
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}

// statesOf reads the states of imports, by their numbers in the books.
func statesOf(ctx context.Context, q querier, books int64, numbers []int64) (out []*OtherImport, err error) {
	for batch := range slices.Chunk(numbers, 500) {
		args := []any{books}
		for _, number := range batch {
			args = append(args, number)
		}
		if out, err = otherImports(ctx, q, out, `i.books = $1 AND i.number IN (`+placeholders(2, len(batch))+`)`, args...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func otherImports(ctx context.Context, q querier, out []*OtherImport, where string, args ...any) ([]*OtherImport, error) {
	rows, err := q.QueryContext(ctx, `SELECT i.number, COALESCE(i.set_id, ''), w.practice, w.dossier, w.collection, w.request_id, w.caller, `+
		`w.attempt, w.state FROM entry_import i `+
		`JOIN write_request w ON w.practice = i.practice AND w.dossier = i.dossier AND w.collection = i.collection `+
		`AND w.request_id = i.request_id WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		o := new(OtherImport)
		if err := rows.Scan(&o.number, &o.set, &o.Practice, &o.Dossier, &o.Collection, &o.RequestID, &o.Caller, &o.Attempt,
			&o.State); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// lock makes transactions that begin the same content, or entries of the same books, wait for each other.
func (w *writing) lock(s *Submission) error {
	if w.dialect.lock == nil {
		return nil
	}
	if d := s.Digests; d != nil {
		if err := w.dialect.lock(w.ctx, w.tx, fmt.Sprintf("books %q %q", d.Books.Domain, d.Books.Dossier)); err != nil {
			return err
		}
	}
	return w.dialect.lock(w.ctx, w.tx, fmt.Sprintf("%q %q %q %s", s.Practice, s.Dossier, s.Collection, s.Fingerprints[0]))
}
