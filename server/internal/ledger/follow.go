package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Question is an import that Loop is to be asked subject, and all that this takes.
type Question struct {
	Key
	// Caller is whose import it is.
	Caller        string
	Attempt       int
	State         State
	LoopRequestID string
	// Age is how long ago it was sent, or at least how long it was followed, where a clock has gone back; Paused how long the last
	// pause was, on the database's clock; 0 before the first question.
	Age, Paused time.Duration
	// Troubled: the last question has brought nothing.
	Troubled bool
	// NextPoll is when it became due; a claim replaces it.
	NextPoll time.Time

	submitted, asked, followed int64
	trouble                    string
}

func (q Question) subject() subject { return subject{q.Attempt, q.LoopRequestID} }

// status is what the rules have to know to judge an answer, as it was when the question was put.
func (q Question) status() status {
	return status{state: q.State, attempt: q.Attempt, loopID: q.LoopRequestID, submitted: q.submitted, asked: q.asked, followed: q.followed}
}

// pursuit is what Loop is asked about with the same pauses: its condition, which is that of its index, and its queries.
type pursuit struct {
	// pause is how long one may be put off, beside that of the asker.
	pause time.Duration
	// practices takes now, and returns for each practice with something to ask when the first and the last question is due, and
	// the next one after now. It steps from practice to practice, and never through the imports of one.
	practices string
	// due takes practice, now and how many; ahead the instant beyond which nothing can be meant to wait.
	due, ahead string
	// hasten takes now and practice, and makes due what stalled; all makes due whatever waits.
	hasten, all string
	// present takes now, and makes due what was put off in the future.
	present string
}

// pursue takes a condition with @ before each column.
func pursue(condition string, pause time.Duration) pursuit {
	in := func(alias string) string { return strings.ReplaceAll(condition, "@", alias) }
	of := in("")
	from := `SELECT ` + keyColumns + `, caller, attempt, state, loop_request_id, submitted, next_poll, asked, follow_age, follow_error ` +
		`FROM write_request WHERE practice = $1 AND ` + of
	poll := func(what string) string {
		return `(SELECT ` + what + `(next_poll) FROM write_request w WHERE w.practice = pursued.practice AND ` + in("w.")
	}
	return pursuit{
		pause: pause,
		practices: `WITH RECURSIVE pursued (practice) AS (` +
			`SELECT MIN(practice) FROM write_request WHERE ` + of + ` UNION ALL ` +
			`SELECT (SELECT MIN(w.practice) FROM write_request w WHERE w.practice > pursued.practice AND ` + in("w.") +
			`) FROM pursued WHERE pursued.practice IS NOT NULL) ` +
			`SELECT practice, ` + poll("MIN") + `), ` + poll("MAX") + `), ` + poll("MIN") + ` AND w.next_poll > $1) ` +
			`FROM pursued WHERE practice IS NOT NULL`,
		due:     from + ` AND next_poll <= $2 ORDER BY next_poll LIMIT CAST($3 AS BIGINT)`,
		ahead:   from + ` AND next_poll > $2 ORDER BY next_poll LIMIT CAST($3 AS BIGINT)`,
		hasten:  `UPDATE write_request SET next_poll = $1 WHERE practice = $2 AND follow_error <> '' AND next_poll > $1 AND ` + of,
		all:     `UPDATE write_request SET next_poll = $1 WHERE practice = $2 AND next_poll > $1 AND ` + of,
		present: `UPDATE write_request SET next_poll = $1 WHERE next_poll > $1 AND (asked > $1 OR asked = 0 AND submitted > $1) AND ` + of,
	}
}

var (
	followed = pursue(`@state IN ('WAITING', 'RUNNING')`, 0)
	doubtful = pursue(`@state = 'UNCERTAIN' AND @next_poll > 0`, AskUncertain)
)

func pursuits() []pursuit { return []pursuit{followed, doubtful} }

// putOff is how far ahead a question may be, in microseconds, without a clock that has gone back.
func (p pursuit) putOff(within time.Duration) int64 { return max(within, p.pause).Microseconds() }

// noteAnswer is all that a question costs which changed nothing.
const noteAnswer = `UPDATE write_request SET next_poll = $5, poll_count = poll_count + 1, follow_error = $6, asked = $7, follow_age = $8 ` +
	`WHERE ` + byKey +
	` AND attempt = $9 AND state = CAST($10 AS TEXT) AND loop_request_id = $11 AND submitted = $12 AND asked = $13 AND follow_age = $14`

