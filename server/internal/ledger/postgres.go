package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Bounds of what a PostgreSQL beyond a network may hold up: a dead line, a paused database, another's lock.
const (
	connectLimit     = 5 * time.Second
	statementLimit   = 10 * time.Second
	lockLimit        = 5 * time.Second
	transactionLimit = 15 * time.Second
	// idleLimit is when the database takes back the locks of a server that has frozen in the middle of a transaction.
	idleLimit = 10 * time.Second
	// migrationLimit bounds bringing the schema up to date, the wait for another server that does so included.
	migrationLimit = 10 * time.Minute

	maxConnections = 10
	// refreshEvery is how often it is looked what other servers of a shared ledger have changed, which do not signal here.
	refreshEvery = time.Second
)

// DSN returns the connection string of PostgreSQL, a URL or libpq's keywords and values. It is asked for each new
// connection, so that a password can be rotated. It is a secret: no error shows it.
type DSN func() string

func postgresDialect() dialect {
	// One server at a time brings the schema up to date; the others look for the lock each second.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(migrationLimit/time.Second)))
	if err != nil {
		panic(err) // constants
	}
	return dialect{
		name:      "postgres",
		goose:     goose.DialectPostgres,
		migrating: []goose.ProviderOption{goose.WithSessionLocker(locker)},
		shared:    true,
		limit:     transactionLimit,
		isolation: sql.LevelReadCommitted, // what was waited for is seen
		now:       `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`,
		forUpdate: ` FOR UPDATE`,
		like: func(pattern string) (comparison, operand string) {
			return "LIKE %s", strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(pattern)
		},
		lock: func(ctx context.Context, tx *sql.Tx, name string) error {
			sum := sha256.Sum256([]byte(name))
			// Two numbers: the locks of one number belong to goose and Init.
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, $2)`,
				int32(binary.BigEndian.Uint32(sum[:])), int32(binary.BigEndian.Uint32(sum[4:]))); err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			return nil
		},
		rolledBack: func(error) bool { return false },
		full: func(err error) bool {
			refused, ok := errors.AsType[*pgconn.PgError](err)
			return ok && refused.Code == "53100"
		},
		countEvents: countEvents,
		probe:       `SELECT txid_current()`, // a standby that may not be written to has none
		transient:   transient,
		drawTogether: []string{
			`WITH gone AS (DELETE FROM state_count WHERE ctid IN (SELECT ctid FROM state_count FOR UPDATE SKIP LOCKED) RETURNING state, n) ` +
				`INSERT INTO state_count SELECT state, SUM(n) FROM gone GROUP BY state`,
			`WITH gone AS (DELETE FROM practice_count WHERE ctid IN (SELECT ctid ` +
				`FROM practice_count FOR UPDATE SKIP LOCKED) RETURNING practice, n) ` +
				`INSERT INTO practice_count SELECT practice, SUM(n) FROM gone GROUP BY practice HAVING SUM(n) <> 0`,
		},
	}
}

// transient: another transaction was in the way, or the connection was lost, as when the database restarts.
func transient(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "40001", "40P01", // serialization failure, deadlock
			"23503",                   // what was to be shared has just been swept
			"23505",                   // another has inserted the same id: it is found next time
			"57P01", "57P02", "57P03": // the database ends, or starts
			return true
		}
		return strings.HasPrefix(refused.Code, "08") // connection
	}
	if pgconn.Timeout(err) {
		return false
	}
	_, network := errors.AsType[*net.OpError](err)
	return network || pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// InitPostgres creates a ledger in a database that has none: it exists, and its user may create tables in it.
func InitPostgres(ctx context.Context, dsn DSN) error {
	ctx, cancel := context.WithTimeout(ctx, migrationLimit)
	defer cancel()
	db := openPostgres(dsn, nil)
	if err := initPostgres(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	return db.Close()
}

func initPostgres(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Of two who create it at once, the second finds it.
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, applicationID); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, applicationID)
	}()
	switch ours, theirs, err := existingTables(ctx, conn); {
	case err != nil:
		return err
	case ours || theirs:
		return ErrTables
	}
	return migrate(ctx, db, postgresDialect(), migrations)
}

// existingTables looks for the ledger's own table, by its name of today or of older servers, and for goose's, where the user's
// tables are created.
func existingTables(ctx context.Context, conn *sql.Conn) (submission, versions bool, err error) {
	err = conn.QueryRowContext(ctx, `SELECT to_regclass('write_request') IS NOT NULL `+
		`OR to_regclass('submission') IS NOT NULL, to_regclass('goose_db_version') IS NOT NULL`).Scan(&submission, &versions)
	return submission, versions, err
}

// OpenPostgres opens the ledger in a database, which InitPostgres has made; other processes may have it open too. An older
// schema is brought up to date, by one of them. Errors: ErrMissing, ErrForeignTables, ErrNewer.
func OpenPostgres(ctx context.Context, dsn DSN, options ...Option) (*Ledger, error) {
	commit, err := checkPostgres(ctx, dsn)
	if err != nil {
		return nil, err
	}
	l := inPostgres(dsn, options...)
	l.commits.learn(commit)
	return l, nil
}

// inPostgres is a ledger in a database, whatever there is.
func inPostgres(dsn DSN, options ...Option) *Ledger {
	l := &Ledger{db: openPostgres(dsn, map[string]string{
		"statement_timeout":                   milliseconds(statementLimit),
		"lock_timeout":                        milliseconds(lockLimit),
		"idle_in_transaction_session_timeout": milliseconds(idleLimit),
	}), dialect: postgresDialect(), rules: design()}
	for _, option := range options {
		option(l)
	}
	l.log.start(l)
	l.close = l.db.Close
	return l
}

// checkPostgres brings the schema of a ledger up to date, over connections whose statements may take long, and reads the number
// of its newest commit.
func checkPostgres(ctx context.Context, dsn DSN) (commit int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, migrationLimit)
	defer cancel()
	db := openPostgres(dsn, map[string]string{"lock_timeout": milliseconds(lockLimit)})
	err = look(ctx, db)
	if err == nil {
		err = migrate(ctx, db, postgresDialect(), migrations)
	}
	if err == nil {
		commit, _, err = mark(ctx, db)
	}
	return commit, errors.Join(err, db.Close())
}

func look(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	submission, versions, err := existingTables(ctx, conn)
	switch {
	case err != nil:
		return err
	case !submission && !versions:
		return ErrMissing
	case !submission || !versions:
		return ErrForeignTables
	}
	return nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// openPostgres returns a pool; it connects when it is used.
func openPostgres(dsn DSN, settings map[string]string) *sql.DB {
	db := sql.OpenDB(connector{dsn, settings})
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxLifetime(30 * time.Minute) // a password that was revoked, or another primary, is noticed
	return db
}

// connector makes connections with the connection string as it is.
type connector struct {
	dsn      DSN
	settings map[string]string // of each session
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	config, err := parsePostgres(c.dsn())
	if err != nil {
		return nil, err
	}
	for name, value := range c.settings {
		config.RuntimeParams[name] = value
	}
	conn, err := stdlib.GetConnector(*config).Connect(ctx)
	if err != nil {
		return nil, connectError{err}
	}
	return conn, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// CheckPostgres says what is wrong with a connection string, without showing it.
func CheckPostgres(dsn string) error {
	_, err := parsePostgres(dsn)
	return err
}

var errDSN = errors.New("this is no connection string of PostgreSQL: " +
	"write postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, " +
	"with %-escapes for what has a meaning in a URL, or host=HOST user=USER password='PASSWORD' dbname=DATABASE sslmode=verify-full")

func parsePostgres(dsn string) (*pgx.ConnConfig, error) {
	// The driver would take from the environment what the string leaves out; nothing here does.
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value != "" && ambient[name] {
			return nil, fmt.Errorf("the environment variable %s would change the connection to the ledger: unset it for this process, "+
				"and say it in the connection string", name)
		}
	}
	var options pgx.ParseConfigOptions
	options.ConnStringAllowedKeys = connectionKeys
	config, err := pgx.ParseConfigWithOptions(dsn, options)
	if err != nil {
		return nil, errDSN // the driver's error may show what it could not read
	}
	if config.Database == "" {
		return nil, errors.New("the connection string names no database")
	}
	for _, other := range config.Fallbacks {
		if other.Host == config.Host && (other.TLSConfig == nil) != (config.TLSConfig == nil) {
			return nil, errors.New("the connection string leaves open whether the connection is encrypted: add sslmode=verify-full (and " +
				"sslrootcert=FILE for a CA of your own), or sslmode=disable within one machine")
		}
	}
	config.ConnectTimeout = connectLimit
	if config.ValidateConnect == nil { // of several hosts, the one that may be written to
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "loop-gateway"
	}
	// A commit that is confirmed outlives the database's death: what was being sent must not be forgotten.
	if config.RuntimeParams["synchronous_commit"] != "remote_apply" {
		config.RuntimeParams["synchronous_commit"] = "on"
	}
	return config, nil
}

// connectionKeys are what a connection string may say; files of services, for example, would say the rest elsewhere.
var connectionKeys = []string{
	"host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslnegotiation", "sslsni",
	"channel_binding", "require_auth", "target_session_attrs", "application_name", "search_path", "synchronous_commit", "connect_timeout",
}

// ambient are the variables that the driver heeds.
var ambient = func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range []string{
		"HOST", "PORT", "DATABASE", "USER", "PASSWORD", "PASSFILE", "APPNAME", "CONNECT_TIMEOUT", "SSLMODE", "SSLKEY", "SSLCERT", "SSLCERTMODE",
		"SSLSNI",
		"SSLROOTCERT", "SSLPASSWORD", "SSLNEGOTIATION", "TARGETSESSIONATTRS", "SERVICE", "SERVICEFILE", "TZ", "OPTIONS",
		"MINPROTOCOLVERSION", "MAXPROTOCOLVERSION", "CHANNELBINDING", "REQUIREAUTH",
	} {
		names["PG"+name] = true
	}
	return names
}()

// connectError says why there is no connection, without the connection string: a mistake in it can make a part of the
// password look like a host.
type connectError struct{ err error }

func (e connectError) Error() string {
	if refused, ok := errors.AsType[*pgconn.PgError](e.err); ok {
		return "PostgreSQL refuses the connection: SQLSTATE " + refused.Code + refusals[refused.Code]
	}
	var (
		dns       *net.DNSError
		operation *net.OpError
	)
	switch {
	case errors.As(e.err, &dns):
		return "PostgreSQL cannot be reached: there is no such host"
	case pgconn.Timeout(e.err), errors.Is(e.err, context.DeadlineExceeded):
		return "PostgreSQL does not answer in time"
	case errors.As(e.err, &operation):
		if system, ok := errors.AsType[*os.SyscallError](operation.Err); ok {
			return "PostgreSQL cannot be reached: " + system.Err.Error()
		}
		return "PostgreSQL cannot be reached"
	case errors.Is(e.err, context.Canceled):
		return context.Canceled.Error()
	}
	return "no connection to PostgreSQL; its own log may say why (TLS, authentication, a standby)"
}

// Unwrap returns the driver's error, which shows hosts and users.
func (e connectError) Unwrap() error { return e.err }

var refusals = map[string]string{
	"28000": " (no entry of pg_hba.conf allows it, or the user may not log in)",
	"28P01": " (the password is wrong)",
	"3D000": " (there is no such database)",
	"42501": " (the user lacks a right)",
	"53300": " (too many connections)",
	"57P03": " (it is starting or ending)",
}
