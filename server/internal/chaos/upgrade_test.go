//go:build upgrade

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// TestTheServerBeforeGoesOnBesideANewOne: this server still runs when that of LOOP_TEST_SERVER_NEXT brings the schema to a later
// one. Migrations only add: it goes on reading, writing and following, and each knows what the other does. By name: .ci/run upgrade
func TestTheServerBeforeGoesOnBesideANewOne(t *testing.T) {
	l := newLoop(t)
	dsn := pgtest.Shared(t).Database(t)
	before := older(t, program(t), l, dsn, false)
	u := upgrade{t, l}
	if code, _, answer := u.send(before, "CEGID001", "OLD-1", "FA-1"); code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	next := theProgramOf(t, "LOOP_TEST_SERVER_NEXT")
	migrated := exec.Command(next, "ledger", "migrate", "--postgres", "${env:LEDGER}")
	migrated.Env = append(os.Environ(), "LEDGER="+dsn)
	if out, err := migrated.CombinedOutput(); err != nil || !strings.Contains(string(out), "servers of the schema before go on beside it") {
		t.Fatalf("ledger migrate: %v\n%s", err, out)
	}
	young := newGateway(t, l.url, settings{ledger: dsn, replicas: 2, program: next})
	// Each writes, each repeats what the other has sent, and the same content is the same to both.
	for n, each := range []struct {
		name       string
		at, beside *gateway
	}{{"the server before", before, young}, {"the new server", young, before}} {
		for i := range 2 {
			id, document := fmt.Sprintf("BOTH-%d-%d", n, i), fmt.Sprintf("FB-%d-%d", n, i)
			sent := l.Count("/importJson")
			if code, _, answer := u.send(each.at, "CEGID001", id, document); code != http.StatusOK || answer["replayed"] != false {
				t.Errorf("%s, %s: %d %v", each.name, id, code, answer)
			}
			if code, _, answer := u.send(each.beside, "CEGID001", id, document); code != http.StatusOK || answer["replayed"] != true {
				t.Errorf("beside %s, %s again: %d %v", each.name, id, code, answer)
			}
			if code, _, answer := u.send(each.beside, "CEGID001", id+"-other", document); code != http.StatusConflict || reason(answer) != "ENTRY_ALREADY_IMPORTED" {
				t.Errorf("beside %s, the same under another id: %d %v", each.name, code, answer)
			}
			if n := l.Count("/importJson"); n != sent+1 {
				t.Errorf("%s: Loop was sent %d imports", id, n-sent)
			}
			for name, reader := range map[string]*gateway{"itself": each.at, "the other": each.beside} {
				u.becomes(reader, "CEGID001", id, "IMPORT_STATE_SUCCEEDED", each.name+", read by "+name)
			}
		}
	}
	u.becomes(young, "CEGID001", "OLD-1", "IMPORT_STATE_SUCCEEDED", "of before")
	for name, each := range map[string]*gateway{"the server before": before, "the new server": young} {
		code, _, answer := u.ask(each, http.MethodGet, "/v1/practices/demo/dossiers/-/imports", "")
		if imports, _ := answer["imports"].([]any); code != http.StatusOK || len(imports) != 5 {
			t.Errorf("%s lists %d imports: %d", name, len(imports), code)
		}
	}
	// It follows alone what was sent by the one that is gone.
	if code, _, answer := u.send(young, "CEGID003", "LAST", "FL"); code != http.StatusOK {
		t.Errorf("%d %v", code, answer)
	}
	young.kill()
	u.becomes(before, "CEGID003", "LAST", "IMPORT_STATE_SUCCEEDED", "followed by the server before alone")
	if text, err := os.ReadFile(before.log.Name()); err != nil || strings.Contains(string(text), "SQLSTATE") {
		t.Errorf("the server before complains: %v %s", err, before.words())
	}
}

