package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

// runsAsServer makes the test binary the program, as users run it.
const runsAsServer = "GATEWAY_TEST_RUNS_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(runsAsServer) != "" {
		go panicOnDemand()
		killOnDemand()
		main()
		return
	}
	os.Exit(pgtest.Main{M: m}.Run())
}

// panicOnDemand ends the program as a fault of its own would.
func panicOnDemand() {
	demanded := make(chan os.Signal, 1)
	signal.Notify(demanded, syscall.SIGUSR1)
	<-demanded
	panic("a test demanded it")
}

// patience is how long a process may take for what only a broken one does not do.
const patience = 30 * time.Second

func command(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	testkit.OK(t, err)
	cmd := exec.Command(program, arguments...)
	cmd.Env = append(os.Environ(), runsAsServer+"=1", "GOTRACEBACK=all")
	return cmd
}

// run runs the program to its end.
func run(t *testing.T, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, arguments...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	testkit.OK(t, cmd.Start())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%v did not end by itself: %s", arguments, said.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// world is a simulated Loop, and a folder with all that serve needs.
type world struct {
	*loopsim.Simulator
	folder string
	token  string
	// settings are the lines of the configuration by their key.
	settings map[string]string
}

const (
	secretCanary = "sandbox-" // part of every secret
	dossier      = "CEGID001"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Simulator: loopsim.NewSandbox(), folder: t.TempDir(), token: "a-token-of-billing"}
	upstream := httptest.NewServer(w.Simulator)
	t.Cleanup(func() { w.Close(); upstream.Close() })
	w.write(t, "secrets/primary", loopsim.SandboxSubscriptionPrimary+"\n")
	w.write(t, "secrets/demo", loopsim.SandboxDemoAPIKey+"\n")
	w.policy(t, policy.HashToken(w.token))
	testkit.OK(t, ledger.Init(t.Context(), w.path("ledger.db")))
	w.settings = map[string]string{
		"listen":    `{grpc: "127.0.0.1:0", http: "127.0.0.1:0", operations: "127.0.0.1:0"}`,
		"tls":       "off",
		"loop":      fmt.Sprintf(`{base_url: "%s%s", allow_plain_http: true, subscription_keys: {primary: "${file:secrets/primary}"}}`, upstream.URL, w.BasePath()),
		"practices": `[{name: demo, keys: {advanced: "${file:secrets/demo}"}, dossiers: [{code: CEGID001}]}]`,
		"policy":    "policy.yaml", "ledger": "ledger.db", "shutdown": "{drain: 0s, grace: 5s}",
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	testkit.OK(t, os.MkdirAll(filepath.Dir(w.path(name)), 0o700))
	// As a rotation should: another file under the same name, never half of one.
	testkit.OK(t, os.WriteFile(w.path(name)+".new", []byte(text), 0o600))
	testkit.OK(t, os.Rename(w.path(name)+".new", w.path(name)))
}

func (w *world) policy(t *testing.T, hash string) {
	t.Helper()
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, token_hashes: ["%s"]}]
grants: [{caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}]
`, hash))
}

// config writes the configuration and returns its path.
func (w *world) config(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for key, value := range w.settings {
		_, _ = fmt.Fprintf(&text, "%s: %s\n", key, value)
	}
	w.write(t, "gateway.yaml", text.String())
	return w.path("gateway.yaml")
}

// process is a running serve.
type process struct {
	cmd                    *exec.Cmd
	grpc, http, operations string
	log                    *testkit.Log
	stdout                 bytes.Buffer
	ended                  chan struct{}
}

// serve starts the service and waits until it says where it listens, or is ready at the address.
func (w *world) serve(t *testing.T, httpAddress string) *process {
	t.Helper()
	return w.started(t, command(t, "serve", "--config", w.config(t)), httpAddress)
}

// started is serve with a command of one's own.
func (w *world) started(t *testing.T, cmd *exec.Cmd, httpAddress string) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &testkit.Log{}, ended: make(chan struct{})}
	p.cmd.Stderr, p.cmd.Stdout = p.log, &p.stdout
	testkit.OK(t, p.cmd.Start())
	go func() { defer close(p.ended); _ = p.cmd.Wait() }()
	t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	})
	eventually(t, "serving", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("it ended: %s", p.log.String())
		default:
		}
		if httpAddress != "" {
			response, err := http.Get("http://" + httpAddress + "/readyz")
			if err == nil {
				_ = response.Body.Close()
			}
			p.http = httpAddress
			return err == nil && response.StatusCode == http.StatusOK
		}
		for _, line := range p.lines(t) {
			if line["msg"] == "serving" {
				p.grpc, p.http, p.operations = line["grpc"].(string), line["http"].(string), line["operations"].(string)
				return true
			}
		}
		return false
	})
	return p
}

// lines are the lines of the log, each of which is JSON.
func (p *process) lines(t *testing.T) (lines []map[string]any) {
	t.Helper()
	text := p.log.String()
	scanner := bufio.NewScanner(strings.NewReader(text[:strings.LastIndex(text, "\n")+1]))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("not a line of JSON: %s", scanner.Text())
		}
		lines = append(lines, line)
	}
	return lines
}

// stop ends the service as an orchestrator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	testkit.OK(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it did not end: %s", p.log.String())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with code %d: %s", code, p.log.String())
	}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: waited in vain", what)
		}
	}
}

// dial returns a client of the gRPC listener; roots nil is plaintext.
func dial(t *testing.T, address string, config *tls.Config, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, append(options, grpc.WithTransportCredentials(credentialsOf(config)))...)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// credentialsOf are those of a connection; plaintext for nil.
func credentialsOf(config *tls.Config) credentials.TransportCredentials {
	if config == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(config)
}

func listAccounts(ctx context.Context, conn grpc.ClientConnInterface, token string) error {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), patience)
	defer cancel()
	_, err := looppb.NewReferenceDataServiceClient(conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier, PageSize: 1})
	return err
}

// ask makes a REST call.
func ask(t *testing.T, client *http.Client, verb, url, token, body string, headers ...string) (code int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, url, strings.NewReader(body))
	testkit.OK(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	testkit.OK(t, err)
	return response.StatusCode, string(answer)
}
