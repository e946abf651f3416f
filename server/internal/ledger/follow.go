package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Question is an import that Loop is to be asked about, and all that this takes.
type Question struct {
	Key
	// Caller is whose import it is.
	Caller        string
	Attempt       int
	State         State
	LoopRequestID string
	// Age is how long ago it was sent, on the database's clock.
	Age time.Duration
	// NextPoll is when it became due; a claim replaces it.
	NextPoll time.Time
}

const (
	// followed is State.Following in SQL.
	followed = `state IN ('WAITING', 'RUNNING')`

	// duePractices takes now, and returns for each practice with something to follow when the first and the last question is
	// due, and the next one after now. It steps from practice to practice, and never through the imports of one.
	duePractices = `WITH RECURSIVE following (practice) AS (` +
		`SELECT MIN(practice) FROM write_request WHERE ` + followed + ` UNION ALL ` +
		`SELECT (SELECT MIN(w.practice) FROM write_request w WHERE w.practice > following.practice AND w.` + followed + `) FROM following WHERE following.practice IS NOT NULL) ` +
		`SELECT practice, (SELECT MIN(next_poll) FROM write_request w WHERE w.practice = following.practice AND w.` + followed + `), ` +
		`(SELECT MAX(next_poll) FROM write_request w WHERE w.practice = following.practice AND w.` + followed + `), ` +
		`(SELECT MIN(next_poll) FROM write_request w WHERE w.practice = following.practice AND w.` + followed + ` AND w.next_poll > $1) ` +
		`FROM following WHERE practice IS NOT NULL`

	selectDue = `SELECT ` + keyColumns + `, caller, attempt, state, loop_request_id, submitted, next_poll FROM write_request WHERE practice = $1 AND ` + followed
	// dueOf takes practice, now and how many; aheadOf the instant beyond which nothing can be meant to wait.
	dueOf   = selectDue + ` AND next_poll <= $2 ORDER BY next_poll LIMIT $3`
	aheadOf = selectDue + ` AND next_poll > $2 ORDER BY next_poll LIMIT $3`

	// noteAnswer is all that a question costs which changed nothing.
	noteAnswer = `UPDATE write_request SET next_poll = $5, poll_count = poll_count + 1, follow_error = $6 WHERE ` + byKey +
		` AND attempt = $7 AND state = $8 AND loop_request_id = $9 AND submitted > $10`

	hastenStalled = `UPDATE write_request SET next_poll = $1 WHERE practice = $2 AND follow_error <> '' AND next_poll > $1 AND ` + followed
)

// Due returns what Loop is to be asked about: of each practice as many as most says, those that have waited longest, and
// of one for which it says none, nothing. Those under way may be among them. next is how long it takes until something
// else is due; 0 when nothing waits. What is due later than within is due now: it was put off by a clock that has gone back
// since. All of it goes by the database's clock.
func (l *Ledger) Due(ctx context.Context, within time.Duration, most func(practice string) int) (due []Question, next time.Duration, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		due, next = nil, 0
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		practices, err := practicesDue(ctx, conn, now)
		if err != nil {
			return err
		}
		for _, each := range practices {
			room := most(each.practice)
			if room <= 0 {
				continue
			}
			if wait := time.Duration(each.next-now) * time.Microsecond; each.next != 0 && (next == 0 || wait < next) {
				next = wait
			}
			ahead := each.last > now+within.Microseconds()
			if each.first > now && !ahead {
				continue
			}
			questions, err := dueIn(ctx, conn, each.practice, within, ahead, room, now)
			if err != nil {
				return err
			}
			due = append(due, questions...)
		}
		return nil
	})
	return due, next, err
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

func practicesDue(ctx context.Context, q querier, now int64) (out []waits, err error) {
	rows, err := q.QueryContext(ctx, duePractices, now)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var each waits
		var next sql.NullInt64
		if err := rows.Scan(&each.practice, &each.first, &each.last, &next); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		each.next = next.Int64
		out = append(out, each)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// dueIn returns what is due in a practice; ahead: a clock may have put something off, which comes first, because it has
// waited longest.
func dueIn(ctx context.Context, q querier, practice string, within time.Duration, ahead bool, most int, now int64) (due []Question, err error) {
	if ahead {
		if due, err = questions(ctx, q, now, aheadOf, practice, now+within.Microseconds(), most); err != nil || len(due) >= most {
			return due, err
		}
	}
	more, err := questions(ctx, q, now, dueOf, practice, now, most-len(due))
	return append(due, more...), err
}

func questions(ctx context.Context, q querier, now int64, query string, args ...any) (out []Question, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var each Question
		var submitted, due int64
		if err := rows.Scan(&each.Practice, &each.Dossier, &each.Collection, &each.RequestID, &each.Caller, &each.Attempt, &each.State, &each.LoopRequestID, &submitted, &due); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		each.Age, each.NextPoll = time.Duration(now-submitted)*time.Microsecond, instant(due)
		out = append(out, each)
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
		mine, err = w.changes(`UPDATE write_request SET next_poll = $5 WHERE `+byKey+` AND next_poll = $6 AND attempt = $7 AND state = $8 AND loop_request_id = $9 AND `+followed,
			append(due.Key.args(), w.now+lasts.Microseconds(), micros(due.NextPoll), due.Attempt, string(due.State), due.LoopRequestID)...)
		return err
	})
	return mine, err
}

// Followed commits what Loop said to a question, to that attempt alone. An answer that changes nothing writes its times,
// and nothing else of the row. What is not final 7 days after it was sent becomes UNCERTAIN. ErrLost: the row has moved on
// since the question was put.
func (l *Ledger) Followed(ctx context.Context, asked Question, progress Progress) error {
	return l.write(ctx, func(w *writing) error {
		next := w.now + max(progress.Pause, 0).Microseconds()
		// As the rules have it for what was sent just now; what is over age finds no row here.
		was := standing{state: asked.State, attempt: asked.Attempt, submitted: w.now}
		if to, err := w.rules.follow(was, asked.Attempt, asked.State, progress.State, w.now); err == nil && to == was {
			noted, err := w.changes(noteAnswer, append(asked.Key.args(), next, clip(progress.FollowError), asked.Attempt, string(asked.State), asked.LoopRequestID,
				ago(w.now, w.rules.followFor))...)
			if noted {
				w.touched = append(w.touched, asked.Key)
			}
			if err != nil || noted {
				return err
			}
		}
		row, err := w.row(asked.Key)
		if err != nil {
			return err
		}
		before := row.standing()
		to, err := w.rules.follow(before, asked.Attempt, asked.State, progress.State, w.now)
		if err == nil && row.LoopRequestID != asked.LoopRequestID {
			err = ErrLost
		}
		if err != nil {
			return err
		}
		row.stand(to, w.now)
		row.Polls++
		row.FollowError = clip(progress.FollowError)
		switch row.State {
		case Uncertain:
			row.Error = overdue()
		case Failed:
			row.Error = progress.Error.clipped()
		case Waiting, Running:
			row.NextPoll = instant(next)
		}
		return w.update(before, &row)
	})
}

// Hasten makes due what waits long in a practice because asking made no sense, as after a key was revoked.
func (l *Ledger) Hasten(ctx context.Context, practice string) error {
	return l.write(ctx, func(w *writing) error {
		_, err := w.changes(hastenStalled, w.now, practice)
		return err
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
