package config_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/examples"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/certtest"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/strictyaml"
)

const canary = "CANARY-6f1d9"

// minimal leaves out whatever has a default.
const minimal = `
tls: off
loop:
  subscription_keys:
    primary: ${file:subscription}
practices:
  - name: demo
    keys:
      standard: ${file:standard}
policy: policy.yaml
ledger: ledger.db
`

// folder returns a folder with what minimal refers to.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "subscription", canary+"-subscription\n")
	write(t, dir, "standard", canary+"-key:"+canary+"+/=:x\n")
	write(t, dir, "policy.yaml", "\n")
	return dir
}

func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	testkit.OK(t, os.MkdirAll(filepath.Dir(path), 0o700))
	testkit.OK(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// example loads the published example, with secrets beside it.
func example(t testing.TB) *config.Config {
	t.Helper()
	c, err := load(t, exampleFolder(t), string(examples.Gateway))
	testkit.OK(t, err)
	return c
}

func load(t testing.TB, dir, yaml string) (*config.Config, error) {
	t.Helper()
	return config.Load(write(t, dir, "gateway.yaml", yaml), []string{"create_account", "create_journal"})
}

func TestTheExampleIsAcceptedAndFitsThePolicyExample(t *testing.T) {
	c := example(t)
	if got := c.PracticeNames(); !reflect.DeepEqual(got, []string{"demo", "partner"}) {
		t.Errorf("practices are %v", got)
	}
	if _, err := policy.Load(c.Policy, c.Installation()); err != nil {
		t.Error(err)
	}
	demo, partner := c.Practices[0], c.Practices[1]
	if demo.Keys.SubscriptionKeys[1].String() != "${file:secrets/subscription-secondary}" {
		t.Errorf("demo does not use the installation's subscription keys: %v", demo.Keys)
	}
	if len(partner.Keys.SubscriptionKeys) != 1 || partner.Keys.SubscriptionKeys[0].String() != "${file:../secrets/partner-subscription}" {
		t.Errorf("partner does not use its own subscription key: %v", partner.Keys)
	}
	if demo.Dossiers[0] != (config.Dossier{Code: "CEGID001", Name: "Boulangerie"}) {
		t.Errorf("dossiers are %v", demo.Dossiers)
	}
}

func TestTheExampleSpellsOutTheDefaults(t *testing.T) {
	full := example(t)
	short, err := load(t, folder(t), minimal)
	testkit.OK(t, err)
	if full.Loop.BaseURL != cegidclient.DefaultBaseURL || short.Loop.BaseURL != cegidclient.DefaultBaseURL {
		t.Errorf("base URLs are %q and %q", full.Loop.BaseURL, short.Loop.BaseURL)
	}
	for name, pair := range map[string][2]any{
		"tls":       {full.TLS, short.TLS},
		"public":    {full.Closed, short.Closed},
		"http":      {fmt.Sprint(full.HTTP.Compression, full.HTTP.HSTS), fmt.Sprint(short.HTTP.Compression, short.HTTP.HSTS)},
		"plain":     {full.Loop.AllowPlainHTTP, short.Loop.AllowPlainHTTP},
		"limits":    {full.Practices[0].Limits, short.Practices[0].Limits},
		"names":     {full.Loop.TRANames, short.Loop.TRANames},
		"calls":     {full.Loop.Calls, short.Loop.Calls},
		"imports":   {full.Imports, short.Imports},
		"retention": {full.Retention, short.Retention},
		"callers":   {full.CallerLimits, short.CallerLimits},
		"audit":     {full.Audit.Stdout, short.Audit.Stdout},
		"deadlines": {full.Deadlines, short.Deadlines},
		"readiness": {full.Readiness, short.Readiness},
		"shutdown":  {full.Shutdown, short.Shutdown},
		"log":       {full.Log, short.Log},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: the example says %v, the default is %v", name, pair[0], pair[1])
		}
	}
}

