package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// columns of submission, in the order of scan and values.
const columns = keyColumns + `, attempt, state, owner, lease_until, abandoned, caller, rpc, format, scheme, ` +
	`fingerprint, document_references, entries, lines, debit, credit, first_date, last_date, loop_request_id, findings, error, ` +
	`follow_error, poll_count, next_poll, created, received, updated, submitted, finished, loop_ids, clues, evidence, resolution, file, ` +
	`metadata, asked, follow_age`

const (
	keyColumns = `practice, dossier, collection, request_id`
	selectRow  = `SELECT ` + columns + ` FROM write_request `
	// byKey takes the first parameters, those of Key.args. Casts here and elsewhere: SQLite parses a statement anew at each run
	// when a bare parameter is compared with a column that a partial index is restricted by, or is a limit.
	byKey = `practice = $1 AND dossier = $2 AND collection = CAST($3 AS TEXT) AND request_id = $4`
)

func (k Key) args() []any { return []any{k.Practice, k.Dossier, string(k.Collection), k.RequestID} }

// writing is one transaction.
type writing struct {
	*Ledger
	ctx context.Context
	tx  *sql.Tx
	now int64
	// rules are those of the ledger, or those in which nothing grows old while its clock is not trusted.
	rules   rules
	trusted bool
	touched []Key
	// told is what has changed, if anything has; number is that of the commit, or else the newest one that was read.
	told   []Event
	number int64
}

// write runs a transaction, and repeats it after a conflict with another one. ctx bounds the wait for its turn; then it is
// ignored. Otherwise a caller who gives up could leave a commit that this program does not know of, or break the connection that
// holds the lock. Transactions are short, and the dialect's limit bounds those over a network.
func (l *Ledger) write(ctx context.Context, do func(*writing) error) error {
	return l.observed(ctx, "write", func() error {
		return l.older(ctx, l.tried(ctx, &l.trouble.Commits, func() error { return l.writeOnce(ctx, do) }))
	})
}

// tried does what leaves nothing when it fails, again where that may help at once. A failure of the database's counts in failures.
func (l *Ledger) tried(ctx context.Context, failures *int64, do func() error) error {
	return l.failed(ctx, failures, l.repeated(ctx, do))
}

func (l *Ledger) repeated(ctx context.Context, do func() error) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		err := do()
		switch {
		case err == nil, errors.Is(err, ErrCommit):
			return err
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%w: %s", ErrSilent, err) // the caller's time is not over
		case attempt == attempts || errors.Is(err, ErrNotOpen) || !l.dialect.transient(err):
			return err
		}
	}
}

// bounded ends with the dialect's limit.
func (l *Ledger) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.dialect.limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.dialect.limit)
}

// conn waits for a connection.
func (l *Ledger) conn(ctx context.Context) (*sql.Conn, error) {
	if err := l.Awaited(); err != nil {
		return nil, err
	}
	ctx, cancel := l.bounded(ctx)
	defer cancel()
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return conn, nil
}

func (l *Ledger) writeOnce(ctx context.Context, do func(*writing) error) error {
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := l.checkFile(); err != nil {
		return err
	}
	ctx, cancel := l.bounded(context.WithoutCancel(ctx))
	defer cancel()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: l.dialect.isolation})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer tx.Rollback() // nothing after Commit
	w := &writing{Ledger: l, ctx: ctx, tx: tx}
	if w.now, err = l.now(ctx, tx); err != nil {
		return err
	}
	if w.rules, w.trusted, err = l.rulesAt(ctx, tx, w.now); err != nil {
		return err
	}
	if err := do(w); err != nil {
		return err
	}
	if len(w.told) > 0 {
		if err := w.count(); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		if l.dialect.rolledBack(err) {
			return fmt.Errorf("ledger: %w", err)
		}
		return fmt.Errorf("%w: %s", ErrCommit, err)
	}
	if err := l.checkFile(); err != nil { // in between
		return err
	}
	l.commits.learn(w.number)
	l.changes.signal(w.touched)
	if len(w.told) > 0 {
		l.log.wake(w.told)
	}
	return nil
}

