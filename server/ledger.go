package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/livebackup"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/telemetry"
)

type ledgerCommand struct {
	Init       ledgerInitCommand       `cmd:"" help:"Make an empty ledger, once. Never in place of a lost one: it would forget what was sent."`
	Backup     ledgerBackupCommand     `cmd:"" help:"Copy a ledger in a file, also while a server uses it."`
	Migrate    ledgerMigrateCommand    `cmd:"" help:"Bring the schema of a ledger up to date, as serve does at its start; --plan says what there is to do."`
	Restore    ledgerRestoreCommand    `cmd:"" help:"Allow the use of a ledger that was restored from a copy: writes that only the audit knows become UNCERTAIN."`
	TrustClock ledgerTrustClockCommand `cmd:"" help:"Tell a running server that the clock of its ledger is right, after it has jumped by more than a day."`
}

type ledgerInitCommand struct {
	Ledger   string `required:"" xor:"where" type:"path" placeholder:"FILE" help:"File to make: the one that the configuration names."`
	Postgres string `required:"" xor:"where" placeholder:"REFERENCE" help:"Or where the connection string of a PostgreSQL is, as in the configuration: '$${file:/path}' or '$${env:NAME}'."`
}

func (c *ledgerInitCommand) Run(ctx context.Context) error {
	if c.Postgres == "" {
		if err := ledger.Init(ctx, c.Ledger); err != nil {
			return err
		}
		fmt.Println("made", c.Ledger)
		return nil
	}
	dsn, err := postgresOf(c.Postgres)
	if err != nil {
		return err
	}
	if err := ledger.InitPostgres(ctx, dsn); err != nil {
		return fmt.Errorf("ledger in the database of %s: %w", c.Postgres, err)
	}
	fmt.Println("made a ledger in the database of", c.Postgres)
	return nil
}

// postgresOf is the connection string that a command line refers to.
func postgresOf(reference string) (ledger.DSN, error) {
	ref, err := secret.Parse(reference, ".")
	if err != nil {
		return nil, err
	}
	dsn, err := secret.Open(ref, config.CheckLedger, nil)
	if err != nil {
		return nil, err
	}
	return func() string { return dsn.Get().Reveal() }, nil
}

// openLedger opens the ledger of a configuration, and tells of a connection string that changes.
func openLedger(
	ctx context.Context, cfg *config.Config, log *slog.Logger, registry prometheus.Registerer, options ...ledger.Option,
) (*ledger.Ledger, error) {
	options = append(options, ledger.WithLease(cfg.Imports.Lease), ledger.WithResubmitAfter(cfg.Imports.ResubmitAfter))
	if cfg.Ledger.File != "" {
		return ledger.Open(ctx, cfg.Ledger.File, options...)
	}
	dsn, err := secret.Open(cfg.Ledger.Postgres, config.CheckLedger, func(ref secret.Ref, err error) {
		if err != nil {
			log.Error("a secret cannot be read again; the value before stays in use", "secret", ref.String(), "error", err.Error())
			return
		}
		log.Info("a secret was rotated", "secret", ref.String())
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	telemetry.RegisterLedgerSecret(registry, func() secret.Status { return dsn.Status("postgres") })
	l, err := ledger.AwaitPostgres(ctx, func() string { return dsn.Get().Reveal() }, func(found ledger.Recovered) {
		log.Info("the ledger was reached, and is in use", "not_sent", found.NotSent, "uncertain", found.Uncertain)
	}, func(err error) {
		log.Error("the ledger was reached, and is not fit for use: writes stay refused until it is", "error", err.Error())
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("ledger in the database of %s: %w", cfg.Ledger.Postgres, err)
	}
	if err := l.Awaited(); err != nil {
		log.Error("the ledger cannot be reached: until it is, reads alone are served", "error", err.Error())
	}
	return l, nil
}

type ledgerBackupCommand struct {
	Ledger string `required:"" type:"path" placeholder:"FILE" help:"Ledger to copy: the one that the configuration names."`
	To     string `required:"" type:"path" placeholder:"FILE" help:"File to make."`
}

func (c *ledgerBackupCommand) Run(ctx context.Context) error {
	err := livebackup.Fetch(ctx, c.Ledger, c.To)
	if err == nil {
		fmt.Printf("copied the ledger that a server uses to %s\n", c.To)
		return nil
	}
	if !errors.Is(err, livebackup.ErrNoServer) {
		return err
	}
	submissions, err := ledger.Backup(ctx, c.Ledger, c.To)
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("%w; or ask the server that runs for a copy, as its own user or as root", err)
	}
	if err != nil {
		return err
	}
	fmt.Printf("copied %d submissions to %s\n", submissions, c.To)
	return nil
}
