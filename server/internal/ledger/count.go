package ledger

import (
	"context"
	"fmt"
)

// countStates reads what triggers keep, without going through the rows.
func countStates(ctx context.Context, q querier) (map[State]int, error) {
	rows, err := q.QueryContext(ctx, `SELECT state, SUM(n) FROM state_count GROUP BY state HAVING SUM(n) <> 0`)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	counts := make(map[State]int)
	for rows.Next() {
		var state State
		var count int
		if err := rows.Scan(&state, &count); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		counts[state] = count
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return counts, nil
}

// drawTogether keeps the counts few.
func (l *Ledger) drawTogether(ctx context.Context) error {
	if len(l.dialect.drawTogether) == 0 {
		return nil
	}
	return l.write(ctx, func(w *writing) error {
		for _, statement := range w.dialect.drawTogether {
			if _, err := w.tx.ExecContext(w.ctx, statement); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
		}
		return nil
	})
}
