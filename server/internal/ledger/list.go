package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Query says which rows to list. Fields that are unset do not restrict.
type Query struct {
	Practice string
	// Service is that of the rows' RPCs, the part before the dot.
	Service string
	// Dossier is exact.
	Dossier string
	States  []State
	Caller  string
	// DocumentReference is exact; references are forgotten after 90 days.
	DocumentReference string
	// From and Before bound Created; From is included.
	From, Before time.Time
	// Visible says whether a row may be shown; nil shows all. It is called while the ledger works, and must not use it.
	Visible func(caller, dossier string) bool
	// Limit is how many rows to return at most.
	Limit int
	After Cursor
}

// Cursor is a place in a list: the last row that was looked at. The empty cursor is the start, or past the end.
type Cursor string

const (
	listBatch = 500
	// A caller who may see few rows of a large practice gets short pages instead of holding up the ledger.
	maxScanned = 20 * listBatch
)

// List returns rows, the latest first, and where to go on; the cursor is empty at the end. Rows that come in between
// are newer than what is left. A page may be shorter than the limit, even empty, and not be the last.
func (l *Ledger) List(ctx context.Context, q Query) ([]Record, Cursor, error) {
	var out []Record
	at, err := q.After.parse()
	if err != nil {
		return nil, "", err
	}
	for scanned := 0; scanned < maxScanned; scanned += listBatch {
		size := listBatch
		if q.Visible == nil {
			size = min(listBatch, q.Limit-len(out)+1) // one more than asked for tells whether this is the end
		}
		batch, err := l.batch(ctx, q, at, size)
		if err != nil {
			return nil, "", err
		}
		for _, r := range batch {
			if q.Visible != nil && !q.Visible(r.Caller, r.Dossier) {
				at.pass(&r)
				continue
			}
			if len(out) == q.Limit {
				return out, at.cursor(), nil
			}
			out = append(out, r)
			at.pass(&r)
		}
		if len(batch) < size {
			return out, "", nil
		}
	}
	return out, at.cursor(), nil
}

func (l *Ledger) batch(ctx context.Context, q Query, at position, size int) ([]Record, error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for i := range values {
			numbers[i] = "$" + strconv.Itoa(len(args)+i+1)
		}
		where, args = append(where, fmt.Sprintf(condition, numbers...)), append(args, values...)
	}
	add("practice = %s", q.Practice)
	if q.Service != "" {
		add("substr(rpc, 1, %s) = %s", len(q.Service)+1, q.Service+".")
	}
	if q.Dossier != "" {
		add("dossier = %s", q.Dossier)
	}
	if len(q.States) > 0 {
		var states []any
		for _, state := range q.States {
			states = append(states, string(state))
		}
		add("state IN ("+strings.TrimSuffix(strings.Repeat("%s, ", len(states)), ", ")+")", states...)
	}
	if q.Caller != "" {
		add("caller = %s", q.Caller)
	}
	if q.DocumentReference != "" {
		add("request_id IN (SELECT request_id FROM document_reference d WHERE d.practice = %s AND d.reference = %s)", q.Practice, indexed(q.DocumentReference))
	}
	if !q.From.IsZero() {
		add("created >= %s", micros(q.From))
	}
	if !q.Before.IsZero() {
		add("created < %s", micros(q.Before))
	}
	if at.created != 0 {
		add("created <= %s", at.created)
	}
	query := selectRow + "WHERE " + strings.Join(where, " AND ") + " ORDER BY created DESC, request_id DESC LIMIT $" + strconv.Itoa(len(args)+1)
	rows, err := l.read(ctx, query, append(args, size+at.passed)...)
	if err != nil {
		return nil, err
	}
	return rows[min(at.passed, len(rows)):], nil
}

// position is where a list stopped: at an instant, so many of whose rows have been looked at. It names no row, because the
// last one looked at may be one that the reader must not know of.
type position struct {
	created int64
	passed  int
}

func (p *position) pass(r *Record) {
	if created := micros(r.Created); created != p.created {
		p.created, p.passed = created, 0
	}
	p.passed++
}

func (p position) cursor() Cursor {
	return Cursor(strconv.FormatInt(p.created, 36) + "." + strconv.Itoa(p.passed))
}

func (c Cursor) parse() (position, error) {
	if c == "" {
		return position{}, nil
	}
	created, passed, ok := strings.Cut(string(c), ".")
	at, err := strconv.ParseInt(created, 36, 64)
	n, wrong := strconv.Atoi(passed)
	if !ok || err != nil || wrong != nil || at <= 0 || n <= 0 || n > 1_000_000 {
		return position{}, ErrCursor
	}
	return position{at, n}, nil
}
