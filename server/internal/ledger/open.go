package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID, "CLdg", tells a ledger from other SQLite files. It is written last, so that a file without it is
// another's, or was not finished.
const applicationID = 0x434c6467

// Ledger remembers every write. It is safe for concurrent use.
type Ledger struct {
	db *sql.DB
	// reads are connections for reading; nil where those of db have to do.
	reads   *sql.DB
	dialect dialect
	rules   rules
	// clock replaces the database's in tests; nil for that one.
	clock func() time.Time
	// keeping says how long a practice is kept; nil keeps each for the times of DefaultKeeping.
	keeping func(practice string) Keeping
	guard   clockGuard
	changes changes
	log     log
	trouble trouble
	commits commits
	awaited awaited
	leases  outlived
	// observer receives each step; it may be nil.
	observer atomic.Pointer[func(context.Context, Observation)]
	// path and file are of a ledger in a file that others can remove.
	path  string
	file  os.FileInfo
	close func() error
}

// Option tunes a ledger.
type Option func(*Ledger)

// WithLease sets how long an owner may take from Begin to its outcome, instead of Lease.
func WithLease(lease time.Duration) Option { return func(l *Ledger) { l.rules.lease = lease } }

// WithResubmitAfter sets how long after it was sent an import's absence from Loop begins to mean something, instead of
// ResubmitAfter.
func WithResubmitAfter(age time.Duration) Option {
	return func(l *Ledger) { l.rules.resubmitAfter = age }
}

// ResubmitAfter is how long after it was sent an import's absence from Loop begins to mean something.
func (l *Ledger) ResubmitAfter() time.Duration { return l.rules.resubmitAfter }

// Lease is how long an owner may take from Begin to its outcome.
func (l *Ledger) Lease() time.Duration { return l.rules.lease }

// Shared says whether other processes use the ledger at the same time.
func (l *Ledger) Shared() bool { return l.dialect.shared }

// Init creates a ledger in a file that does not exist; its folder does.
func Init(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for _, remains := range []string{"-wal", "-journal"} { // SQLite would drop them, and what they hold
		if _, err := os.Lstat(path + remains); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("ledger %s: %w", path+remains, ErrExists)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("ledger %s: %w", path, ErrExists)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ledger %s: there is no such folder; make it, for the user that serves: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := errors.Join(file.Close(), fill(ctx, path)); err != nil {
		return errors.Join(fmt.Errorf("ledger %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// fill makes a ledger of an empty file, durably.
func fill(ctx context.Context, path string) (err error) {
	db, err := openSQLite(path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), SyncFolder(path)) }()
	if err := migrate(ctx, db, sqliteDialect(), migrations); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA application_id = "+strconv.Itoa(applicationID))
	return err
}

// SyncFolder makes the name of a new file as durable as its content.
func SyncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Open opens the ledger in a file, which Init has made, and locks it until Close or the end of the process. An older
// schema is brought up to date. Errors: ErrMissing, ErrNoLedger, ErrLocked, ErrReadOnly, ErrOpen, ErrNewer.
func Open(ctx context.Context, path string, options ...Option) (*Ledger, error) {
	l, err := open(ctx, path, true)
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(l)
	}
	return l, nil
}

func open(ctx context.Context, path string, durable bool) (*Ledger, error) {
	return openTo(ctx, path, durable, func(ctx context.Context, db *sql.DB, d dialect) error { return migrate(ctx, db, d, migrations) })
}

// openTo has schema look at the schema, and bring it up to date.
func openTo(ctx context.Context, path string, durable bool, schema func(context.Context, *sql.DB, dialect) error) (*Ledger, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l, err := openAt(ctx, path, durable, schema)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, ErrOpen), errors.Is(err, ErrLocked):
	case errors.Is(err, fs.ErrNotExist):
		err = ErrMissing
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		err = ErrReadOnly
	case sqliteCode(err) == sqlite3.SQLITE_BUSY:
		err = ErrLocked
	case sqliteCode(err) == sqlite3.SQLITE_NOTADB:
		err = ErrNoLedger
	case sqliteCode(err) == sqlite3.SQLITE_READONLY, sqliteCode(err) == sqlite3.SQLITE_CANTOPEN, errors.Is(CheckWritable(path), ErrReadOnly):
		err = ErrReadOnly // a lock in vain on a file that it may not write SQLite calls a fault of the disk
	}
	return nil, fmt.Errorf("ledger %s: %w", path, err)
}

func openAt(ctx context.Context, path string, durable bool, schema func(context.Context, *sql.DB, dialect) error) (*Ledger, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNoLedger
	}
	if err := private(info); err != nil {
		return nil, err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	db, err := openWriter(path, durable, lock == nil)
	if err != nil {
		return nil, errors.Join(err, closed(lock))
	}
	l := &Ledger{db: db, dialect: sqliteDialect(), rules: design()}
	l.close = func() error {
		var err error
		if l.reads != nil {
			err = l.reads.Close() // before the one that tidies up
		}
		return errors.Join(err, db.Close(), closed(lock))
	}
	l.path, l.file = path, info
	var id int
	err = db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id)
	switch {
	case err == nil && id != applicationID:
		err = ErrNoLedger
	case err == nil:
		err = schema(ctx, db, l.dialect)
	}
	if err == nil {
		var commit int64
		commit, _, err = mark(ctx, db)
		l.commits.learn(commit)
	}
	if err == nil && lock != nil {
		readers := readConnections
		if !durable { // of a test, as a rule
			readers = 1
		}
		l.reads, err = openReaders(ctx, path, readers)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// closed closes what may not be there.
func closed(c io.Closer) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

// Temporary returns a ledger that ends with Close: for the sandbox and tests. clock, which may be nil, replaces
// the database's.
func Temporary(ctx context.Context, clock func() time.Time, options ...Option) (*Ledger, error) {
	folder, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	path := filepath.Join(folder, "ledger.db")
	empty, err := emptyLedger()
	if err == nil {
		err = os.WriteFile(path, empty, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	l, err := open(ctx, path, false)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	l.clock = clock
	for _, option := range options {
		option(l)
	}
	closeFile := l.close
	l.close = func() error { return errors.Join(closeFile(), os.RemoveAll(folder)) }
	return l, nil
}

// emptyLedger is the file of a new ledger, made once in a process: hundreds of tests take one each, and the migrations are
// most of what it costs.
var emptyLedger = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "ledger.db")
	if err := Init(context.Background(), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Close lets go of the ledger. Transactions that have begun are finished first.
func (l *Ledger) Close() error {
	l.log.stop()
	return l.close()
}

// changes tells those who wait for a row of this process that it has changed.
type changes struct {
	mu      sync.Mutex
	waiting map[Key]map[chan struct{}]struct{}
}

// Subscribe returns a channel that is signalled after every committed change of a row, until cancel; of another process's, once the
// log of events was read, within a second. Signals that are not taken in time become one: read the row after each, and once
// after subscribing.
func (l *Ledger) Subscribe(key Key) (changed <-chan struct{}, cancel func()) {
	c := &l.changes
	signal := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(map[Key]map[chan struct{}]struct{})
	}
	if c.waiting[key] == nil {
		c.waiting[key] = make(map[chan struct{}]struct{})
	}
	c.waiting[key][signal] = struct{}{}
	return signal, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting[key], signal)
		if len(c.waiting[key]) == 0 {
			delete(c.waiting, key)
		}
	}
}

func (c *changes) signal(keys []Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		for signal := range c.waiting[key] {
			select {
			case signal <- struct{}{}:
			default:
			}
		}
	}
}