// TestAnOlderServerBesideANewOneSendsNothing: the server of LOOP_TEST_OLD_SERVER, whose ids belonged to the practice alone, still
// runs when a new one brings the schema of their PostgreSQL up to date. It sends nothing more and answers nothing, and what it has
// done is known to the new one. By name: .ci/run upgrade
func TestAnOlderServerBesideANewOneSendsNothing(t *testing.T) {
	l := newLoop(t)
	dsn := pgtest.Shared(t).Database(t)
	old := older(t, theProgramOf(t, "LOOP_TEST_OLD_SERVER"), l, dsn, true)
	u := upgrade{t, l}
	ask, send := u.ask, u.send

	if code, _, answer := send(old, "CEGID001", "OLD-1", "FA-1"); code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	young := newGateway(t, l.url, settings{ledger: dsn, replicas: 2})
	sent := l.Count("/importJson")

	// The old one is shut out.
	for name, call := range map[string]func() (int, http.Header, map[string]any){
		"a repeat":                  func() (int, http.Header, map[string]any) { return send(old, "CEGID001", "OLD-1", "FA-1") },
		"the id in another dossier": func() (int, http.Header, map[string]any) { return send(old, "CEGID003", "OLD-1", "FA-1") },
		"a new import":              func() (int, http.Header, map[string]any) { return send(old, "CEGID001", "OLD-2", "FA-2") },
		"what became of the first one": func() (int, http.Header, map[string]any) {
			return ask(old, http.MethodGet, "/v1/practices/demo/imports/OLD-1", "")
		},
		"a list": func() (int, http.Header, map[string]any) {
			return ask(old, http.MethodGet, "/v1/practices/demo/imports", "")
		},
	} {
		if code, _, answer := call(); code != http.StatusServiceUnavailable || reason(answer) != "LEDGER_UNAVAILABLE" {
			t.Errorf("the old server answers %s with %d %v", name, code, answer)
		}
	}
	// The new one knows what the old one has done, in the scheme of its row, and tells dossiers apart.
	if code, header, answer := send(young, "CEGID001", "OLD-1", "FA-1"); code != http.StatusOK || answer["replayed"] != true || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a repeat: %d %v", code, answer)
	}
	if code, _, answer := send(young, "CEGID001", "NEW-1", "FA-1"); code != http.StatusConflict || reason(answer) != "DUPLICATE_CONTENT" {
		t.Errorf("the same under another id: %d %v", code, answer)
	}
	if n := l.Count("/importJson"); n != sent {
		t.Errorf("Loop was sent %d imports", n-sent)
	}
	if code, _, answer := send(young, "CEGID003", "OLD-1", "FA-1"); code != http.StatusOK || answer["replayed"] != false {
		t.Errorf("the id in another dossier: %d %v", code, answer)
	}
	if n := l.Count("/importJson"); n != sent+1 {
		t.Errorf("Loop was sent %d imports more", n-sent)
	}
}

// TestALedgerInAFileIsTakenOver by this server from that of LOOP_TEST_OLD_SERVER, as CHANGELOG.md tells operators: stop, back up,
// start. What was written is known, followed on, and not sent again. By name: .ci/run upgrade
func TestALedgerInAFileIsTakenOver(t *testing.T) {
	l := newLoop(t)
	g := newGateway(t, l.url, settings{program: theProgramOf(t, "LOOP_TEST_OLD_SERVER"), ancient: true})
	u := upgrade{t, l}
	type write struct{ id, document, state string }
	writes := []write{
		{"BOOKED", "FA-1", "IMPORT_STATE_SUCCEEDED"},
		{"REFUSED", "SIM-REFUSE-1", "IMPORT_STATE_REFUSED"},
		{"LOST", "SIM-LOST-ANSWER-1", "IMPORT_STATE_UNCERTAIN"},
		{"STUCK", "SIM-STUCK-1", "IMPORT_STATE_WAITING"},
	}
	for _, each := range writes {
		u.send(g, "CEGID001", each.id, each.document)
	}
	folder := filepath.Dir(g.config)
	g.program = program(t)
	command := func(arguments ...string) (string, error) {
		out, err := exec.Command(g.program, arguments...).CombinedOutput()
		return string(out), err
	}
	ledger, copied := filepath.Join(folder, "ledger.db"), filepath.Join(folder, "before.db")
	backup := []string{"ledger", "backup", "--ledger", ledger, "--to", copied}
	if out, err := command(backup...); err == nil || !strings.Contains(out, "stop it first") {
		t.Errorf("a backup while the old server runs: %v %s", err, out)
	}
	testkit.OK(t, g.terminate())
	if out, err := command("ledger", "migrate", "--config", g.config, "--plan"); err != nil || !strings.Contains(out, "the ledger has schema 8") {
		t.Errorf("the plan: %v %s", err, out)
	}
	if out, err := command(backup...); err != nil || !strings.Contains(out, "copied 4 ") {
		t.Errorf("a backup: %v %s", err, out)
	}
	testkit.OK(t, g.start())
	for _, each := range writes {
		u.becomes(g, "CEGID001", each.id, each.state, "of before")
	}
	sent := l.Count("/importJson")
	for _, each := range writes {
		if each.state == "IMPORT_STATE_REFUSED" { // which nothing came of: it may be sent again
			continue
		}
		code, _, answer := u.send(g, "CEGID001", each.id, each.document)
		if replayed := code == http.StatusOK && answer["replayed"] == true; replayed == (each.id == "LOST") {
			t.Errorf("%s again: %d %v", each.id, code, answer)
		}
	}
	if n := l.Count("/importJson"); sent < len(writes) || n != sent {
		t.Errorf("Loop was sent %d imports, and then %d", sent, n-sent)
	}
}

