package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrForgotten: events behind the sequence are gone, see KeepEvent.
var ErrForgotten = errors.New("ledger: the events behind it are forgotten")

// KeepEvent is how long Retain keeps an event.
const KeepEvent = 30 * 24 * time.Hour

// EventKind is what an event says.
type EventKind string

// The kinds.
const (
	// quiet tells other servers of the ledger that a submission has changed, and only them.
	quiet EventKind = ""
	// EventAccepted: Loop has it, and is asked how it goes.
	EventAccepted EventKind = "ACCEPTED"
	// EventFinal: it has ended as SUCCEEDED, FAILED, REFUSED or NOT_SENT.
	EventFinal EventKind = "FINAL"
	// EventUncertain: its outcome is unknown.
	EventUncertain EventKind = "UNCERTAIN"
	// EventResolved: its outcome was open, and is not any more.
	EventResolved EventKind = "RESOLVED"
	// EventPersonNeeded: an import that is UNCERTAIN or FAILED.
	EventPersonNeeded EventKind = "PERSON_NEEDED"
	// EventConnectionLost and EventConnectionFound are of a practice.
	EventConnectionLost  EventKind = "CONNECTION_LOST"
	EventConnectionFound EventKind = "CONNECTION_FOUND"
)

// EventKinds returns all that are told.
func EventKinds() []EventKind {
	return []EventKind{EventAccepted, EventFinal, EventUncertain, EventResolved, EventPersonNeeded, EventConnectionLost, EventConnectionFound}
}

// Sequence is the place of an event: the number of its commit, and its place in that. Commits are numbered by the row that each
// locks last, so that a reader who sees an event sees all of smaller sequences.
type Sequence int64

// inCommit is how many events a commit may have.
const inCommit = 1 << 20

// String is the commit and the place in it.
func (s Sequence) String() string {
	return strconv.FormatInt(int64(s)/inCommit, 10) + "." + strconv.FormatInt(int64(s)%inCommit, 10)
}

// ParseSequence reads what String wrote; ErrCursor. Nothing is before all events.
func ParseSequence(text string) (Sequence, error) {
	if text == "" {
		return 0, nil
	}
	commit, place, _ := strings.Cut(text, ".")
	number, err1 := strconv.ParseInt(commit, 10, 64)
	within, err2 := strconv.ParseInt(place, 10, 64)
	if out := Sequence(number*inCommit + within); err1 == nil && err2 == nil && number >= 0 && number < 1<<43 && within >= 0 &&
		within < inCommit && out.String() == text {
		return out, nil
	}
	return 0, ErrCursor
}

// Event is something that happened to a submission, or to a practice's connection, whose key names the practice alone. It never
// has amounts, references or what Loop said.
type Event struct {
	Sequence Sequence
	Kind     EventKind
	Time     time.Time
	Key
	Attempt       int
	Before, After State
	Caller        string
	Metadata      map[string]string
}

// kinds are what a step of a submission is told as. Where its outcome was open, what it has become is told as well.
func (e *Event) kinds() (out []EventKind) {
	if e.Before == e.After {
		return nil
	}
	if e.Before == Uncertain || e.Before == Failed {
		out = append(out, EventResolved)
	}
	switch e.After {
	case Waiting:
		if e.Before != Running {
			out = append(out, EventAccepted)
		}
	case Succeeded, Failed, NotSent, Refused:
		out = append(out, EventFinal)
	case Uncertain:
		out = append(out, EventUncertain)
	}
	if e.Collection == Imports && (e.After == Uncertain || e.After == Failed) {
		out = append(out, EventPersonNeeded)
	}
	return out
}

// tell notes a change of a submission, for count to write down.
func (w *writing) tell(before State, r *Record) {
	event := Event{Key: r.Key, Attempt: r.Attempt, Before: before, After: r.State, Caller: r.Caller}
	kinds := event.kinds()
	if len(kinds) == 0 {
		w.note(r.Key)
		return
	}
	event.Metadata = r.Metadata
	for _, event.Kind = range kinds {
		w.told = append(w.told, event)
	}
}

// note tells the other servers alone that a submission has changed.
func (w *writing) note(key Key) { w.told = append(w.told, Event{Kind: quiet, Key: key}) }

