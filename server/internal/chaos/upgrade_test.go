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

	"cegid.internal/gateway/server/internal/ledger/pgtest"
)

// TestAnOlderServerBesideANewOneSendsNothing: the server of LOOP_TEST_OLD_SERVER, whose ids belonged to the practice alone, still
// runs when a new one brings the schema of their PostgreSQL up to date. It sends nothing more and answers nothing, and what it has
// done is known to the new one. By name: .ci/run upgrade
func TestAnOlderServerBesideANewOneSendsNothing(t *testing.T) {
	program := os.Getenv("LOOP_TEST_OLD_SERVER")
	if program == "" {
		t.Fatal("LOOP_TEST_OLD_SERVER names no program")
	}
	l := newLoop(t)
	dsn := pgtest.Shared(t).Database(t)
	connection := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(connection, []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "ledger", "init", "--postgres", "${file:"+connection+"}").CombinedOutput(); err != nil {
		t.Fatalf("ledger init: %v\n%s", err, out)
	}
	old := newGateway(t, l.url, settings{ledger: dsn, replicas: 2, program: program})

	ask := func(g *gateway, method, path, body string) (status int, header http.Header, answer map[string]any) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, method, "http://"+g.http+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+tokenOf(billing))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err == nil {
			err = json.Unmarshal(text, &answer)
		}
		if err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
		return response.StatusCode, response.Header, answer
	}
	send := func(g *gateway, dossier, id, document string) (int, http.Header, map[string]any) {
		t.Helper()
		return ask(g, http.MethodPost, "/v1/practices/demo/dossiers/"+dossier+"/imports", fmt.Sprintf(`{"requestId": %q, "options": {"skipPreflight": true}, "entries": [
			{"journal": "ACH", "date": "2026-03-15", "reference": %q, "documentReference": %q, "lines": [
				{"account": "60700000", "label": "A", "debit": "120"}, {"account": "40100000", "label": "B", "credit": "120", "thirdParty": "FEXEMPLE"}]}]}`, id, document, document))
	}
	reason := func(answer map[string]any) string {
		text, _ := json.Marshal(answer)
		for _, each := range []string{"LEDGER_UNAVAILABLE", "DUPLICATE_CONTENT", "REQUEST_ID_REUSED"} {
			if strings.Contains(string(text), each) {
				return each
			}
		}
		return string(text)
	}

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
