package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/authntest"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/policy"
)

// click is what the administrator of the practice is asked to do. The public half of the key is there, and only there.
const click = "demo, in LoopHub: an administrator of the practice activates the key sandbox-demo-advanced (advanced) under the application of your vendor, " +
	"or \"Cegid Loop APIs Standard\" where that is not listed, and attaches to it each dossier to be used, here CEGID001.\n"

var (
	secretHalf = regexp.MustCompile(`sandbox-(subscription|demo-(secret|mistyped)|partner-secret)`)
	nobody     = regexp.MustCompile(`127\.0\.0\.1:[0-9]+/`)
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name      string
		do        func(t *testing.T, w *world)
		arguments []string
		code      int
		says      []string // on standard output
		fails     string   // on standard error
		calls     bool
	}{
		{name: "all is well", says: []string{"configuration and policy: fine, 1 practices, 1 callers\ndemo, advanced key: Loop answers, with data of the dossier.\n" + click}, calls: true},
		{name: "offline", arguments: []string{"--offline"}, says: []string{"fine, 1 practices, 1 callers\n" + click}},
		{name: "offline, while Loop refuses the key", do: func(t *testing.T, w *world) { w.SetSubscriptionKeys("", "") }, arguments: []string{"--offline"}, says: []string{"fine"}},
		{
			name: "the certificate has ended", do: withCertificate(-time.Hour), arguments: []string{"--offline"},
			says: []string{"note: the certificate ended on " + time.Now().Add(-time.Hour).UTC().Format(time.DateOnly) + ", and callers refuse it"},
		},
		{name: "the certificate ends soon", do: withCertificate(13 * 24 * time.Hour), arguments: []string{"--offline"}, says: []string{"note: the certificate ends on 2"}},
		{name: "the certificate lasts", do: withCertificate(15 * 24 * time.Hour), arguments: []string{"--offline"}, says: []string{"fine, 1 practices, 1 callers\n" + click}},
		{
			name: "the certificate comes without its issuer's", do: withIssuer(func(*authority) string { return "" }), arguments: []string{"--offline"},
			says: []string{"note: callers may refuse the certificate: its file holds it alone, and not the certificate of its issuer, \"CN=authority\": put that after it"},
		},
		{
			name: "a certificate without its issuer's ends soon", arguments: []string{"--offline"},
			do: func(t *testing.T, w *world) {
				withCertificate(13*24*time.Hour)(t, w)
				both, err := os.ReadFile(w.path("tls.crt"))
				testkit.OK(t, err)
				leaf, _, _ := strings.Cut(string(both), "-----END CERTIFICATE-----\n")
				w.write(t, "tls.crt", leaf+"-----END CERTIFICATE-----\n")
			},
			says: []string{"note: the certificate ends on 2", "note: callers may refuse the certificate: its file holds it alone"},
		},
		{
			name: "the certificate comes with another's", do: withIssuer(func(*authority) string { return newAuthority(t).PEM() }), arguments: []string{"--offline"},
			says: []string{"note: callers may refuse the certificate: in its file, what follows the certificate of \"CN=gateway\" is not that of its issuer, \"CN=authority\""},
		},
		{
			name: "other machines reach it without TLS", do: func(_ *testing.T, w *world) {
				w.settings["listen"] = `{grpc: "127.0.0.1:0", http: ":0", operations: "0.0.0.0:0"}`
				w.settings["public"] = "{docs: false}"
			}, arguments: []string{"--offline"},
			says: []string{
				"note: tls is off, and listen.grpc or listen.http is open beyond this machine", "note: listen.operations is open beyond this machine",
				"reachable: gRPC on 127.0.0.1:0 (from this machine) and REST on :0 (from other machines), without TLS; without a credential: gRPC reflection, health; metrics on 0.0.0.0:0 (from other machines)\n",
			},
		},
		{
			name: "a ledger that several servers can use", do: func(t *testing.T, w *world) {
				w.write(t, "secrets/ledger", "postgres://gateway@127.0.0.1:1/gateway?sslmode=disable")
				w.settings["ledger"] = `{postgres: "${file:secrets/ledger}"}`
			}, arguments: []string{"--offline"}, says: []string{"note: replicas is 1: if several servers use the ledger"},
		},
		{
			name: "the subscription key is refused", do: func(_ *testing.T, w *world) { w.SetSubscriptionKeys("x", "y") },
			code: 2, says: []string{"demo, advanced key: Loop's gateway rejects the subscription key.\n  Loop answered HTTP 401", "  1. Compare the subscription key", click}, fails: "1 of 1 practices are not connected", calls: true,
		},
		{
			name: "the primary subscription key is refused, and the secondary works", do: func(t *testing.T, w *world) {
				secondary(t, w)
				w.SetSubscriptionKeys("x", loopsim.SandboxSubscriptionSecondary)
			},
			says: []string{
				"demo, advanced key: Loop answers, with data of the dossier, but rejects the primary subscription key: the secondary one works.\n" +
					"  1. Renew the primary subscription key in the Cegid developer portal and write it to its file, before the secondary one ends, too.\n" + click,
			}, calls: true,
		},
		{
			name: "both subscription keys are refused", do: func(t *testing.T, w *world) { secondary(t, w); w.SetSubscriptionKeys("x", "y") },
			code: 2, says: []string{"demo, advanced key: Loop's gateway rejects both subscription keys.\n  Loop answered HTTP 401"}, fails: "not connected", calls: true,
		},
		{
			name: "the primary subscription key is refused, and the dossier is not attached", do: func(t *testing.T, w *world) {
				secondary(t, w)
				w.SetSubscriptionKeys("x", loopsim.SandboxSubscriptionSecondary)
				testkit.OK(t, w.SetAttached("demo", loopsim.Advanced, dossier, false))
			},
			code: 2, says: []string{
				"demo, advanced key: Loop does not let this key touch the dossier.\n", "HTTP 403",
				"  seen with the secondary subscription key; Loop answered 401 to the primary one\n", "  4. Renew the primary subscription key",
			}, fails: "not connected", calls: true,
		},
		{
			name: "the secret half of the key is wrong", do: func(t *testing.T, w *world) {
				w.write(t, "secrets/demo", "sandbox-demo-advanced:sandbox-demo-mistyped")
			},
			code: 2, says: []string{"demo, advanced key: Loop rejects the API key", "activates the public half of the API key in LoopHub", click}, fails: "not connected", calls: true,
		},
		{
			name: "the key has no secret half", do: func(t *testing.T, w *world) { w.write(t, "secrets/demo", "sandbox-demo-secret") },
			code: 1, fails: "${file:secrets/demo}: it is no API key: write key:secret",
		},
		{
			name: "Loop cannot be reached", do: func(_ *testing.T, w *world) {
				w.settings["loop"] = nobody.ReplaceAllString(w.settings["loop"], "127.0.0.1:1/")
			},
			code: 2, says: []string{"demo, advanced key: Loop cannot be reached, or does not answer in time.\n", "may reach the host of loop.base_url", click}, fails: "not connected",
		},
		{
			name: "several practices, keys and dossiers", do: func(t *testing.T, w *world) {
				w.write(t, "secrets/partner", loopsim.SandboxPartnerAPIKey)
				w.settings["practices"] = `[{name: demo, keys: {advanced: "${file:secrets/demo}", standard: "${file:secrets/partner}"}}, ` +
					`{name: partner, keys: {standard: "${file:secrets/partner}"}, dossiers: [{code: A}, {code: B}, {code: C}, {code: D}, {code: E}, {code: F}, {code: G}]}]`
				w.settings["policy"] = "other.yaml"
				w.write(t, "other.yaml", "callers: [{name: idle, token_hashes: [\""+policy.HashToken("x")+"\"]}, {name: billing, token_hashes: [\""+policy.HashToken("y")+"\"]}]\n"+
					"grants: [{caller: billing, practices: [demo], dossiers: [\"*\"], rights: [read]}]\n")
			}, arguments: []string{"--offline"},
			says: []string{
				"fine, 2 practices, 2 callers\nnote: the caller idle has no grant, and may do nothing\nnote: no grant is on the practice partner, and nobody may use it\n",
				"activates the key sandbox-partner-standard (standard) and the key sandbox-demo-advanced (advanced) under", "attaches to it each dossier to be used.\n",
				"here A, B, C, D, E, 2 more.\nnote: the practices demo and partner have the key sandbox-partner-standard in common: a document that came in through one",
				"note: the practices demo and partner book into the same books, by their domain or key: what is imported for one is refused for another\n",
			},
		},
		{
			name: "the dossier is not attached", do: func(t *testing.T, w *world) {
				if err := w.SetAttached("demo", loopsim.Advanced, dossier, false); err != nil {
					t.Fatal(err)
				}
			},
			code: 2, says: []string{click, "HTTP 403", "LoopHub", "  1. "}, fails: "not connected", calls: true,
		},
		{
			name: "Loop is down", do: func(_ *testing.T, w *world) { w.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503}) },
			code: 2, says: []string{click, "HTTP 503"}, fails: "not connected", calls: true,
		},
		{
			name: "issuers that answer, and that do not", do: func(t *testing.T, w *world) {
				w.settings["oidc"] = fmt.Sprintf("[{issuer: %q, audience: a, allow_plain_http: true}, {issuer: 'http://127.0.0.1:1', audience: a, allow_plain_http: true}]", authntest.Serve(t, "a").URL)
			},
			says: []string{": its keys can be fetched\n", "issuer http://127.0.0.1:1: note: its tokens would be answered with ISSUER_UNAVAILABLE: there is no OpenID Connect configuration below this URL: dial tcp"}, calls: true,
		},
		{
			name: "Loop does not answer", do: func(_ *testing.T, w *world) { w.Inject(loopsim.Fault{Kind: loopsim.FaultHang}) }, arguments: []string{"--timeout", "300ms"},
			code: 2, says: []string{"demo, advanced key: "}, fails: "not connected", calls: true,
		},
		{
			name: "a practice without dossiers", do: func(_ *testing.T, w *world) {
				w.settings["practices"] = strings.ReplaceAll(w.settings["practices"], ", dossiers: [{code: CEGID001}]", "")
			},
			says: []string{"note: demo: its keys can be read; they were not tried, because Loop has no call without a dossier: list one under dossiers\ndemo, in LoopHub: "},
		},
		{
			name: "a practice without dossiers beside one that is refused", do: func(t *testing.T, w *world) {
				w.write(t, "secrets/partner", loopsim.SandboxPartnerAPIKey)
				w.settings["practices"] = strings.Replace(w.settings["practices"], "[", `[{name: partner, keys: {standard: "${file:secrets/partner}"}}, `, 1)
				w.SetSubscriptionKeys("x", "y")
			},
			code: 2, says: []string{"note: partner: its keys can be read;"}, fails: "1 of 2 practices are not connected", calls: true,
		},
		{name: "an empty file as ledger", do: func(t *testing.T, w *world) { w.write(t, "ledger.db", "") }, code: 1, fails: "this is no ledger"},
		{name: "no ledger", do: func(_ *testing.T, w *world) { _ = os.Remove(w.path("ledger.db")) }, code: 1, fails: "server ledger init"},
		{name: "a misspelt configuration", do: func(_ *testing.T, w *world) { w.settings["listne"] = "{}" }, code: 1, fails: "is not known here; the keys are listen,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.do != nil {
				c.do(t, w)
			}
			out, said, code := run(t, append([]string{"check", "--config", w.config(t)}, c.arguments...)...)
			if code != c.code || !strings.Contains(said, c.fails) || (c.fails == "") != (said == "") {
				t.Errorf("code %d, saying %q; want %d, saying %q", code, said, c.code, c.fails)
			}
			for _, each := range c.says {
				if !strings.Contains(out, each) {
					t.Errorf("it says %q; want %q", out, each)
				}
			}
			if (w.Count("") > 0) != c.calls {
				t.Errorf("Loop was called %d times", w.Count(""))
			}
			if secretHalf.MatchString(out + said) {
				t.Errorf("it shows a secret: %s %s", out, said)
			}
		})
	}
}

