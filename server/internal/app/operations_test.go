package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/status"
)

// directed is a server that follows an installation, and the handler by which it is directed.
type directed struct {
	*Server
	t       *testing.T
	i       *installation
	level   *slog.LevelVar
	log     *lines
	handler http.Handler
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func direct(t *testing.T) *directed {
	t.Helper()
	d := &directed{t: t, i: install(t), level: &slog.LevelVar{}, log: &lines{}}
	log := slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: d.level}))
	cfg := bare(t)
	cfg.Log, cfg.LogLevel = log, d.level
	d.Server = run(t, cfg)
	d.i.Reloader.log = log
	d.Follow(d.i.Reloader)
	watched := make(chan struct{})
	ctx := t.Context() // ends before the clean-ups
	go func() { defer close(watched); d.i.Watch(ctx) }()
	t.Cleanup(func() { <-watched })
	d.handler = d.operationsHandler()
	return d
}

func (d *directed) ask(method, path, body string, header ...string) (int, string) {
	d.t.Helper()
	request := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(body))
	request.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

func (d *directed) expect(method, path, body string, code int, holds string) string {
	d.t.Helper()
	got, text := d.ask(method, path, body)
	if got != code || !strings.Contains(text, holds) {
		d.t.Errorf("%s %s %s: HTTP %d %s; want %d with %q", method, path, body, got, text, code, holds)
	}
	return text
}

func TestTheOperatorOfThisMachineAloneDirects(t *testing.T) {
	d := direct(t)
	for _, each := range [][2]string{{"GET", ConfigPath}, {"GET", LogLevelPath}, {"PUT", LogLevelPath}, {"POST", ReloadPath}, {"GET", DrainPath}, {"PUT", DrainPath}, {"DELETE", DrainPath}, {"POST", TrustClockPath}} {
		request := httptest.NewRequestWithContext(t.Context(), each[0], each[1], strings.NewReader("debug"))
		request.RemoteAddr = "10.0.0.7:5000"
		answer := httptest.NewRecorder()
		if d.handler.ServeHTTP(answer, request); answer.Code != http.StatusForbidden {
			t.Errorf("%s %s from elsewhere: HTTP %d", each[0], each[1], answer.Code)
		}
		for _, header := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "https://page.example"}} {
			if code, _ := d.ask(each[0], each[1], "debug", header...); code != http.StatusForbidden {
				t.Errorf("%s %s from a page (%s): HTTP %d", each[0], each[1], header, code)
			}
		}
	}
	if d.level.Level() != slog.LevelInfo || d.readiness.drainedNow() {
		t.Error("somebody else has directed it")
	}
}

func TestTheLogLevelChangesWithoutARestart(t *testing.T) {
	d := direct(t)
	d.expect("GET", LogLevelPath, "", 200, "info")
	d.expect("PUT", LogLevelPath, "debug\n", 200, "debug")
	if d.level.Level() != slog.LevelDebug {
		t.Error("it is not debug")
	}
	d.expect("PUT", LogLevelPath, "error", 200, "error")
	if d.level.Level() != slog.LevelError || strings.Count(d.log.String(), "the level of the log was changed") != 2 {
		t.Errorf("%s, %s", d.level.Level(), d.log)
	}
	for _, bad := range []string{"", "DEBUG", "trace", strings.Repeat("debug", 100)} {
		d.expect("PUT", LogLevelPath, bad, 400, "debug, info, warn or error")
	}
	// The configuration's counts from when it changes.
	d.expect("POST", ReloadPath, "", 200, `"changes": []`)
	if d.level.Level() != slog.LevelError {
		t.Error("a reload that changes nothing has put the level back")
	}
	d.i.write("gateway.yaml", gatewayFile+"log: {level: warn}\n")
	d.expect("POST", ReloadPath, "", 200, "log.level: INFO -> WARN")
	if d.level.Level() != slog.LevelWarn {
		t.Errorf("%s", d.level.Level())
	}
	if strings.Contains(d.log.String(), "need a restart") {
		t.Errorf("%s", d.log)
	}
}

