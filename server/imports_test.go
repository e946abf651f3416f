package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"cegid.internal/gateway/server/internal/policy"
)

// TestAnOperatorSettlesImportsOfARunningServer: lists, looks, confirms and sends again, as far as the rights go, for people and for programs.
func TestAnOperatorSettlesImportsOfARunningServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ca := newAuthority(t)
	certificate, key := ca.sign(t, 1)
	w.write(t, "tls.crt", certificate)
	w.write(t, "tls.key", key)
	w.write(t, "ca.crt", ca.PEM())
	w.settings["tls"] = "{certificate: tls.crt, key: tls.key, client_authorities: ca.crt}"
	w.settings["imports"] = "{resubmit_after: 1s}"
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers:
  - {name: billing, token_hashes: ["%s"]}
  - {name: night, token_hashes: ["%s"]}
  - {name: chief, token_hashes: ["%s"]}
  - {name: watch, certificates: [watch.example]}
grants:
  - {caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}
  - {callers: [night, watch], practices: ["*"], dossiers: ["*"], rights: [operate]}
  - {caller: chief, practices: ["*"], dossiers: ["*"], rights: [operate, write, administer]}
`, policy.HashToken(w.token), policy.HashToken("the-token-of-night"), policy.HashToken("the-token-of-chief")))
	p := w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool}}}
	defer web.CloseIdleConnections()
	lost := map[string]string{}
	for id, reference := range map[string]string{"FA-0": "FA-0", "FA-1": "SIM-LOST-ANSWER-1", "FA-2": "SIM-CUT-ONCE-2"} {
		lost[id] = strings.ReplaceAll(purchase, "FA-1", reference)
		ask(t, web, http.MethodPost, "https://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, lost[id], "Idempotency-Key", id, "Content-Type", "application/json")
	}
	w.FinishImports()
	w.write(t, "night.token", "the-token-of-night\n")
	w.write(t, "fa-2.json", lost["FA-2"])
	watch := ca.client(t, "watch.example")
	secret, err := x509.MarshalPKCS8PrivateKey(watch.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "watch.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: watch.Certificate[0]})))
	w.write(t, "watch.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	certified := []string{"--certificate", w.path("watch.crt"), "--key", w.path("watch.key")}

	imports := func(token string, arguments ...string) (out, said string, code int) {
		t.Helper()
		cmd := command(t, append(append([]string{"imports"}, arguments...), "--server", p.grpc, "--authorities", w.path("ca.crt"))...)
		cmd.Env = append(cmd.Env, "LOOP_GATEWAY_TOKEN="+token)
		var text, problems strings.Builder
		cmd.Stdout, cmd.Stderr = &text, &problems
		err := cmd.Run()
		if _, ended := err.(*exec.ExitError); err != nil && !ended {
			t.Fatal(err)
		}
		return text.String(), problems.String(), cmd.ProcessState.ExitCode()
	}
	out, said, code := imports("", "list", "--token-file", w.path("night.token"))
	if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, "demo/CEGID001/FA-1 ") || !strings.Contains(out, "OUTCOME_UNKNOWN") || strings.Contains(out, "FA-0") {
		t.Errorf("list: %d %s %s", code, out, said)
	}
	out, _, _ = imports("the-token-of-night", "list", "--state", "all", "--practice", "demo", "--json")
	for line := range strings.Lines(out) {
		var each struct{ RequestID, State string }
		if err := json.Unmarshal([]byte(line), &each); err != nil || each.State == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
	if strings.Count(out, "\n") != 3 || strings.Contains(out, "SIM-") || strings.Contains(out, "debit") {
		t.Errorf("list --json: %s", out)
	}
	eventually(t, "it is older than resubmit_after", func() bool {
		out, _, _ := imports("the-token-of-night", "check", "demo/CEGID001/FA-2")
		return strings.Contains(out, "NOT_FOUND")
	})
	for _, c := range []struct {
		token     string
		arguments []string
		code      int
		says      string
	}{
		{"the-token-of-night", []string{"check", "demo/CEGID001/FA-1"}, 0, "FOUND"},
		{"the-token-of-night", []string{"check", "demo/CEGID001/FA-2"}, 0, "NOT_FOUND"},
		{"the-token-of-night", []string{"show", "demo/CEGID001/FA-2"}, 0, "UNCERTAIN"},
		{"the-token-of-night", []string{"confirm", "demo/CEGID001/FA-2", "--not-booked"}, 1, "PermissionDenied"},
		{"the-token-of-night", []string{"resubmit", "demo/CEGID001/FA-2", "--from", w.path("fa-2.json")}, 1, "PermissionDenied"},
		{"the-token-of-night", []string{"confirm", "demo/CEGID001/FA-1", "--booked", "--note", "seen"}, 0, "SUCCEEDED"},
		{"the-token-of-chief", []string{"resubmit", "demo/CEGID001/FA-2", "--from", w.path("policy.yaml")}, 1, "holds no request"},
		{"the-token-of-chief", []string{"resubmit", "demo/CEGID001/FA-2", "--from", w.path("fa-2.json")}, 0, "WAITING"},
		{"the-token-of-night", []string{"show", "demo/CEGID001/FA-9"}, 1, "NotFound"},
		{"the-token-of-night", []string{"show", "FA-1"}, 1, "PRACTICE/DOSSIER/ID"},
		{"of nobody", []string{"list"}, 1, "Unauthenticated"},
		{"", append([]string{"show", "demo/CEGID001/FA-2"}, certified...), 0, "demo/CEGID001/FA-2"},
		{"", append([]string{"confirm", "demo/CEGID001/FA-2", "--not-booked"}, certified...), 1, "PermissionDenied"},
		{"", []string{"list", "--certificate", w.path("watch.crt"), "--key", w.path("tls.key")}, 1, "do not fit"},
		{"", []string{"list"}, 1, "LOOP_GATEWAY_TOKEN"},
		{"the-token-of-night", []string{"list", "--state", "LOST"}, 1, "no state"},
	} {
		out, said, code := imports(c.token, c.arguments...)
		if code != c.code || !strings.Contains(out+said, c.says) {
			t.Errorf("%v: ends with %d: %s%s", c.arguments, code, out, said)
		}
		if c.token != "" && strings.Contains(out+said, c.token) {
			t.Errorf("%v shows the token", c.arguments)
		}
	}
	if out, _, _ := imports("the-token-of-night", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("there is still %s", out)
	}
}
