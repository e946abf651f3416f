package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

// What must never show, wherever it lay.
const (
	canaryAPIKey       = "public-half-of-demo:c4narySecretOfTheAPIKeyOfDemo+/="
	canaryPartnerKey   = "public-half-of-partner:c4narySecretOfTheAPIKeyOfPartner"
	canarySubscription = "c4narySubscriptionKeyPrimary0123"
	canarySecondary    = "c4narySubscriptionKeySecondary01"
	canaryDSN          = "c4naryPasswordOfPostgreSQL"
	canarySignature    = "c4narySignatureOfAnAttachment%2Bx"
	canaryAttachment   = "https://files.example/invoice.pdf?sv=2026&sig=" + canarySignature
	canaryDeposit      = "https://blob.example/deposit?sig=c4narySignatureOfADeposit"
)

// What is a client's own, and must show to nobody but those who ask for it.
const (
	canaryName    = "CANARI DUPONT-MARTIN ET FILS"
	canaryLabel   = "HONORAIRES CANARI SUCCESSION"
	canaryAmount  = "73219.57"
	canaryParty   = "CCANARIDUPONT"
	canaryEmail   = "canari.dupont@client.example"
	canaryDossier = "DOSSIERCANARI"
	canarySaid    = "Le tiers " + canaryName + " doit " + canaryAmount
)

// plant puts the secrets where they belong.
func (s *siege) plant(t *testing.T) {
	t.Helper()
	s.SetSubscriptionKeys(canarySubscription, canarySecondary)
	for practice, key := range map[string]struct {
		kind  loopsim.KeyKind
		value string
	}{"demo": {loopsim.Advanced, canaryAPIKey}, "partner": {loopsim.Standard, canaryPartnerKey}} {
		testkit.OK(t, s.RotateAPIKey(practice, key.kind, key.value))
		s.write(t, "secrets/"+practice, key.value)
	}
	s.write(t, "secrets/primary", canarySubscription)
	s.write(t, "secrets/secondary", canarySecondary)
}

// secrets by what they are, each in its plainest form.
func (s *siege) secrets(t *testing.T) map[string]string {
	t.Helper()
	key, err := os.ReadFile(s.path("tls.key"))
	testkit.OK(t, err)
	block, _ := pem.Decode(key)
	secretOf := func(key string) string { _, secret, _ := strings.Cut(key, ":"); return secret }
	return map[string]string{
		"the API key of demo": secretOf(canaryAPIKey), "the API key of partner": secretOf(canaryPartnerKey),
		"the primary subscription key": canarySubscription, "the secondary subscription key": canarySecondary,
		"alice's token": alice, "audrey's token": audrey, "bob's token": bob, "greedy's token": greedy,
		"the signature of an attachment": canarySignature, "the signature of a deposit": "c4narySignatureOfADeposit",
		"the key of the certificate": string(block.Bytes[len(block.Bytes)/2:]), "the password of the database": canaryDSN,
		"a JWT": s.lastJWT,
	}
}

// private is what clients own.
var private = map[string]string{
	"a client's name": canaryName, "a label": canaryLabel, "an amount": canaryAmount, "a third party": canaryParty, "an e-mail address": canaryEmail,
}

// forms are the ways in which a text may show.
func forms(text string) map[string]string {
	all := map[string]string{"as it is": text, "in hex": hex.EncodeToString([]byte(text)), "URL-encoded": url.QueryEscape(text), "in a path": url.PathEscape(text)}
	quoted, _ := json.Marshal(text)
	all["in JSON"] = strings.Trim(string(quoted), `"`)
	if unescaped, err := url.QueryUnescape(text); err == nil {
		all["unescaped"] = unescaped
	}
	for offset := range 3 { // wherever it begins in what is encoded; without the characters that its neighbours touch
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("x", offset) + text))
			all[fmt.Sprint(name, ", ", offset)] = encoded[(offset*8+5)/6 : len(encoded)-len(encoded)%4-4]
		}
	}
	return all
}

