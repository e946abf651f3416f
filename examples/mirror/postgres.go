package main

import (
	"context"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const schema = `CREATE TABLE IF NOT EXISTS entry_line (
	practice text NOT NULL, dossier text NOT NULL, month date NOT NULL, id text NOT NULL,
	journal text NOT NULL, account text NOT NULL, document_date text NOT NULL, document_reference text NOT NULL, lettering_id text NOT NULL,
	debit numeric(18, 4) NOT NULL, credit numeric(18, 4) NOT NULL,
	PRIMARY KEY (practice, dossier, month, id))`

// intoPostgres replaces a month in one transaction, which is given up when the sums differ.
func intoPostgres(ctx context.Context, db *pgx.Conn, s service, month time.Time, lines []line, want map[string]sum) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM entry_line WHERE practice = $1 AND dossier = $2 AND month = $3`,
			s.practice, s.dossier, month); err != nil {
			return err
		}
		columns := []string{
			"practice", "dossier", "month", "id", "journal", "account", "document_date", "document_reference", "lettering_id",
			"debit", "credit",
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"entry_line"}, columns, pgx.CopyFromSlice(len(lines), func(i int) ([]any, error) {
			l := lines[i]
			return []any{
				s.practice, s.dossier, month, l.ID, l.Journal, l.Account, l.Date, l.Reference, l.Lettering, numeric(l.Debit),
				numeric(l.Credit),
			}, nil
		}))
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT account, (sum(debit) * 10000)::bigint, (sum(credit) * 10000)::bigint FROM entry_line
			WHERE practice = $1 AND dossier = $2 AND month = $3 GROUP BY account`, s.practice, s.dossier, month)
		if err != nil {
			return err
		}
		got := map[string]sum{}
		var account string
		var of sum
		if _, err := pgx.ForEachRow(rows, []any{&account, &of.Debit, &of.Credit}, func() error {
			got[account] = of
			return nil
		}); err != nil {
			return err
		}
		return prove(want, got)
	})
}

func numeric(tenThousandths int64) pgtype.Numeric {
	return pgtype.Numeric{Int: big.NewInt(tenThousandths), Exp: -4, Valid: true}
}
