package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/internal/testkit"
)

// issuer is somebody else's OpenID Connect server, of which this service knows no more than its URL.
type issuer struct {
	url  string
	in   io.Writer
	out  *bufio.Scanner
	said *testkit.Log // on standard error
}

// startIssuer starts tools/oidc/issuer.mjs with what npm has installed in folder.
func startIssuer(t *testing.T, folder string) *issuer {
	t.Helper()
	cmd := exec.Command("node", "../tools/oidc/issuer.mjs", folder)
	in, err := cmd.StdinPipe()
	testkit.OK(t, err)
	out, err := cmd.StdoutPipe()
	testkit.OK(t, err)
	said := &testkit.Log{}
	cmd.Stderr = said
	testkit.OK(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		_ = cmd.Wait()
	})
	i := &issuer{in: in, out: bufio.NewScanner(out), said: said}
	i.url = i.line(t)
	return i
}

func (i *issuer) line(t *testing.T) string {
	t.Helper()
	for i.out.Scan() {
		if text := i.out.Text(); !strings.HasPrefix(text, "oidc-provider ") { // its own remarks
			return text
		}
	}
	t.Fatalf("the issuer ended: %v, %s", i.out.Err(), i.said.String())
	return ""
}

// tell gives it a command and waits until it is done.
func (i *issuer) tell(t *testing.T, command string) {
	t.Helper()
	if _, err := fmt.Fprintln(i.in, command); err != nil {
		t.Fatal(err)
	}
	if said := i.line(t); said != "done" {
		t.Fatalf("the issuer says %q", said)
	}
}

// token is what a client gets for a resource with its secret.
func (i *issuer) token(t *testing.T, client, resource string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"loop"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/token", strings.NewReader(form.Encode()))
	testkit.OK(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, "secret-of-"+client)
	response, err := http.DefaultClient.Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" || answer.Type != "Bearer" {
		t.Fatalf("no token: HTTP %d %s %v", response.StatusCode, answer.Error, err)
	}
	return answer.Token
}

// TestTokensOfARealIssuer: nothing here has made the tokens, the keys or the documents that this service reads.
func TestTokensOfARealIssuer(t *testing.T) {
	folder := os.Getenv("LOOP_TEST_OIDC")
	if folder == "" {
		t.Skip("LOOP_TEST_OIDC does not name a folder in which tools/oidc is installed")
	}
	t.Parallel()
	i := startIssuer(t, folder)
	w := newWorld(t)
	w.settings["oidc"] = fmt.Sprintf("[{issuer: %q, audience: loop-gateway, allow_plain_http: true}]", i.url)
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, jwt: [{issuer: %q, subject: billing}]}]
grants: [{caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}]
`, i.url))
	p := w.serve(t, "")
	conn, web := dial(t, p.grpc, nil), &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	const ours = "urn:loop-gateway"
	good := i.token(t, "billing", ours)
	call := func(token string) (codes.Code, int) {
		t.Helper()
		code, _ := ask(t, web, "GET", "http://"+p.http+accounts, token, "")
		return status.Code(listAccounts(t.Context(), conn, token)), code
	}
	for _, c := range []struct {
		name, token string
		code        codes.Code
		http        int
	}{
		{"its client's", good, codes.OK, 200},
		{"another client's", i.token(t, "stranger", ours), codes.Unauthenticated, 401},
		{"for another service", i.token(t, "billing", "urn:elsewhere"), codes.Unauthenticated, 401},
		{"with another signature", good[:len(good)-8] + "AAAAAAAA", codes.Unauthenticated, 401},
	} {
		if code, http := call(c.token); code != c.code || http != c.http {
			t.Errorf("a token %s: %s, HTTP %d", c.name, code, http)
		}
	}
	// Both keys are published for a while, as issuers do, and then the new one alone.
	i.tell(t, "rotate")
	next := i.token(t, "billing", ours)
	eventually(t, "the new key", func() bool { code, _ := call(next); return code == codes.OK })
	if code, http := call(good); code != codes.OK || http != 200 {
		t.Errorf("a token of the old key: %s, HTTP %d", code, http)
	}
	i.tell(t, "withdraw")
	for range 5 {
		if code, http := call(next); code != codes.OK || http != 200 {
			t.Errorf("a token of the new key: %s, HTTP %d", code, http)
		}
	}
	web.CloseIdleConnections()
	p.stop(t)
	for _, says := range []string{`"why":"jwt of nobody"`, `"why":"jwt, for another audience"`, `"why":"jwt, not signed by the issuer"`} {
		if !strings.Contains(p.log.String(), says) {
			t.Errorf("the audit does not say %s: %s", says, p.log.String())
		}
	}
}
