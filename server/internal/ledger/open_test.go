package ledger

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// The test binary is also the process that is killed: see child.
const childVariable, childPath = "LEDGER_TEST_CHILD", "LEDGER_TEST_PATH"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role, os.Getenv(childPath)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if raceDetector() { // which makes the driver 15 times slower
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(pgtest.Main{M: m})
}

// child does what its role says, prints what was confirmed to it, and waits to be killed.
func child(role, path string) error {
	ctx := context.Background()
	l, err := openedAt(ctx, path)
	if err != nil {
		return err
	}
	const owner = "child"
	accepted := func(b Begun) error {
		if err := l.Submitting(ctx, b.Key, b.Attempt, owner, time.Minute); err != nil {
			return err
		}
		_, err := l.Settle(ctx, b.Key, b.Attempt, owner, Outcome{State: Waiting, LoopRequestID: "loop-" + b.RequestID})
		return err
	}
	if role == "work" {
		for i := 0; ; i++ {
			b, err := l.Begin(ctx, submission(fmt.Sprint("r", i), fmt.Sprint(i)), owner)
			if err != nil {
				return err
			}
			if err := accepted(b); err != nil {
				return err
			}
			fmt.Println(b.RequestID)
		}
	}
	if role != "open" {
		b, err := l.Begin(ctx, submission("r1", "one"), owner)
		if err != nil {
			return err
		}
		switch State(role) {
		case Received:
		case Submitting:
			err = l.Submitting(ctx, b.Key, b.Attempt, owner, time.Minute)
		case Waiting:
			err = accepted(b)
		case "in a transaction": // SUBMITTING is written, and not committed
			err = l.write(ctx, func(w *writing) error {
				row, err := w.row(b.Key)
				if err != nil {
					return err
				}
				from := row.status()
				to, err := w.rules.submit(from, 1, owner, w.now, time.Minute)
				if err != nil {
					return err
				}
				row.apply(to, w.now)
				if err := w.update(from, &row); err != nil {
					return err
				}
				fmt.Println("ready")
				select {}
			})
		}
		if err != nil {
			return err
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
	return nil
}

// openedAt opens the ledger of a file, or of a database.
func openedAt(ctx context.Context, at string) (*Ledger, error) {
	if strings.HasPrefix(at, "host=") {
		return OpenPostgres(ctx, func() string { return at })
	}
	return Open(ctx, at)
}

type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func start(t *testing.T, role, path string) *process {
	t.Helper()
	self, err := os.Executable()
	testkit.OK(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+role, childPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	testkit.OK(t, err)
	testkit.OK(t, cmd.Start())
	p := &process{cmd, bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	return p
}

// kill is SIGKILL: nothing is closed, flushed or told.
func (p *process) kill() {
	if p.ProcessState == nil {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatal("the child ended")
	}
	return p.lines.Text()
}

func initialised(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger ?#%41.db") // what a URI would read otherwise
	testkit.OK(t, Init(t.Context(), path))
	return path
}

// places make a ledger on each database, and return where it is.
func places() map[string]func(*testing.T) string {
	return map[string]func(*testing.T) string{
		"SQLite":     initialised,
		"PostgreSQL": func(t *testing.T) string { t.Helper(); return database(t)() },
	}
}

// recoverAll settles what dead owners left; of a shared ledger, once their lease is over.
func recoverAll(t *testing.T, l *Ledger) {
	t.Helper()
	if l.Shared() {
		if n, err := l.Recover(t.Context(), owner); err != nil || n != (Recovered{}) {
			t.Fatalf("under the lease: %+v, %v", n, err)
		}
		l.clock = func() time.Time { return time.Now().Add(Lease) }
	}
	if _, err := l.Recover(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, at string) *Ledger {
	t.Helper()
	l, err := openedAt(t.Context(), at)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestAKilledServersRowIsWhereItWasCommitted(t *testing.T) {
	for name, place := range places() {
		t.Run(name, func(t *testing.T) { aKilledServersRowIsWhereItWasCommitted(t, place) })
	}
}

func aKilledServersRowIsWhereItWasCommitted(t *testing.T, place func(*testing.T) string) {
	for role, want := range map[string]struct{ before, after State }{
		"RECEIVED":         {Received, NotSent},
		"SUBMITTING":       {Submitting, Uncertain},
		"WAITING":          {Waiting, Waiting},
		"in a transaction": {Received, NotSent},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			path := place(t)
			p := start(t, role, path)
			if line := p.line(t); line != "ready" {
				t.Fatal(line)
			}
			p.kill()
			l := opened(t, path)
			if r := get(t, l, key("r1")); r.State != want.before || r.Owner != "child" {
				t.Errorf("%+v", r)
			}
			recoverAll(t, l)
			r := get(t, l, key("r1"))
			if r.State != want.after || r.DocumentReferences[0] != "FA-one" {
				t.Errorf("recovered: %+v", r)
			}
			b, err := l.Begin(t.Context(), submission("r1", "one"), owner)
			if again := want.after == NotSent; err != nil || b.Existing == again {
				t.Errorf("repeated: %+v, %v", b, err)
			}
		})
	}
}

func TestWhatWasConfirmedOutlivesAKill(t *testing.T) {
	for name, place := range places() {
		t.Run(name, func(t *testing.T) { whatWasConfirmedOutlivesAKill(t, place(t)) })
	}
}

func whatWasConfirmedOutlivesAKill(t *testing.T, path string) {
	p := start(t, "work", path)
	last := p.line(t)
	for range 20 {
		last = p.line(t)
	}
	go func() {
		time.Sleep(5 * time.Millisecond) // in the midst of something
		_ = p.Process.Kill()
	}()
	for p.lines.Scan() {
		last = p.lines.Text()
	}
	_ = p.Wait()

	l := opened(t, path)
	recoverAll(t, l)
	var count int
	if _, err := fmt.Sscanf(last, "r%d", &count); err != nil {
		t.Fatal(last)
	}
	for i := range count + 1 {
		if r := get(t, l, key(fmt.Sprint("r", i))); r.State != Waiting || r.LoopRequestID != "loop-"+r.RequestID {
			t.Errorf("%+v", r)
		}
	}
	counts, err := l.CountByState(t.Context())
	if err != nil || counts[Received]+counts[Submitting] != 0 || counts[NotSent]+counts[Uncertain] > 1 {
		t.Errorf("%v, %v", counts, err)
	}
	t.Logf("%d were confirmed: %v", count+1, counts)
}

func TestALedgerBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	path := initialised(t)
	l := opened(t, path)
	_, err := Open(t.Context(), path)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("in the same process: %v", err)
	}
	elsewhere := filepath.Join(t.TempDir(), "link.db")
	testkit.OK(t, os.Symlink(path, elsewhere))
	for _, other := range []string{path, elsewhere} {
		p := start(t, "open", other)
		if line := p.line(t); !strings.Contains(line, "another process has the ledger open") {
			t.Errorf("another process at %s: %s", other, line)
		}
	}
	begin(t, l, submission("r1", "one")) // the lock is not lost by those attempts
	if line := start(t, "open", path).line(t); !strings.Contains(line, "another process has the ledger open") {
		t.Errorf("after a write: %s", line)
	}
	testkit.OK(t, l.Close())
	p := start(t, "open", path)
	if line := p.line(t); line != "ready" {
		t.Fatal(line)
	}
	p.kill()
	if _, err := opened(t, path).Get(t.Context(), key("r1")); err != nil {
		t.Error(err)
	}
}

func TestTheFileIsDurableAndPrivate(t *testing.T) {
	path := initialised(t)
	l := opened(t, path)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "locking_mode": "normal", "foreign_keys": "1", "busy_timeout": "500",
	} {
		var got string
		if err := l.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s: %v", pragma, got, err)
		}
	}
	begin(t, l, submission("r1", "one"))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) != 3 {
		t.Errorf("%v, %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestTheClockIsTheDatabases(t *testing.T) {
	l := temporary(t, nil)
	before := time.Now().Add(-time.Second)
	b := begin(t, l, submission("r1", "one"))
	if b.Created.Before(before) || b.Created.After(time.Now().Add(time.Second)) || !b.LeaseUntil.Equal(b.Created.Add(Lease)) {
		t.Errorf("%+v", b)
	}
}

func TestOpenNeverCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	_, err := Open(t.Context(), path)
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "server ledger init") || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
	for name, content := range map[string]string{"nothing.db": "", "text.db": strings.Repeat("not a database\n", 100)} {
		path := filepath.Join(t.TempDir(), name)
		testkit.OK(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := Open(t.Context(), path); !errors.Is(err, ErrNoLedger) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadFile(path); name == "text.db" && string(left) != content {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := Open(t.Context(), t.TempDir()); !errors.Is(err, ErrNoLedger) {
		t.Errorf("a folder: %v", err)
	}
}

func TestInitNeverReplaces(t *testing.T) {
	path := initialised(t)
	l := opened(t, path)
	begin(t, l, submission("r1", "one"))
	if err := Init(t.Context(), path); !errors.Is(err, ErrExists) {
		t.Errorf("in use: %v", err)
	}
	get(t, l, key("r1"))
	testkit.OK(t, l.Close())
	if err := Init(t.Context(), path); !errors.Is(err, ErrExists) {
		t.Errorf("closed: %v", err)
	}
	remains := filepath.Join(t.TempDir(), "ledger.db")
	testkit.OK(t, os.WriteFile(remains+"-wal", nil, 0o600))
	if err := Init(t.Context(), remains); !errors.Is(err, ErrExists) {
		t.Errorf("beside what a ledger left: %v", err)
	}
	if err := Init(t.Context(), filepath.Join(t.TempDir(), "no", "ledger.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	path = filepath.Join(t.TempDir(), "ledger.db")
	if err := Init(gone, path); err == nil {
		t.Error("given up, and done")
	}
	if err := Init(t.Context(), path); err != nil {
		t.Errorf("again after a failure: %v", err)
	}
}

// schemas are the migrations, to be added to.
func schemas(t *testing.T) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		text, err := migrations.ReadFile(name)
		testkit.OK(t, err)
		out[name] = &fstest.MapFile{Data: text}
	}
	return out
}

// upTo are the migrations of an older server.
func upTo(t *testing.T, version string) fstest.MapFS {
	t.Helper()
	out := schemas(t)
	maps.DeleteFunc(out, func(name string, _ *fstest.MapFile) bool { return path.Base(name) > version+"_~" })
	return out
}

func TestALedgerOfTheFirstServerIsBroughtUpToDate(t *testing.T) {
	file := olderFile(t, "00001", `INSERT INTO submission VALUES ('demo', 'r1', 1, 'SUCCEEDED', 'old', 0, 0, 'billing', 'ImportService.ImportEntries', 'CEGID001', 'ENTRIES',
		1, zeroblob(32), '', 1, 2, '120.00', '120.00', '2026-02-27', '2026-02-28', 'loop-1', '', '', '', 1, 0, 1, 1, 1, 1, 1)`)
	if r := get(t, opened(t, file), key("r1")); r.State != Succeeded || r.LoopRequestID != "loop-1" || r.LoopIDs != nil {
		t.Errorf("%+v", r)
	}
}

// olderFile is the ledger of an older server, with rows.
func olderFile(t *testing.T, version string, rows ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ledger.db")
	testkit.OK(t, os.WriteFile(file, nil, 0o600))
	db, err := openSQLite(file, true)
	testkit.OK(t, err)
	older(t, db, sqliteDialect(), version, append(rows, "PRAGMA application_id = "+strconv.Itoa(applicationID))...)
	testkit.OK(t, db.Close())
	return file
}

func older(t *testing.T, db *sql.DB, d dialect, version string, rows ...string) {
	t.Helper()
	testkit.OK(t, migrate(t.Context(), db, d, upTo(t, version)))
	for _, statement := range rows {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// beforeDossiers are rows as the servers made them whose ids belonged to the practice alone, one of each RPC.
func beforeDossiers(digest string) []string {
	row := func(id, rpc, dossier, format, references, more string) string {
		return `INSERT INTO submission VALUES ('demo', '` + id + `', 2, 'SUCCEEDED', 'old', 0, 0, 'billing', '` + rpc + `', '` + dossier + `', '` + format + `', 1, ` + digest + `, '` +
			references + `', 1, 2, '120.00', '120.00', '2026-02-27', '2026-02-28', '', '', '', '', 1, 0, 5000000, 6000000, 7000000, 6500000, 7000000, ` + more + `)`
	}
	return []string{
		row("i", "ImportService.ImportEntries", "CEGID001", "ENTRIES", `["FA-1"]`, `'', '{"FA-1":{"journals":["VTE"],"dates":["2026-02-27"]}}', '', '', ''`),
		row("f", "ImportService.ImportFile", "CEGID003", "FEC", ``, `'', '', '', '', '{"name":"a.txt"}'`),
		row("d", "DocumentService.StoreDocument", "CEGID001", "application/pdf", `["a.pdf"]`, `'{"id":"x"}', '', '', '', ''`),
		row("c", "RawService.Call", "", "POST /x", ``, `'', '', '', '', ''`),
		row("e", "RawService.Call", "CEGID001", "POST /x", ``, `'', '', '', '', ''`),
		`INSERT INTO document_reference VALUES ('demo', 'FA-1', 'i'), ('demo', 'a.pdf', 'd')`,
		`INSERT INTO deposit VALUES ('dep', 'demo', 'CEGID003', 'billing', 'FEC', 'a.txt', ` + digest + `, 7, 'uri', 1, 2, '1.00', '1.00', '2026-01-01', '2026-01-02', '{}', 1, 9)`,
	}
}

// Rows of a server whose ids belonged to the practice go on working under dossier and collection.
func TestRowsFromBeforeDossiersLiveOn(t *testing.T) { onEach(t, rowsFromBeforeDossiersLiveOn) }

func rowsFromBeforeDossiersLiveOn(t *testing.T, temporary opener) {
	var l *Ledger
	if temporary(t, nil).Shared() {
		dsn := at(pgtest.Shared(t).Database(t))
		db := openPostgres(dsn, nil)
		older(t, db, postgresDialect(), "00008", beforeDossiers(`decode(repeat('00', 32), 'hex')`)...)
		testkit.OK(t, db.Close())
		l = openedPostgres(t, dsn)
	} else {
		l = opened(t, olderFile(t, "00008", beforeDossiers(`zeroblob(32)`)...))
	}
	for id, k := range map[string]Key{
		"i": {"demo", "CEGID001", Imports, "i"}, "f": {"demo", "CEGID003", Imports, "f"}, "d": {"demo", "CEGID001", Documents, "d"},
		"c": {"demo", "", RawCalls, "c"}, "e": {"demo", "CEGID001", RawCalls, "e"},
	} {
		r := get(t, l, k)
		if r.Attempt != 2 || r.State != Succeeded || r.Fingerprint != (Fingerprint{Scheme: 1}) || r.Totals.Debit != "120.00" || micros(r.Created) != 5_000_000 || micros(r.Finished) != 7_000_000 {
			t.Errorf("%s: %+v", id, r)
		}
		// Its caller repeats it, after whatever change of the scheme.
		b, err := l.Begin(t.Context(), Submission{Key: k, Caller: r.Caller, Kind: r.Kind, Format: r.Format, Fingerprints: []Fingerprint{{Scheme: 7}, {Scheme: 1}}}, owner)
		if err != nil || !b.Existing {
			t.Errorf("%s again: %+v, %v", id, b, err)
		}
	}
	if r := get(t, l, Key{"demo", "CEGID001", Imports, "i"}); len(r.Clues) != 1 || len(r.DocumentReferences) != 1 {
		t.Errorf("%+v", r)
	}
	if r := get(t, l, Key{"demo", "CEGID003", Imports, "f"}); r.File == nil || r.File.Name != "a.txt" {
		t.Errorf("%+v", r)
	}
	found, _, err := l.List(t.Context(), Query{Collection: Imports, Practice: "demo", DocumentReference: "FA-1", Limit: 9})
	if err != nil || len(found) != 1 || found[0].RequestID != "i" {
		t.Errorf("by its reference: %v, %v", found, err)
	}
	if d, err := l.Deposit(t.Context(), "demo", "dep"); err != nil || d.FileName != "a.txt" {
		t.Errorf("%+v, %v", d, err)
	}
	// What the older server would ask or write next fails, so that it sends nothing and answers nothing of another dossier.
	for _, statement := range []string{
		`SELECT state FROM submission WHERE practice = 'demo' AND request_id = 'i'`, `UPDATE submission SET state = 'SUBMITTING'`,
		`DELETE FROM submission`, `INSERT INTO document_reference (practice, reference, request_id) VALUES ('demo', 'x', 'i')`, `SELECT * FROM deposit`,
	} {
		if _, err := l.db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("an older server can still do: %s", statement)
		}
	}
}

const (
	moreMigration = "migrations/90000_more.sql"
	lessMigration = "migrations/90001_less.sql"
)

// newerMigrations are those of a newer server.
func newerMigrations(t *testing.T) fstest.MapFS {
	t.Helper()
	out := schemas(t)
	out[moreMigration] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE write_request ADD COLUMN more TEXT NOT NULL DEFAULT 'x';\n")}
	return out
}

func TestSchemasGoForwardOnly(t *testing.T) {
	path := initialised(t)
	newer := newerMigrations(t)
	l := opened(t, path)
	before := begin(t, l, submission("r1", "one")).Record
	testkit.OK(t, migrate(t.Context(), l.db, l.dialect, newer))
	if got := get(t, l, key("r1")); !reflect.DeepEqual(got, before) {
		t.Errorf("%+v", got)
	}
	if err := migrate(t.Context(), l.db, l.dialect, newer); err != nil {
		t.Errorf("twice: %v", err)
	}
	testkit.OK(t, l.Close())
	// It only adds: an older server goes on, and changes nothing of it.
	l, err := Open(t.Context(), path)
	if err != nil {
		t.Fatalf("by an older server: %v", err)
	}
	begin(t, l, submission("r2", "two"))
	if again, err := l.Begin(t.Context(), submission("r1", "one"), owner); err != nil || !again.Existing {
		t.Errorf("by an older server: %+v, %v", again, err)
	}
	// Once something is taken away it does not.
	newer[lessMigration] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE write_request DROP COLUMN more;\nUPDATE schema_support SET least = 90001;\n")}
	testkit.OK(t, errors.Join(migrate(t.Context(), l.db, l.dialect, newer), l.Close()))
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Errorf("by a server that is too old: %v", err)
	}
	if _, err := SchemaOf(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Errorf("looked at by a server that is too old: %v", err)
	}
	// A migration that fails leaves the schema as it was.
	path = initialised(t)
	l = opened(t, path)
	newer[moreMigration].Data = append(newer[moreMigration].Data, "SELECT no_such_column FROM write_request;\n"...)
	if err := migrate(t.Context(), l.db, l.dialect, newer); err == nil {
		t.Error("a broken migration succeeded")
	}
	testkit.OK(t, l.Close())
	begin(t, opened(t, path), submission("r1", "one"))
}

// The text of the schema avoids what only one of the two databases knows.
func TestEveryStatementIsOfBothDatabases(t *testing.T) {
	for name, file := range schemas(t) {
		for _, word := range []string{"AUTOINCREMENT", "STRICT", "WITHOUT ROWID", "SERIAL", "JSONB", "TIMESTAMPTZ", "PRAGMA", "DATETIME("} {
			if strings.Contains(strings.ToUpper(string(file.Data)), word) {
				t.Errorf("%s: %s", name, word)
			}
		}
	}
}

func TestATemporaryLedgerLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	l, err := Temporary(t.Context(), nil)
	testkit.OK(t, err)
	begin(t, l, submission("r1", "one"))
	testkit.OK(t, l.Close())
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := l.Get(t.Context(), key("r1")); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("after Close: %v", err)
	}
}