func TestEverySettingIsRead(t *testing.T) {
	dir := folder(t)
	certificate(t, dir, "tls")
	authority(t, dir, "ca.pem")
	t.Setenv("GATEWAY_TEST_ADVANCED", "a:b")
	write(t, dir, "dsn", "postgres://gateway:"+canary+"@localhost/ledger?sslmode=disable\n")
	c, err := load(t, dir, `
listen: {grpc: "[::1]:1", http: "localhost:2", operations: "10.0.0.1:3", connections: 17, connection_age: 5m}
tls: {certificate: tls.crt, key: tls.key, minimum: 1.3, client_authorities: ca.pem}
http: {compression: true, hsts: 0}
public: {docs: false, reflection: true, health: false, contact: finance-it@example.com}
oidc: [{issuer: "http://localhost:9/realm", audience: gateway, allow_plain_http: true}]
loop:
  base_url: http://localhost:9/loop-api-publiques/
  allow_plain_http: true
  tra_names: {uri: Uri, url: link_1}
  entry_names: {debit: montantDebit, credit: montantCredit, date: dateEcriture}
  calls: {attempts: 1, attempt_timeout: 1s, base_delay: 2ms, max_delay: 3ms, throttled_delay: 4ms, max_retry_after: 5s, retry_budget: 6, retry_refill: 0.5, breaker_failures: 7, breaker_pause: 8s, breaker_silence: 9s, page_size: 10, one_cap: false, max_answer: 9000}
practices:
  - name: 007
    domain: D
    keys: {advanced: "${env:GATEWAY_TEST_ADVANCED}"}
    subscription_keys: {primary: "${file:subscription}", secondary: "${file:standard}"}
    dossiers: [{code: 0012}]
    limits: {concurrency: 9, requests_per_second: 2.5}
    retention: {references_days: 37}
    unverified_operations: [create_journal, create_account]
policy: policy.yaml
ledger: {postgres: "${file:dsn}"}
replicas: 3
spool: .
raw:
  - {method: GET, path: /a.b/c, dossier: none, key: advanced, query: [take, x_1]}
  - {method: DELETE, path: /a.b/c, write: true, dossier: cabinet}
imports: {wait_limit: 500ms, call_limit: 4s, lease: 9s, repeat_after_429: false, first_poll: 1s, last_poll: 2s, stalled_poll: 3s, resubmit_after: 48h}
files: {max_size: 2000, spool_size: 2000000000, deposit_lifetime: 90m, loop_model: strict}
retention: {ids_days: 800, references_days: 366}
caller_limits: {calls: 4, bytes: 9000000, requests_per_second: 2.5, burst: 5, bytes_per_second: 6000}
audit: {file: audit.log}
deadlines: {unary_default: 1s, unary_max: 2s, write: 20s, stream_default: 3s, stream_max: 4s}
readiness: {first_ledger: 7s}
shutdown: {grace: 5s, drain: 0s}
log: {level: debug, dossiers: true}
`)
	testkit.OK(t, err)
	got := fmt.Sprintf("%+v", c)
	got = strings.ReplaceAll(got, dir, "DIR")
	want := "&{Listen:{GRPC:[::1]:1 HTTP:localhost:2 Operations:10.0.0.1:3 Connections:17 ConnectionAge:5m0s} " +
		"TLS:{Off:false Certificate:DIR/tls.crt Key:DIR/tls.key ClientAuthorities:DIR/ca.pem Minimum:772} HTTP:{Compression:true HSTS:0s Origins:[]} Closed:{Docs:true Reflection:false Health:true} Contact:finance-it@example.com OIDC:[{URL:http://localhost:9/realm Audience:gateway AllowPlainHTTP:true}] " +
		"Loop:{BaseURL:http://localhost:9/loop-api-publiques AllowPlainHTTP:true SubscriptionKeys:[] TRANames:{URI:Uri URL:link_1} EntryNames:{Debit:montantDebit Credit:montantCredit Date:dateEcriture} Calls:{Attempts:1 AttemptTimeout:1s BaseDelay:2ms MaxDelay:3ms ThrottledDelay:4ms MaxRetryAfter:5s RetryBudget:6 RetryRefill:0.5 BreakerFailures:7 BreakerPause:8s BreakerSilence:9s PageSize:10 OneCap:false MaxAnswer:9000}} " +
		"Practices:[{Name:007 Domain:D Keys:{Standard: Advanced:${env:GATEWAY_TEST_ADVANCED} SubscriptionKeys:[${file:subscription} ${file:standard}]} " +
		"Dossiers:[{Code:0012 Name:}] Limits:{Concurrency:9 RequestsPerSecond:2.5} Retention:{Outcome:19200h0m0s Content:888h0m0s} UnverifiedOperations:[create_journal create_account]}] PracticesDirectory: " +
		"Policy:DIR/policy.yaml Ledger:{File: Postgres:${file:dsn}} Replicas:3 Spool:DIR Raw:[{Method:GET Path:/a.b/c Scope:2 Key:advanced Query:[take x_1]} {Method:DELETE Path:/a.b/c Scope:1 Key:standard Query:[]}] Imports:{WaitLimit:500ms CallLimit:4s Lease:9s RepeatAfter429:false FirstPoll:1s LastPoll:2s StalledPoll:3s ResubmitAfter:48h0m0s} Files:{MaxSize:2000 SpoolSize:2000000000 DepositLifetime:1h30m0s LoopModel:1} Retention:{Outcome:19200h0m0s Content:8784h0m0s} CallerLimits:{Calls:4 Bytes:9000000 RequestsPerSecond:2.5 Burst:5 BytesPerSecond:6000} Deadlines:{UnaryDefault:1s UnaryMax:2s Write:20s StreamDefault:3s StreamMax:4s} " +
		"Readiness:{All:false FirstLedger:7s} Shutdown:{Drain:0s Grace:5s} Audit:{Stdout:false File:DIR/audit.log} Log:{Level:DEBUG Dossiers:true}}"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c.Log.Level != slog.LevelDebug || c.Shutdown.Grace != 5*time.Second {
		t.Error("typed values differ from printed ones")
	}
}

// TestOriginsAreExact: what browsers name, and nothing that stands for more than one.
func TestOriginsAreExact(t *testing.T) {
	for origin, accepted := range map[string]bool{
		"https://app.example.com": true, "https://app.example.com:8443": true, "http://localhost:3000": true, "http://localhost": true,
		"http://127.0.0.1:5173": true, "http://[::1]:5173": true, "https://xn--exmple-cua.com": true,
		"*": false, "null": false, "https://*": false, "https://*.example.com": false, "": false, "app.example.com": false, "//app.example.com": false,
		"http://app.example.com": false, "http://localhost.example.com": false, "https://app.example.com/": false, "https://app.example.com/path": false,
		"https://App.example.com": false, "HTTPS://app.example.com": false, "https://app.example.com:443": false, "http://localhost:80": false,
		"https://app.example.com:0": false, "https://app.example.com:08443": false, "https://app.example.com:65536": false, "https://app.example.com:": false,
		"https://user@app.example.com": false, "https://app.example.com?x": false, "https://app.example.com#x": false, "https://exämple.com": false,
		"https://a..example.com": false, "https://": false, "file://": false, "chrome-extension://abc": false, "https://app.example.com https://b.example.com": false,
	} {
		c, err := load(t, folder(t), minimal+"\nhttp: {cors: {origins: ["+strconv.Quote(origin)+"]}}\n")
		if accepted != (err == nil) {
			t.Errorf("%q: %v", origin, err)
		}
		if accepted && err == nil && !slices.Equal(c.HTTP.Origins, []string{origin}) {
			t.Errorf("%q is read as %q", origin, c.HTTP.Origins)
		}
	}
}

