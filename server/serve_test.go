package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/certtest"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

const accounts = "/v1/practices/demo/dossiers/CEGID001/accounts?pageSize=1"

const purchase = `{"entries": [{"journal": "ACH", "date": "2026-03-15", "reference": "FA-1", "documentReference": "FA-1", "lines": [
	{"account": "60700000", "label": "Achat", "debit": "100.00"}, {"account": "44566000", "label": "TVA", "debit": "20.00"},
	{"account": "40100000", "thirdParty": "FEXEMPLE", "label": "Fournisseur", "credit": "120.00"}]}]}`

// TestServe: a day in its life, told by what callers and operators see.
func TestServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve(t, "")
	conn, web := dial(t, p.grpc, nil), &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	if err := listAccounts(t.Context(), conn, w.token); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	if code, text := ask(t, web, "GET", "http://"+p.http+accounts, w.token, ""); code != 200 || !strings.Contains(text, "10100000") {
		t.Errorf("REST: HTTP %d %s", code, text)
	}
	if err := listAccounts(t.Context(), conn, "another token"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("gRPC with another token: %v", err)
	}
	if code, text := ask(t, web, "GET", "http://"+p.http+accounts, "another token", ""); code != 401 {
		t.Errorf("REST with another token: HTTP %d %s", code, text)
	}
	code, text := ask(t, web, "POST", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1")
	if code != 200 || !strings.Contains(text, `"requestId":"FA-1"`) {
		t.Errorf("an import: HTTP %d %s", code, text)
	}
	w.Inject(loopsim.Fault{Route: "/journal", Kind: loopsim.FaultStatus, Status: 503})
	if code, text := ask(t, web, "GET", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/journals", w.token, ""); code != 503 {
		t.Errorf("a call while Loop is down: HTTP %d %s", code, text)
	}
	if code, text := ask(t, web, "GET", "http://"+p.operations+"/metrics", "", ""); code != 200 || !strings.Contains(text, "loop_calls_total") {
		t.Errorf("metrics: HTTP %d %.200s", code, text)
	}
	web.CloseIdleConnections()
	p.stop(t)

	var calls int
	for _, line := range p.lines(t) {
		for _, name := range []string{"time", "level", "msg"} {
			if line[name] == nil {
				t.Errorf("a line without %s: %v", name, line)
			}
		}
		switch {
		case line["msg"] == "call":
			calls++
			fallthrough
		default:
			if line["msg"] != "audit" && strings.Contains(fmt.Sprint(line), dossier) {
				t.Errorf("a line names the dossier: %v", line)
			}
		}
	}
	if calls != 6 {
		t.Errorf("the log tells of %d calls; want 6", calls)
	}
	for _, secret := range []string{secretCanary, w.token, "another token"} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
	if p.stdout.Len() > 0 {
		t.Errorf("standard output has %q", p.stdout.String())
	}
	if !strings.Contains(p.log.String(), `"msg":"shutting down"`) {
		t.Error("the log does not tell of the end")
	}
	// The ledger is free again, and knows the import.
	l, err := ledger.Open(t.Context(), w.path("ledger.db"))
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	if record, err := l.Get(t.Context(), ledger.Key{Practice: "demo", Dossier: "CEGID001", Collection: ledger.Imports, RequestID: "FA-1"}); err != nil || record.LoopRequestID == "" {
		t.Errorf("%+v, %v", record, err)
	}
}

