package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query says which rows to list. Fields that are unset do not restrict.
type Query struct {
	Collection Collection
	// Practice and Dossier are exact.
	Practice, Dossier string
	States            []State
	Caller            string
	// DocumentReference is exact; references are forgotten, after 90 days by default.
	DocumentReference string
	// From and Before bound Created; From is included.
	From, Before time.Time
	// UpdatedFrom, included, bounds Updated, and the rows come in that order, the oldest first. Else they come in that of
	// Created, the latest first.
	UpdatedFrom time.Time
	// Visible restricts the rows to those that somebody may see; nil shows all.
	Visible *Scope
	// Limit is how many rows to return at most.
	Limit int
	After Cursor
}

// Scope is what somebody may see: whatever one of the grants covers.
type Scope struct {
	// Caller sees its own rows in the practices of its grants.
	Caller string
	Grants []Grant
}

// Grant covers dossiers of practices.
type Grant struct {
	// Practices are exact; nil covers all.
	Practices []string
	// Dossiers are exact, or patterns in which * means any run of characters.
	Dossiers []string
}

// Cursor is a place in a list: after a row that was returned. The empty cursor is the start, or past the end.
type Cursor string

// List returns rows and where to go on; the cursor is empty at the end. A row that changes its place meanwhile may come twice
// in the order of Updated, and is missed in neither order. ErrOlder: the ledger may have forgotten some.
func (l *Ledger) List(ctx context.Context, q Query) ([]Record, Cursor, error) {
	at, err := q.After.parse()
	if err == nil {
		err = l.knowsAll(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	query, args := q.statement(at, l.dialect)
	rows, err := l.read(ctx, query, args...)
	if err != nil || len(rows) <= q.Limit {
		return rows, "", err
	}
	rows = rows[:q.Limit] // one more was asked for, which tells that this is not the end
	return rows, q.cursor(&rows[q.Limit-1]), nil
}

// condition gathers the conditions of a query.
type condition struct{ args []any }

// with numbers the places in a text, %s each, after those that there are.
func (c *condition) with(text string, values ...any) string {
	numbers := make([]any, len(values))
	for i := range values {
		numbers[i] = "$" + strconv.Itoa(len(c.args)+i+1)
	}
	c.args = append(c.args, values...)
	return fmt.Sprintf(text, numbers...)
}

// in says that a column has one of some values.
func in[T ~string](c *condition, column string, values []T) string {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = string(value)
	}
	return c.with(column+" IN ("+strings.TrimSuffix(strings.Repeat("%s, ", len(args)), ", ")+")", args...)
}

// openStates are those that want somebody yet; the condition is that of write_request_open_newest and write_request_open_updated.
var openStates = []State{Received, Submitting, Waiting, Running, Failed, Uncertain}

const openOnes = `state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN')`

func (q Query) statement(at *position, d dialect) (string, []any) {
	c := &condition{}
	where := []string{c.with("collection = %s", string(q.Collection))}
	add := func(wanted bool, text string, values ...any) {
		if wanted {
			where = append(where, c.with(text, values...))
		}
	}
	practice := "practice = %s"
	if len(q.States) > 0 && !slices.ContainsFunc(q.States, func(s State) bool { return !slices.Contains(openStates, s) }) {
		// Few of many: the index of those alone, and not the practice's, which leads through all that is done.
		where = append(where, openOnes)
		practice = "practice || '' = %s"
	}
	add(q.Practice != "", practice, q.Practice)
	add(q.Dossier != "", "dossier = %s", q.Dossier)
	add(q.Caller != "", "caller = %s", q.Caller)
	if len(q.States) > 0 {
		where = append(where, in(c, "state", q.States))
	}
	add(q.DocumentReference != "", "("+keyColumns+") IN (SELECT "+keyColumns+" FROM document_reference WHERE reference = %s)",
		indexed(q.DocumentReference))
	add(!q.From.IsZero(), "created >= %s", micros(q.From))
	add(!q.Before.IsZero(), "created < %s", micros(q.Before))
	add(!q.UpdatedFrom.IsZero(), "updated >= %s", micros(q.UpdatedFrom))
	if q.Visible != nil {
		where = append(where, q.Visible.condition(c, d))
	}
	column, after, direction := "created", "<", " DESC"
	if !q.UpdatedFrom.IsZero() {
		column, after, direction = "updated", ">", ""
	}
	if at != nil {
		where = append(where, c.with("("+column+", "+keyColumns+") "+after+" (%s, %s, %s, %s, %s)",
			append([]any{at.Micros}, at.key().args()...)...))
	}
	order := strings.ReplaceAll(column+", "+keyColumns, ",", direction+",") + direction
	limit := c.with("%s", q.Limit+1)
	return selectRow + "WHERE " + strings.Join(where, " AND ") + " ORDER BY " + order + " LIMIT " + limit, c.args
}

func (s *Scope) condition(c *condition, d dialect) string {
	any := []string{"1 = 0"}
	for _, grant := range s.Grants {
		visible := []string{c.with("caller = %s", s.Caller)}
		for _, pattern := range grant.Dossiers {
			if !strings.Contains(pattern, "*") {
				visible = append(visible, c.with("dossier = %s", pattern))
				continue
			}
			comparison, operand := d.like(pattern)
			visible = append(visible, c.with("dossier "+comparison, operand))
		}
		text := "(" + strings.Join(visible, " OR ") + ")"
		if grant.Practices != nil {
			text = "(" + in(c, "practice", grant.Practices) + " AND " + text + ")"
		}
		any = append(any, text)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// position is a row, in the order of a list.
type position struct {
	Micros                        int64
	Practice, Dossier, Collection string
	RequestID                     string
}

func (p *position) key() Key {
	return Key{p.Practice, p.Dossier, Collection(p.Collection), p.RequestID}
}

func (q Query) cursor(r *Record) Cursor {
	at := r.Created
	if !q.UpdatedFrom.IsZero() {
		at = r.Updated
	}
	text, err := json.Marshal([]any{micros(at), r.Practice, r.Dossier, r.Collection, r.RequestID})
	if err != nil {
		panic(err) // strings and a number
	}
	return Cursor(text)
}

func (c Cursor) parse() (*position, error) {
	if c == "" {
		return nil, nil
	}
	var at position
	parts := []any{&at.Micros, &at.Practice, &at.Dossier, &at.Collection, &at.RequestID}
	n := len(parts)
	if err := json.Unmarshal([]byte(c), &parts); err != nil || len(parts) != n || at.Micros <= 0 {
		return nil, ErrCursor
	}
	return &at, nil
}
