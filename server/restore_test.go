package main

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// killBeforeSubmitting makes the server kill itself in the transaction that says SUBMITTING, before its commit.
const killBeforeSubmitting = "GATEWAY_TEST_KILL_BEFORE_SUBMITTING"

func killOnDemand() {
	if os.Getenv(killBeforeSubmitting) == "" {
		return
	}
	sqlite.MustRegisterScalarFunction("kill_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		_, err := conn.ExecContext(context.Background(),
			`CREATE TEMP TRIGGER killing BEFORE UPDATE ON main.write_request WHEN NEW.state = 'SUBMITTING' BEGIN SELECT kill_now(); END`, nil)
		return err
	})
}

// audited is a world whose audit goes to a file.
func audited(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.settings["audit"] = "{file: audit.log}"
	return w
}

// records are those of the audit, or of one event.
func (w *world) records(t *testing.T, event string) (out []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(w.path("audit.log"))
	testkit.OK(t, err)
	for line := range strings.Lines(string(text)) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("no record: %q", line)
		}
		if event == "" || record["event"] == event {
			out = append(out, record)
		}
	}
	return out
}

func (w *world) copy(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(w.path(from))
	testkit.OK(t, err)
	testkit.OK(t, os.WriteFile(w.path(to), content, 0o600))
}

// sent counts how often Loop was sent a document.
func (w *world) sent(id string) (n int) {
	for _, each := range w.Imports() {
		if slices.Contains(each.RefPieces, id) {
			n++
		}
	}
	return n
}

// rest makes calls of one server over REST.
type rest struct {
	*testing.T
	*world
	process *process
	web     http.Client
	at      string
}

func (w *world) rest(t *testing.T, p *process) *rest {
	r := &rest{T: t, world: w, process: p, web: http.Client{Transport: &http.Transport{}}, at: "http://" + p.http}
	t.Cleanup(r.web.CloseIdleConnections)
	return r
}

const importsOfDossier = "/v1/practices/demo/dossiers/CEGID001/imports"

func (r *rest) push(id string) (code int, text string) {
	return ask(r.T, &r.web, "POST", r.at+importsOfDossier, r.token, strings.ReplaceAll(purchase, "FA-1", id), "Idempotency-Key", id, "X-Request-Id", "call-of-"+id)
}

