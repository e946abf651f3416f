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
	after := q.After
	for scanned := 0; scanned < maxScanned; scanned += listBatch {
		size := listBatch
		if q.Visible == nil {
			size = min(listBatch, q.Limit-len(out)+1) // one more than asked for tells whether this is the end
		}
		batch, err := l.batch(ctx, q, after, size)
		if err != nil {
			return nil, "", err
		}
		for _, r := range batch {
			if q.Visible != nil && !q.Visible(r.Caller, r.Dossier) {
				after = cursorAt(&r)
				continue
			}
			if len(out) == q.Limit {
				return out, after, nil
			}
			out, after = append(out, r), cursorAt(&r)
		}
		if len(batch) < size {
			return out, "", nil
		}
	}
	return out, after, nil
}

func (l *Ledger) batch(ctx context.Context, q Query, after Cursor, size int) ([]Record, error) {
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
		add("request_id IN (SELECT request_id FROM document_reference d WHERE d.practice = %s AND d.reference = %s)", q.Practice, q.DocumentReference)
	}
	if !q.From.IsZero() {
		add("created >= %s", micros(q.From))
	}
	if !q.Before.IsZero() {
		add("created < %s", micros(q.Before))
	}
	if after != "" {
		created, requestID, err := after.parse()
		if err != nil {
			return nil, err
		}
		add("(created, request_id) < (%s, %s)", created, requestID)
	}
	query := selectRow + "WHERE " + strings.Join(where, " AND ") + " ORDER BY created DESC, request_id DESC LIMIT $" + strconv.Itoa(len(args)+1)
	return l.read(ctx, query, append(args, size)...)
}

func cursorAt(r *Record) Cursor {
	return Cursor(strconv.FormatInt(micros(r.Created), 36) + "." + r.RequestID)
}

func (c Cursor) parse() (created int64, requestID string, err error) {
	number, requestID, ok := strings.Cut(string(c), ".")
	created, err = strconv.ParseInt(number, 36, 64)
	if !ok || err != nil || requestID == "" {
		return 0, "", ErrCursor
	}
	return created, requestID, nil
}
