package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestCheckTellsADatabaseThatIsAwayFromOneThatIsNotFit: by its code, as serve does by starting for reads, or not at all.
func TestCheckTellsADatabaseThatIsAwayFromOneThatIsNotFit(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	w := newWorld(t)
	dsn := w.onPostgres(t, database)
	config := w.config(t)
	check := func(code int, says, fails string) {
		t.Helper()
		stdout, stderr, got := run(t, "check", "--config", config)
		if got != code || !strings.Contains(stdout, says) || !strings.Contains(stderr, fails) {
			t.Errorf("code %d, %s%s; want %d, %q and %q", got, stdout, stderr, code, says, fails)
		}
	}
	check(0, "configuration and policy: fine", "")
	w.write(t, "secrets/ledger", strings.Replace(dsn, "user=ledger", "user=nobody", 1))
	check(1, "", "ledger in the database of ${file:secrets/ledger}")
	w.write(t, "secrets/ledger", database.Database(t))
	check(1, "", "there is no ledger")
	w.write(t, "secrets/ledger", dsn)
	testkit.OK(t, database.Stop(syscall.SIGINT))
	check(2, "cannot be looked at now, and serve would start for reads alone: PostgreSQL cannot be reached", "server: the ledger cannot be reached")
	w.SetSubscriptionKeys("x", "y")
	check(2, "demo, advanced key: Loop's gateway rejects", "1 of 1 practices are not connected, and the ledger cannot be reached")
	testkit.OK(t, database.Start())
	check(2, "", "1 of 1 practices are not connected\n")
}

// TestMigrateIsAStepOfItsOwn: with a plan, on both databases, and again without harm.
func TestMigrateIsAStepOfItsOwn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	dsn := pgtest.Shared(t).Database(t)
	connection := filepath.Join(t.TempDir(), "dsn")
	testkit.OK(t, os.WriteFile(connection, []byte(dsn), 0o600))
	reference := "${file:" + connection + "}"
	for _, each := range []struct {
		name      string
		arguments []string
		missing   string
		init      func() error
	}{
		{"a file", []string{"--ledger", file}, "there is no ledger", func() error { return ledger.Init(t.Context(), file) }},
		{"PostgreSQL", []string{"--postgres", reference}, "there is no ledger", func() error { return ledger.InitPostgres(t.Context(), func() string { return dsn }) }},
	} {
		migrate := func(more ...string) (string, string, int) {
			return run(t, append(append([]string{"ledger", "migrate"}, each.arguments...), more...)...)
		}
		if out, said, code := migrate(); code != 1 || !strings.Contains(said, each.missing) {
			t.Errorf("%s, which is not there: code %d, %s%s", each.name, code, out, said)
		}
		testkit.OK(t, each.init())
		for _, more := range [][]string{{"--plan"}, {}} {
			if out, said, code := migrate(more...); code != 0 || !strings.Contains(out, "nothing to do") {
				t.Errorf("%s, up to date: code %d, %s%s", each.name, code, out, said)
			}
		}
	}
	w := newWorld(t)
	if out, said, code := run(t, "ledger", "migrate", "--plan", "--config", w.config(t)); code != 0 || !strings.Contains(out, "nothing to do") {
		t.Errorf("by the configuration: code %d, %s%s", code, out, said)
	}
	if text := planOf(ledger.Schema{Version: 15, Known: 18, Pending: []ledger.Step{{Version: 17, Name: "replicas"}, {Version: 18, Name: "schema support"}}}); text !=
		"the ledger has schema 15, and this version brings it to 18:\n  17 replicas\n  18 schema support\nservers of the schema before go on beside it\n" {
		t.Errorf("%s", text)
	}
	if text := planOf(ledger.Schema{Version: 9, Known: 18, Pending: []ledger.Step{{Version: 10, Name: "x"}}, StopAll: true}); !strings.Contains(text, "stop all servers first") {
		t.Errorf("%s", text)
	}
}

// TestAServerIsDirectedFromItsOwnMachine, by commands, since its image has neither shell nor curl.
func TestAServerIsDirectedFromItsOwnMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve(t, "")
	control := func(code int, holds string, arguments ...string) string {
		t.Helper()
		out, said, got := run(t, append(append([]string{"control"}, arguments...), "--address", p.operations)...)
		if got != code || !strings.Contains(out+said, holds) {
			t.Errorf("control %q: code %d, %s%s; want %d with %q", arguments, got, out, said, code, holds)
		}
		return out
	}
	control(0, "info\n", "log-level")
	control(0, "debug\n", "log-level", "debug")
	control(80, "", "log-level", "loud")
	shown := control(0, `"practices[demo].keys.advanced": "${file:secrets/demo}"`, "config")
	if strings.Contains(shown, secretCanary) || strings.Contains(shown, w.token) || strings.Contains(shown, dossier) {
		t.Errorf("it shows too much: %s", shown)
	}
	control(0, "drained\n", "drain")
	if code, text := probe(t, p, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "operator") {
		t.Errorf("drained: HTTP %d %s", code, text)
	}
	if code, text := ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+accounts, w.token, ""); code != http.StatusOK {
		t.Errorf("drained, a call: HTTP %d %s", code, text)
	}
	control(0, "serving\n", "undrain")
	if code, _ := probe(t, p, "/readyz"); code != http.StatusOK {
		t.Errorf("not drained any more: HTTP %d", code)
	}
	w.settings["log"] = "{level: warn}"
	w.config(t)
	control(0, "log.level: ", "reload")
	control(0, "warn\n", "log-level")
	w.settings["nonsense"] = "yes"
	w.config(t)
	control(1, "what was in force stays in force", "reload")
	delete(w.settings, "nonsense")
	w.config(t)
	for _, line := range []string{`"msg":"the configuration is in force","config_hash":"`, `"changes":["log.level: `, "as the operator asked"} {
		if !strings.Contains(p.log.String(), line) {
			t.Errorf("the log lacks %s", line)
		}
	}
	p.stop(t)
}