// TestServeRefusesToStart: on anything missing or half-configured, with a sentence and without a secret.
func TestServeRefusesToStart(t *testing.T) {
	const (
		callers = "callers: [{name: a, token_hashes: [\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"]}]\n"
		grants  = "grants: [{caller: a, practices: [demo], dossiers: [\"*\"], rights: [read]}]\n"
	)
	set := func(key, value string) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.settings[key] = value }
	}
	without := func(key string) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { delete(w.settings, key) }
	}
	file := func(name, text string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.write(t, name, text) }
	}
	replace := func(key, from, to string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			if !strings.Contains(w.settings[key], from) {
				t.Fatalf("%s has no %q", key, from)
			}
			w.settings[key] = strings.ReplaceAll(w.settings[key], from, to)
		}
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *world)
		says string // what is wrong, and what to do
	}{
		{"without a word on the ledger", without("ledger"), "ledger: name the file of the ledger, or refer to a PostgreSQL"},
		{"without a ledger", func(_ *testing.T, w *world) { _ = os.Remove(w.path("ledger.db")) }, "there is no ledger: restore it if there was one, because a new one forgets what was sent; else run 'server ledger init'"},
		{"with a ledger that is none", file("ledger.db", strings.Repeat("no ledger ", 500)), "this is no ledger, or its creation was cut short: give another path, or remove the file"},
		{"with an empty file as ledger", file("ledger.db", ""), "this is no ledger, or its creation was cut short: give another path, or remove the file"},
		{"with a folder as ledger", set("ledger", "."), "this is no ledger"},
		{"with a ledger that another process has", func(t *testing.T, w *world) {
			l, err := ledger.Open(t.Context(), w.path("ledger.db"))
			testkit.OK(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, "another process has the ledger open: stop it first"},

		{"with several servers on a ledger in a file", set("replicas", "2"), "replicas: a ledger in a file belongs to one server: keep it on PostgreSQL"},
		{"with a ledger's password in the configuration", set("ledger", `{postgres: "postgres://x:`+secretCanary+`y@localhost/x"}`), "ledger.postgres: a secret does not belong in the configuration: put it in a file of its own"},
		{"with a ledger's connection open to listeners", func(t *testing.T, w *world) {
			w.write(t, "secrets/ledger", "postgres://x:"+secretCanary+"@localhost/x")
			w.settings["ledger"] = `{postgres: "${file:secrets/ledger}"}`
		}, "ledger.postgres: ${file:secrets/ledger}: the connection string leaves open whether the connection is encrypted: add sslmode=verify-full"},

		{"without a word on TLS", without("tls"), "tls: TLS is not decided on, and there is no default; write {certificate: file, key: file}, or off"},
		{"with a word on TLS that decides nothing", set("tls", "on"), "tls: is neither off nor a certificate with its key; write {certificate: file, key: file}, or off"},
		{"with a certificate without its key", func(t *testing.T, w *world) {
			w.write(t, "tls.crt", "x")
			w.settings["tls"] = "{certificate: tls.crt}"
		}, "tls.key: name the file with the certificate's key in PEM, or write tls: off"},
		{"with a key without its certificate", func(t *testing.T, w *world) {
			w.write(t, "tls.key", "x")
			w.settings["tls"] = "{key: tls.key}"
		}, "tls.certificate: name the file with the certificate in PEM, or write tls: off"},
		{"with a certificate that is not there", set("tls", "{certificate: tls.crt, key: tls.key}"), "tls.certificate: there is no such file; correct the path"},
		{"with the key of another certificate", func(t *testing.T, w *world) {
			a := newAuthority(t)
			certificate, _ := a.sign(t, 1)
			_, key := a.sign(t, 2)
			w.write(t, "tls.crt", certificate)
			w.write(t, "tls.key", key)
			w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
		}, "tls: the two files are not a certificate and its private key in PEM; check that they belong together and are not swapped"},

		{"without a policy", without("policy"), "policy: name the policy file; without one nobody would be allowed anything"},
		{"without the file of the policy", set("policy", "nothing.yaml"), "policy: there is no such file; correct the path"},
		{"with an empty policy", file("policy.yaml", ""), "callers: there is no caller, so nobody could use the service; list at least one with its name and token_hashes"},
		{"with a policy without grants", file("policy.yaml", callers), "grants: there is no grant, so nobody is allowed anything; list at least one"},
		{"with a policy without callers", file("policy.yaml", grants), "callers: there is no caller, so nobody could use the service; list at least one"},
		{"with a caller without a hash", file("policy.yaml", "callers: [{name: a}]\n"+grants), "callers[0].token_hashes: the caller could never authenticate; add the hash of a token, or else jwt or certificates, or remove the caller"},
		{"with a token instead of its hash", file("policy.yaml", "callers: [{name: a, token_hashes: ["+strings.Repeat("t", 43)+"]}]\n"+grants), "callers[0].token_hashes[0]: "},
		{"with the hash of an empty token", file("policy.yaml", strings.ReplaceAll(callers, strings.Repeat("0", 64), fmt.Sprintf("%x", sha256.Sum256(nil)))+grants), "this is the hash of nothing, the mark of an unset variable; hash the token again"},
		{"with a grant to an unknown caller", file("policy.yaml", callers+strings.ReplaceAll(grants, "caller: a", "caller: b")), "grants[0].caller: there is no caller of this name; add it to callers, or correct the name"},
		{"with a grant to nobody", file("policy.yaml", callers+strings.ReplaceAll(grants, "caller: a, ", "")), "grants[0].caller: the grant is for nobody; name its caller"},
		{"with a grant on no dossier", file("policy.yaml", callers+strings.ReplaceAll(grants, "dossiers: [\"*\"], ", "")), "grants[0].dossiers: the rights read and write are on dossiers, and none is given; list codes"},
		{"with a grant of no right", file("policy.yaml", callers+strings.ReplaceAll(grants, "[read]", "[]")), "grants[0].rights: the grant gives no right; list some of read, write"},
		{"with a grant of an unknown right", file("policy.yaml", callers+strings.ReplaceAll(grants, "[read]", "[all]")), "grants[0].rights[0]: is no right; the rights are read, write"},

		{"with an issuer without audience", set("oidc", "[{issuer: 'https://login.example.com'}]"), "oidc[0].audience: name the audience; without one, a token that a caller gave to any other service would pass here"},
		{"with an audience without issuer", set("oidc", "[{audience: gateway}]"), "oidc[0].issuer: name the issuer, exactly as the claim iss of its tokens does"},
		{"with an issuer in plaintext", set("oidc", "[{issuer: 'http://login.example.com', audience: gateway}]"), "oidc[0].issuer: must begin with https://"},
		{"with tokens of an issuer that is not configured", file("policy.yaml", "callers: [{name: a, jwt: [{issuer: 'https://login.example.com', subject: a}]}]\n"+grants), "callers[0].jwt[0].issuer: the configuration has no issuer of this name under oidc"},
		{"with certificates and no authority", file("policy.yaml", "callers: [{name: a, certificates: [a.example]}]\n"+grants), "callers[0].certificates[0]: the configuration names no authority of client certificates; set tls.client_authorities there"},
		{"with an identity of two callers", func(t *testing.T, w *world) {
			w.settings["oidc"] = "[{issuer: 'https://login.example.com', audience: gateway}]"
			w.write(t, "policy.yaml", "callers: [{name: a, jwt: [{issuer: 'https://login.example.com', subject: a}]}, {name: b, jwt: [{issuer: 'https://login.example.com', subject: a}]}]\n"+grants)
		}, "callers[1].jwt[0]: these tokens belong to a caller already, at "},
		{"with authorities that are none", func(t *testing.T, w *world) {
			w.certificate(t, newAuthority(t), 1)
			w.settings["tls"] = "{certificate: tls.crt, key: tls.key, client_authorities: tls.crt}"
		}, "tls: the file of authorities holds a certificate that is no authority's"},
		{"with an audit in a folder that is not there", set("audit", "{file: nowhere/audit.log}"), "audit.file: there is no such folder; make it, or correct the path"},
		{"with an audit in a file that cannot be written", func(t *testing.T, w *world) {
			testkit.OK(t, os.Symlink("nowhere/audit.log", w.path("audit.log")))
			w.settings["audit"] = "{file: audit.log}"
		}, "make it writable for this process alone, or name another"},

		{"without practices", without("practices"), "practices: there is no practice; list at least one with its name and its keys"},
		{"with an empty folder of practices", func(t *testing.T, w *world) {
			w.write(t, "practices/.hidden", "")
			w.settings["practices_directory"] = "practices"
		}, "practices_directory: there is no practice in the folder; put one .yaml file per practice into it"},
		{"with a practice that is there twice", func(t *testing.T, w *world) {
			w.write(t, "practices/demo.yaml", "name: demo\nkeys: {standard: \"${file:../secrets/demo}\"}\n")
			w.settings["practices_directory"] = "practices"
		}, "name: another practice has this name, at "},
		{"with a practice without keys", replace("practices", `keys: {advanced: "${file:secrets/demo}"}, `, ""), "practices[0].keys: the practice has no API key; refer to its standard key, its advanced key or both"},
		{"with a practice without a name", replace("practices", "name: demo, ", ""), "practices[0].name: the practice has no name; give it one"},
		{"without a subscription key", replace("loop", `, subscription_keys: {primary: "${file:secrets/primary}"}`, ""), "practices[0].subscription_keys: there is no subscription key; refer to the installation's in loop.subscription_keys, or to the practice's own here"},
		{"with a secondary subscription key alone", replace("loop", "primary:", "secondary:"), "loop.subscription_keys.primary: the primary subscription key is missing; refer to it, or leave subscription_keys out"},
		{"with an unknown operation that nobody verified", replace("practices", "{name: demo", "{unverified_operations: [nothing], name: demo"), "practices[0].unverified_operations[0]: is not the id of an operation that this service knows; ListOperations gives the ids"},

		{"without the file of a secret", func(_ *testing.T, w *world) { _ = os.Remove(w.path("secrets/demo")) }, "practices[0].keys.advanced: ${file:secrets/demo}: there is no such file; mount the secret or correct the path"},
		{"with a secret that cannot be read", func(t *testing.T, w *world) {
			testkit.OK(t, errors.Join(os.Remove(w.path("secrets/demo")), os.Mkdir(w.path("secrets/demo"), 0o700)))
		}, "${file:secrets/demo}: it is no regular file; refer to the file that holds the secret"},
		{"with an empty secret", file("secrets/demo", "\n"), "${file:secrets/demo}: it is empty; put the secret into it"},
		{"with half of an API key", file("secrets/demo", "sandbox-demo-advanced"), "${file:secrets/demo}: it is no API key: write key:secret, the two values that CegidLife displayed"},
		{"with a subscription key with a space in it", file("secrets/primary", "sandbox- x"), "${file:secrets/primary}: it holds a space or a character outside ASCII"},
		{"with a secret of two lines", file("secrets/demo", "sandbox-a:b\nsandbox-c:d\n"), "${file:secrets/demo}: it has several lines; keep one secret on one line"},
		{"with a variable that is not set", replace("practices", "${file:secrets/demo}", "${env:GATEWAY_TEST_UNSET}"), "${env:GATEWAY_TEST_UNSET}: the environment variable is not set; set it for this process, or refer to a file"},
		{"with a secret in the configuration", replace("practices", "${file:secrets/demo}", "sandbox-demo-advanced:sandbox-demo-secret"), "practices[0].keys.advanced: a secret does not belong in the configuration: put it in a file of its own"},

		{"with a misspelt key", set("listne", "{}"), "is not known here; the keys are listen,"},
		{"with plain HTTP towards Loop", replace("loop", "allow_plain_http: true", "allow_plain_http: false"), "loop.base_url: must begin with https://, or every secret would travel readable"},
		{"with plain HTTP towards another host", replace("loop", "127.0.0.1:", "192.0.2.1:"), "loop.base_url: may begin with http:// only when the host is the loopback interface; write https://"},
		{"with two listeners on one port", set("listen", `{grpc: ":9", http: ":9"}`), "listen.http: cannot listen where listen.grpc does (defaults count); give each its own port"},
		{"on a port that is taken", func(t *testing.T, w *world) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			testkit.OK(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			w.settings["listen"] = fmt.Sprintf(`{grpc: "%s", http: "127.0.0.1:0", operations: "127.0.0.1:0"}`, listener.Addr())
		}, "address already in use; stop what has the address, or give another as listen.grpc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.do(t, w)
			out, said, code := run(t, "serve", "--config", w.config(t))
			if code == 0 || !strings.Contains(said, c.says) || strings.Contains(said, "panic") || strings.Contains(said, "goroutine") {
				t.Errorf("code %d, saying %q; want another, saying %q", code, said, c.says)
			}
			if strings.Contains(out+said, secretCanary) || out != "" {
				t.Errorf("it printed %q and %q", out, said)
			}
			if c.name == "without a ledger" {
				if _, err := os.Stat(w.path("ledger.db")); err == nil {
					t.Error("it made one")
				}
			}
		})
	}
	t.Run("without a configuration", func(t *testing.T) {
		t.Parallel()
		for _, arguments := range [][]string{{"serve"}, {"serve", "--config", t.TempDir() + "/nothing.yaml"}, {}, {"sreve"}} {
			if _, said, code := run(t, arguments...); code == 0 || said == "" {
				t.Errorf("%v: code %d, saying %q", arguments, code, said)
			}
		}
	})
}