// TestARestoredLedgerSendsNothingTwice: a ledger is put back, by a backup or with its volume, that knows nothing of an import.
// The server notices, sends nothing until the audit has told what was forgotten, and knows it from then on.
func TestARestoredLedgerSendsNothingTwice(t *testing.T) {
	for name, keep := range map[string]func(*testing.T, *world){
		"by a backup": func(t *testing.T, w *world) {
			if _, said, code := run(t, "ledger", "backup", "--ledger", w.path("ledger.db"), "--to", w.path("kept.db")); code != 0 {
				t.Fatal(said)
			}
		},
		"with its volume": func(t *testing.T, w *world) { w.copy(t, "ledger.db", "kept.db") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := audited(t)
			p := w.serve(t, "")
			if code, text := w.rest(t, p).push("FA-1"); code != http.StatusOK {
				t.Fatal(code, text)
			}
			p.stop(t)
			keep(t, w)
			p = w.serve(t, "")
			if code, text := w.rest(t, p).push("FA-2"); code != http.StatusOK {
				t.Fatal(code, text)
			}
			w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultCutAfter, Times: 1})
			if code, text := w.rest(t, p).push("FA-4"); code == http.StatusOK || !strings.Contains(text, `"OUTCOME_UNKNOWN"`) {
				t.Fatal(code, text)
			}
			p.stop(t)
			w.copy(t, "kept.db", "ledger.db") // its -wal is gone with the last server

			p = w.serve(t, "")
			r := w.rest(t, p)
			for range 2 {
				if code, text := r.push("FA-2"); code != http.StatusServiceUnavailable || !strings.Contains(text, `"LEDGER_UNAVAILABLE"`) {
					t.Errorf("a repeat to the restored ledger is answered %d %s", code, text)
				}
			}
			eventually(t, "no writes", func() bool {
				code, text := ask(t, &r.web, "GET", r.at+"/readyz?service=writes", "", "")
				return code == http.StatusServiceUnavailable && strings.Contains(text, "older than its audit")
			})
			if code, text := ask(t, &r.web, "GET", r.at+importsOfDossier+"/FA-1", w.token, ""); code != http.StatusOK {
				t.Errorf("what it knows is answered %d %s", code, text)
			}
			for _, path := range []string{"/FA-2", ""} { // which it has forgotten
				if code, text := ask(t, &r.web, "GET", r.at+importsOfDossier+path, w.token, ""); code != http.StatusServiceUnavailable || !strings.Contains(text, `"LEDGER_UNAVAILABLE"`) {
					t.Errorf("GET %s is answered %d %s", path, code, text)
				}
			}
			p.stop(t)
			if w.sent("FA-2") != 1 {
				t.Fatalf("Loop was sent it %d times", w.sent("FA-2"))
			}

			restore := []string{"ledger", "restore", "--ledger", w.path("ledger.db"), "--audit", w.path("audit.log")}
			out, said, code := run(t, restore...)
			if code != 0 || !strings.Contains(out, "2 that it had forgotten are UNCERTAIN") || strings.Count(out, "FA-2") != 1 || strings.Count(out, "FA-4") != 1 || strings.Contains(out, "FA-1 ") {
				t.Fatalf("restore: %d %s %s", code, out, said)
			}
			if out, said, code := run(t, restore...); code != 0 || !strings.Contains(out, "; 0 that it had forgotten") {
				t.Errorf("once more: %d %s %s", code, out, said)
			}

			p = w.serve(t, "")
			r = w.rest(t, p)
			// Of one the audit has Loop's id, by which Loop is asked; of the other nothing is known to look for.
			eventually(t, "Loop's answer about FA-2", func() bool {
				_, text := r.push("FA-2")
				return strings.Contains(text, "IMPORT_STATE_SUCCEEDED")
			})
			if code, text := r.push("FA-4"); code == http.StatusOK || !strings.Contains(text, `"OUTCOME_UNKNOWN"`) {
				t.Errorf("a repeat of FA-4 is answered %d %s", code, text)
			}
			code, text := ask(t, &r.web, "POST", r.at+importsOfDossier+"/FA-4:resolve", w.token, `{"check": {}}`)
			if code != http.StatusOK || !strings.Contains(text, "INCONCLUSIVE") || !strings.Contains(text, "REFERENCE_ABSENT") {
				t.Errorf("a look for FA-4 is answered %d %s", code, text)
			}
			for _, id := range []string{"FA-1", "FA-3"} {
				if code, text := r.push(id); code != http.StatusOK {
					t.Errorf("%s is answered %d %s", id, code, text)
				}
			}
			p.stop(t)
			for _, id := range []string{"FA-1", "FA-2", "FA-3", "FA-4"} {
				if n := w.sent(id); n != 1 {
					t.Errorf("Loop was sent %s %d times", id, n)
				}
			}
			if _, said, code := run(t, "audit", "verify", w.path("audit.log")); code != 0 {
				t.Errorf("the audit of all these servers: %s", said)
			}
		})
	}
}

// TestACrashBetweenRecordAndCommitIsNoRestore: the audit says that it was about to be sent, the ledger does not, and nothing
// was.
func TestACrashBetweenRecordAndCommitIsNoRestore(t *testing.T) {
	t.Parallel()
	w := audited(t)
	cmd := command(t, "serve", "--config", w.config(t))
	cmd.Env = append(cmd.Env, killBeforeSubmitting+"=1")
	p := w.started(t, cmd, "")
	r := w.rest(t, p)
	go func() { // its server dies
		request, err := http.NewRequest("POST", r.at+importsOfDossier, strings.NewReader(purchase))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header = http.Header{"Authorization": {"Bearer " + w.token}, "Idempotency-Key": {"FA-1"}}
		if response, err := r.web.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("it was not killed")
	}
	if n := len(w.records(t, "submitting")); n != 1 || w.sent("FA-1") != 0 {
		t.Fatalf("%d records, and Loop was sent it %d times", n, w.sent("FA-1"))
	}
	p = w.serve(t, "")
	if code, text := w.rest(t, p).push("FA-1"); code != http.StatusOK {
		t.Errorf("after the crash a repeat is answered %d %s", code, text)
	}
	p.stop(t)
	if n := w.sent("FA-1"); n != 1 {
		t.Errorf("Loop was sent it %d times", n)
	}
	attempts := ""
	for _, each := range w.records(t, "submitting") {
		attempts += fmt.Sprint(each["attempt"], " ")
	}
	if attempts != "1 2 " {
		t.Errorf("attempts %s are in the audit", attempts)
	}
}