// Due returns what Loop is to be asked about: of each practice as many as most says, those that have waited longest, and
// of one for which it says none, nothing. Those under way may be among them. next is how long it takes until something
// else is due; 0 when nothing waits. What is due later than within, or than its own pause, is due now: it was put off by a clock
// that has gone back since. All of it goes by the database's clock.
func (l *Ledger) Due(ctx context.Context, within time.Duration,
	most func(practice string) int,
) (due []Question, next time.Duration, err error) {
	due, next, back, err := l.due(ctx, within, most)
	if err != nil || !back {
		return due, next, err
	}
	_ = l.catchUp(ctx) // where it fails, the next look tries again
	due, next, _, err = l.due(ctx, within, most)
	return due, next, err
}

// due also says whether the clock has gone back since it was asked last.
func (l *Ledger) due(ctx context.Context, within time.Duration,
	most func(practice string) int,
) (due []Question, next time.Duration, back bool, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		due, next = nil, 0
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		back = l.guard.wentBack(now, l.clock != nil) || back
		type asks struct {
			room       int
			due, ahead bool // ahead: put off by a clock
		}
		practices := make(map[string]asks)
		for _, p := range pursuits() {
			waiting, err := practicesDue(ctx, conn, p, now)
			if err != nil {
				return err
			}
			for _, row := range waiting {
				it, known := practices[row.practice]
				if !known {
					it.room = most(row.practice)
				}
				if wait := time.Duration(row.next-now) * time.Microsecond; it.room > 0 && row.next != 0 && (next == 0 || wait < next) {
					next = wait
				}
				it.due, it.ahead = it.due || row.first <= now, it.ahead || row.last > now+p.putOff(within)
				practices[row.practice] = it
			}
		}
		for _, practice := range slices.Sorted(maps.Keys(practices)) {
			it := practices[practice]
			if it.room <= 0 || !it.due && !it.ahead {
				continue
			}
			questions, err := dueIn(ctx, conn, practice, within, it.ahead, it.room, now)
			if err != nil {
				return err
			}
			due = append(due, questions...)
		}
		return nil
	})
	return due, next, back, err
}

// DueOf is Due for one practice.
func (l *Ledger) DueOf(ctx context.Context, practice string, within time.Duration, most int) (due []Question, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		now, err := l.now(ctx, conn)
		if err == nil {
			due, err = dueIn(ctx, conn, practice, within, true, most, now)
		}
		return err
	})
	return due, err
}

// waits is when questions about a practice's imports are due: 0 for none.
type waits struct {
	practice          string
	first, last, next int64
}