// TestPagesOfOtherSitesGoWithoutClientCertificates: a browser would show one for whatever page.
func TestPagesOfOtherSitesGoWithoutClientCertificates(t *testing.T) {
	dir := folder(t)
	certificate(t, dir, "tls")
	authority(t, dir, "ca.pem")
	const origins = "\nhttp: {cors: {origins: ['https://app.example.com']}}\n"
	with := func(tls string) error {
		_, err := load(t, dir, strings.Replace(minimal, "tls: off", "tls: "+tls, 1)+origins)
		return err
	}
	if err := with("{certificate: tls.crt, key: tls.key}"); err != nil {
		t.Error("without authorities:", err)
	}
	if err := with("{certificate: tls.crt, key: tls.key, client_authorities: ca.pem}"); err == nil || !strings.Contains(err.Error(), "http.cors.origins: goes together with no tls.client_authorities") {
		t.Error("with authorities:", err)
	}
}

func TestTLSOffIsUnderstoodAsStringAndAsBoolean(t *testing.T) {
	for _, written := range []string{"off", `"off"`, "'off'", "false", "False"} {
		c, err := load(t, folder(t), strings.Replace(minimal, "tls: off", "tls: "+written, 1))
		if err != nil {
			t.Errorf("tls: %s: %v", written, err)
		} else if !c.TLS.Off {
			t.Errorf("tls: %s does not mean off", written)
		}
	}
}

