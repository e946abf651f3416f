package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
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
		{"the-token-of-night", []string{"confirm", "demo/CEGID001/FA-1", "--booked"}, 0, "before: nothing was done now"},
		{"the-token-of-night", []string{"list", "--most", "0"}, 80, "1 or more"},
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

// manyImports are a server that has so many.
type manyImports struct {
	looppb.UnimplementedImportServiceServer
	n int
}

func (m manyImports) ListImports(_ context.Context, request *looppb.ListImportsRequest) (*looppb.ListImportsResponse, error) {
	from, _ := strconv.Atoi(request.GetPageToken())
	to := min(m.n, from+int(request.GetPageSize()))
	page := &looppb.ListImportsResponse{}
	for range to - from {
		failed := &looppb.ImportError{Reason: "LOOP_REFUSED", LoopMessage: "Journal inconnu"}
		page.Imports = append(page.Imports, &looppb.Import{Practice: "demo", Dossier: "D1", RequestId: "r", Error: failed})
	}
	if to < m.n {
		page.NextPageToken = strconv.Itoa(to)
	}
	return page, nil
}

func (m manyImports) GetImport(ctx context.Context, _ *looppb.GetImportRequest) (*looppb.GetImportResponse, error) {
	page, err := m.ListImports(ctx, &looppb.ListImportsRequest{PageSize: 1})
	found := page.GetImports()[0]
	found.Resolution = &looppb.ImportResolution{Evidence: &looppb.ImportEvidence{
		Verdict: looppb.ImportVerdict_IMPORT_VERDICT_INCONCLUSIVE, Doubt: looppb.ImportDoubt_IMPORT_DOUBT_TOO_EARLY,
	}}
	return &looppb.GetImportResponse{ImportRecord: found}, err
}

// TestNoImportIsLeftOutWithoutAWord: of more than are asked for, the list says so, over several pages and for programs, too; and an
// import shows what Loop said, and the doubt that docs/operate/imports.md goes by.
func TestNoImportIsLeftOutWithoutAWord(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	server := grpc.NewServer()
	looppb.RegisterImportServiceServer(server, manyImports{n: 900})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	imports := func(arguments ...string) (out, said string) {
		t.Helper()
		cmd := command(t, append(append([]string{"imports"}, arguments...), "--server", listener.Addr().String(), "--plaintext")...)
		cmd.Env = append(cmd.Env, "LOOP_GATEWAY_TOKEN=any")
		var text, problems strings.Builder
		cmd.Stdout, cmd.Stderr = &text, &problems
		testkit.OK(t, cmd.Run())
		return text.String(), problems.String()
	}
	for _, c := range []struct {
		arguments []string
		lines     int
		more      bool
	}{
		{[]string{"--most", "600"}, 601, true},
		{[]string{"--most", "600", "--json"}, 600, true},
		{[]string{"--most", "900"}, 901, false},
		{[]string{"--json"}, 900, false},
	} {
		out, said := imports(append([]string{"list"}, c.arguments...)...)
		if strings.Count(out, "\n") != c.lines || strings.Contains(said, "there are more: --most 1200") != c.more {
			t.Errorf("%v: %d lines and %q", c.arguments, strings.Count(out, "\n"), said)
		}
	}
	if out, _ := imports("show", "demo/D1/r"); !strings.Contains(out, "Journal inconnu") || !strings.Contains(out, "INCONCLUSIVE, TOO_EARLY") {
		t.Errorf("it shows %s", out)
	}
	cmd := command(t, "imports", "list", "--server", listener.Addr().String())
	cmd.Env = append(cmd.Env, "LOOP_GATEWAY_TOKEN=any")
	if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), "add --plaintext") {
		t.Errorf("who forgets --plaintext is told %s", said)
	}
}