// TestSecretsRotateWhileCallsGoOn: none of them fails.
func TestSecretsRotateWhileCallsGoOn(t *testing.T) {
	for _, way := range []string{"by replacing the file", "by swapping a symlink"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			swap := func(name string) { // as Kubernetes mounts secrets
				testkit.OK(t, os.Symlink(name, w.path("secrets/data.new")))
				testkit.OK(t, os.Rename(w.path("secrets/data.new"), w.path("secrets/data")))
			}
			if way == "by swapping a symlink" {
				w.write(t, "secrets/1/primary", loopsim.SandboxSubscriptionPrimary)
				swap("1")
				_ = os.Remove(w.path("secrets/primary"))
				testkit.OK(t, os.Symlink("data/primary", w.path("secrets/primary")))
			}
			p := w.serve(t, "")
			conn := dial(t, p.grpc, nil)
			ctx, stop := context.WithCancel(t.Context())
			calling := make(chan error, 1)
			go func() {
				for ctx.Err() == nil {
					if err := listAccounts(t.Context(), conn, w.token); err != nil {
						calling <- err
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				calling <- nil
			}()
			// The new key is valid before it is handed out, the old one for a while after.
			const rotated = "sandbox-subscription-rotated"
			w.SetSubscriptionKeys(loopsim.SandboxSubscriptionPrimary, rotated)
			if way == "by swapping a symlink" {
				w.write(t, "secrets/2/primary", rotated)
				swap("2")
			} else {
				w.write(t, "secrets/primary", rotated+"\n")
			}
			eventually(t, "the new key", func() bool {
				requests := w.Requests()
				return len(requests) > 0 && requests[len(requests)-1].Subscription == loopsim.Secondary
			})
			w.SetSubscriptionKeys("", rotated)
			before := w.Count("/compte")
			eventually(t, "calls after the old key's end", func() bool { return w.Count("/compte") > before+10 })
			stop()
			if err := <-calling; err != nil {
				t.Errorf("a call failed: %v", err)
			}
			if !strings.Contains(p.log.String(), "a secret was rotated") || strings.Contains(p.log.String(), "rotated\"\n") || strings.Contains(p.log.String(), rotated) {
				t.Errorf("the log: %s", p.log.String())
			}
			p.stop(t)
		})
	}
}