// TestWhatTheAuditCannotTellOfIsNotSent: it is NOT_SENT, and sent once the audit can be written again.
func TestWhatTheAuditCannotTellOfIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings["audit"] = "{file: audit/audit.log}"
	testkit.OK(t, os.Mkdir(w.path("audit"), 0o700))
	p := w.serve(t, "")
	r := w.rest(t, p)
	testkit.OK(t, os.Rename(w.path("audit"), w.path("elsewhere")))
	time.Sleep(1100 * time.Millisecond) // within a second it is not looked for
	code, text := r.push("FA-1")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, `"LEDGER_UNAVAILABLE"`) || w.sent("FA-1") != 0 {
		t.Errorf("it is answered %d %s, and Loop was sent it %d times", code, text, w.sent("FA-1"))
	}
	if code, text := ask(t, &r.web, "GET", r.at+importsOfDossier+"/FA-1", w.token, ""); code != http.StatusOK || !strings.Contains(text, "NOT_SENT") {
		t.Errorf("it stands as %d %s", code, text)
	}
	testkit.OK(t, os.Rename(w.path("elsewhere"), w.path("audit")))
	time.Sleep(1100 * time.Millisecond)
	if code, text := r.push("FA-1"); code != http.StatusOK || w.sent("FA-1") != 1 {
		t.Errorf("then it is answered %d %s, and Loop was sent it %d times", code, text, w.sent("FA-1"))
	}
	p.stop(t)
}

// TestRecordsOfOneWriteShareAnId: what was about to be sent, how it ended, and the call that it came by.
func TestRecordsOfOneWriteShareAnId(t *testing.T) {
	t.Parallel()
	w := audited(t)
	p := w.serve(t, "")
	r := w.rest(t, p)
	for _, id := range []string{"FA-1", "FA-2"} {
		if code, text := r.push(id); code != http.StatusOK {
			t.Fatal(code, text)
		}
	}
	ask(t, &r.web, "GET", r.at+accounts, w.token, "")
	p.stop(t)
	writes := map[any]string{}
	calls := map[any]string{}
	for _, each := range w.records(t, "") {
		event := fmt.Sprint(each["event"], " ")
		if each["event"] != "done" {
			writes[each["write"]] += event
			if each["write"] == nil || each["write"] == "" {
				t.Errorf("%v", each)
			}
		}
		calls[each["request_id"]] += event
		if each["by"] != "token" || each["caller"] != "billing" {
			t.Errorf("who: %v", each)
		}
	}
	if len(writes) != 2 || len(calls) != 2 {
		t.Errorf("writes %v, calls %v", writes, calls)
	}
	for _, events := range writes {
		if events != "submitting submitted " {
			t.Errorf("a write has the records %s", events)
		}
	}
	for _, events := range calls {
		if events != "submitting submitted done " {
			t.Errorf("a call has the records %s", events)
		}
	}
	// All that a restore needs, and no more: neither references nor what entries are told by.
	submitting := w.records(t, "submitting")[1]
	const all = "attempt by caller chain collection commit content credit debit dossier entries event first_date format hash import kind last_date level lines msg practice previous " +
		"request_id rpc scheme sequence time write"
	if keys := slices.Sorted(maps.Keys(submitting)); strings.Join(keys, " ") != all {
		t.Errorf("the record has %q", keys)
	}
	for key, value := range submitting {
		if value == nil || value == "" {
			t.Errorf("the record lacks %s: %v", key, submitting)
		}
	}
	for _, line := range p.lines(t) {
		if line["msg"] == "call" && line["by"] != "token" {
			t.Errorf("a call does not say how its caller is known: %v", line)
		}
		if line["msg"] == "the audit goes to a stream, which a crash cuts short: a ledger that was put back from a copy is not noticed; set audit.file" {
			t.Error("it warns of a stream")
		}
	}
}

// TestServeWarnsOfAnAuditInAStream: of one that may be lost.
func TestServeWarnsOfAnAuditInAStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve(t, "")
	p.stop(t)
	if !slices.ContainsFunc(p.lines(t), func(line map[string]any) bool {
		return line["level"] == "WARN" && strings.HasPrefix(fmt.Sprint(line["msg"]), "the audit goes to a stream")
	}) {
		t.Errorf("no warning: %s", p.log.String())
	}
}