func TestHalfAConfigurationIsRefusedWithACure(t *testing.T) {
	long := strings.Repeat("x", 65)
	tests := []struct {
		name     string
		from, to string // replaced in minimal; an empty from appends
		where    string // line and path
		want     string
	}{
		{"TLS is not mentioned", "tls: off", "", ":3: tls:", "write {certificate: file, key: file}, or off"},
		{"TLS has no value", "tls: off", "tls:", ":2: tls:", "write {certificate: file, key: file}, or off"},
		{"TLS is on without a certificate", "tls: off", "tls: on", ":2: tls:", "write {certificate: file, key: file}, or off"},
		{"TLS is true", "tls: off", "tls: true", ":2: tls:", "write {certificate: file, key: file}, or off"},
		{"TLS is false in quotes", "tls: off", "tls: 'false'", ":2: tls:", "is neither off nor a certificate"},
		{"the certificate has no key", "tls: off", "tls: {certificate: good.crt}", ":2: tls.key:", "name the file with the certificate's key"},
		{"the key has no certificate", "tls: off", "tls: {key: good.key}", ":2: tls.certificate:", "name the file with the certificate in PEM"},
		{"the certificate file is missing", "tls: off", "tls: {certificate: none.crt, key: good.key}", ":2: tls.certificate:", "there is no such file; correct the path"},
		{"certificate and key are swapped", "tls: off", "tls: {certificate: good.key, key: good.crt}", ":2: tls:", "check that they belong together and are not swapped"},
		{"certificate and key do not belong together", "tls: off", "tls: {certificate: good.crt, key: other.key}", ":2: tls:", "check that they belong together"},
		{"the authorities' file is missing", "tls: off", "tls: {certificate: good.crt, key: good.key, client_authorities: none.pem}", ":2: tls.client_authorities:", "there is no such file; correct the path"},
		{"the authorities' file has no certificate", "tls: off", "tls: {certificate: good.crt, key: good.key, client_authorities: empty}", ":2: tls:", "is empty or cut short"},
		{"the authorities' file has a key", "tls: off", "tls: {certificate: good.crt, key: good.key, client_authorities: good.key}", ":2: tls:", "something else than certificates"},
		{"the authorities' file has a server's certificate", "tls: off", "tls: {certificate: good.crt, key: good.key, client_authorities: good.crt}", ":2: tls:", "that is no authority's"},

		{"the list of issuers is empty", "", "oidc: []", ":12: oidc:", "name an issuer and the audience of its tokens"},
		{"an issuer is empty", "", "oidc: [~]", "oidc[0]:", "give issuer and audience"},
		{"an issuer is a word", "", "oidc: [x]", "oidc[0]:", "must be a mapping with the keys issuer, audience"},
		{"an issuer has no name", "", "oidc: [{audience: a}]", "oidc[0].issuer:", "exactly as the claim iss"},
		{"an issuer has no audience", "", "oidc: [{issuer: 'https://i'}]", "oidc[0].audience:", "a token that a caller gave to any other service would pass here"},
		{"an issuer's audience is empty", "", "oidc: [{issuer: 'https://i', audience: ''}]", "oidc[0].audience:", "up to 255 characters without spaces"},
		{"an issuer's audience has a space", "", "oidc: [{issuer: 'https://i', audience: 'a b'}]", "oidc[0].audience:", "up to 255 characters without spaces"},
		{"an issuer speaks in plaintext", "", "oidc: [{issuer: 'http://localhost', audience: a}]", "oidc[0].issuer:", "answer with keys of their own"},
		{"an issuer elsewhere may speak in plaintext", "", "oidc: [{issuer: 'http://i', audience: a, allow_plain_http: true}]", "oidc[0].issuer:", "only when the host is the loopback interface"},
		{"an issuer is of another scheme", "", "oidc: [{issuer: 'ftp://i', audience: a}]", "oidc[0].issuer:", "must begin with https://"},
		{"an issuer has a query", "", "oidc: [{issuer: 'https://i?x=CANARY-6f1d9', audience: a}]", "oidc[0].issuer:", "a URL of scheme, host and path alone"},
		{"an issuer has a fragment", "", "oidc: [{issuer: 'https://i#', audience: a}]", "oidc[0].issuer:", "a URL of scheme, host and path alone"},
		{"an issuer has a password", "", "oidc: [{issuer: 'https://u:CANARY-6f1d9@i', audience: a}]", "oidc[0].issuer:", "a URL of scheme, host and path alone"},
		{"an origin is given twice", "", "http: {cors: {origins: ['https://a.example', 'https://a.example']}}", ":12: http.cors.origins[1]:", "keep one"},
		{"an origin is any", "", "http: {cors: {origins: ['*']}}", ":12: http.cors.origins[0]:", "would let anybody's page call"},
		{"an origin is null", "", "http: {cors: {origins: ['null']}}", ":12: http.cors.origins[0]:", "would let anybody's page call"},
		{"an issuer is given twice", "", "oidc: [{issuer: 'https://i', audience: a}, {issuer: 'https://i', audience: b}]", "oidc[1].issuer:", "gateway.yaml:12; keep one"},

		{"the audit has two places", "", "audit: {stream: stdout, file: a.log}", "audit.file:", "keep one of them"},
		{"the audit goes to an unknown stream", "", "audit: {stream: syslog}", "audit.stream:", "must be stderr or stdout"},
		{"the audit's file is a folder", "", "audit: {file: .}", "audit.file:", "this is no regular file"},
		{"the audit's file has no name", "", "audit: {file: ''}", "audit.file:", "this is no regular file"},
		{"the audit's folder is missing", "", "audit: {file: none/audit.log}", "audit.file:", "there is no such folder"},
		{"a caller may have no calls", "", "caller_limits: {calls: 0}", "caller_limits.calls:", "a whole number from 1 to 100000"},
		{"a caller's rate is negative", "", "caller_limits: {requests_per_second: -1}", "caller_limits.requests_per_second:", "a number from 0 to 100000"},

		{"the certificate is a folder", "tls: off", "tls: {certificate: ., key: good.key}", ":2: tls.certificate:", "name a file"},

		{"the base URL is plain http", "", "BASE http://api.cegid.com/", ":4: loop.base_url:", "must begin with https://"},
		{"plain http is allowed but the host is not loopback", "", "PLAIN http://api.cegid.com/", ":4: loop.base_url:", "write https://, or localhost for a simulator"},
		{"the base URL carries a password", "", "BASE https://u:CANARY-6f1d9@h/", ":4: loop.base_url:", "must be a URL of scheme, host and path alone"},
		{"the base URL has a query", "", "BASE https://h/?subscription-key=CANARY-6f1d9", ":4: loop.base_url:", "must be a URL of scheme, host and path alone"},
		{"the base URL has no host", "", "BASE https:///x", ":4: loop.base_url:", "must be a URL of scheme, host and path alone"},
		{"the base URL is of another scheme", "", "BASE ftp://h/", ":4: loop.base_url:", "must begin with https://"},
		{"both ways to a TRA have one name", "", "NAMES {uri: url, url: URL}", ":4: loop.tra_names.url:", "give each its own"},
		{"the name of a way to a TRA is the other's default", "", "NAMES {uri: url}", ":4: loop.tra_names.uri:", "give each its own"},
		{"a way to a TRA is called as the dossier is", "", "NAMES {uri: CODEIBS}", ":4: loop.tra_names.uri:", "the name of another field"},
		{"the name of a way to a TRA has a quotation mark", "", `NAMES {url: 'a"'}`, ":4: loop.tra_names.url:", "must be the name of a field"},
		{"debit and credit have one name", "", "ENTRIES {debit: montant, credit: Montant}", ":4: loop.entry_names.credit:", "the name of another of these fields"},
		{"an amount has the name of a criterion", "", "ENTRIES {debit: compteNumero}", ":4: loop.entry_names.debit:", "is read already"},
		{"a name of an entry's field has a dot", "", "ENTRIES {date: a.b}", ":4: loop.entry_names.date:", "must be the name of a field"},
		{"a name of an entry's field is empty", "", "ENTRIES {date: ''}", ":4: loop.entry_names.date:", "must"},
		{"plain http is allowed by a word", "", "ALLOW 'yes'", ":4: loop.allow_plain_http:", "must be true or false"},

		{"there is no subscription key", "loop:\n  subscription_keys:\n    primary: ${file:subscription}\n", "", "practices[0].subscription_keys:", "refer to the installation's in loop.subscription_keys, or to the practice's own"},
		{"there is a secondary subscription key alone", "primary: ${file:s", "secondary: ${file:s", ":5: loop.subscription_keys.primary:", "the primary subscription key is missing; refer to it"},
		{"the practice's own subscription keys are half given", "    keys:", "    subscription_keys: {secondary: \"${file:subscription}\"}\n    keys:", ":8: practices[0].subscription_keys.primary:", "refer to it"},
		{"the subscription key holds a space", "${file:subscription}", "${file:spaced}", ":5: loop.subscription_keys.primary:", "copy it again"},

		{"there are no practices", minimal[strings.Index(minimal, "practices:"):strings.Index(minimal, "policy:")], "", ": practices:", "list at least one with its name and its keys"},
		{"the list of practices is empty", minimal[strings.Index(minimal, "practices:"):strings.Index(minimal, "policy:")], "practices: []\n", ":6: practices:", "list at least one with its name and its keys"},
		{"practices is a mapping", "  - name: demo\n    keys:", "    keys:", ":7: practices:", "must be a list"},
		{"a practice is empty", "policy:", "  -\npolicy:", "practices[1]:", "give it a name and keys, or remove it"},
		{"a practice is a word", "policy:", "  - demo\npolicy:", ":10: practices[1]:", "must be a mapping with the keys name, "},
		{"a practice has no name", "- name: demo\n    keys:", "- keys:", ":7: practices[0].name:", "give it one of letters, digits"},
		{"a practice's name has a space", "name: demo", "name: de mo", ":7: practices[0].name:", "must be 1 to 64 letters, digits"},
		{"a practice's name is too long", "name: demo", "name: " + long, ":7: practices[0].name:", "must be 1 to 64 letters, digits"},
		{"a practice's name is the dash of all practices", "name: demo", "name: '-'", ":7: practices[0].name:", "'-' alone stands for all practices"},
		{"a practice's name does not survive in a URL", "name: demo", "name: '..'", ":7: practices[0].name:", "do not survive in a URL"},
		{"two practices have one name", "policy:", "  - name: demo\n    keys: {standard: \"${file:standard}\"}\npolicy:", ":10: practices[1].name:", "gateway.yaml:7; rename one"},
		{"a practice has no keys", "    keys:\n      standard: ${file:standard}\n", "", ":7: practices[0].keys:", "refer to its standard key, its advanced key or both"},
		{"a practice has empty keys", "standard: ${file:standard}", "standard:", "practices[0].keys:", "refer to its standard key, its advanced key or both"},
		{"a domain has a space", "    keys:", "    domain: a b\n    keys:", ":8: practices[0].domain:", "leave it out if you do not know it"},

		{"a secret stands in the configuration", "${file:standard}", canary + ":" + canary, ":9: practices[0].keys.standard:", "put it in a file of its own and refer to that as ${file:/path}"},
		{"a secret file is missing", "${file:standard}", "${file:none}", ":9: practices[0].keys.standard:", "${file:none}: there is no such file; mount the secret or correct the path"},
		{"a secret file is empty", "${file:standard}", "${file:empty}", ":9: practices[0].keys.standard:", "${file:empty}: it is empty; put the secret into it"},
		{"a secret file is a folder", "${file:standard}", "${file:.}", ":9: practices[0].keys.standard:", "refer to the file that holds the secret"},
		{"an environment variable is not set", "${file:standard}", "${env:GATEWAY_TEST_UNSET}", ":9: practices[0].keys.standard:", "set it for this process, or refer to a file"},
		{"an API key has no secret half", "${file:standard}", "${file:subscription}", ":9: practices[0].keys.standard:", "write key:secret"},
		{"a reference is unquoted within braces", "    keys:\n      standard: ${file:standard}", "    keys: {standard: ${file:standard}}", ":8: ", "a reference needs quotes"},

		{"there is no policy", "policy: policy.yaml", "", ": policy:", "name the policy file"},
		{"there is no ledger", "ledger: ledger.db", "", ": ledger:", "server ledger init"},
		{"the ledger is an empty word", "ledger: ledger.db", "ledger: ''", ":11: ledger:", "server ledger init"},
		{"the ledger is nowhere", "ledger: ledger.db", "ledger: {}", ":11: ledger.postgres:", "server ledger init"},
		{"the ledger has no connection string", "ledger: ledger.db", "ledger: {postgres: }", ":11: ledger.postgres:", "server ledger init"},
		{"the ledger's password stands in the configuration", "ledger: ledger.db", "ledger: {postgres: 'postgres://x:" + canary + "@localhost/x'}", ":11: ledger.postgres:", "a secret does not belong in the configuration"},
		{"the ledger's secret is no connection string", "ledger: ledger.db", "ledger: {postgres: '${file:standard}'}", ":11: ledger.postgres:", "${file:standard}: this is no connection string of PostgreSQL"},
		{"several servers share a file", "ledger: ledger.db", "ledger: ledger.db\nreplicas: 2", ":12: replicas:", "belongs to one server: keep it on PostgreSQL"},
		{"servers without a place of each kind", "ledger: ledger.db", "ledger: {postgres: \"${file:dsn}\"}\nreplicas: 3", "limits.concurrency:", "divided among 3 servers, as replicas says, each has fewer than 3 calls at a time, one of each kind; give the practice 9 at least, or run 2 servers at most"},
		{"there is no server", "", "replicas: 0", "replicas:", "a whole number from 1 to 100"},
		{"ids are forgotten within a year", "", "retention: {ids_days: 365}", "retention.ids_days:", "a whole number from 366 to 3660"},
		{"references are forgotten before they can be looked for", "", "retention: {references_days: 36}", "retention.references_days:", "a whole number from 37 to 366"},
		{"a practice forgets ids within a year", "    keys:", "    retention: {ids_days: 90}\n    keys:", "practices[0].retention.ids_days:", "a whole number from 366 to 3660"},
		{"a practice keeps references too long", "    keys:", "    retention: {references_days: 367}\n    keys:", "practices[0].retention.references_days:", "a whole number from 37 to 366"},
		{"a lease is too short", "", "imports: {lease: 139s}", "imports.lease:", "2m19s is shorter than imports.wait_limit and twice imports.call_limit, which together are 2m20s; raise the one or shorten the others"},
		{"a write's deadline is too short for its end", "", "deadlines: {write: 89s}", "deadlines.write:", "1m29s is shorter than 10s for what is read before, imports.wait_limit and imports.call_limit, which together are 1m30s; raise it, or callers do not learn how their writes end"},
		{"a call may take longer than a write's deadline", "", "imports: {call_limit: 61s}", "deadlines.write:", "which together are 1m31s"},
		{"the policy is an empty word", "policy: policy.yaml", "policy: ''", ":10: policy:", "name the policy file"},
		{"the policy file is missing", "policy: policy.yaml", "policy: none.yaml", ":10: policy:", "there is no such file; correct the path"},

		{"the folder for documents is missing", "", "spool: none", ":12: spool:", "make it, for the user that serves"},
		{"the folder for documents is a file", "", "spool: policy.yaml", ":12: spool:", "there is no such folder"},
		{"the folder for documents is an empty word", "", "spool: ''", ":12: spool:", "there is no such folder"},

		{"a file has no room in the spool", "", "files: {spool_size: 1073741823}", "files.spool_size:", "a whole number from 1073741824"},

		{"raw calls are switched on by a word", "", "raw: on", ":12: raw:", "must be a list"},
		{"a raw route is empty", "", "raw:\n  -", "raw[0]:", "give it a method and a path, or remove it"},
		{"a raw route has no method", "", "raw: [{path: /x}]", "raw[0].method:", "write GET, or another one with write: true"},
		{"a raw route has no path", "", "raw: [{method: GET}]", "raw[0].path:", "give the one below Loop's base URL"},
		{"a raw route's method is none", "", "raw: [{method: get, path: /x}]", "raw[0].method:", "must be one of GET, POST"},
		{"a raw route writes without a word of it", "", "raw: [{method: POST, path: /x}]", "raw[0].method:", "add write: true if that is meant"},
		{"a raw route that reads is said to write", "", "raw: [{method: GET, path: /x, write: true}]", "raw[0].write:", "leave write out"},
		{"a raw route is a URL", "", "raw: [{method: GET, path: 'https://h/x'}]", "raw[0].path:", "must be the path of a route below Loop's base URL"},
		{"a raw route leaves its place", "", "raw: [{method: GET, path: /x/../compte}]", "raw[0].path:", "must be the path of a route"},
		{"a raw route is wrapped", "", "raw: [{method: GET, path: /COMPTE}]", "raw[0].path:", "is wrapped by ReferenceDataService.ListAccounts and ReferenceDataService.StreamAccounts and ReferenceDataService.GetAccount, which is the way to call it; remove it"},
		{"a raw route that writes is wrapped", "", "raw: [{method: POST, path: /importjson, write: true}]", "raw[0].path:", "is wrapped by ImportService.ImportEntries"},
		{"a raw route is deprecated", "", "raw: [{method: POST, path: /collaborativeOffer/addOffer, write: true}]", "raw[0].path:", "is deprecated by Loop and must not be called"},
		{"a raw route is listed twice", "", "raw: [{method: GET, path: /x}, {method: GET, path: /X}]", "raw[1]:", "keep one"},
		{"a raw route is for something unknown", "", "raw: [{method: GET, path: /x, dossier: any}]", "raw[0].dossier:", "must be one of cabinet, none, required"},
		{"a raw route wants an unknown key", "", "raw: [{method: GET, path: /x, key: both}]", "raw[0].key:", "must be one of advanced, standard"},
		{"a raw route lets callers name the dossier", "", "raw: [{method: GET, path: /x, query: [take, codeIBS]}]", "raw[0].query[1]:", "names a dossier or a key"},
		{"a raw route's parameter is a list of PHP", "", "raw: [{method: GET, path: /x, query: ['a[]']}]", "raw[0].query[0]:", "must be the name of a query parameter"},
		{"a raw route's parameter is listed twice", "", "raw: [{method: GET, path: /x, query: [a, a]}]", "raw[0].query[1]:", "keep one"},

		{"a dossier is the practice itself", "", "DOSSIERS [{code: cabinet}]", "practices[0].dossiers[0].code:", "is no dossier; remove it"},
		{"a dossier is the practice itself in capitals", "", "DOSSIERS [{code: CABINET}]", "practices[0].dossiers[0].code:", "is no dossier; remove it"},
		{"a dossier is the word for all of them", "", "DOSSIERS [{code: '-'}]", "practices[0].dossiers[0].code:", "stands for all dossiers"},
		{"a dossier is listed twice", "", "DOSSIERS [{code: A}, {code: A}]", "practices[0].dossiers[1].code:", "keep one"},
		{"a dossier has no code", "", "DOSSIERS [{name: A}]", "practices[0].dossiers[0].code:", "give its code in Loop"},
		{"a dossier's code has a space", "", "DOSSIERS [{code: A B}]", "practices[0].dossiers[0].code:", "1 to 64 characters without spaces"},
		{"a dossier is a word", "", "DOSSIERS [A]", "practices[0].dossiers[0]:", "must be a mapping with the keys code, name"},

		{"the concurrency is zero", "    keys:", "    limits: {concurrency: 0}\n    keys:", "practices[0].limits.concurrency:", "a whole number from 3 to 1000"},
		{"there are fewer places than classes", "    keys:", "    limits: {concurrency: 2}\n    keys:", "practices[0].limits.concurrency:", "a whole number from 3 to 1000"},
		{"the concurrency is negative", "    keys:", "    limits: {concurrency: -1}\n    keys:", "practices[0].limits.concurrency:", "a whole number from 3 to 1000"},
		{"the concurrency is a fraction", "    keys:", "    limits: {concurrency: 1.5}\n    keys:", "practices[0].limits.concurrency:", "a whole number from 3 to 1000"},
		{"the rate is negative", "    keys:", "    limits: {requests_per_second: -1}\n    keys:", "practices[0].limits.requests_per_second:", "a number from 0 to 10000"},
		{"the rate is no number", "    keys:", "    limits: {requests_per_second: .nan}\n    keys:", "practices[0].limits.requests_per_second:", "a number from 0 to 10000"},
		{"an operation is unknown", "    keys:", "    unverified_operations: [" + canary + "]\n    keys:", "practices[0].unverified_operations[0]:", "ListOperations gives the ids"},
		{"an operation is listed twice", "    keys:", "    unverified_operations: [create_account, create_account]\n    keys:", "practices[0].unverified_operations[1]:", "keep one"},

		{"a duration has no unit", "", "deadlines: {unary_max: 60}", "deadlines.unary_max:", "must be a duration with its unit, such as 30s"},
		{"a duration is negative", "", "deadlines: {unary_max: -1s}", "deadlines.unary_max:", "must be a duration with its unit"},
		{"a duration is zero", "", "deadlines: {unary_max: 0s}", "deadlines.unary_max:", "must be a duration with its unit"},
		{"a default deadline is above the maximum", "", "deadlines: {unary_default: 2m}", "deadlines.unary_default:", "2m0s is longer than deadlines.unary_max, which is 1m0s; shorten the one or raise the other"},
		{"the first pause between questions is above the last", "", "imports: {first_poll: 1h}", "imports.first_poll:", "1h0m0s is longer than imports.last_poll, which is 5m0s; shorten the one or raise the other"},
		{"a maximum is below the default of the default", "", "deadlines: {stream_max: 1m}", "deadlines.stream_default:", "15m0s is longer than deadlines.stream_max, which is 1m0s"},
		{"the grace period is absurd", "", "shutdown: {grace: 100h}", "shutdown.grace:", "must be a duration"},
		{"the log level is unknown", "", "log: {level: loud}", "log.level:", "must be debug, info, warn or error"},

		{"an address has no port", "", "listen: {grpc: localhost}", "listen.grpc:", "must be host:port"},
		{"an address has a port beyond the last", "", "listen: {grpc: ':70000'}", "listen.grpc:", "must be host:port"},
		{"an address is given twice", "", "listen: {grpc: ':1', http: ':1'}", "listen.http:", "cannot listen where listen.grpc does"},
		{"an address is the default of another listener", "", "listen: {grpc: ':8080'}", "listen.http:", "cannot listen where listen.grpc does"},
		{"an address is covered by a wildcard", "", "listen: {operations: '127.0.0.1:8080'}", "listen.operations:", "cannot listen where listen.http does"},

		{"a key is unknown at the top", "", "tsl: off", ":12: ", "the key at column 1 is not known here; the keys are listen, tls,"},
		{"a key is unknown further down", "      standard:", "      standrad:", ":9: practices[0].keys:", "is not known here; the keys are standard, advanced"},
		{"a key is repeated", "", "tls: off", ":12: tls:", "given twice, first on line 2; keep one"},
		{"a key is a secret without quotes", "standard: ${file:standard}", "{" + canary + "}", "practices[0].keys:", "is not known here"},
		{"there is an anchor", "tls: off", "tls: &x off", ":2: ", "write the value out"},
		{"there is an alias", "tls: off", "tls: *x", ":2: ", "write the value out"},
		{"there is a tag", "tls: off", "tls: !!str off", ":2: ", "write the value out"},
		{"there is a second document", "", "---\ntls: off", ":13: ", "keep one document"},
		{"a list is not closed", "", "listen: [", ":12: ", "this is not valid YAML"},
		{"a value is a mapping where a word belongs", "policy: policy.yaml", "policy: {a: b}", ":10: policy:", "must be a single value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t)
			certificate(t, dir, "good")
			certificate(t, dir, "other")
			authority(t, dir, "ca.pem")
			write(t, dir, "dsn", "host=localhost dbname=ledger sslmode=disable")
			write(t, dir, "empty", " \n")
			write(t, dir, "spaced", canary+" "+canary)
			yaml := minimal
			from, to := test.from, test.to
			if from == "" {
				word, rest, _ := strings.Cut(to, " ")
				switch word {
				case "BASE":
					from, to = "loop:\n", "loop:\n  base_url: "+rest+"\n"
				case "PLAIN":
					from, to = "loop:\n", "loop:\n  base_url: "+rest+"\n  allow_plain_http: true\n"
				case "NAMES":
					from, to = "loop:\n", "loop:\n  tra_names: "+rest+"\n"
				case "ENTRIES":
					from, to = "loop:\n", "loop:\n  entry_names: "+rest+"\n"
				case "ALLOW":
					from, to = "loop:\n", "loop:\n  allow_plain_http: "+rest+"\n"
				case "DOSSIERS":
					from, to = "    keys:\n", "    dossiers: "+rest+"\n    keys:\n"
				default:
					yaml += to + "\n"
				}
			}
			if from != "" {
				if !strings.Contains(yaml, from) {
					t.Fatalf("the test replaces %q, which is not there", from)
				}
				yaml = strings.Replace(yaml, from, to, 1)
			}

			_, err := load(t, dir, yaml)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if !strings.Contains(err.Error(), test.where) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is\n%v\nand should contain %q and %q", err, test.where, test.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes the file: %v", err)
			}
			var all *strictyaml.Error
			// A misspelt key is also a missing one.
			misspelt := strings.HasPrefix(test.name, "a key is")
			if !errors.As(err, &all) || len(all.Problems) != 1 && !misspelt {
				t.Errorf("one fault makes several problems:\n%v", err)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := load(t, folder(t), "listen: {grpc: x}\nloop: {base_url: 'http://h'}\npractices: [{name: '-'}, {name: a, keys: {standard: x}}]\nlog: {level: x}\n")
	var all *strictyaml.Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range all.Problems {
		paths = append(paths, p.Path)
	}
	want := []string{
		"listen.grpc", "tls", "loop.base_url", "practices[0].name", "practices[0].keys", "practices[0].subscription_keys",
		"practices[1].keys.standard", "practices[1].subscription_keys", "policy", "ledger", "log.level",
	}
	if !reflect.DeepEqual(paths, want) {
		t.Errorf("got %v\nwant %v\n%v", paths, want, err)
	}
}

func TestTheFolderOfPracticesIsRead(t *testing.T) {
	const yaml = "tls: off\nloop: {subscription_keys: {primary: '${file:subscription}'}}\npractices_directory: p\npolicy: policy.yaml\nledger: ledger.db\n"
	practice := func(name string) string {
		return "name: " + name + "\nkeys:\n  standard: ${file:../standard}\n"
	}
	t.Run("each file is a practice and what Kubernetes hides is left alone", func(t *testing.T) {
		dir := folder(t)
		write(t, dir, "p/a.yaml", practice("a"))
		write(t, dir, "p/b.yml", practice("b"))
		write(t, dir, "p/..2026/c.yaml", practice("c"))
		c, err := load(t, dir, yaml)
		testkit.OK(t, err)
		if got := c.PracticeNames(); !reflect.DeepEqual(got, []string{"a", "b"}) {
			t.Errorf("practices are %v", got)
		}
	})
	for name, test := range map[string]struct {
		file, content, want string
	}{
		"an empty folder is refused":             {"p/.hidden", "", "put one .yaml file per practice into it"},
		"a missing folder is refused":            {"q/a.yaml", practice("a"), "the folder cannot be read; correct the path"},
		"another kind of file is refused":        {"p/a.json", "{}", "rename it if it is a practice"},
		"a folder in the folder is refused":      {"p/a.yaml/x", "", "it must be a regular file"},
		"a problem names the file and the line":  {"p/a.yaml", practice("a b"), "p/a.yaml:1: name: must be 1 to 64"},
		"an empty practice is refused":           {"p/a.yaml", "", "p/a.yaml:1: name: the practice has no name"},
		"a practice that is a list is refused":   {"p/a.yaml", "- a\n", "p/a.yaml:1: must be a mapping"},
		"one name for two practices is refused":  {"p/a.yaml", practice("demo"), "gateway.yaml:7; rename one"},
		"a whole configuration in it is refused": {"p/a.yaml", minimal, "not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			write(t, dir, test.file, test.content)
			_, err := load(t, dir, yaml+"practices:\n  - {name: demo, keys: {standard: '${file:standard}'}}\n")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v and should contain %q", err, test.want)
			}
		})
	}
}

func TestAConfigurationFileThatCannotBeReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "there is no such file; correct the path or create it",
		dir:                             "it must be a regular file",
		write(t, dir, "big.yaml", strings.Repeat("# x\n", 300_000)): "larger than 1 MiB",
		write(t, dir, "list.yaml", "- a"):                           "must be a mapping with the keys listen",
	} {
		if _, err := config.Load(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v and should contain %q", err, want)
		}
	}
}

// Whatever value somebody replaces by a secret, wherever a line break or quote got lost, no error repeats it.
func TestNoErrorRepeatsWhatStandsInTheFile(t *testing.T) {
	dir := folder(t)
	lines := strings.Split(string(examples.Gateway), "\n")
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " -"))]
		key, _, isField := strings.Cut(strings.TrimLeft(line, " -"), ":")
		replacements := []string{canary, indent + canary, indent + canary + ": " + canary, line + canary, line + ": " + canary, "\t" + canary, canary + line, "  \"" + canary}
		if isField && !strings.HasPrefix(key, "#") {
			for _, value := range []string{
				canary, "'" + canary + "'", canary + ":" + canary, canary + ": " + canary, "{" + canary + "}", "[" + canary + "]", "{" + canary + ": " + canary + "}",
				"\"" + canary, "|\n" + indent + "    " + canary, "&" + canary, "*" + canary, "!" + canary, "${" + canary + "}", "${file:" + "x}" + canary, "${env:" + canary + "}",
				"-----BEGIN PRIVATE KEY----- " + canary, "[" + canary, "{" + canary, "http://" + canary, "https://u:" + canary + "@h",
			} {
				replacements = append(replacements, indent+key+": "+value)
			}
		}
		for _, replacement := range replacements {
			changed := append(append(append([]string{}, lines[:i]...), replacement), lines[i+1:]...)
			_, err := load(t, dir, strings.Join(changed, "\n"))
			if err == nil {
				t.Fatal("a file whose secrets are missing is accepted")
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), canary) {
				t.Fatalf("with line %d as %q the error is\n%v", i+1, replacement, err)
			}
		}
	}
}