// TestPracticesOfOneKeyShareTheirBooks: the start says so, and what one has booked the other does not book again.
func TestPracticesOfOneKeyShareTheirBooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	demo := strings.TrimSuffix(strings.TrimPrefix(w.settings["practices"], "["), "]")
	w.settings["practices"] = "[" + demo + ", " + strings.Replace(demo, "demo", "twin", 1) + "]"
	w.settings["policy"] = "both.yaml"
	w.write(t, "both.yaml", fmt.Sprintf(`{callers: [{name: billing, token_hashes: ["%s"]}], grants: [{caller: billing, practices: ["*"], dossiers: ["*"], rights: [read, write]}]}`, policy.HashToken(w.token)))
	p := w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	if code, text := ask(t, web, "POST", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1"); code != 200 {
		t.Errorf("HTTP %d %s", code, text)
	}
	code, text := ask(t, web, "POST", "http://"+p.http+"/v1/practices/twin/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-2")
	if code != 409 || !strings.Contains(text, "ENTRY_ALREADY_IMPORTED") || !strings.Contains(text, "FA-1") {
		t.Errorf("by the other name: HTTP %d %s", code, text)
	}
	p.stop(t)
	if !slices.ContainsFunc(p.lines(t), func(line map[string]any) bool {
		return line["level"] == "WARN" && strings.Contains(fmt.Sprint(line["msg"]), "book into the same books") && fmt.Sprint(line["practices"]) == "[demo twin]"
	}) {
		t.Error("the log does not say that they share their books")
	}
}

