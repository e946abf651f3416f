package ledger

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all in which databases differ; every other statement is the same text on each.
type dialect struct {
	// name is that of the migrations which are for this database alone: NUMBER_what.name.sql.
	name  string
	goose goose.Dialect
	// migrating are options for bringing the schema up to date.
	migrating []goose.ProviderOption
	// shared says that other processes use the ledger at the same time.
	shared bool
	// limit bounds the wait for a connection, and then a transaction or a query; 0 when the database is in this process.
	limit time.Duration
	// isolation of transactions; the locks below rely on it.
	isolation sql.IsolationLevel
	// now selects the clock in microseconds.
	now string
	// forUpdate ends a SELECT whose row is about to change.
	forUpdate string
	// like compares a column with a pattern in which * means any run of characters: how, with %s for the operand, and
	// the operand. Letter case counts.
	like func(pattern string) (comparison, operand string)
	// lock makes transactions that take the same name wait for each other; nil where all of them do.
	lock func(ctx context.Context, tx *sql.Tx, name string) error
	// rolledBack says whether a commit that failed with this has left nothing; else that is unknown.
	rolledBack func(error) bool
	// full says whether there is no room.
	full func(error) bool
	// probe changes nothing, and is written all the same.
	probe string
	// drawTogether makes one row of the counts of each state, and of each practice, where changes are added beside one another;
	// empty elsewhere.
	drawTogether []string
	// countEvents is count in one statement; empty where a statement more costs nothing.
	countEvents string
	// transient says whether what failed before its commit, and so left nothing, may succeed at once.
	transient func(error) bool
}

func sqliteDialect() dialect {
	return dialect{
		name:  "sqlite",
		goose: goose.DialectSQLite3,
		now:   `SELECT CAST(ROUND(unixepoch('subsec') * 1e6) AS INTEGER)`,
		like: func(pattern string) (comparison, operand string) {
			return "GLOB %s", strings.NewReplacer("[", "[[]", "?", "[?]").Replace(pattern)
		},
		// A commit that cannot be written is rolled back (https://www.sqlite.org/lang_transaction.html). Should a disk that fails
		// have kept it all the same, only a crash brings it to light: then Recover settles it as what was not sent, or UNCERTAIN.
		rolledBack: func(err error) bool {
			switch sqliteCode(err) {
			case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
				return true
			}
			return false
		},
		full:      func(err error) bool { return sqliteCode(err) == sqlite3.SQLITE_FULL },
		probe:     `PRAGMA user_version = 0`,
		transient: func(err error) bool { return sqliteCode(err) == sqlite3.SQLITE_BUSY },
	}
}

// sqliteCode returns the primary result code; 0 for an error that is not SQLite's.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// How long to wait for a process that is about to let go of the file.
const busyTimeout = 500 * time.Millisecond

// openSQLite opens a file that exists for this process alone. SQLite's own EXCLUSIVE mode locks the very file, whatever its
// path, until the process ends however it ends; a file beside it could be removed or missed through another path. The price is
// a single connection, and no reading from outside meanwhile.
func openSQLite(path string, durable bool) (*sql.DB, error) {
	return openWriter(path, durable, true)
}

// openWriter opens the connection that writes; where a lock of our own keeps other processes out, others may read beside it.
func openWriter(path string, durable, exclusive bool) (*sql.DB, error) {
	synchronous := "FULL" // each commit is on the disk when it returns
	if !durable {
		synchronous = "OFF"
	}
	// The lock must be exclusive before the first look at the WAL, else it is shared: the driver applies _pragma before
	// _journal_mode, but a list of _pragma in the order of the alphabet.
	parameters := url.Values{
		"mode":          {"rw"},
		"_txlock":       {"immediate"},
		"_pragma":       {"locking_mode(EXCLUSIVE)"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		"_synchronous":  {synchronous},
		"_foreign_keys": {"1"},
	}
	if !exclusive {
		parameters.Del("_pragma")
	}
	db, err := openFile(path, parameters)
	if err != nil {
		return nil, err
	}
	// The lock belongs to the connection: it is never given up for idleness or age.
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}