func practicesDue(ctx context.Context, q querier, p pursuit, now int64) (out []waits, err error) {
	rows, err := q.QueryContext(ctx, p.practices, now)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var row waits
		var next sql.NullInt64
		if err := rows.Scan(&row.practice, &row.first, &row.last, &next); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		row.next = next.Int64
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// dueIn returns what is due in a practice, those first that have waited longest, whatever their state; ahead: a clock may have
// put something off, which comes before all.
func dueIn(ctx context.Context, q querier, practice string, within time.Duration, ahead bool, most int, now int64) ([]Question, error) {
	var due, putOff []Question
	for _, p := range pursuits() {
		if ahead {
			more, err := questions(ctx, q, now, p.ahead, practice, now+p.putOff(within), most)
			if err != nil {
				return nil, err
			}
			putOff = append(putOff, more...)
		}
		more, err := questions(ctx, q, now, p.due, practice, now, most)
		if err != nil {
			return nil, err
		}
		due = append(due, more...)
	}
	slices.SortStableFunc(due, func(a, b Question) int { return a.NextPoll.Compare(b.NextPoll) })
	due = append(putOff, due...)
	return due[:min(len(due), most)], nil
}

func questions(ctx context.Context, q querier, now int64, query string, args ...any) (out []Question, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var q Question
		var due int64
		if err := rows.Scan(&q.Practice, &q.Dossier, &q.Collection, &q.RequestID, &q.Caller, &q.Attempt, &q.State,
			&q.LoopRequestID, &q.submitted, &due, &q.asked, &q.followed, &q.trouble); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		q.Age, q.NextPoll, q.Troubled = time.Duration(max(now-q.submitted, q.followed))*time.Microsecond, instant(due),
			q.trouble != ""
		if q.asked != 0 {
			q.Paused = time.Duration(max(due-q.asked, 0)) * time.Microsecond
		}
		out = append(out, q)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// Claim makes a due question the asker's for a while, in which no other server puts it; when the asker dies, another takes
// over then. false when another has it, or it is no question any more. A ledger of one process has one asker, and is not
// written to.
func (l *Ledger) Claim(ctx context.Context, due Question, lasts time.Duration) (mine bool, err error) {
	if !l.dialect.shared {
		return true, nil
	}
	err = l.write(ctx, func(w *writing) (err error) {
		mine, err = w.changes(`UPDATE write_request SET next_poll = $5 WHERE `+byKey+
			` AND next_poll = $6 AND attempt = $7 AND state = $8 AND loop_request_id = $9 AND next_poll > 0`,
			append(due.Key.args(), w.now+lasts.Microseconds(), micros(due.NextPoll), due.Attempt, string(due.State), due.LoopRequestID)...)
		return err
	})
	return mine, err
}

// Followed commits what Loop said to a question, to that attempt alone. An answer that changes nothing writes its times,
// and nothing else of the row. What Loop did not end while it could be asked for 7 days becomes UNCERTAIN. ErrLost: the row has
// moved on since the question was put.
func (l *Ledger) Followed(ctx context.Context, asked Question, progress Progress) error {
	ctx = named(ctx, "followed", asked.Key)
	return l.write(ctx, func(w *writing) error {
		was := asked.status()
		if to, err := w.rules.follow(was, asked.subject(), asked.State, progress.State, progress.Unasked, w.now); err == nil &&
			to.state == was.state {
			noted, err := w.changes(noteAnswer, append(asked.Key.args(), w.nextPoll(to, progress), clip(progress.FollowError), to.asked, to.followed,
				asked.Attempt, string(asked.State), asked.LoopRequestID, asked.submitted, asked.asked, asked.followed)...)
			if noted {
				w.touched = append(w.touched, asked.Key)
				if clip(progress.FollowError) != asked.trouble {
					w.note(asked.Key)
				}
			}
			if err != nil || noted {
				return err
			}
		}
		row, err := w.row(asked.Key)
		if err != nil {
			return err
		}
		before := row.status()
		to, err := w.rules.follow(before, asked.subject(), asked.State, progress.State, progress.Unasked, w.now)
		if err != nil {
			return err
		}
		row.Polls++
		row.FollowError = clip(progress.FollowError)
		row.NextPoll = instant(w.nextPoll(to, progress))
		switch {
		case to.state == Uncertain && before.state != Uncertain:
			row.Error = overdue()
		case to.state == Failed, to.state == Succeeded && before.state == Uncertain:
			row.Error = progress.Error.clipped()
		}
		row.apply(to, w.now)
		return w.update(before, &row)
	})
}

// nextPoll is when Loop is asked again.
func (w *writing) nextPoll(s status, progress Progress) int64 {
	pause := max(progress.Pause, 0)
	if s.state == Uncertain && s.followed >= w.rules.followFor.Microseconds() {
		pause = AskUncertain
	}
	return w.now + pause.Microseconds()
}

// Hasten makes due what waits long in a practice because asking made no sense, as after a key was revoked.
func (l *Ledger) Hasten(ctx context.Context, practice string) error {
	return l.makeDue(ctx, practice, func(p pursuit) string { return p.hasten })
}

// AskNow makes due all that Loop is asked about in a practice, whatever its pause: a sandbox whose Loop has leapt in time.
func (l *Ledger) AskNow(ctx context.Context, practice string) error {
	return l.makeDue(ctx, practice, func(p pursuit) string { return p.all })
}

func (l *Ledger) makeDue(ctx context.Context, practice string, statement func(pursuit) string) error {
	return l.write(ctx, func(w *writing) error {
		for _, p := range pursuits() {
			if _, err := w.changes(statement(p), w.now, practice); err != nil {
				return err
			}
		}
		return nil
	})
}

// changes runs a statement, and says whether it has changed a row.
func (w *writing) changes(statement string, args ...any) (bool, error) {
	result, err := w.tx.ExecContext(w.ctx, statement, args...)
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return n > 0, nil
}