// TestADamagedAuditRestoresNothing unless somebody says that it is to.
func TestADamagedAuditRestoresNothing(t *testing.T) {
	t.Parallel()
	w := audited(t)
	p := w.serve(t, "")
	r := w.rest(t, p)
	w.copy(t, "ledger.db", "kept.db")
	for _, id := range []string{"FA-1", "FA-2"} {
		if code, text := r.push(id); code != http.StatusOK {
			t.Fatal(code, text)
		}
	}
	p.stop(t)
	lines := strings.SplitAfter(func() string { text, _ := os.ReadFile(w.path("audit.log")); return string(text) }(), "\n")
	w.write(t, "changed.log", strings.Replace(strings.Join(lines, ""), "FA-1", "FA-7", 1))
	w.write(t, "missing.log", strings.Join(slices.Delete(slices.Clone(lines), 1, 2), ""))
	w.write(t, "moved.log", lines[1]+lines[0]+strings.Join(lines[2:], ""))
	w.write(t, "late.log", strings.Join(lines[3:], ""))
	for _, name := range []string{"changed", "missing", "moved"} {
		if _, said, code := run(t, "audit", "verify", w.path(name+".log")); code != 1 || !strings.Contains(said, "damaged") {
			t.Errorf("%s: verify ends with %d %s", name, code, said)
		}
	}
	for _, name := range []string{"changed", "missing", "moved", "late"} {
		for flag, want := range map[string]int{"": 1, "--damaged": 0} {
			testkit.OK(t, os.RemoveAll(w.path("one.db")))
			if _, said, code := run(t, "ledger", "init", "--ledger", w.path("one.db")); code != 0 {
				t.Fatal(said)
			}
			arguments := []string{"ledger", "restore", "--ledger", w.path("one.db"), "--audit", w.path(name + ".log")}
			if flag != "" {
				arguments = append(arguments, flag)
			}
			if out, said, code := run(t, arguments...); code != want {
				t.Errorf("%s %s: restore ends with %d %s %s", name, flag, code, out, said)
			}
		}
	}
	w.write(t, "empty.log", "")
	w.write(t, "other.log", "no record\n")
	for _, name := range []string{"empty", "other"} {
		if _, said, code := run(t, "audit", "verify", w.path(name+".log")); code != 1 || !strings.Contains(said, "no record of an audit") {
			t.Errorf("%s: verify ends with %d %s", name, code, said)
		}
	}
	out, said, code := run(t, "audit", "verify", w.path("audit.log"))
	if code != 0 {
		t.Fatal(said)
	}
	hash := out[strings.LastIndex(out, " ")+1 : len(out)-1]
	if _, said, code := run(t, "audit", "verify", "--holds", hash, w.path("audit.log")); code != 0 {
		t.Errorf("%s: %s", hash, said)
	}
	w.write(t, "short.log", strings.Join(lines[:len(lines)-2], ""))
	if _, said, code := run(t, "audit", "verify", "--holds", hash, w.path("short.log")); code != 1 || !strings.Contains(said, hash) {
		t.Errorf("without the newest record verify ends with %d %s", code, said)
	}
}

// TestARestoreMissesTheFilesBefore: the audit was rotated while no server ran, so that the newest file has a chain of its own.
func TestARestoreMissesTheFilesBefore(t *testing.T) {
	t.Parallel()
	w := audited(t)
	push := func(id string) {
		p := w.serve(t, "")
		if code, text := w.rest(t, p).push(id); code != http.StatusOK {
			t.Fatal(code, text)
		}
		p.stop(t)
	}
	push("FA-1")
	w.copy(t, "ledger.db", "kept.db")
	push("FA-2")
	testkit.OK(t, os.Rename(w.path("audit.log"), w.path("audit.log.1")))
	w.copy(t, "ledger.db", "between.db")
	push("FA-3")
	w.copy(t, "kept.db", "ledger.db")
	restore := func(files ...string) (out, said string, code int) {
		arguments := []string{"ledger", "restore", "--ledger", w.path("ledger.db")}
		for _, each := range files {
			arguments = append(arguments, "--audit", w.path(each))
		}
		return run(t, arguments...)
	}
	if out, said, code := restore("audit.log"); code != 1 || !strings.Contains(said, "give the files before, too") {
		t.Errorf("with the last file alone: %d %s %s", code, out, said)
	}
	if out, said, code := restore("audit.log.1", "audit.log"); code != 0 || !strings.Contains(out, "FA-2") || !strings.Contains(out, "FA-3") {
		t.Errorf("with both: %d %s %s", code, out, said)
	}
	w.copy(t, "between.db", "ledger.db")
	if out, said, code := restore("audit.log"); code != 0 || strings.Contains(out, "FA-2") || !strings.Contains(out, "FA-3") {
		t.Errorf("of a copy from when the last file was begun: %d %s %s", code, out, said)
	}
}

