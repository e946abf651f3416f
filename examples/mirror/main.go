// Command mirror copies the booked entries of a dossier into PostgreSQL and into Parquet files, month by month, again and again: a
// month is replaced as a whole, and only by a walk that was complete. The sums per account of each copy must be those of the walk.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	log.SetFlags(0)
	var s service
	from := flag.String("from", "", "the first month: YYYY-MM")
	to := flag.String("to", "", "the last month: YYYY-MM")
	database := flag.String("postgres", "", "where to mirror to: postgres://…; empty for not")
	folder := flag.String("parquet", "", "the folder to mirror to; empty for not")
	flag.StringVar(&s.base, "service", "http://127.0.0.1:8080", "the service; the token for it is in LOOP_TOKEN")
	flag.StringVar(&s.practice, "practice", "demo", "the practice")
	flag.StringVar(&s.dossier, "dossier", "CEGID003", "the dossier")
	flag.StringVar(&s.debit, "debit", "debit", "Loop's field of the debit, where the service has no loop.entry_names")
	flag.StringVar(&s.credit, "credit", "credit", "Loop's field of the credit, likewise")
	flag.Parse()
	s.token = os.Getenv("LOOP_TOKEN")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, *from, *to, *database, *folder); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s service, from, to, database, folder string) error {
	first, err := time.Parse("2006-01", from)
	if err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	last, err := time.Parse("2006-01", to)
	if err != nil {
		return fmt.Errorf("-to: %w", err)
	}
	var db *pgx.Conn
	if database != "" {
		if db, err = pgx.Connect(ctx, database); err != nil {
			return err
		}
		defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
		if _, err = db.Exec(ctx, schema); err != nil {
			return err
		}
	}
	for month := first; !month.After(last); month = month.AddDate(0, 1, 0) {
		lines, questions, err := s.walk(ctx, month)
		if err != nil {
			return fmt.Errorf("%s: %w", month.Format("2006-01"), err)
		}
		want := sums(lines)
		if db != nil {
			if err := intoPostgres(ctx, db, s, month, lines, want); err != nil {
				return fmt.Errorf("%s into PostgreSQL: %w", month.Format("2006-01"), err)
			}
		}
		if folder != "" {
			if err := intoParquet(folder, s, month, lines, want); err != nil {
				return fmt.Errorf("%s into Parquet: %w", month.Format("2006-01"), err)
			}
		}
		log.Printf("%s: %d lines on %d accounts, sums agree; %d questions", month.Format("2006-01"), len(lines), len(want), questions)
	}
	return nil
}

// A sum is what an account has in a month, in ten-thousandths.
type sum struct{ Debit, Credit int64 }

func sums(lines []line) map[string]sum {
	out := map[string]sum{}
	for _, l := range lines {
		s := out[l.Account]
		out[l.Account] = sum{s.Debit + l.Debit, s.Credit + l.Credit}
	}
	return out
}

// prove compares a copy with the walk.
func prove(want, got map[string]sum) error {
	for account := range got {
		if _, known := want[account]; !known {
			return fmt.Errorf("the copy has an account %q that the walk did not bring", account)
		}
	}
	for account, w := range want {
		if got[account] != w {
			return fmt.Errorf("account %q has %v in the copy, and %v in the walk", account, got[account], w)
		}
	}
	return nil
}