// count gives a commit its number, by which its events are written down. It is the last step of a transaction, since all wait
// for it.
func (w *writing) count() error {
	columns := eventColumns{}
	for i := range w.told {
		if w.told[i].Kind == quiet && !w.dialect.shared { // there is no other server
			continue
		}
		if err := columns.add(i, w.now, &w.told[i]); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	n := len(columns.place)
	query, args := `UPDATE ledger_mark SET commits = commits + 1 RETURNING commits`, []any(nil)
	switch {
	case w.dialect.countEvents == "":
	case n <= len(countFew):
		query, args = countFew[n-1], columns.values(0, 0, n)
	default:
		query, args = w.dialect.countEvents, columns.arrays()
	}
	if err := w.tx.QueryRowContext(w.ctx, query, args...).Scan(&w.number); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if w.dialect.countEvents != "" {
		return nil
	}
	for first := 0; first < n; first += eventsAtOnce {
		rows := make([]string, min(n-first, eventsAtOnce))
		for i := range rows {
			rows[i] = "(" + placeholders(1+i*eventArgs, eventArgs) + ")"
		}
		insert := `INSERT INTO event (` + eventRow + `) VALUES ` + strings.Join(rows, ", ")
		if _, err := w.tx.ExecContext(w.ctx, insert, columns.values(w.number, first, len(rows))...); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}

const (
	eventRow  = `sequence, time, kind, practice, dossier, collection, request_id, attempt, before, after, caller, metadata`
	eventArgs = 12
	// eventsAtOnce keeps a statement within the parameters that SQLite takes.
	eventsAtOnce = 1000
)

// countEvents does it in one step, where a step is a way over the network. It takes the columns of eventRow as arrays, with the
// place in the commit for the sequence.
var countEvents = `WITH mark AS (UPDATE ledger_mark SET commits = commits + 1 RETURNING commits), told AS (` +
	`INSERT INTO event (` + eventRow + `) SELECT mark.commits * ` + strconv.Itoa(inCommit) +
	` + t.place, t.time, t.kind, t.practice, t.dossier, t.collection, t.request_id, ` +
	`t.attempt, t.before, t.after, t.caller, t.metadata FROM mark, unnest(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[]), CAST($3 AS TEXT[]), ` +
	`CAST($4 AS TEXT[]), CAST($5 AS TEXT[]), ` +
	`CAST($6 AS TEXT[]), CAST($7 AS TEXT[]), CAST($8 AS BIGINT[]), CAST($9 AS TEXT[]), CAST($10 AS TEXT[]), CAST($11 AS ` +
	`TEXT[]), CAST($12 AS TEXT[])) ` +
	`AS t (place, time, kind, practice, dossier, collection, request_id, attempt, before, after, caller, metadata)) SELECT commits FROM mark`

// countFew is the same for the one to three events of a step, which have to be quick: without arrays they cost a fifth.
var countFew = [...]string{countRows(1), countRows(2), countRows(3)}

func countRows(n int) string {
	rows := make([]string, n)
	for i := range rows {
		p := strings.Split(placeholders(1+i*eventArgs, eventArgs), ", ")
		for _, number := range []int{0, 1, 7} { // of the columns, by which else several rows would be texts
			p[number] = "CAST(" + p[number] + " AS BIGINT)"
		}
		rows[i] = `SELECT commits * ` + strconv.Itoa(inCommit) + ` + ` + strings.Join(p, ", ") + ` FROM mark`
	}
	return `WITH mark AS (UPDATE ledger_mark SET commits = commits + 1 RETURNING commits) INSERT INTO event (` + eventRow + `) ` +
		strings.Join(rows, ` UNION ALL `) + ` RETURNING sequence / ` + strconv.Itoa(inCommit)
}

// eventColumns are the values of events, column by column.
type eventColumns struct {
	place, time, attempt []int64
	text                 [9][]string
}

func (c *eventColumns) add(place int, now int64, e *Event) error {
	metadata, err := encode(e.Metadata, len(e.Metadata) == 0)
	c.place, c.time, c.attempt = append(c.place, int64(place)), append(c.time, now), append(c.attempt, int64(e.Attempt))
	for i, text := range [...]string{
		string(e.Kind), e.Practice, e.Dossier, string(e.Collection), e.RequestID, string(e.Before),
		string(e.After), e.Caller, metadata,
	} {
		c.text[i] = append(c.text[i], text)
	}
	return err
}

func (c *eventColumns) arrays() []any {
	t := &c.text
	return []any{c.place, c.time, t[0], t[1], t[2], t[3], t[4], c.attempt, t[5], t[6], t[7], t[8]}
}

func (c *eventColumns) values(commit int64, first, n int) (out []any) {
	t := &c.text
	for i := first; i < first+n; i++ {
		out = append(out, commit*inCommit+c.place[i], c.time[i], t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], c.attempt[i], t[5][i], t[6][i],
			t[7][i], t[8][i])
	}
	return out
}

// EventQuery says which events to list. Fields that are unset do not restrict.
type EventQuery struct {
	// Practice is exact.
	Practice string
	Kinds    []EventKind
	// Visible restricts the events to those that somebody may see: of its own submissions, of dossiers that it may read, and of
	// the practices' connections; nil shows all.
	Visible *Scope
	// Limit is how many events to return at most.
	Limit int
}

// condition is what sees says, in SQL.
func (q EventQuery) condition(c *condition, d dialect) string {
	where := []string{"kind <> ''"}
	if q.Practice != "" {
		where = append(where, c.with("practice = %s", q.Practice))
	}
	if len(q.Kinds) > 0 {
		where = append(where, in(c, "kind", q.Kinds))
	}
	if q.Visible != nil {
		where = append(where, q.Visible.eventCondition(c, d))
	}
	return strings.Join(where, " AND ")
}

// eventCondition is condition for events, of which those of a practice's connection are for callers with a grant on it.
func (s *Scope) eventCondition(c *condition, d dialect) string {
	any := []string{"1 = 0"}
	for _, grant := range s.Grants {
		text := "(collection = '' OR " + c.with("caller = %s", s.Caller)
		for _, pattern := range grant.Dossiers {
			if !strings.Contains(pattern, "*") {
				text += c.with(" OR dossier <> '' AND dossier = %s", pattern)
				continue
			}
			comparison, operand := d.like(pattern)
			text += c.with(" OR dossier <> '' AND dossier "+comparison, operand)
		}
		text += ")"
		if grant.Practices != nil {
			text = "(" + in(c, "practice", grant.Practices) + " AND " + text + ")"
		}
		any = append(any, text)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// sees says whether an event is one of the query.
func (q EventQuery) sees(e *Event) bool {
	return e.Kind != quiet && (q.Practice == "" || q.Practice == e.Practice) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(q.Visible == nil || q.Visible.sees(e))
}

func (s *Scope) sees(e *Event) bool {
	for _, grant := range s.Grants {
		if grant.Practices != nil && !slices.Contains(grant.Practices, e.Practice) {
			continue
		}
		if e.Collection == "" || e.Caller == s.Caller ||
			e.Dossier != "" && slices.ContainsFunc(grant.Dossiers, func(pattern string) bool { return matches(pattern, e.Dossier) }) {
			return true
		}
	}
	return false
}

// matches says whether a text is as a pattern in which * means any run of characters.
func matches(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}

const (
	// firstWindow and mostWindows bound how many events a page looks at, of which somebody may see few: each window is four times
	// as large as the one before.
	firstWindow, mostWindows = 2000, 4
	// worthPassing is how many events that somebody may not see an empty page passes.
	worthPassing = 1000
)

// Events returns those behind a sequence, and where to go on. ErrForgotten, and ErrCursor for a sequence that the ledger has not
// come to.
func (l *Ledger) Events(ctx context.Context, q EventQuery, after Sequence) (events []Event, next Sequence, err error) {
	events, next, passed, err := l.events(ctx, q, after)
	switch {
	case err != nil:
		return nil, 0, err
	case passed >= worthPassing:
		return events, next, nil
	case len(events) == 0:
		return nil, after, nil
	}
	return events, events[len(events)-1].Sequence, nil
}

// events returns also up to where it has looked, and how many it has passed.
func (l *Ledger) events(ctx context.Context, q EventQuery, after Sequence) (events []Event, upTo Sequence, passed int, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		events, upTo, passed, err = eventsAfter(ctx, conn, l.dialect, q, after)
		return err
	})
	return events, upTo, passed, err
}

func eventsAfter(ctx context.Context, conn querier, d dialect, q EventQuery,
	after Sequence,
) (events []Event, upTo Sequence, passed int, err error) {
	var commits, forgotten int64
	var held string
	if err := conn.QueryRowContext(ctx, `SELECT commits, held, forgotten FROM ledger_mark`).Scan(&commits, &held, &forgotten); err != nil {
		return nil, 0, 0, fmt.Errorf("ledger: %w", err)
	}
	switch {
	case after != 0 && int64(after) < forgotten:
		return nil, 0, 0, ErrForgotten
	case int64(after)/inCommit > commits && held == "": // else it may come to it again
		return nil, 0, 0, ErrCursor
	}
	upTo = after
	for window := firstWindow; ; window *= 4 {
		// What is committed up to the end of the window stays as it is: see Sequence.
		var n int
		var end Sequence
		err := conn.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(sequence), 0) FROM (SELECT sequence FROM event WHERE sequence > $1 `+
			`ORDER BY sequence LIMIT $2) AS behind`, int64(upTo), window).Scan(&n, &end)
		if err != nil {
			return nil, 0, 0, fmt.Errorf("ledger: %w", err)
		}
		if n > 0 {
			c := &condition{}
			where := q.condition(c, d) + c.with(" AND sequence > %s AND sequence <= %s", int64(upTo), int64(end))
			more, err := scanEvents(ctx, conn, `SELECT `+eventRow+` FROM event WHERE `+where+` ORDER BY sequence LIMIT `+c.with("%s",
				q.Limit-len(events)), c.args...)
			if err != nil {
				return nil, 0, 0, err
			}
			events = append(events, more...)
		}
		passed, upTo = passed+n, max(upTo, end)
		switch {
		case len(events) == q.Limit:
			return events, events[len(events)-1].Sequence, passed, nil
		case n < window || window >= firstWindow<<(2*(mostWindows-1)):
			return events, upTo, passed, nil
		}
	}
}

func scanEvents(ctx context.Context, q querier, query string, args ...any) (out []Event, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Event
		var at int64
		var metadata string
		if err := rows.Scan(&e.Sequence, &at, &e.Kind, &e.Practice, &e.Dossier, &e.Collection, &e.RequestID, &e.Attempt, &e.Before, &e.After,
			&e.Caller, &metadata); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		e.Time = instant(at)
		if err := decode(metadata, &e.Metadata); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// Now is the sequence behind which everything comes that is committed from now on.
func (l *Ledger) Now(ctx context.Context) (now Sequence, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		now, err = newest(ctx, conn)
		return err
	})
	return now, err
}

func newest(ctx context.Context, q querier) (now Sequence, err error) {
	var forgotten Sequence
	if err := q.QueryRowContext(ctx, `SELECT forgotten, (SELECT COALESCE(MAX(sequence), 0) FROM event) FROM ledger_mark`).Scan(&forgotten,
		&now); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return max(now, forgotten), nil
}

// Connected notes that the connection of a practice to Loop is there, or lost. The first server to see a change tells it; others
// that see it too change nothing.
func (l *Ledger) Connected(ctx context.Context, practice string, is bool) error {
	lost, kind := 1, EventConnectionLost
	if is {
		lost, kind = 0, EventConnectionFound
	}
	return l.write(ctx, func(w *writing) error {
		// Who was never lost is not found.
		if _, err := w.changes(`INSERT INTO connection (practice, lost) VALUES ($1, 0) ON CONFLICT (practice) DO NOTHING`, practice); err != nil {
			return err
		}
		changed, err := w.changes(`UPDATE connection SET lost = $2 WHERE practice = $1 AND lost <> $2`, practice, lost)
		if err != nil || !changed {
			return err
		}
		w.told = append(w.told, Event{Kind: kind, Key: Key{Practice: practice}})
		return nil
	})
}

// LostConnections are the practices whose connection is lost.
func (l *Ledger) LostConnections(ctx context.Context) (out []string, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		out = nil
		rows, err := conn.QueryContext(ctx, `SELECT practice FROM connection WHERE lost = 1 ORDER BY practice`)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var practice string
			if err := rows.Scan(&practice); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			out = append(out, practice)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	return out, err
}

// forgetEvents deletes the oldest that are of an age, and notes up to where.
func (w *writing) forgetEvents(a aging, most int64) (int, error) {
	var n int
	var last int64
	err := w.tx.QueryRowContext(w.ctx, `SELECT COUNT(*), COALESCE(MAX(sequence), 0) FROM (SELECT sequence, time FROM event `+
		`ORDER BY sequence LIMIT $2) AS oldest WHERE time < $1`,
		ago(w.now, a.keep), most).Scan(&n, &last)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	// Also one that a clock has put in between: events go in order, or a cursor would pass what is there.
	if _, err := w.changes(`DELETE FROM event WHERE sequence <= $1`, last); err != nil {
		return 0, err
	}
	_, err = w.changes(`UPDATE ledger_mark SET forgotten = $1 WHERE forgotten < $1`, last)
	return n, err
}

// eventCount is about how many events there are: they are not counted one by one.
func (w *writing) eventCount() (n int64, err error) {
	if err := w.tx.QueryRowContext(w.ctx, `SELECT (COALESCE(MAX(sequence), 0) - COALESCE(MIN(sequence), 0)) / $1 FROM event`,
		inCommit).Scan(&n); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return n + 1, nil
}

// eraseEvents deletes those of a practice, some thousands at a time.
func (l *Ledger) eraseEvents(ctx context.Context, practice string) error {
	for from, more := int64(-1), true; more; {
		err := l.write(ctx, func(w *writing) error {
			var n int
			var end int64
			err := w.tx.QueryRowContext(w.ctx, `SELECT COUNT(*), COALESCE(MAX(sequence), 0) FROM (SELECT sequence FROM event WHERE sequence > $1 `+
				`ORDER BY sequence LIMIT 10000) AS behind`, from).Scan(&n, &end)
			if err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			if more = n > 0; !more {
				return nil
			}
			if _, err := w.changes(`DELETE FROM event WHERE practice = $1 AND sequence > $2 AND sequence <= $3`, practice, from, end); err != nil {
				return err
			}
			from = end
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