// TestAuditIsWrittenWhateverTheLogLevel: and nothing else is.
func TestAuditIsWrittenWhateverTheLogLevel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	address := listener.Addr().String()
	_ = listener.Close()
	w.settings["log"] = "{level: error}"
	w.settings["listen"] = fmt.Sprintf(`{grpc: "127.0.0.1:0", http: "%s", operations: "127.0.0.1:0"}`, address)
	p := w.serve(t, address)
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	ask(t, web, "GET", "http://"+address+accounts, w.token, "")
	ask(t, web, "GET", "http://"+address+accounts, "another token", "")
	ask(t, web, "GET", "http://"+address+"/v1/practices/demo/dossiers/CEGID003/accounts", w.token, "")
	ask(t, web, "POST", "http://"+address+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1", "X-Request-Id", "call-1")
	web.CloseIdleConnections()
	p.stop(t)
	var seen []string
	for _, line := range p.lines(t) {
		if line["msg"] != "audit" {
			t.Errorf("a line that is no audit: %v", line)
			continue
		}
		seen = append(seen, fmt.Sprint(line["event"], " ", line["caller"], " ", line["dossier"]))
		if line["event"] == "done" && (line["request_id"] != "call-1" || line["code"] != "OK" || line["practice"] != "demo" || line["right"] != "write") {
			t.Errorf("the record of the import: %v", line)
		}
	}
	if got, want := strings.Join(seen, "; "), "refused  ; refused billing CEGID003; submitting billing CEGID001; submitted billing CEGID001; done billing CEGID001"; got != want {
		t.Errorf("the records are %q; want %q", got, want)
	}
	if text := p.log.String(); strings.Contains(text, "100.00") || strings.Contains(text, "Fournisseur") || strings.Contains(text, "60700000") || strings.Contains(text, secretCanary) {
		t.Errorf("the records hold a payload or a secret: %s", text)
	}
}

