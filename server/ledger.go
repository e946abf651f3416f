package main

import (
	"context"
	"fmt"
	"log/slog"

	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/secret"
)

type ledgerCommand struct {
	Init   ledgerInitCommand   `cmd:"" help:"Make an empty ledger, once. Never in place of a lost one: it would forget what was sent."`
	Backup ledgerBackupCommand `cmd:"" help:"Copy a ledger while no server uses it."`
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
	ref, err := secret.Parse(c.Postgres, ".")
	if err != nil {
		return err
	}
	dsn, err := secret.Open(ref, config.CheckLedger, nil)
	if err != nil {
		return err
	}
	if err := ledger.InitPostgres(ctx, func() string { return dsn.Get().Reveal() }); err != nil {
		return fmt.Errorf("ledger in the database of %s: %w", ref, err)
	}
	fmt.Println("made a ledger in the database of", ref)
	return nil
}

// openLedger opens the ledger of a configuration, and tells of a connection string that changes.
func openLedger(ctx context.Context, cfg *config.Config, log *slog.Logger) (*ledger.Ledger, error) {
	lease, age := ledger.WithLease(cfg.Imports.Lease), ledger.WithResubmitAfter(cfg.Imports.ResubmitAfter)
	if cfg.Ledger.File != "" {
		return ledger.Open(ctx, cfg.Ledger.File, lease, age)
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
	l, err := ledger.OpenPostgres(ctx, func() string { return dsn.Get().Reveal() }, lease, age)
	if err != nil {
		return nil, fmt.Errorf("ledger in the database of %s: %w", cfg.Ledger.Postgres, err)
	}
	return l, nil
}

type ledgerBackupCommand struct {
	Ledger string `required:"" type:"path" placeholder:"FILE" help:"Ledger to copy: the one that the configuration names."`
	To     string `required:"" type:"path" placeholder:"FILE" help:"File to make."`
}

func (c *ledgerBackupCommand) Run(ctx context.Context) error {
	submissions, err := ledger.Backup(ctx, c.Ledger, c.To)
	if err != nil {
		return err
	}
	fmt.Printf("copied %d submissions to %s\n", submissions, c.To)
	return nil
}