// TestARestoreReadsTheAuditOfEachServer: two servers on one PostgreSQL have an audit each, in whichever order their files are
// given. The last attempt of a write may be in the other file than the one before it.
func TestARestoreReadsTheAuditOfEachServer(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{"one and two": {"one.log", "two.log"}, "two and one": {"two.log", "one.log"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			database := pgtest.Shared(t)
			dsn := w.onPostgres(t, database)
			ours := dsn[strings.LastIndex(dsn, "=")+1:]
			both := func() (one, two *rest) {
				var out []*rest
				for _, name := range []string{"one", "two"} {
					w.settings["audit"] = "{file: " + name + ".log}"
					testkit.OK(t, os.Rename(w.config(t), w.path(name+".yaml")))
					p := w.started(t, command(t, "serve", "--config", w.path(name+".yaml")), "")
					out = append(out, w.rest(t, p))
				}
				return out[0], out[1]
			}
			stop := func(servers ...*rest) {
				for _, each := range servers {
					each.process.stop(t)
				}
			}
			one, two := both()
			for id, at := range map[string]*rest{"FA-1": one, "FA-2": two} {
				if code, text := at.push(id); code != http.StatusOK {
					t.Fatal(code, text)
				}
			}
			stop(one, two)
			database.Execute(t, "CREATE DATABASE "+ours+"_kept TEMPLATE "+ours)

			one, two = both()
			for id, at := range map[string]*rest{"FA-3": one, "FA-4": two} {
				if code, text := at.push(id); code != http.StatusOK {
					t.Fatal(code, text)
				}
			}
			w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultStatus, Status: http.StatusNotFound, Times: 1})
			if code, text := one.push("FA-5"); code == http.StatusOK || !strings.Contains(text, `"NOT_SENT"`) {
				t.Fatal(code, text)
			}
			w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultCutAfter, Times: 1})
			if code, text := two.push("FA-5"); code == http.StatusOK || !strings.Contains(text, `"OUTCOME_UNKNOWN"`) {
				t.Fatal(code, text)
			}
			stop(one, two)
			sent := w.sent("FA-5")
			database.Execute(t, "DROP DATABASE "+ours)
			database.Execute(t, "CREATE DATABASE "+ours+" TEMPLATE "+ours+"_kept")

			one, two = both()
			for id, at := range map[string]*rest{"FA-3": two, "FA-4": one} {
				if code, text := at.push(id); code != http.StatusServiceUnavailable || !strings.Contains(text, `"LEDGER_UNAVAILABLE"`) {
					t.Errorf("a repeat of %s to the restored ledger is answered %d %s", id, code, text)
				}
			}
			stop(one, two)
			restore := []string{"ledger", "restore", "--postgres", "${file:" + w.path("secrets/ledger") + "}", "--audit", w.path(files[0]), "--audit", w.path(files[1])}
			out, said, code := run(t, restore...)
			if code != 0 || !strings.Contains(out, "3 that it had forgotten are UNCERTAIN") {
				t.Fatalf("restore: %d %s %s", code, out, said)
			}
			for id, times := range map[string]int{"FA-1": 0, "FA-2": 0, "FA-3": 1, "FA-4": 1, "FA-5": 1} {
				if strings.Count(out, id) != times {
					t.Errorf("%s is not listed %d times: %s", id, times, out)
				}
			}
			if out, said, code := run(t, restore...); code != 0 || !strings.Contains(out, "; 0 that it had forgotten") {
				t.Errorf("once more: %d %s %s", code, out, said)
			}

			one, two = both()
			for id, at := range map[string]*rest{"FA-3": two, "FA-4": one} {
				eventually(t, "Loop's answer about "+id, func() bool {
					_, text := at.push(id)
					return strings.Contains(text, "IMPORT_STATE_SUCCEEDED")
				})
			}
			for _, at := range []*rest{one, two} {
				if code, text := at.push("FA-5"); code == http.StatusOK || !strings.Contains(text, `"OUTCOME_UNKNOWN"`) {
					t.Errorf("a repeat of FA-5 is answered %d %s", code, text)
				}
			}
			stop(one, two)
			for id, times := range map[string]int{"FA-1": 1, "FA-2": 1, "FA-3": 1, "FA-4": 1, "FA-5": sent} {
				if n := w.sent(id); n != times {
					t.Errorf("Loop was sent %s %d times, not %d", id, n, times)
				}
			}
		})
	}
}