// Queries whose cost grows with the ledger use an index.
func TestQueriesUseTheirIndex(t *testing.T) { onEach(t, queriesUseTheirIndex) }

func queriesUseTheirIndex(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	explain, primaryKey, depositKey, blob := "EXPLAIN QUERY PLAN ", "sqlite_autoindex_write_request_1", "sqlite_autoindex_file_deposit_1", `x'00'`
	if l.Shared() {
		explain, primaryKey, depositKey, blob = "EXPLAIN ", "Index Cond: ((practice = 'x'::text) AND (dossier = 'd'::text) AND (collection = 'imports'::text) AND (request_id = 'y'::text))", "deposit_pkey", `'\x00'`
		l.db.SetMaxOpenConns(1)
		for _, statement := range []string{
			"SET enable_seqscan = off", // which is quicker on few rows
			// On none they cost as much; see TestWhatIsOpenIsFoundWithoutTheRest and TestWhatIsOldIsFoundWithoutTheRest.
			"DROP INDEX write_request_open_newest, write_request_open_updated, write_request_age, write_request_contents",
		} {
			if _, err := l.db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	several := "write_request_content"
	if l.Shared() {
		several = "write_request_" // PostgreSQL goes by its statistics
	}
	for query, index := range map[string]string{
		`SELECT * FROM write_request WHERE practice = 'x' AND dossier = 'd' AND collection = 'imports' AND request_id = 'y'`:               primaryKey,
		literal(l.dialect.sameContent(1, false), "'x'", "'d'", "'imports'", "'y'", "1", blob, "1"):                                         "write_request_content",
		literal(l.dialect.sameContent(2, true), "'x'", "'d'", "'imports'", "'y'", "1", blob, "2", strings.Replace(blob, "0", "1", 1), "1"): several,
		`SELECT * FROM write_request WHERE collection = 'imports' AND practice = 'x' AND (created, practice, dossier, collection, request_id) < (1, 'x', 'd', 'c', 'y')
		 ORDER BY created DESC, practice DESC, dossier DESC, collection DESC, request_id DESC LIMIT 9`: "write_request_",
		`SELECT * FROM write_request WHERE collection = 'imports' AND (created, practice, dossier, collection, request_id) < (1, 'x', 'd', 'c', 'y')
		 ORDER BY created DESC, practice DESC, dossier DESC, collection DESC, request_id DESC LIMIT 9`: "write_request_newest",
		`SELECT * FROM write_request WHERE collection = 'imports' AND updated >= 1 AND (updated, practice, dossier, collection, request_id) > (1, 'x', 'd', 'c', 'y')
		 ORDER BY updated, practice, dossier, collection, request_id LIMIT 9`: "write_request_updated",
		`SELECT * FROM write_request WHERE state IN ('RECEIVED', 'SUBMITTING') ORDER BY lease_until`: "write_request_open",
		literal(followed.practices, "5"):                               "write_request_due",
		literal(followed.due, "'x'", "5", "9"):                         "write_request_due",
		literal(followed.ahead, "'x'", "5", "9"):                       "write_request_due",
		literal(followed.hasten, "5", "'x'"):                           "write_request_due",
		literal(doubtful.practices, "5"):                               "write_request_doubtful",
		literal(doubtful.due, "'x'", "5", "9"):                         "write_request_doubtful",
		literal(doubtful.ahead, "'x'", "5", "9"):                       "write_request_doubtful",
		literal(doubtful.hasten, "5", "'x'"):                           "write_request_doubtful",
		`SELECT MAX(updated) FROM write_request`:                       "write_request_updated",
		`SELECT * FROM file_deposit WHERE practice = 'x' AND id = 'y'`: depositKey,
		`DELETE FROM file_deposit WHERE expires < 1`:                   "deposit_age",
	} {
		plan := lines(t, l, explain+query)
		if !strings.Contains(plan, index) {
			t.Errorf("%s\n%s", query, plan)
		}
		if (index == "write_request_due" || index == "write_request_doubtful") && (strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort") || strings.Contains(plan, "SCAN write_request") || strings.Contains(plan, "Seq Scan on write_request")) {
			t.Errorf("it goes through all of them: %s\n%s", query, plan)
		}
	}
}

// literal puts values in the place of parameters.
func literal(query string, values ...string) string {
	for i, value := range values {
		query = strings.ReplaceAll(query, fmt.Sprint("$", i+1), value)
	}
	return query
}

// lines runs a query and returns its values as text, a row a line.
func lines(t *testing.T, l *Ledger, query string) string {
	t.Helper()
	rows, err := l.db.QueryContext(t.Context(), query)
	testkit.OK(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	testkit.OK(t, err)
	var out strings.Builder
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		testkit.OK(t, rows.Scan(into...))
		for i, column := range columns {
			fmt.Fprintf(&out, "%s=%v ", column, values[i])
		}
		out.WriteByte('\n')
	}
	testkit.OK(t, rows.Err())
	return out.String()
}

var (
	_ io.Closer = (*Ledger)(nil)
	_ querier   = (*sql.Tx)(nil)
)
