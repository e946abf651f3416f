package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// database makes an empty ledger on PostgreSQL.
func database(t testing.TB) DSN {
	t.Helper()
	dsn := at(pgtest.Shared(t).Database(t))
	testkit.OK(t, InitPostgres(context.Background(), dsn))
	return dsn
}

func at(dsn string) DSN { return func() string { return dsn } }

func openedPostgres(t testing.TB, dsn DSN, options ...Option) *Ledger {
	t.Helper()
	l, err := OpenPostgres(context.Background(), dsn, options...)
	testkit.OK(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func onPostgres(t testing.TB, clock func() time.Time) *Ledger {
	t.Helper()
	l := openedPostgres(t, database(t))
	l.clock = clock
	return l
}

// doom makes a transaction fail when it commits.
func doom(w *writing) error {
	statements := []string{"PRAGMA defer_foreign_keys = 1", "INSERT INTO document_reference VALUES ('demo', 'D', 'imports', 'nobody', 'x')"}
	if w.Shared() {
		statements = []string{
			`CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'doomed'; END $$`,
			`CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON document_reference DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doom()`,
			`INSERT INTO document_reference VALUES ('demo', 'CEGID001', 'imports', 'r1', 'x')`,
		}
	}
	for _, statement := range statements {
		if _, err := w.tx.ExecContext(w.ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func TestADatabaseIsMadeALedgerOnceAndNeverByOpening(t *testing.T) {
	server := pgtest.Shared(t)
	dsn := at(server.Database(t))
	if _, err := OpenPostgres(t.Context(), dsn); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty database: %v", err)
	}
	if _, err := OpenPostgres(t.Context(), dsn); !errors.Is(err, ErrMissing) {
		t.Errorf("opening it has made something: %v", err)
	}
	var made, found int
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			err := InitPostgres(t.Context(), dsn)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case errors.Is(err, ErrTables):
				found++
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if made != 1 || found != 3 {
		t.Errorf("made by %d, found by %d", made, found)
	}
	l := openedPostgres(t, dsn)
	begin(t, l, submission("r1", "one"))
	if err := InitPostgres(t.Context(), dsn); !errors.Is(err, ErrTables) {
		t.Errorf("in use: %v", err)
	}
	get(t, l, key("r1"))

	for name, table := range map[string]string{"another's submissions": "submission", "another's migrations": "goose_db_version"} {
		foreign := at(server.Database(t))
		db := openPostgres(foreign, nil)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+table+" (id BIGINT)"); err != nil {
			t.Fatal(err)
		}
		testkit.OK(t, db.Close())
		if _, err := OpenPostgres(t.Context(), foreign); !errors.Is(err, ErrForeignTables) {
			t.Errorf("%s: %v", name, err)
		}
		if err := InitPostgres(t.Context(), foreign); !errors.Is(err, ErrTables) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	dsn := database(t)
	newer := newerMigrations(t)
	newer[moreMigration].Data = append(newer[moreMigration].Data, "SELECT pg_sleep(0.3);\n"...) // so that they meet
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			db := openPostgres(dsn, nil)
			if err := errors.Join(migrate(t.Context(), db, postgresDialect(), newer), db.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	begin(t, openedPostgres(t, dsn), submission("r1", "one")) // by a server of the schema before, to which nothing was taken away
	db := openPostgres(dsn, nil)
	newer[lessMigration] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE write_request DROP COLUMN more;\nUPDATE schema_support SET least = 90001;\n")}
	testkit.OK(t, errors.Join(migrate(t.Context(), db, postgresDialect(), newer), db.Close()))
	if _, err := OpenPostgres(t.Context(), dsn); !errors.Is(err, ErrNewer) {
		t.Errorf("by a server that is too old: %v", err)
	}
}

// TestSessionsAreAsTheLedgerNeedsThem, whatever the database's defaults are.
func TestSessionsAreAsTheLedgerNeedsThem(t *testing.T) {
	server := pgtest.Shared(t)
	dsn := database(t)
	name := dsn()[strings.LastIndex(dsn(), "=")+1:]
	for _, setting := range []string{"synchronous_commit = off", "default_transaction_isolation = serializable", "statement_timeout = 0", "lock_timeout = 0"} {
		server.Execute(t, "ALTER DATABASE "+name+" SET "+setting)
	}
	l := openedPostgres(t, dsn)
	for setting, want := range map[string]string{
		"synchronous_commit": "on", "statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s",
		"application_name": "loop-gateway",
	} {
		if got := lines(t, l, "SHOW "+setting); got != setting+"="+want+" \n" {
			t.Errorf("%s", got)
		}
	}
	err := l.write(t.Context(), func(w *writing) error {
		var isolation string
		if err := w.tx.QueryRowContext(w.ctx, "SHOW transaction_isolation").Scan(&isolation); err != nil {
			return err
		}
		if isolation != "read committed" {
			t.Errorf("transactions are %s", isolation)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOneOfManyServersWins(t *testing.T) {
	dsn := database(t)
	var servers []*Ledger
	for range 3 {
		servers = append(servers, openedPostgres(t, dsn))
	}
	for round := range 10 {
		var sameID, sameContent, errs int
		var mu sync.Mutex
		var wait sync.WaitGroup
		for i, l := range servers {
			for n := range 4 {
				who := fmt.Sprintf("server-%d-%d", i, n)
				wait.Go(func() {
					b, err := l.Begin(t.Context(), submission(fmt.Sprint("id-", round), fmt.Sprint("one-", round)), who)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
						errs++
					} else if !b.Existing {
						sameID++
					}
				})
				wait.Go(func() {
					_, err := l.Begin(t.Context(), submission(fmt.Sprintf("%s-%d", who, round), fmt.Sprint("two-", round)), who)
					mu.Lock()
					defer mu.Unlock()
					if _, duplicate := errors.AsType[*DuplicateError](err); err == nil {
						sameContent++
					} else if !duplicate {
						t.Error(err)
					}
				})
			}
		}
		wait.Wait()
		if sameID != 1 || sameContent != 1 {
			t.Errorf("%d may send the id, and %d the content", sameID, sameContent)
		}
	}
}

func TestRecoverOfASharedLedgerLeavesWhatMayLive(t *testing.T) {
	c := newClock()
	l := onPostgres(t, c.Now)
	received, sent := reach(t, l, submission("r1", "one"), Received), reach(t, l, submission("r2", "two"), Submitting)
	c.pass(Lease - time.Microsecond)
	if n, err := l.Recover(t.Context(), "server-2"); err != nil || n != (Recovered{}) {
		t.Errorf("under the lease: %+v, %v", n, err)
	}
	c.pass(time.Microsecond)
	if n, err := l.Recover(t.Context(), "server-2"); err != nil || n != (Recovered{NotSent: 1, Uncertain: 1}) {
		t.Errorf("over the lease: %+v, %v", n, err)
	}
	if a, b := get(t, l, received.Key), get(t, l, sent.Key); a.State != NotSent || b.State != Uncertain || !b.Abandoned {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestALeaseMayBeShorter(t *testing.T) {
	l := openedPostgres(t, database(t), WithLease(time.Minute))
	if b := begin(t, l, submission("r1", "one")); b.LeaseUntil.Sub(b.Received) != time.Minute {
		t.Errorf("%+v", b)
	}
}

func TestOneServerAsksAndAnotherTakesOver(t *testing.T) {
	c := newClock()
	dsn := database(t)
	first, second := openedPostgres(t, dsn), openedPostgres(t, dsn)
	first.clock, second.clock = c.Now, c.Now
	due := reach(t, first, submission("r1", "one"), Waiting)
	claim := func(l *Ledger, r Record, want bool) {
		t.Helper()
		if mine, err := l.Claim(t.Context(), about(r), 20*time.Second); err != nil || mine != want {
			t.Errorf("%t, %v", mine, err)
		}
	}
	var won int
	var mu sync.Mutex
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			mine, err := []*Ledger{first, second}[i%2].Claim(t.Context(), about(due), 20*time.Second)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if mine {
				won++
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d ask", won)
	}
	c.pass(20*time.Second - time.Microsecond)
	one := func(string) int { return 1 }
	if rows, next, err := second.Due(t.Context(), time.Hour, one); err != nil || len(rows) != 0 || next != time.Microsecond {
		t.Errorf("%v, %s, %v", rows, next, err)
	}
	claimed := get(t, second, due.Key)
	c.pass(time.Microsecond)
	if rows, _, err := second.Due(t.Context(), time.Hour, one); err != nil || len(rows) != 1 || rows[0].RequestID != "r1" {
		t.Errorf("%v, %v", rows, err)
	}
	claim(second, claimed, true)
	claim(first, claimed, false)
	follow(t, second, due, Progress{State: Succeeded})
	c.pass(time.Hour)
	claim(first, get(t, first, due.Key), false)

	alone := temporary(t, c.Now)
	r := reach(t, alone, submission("r1", "one"), Waiting)
	claim(alone, r, true)
	if got := get(t, alone, r.Key); !reflect.DeepEqual(got, r) {
		t.Errorf("a claim in a ledger of one process: %+v", got)
	}
}

func TestWhoWaitsLearnsWhatAnotherServerDid(t *testing.T) {
	dsn := database(t)
	mine, others := openedPostgres(t, dsn), openedPostgres(t, dsn)
	changed, cancel := mine.Subscribe(key("r1"))
	defer cancel()
	begin(t, others, submission("r1", "one"))
	for end := time.After(time.Minute); ; {
		select {
		case <-changed:
			if r, err := mine.Get(t.Context(), key("r1")); err == nil && r.State == Received {
				return
			}
		case <-end:
			t.Fatal("nobody told")
		}
	}
}

// canary is part of every secret here; nothing that is said may hold it.
const canary = "canary7"

func TestNoErrorShowsTheConnectionString(t *testing.T) {
	server := pgtest.Shared(t)
	database(t) // there is one
	server.Execute(t, "CREATE ROLE stranger LOGIN PASSWORD 'another'")
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	nobody := refusing.Addr().String()
	testkit.OK(t, refusing.Close())
	garbage := pgtest.Listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n" + canary))
	})
	host, port, _ := net.SplitHostPort(nobody)
	garbageHost, garbagePort, _ := net.SplitHostPort(garbage)
	for _, c := range []struct{ name, dsn, says string }{
		{"nothing", "", "names no database"},
		{"no connection string", canary, "no connection string"},
		{"another program's", "mysql://x:" + canary + "@localhost/x", "no connection string"},
		{"a slash in the password", "postgres://x:1/" + canary + "@localhost/x?sslmode=disable", ""},
		{"a number sign in the password", "postgres://x:1#" + canary + "@localhost/x?sslmode=disable", ""},
		{"a question mark in the password", "postgres://x:1?" + canary + "@localhost/x?sslmode=disable", ""},
		{"a password that looks like a host", "postgres://" + canary + ".invalid/x?sslmode=disable", "no such host"},
		{"a space in the password", "host=localhost password=x " + canary + " dbname=x", "no connection string"},
		{"an unknown key", "host=localhost dbname=x pasword=" + canary, "no connection string"},
		{"a service", "service=" + canary, "no connection string"},
		{"a port that is none", "postgres://x@localhost:" + canary + "/x?sslmode=disable", "no connection string"},
		{"no database", "postgres://x:" + canary + "@localhost?sslmode=disable", "names no database"},
		{"encryption is left open", "postgres://x:" + canary + "@localhost/x", "sslmode=verify-full"},
		{"encryption if possible", "postgres://x:" + canary + "@localhost/x?sslmode=prefer", "sslmode=verify-full"},
		{"a CA that is not there", "postgres://x:" + canary + "@localhost/x?sslmode=verify-full&sslrootcert=/nowhere/" + canary, "no connection string"},
		{"nobody listens", fmt.Sprintf("postgres://%s:%s@%s:%s/x?sslmode=disable", canary, canary, host, port), "connection refused"},
		{"no PostgreSQL listens", fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=disable", canary, canary, garbageHost, garbagePort, canary), "no connection to PostgreSQL"},
		{"no TLS there", fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=require", canary, canary, garbageHost, garbagePort, canary), "no connection to PostgreSQL"},
		{"no socket", "host=/nowhere/" + canary + " dbname=x", "no such file"},
		{"a wrong password", "host=" + server.Folder() + " user=stranger password=" + canary + " dbname=postgres", "the password is wrong"},
		{"no such user", "host=" + server.Folder() + " user=" + canary + " password=x dbname=postgres", "28P01"},
		{"no such database", "host=" + server.Folder() + " user=ledger dbname=" + canary, "no such database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, open := OpenPostgres(t.Context(), at(c.dsn))
			for name, err := range map[string]error{"Open": open, "Init": InitPostgres(t.Context(), at(c.dsn))} {
				if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), canary) {
					t.Errorf("%s: %v; want %q", name, err, c.says)
				}
			}
			if err := CheckPostgres(c.dsn); err != nil && strings.Contains(err.Error(), canary) {
				t.Error(err)
			}
		})
	}
	t.Run("what the environment would add", func(t *testing.T) {
		t.Setenv("PGPASSWORD", canary)
		err := CheckPostgres("postgres://x@localhost/x?sslmode=disable")
		if err == nil || !strings.Contains(err.Error(), "PGPASSWORD") || strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
	})
	for _, fine := range []string{
		"postgres://x:y%20z@localhost/x?sslmode=verify-full", "postgresql://x@/x?host=/run/postgresql",
		"host=one,two port=5432,5433 user=x password='y z' dbname=x sslmode=disable search_path=gateway", "host=/run/postgresql user=x dbname=x",
	} {
		if err := CheckPostgres(fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// TestAPasswordIsRotatedWithoutARestart: new connections read the connection string again.
func TestAPasswordIsRotatedWithoutARestart(t *testing.T) {
	server := pgtest.Shared(t)
	server.Execute(t, "CREATE ROLE gateway LOGIN PASSWORD 'old'")
	admin := server.Database(t)
	name := admin[strings.LastIndex(admin, "=")+1:]
	server.Execute(t, "ALTER DATABASE "+name+" OWNER TO gateway")
	password := "old"
	dsn := func() string {
		return "host=" + server.Folder() + " user=gateway password=" + password + " dbname=" + name
	}
	testkit.OK(t, InitPostgres(t.Context(), dsn))
	l := openedPostgres(t, dsn)
	b := begin(t, l, submission("r1", "one"))
	server.Execute(t, "ALTER ROLE gateway PASSWORD 'new'")
	submitting(t, l, b) // over the connection that there is
	password = "new"
	l.db.SetMaxIdleConns(0) // closes it
	settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-1"})
	password = "wrong"
	if _, err := l.Get(t.Context(), b.Key); err == nil || !strings.Contains(err.Error(), "the password is wrong") {
		t.Errorf("%v", err)
	}
}

// wired opens a ledger over a wire.
func wired(t *testing.T, dsn DSN) (*Ledger, *pgtest.Wire) {
	t.Helper()
	w := pgtest.NewWire(t, pgtest.Shared(t))
	return openedPostgres(t, dsn, func(l *Ledger) {
		if err := l.db.Close(); err != nil {
			t.Error(err)
		}
		l.db = openPostgres(at(w.DSN(dsn())), map[string]string{"idle_in_transaction_session_timeout": "1s"})
		l.dialect.limit = time.Second
	}), w
}

func TestNothingHangsOnADeadNetwork(t *testing.T) {
	dsn := database(t)
	for _, c := range []struct {
		name  string
		word  string
		do    func(l *Ledger, id string) error
		wants error
	}{
		{"a query", "SELECT practice", func(l *Ledger, id string) error { _, err := l.Get(context.Background(), key(id)); return err }, ErrSilent},
		{"a transaction's beginning", "begin", func(l *Ledger, id string) error {
			_, err := l.Begin(context.Background(), submission(id, id), owner)
			return err
		}, ErrSilent},
		{"a transaction", "INSERT", func(l *Ledger, id string) error {
			_, err := l.Begin(context.Background(), submission(id, id), owner)
			return err
		}, ErrSilent},
		{"a commit", pgtest.Commit, func(l *Ledger, id string) error {
			_, err := l.Begin(context.Background(), submission(id, id), owner)
			return err
		}, ErrCommit},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, w := wired(t, dsn)
			if _, err := l.CountByState(t.Context()); err != nil { // it is connected
				t.Fatal(err)
			}
			w.Does(pgtest.Once(c.word, pgtest.Swallow))
			id := strings.ReplaceAll(c.name, " ", "-")
			began := time.Now()
			err := c.do(l, id)
			if !errors.Is(err, c.wants) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v; want %v", err, c.wants)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("after %s", took)
			}
			// The next one goes over another connection, once the database has noticed that the first is dead.
			for again := time.Now(); ; time.Sleep(100 * time.Millisecond) {
				if _, err = l.Begin(t.Context(), submission(id, id), owner); err == nil || time.Since(again) > idleLimit {
					break
				}
			}
			if err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	t.Run("a caller who gives up", func(t *testing.T) {
		l, w := wired(t, dsn)
		w.Does(func([]byte, []byte) pgtest.Treatment { return pgtest.Swallow })
		l.db.SetMaxIdleConns(0)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := l.Begin(ctx, submission("given-up", "x"), owner); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrSilent) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a database that takes connections and says nothing", func(t *testing.T) {
		t.Parallel()
		host, port, _ := net.SplitHostPort(pgtest.Listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }))
		began := time.Now()
		_, err := OpenPostgres(context.Background(), at("host="+host+" port="+port+" user=x dbname=x sslmode=disable"))
		if err == nil || !strings.Contains(err.Error(), "does not answer in time") {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*connectLimit {
			t.Errorf("after %s", took)
		}
	})
}

func TestACommitThatIsNotConfirmedMayHaveBeenStored(t *testing.T) {
	l, w := wired(t, database(t))
	w.Does(pgtest.CommitOf("r1", pgtest.CutAfter))
	if _, err := l.Begin(t.Context(), submission("r1", "one"), owner); !errors.Is(err, ErrCommit) {
		t.Errorf("%v", err)
	}
	b, err := l.Begin(t.Context(), submission("r1", "one"), "server-2")
	if err != nil || !b.Existing || b.State != Received || b.Owner != owner {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestADatabaseThatRestartsLosesNothing(t *testing.T) {
	server := pgtest.New(t)
	dsn := at(server.Database(t))
	testkit.OK(t, InitPostgres(t.Context(), dsn))
	l := openedPostgres(t, dsn)
	for i, how := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGINT} {
		id := fmt.Sprint("r", i)
		b := begin(t, l, submission(id, id))
		submitting(t, l, b)
		testkit.OK(t, server.Stop(how))
		if _, err := l.Settle(t.Context(), b.Key, 1, owner, Outcome{State: Waiting, LoopRequestID: "loop-1"}); err == nil || errors.Is(err, ErrLost) {
			t.Errorf("while it is away: %v", err)
		}
		testkit.OK(t, server.Start())
		if r := settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-1"}); r.State != Waiting || r.Submitted.IsZero() {
			t.Errorf("%+v", r)
		}
	}
}

// TestAFrozenServerDoesNotKeepOthersWaiting: it holds a row in the middle of a transaction, and says nothing any more.
func TestAFrozenServerDoesNotKeepOthersWaiting(t *testing.T) {
	dsn := database(t)
	p := start(t, "in a transaction", dsn())
	if line := p.line(t); line != "ready" {
		t.Fatal(line)
	}
	l := openedPostgres(t, dsn, func(l *Ledger) { l.dialect.limit = time.Second })
	if _, err := l.Settle(t.Context(), key("r1"), 1, "child", Outcome{State: NotSent}); !errors.Is(err, ErrSilent) {
		t.Errorf("while the row is held: %v", err)
	}
	// The database takes back its locks by itself (idle_in_transaction_session_timeout); here it is told to.
	if _, err := l.db.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'`); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Settle(t.Context(), key("r1"), 1, "child", Outcome{State: NotSent}); err != nil || r.State != NotSent {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

// TestIndexesDoNotDependOnALanguage whose order an update of the operating system may change.
func TestIndexesDoNotDependOnALanguage(t *testing.T) {
	l := onPostgres(t, nil)
	found := lines(t, l, `SELECT c.relname::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid IN ('write_request'::regclass, 'document_reference'::regclass)
		AND EXISTS (SELECT 1 FROM unnest(i.indcollation) AS each WHERE each NOT IN (0, '"C"'::regcollation))`)
	if found != "" {
		t.Errorf("%s", found)
	}
	for _, id := range []string{"b", "A", "a", "B", "_", "-"} {
		begin(t, l, submission(id, id))
	}
	if order := lines(t, l, `SELECT string_agg(request_id, '' ORDER BY request_id) AS ids FROM write_request`); order != "ids=-AB_ab \n" {
		t.Errorf("%s", order)
	}
}