// secondary configures the second subscription key.
func secondary(t *testing.T, w *world) {
	w.write(t, "secrets/secondary", loopsim.SandboxSubscriptionSecondary)
	w.settings["loop"] = strings.Replace(w.settings["loop"], "secrets/primary}\"", "secrets/primary}\", secondary: \"${file:secrets/secondary}\"", 1)
}

// withCertificate serves a certificate that lasts as long as that.
func withCertificate(left time.Duration) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		a := newAuthority(t)
		certificate, key := a.signUntil(t, 3, time.Now().Add(left))
		w.write(t, "tls.crt", certificate+a.PEM())
		w.write(t, "tls.key", key)
		w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
	}
}

// withIssuer serves a certificate that is followed by what it is given.
func withIssuer(follows func(*authority) string) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		a := newAuthority(t)
		certificate, key := a.signUntil(t, 3, time.Now().Add(30*24*time.Hour))
		w.write(t, "tls.crt", certificate+follows(a))
		w.write(t, "tls.key", key)
		w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
	}
}

func TestLedgerInit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if out, said, code := run(t, "ledger", "init", "--ledger", w.path("other.db")); code != 0 || said != "" || !strings.Contains(out, "other.db") {
		t.Errorf("code %d: %q, %q", code, out, said)
	}
	info, err := os.Stat(w.path("other.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	before, _ := os.ReadFile(w.path("other.db"))
	if _, said, code := run(t, "ledger", "init", "--ledger", w.path("other.db")); code == 0 || !strings.Contains(said, "never replaced") {
		t.Errorf("a second time: code %d, %q", code, said)
	}
	if after, _ := os.ReadFile(w.path("other.db")); string(after) != string(before) {
		t.Error("it was touched")
	}
	if _, said, code := run(t, "ledger", "init", "--ledger", w.path("nowhere/other.db")); code == 0 || !strings.Contains(said, "there is no such folder; make it") {
		t.Errorf("in a folder that is not there: code %d, %q", code, said)
	}
	w.settings["ledger"] = "other.db"
	w.serve(t, "").stop(t)
}

// TestABackupServes: taken while nobody serves, put back in the place of a lost ledger.
func TestABackupServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	send := func(p *process) (code int, text string) {
		t.Helper()
		return ask(t, web, "POST", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1")
	}
	p := w.serve(t, "")
	if code, text := send(p); code != 200 {
		t.Fatalf("an import: HTTP %d %s", code, text)
	}
	backup := []string{"ledger", "backup", "--ledger", w.path("ledger.db"), "--to", w.path("backup.db")}
	web.CloseIdleConnections()
	p.stop(t)
	if out, said, code := run(t, backup...); code != 0 || said != "" || !strings.HasPrefix(out, "copied 1 submissions to ") {
		t.Errorf("code %d: %q, %q", code, out, said)
	}
	if _, said, code := run(t, backup...); code != 1 || !strings.Contains(said, "never replaced") {
		t.Errorf("over the first: code %d, %q", code, said)
	}
	if err := os.Rename(w.path("backup.db"), w.path("ledger.db")); err != nil {
		t.Fatal(err)
	}
	if out, said, code := run(t, "ledger", "restore", "--ledger", w.path("ledger.db"), "--no-audit"); code != 0 {
		t.Errorf("restoring: code %d: %q, %q", code, out, said)
	}
	sent := w.Count("/importJson")
	p = w.serve(t, "")
	if code, text := send(p); code != 200 || !strings.Contains(text, `"attempt":1`) || w.Count("/importJson") != sent || sent != 1 {
		t.Errorf("the same import: HTTP %d %s; sent %d times", code, text, w.Count("/importJson"))
	}
	web.CloseIdleConnections()
	p.stop(t)
}

// TestServersShareALedgerOnPostgreSQL, as an operator sets it up.
func TestServersShareALedgerOnPostgreSQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(t, "secrets/ledger", pgtest.Shared(t).Database(t)+"\n")
	w.settings["ledger"], w.settings["replicas"] = `{postgres: "${file:secrets/ledger}"}`, "2"
	reference := "${file:" + w.path("secrets/ledger") + "}"
	for _, arguments := range [][]string{{"check", "--config", w.config(t)}, {"serve", "--config", w.config(t)}} {
		if _, said, code := run(t, arguments...); code != 1 || !strings.Contains(said, "server ledger init") {
			t.Errorf("%v without a ledger: code %d, %q", arguments, code, said)
		}
	}
	if _, said, code := run(t, "ledger", "init"); code == 0 || !strings.Contains(said, "--ledger") || !strings.Contains(said, "--postgres") {
		t.Errorf("nowhere: code %d, %q", code, said)
	}
	if _, said, code := run(t, "ledger", "init", "--postgres", reference, "--ledger", w.path("x.db")); code == 0 || said == "" {
		t.Errorf("in two places: code %d, %q", code, said)
	}
	if _, said, code := run(t, "ledger", "init", "--postgres", "postgres://x:"+secretCanary+"@localhost/x"); code == 0 || strings.Contains(said, secretCanary) {
		t.Errorf("with the password on the command line: code %d, %q", code, said)
	}
	if out, said, code := run(t, "ledger", "init", "--postgres", reference); code != 0 || said != "" || !strings.Contains(out, reference) {
		t.Errorf("code %d: %q, %q", code, out, said)
	}
	if _, said, code := run(t, "ledger", "init", "--postgres", reference); code == 0 || !strings.Contains(said, "never replaced") {
		t.Errorf("a second time: code %d, %q", code, said)
	}
	if out, said, code := run(t, "check", "--config", w.config(t)); code != 0 || said != "" {
		t.Errorf("check: code %d: %q, %q", code, out, said)
	}
	first, second := w.serve(t, ""), w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	const imports = "/v1/practices/demo/dossiers/" + dossier + "/imports"
	body := `{"entries": [{"journal": "ACH", "date": "2026-03-15", "reference": "FA-1", "documentReference": "FA-1", "lines": [` +
		`{"account": "60700000", "label": "Achat", "debit": "60.00"}, {"account": "40100000", "thirdParty": "FEXEMPLE", "label": "Achat", "credit": "60.00"}]}]}`
	var answers [8]string
	var calls sync.WaitGroup
	for i := range answers {
		calls.Go(func() {
			_, answers[i] = ask(t, web, "POST", "http://"+[]*process{first, second}[i%2].http+imports, w.token, body, "Idempotency-Key", "FA-1", "Content-Type", "application/json")
		})
	}
	calls.Wait()
	for _, answer := range answers {
		if !strings.Contains(answer, `"requestId":"FA-1"`) || !strings.Contains(answer, `"attempt":1`) {
			t.Errorf("%s", answer)
		}
	}
	if n := w.Count("/importJson"); n != 1 {
		t.Errorf("Loop was called %d times", n)
	}
	// A caller who watches at one server learns what the other one learnt.
	for _, p := range []*process{first, second} {
		if _, text := ask(t, web, "GET", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports/FA-1:watch", w.token, ""); !strings.Contains(text, "IMPORT_STATE_SUCCEEDED") {
			t.Errorf("%s", text)
		}
	}
	web.CloseIdleConnections()
	first.stop(t)
	second.stop(t)
}

// TestANewTokenWorks: its hash goes into the policy, and it opens the door.
func TestANewTokenWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, said, code := run(t, "token", "new")
	found := regexp.MustCompile(`(?m)^token, for the caller alone: +(\S+)\nhash, for token_hashes: +(sha256:[0-9a-f]{64})$`).FindStringSubmatch(out)
	if code != 0 || said != "" || found == nil {
		t.Fatalf("code %d: %q, %q", code, out, said)
	}
	if again, _, _ := run(t, "token", "new"); again == out {
		t.Error("it makes the same one twice")
	}
	w.policy(t, found[2])
	p := w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	for token, want := range map[string]int{found[1]: 200, found[2]: 401, w.token: 401, found[1] + "x": 401} {
		if code, text := ask(t, web, "GET", "http://"+p.http+accounts, token, ""); code != want {
			t.Errorf("HTTP %d %s; want %d", code, text, want)
		}
	}
	web.CloseIdleConnections()
	p.stop(t)
}
