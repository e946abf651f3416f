package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Schema compares a ledger's schema with what this program knows.
type Schema struct {
	// Version of the ledger, and the newest that this program knows.
	Version, Known int64
	// Pending are what brings the schema up to date, in their order; none where it is, or is ahead.
	Pending []Step
	// StopAll says that servers of the ledger's schema cannot go on beside those of the new one.
	StopAll bool
}

// Step is one migration.
type Step struct {
	Version int64
	Name    string
}

// stopAll is before what only adds: servers of an older schema are shut out.
const stopAll = 15

// migrate brings the schema up to date. One that is ahead is left as it is, and refused where this program cannot use it.
func migrate(ctx context.Context, db *sql.DB, d dialect, sources fs.FS) error {
	provider, err := migrating(db, d, sources)
	if err != nil {
		return err
	}
	behind, err := usable(ctx, provider, db)
	if err != nil || !behind {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		if _, known := usable(ctx, provider, db); errors.Is(known, ErrNewer) { // another server was quicker
			return known
		}
		return err
	}
	_, err = usable(ctx, provider, db)
	return err
}

func migrating(db *sql.DB, d dialect, sources fs.FS) (*goose.Provider, error) {
	sources, err := fs.Sub(sources, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(d.goose, db, ours{sources, d.name}, append(d.migrating, goose.WithDisableGlobalRegistry(true))...)
}

// usable says whether the schema is behind what this program knows. ErrNewer: it is ahead, and this program cannot use it.
func usable(ctx context.Context, provider *goose.Provider, db *sql.DB) (behind bool, err error) {
	current, target, err := provider.GetVersions(ctx)
	if err != nil || current <= target {
		return current < target, err
	}
	var least int64
	if err := db.QueryRowContext(ctx, `SELECT least FROM schema_support`).Scan(&least); err != nil {
		return false, fmt.Errorf("schema %d, known up to %d: %w", current, target, errors.Join(ErrNewer, err))
	}
	if least > target {
		return false, fmt.Errorf("schema %d is for servers that know schema %d at least, and this one knows %d: %w",
			current, least, target, ErrNewer)
	}
	return false, nil
}

// schemaOf says which schema there is, and changes nothing.
func schemaOf(ctx context.Context, db *sql.DB, d dialect) (Schema, error) {
	provider, err := migrating(db, d, migrations)
	if err != nil {
		return Schema{}, err
	}
	var out Schema
	if out.Version, out.Known, err = provider.GetVersions(ctx); err != nil {
		return Schema{}, err
	}
	for _, source := range provider.ListSources() {
		if source.Version > out.Version {
			out.Pending = append(out.Pending, Step{source.Version, stepName(source.Path)})
		}
	}
	out.StopAll = out.Version < stopAll
	_, err = usable(ctx, provider, db)
	return out, err
}

// stepName is the word of a file: NUMBER_what.sql, or NUMBER_what.NAME.sql.
func stepName(path string) string {
	_, name, _ := strings.Cut(filepath.Base(path), "_")
	name, _, _ = strings.Cut(name, ".")
	return strings.ReplaceAll(name, "_", " ")
}

// SchemaOf says which schema a ledger in a file has, and changes nothing; no server has it open. Errors: as of Open.
func SchemaOf(ctx context.Context, path string) (out Schema, err error) {
	_, err = openTo(ctx, path, true, func(ctx context.Context, db *sql.DB, d dialect) error {
		if out, err = schemaOf(ctx, db, d); err != nil {
			return err
		}
		return errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return out, err
}

// errLooked ends the opening of a ledger that was looked at: its schema may be too old for the rest.
var errLooked = errors.New("ledger: looked at")

// Migrate brings the schema of a ledger in a file up to date; no server has it open. Errors: as of Open.
func Migrate(ctx context.Context, path string) error {
	l, err := Open(ctx, path)
	if err != nil {
		return err
	}
	return l.Close()
}

// SchemaOfPostgres says which schema a ledger in a database has, and changes nothing. Errors: ErrMissing, ErrForeignTables,
// ErrNewer.
func SchemaOfPostgres(ctx context.Context, dsn DSN) (Schema, error) {
	db := openPostgres(dsn, nil)
	var out Schema
	err := look(ctx, db)
	if err == nil {
		out, err = schemaOf(ctx, db, postgresDialect())
	}
	return out, errors.Join(err, db.Close())
}

// MigratePostgres brings the schema of a ledger in a database up to date, over connections whose statements may take long. Errors:
// ErrMissing, ErrForeignTables, ErrNewer.
func MigratePostgres(ctx context.Context, dsn DSN) error {
	_, err := checkPostgres(ctx, dsn)
	return err
}

// ours are the migrations of one database: those for all, and those that name it.
type ours struct {
	fs.FS
	name string
}

// Glob implements fs.GlobFS.
func (o ours) Glob(pattern string) ([]string, error) {
	all, err := fs.Glob(o.FS, pattern)
	return slices.DeleteFunc(all, func(file string) bool {
		parts := strings.Split(file, ".") // NUMBER_what.sql, or NUMBER_what.NAME.sql
		return len(parts) == 3 && parts[1] != o.name
	}), err
}
