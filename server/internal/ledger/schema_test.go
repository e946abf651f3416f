package ledger

import (
	"context"
	"database/sql"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit/pgtest"
)

// expands are the migrations from which on a server of the schema before goes on.
const expands = "00017"

var takesAway = regexp.MustCompile(`(?i)\b(DROP\s+(TABLE|COLUMN|INDEX|TRIGGER|FUNCTION|CONSTRAINT)|RENAME\s|ALTER\s+COLUMN|UNIQUE\s+INDEX|ADD\s+(CONSTRAINT|CHECK|FOREIGN)|DELETE\s+FROM|TRUNCATE)`)

var (
	addsColumn = regexp.MustCompile(`(?i)\bADD\s+COLUMN\s[^;]*;`)
	notNull    = regexp.MustCompile(`(?i)\bNOT\s+NULL\b`)
	byDefault  = regexp.MustCompile(`(?i)\bDEFAULT\b`)
)

// contracts says whether a migration takes something away that a server of the schema before may use, without saying so.
func contracts(text string) bool {
	needed := slices.ContainsFunc(addsColumn.FindAllString(text, -1), func(column string) bool {
		return notNull.MatchString(column) && !byDefault.MatchString(column)
	})
	return (needed || takesAway.MatchString(text)) && !strings.Contains(text, "UPDATE schema_support SET least")
}

// TestMigrationsOnlyAdd, or shut older servers out by saying so: expand first, contract when no server uses it any more.
func TestMigrationsOnlyAdd(t *testing.T) {
	looked := 0
	for name, file := range schemas(t) {
		if path.Base(name) < expands {
			continue
		}
		looked++
		if contracts(string(file.Data)) {
			t.Errorf("%s takes away what servers of the schema before use: do it in a later migration, which sets schema_support.least", name)
		}
	}
	if looked == 0 {
		t.Error("no migration was looked at")
	}
	for text, want := range map[string]bool{
		"ALTER TABLE write_request DROP COLUMN more;":                          true,
		"ALTER TABLE write_request RENAME COLUMN a TO b;":                      true,
		"ALTER TABLE write_request ADD COLUMN more TEXT NOT NULL;":             true,
		"ALTER TABLE write_request ADD COLUMN more TEXT NOT NULL DEFAULT 'x';": false,
		"ALTER TABLE write_request ADD COLUMN more TEXT;":                      false,
		"CREATE UNIQUE INDEX one ON write_request (caller);":                   true,
		"CREATE INDEX one ON write_request (caller);":                          false,
		"DROP VIEW ledger;": false,
		"CREATE TABLE more (a TEXT NOT NULL PRIMARY KEY);":                                     false,
		"DROP TABLE more;\nUPDATE schema_support SET least = 20;":                              false,
		"ALTER TABLE write_request ALTER COLUMN state TYPE BIGINT;":                            true,
		"ALTER TABLE write_request ADD CONSTRAINT short CHECK (length(practice) < 10);":        true,
		"-- +goose Up\nALTER TABLE write_request ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;\n": false,
	} {
		if got := contracts(text); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestASchemaIsLookedAtBeforeItIsBroughtUpToDate: the plan names what is to be done, and does nothing of it.
func TestASchemaIsLookedAtBeforeItIsBroughtUpToDate(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		path := olderFile(t, "00015")
		looksAndMigrates(t,
			func(ctx context.Context) (Schema, error) { return SchemaOf(ctx, path) },
			func(ctx context.Context) error { return Migrate(ctx, path) })
		if _, err := SchemaOf(t.Context(), path+"-not-there"); !errors.Is(err, ErrMissing) {
			t.Errorf("a ledger that is not there: %v", err)
		}
		locked := initialised(t)
		opened(t, locked)
		if _, err := SchemaOf(t.Context(), locked); !errors.Is(err, ErrLocked) {
			t.Errorf("a ledger that a server uses: %v", err)
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := at(pgtest.Shared(t).Database(t))
		if _, err := SchemaOfPostgres(t.Context(), dsn); !errors.Is(err, ErrMissing) {
			t.Errorf("a database without a ledger: %v", err)
		}
		olderDatabase(t, dsn, "00015")
		looksAndMigrates(t,
			func(ctx context.Context) (Schema, error) { return SchemaOfPostgres(ctx, dsn) },
			func(ctx context.Context) error { return MigratePostgres(ctx, dsn) })
	})
}

func olderDatabase(t *testing.T, dsn DSN, version string) {
	t.Helper()
	db := openPostgres(dsn, nil)
	defer func(db *sql.DB) {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}(db)
	older(t, db, postgresDialect(), version)
}

func looksAndMigrates(t *testing.T, look func(context.Context) (Schema, error), migrate func(context.Context) error) {
	t.Helper()
	for range 2 { // looking changes nothing
		schema, err := look(t.Context())
		if err != nil || schema.Version != 15 || schema.Known < 18 || schema.StopAll || !slices.Contains(schema.Pending, Step{17, "replicas"}) || !slices.Contains(schema.Pending, Step{18, "schema support"}) {
			t.Fatalf("before: %+v, %v", schema, err)
		}
	}
	for range 2 { // the second time there is nothing to do
		if err := migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if schema, err := look(t.Context()); err != nil || schema.Version != schema.Known || len(schema.Pending) > 0 {
		t.Errorf("after: %+v, %v", schema, err)
	}
}

// TestAnOlderSchemaSaysThatAllMustStop: before commits were counted, servers are not to go on beside newer ones.
func TestAnOlderSchemaSaysThatAllMustStop(t *testing.T) {
	if schema, err := SchemaOf(t.Context(), olderFile(t, "00009")); err != nil || !schema.StopAll || schema.Version != 9 {
		t.Errorf("%+v, %v", schema, err)
	}
}
