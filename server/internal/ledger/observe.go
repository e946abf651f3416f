package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Observation is a transaction of the ledger, or a question to it, that has ended.
type Observation struct {
	// Name is begin, submitting or settle, the steps of a submission; followed, of what it is followed by; write or read, all others.
	Name string
	// Key is the submission of a step of one; zero of others.
	Key Key
	// Took is how long it took, with its wait for a connection and what was tried again.
	Took time.Duration
	// Err is nil when it succeeded, or the ledger's answer, such as ErrUnknown, or the database's failure.
	Err error
}

// Observe has a function told of each step. The context is that of who asked. It must be quick. Before the ledger is used.
func (l *Ledger) Observe(tell func(context.Context, Observation)) { l.observer.Store(&tell) }

type stepKey struct{}

// named names the step of a submission that is taken with the context.
func named(ctx context.Context, name string, of Key) context.Context {
	return context.WithValue(ctx, stepKey{}, Observation{Name: name, Key: of})
}

// observed does a step, and tells of it.
func (l *Ledger) observed(ctx context.Context, name string, do func() error) error {
	tell := l.observer.Load()
	if tell == nil {
		return do()
	}
	step, ok := ctx.Value(stepKey{}).(Observation)
	if !ok {
		step.Name = name
	}
	began := time.Now()
	step.Err = do()
	step.Took = time.Since(began)
	(*tell)(ctx, step)
	return step.Err
}

// OpenCount is how many submissions of a practice have a state that is not final, and how old the oldest is.
type OpenCount struct {
	Practice string
	State    State
	N        int
	// Oldest is the time since it was received, by the database's clock.
	Oldest time.Duration
}

// mostOpen bounds how many rows CountOpen goes through: beyond it the oldest are given.
const mostOpen = 100_000

// CountOpen counts the submissions of each practice that are under way, failed or uncertain. It goes through their index, which holds
// no others.
func (l *Ledger) CountOpen(ctx context.Context) (out []OpenCount, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		rows, err := conn.QueryContext(ctx, `SELECT practice, state, COUNT(*), MIN(created) FROM (
				SELECT practice, state, created FROM write_request
				WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN')
				ORDER BY created LIMIT CAST($1 AS BIGINT)) AS first
			GROUP BY practice, state`, mostOpen)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var count OpenCount
			var oldest int64
			if err := rows.Scan(&count.Practice, &count.State, &count.N, &oldest); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			count.Oldest = time.Duration(max(0, now-oldest)) * time.Microsecond
			out = append(out, count)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	return out, err
}