func search(t *testing.T, where, text string, wanted map[string]string) {
	t.Helper()
	if text == "" {
		t.Errorf("there is nothing in %s to search", where)
	}
	lower := strings.ToLower(text)
	for what, value := range wanted {
		for how, form := range forms(value) {
			if strings.Contains(text, form) || how == "in hex" && strings.Contains(lower, form) {
				t.Errorf("%s has %s, %s", where, what, how)
			}
		}
	}
}

// TestCanariesAreFound: a search that finds nothing proves nothing unless it finds what is there.
func TestCanariesAreFound(t *testing.T) {
	t.Parallel()
	const secret = "c4nary+/Secret"
	for name, text := range map[string]string{
		"plain": "x " + secret, "hex": strings.ToUpper(hex.EncodeToString([]byte("ab" + secret))), "query": url.QueryEscape("a=" + secret),
		"base64": base64.StdEncoding.EncodeToString([]byte("ab" + secret + "c")), "base64url": base64.RawURLEncoding.EncodeToString([]byte("abc" + secret)),
	} {
		found := false
		for how, form := range forms(secret) {
			found = found || strings.Contains(text, form) || how == "in hex" && strings.Contains(strings.ToLower(text), form)
		}
		if !found {
			t.Errorf("%s: %q is not found", name, text)
		}
	}
}

// searchForCanaries lets the service see and suffer what has secrets in it, takes all that it ever said, ends it by a panic,
// and searches.
func (s *siege) searchForCanaries(t *testing.T) {
	s.lastJWT = s.jwt(nil)
	s.provoke(t)
	secrets := s.secrets(t)
	outside := map[string]string{"what attackers heard": s.heard.String()}
	for _, path := range []string{
		"metrics", "config", "log/level", "drain", "debug/pprof/heap?debug=1", "debug/pprof/heap", "debug/pprof/allocs?debug=1", "debug/pprof/goroutine?debug=2", "debug/pprof/goroutine",
		"debug/pprof/block?debug=1", "debug/pprof/mutex?debug=1", "debug/pprof/threadcreate?debug=1", "debug/pprof/profile?seconds=1", "debug/pprof/trace?seconds=1",
	} {
		web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
		code, text := ask(t, web, "GET", "http://"+s.p.operations+"/"+path, "", "")
		if code != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, code)
		}
		outside["/"+path] = unzipped(text)
	}
	before := s.p.log.String()
	testkit.OK(t, s.p.cmd.Process.Signal(syscall.SIGUSR1))
	select {
	case <-s.p.ended:
	case <-time.After(patience):
		t.Fatal("a panic does not end it")
	}
	dump := strings.TrimPrefix(s.p.log.String(), before)
	if !strings.Contains(dump, "panic: a test demanded it") || strings.Count(dump, "\ngoroutine ") < 10 {
		t.Errorf("the panic left %.500s", dump)
	}
	audit, err := os.ReadFile(s.path("audit.log"))
	testkit.OK(t, err)
	outside["the log"], outside["the dump of a panic"], outside["the audit"] = before, dump, string(audit)
	for where, text := range outside {
		search(t, where, text, secrets)
		if where != "what attackers heard" { // who asks for a client's data gets it
			search(t, where, text, private)
		}
	}
	if s.p.stdout.Len() > 0 {
		t.Errorf("standard output has %q", s.p.stdout.String())
	}
	for _, code := range []string{"CEGID001", "CEGID003", "DOSSIER_TEST", "BIG00001", canaryDossier} {
		for _, where := range []string{"the log", "/metrics", "/config"} {
			if strings.Contains(outside[where], code) {
				at := strings.Index(outside[where], code)
				t.Errorf("%s names the dossier %s: %s", where, code, outside[where][max(0, at-300):min(len(outside[where]), at+100)])
			}
		}
	}
}