// now is the database's clock, in microseconds.
func (l *Ledger) now(ctx context.Context, q querier) (now int64, err error) {
	if l.clock != nil {
		return l.clock().UnixMicro(), nil
	}
	if err := q.QueryRowContext(ctx, l.dialect.now).Scan(&now); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return now, nil
}

// read runs a query whose rows are records. Like write, it heeds ctx until its turn has come.
func (l *Ledger) read(ctx context.Context, query string, args ...any) (records []Record, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		records, err = collect(ctx, conn, query, args...)
		return err
	})
	return records, err
}

// reading lends a connection for queries.
func (l *Ledger) reading(ctx context.Context, do func(context.Context, *sql.Conn) error) error {
	return l.observed(ctx, "read", func() error {
		return l.tried(ctx, &l.trouble.Reads, func() error {
			conn, err := l.reader(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			ctx, cancel := l.bounded(context.WithoutCancel(ctx))
			defer cancel()
			return do(ctx, conn)
		})
	})
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func collect(ctx context.Context, q querier, query string, args ...any) ([]Record, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var out []Record
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, record)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

func scan(rows *sql.Rows) (Record, error) {
	var (
		r                                                                                  Record
		lease, abandoned, nextPoll, created, received, updated, submitted, finished, asked int64
		fingerprint                                                                        []byte
		documentReferences, findings, failure, loopIDs, clues, evidence, resolution, file  string
		kind, metadata                                                                     string
		followAge                                                                          int64
	)
	err := rows.Scan(&r.Practice, &r.Dossier, &r.Collection, &r.RequestID, &r.Attempt, &r.State, &r.Owner, &lease, &abandoned, &r.Caller,
		&kind,
		&r.Format, &r.Fingerprint.Scheme, &fingerprint, &documentReferences, &r.Totals.Entries, &r.Totals.Lines,
		&r.Totals.Debit, &r.Totals.Credit, &r.Totals.FirstDate, &r.Totals.LastDate, &r.LoopRequestID, &findings, &failure,
		&r.FollowError, &r.Polls, &nextPoll, &created, &received, &updated, &submitted, &finished, &loopIDs, &clues, &evidence, &resolution,
		&file, &metadata, &asked, &followAge)
	if err != nil {
		return Record{}, err
	}
	if len(fingerprint) != len(r.Fingerprint.Sum) {
		return Record{}, fmt.Errorf("fingerprint of %q has %d bytes", r.RequestID, len(fingerprint))
	}
	copy(r.Fingerprint.Sum[:], fingerprint)
	r.Kind, r.Abandoned = kindOf(kind), abandoned != 0
	r.LeaseUntil, r.NextPoll = instant(lease), instant(nextPoll)
	r.Created, r.Received, r.Updated = instant(created), instant(received), instant(updated)
	r.Submitted, r.Finished = instant(submitted), instant(finished)
	r.Asked, r.FollowAge = instant(asked), time.Duration(followAge)*time.Microsecond
	return r, errors.Join(decode(documentReferences, &r.DocumentReferences), decode(findings, &r.Findings), decode(failure, &r.Error),
		decode(loopIDs, &r.LoopIDs),
		decode(clues, &r.Clues), decode(evidence, &r.Evidence), decode(resolution, &r.Resolution), decode(file, &r.File),
		decode(metadata, &r.Metadata))
}

// values of a record, in the order of columns.
func values(r *Record) ([]any, error) {
	documentReferences, err1 := encode(r.DocumentReferences, len(r.DocumentReferences) == 0)
	findings, err2 := encode(r.Findings, len(r.Findings) == 0)
	failure, err3 := encode(r.Error, r.Error == nil)
	loopIDs, err4 := encode(r.LoopIDs, len(r.LoopIDs) == 0)
	clues, err5 := encode(r.Clues, len(r.Clues) == 0)
	evidence, err6 := encode(r.Evidence, r.Evidence == nil)
	resolution, err7 := encode(r.Resolution, r.Resolution == nil)
	file, err8 := encode(r.File, r.File == nil)
	metadata, err9 := encode(r.Metadata, len(r.Metadata) == 0)
	abandoned := 0
	if r.Abandoned {
		abandoned = 1
	}
	return append(r.Key.args(),
		r.Attempt, string(r.State), r.Owner, micros(r.LeaseUntil), abandoned, r.Caller, r.Kind.column(),
		r.Format, r.Fingerprint.Scheme, r.Fingerprint.Sum[:], documentReferences, r.Totals.Entries, r.Totals.Lines,
		r.Totals.Debit, r.Totals.Credit, r.Totals.FirstDate, r.Totals.LastDate, r.LoopRequestID, findings, failure,
		r.FollowError, r.Polls, micros(r.NextPoll), micros(r.Created), micros(r.Received), micros(r.Updated), micros(r.Submitted),
		micros(r.Finished), loopIDs,
		clues, evidence, resolution, file, metadata, micros(r.Asked), r.FollowAge.Microseconds(),
	), errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9)
}

// encode returns JSON; nothing is the empty text.
func encode(value any, empty bool) (string, error) {
	if empty {
		return "", nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

func decode(text string, into any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}

// row returns a row that is about to change; ErrUnknown without one.
func (w *writing) row(key Key) (Record, error) {
	found, err := collect(w.ctx, w.tx, selectRow+`WHERE `+byKey+w.dialect.forUpdate, key.args()...)
	if err != nil {
		return Record{}, err
	}
	if len(found) == 0 {
		return Record{}, ErrUnknown
	}
	return found[0], nil
}

// keys runs a statement that returns the keys of rows.
func (w *writing) keys(query string, args ...any) ([]Key, error) {
	rows, err := w.tx.QueryContext(w.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var out []Key
	for rows.Next() {
		var key Key
		if err := rows.Scan(&key.Practice, &key.Dossier, &key.Collection, &key.RequestID); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, key)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

func (w *writing) insert(r *Record) error {
	w.date(r)
	args, err := values(r)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if _, err := w.tx.ExecContext(w.ctx, `INSERT INTO write_request (`+columns+`) VALUES (`+placeholders(1, len(args))+`)`,
		args...); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	w.touched = append(w.touched, r.Key)
	w.tell("", r)
	return w.index(r)
}

// updateRow takes the values of a record, then the state, the attempt and Loop's id that it must have.
var updateRow = func() string {
	all := strings.Split(columns, ", ")
	var assign []string
	for i := strings.Count(keyColumns, ", ") + 1; i < len(all); i++ {
		assign = append(assign, all[i]+" = $"+strconv.Itoa(i+1))
	}
	return fmt.Sprintf(`UPDATE write_request SET %s WHERE %s AND state = CAST($%d AS TEXT) AND attempt = $%d AND loop_request_id = $%d`,
		strings.Join(assign, ", "), byKey, len(all)+1, len(all)+2, len(all)+3)
}()

// update is the compare-and-set of every transition: it stores a record where the row still has the state, the attempt and
// Loop's id that the decision was made on, else ErrLost.
func (w *writing) update(from status, r *Record) error {
	w.date(r)
	args, err := values(r)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	changed, err := w.changes(updateRow, append(args, string(from.state), from.attempt, from.loopID)...)
	if err != nil {
		return err
	}
	if !changed {
		return ErrLost
	}
	w.touched = append(w.touched, r.Key)
	w.tell(from.state, r)
	return nil
}

// index stores the references of a row anew, for List to find it by.
func (w *writing) index(r *Record) error {
	if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM document_reference WHERE `+byKey, r.Key.args()...); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for _, reference := range r.DocumentReferences {
		_, err := w.tx.ExecContext(w.ctx, `INSERT INTO document_reference (`+keyColumns+`, reference) VALUES ($1, $2, $3, $4, $5)`,
			append(r.Key.args(), indexed(reference))...)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}

// indexed is a reference as the index has it: PostgreSQL refuses keys of more than 2,704 bytes, and the contract does not.
func indexed(reference string) string {
	const longest = 500
	if len(reference) <= longest {
		return reference
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(reference)))
}

func placeholders(from, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = "$" + strconv.Itoa(from+i)
	}
	return strings.Join(out, ", ")
}

func ago(now int64, d time.Duration) int64 { return now - d.Microseconds() }
