package main

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// onPostgres keeps the ledger of a world in a database of its own, on a server that the test may end.
func (w *world) onPostgres(t *testing.T, server *pgtest.Server) (dsn string) {
	t.Helper()
	dsn = server.Database(t)
	testkit.OK(t, ledger.InitPostgres(t.Context(), func() string { return dsn }))
	w.write(t, "secrets/ledger", dsn)
	w.settings["ledger"] = `{postgres: "${file:secrets/ledger}"}`
	w.settings["replicas"] = "2"
	return dsn
}

func probe(t *testing.T, p *process, path string) (int, string) {
	t.Helper()
	return ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+path, "", "")
}

// TestAServerStartsForReadsWithoutItsDatabase: it is not ready for a while, so that a bad update stops; then it answers reads, and
// takes writes as soon as the database is there.
func TestAServerStartsForReadsWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	w := newWorld(t)
	w.onPostgres(t, database)
	w.settings["readiness"] = "{first_ledger: 3s}"
	testkit.OK(t, database.Stop(syscall.SIGINT))
	p := w.serve(t, "")
	if code, text := probe(t, p, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "has not been reached yet") {
		t.Errorf("at first it is ready: HTTP %d %s", code, text)
	}
	eventually(t, "ready for reads", func() bool { code, _ := probe(t, p, "/readyz"); return code == http.StatusOK })
	if code, text := probe(t, p, "/readyz?service=writes"); code != http.StatusServiceUnavailable {
		t.Errorf("it is ready for writes: HTTP %d %s", code, text)
	}
	if code, text := ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+accounts, w.token, ""); code != http.StatusOK {
		t.Errorf("a read: HTTP %d %s", code, text)
	}
	write := func(id string) (int, string) {
		return ask(t, http.DefaultClient, http.MethodPost, "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", id)
	}
	if code, text := write("FA-1"); code != http.StatusServiceUnavailable || !strings.Contains(text, "LEDGER_UNAVAILABLE") || !strings.Contains(text, "retryDelay") {
		t.Errorf("a write: HTTP %d %s", code, text)
	}
	if n := w.Count("/importJson"); n != 0 {
		t.Errorf("Loop was sent %d imports", n)
	}
	testkit.OK(t, database.Start())
	eventually(t, "ready for writes", func() bool { code, _ := probe(t, p, "/readyz?service=writes"); return code == http.StatusOK })
	if code, text := write("FA-1"); code != http.StatusOK {
		t.Errorf("the write, repeated: HTTP %d %s", code, text)
	}
	if !strings.Contains(p.log.String(), `"the ledger was reached, and is in use"`) {
		t.Error("the log does not tell of the ledger")
	}
	p.stop(t)
}

// TestReadinessOfAllWaitsForTheLedger: as it was, for those who want it.
func TestReadinessOfAllWaitsForTheLedger(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	w := newWorld(t)
	w.onPostgres(t, database)
	w.settings["readiness"] = "all"
	p := w.serve(t, "")
	eventually(t, "ready", func() bool { code, _ := probe(t, p, "/readyz"); return code == http.StatusOK })
	testkit.OK(t, database.Stop(syscall.SIGINT))
	eventually(t, "not ready", func() bool { code, _ := probe(t, p, "/readyz"); return code == http.StatusServiceUnavailable })
	testkit.OK(t, database.Start())
	eventually(t, "ready again", func() bool { code, _ := probe(t, p, "/readyz"); return code == http.StatusOK })
	p.stop(t)
}

// TestADatabaseThatAnswersAndIsNotFitEndsTheStart: no ledger in it, another program's tables, a wrong password.
func TestADatabaseThatAnswersAndIsNotFitEndsTheStart(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	for name, spoil := range map[string]struct {
		do   func(t *testing.T, dsn string) (changed string)
		says string
	}{
		"no ledger": {func(t *testing.T, _ string) string { return database.Database(t) }, "there is no ledger"},
		"another program's tables": {func(t *testing.T, _ string) string {
			dsn := database.Database(t)
			connection, err := pgx.Connect(t.Context(), dsn)
			if err == nil {
				_, err = connection.Exec(t.Context(), "CREATE TABLE goose_db_version (id BIGINT)")
				err = errors.Join(err, connection.Close(t.Context()))
			}
			testkit.OK(t, err)
			return dsn
		}, "the tables of the database are no ledger"},
		"a wrong password": {func(t *testing.T, dsn string) string {
			database.Execute(t, `CREATE USER somebody PASSWORD 'right'`)
			return strings.Replace(dsn, "user=ledger", "user=somebody password=wrong", 1)
		}, "password is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			dsn := spoil.do(t, w.onPostgres(t, database))
			testkit.OK(t, os.WriteFile(w.path("secrets/ledger"), []byte(dsn), 0o600))
			_, said, code := run(t, "serve", "--config", w.config(t))
			if code != 1 || !strings.Contains(said, spoil.says) {
				t.Errorf("code %d: %s", code, said)
			}
		})
	}
}