// theProgramOf is another build, which a variable names.
func theProgramOf(t *testing.T, variable string) string {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Fatal(variable + " names no program")
	}
	return program
}

// older is the server of a program, with a ledger of its making.
func older(t *testing.T, program string, l *loop, dsn string, ancient bool) *gateway {
	t.Helper()
	connection := filepath.Join(t.TempDir(), "dsn")
	testkit.OK(t, os.WriteFile(connection, []byte(dsn), 0o600))
	if out, err := exec.Command(program, "ledger", "init", "--postgres", "${file:"+connection+"}").CombinedOutput(); err != nil {
		t.Fatalf("ledger init: %v\n%s", err, out)
	}
	return newGateway(t, l.url, settings{ledger: dsn, replicas: 2, program: program, ancient: ancient})
}

// upgrade asks servers of two builds the same.
type upgrade struct {
	t *testing.T
	l *loop
}

func (u upgrade) ask(g *gateway, method, path, body string) (status int, header http.Header, answer map[string]any) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+g.http+path, strings.NewReader(body))
	testkit.OK(u.t, err)
	request.Header.Set("Authorization", "Bearer "+tokenOf(billing))
	response, err := http.DefaultClient.Do(request)
	testkit.OK(u.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		u.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return response.StatusCode, response.Header, answer
}

func (u upgrade) send(g *gateway, dossier, id, document string) (int, http.Header, map[string]any) {
	u.t.Helper()
	return u.ask(g, http.MethodPost, "/v1/practices/demo/dossiers/"+dossier+"/imports", fmt.Sprintf(`{"requestId": %q, "options": {"skipPreflight": true}, "entries": [
		{"journal": "ACH", "date": "2026-03-15", "reference": %q, "documentReference": %q, "lines": [
			{"account": "60700000", "label": "A", "debit": "120"}, {"account": "40100000", "label": "B", "credit": "120", "thirdParty": "FEXEMPLE"}]}]}`, id, document, document))
}

// becomes waits until an import is in a state.
func (u upgrade) becomes(g *gateway, dossier, id, state, what string) {
	u.t.Helper()
	var last any
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, _, answer := u.ask(g, http.MethodGet, "/v1/practices/demo/dossiers/"+dossier+"/imports/"+id, "")
		last = answer
		if found, _ := answer["importRecord"].(map[string]any); found["state"] == state {
			return
		}
	}
	u.t.Errorf("%s, %s: %v", what, id, last)
}

func reason(answer map[string]any) string {
	text, _ := json.Marshal(answer)
	for _, each := range []string{"LEDGER_UNAVAILABLE", "ENTRY_ALREADY_IMPORTED", "DUPLICATE_CONTENT", "REQUEST_ID_REUSED"} {
		if strings.Contains(string(text), each) {
			return each
		}
	}
	return string(text)
}
