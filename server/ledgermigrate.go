package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/ledger"
)

// ledgerMigrateCommand is serve's first step as one of its own, for a job before an update.
type ledgerMigrateCommand struct {
	Config   string `required:"" xor:"where" type:"path" placeholder:"FILE" help:"Configuration that names the ledger."`
	Ledger   string `required:"" xor:"where" type:"path" placeholder:"FILE" help:"Or the ledger in a file; no server has it open."`
	Postgres string `required:"" xor:"where" placeholder:"REFERENCE" help:"Or where the connection string of a PostgreSQL is, as in the configuration; servers may run meanwhile."`
	Plan     bool   `help:"Say what there is to do, and do nothing."`
}

func (c *ledgerMigrateCommand) Run(ctx context.Context) error {
	look, migrate, err := c.ledger()
	if err != nil {
		return err
	}
	return migrateLedger(ctx, os.Stdout, look, migrate, c.Plan)
}

func (c *ledgerMigrateCommand) ledger() (look func(context.Context) (ledger.Schema, error), migrate func(context.Context) error,
	err error,
) {
	reference, file := c.Postgres, c.Ledger
	if c.Config != "" {
		set, err := app.LoadSettings(c.Config)
		if err != nil {
			return nil, nil, err
		}
		if file = set.Config.Ledger.File; file == "" {
			dsn, err := set.Config.Ledger.Postgres.Read()
			if err != nil {
				return nil, nil, fmt.Errorf("ledger: %w", err)
			}
			look, migrate = onPostgres(dsn.Reveal)
			return look, migrate, nil
		}
	}
	if file != "" {
		return func(ctx context.Context) (ledger.Schema, error) { return ledger.SchemaOf(ctx, file) },
			func(ctx context.Context) error { return ledger.Migrate(ctx, file) }, nil
	}
	dsn, err := postgresOf(reference)
	if err != nil {
		return nil, nil, err
	}
	look, migrate = onPostgres(dsn)
	return look, migrate, nil
}

func onPostgres(dsn ledger.DSN) (look func(context.Context) (ledger.Schema, error), migrate func(context.Context) error) {
	return func(ctx context.Context) (ledger.Schema, error) { return ledger.SchemaOfPostgres(ctx, dsn) },
		func(ctx context.Context) error { return ledger.MigratePostgres(ctx, dsn) }
}

func migrateLedger(ctx context.Context, out io.Writer,
	look func(context.Context) (ledger.Schema, error), migrate func(context.Context) error, plan bool,
) error {
	schema, err := look(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, planOf(schema)); err != nil || plan || len(schema.Pending) == 0 {
		return err
	}
	if err := migrate(ctx); err != nil {
		return fmt.Errorf("the schema stays as far as it has come: %w", err)
	}
	after, err := look(ctx)
	if err == nil && len(after.Pending) > 0 {
		err = errors.New("the schema is still not up to date")
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "the ledger has schema %d\n", after.Version)
	}
	return err
}

// planOf says what is to be done.
func planOf(schema ledger.Schema) string {
	if len(schema.Pending) == 0 {
		return fmt.Sprintf("the ledger has schema %d, and this version knows %d: nothing to do\n", schema.Version, schema.Known)
	}
	text := fmt.Sprintf("the ledger has schema %d, and this version brings it to %d:\n", schema.Version, schema.Known)
	for _, step := range schema.Pending {
		text += fmt.Sprintf("  %d %s\n", step.Version, step.Name)
	}
	if schema.StopAll {
		return text + "stop all servers first: those of the schema before cannot go on\n"
	}
	return text + "servers of the schema before go on beside it\n"
}

// schemaNote tells of a schema in a database that serve would bring up to date; nothing where it need not.
func schemaNote(ctx context.Context, dsn ledger.DSN) (string, error) {
	schema, err := ledger.SchemaOfPostgres(ctx, dsn)
	if err != nil || len(schema.Pending) == 0 {
		return "", err
	}
	return fmt.Sprintf("note: the ledger has schema %d; serve brings it to %d at its start, as does server ledger migrate\n",
		schema.Version, schema.Known), nil
}