// TestTheAuditHasItsOwnPlace: the records and nothing else, and none of them in the log.
func TestTheAuditHasItsOwnPlace(t *testing.T) {
	for name, c := range map[string]struct {
		setting string
		read    func(*testing.T, *world, *process) string
	}{
		"a file": {"{file: audit.log}", func(t *testing.T, w *world, _ *process) string {
			text, err := os.ReadFile(w.path("audit.log"))
			testkit.OK(t, err)
			return string(text)
		}},
		"standard output": {"{stream: stdout}", func(_ *testing.T, _ *world, p *process) string { return p.stdout.String() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings["audit"] = c.setting
			p := w.serve(t, "")
			web := &http.Client{Transport: &http.Transport{}}
			defer web.CloseIdleConnections()
			ask(t, web, "GET", "http://"+p.http+accounts, w.token, "")
			ask(t, web, "GET", "http://"+p.http+accounts, "another token", "")
			ask(t, web, "POST", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1")
			web.CloseIdleConnections()
			p.stop(t)
			text := c.read(t, w, p)
			if strings.Count(text, "\n") != 4 || strings.Count(text, `"msg":"audit"`) != 4 || !strings.Contains(text, `"event":"refused","why":"token of nobody"`) || !strings.Contains(text, `"event":"submitted"`) {
				t.Errorf("the audit: %s", text)
			}
			for _, line := range p.lines(t) {
				if line["msg"] == "audit" {
					t.Errorf("the log has a record: %v", line)
				}
			}
			if strings.Contains(text, "another token") || strings.Contains(text, w.token) || strings.Contains(text, "Fournisseur") {
				t.Errorf("the audit holds a secret or a payload: %s", text)
			}
		})
	}
}

// authority signs certificates for loopback.
type authority struct{ *certtest.Authority }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	return &authority{certtest.New(t)}
}

// sign makes a certificate with that serial number, and its key.
func (a *authority) sign(t *testing.T, serial int64) (certificate, key string) {
	t.Helper()
	return a.signUntil(t, serial, time.Now().Add(time.Hour))
}

func (a *authority) signUntil(t *testing.T, serial int64, end time.Time) (certificate, key string) {
	t.Helper()
	return certtest.Files(t, a.Sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "gateway"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: end.Add(-2 * time.Hour), NotAfter: end,
	}))
}

