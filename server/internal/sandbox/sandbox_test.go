package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/diagnostics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheSandboxSaysWhatItIs: and where, and warns when others can reach it.
func TestTheSandboxSaysWhatItIs(t *testing.T) {
	for _, c := range []struct {
		name, host, token string
		says, not         []string
	}{
		{"on this machine", "127.0.0.1", "", []string{"SANDBOX", "ANY bearer token passes", "Bearer anything"}, []string{"Warning"}},
		{"with a token", "127.0.0.1", "mine", []string{"SANDBOX", "--token", "Bearer mine"}, []string{"ANY", "Warning"}},
		{"on every address", "0.0.0.0", "", []string{"Warning: it listens beyond this machine"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := New(Config{Host: c.host, Token: c.token, Log: slog.New(slog.DiscardHandler)})
			testkit.OK(t, err)
			var out bytes.Buffer
			if err := s.Welcome(&out); err != nil {
				t.Error(err)
			}
			for _, each := range c.says {
				if !strings.Contains(out.String(), each) {
					t.Errorf("it does not say %q: %s", each, out.String())
				}
			}
			for _, each := range c.not {
				if strings.Contains(out.String(), each) {
					t.Errorf("it says %q: %s", each, out.String())
				}
			}
			// The simulator and the metrics stay on this machine, wherever the service listens.
			_, _, operations := s.Server.Addresses()
			for _, address := range []string{s.SimulatorAddress, operations.String()} {
				if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
					t.Errorf("%s is not on loopback", address)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheTokenIsWrittenAfterTheAuthority, and not at all where that cannot be written.
func TestTheTokenIsWrittenAfterTheAuthority(t *testing.T) {
	for range 10 { // each time
		path := t.TempDir()
		testkit.OK(t, os.Mkdir(filepath.Join(path, authorityFile), 0o700))
		if err := (&folder{path: path}).fill(nil, "secret"); err == nil || !strings.Contains(err.Error(), authorityFile) {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(path, tokenFile)); !os.IsNotExist(err) {
			t.Errorf("the token: %v", err)
		}
	}
}

// TestATakenPortNamesItsFlag: a sandbox has no file in which listen.grpc would be.
func TestATakenPortNamesItsFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	for flag, cfg := range map[string]Config{
		"--grpc": {GRPCPort: port}, "--http": {HTTPPort: port}, "--operations": {OperationsPort: port}, "--simulator": {SimulatorPort: port},
	} {
		cfg.Host, cfg.Log = "127.0.0.1", slog.New(slog.DiscardHandler)
		if _, err := New(cfg); err == nil || !strings.HasSuffix(err.Error(), "address already in use; stop what has the address, or give another as "+flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestTheSimulatorListensWhereItIsSent: others reach it, a warning says so, and the service calls it on loopback all the same.
func TestTheSimulatorListensWhereItIsSent(t *testing.T) {
	s, err := New(Config{Host: "127.0.0.1", SimulatorHost: "0.0.0.0", Log: slog.New(slog.DiscardHandler), Grace: time.Second})
	testkit.OK(t, err)
	r := run(t, s)
	var out bytes.Buffer
	if err := s.Welcome(&out); err != nil || !strings.Contains(out.String(), "Warning: it listens beyond this machine") {
		t.Errorf("%v: %s", err, out.String())
	}
	_, port, err := net.SplitHostPort(s.SimulatorAddress)
	testkit.OK(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/_sim/clock", nil)
	testkit.OK(t, err)
	request.Host = "loop:8089" // as another container calls it
	if status, text := r.send(t, request); status != http.StatusOK {
		t.Errorf("HTTP %d %s", status, text)
	}
	if status, text := r.do(t, http.MethodGet, r.rest+"/v1/practices/demo/dossiers/CEGID001/journals", ""); status != http.StatusOK {
		t.Errorf("HTTP %d %s", status, text)
	}
}

// TestMetricsSayWhichBuildRuns, as those of serve do.
func TestMetricsSayWhichBuildRuns(t *testing.T) {
	s, err := New(Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Grace: time.Second, Build: diagnostics.Build{Version: "1.2.3", Revision: "0123"}})
	testkit.OK(t, err)
	r := run(t, s)
	_, _, operations := s.Server.Addresses()
	want := `gateway_build_info{goversion="` + runtime.Version() + `",revision="0123",version="1.2.3"} 1`
	if status, text := r.do(t, http.MethodGet, "http://"+operations.String()+"/metrics", ""); status != http.StatusOK || !strings.Contains(text, want) {
		t.Errorf("HTTP %d: there is no %s", status, want)
	}
}

// TestHoursOfAnImportPassAtOnce: the simulator's time is moved, and the service asks for what is then due; its own clock stays.
func TestHoursOfAnImportPassAtOnce(t *testing.T) {
	s, err := New(Config{Host: "127.0.0.1", FirstPoll: time.Hour, Log: slog.New(slog.DiscardHandler), Grace: time.Second})
	testkit.OK(t, err)
	r := run(t, s)
	simulator := "http://" + s.SimulatorAddress + "/_sim/"
	must := func(method, target, body string, headers ...string) string {
		t.Helper()
		status, text := r.do(t, method, target, body, headers...)
		if status != http.StatusOK {
			t.Fatalf("%s: HTTP %d %s", target, status, text)
		}
		return text
	}
	must(http.MethodPost, simulator+"imports/mode", `{"waiting": "2h", "running": 3600}`)
	imports := r.rest + "/v1/practices/demo/dossiers/CEGID001/imports"
	must(http.MethodPost, imports, `{"entries": [{"journal": "ACH", "date": "2026-03-15", "reference": "FA-1", "documentReference": "FA-1", "lines": [
		{"account": "60700000", "label": "ACHAT", "debit": "100"}, {"account": "40100000", "thirdParty": "FEXEMPLE", "label": "ACHAT", "credit": "100"}]}]}`, "Idempotency-Key", "FA-1")
	if text := must(http.MethodGet, imports+"/FA-1", ""); !strings.Contains(text, "IMPORT_STATE_WAITING") {
		t.Error(text)
	}
	must(http.MethodPost, simulator+"clock", `{"advance": "4h"}`)
	// The watch ends when the import has; a service that waits for its pause lets the call run out of time.
	if text := must(http.MethodGet, imports+"/FA-1:watch", ""); !strings.Contains(text, "IMPORT_STATE_SUCCEEDED") {
		t.Error(text)
	}
}

// TestASandboxWithTLSGivesCallersWhatTheyNeed: a folder with the authority and the token, with which both ports are reached.
func TestASandboxWithTLSGivesCallersWhatTheyNeed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "tls")
	s, err := New(Config{Host: "127.0.0.1", TLS: folder, Log: slog.New(slog.DiscardHandler), Grace: time.Second})
	testkit.OK(t, err)
	r := run(t, s)
	pem, err := os.ReadFile(filepath.Join(folder, "authority.pem"))
	testkit.OK(t, err)
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	testkit.OK(t, err)
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) || strings.Contains(string(pem), "PRIVATE") {
		t.Errorf("the folder has %s", pem)
	}
	r.web.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: trusted}
	grpcAddress, httpAddress, _ := s.Server.Addresses()
	_, port, err := net.SplitHostPort(httpAddress.String())
	testkit.OK(t, err)
	journals := "https://localhost:" + port + "/v1/practices/demo/dossiers/CEGID001/journals"
	if status, text := r.do(t, http.MethodGet, journals, ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: HTTP %d %s", status, text)
	}
	bearer := "Bearer " + strings.TrimSpace(string(token))
	if status, text := r.do(t, http.MethodGet, journals, "", "Authorization", bearer); status != http.StatusOK {
		t.Errorf("HTTP %d %s", status, text)
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: trusted, NextProtos: []string{"h2"}}}
	connection, err := dialer.DialContext(t.Context(), "tcp", grpcAddress.String())
	testkit.OK(t, err)
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	if err := s.Welcome(&out); err != nil {
		t.Error(err)
	}
	for _, want := range []string{bearer, "curl --cacert " + folder + "/authority.pem", "https://" + httpAddress.String(), "grpcurl -cacert "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q: %s", want, out.String())
		}
	}
	_, text := r.do(t, http.MethodGet, "https://localhost:"+port+"/", "")
	for _, want := range []string{"curl --cacert " + folder + "/authority.pem", "https://localhost:" + port + "/v1/", folder + "/token"} {
		if !strings.Contains(text, want) {
			t.Errorf("/ does not say %q: %s", want, text)
		}
	}
}

// running is a sandbox that serves.
type running struct {
	rest string
	web  *http.Client
}

func run(t *testing.T, s *Sandbox) *running {
	t.Helper()
	_, address, _ := s.Server.Addresses()
	r := &running{"http://" + address.String(), &http.Client{Transport: &http.Transport{}}}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Run(ctx) }()
	t.Cleanup(func() {
		r.web.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) do(t *testing.T, method, target, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	testkit.OK(t, err)
	request.Header.Set("Authorization", "Bearer me")
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return r.send(t, request)
}

func (r *running) send(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := r.web.Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	testkit.OK(t, err)
	return response.StatusCode, string(text)
}

// TestAPortThatIsTakenStopsTheSandbox: and everything taken before is given back.
func TestAPortThatIsTakenStopsTheSandbox(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	for name, cfg := range map[string]Config{
		"gRPC": {GRPCPort: port}, "REST": {HTTPPort: port}, "operations": {OperationsPort: port}, "simulator": {SimulatorPort: port},
	} {
		cfg.Host, cfg.Log = "127.0.0.1", slog.New(slog.DiscardHandler)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "listener") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestASandboxThatDoesNotStartLeavesWhatCallersHave in the folder that it is given, whether another sandbox runs with it or not.
func TestASandboxThatDoesNotStartLeavesWhatCallersHave(t *testing.T) {
	cfg := Config{Host: "127.0.0.1", TLS: t.TempDir(), Log: slog.New(slog.DiscardHandler), Grace: time.Second}
	files := func() string {
		t.Helper()
		token, err := os.ReadFile(filepath.Join(cfg.TLS, tokenFile))
		testkit.OK(t, err)
		authority, err := os.ReadFile(filepath.Join(cfg.TLS, authorityFile))
		testkit.OK(t, err)
		return string(token) + string(authority)
	}
	first, err := New(cfg)
	testkit.OK(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- first.Run(ctx) }()
	before := files()
	refused := func(name string, cfg Config, says string) {
		t.Helper()
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v; want %q", name, err, says)
		}
		if files() != before {
			t.Errorf("%s: the files for callers are others", name)
		}
	}
	const inUse = "a sandbox that runs has its callers' files in "
	refused("beside the first, on other ports", cfg, inUse)
	grpcAddress, _, _ := first.Server.Addresses()
	onItsPort := cfg
	onItsPort.GRPCPort = grpcAddress.(*net.TCPAddr).Port
	refused("beside the first, on its port", onItsPort, inUse)
	onItsPort = cfg
	onItsPort.SimulatorPort = first.listener.Addr().(*net.TCPAddr).Port
	refused("beside the first, with its simulator", onItsPort, "the simulator's listener")
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}

	// The last port is asked for last.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	onItsPort = cfg
	onItsPort.OperationsPort = taken.Addr().(*net.TCPAddr).Port
	refused("after the first, on a port that another program has", onItsPort, "the operations listener")
	testkit.OK(t, taken.Close())

	second, err := New(cfg)
	testkit.OK(t, err)
	run(t, second)
	if files() == before {
		t.Error("a sandbox that starts leaves the files of the one before")
	}
}

// TestASandboxThatCannotWriteForItsCallersDoesNotStart: and gives back what it has taken.
func TestASandboxThatCannotWriteForItsCallersDoesNotStart(t *testing.T) {
	cfg := Config{Host: "127.0.0.1", TLS: t.TempDir(), Log: slog.New(slog.DiscardHandler), Grace: time.Second}
	testkit.OK(t, os.Mkdir(filepath.Join(cfg.TLS, tokenFile), 0o700))
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "TLS: open "+filepath.Join(cfg.TLS, tokenFile)) {
		t.Errorf("got %v", err)
	}
	testkit.OK(t, os.Remove(filepath.Join(cfg.TLS, tokenFile)))
	s, err := New(cfg)
	testkit.OK(t, err)
	run(t, s)
}

// TestTheSandboxStopsWithoutADrain: no balancer has to notice, and a user who tries something does not wait the 10 s of serve.
func TestTheSandboxStopsWithoutADrain(t *testing.T) {
	const ofServe = 10 * time.Second
	stops := func(drain time.Duration) time.Duration {
		s, err := New(Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Drain: drain})
		testkit.OK(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		return time.Since(began)
	}
	const asked = 200 * time.Millisecond
	if took := stops(asked); took < asked {
		t.Errorf("with a drain of %s it stops in %s", asked, took)
	}
	for range 3 { // a busy machine may be slow once
		if stops(0) < ofServe {
			return
		}
	}
	t.Error("it takes as long to stop as with a drain")
}