// provoke makes calls in which everything goes wrong that could make the service speak of what it holds.
func (s *siege) provoke(t *testing.T) {
	t.Helper()
	said := func(what, got, want string) {
		if got != want {
			t.Errorf("%s: %q; want %q", what, got, want)
		}
	}
	said("a good token", s.list("demo", "CEGID001", as(s.lastJWT)...), "OK")
	said("a name in a filter", s.rest("GET", demoAccounts+"?filter="+url.QueryEscape(`label = "`+canaryName+`"`), "", bearer(alice)...), "200")
	said("a name in a bad filter", s.rest("GET", demoAccounts+"?filter="+url.QueryEscape(`label : "`+canaryName+`"`), "", bearer(alice)...), "400 FILTER_UNSUPPORTED")
	said("a name in the path", s.rest("GET", "/v1/practices/"+url.PathEscape(canaryName)+"/dossiers/"+canaryDossier+"/accounts", "", bearer(alice)...), "403 CALLER_NOT_ALLOWED")
	unknown := sale("canary-1")
	unknown.Entries[0].Lines[0].ThirdParty = canaryParty
	said("an unknown third party", s.send(alice, unknown), "InvalidArgument THIRD_PARTY_UNKNOWN")
	unbalanced := sale("canary-2")
	unbalanced.Entries[0].Lines = append(unbalanced.Entries[0].Lines, unbalanced.Entries[0].Lines[0])
	said("an entry that does not balance", s.send(alice, unbalanced), "InvalidArgument ENTRY_UNBALANCED")
	said("a document", s.rest("POST", "/v1/practices/demo/dossiers/CEGID001/documents?fileName="+url.QueryEscape(canaryName)+".pdf&uploadAuthor="+url.QueryEscape(canaryEmail), "%PDF-1.7 "+canaryLabel,
		append(bearer(alice), "Idempotency-Key", "canary-3")...), "200")
	said("a raw write", s.rest("POST", demoRaw, `{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "canary-4", "body": "{\"text\": \"`+canaryName+`\"}"}`, bearer(alice)...), "200")

	// Loop says what it was sent, and more.
	echo := fmt.Sprintf(`{"error": {"code": "X", "message": %q, "instanceId": "i-1"}, "headers": {"x-apikey": %q, "key": %q}}`, canarySaid+" ("+canaryAPIKey+")", canaryAPIKey, canarySubscription)
	for n, fault := range []loopsim.Fault{
		{Kind: loopsim.FaultStatus, Status: 400, Body: echo},
		{Kind: loopsim.FaultStatus, Status: 500, Body: echo},
		{Kind: loopsim.FaultStatus, Status: 401, Body: echo},
		{Kind: loopsim.FaultHTML, Body: "<html>" + canarySaid + canaryAPIKey + "</html>"},
		{Kind: loopsim.FaultNonsense, Body: `{"data": [` + canarySaid + canarySubscription},
		{Kind: loopsim.FaultStatus, Status: 307, Location: canaryDeposit},
		{Kind: loopsim.FaultCutBefore},
		{Kind: loopsim.FaultTruncated},
	} {
		id := s.Inject(fault)
		if got := s.rest("GET", "/v1/practices/demo/dossiers/CEGID001/journals", "", bearer(alice)...); got == "200" {
			t.Errorf("fault %d does not strike", n)
		}
		if got := s.send(alice, sale(fmt.Sprint("canary-fault-", n))); got == "OK" {
			t.Errorf("fault %d does not strike an import", n)
		}
		s.RemoveFault(id)
	}
	// A database that does not answer, with a password.
	s.write(t, "secrets/postgres", "postgres://gateway:"+canaryDSN+"@127.0.0.1:1/ledger?sslmode=disable&connect_timeout=1")
	sick := *s.world
	sick.settings = map[string]string{}
	for key, value := range s.settings {
		sick.settings[key] = value
	}
	sick.settings["ledger"] = `{postgres: "${file:secrets/postgres}"}`
	sick.settings["audit"] = "{file: sick.log}"
	p := sick.serve(t, "") // for reads
	p.stop(t)
	audit, err := os.ReadFile(s.path("sick.log"))
	testkit.OK(t, err)
	_, _ = fmt.Fprintln(&s.heard, p.log.String(), string(audit))
	if !strings.Contains(p.log.String(), "the ledger cannot be reached") {
		t.Error("the log does not tell of a database that does not answer")
	}
	config := sick.config(t)
	for _, arguments := range [][]string{{"check", "--config", config}, {"ledger", "init", "--config", config}, {"ledger", "migrate", "--config", config}} {
		stdout, stderr, code := run(t, arguments...)
		if code == 0 {
			t.Errorf("%v works without a database", arguments)
		}
		_, _ = fmt.Fprintln(&s.heard, stdout, stderr)
	}
}