func TestServeOverTLS(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), newAuthority(t)
	certificate, key := a.sign(t, 100)
	w.write(t, "tls.crt", certificate)
	w.write(t, "tls.key", key)
	w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
	p := w.serve(t, "")
	trusting := &tls.Config{RootCAs: a.Pool}
	conn := dial(t, p.grpc, trusting)
	if err := listAccounts(t.Context(), conn, w.token); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting.Clone(), ForceAttemptHTTP2: protocol == "HTTP/2.0"}}
		response, err := web.Get("https://" + p.http + "/healthz")
		testkit.OK(t, err)
		_ = response.Body.Close()
		if response.Proto != protocol {
			t.Errorf("the answer came over %s; want %s", response.Proto, protocol)
		}
		if code, text := ask(t, web, "GET", "https://"+p.http+accounts, w.token, ""); code != 200 || !strings.Contains(text, "10100000") {
			t.Errorf("REST over %s: HTTP %d %s", protocol, code, text)
		}
		web.CloseIdleConnections()
	}

	// Plaintext is refused on both, and so is TLS that has had its day.
	if err := listAccounts(t.Context(), dial(t, p.grpc, nil), w.token); status.Code(err) != codes.Unavailable {
		t.Errorf("gRPC in plaintext: %v", err)
	}
	response, err := http.Get("http://" + p.http + accounts)
	if err == nil {
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest || strings.Contains(string(text), "10100000") {
			t.Errorf("REST in plaintext: HTTP %d %s", response.StatusCode, text)
		}
	}
	for _, address := range []string{p.grpc, p.http} {
		old := &tls.Config{RootCAs: a.Pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		if conn, err := tls.Dial("tcp", address, old); err == nil {
			_ = conn.Close()
			t.Errorf("%s speaks TLS 1.1", address)
		}
	}

	// A rotation is seen by new connections; the old one goes on.
	serial := func(address string) int64 {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.Pool, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatalf("during the rotation: %v", err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	certificate, key = a.sign(t, 200)
	w.write(t, "tls.crt", certificate)
	if got := serial(p.grpc); got != 100 {
		t.Errorf("half of a rotation serves certificate %d", got)
	}
	w.write(t, "tls.key", key)
	for _, address := range []string{p.grpc, p.http} {
		eventually(t, "the new certificate", func() bool { return serial(address) == 200 })
	}
	if err := listAccounts(t.Context(), conn, w.token); err != nil {
		t.Errorf("gRPC after the rotation: %v", err)
	}
	_ = conn.Close()
	p.stop(t)
	p.lines(t) // each is JSON, those of handshakes too
	if strings.Contains(p.log.String(), "PRIVATE KEY") {
		t.Error("the log holds a key")
	}
}

// TestSIGHUPChangesNothing: files are looked at anyway, and a crash leaves writes without an outcome.
func TestSIGHUPChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve(t, "")
	testkit.OK(t, p.cmd.Process.Signal(syscall.SIGHUP))
	if err := listAccounts(t.Context(), dial(t, p.grpc, nil), w.token); err != nil {
		t.Error(err)
	}
	p.stop(t)
	if strings.Count(p.log.String(), `"msg":"serving"`) != 1 {
		t.Errorf("the log: %s", p.log.String())
	}
}

// TestSIGTERMLetsACallEnd: it is answered, and the process ends in order.
func TestSIGTERMLetsACallEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 500 * time.Millisecond})
	p := w.serve(t, "")
	answered := make(chan error, 1)
	conn := dial(t, p.grpc, nil)
	go func() { answered <- listAccounts(t.Context(), conn, w.token) }()
	eventually(t, "the call", func() bool { return w.Count("/compte") > 0 })
	p.stop(t)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
}

// TestConnectionsAge: calls go over new connections from time to time, over gRPC and REST, and none of them fails.
func TestConnectionsAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings["listen"] = `{grpc: "127.0.0.1:0", http: "127.0.0.1:0", operations: "127.0.0.1:0", connection_age: 1s}`
	p := w.serve(t, "")
	var dialed atomic.Int32
	conn := dial(t, p.grpc, nil, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		dialed.Add(1)
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	connections := map[string]bool{}
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { connections[got.Conn.LocalAddr().String()] = true }})
	calls := 0
	eventually(t, "other connections", func() bool {
		calls++
		if err := listAccounts(t.Context(), conn, w.token); err != nil {
			t.Fatalf("call %d: %v", calls, err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+"/healthz", nil)
		testkit.OK(t, err)
		response, err := client.Do(request)
		testkit.OK(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return dialed.Load() >= 3 && len(connections) >= 3
	})
	if calls < 10 {
		t.Errorf("three connections each after %d calls: they do not last", calls)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	out, said, code := run(t, "version")
	if code != 0 || said != "" || !regexp.MustCompile(`^\S+ \S* ?go1\.\d+\S*.*\n$`).MatchString(out) {
		t.Errorf("code %d: %q, %q", code, out, said)
	}
}
