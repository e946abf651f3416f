package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Presence is what a server of the ledger shows of itself.
type Presence struct {
	Server string
	// Beats grows while it is there. It is no time: a reader compares it with the value before.
	Beats int64
	// Replicas is how many servers it takes there to be.
	Replicas int
}

// Beat shows that a server is there, and returns all that have ever shown themselves and were not forgotten, itself included.
func (l *Ledger) Beat(ctx context.Context, server string, replicas int) (all []Presence, err error) {
	err = l.write(ctx, func(w *writing) error {
		all = nil
		if _, err := w.tx.ExecContext(w.ctx, `INSERT INTO server_presence (server, beats, replicas) VALUES ($1, 1, $2) `+
			`ON CONFLICT (server) DO UPDATE SET beats = server_presence.beats + 1, replicas = excluded.replicas`, server, replicas); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		rows, err := w.tx.QueryContext(w.ctx, `SELECT server, beats, replicas FROM server_presence ORDER BY server`)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var presence Presence
			if err := rows.Scan(&presence.Server, &presence.Beats, &presence.Replicas); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			all = append(all, presence)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	return all, err
}

// Leave forgets a server that ends, or has: one that shows itself again meanwhile stays.
func (l *Ledger) Leave(ctx context.Context, gone Presence) error {
	return l.write(ctx, func(w *writing) error {
		if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM server_presence WHERE server = $1 AND beats <= $2`,
			gone.Server, gone.Beats); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
}

// Throttle is what a 429 of Loop's for a practice has asked for, or its end.
type Throttle struct {
	// Subscription is a mark of the subscription key, and no secret.
	Subscription, Practice string
	// Server and Number name the event.
	Server string
	Number int64
	// Wait is what is left of it, by the database's clock; 0 is its end.
	Wait time.Duration
}

// keepThrottles is how long one is remembered that is over.
const keepThrottles = time.Hour

// NoteThrottles tells the other servers; of a practice and a subscription key the newest alone is known.
func (l *Ledger) NoteThrottles(ctx context.Context, told []Throttle) error {
	return l.write(ctx, func(w *writing) error {
		for _, throttle := range told {
			if _, err := w.tx.ExecContext(w.ctx,
				`INSERT INTO loop_throttle (subscription, practice, server, number, wait, noted) VALUES ($1, $2, $3, $4, $5, $6) `+
					`ON CONFLICT (subscription, practice) DO UPDATE SET server = excluded.server, number = excluded.number, `+
					`wait = excluded.wait, noted = excluded.noted`,
				throttle.Subscription, throttle.Practice, throttle.Server, throttle.Number, max(throttle.Wait, 0).Microseconds(), w.now); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
		}
		// What a clock that was ahead has noted is of no use either.
		if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM loop_throttle WHERE noted + wait < $1 OR noted > $2`,
			ago(w.now, keepThrottles), w.now+keepThrottles.Microseconds()); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
}

// Throttles returns what the servers have noted. No clock makes a wait longer than it was when it was noted.
func (l *Ledger) Throttles(ctx context.Context) (all []Throttle, err error) {
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		all = nil
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		rows, err := conn.QueryContext(ctx,
			`SELECT subscription, practice, server, number, wait, noted FROM loop_throttle ORDER BY practice, subscription`)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var throttle Throttle
			var wait, noted int64
			if err := rows.Scan(&throttle.Subscription, &throttle.Practice, &throttle.Server, &throttle.Number, &wait, &noted); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			throttle.Wait = time.Duration(min(wait, max(0, wait-(now-noted)))) * time.Microsecond
			all = append(all, throttle)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	return all, err
}