func TestAPrintedConfigurationHoldsReferencesAndNoSecrets(t *testing.T) {
	c, err := load(t, folder(t), minimal)
	testkit.OK(t, err)
	encoded, err := json.Marshal(c)
	testkit.OK(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("starting", "config", c, "value", *c)
	for _, printed := range []string{
		fmt.Sprint(c), fmt.Sprintf("%v", *c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), string(encoded), logged.String(),
	} {
		if strings.Contains(printed, canary) {
			t.Errorf("a secret is printed: %s", printed)
		}
		if !strings.Contains(printed, "${file:standard}") {
			t.Errorf("the reference is not printed: %s", printed)
		}
	}
}

func TestHundredsOfPracticesLoadQuickly(t *testing.T) {
	var b strings.Builder
	b.WriteString(strings.Replace(minimal, "policy: policy.yaml\nledger: ledger.db\n", "", 1))
	for i := range 500 {
		fmt.Fprintf(&b, "  - name: practice-%d\n    keys:\n      standard: ${file:standard}\n", i)
	}
	b.WriteString("policy: policy.yaml\nledger: ledger.db\n")
	start := time.Now()
	c, err := load(t, folder(t), b.String())
	testkit.OK(t, err)
	if len(c.Practices) != 501 {
		t.Errorf("%d practices", len(c.Practices))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	for _, seed := range []string{string(examples.Gateway), minimal, "", "a: &a [*a]", "? {a: b}\n: c", "tls: {<<: *x}", "- - - -", "{{{[[[", "a:\n - b\n  - c", "\ufeff---\n...", "!!t |\n x", "practices: [~, [], {}]"} {
		f.Add(seed)
	}
	dir := folder(f)
	f.Fuzz(func(t *testing.T, yaml string) {
		if len(yaml) > 1<<14 { // the parser's time grows with the square of the length
			return
		}
		c, err := load(t, dir, yaml)
		if (c == nil) == (err == nil) {
			t.Errorf("config %v with error %v", c, err)
		}
	})
}

// certificate writes name.crt and name.key.
func certificate(t testing.TB, dir, name string) {
	t.Helper()
	certificate, key := certtest.Files(t, certtest.New(t).Sign(t, &x509.Certificate{DNSNames: []string{"localhost"}}))
	write(t, dir, name+".crt", certificate)
	write(t, dir, name+".key", key)
}

// authority writes the certificate of one.
func authority(t testing.TB, dir, name string) {
	t.Helper()
	write(t, dir, name, certtest.New(t).PEM())
}