func TestAReloadSaysWhatHasChanged(t *testing.T) {
	d := direct(t)
	d.i.write("practices/two.yaml", practiceFile("two", "other"))
	text := d.expect("POST", ReloadPath, "", 200, "practices[two].limits.concurrency: nothing -> 8")
	var said struct {
		Changes    []string
		ConfigHash string `json:"config_hash"`
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.ConfigHash != d.i.InForce().ConfigHash {
		t.Errorf("%v, %s", err, text)
	}
	if !slices.Contains(d.i.practices(), "two") || !strings.Contains(d.log.String(), said.ConfigHash) {
		t.Errorf("%q, %s", d.i.practices(), d.log)
	}
	// What is not fit is refused, and what was in force stays.
	d.i.write("gateway.yaml", strings.Replace(gatewayFile, "tls: off", "tlz: off", 1))
	d.expect("POST", ReloadPath, "", 409, "what was in force stays in force")
	if !d.i.failing() || d.i.InForce().ConfigHash != said.ConfigHash {
		t.Error("it is not said, or not so")
	}
	d.i.write("gateway.yaml", gatewayFile)
	d.expect("POST", ReloadPath, "", 200, `"changes": []`)
	if d.i.failing() {
		t.Error("it is said to fail still")
	}
}

// TestWhatIsInForceIsShownWithoutSecrets: nor hashes of tokens, nor dossiers; and what changes of them is told as a change.
func TestWhatIsInForceIsShownWithoutSecrets(t *testing.T) {
	d := direct(t)
	before := d.expect("GET", ConfigPath, "", 200, `"loop.subscription_keys[0]": "${file:secrets/primary}"`)
	d.i.write("practices/one.yaml", strings.TrimSuffix(practiceFile("one", "one"), "}")+`, dossiers: [{code: DOSSIERCANARI, name: "Dupont"}]}`)
	d.i.write("policy.yaml", policyFile("another-token", "one"))
	said := d.expect("POST", ReloadPath, "", 200, "callers[billing].token_hashes: changed") + d.expect("GET", ConfigPath, "", 200, `"callers[billing].token_hashes": "1 of them"`)
	for _, want := range []string{"practices[one].dossiers: 0 of them -> 1 of them", `"callers[billing].grants[0].practices": "one"`, `"policy_hash"`} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	hash := strings.TrimPrefix(policy.HashToken("another-token"), "sha256:")
	for _, secret := range []string{"another-token", hash, hash[:16], "DOSSIERCANARI", "Dupont", "key:secret", `"primary"`} {
		if strings.Contains(before+said+d.log.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

func TestADrainedServerIsNotReadyAndAnswersAllTheSame(t *testing.T) {
	d := direct(t)
	_, http8080, _ := d.Addresses()
	probe := func(path string) int {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
		response, err := client.Get("http://" + http8080.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	d.expect("GET", DrainPath, "", 200, "serving")
	for range 2 {
		d.expect("PUT", DrainPath, "", 200, "drained")
		for path, want := range map[string]int{"/readyz": 503, "/readyz?service=writes": 503, "/healthz": 200, "/openapi.json": 200} {
			if got := probe(path); got != want {
				t.Errorf("drained, %s: HTTP %d; want %d", path, got, want)
			}
		}
	}
	d.expect("GET", DrainPath, "", 200, "drained")
	d.expect("GET", status.Path, "", 200, `<dd class="bad">drained, as the operator asked`)
	d.expect("GET", status.StylePath, "", 200, ".bad")
	for range 2 {
		d.expect("DELETE", DrainPath, "", 200, "serving")
		for _, path := range []string{"/readyz", "/readyz?service=writes"} {
			if got := probe(path); got != 200 {
				t.Errorf("no longer drained, %s: HTTP %d", path, got)
			}
		}
	}
	if strings.Count(d.log.String(), "as the operator asked") != 2 {
		t.Errorf("%s", d.log)
	}
}

// TestWithoutFilesThereIsNothingToReload, as in the sandbox.
func TestWithoutFilesThereIsNothingToReload(t *testing.T) {
	cfg := bare(t)
	cfg.Registry = prometheus.NewRegistry()
	s := run(t, cfg)
	d := &directed{t: t, Server: s, handler: s.operationsHandler()}
	d.expect("GET", ConfigPath, "", 404, "no configuration in a file")
	d.expect("POST", ReloadPath, "", 404, "no configuration in a file")
	d.expect("GET", LogLevelPath, "", 404, "not to be changed")
	d.expect("PUT", LogLevelPath, "debug", 404, "not to be changed")
}

// TestReplicasDivideWhatAPracticeMayTake, also when their number changes.
func TestReplicasDivideWhatAPracticeMayTake(t *testing.T) {
	i := install(t)
	i.write("practices/one.yaml", strings.TrimSuffix(practiceFile("one", "one"), "}")+", limits: {requests_per_second: 3}}")
	i.looks(2)
	places := func() int { return i.client("one").Brakes().Places }
	if got := places(); got != 8 {
		t.Errorf("alone: %d", got)
	}
	i.write("secrets/ledger", "host=/nowhere dbname=ledger user=somebody sslmode=disable")
	shared := strings.Replace(gatewayFile, "ledger: ledger.db", "ledger: {postgres: \"${file:secrets/ledger}\"}", 1)
	i.write("gateway.yaml", shared+"replicas: 2\n")
	i.looks(2)
	if got := places(); got != 4 || i.failing() || i.client("one").Brakes().Rate != 1.5 {
		t.Errorf("of two: %d; %s", got, i.log.String())
	}
	i.write("gateway.yaml", shared+"replicas: 3\n") // 8 calls at a time, of which each server needs three
	i.looks(2)
	if got := places(); got != 4 || !i.failing() || !strings.Contains(i.log.String(), "give the practice 9 at least, or run 2 servers at most") {
		t.Errorf("of three: %d; %s", got, i.log.String())
	}
}
