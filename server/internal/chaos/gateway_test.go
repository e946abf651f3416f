package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

// The callers of the policy; the token of each is its name, made long enough.
const (
	billing   = "billing"
	expenses  = "expenses"
	payroll   = "payroll"
	reporting = "reporting"
)

func tokenOf(caller string) string { return caller + "-token-of-the-chaos-test" }

// gateway is a real server in a process of its own. It may be killed and started again, on the same ledger and ports.
type gateway struct {
	t       *testing.T
	program string
	old     bool     // than the audit's chain
	before  []string // of its command line
	trust   *tls.Config
	config  string
	log     *os.File

	grpc, http, operations string // addresses

	mu      sync.Mutex
	process *os.Process
	ended   chan error // of the process, once
}

// settings of a server; the zero value is fine.
type settings struct {
	partnerConcurrency int
	grace              time.Duration
	// resubmitAfter is imports.resubmit_after.
	resubmitAfter time.Duration
	// imports are more of the keys of imports.
	imports string
	// calls are keys of loop.calls, and bounds those of imports that several servers have; short times by default.
	calls, bounds string
	// ledger is the connection string of one that exists, for several servers; a file of its own otherwise.
	ledger   string
	replicas int
	// program is an older server than this tree's; ancient one that knew no imports.wait_limit.
	program string
	ancient bool
	// before is what the server is run by, such as a shell that confines it.
	before []string
	// drain is shutdown.drain.
	drain time.Duration
	// tls is how it is spoken to, if it has a certificate; trust is what its callers need then.
	tls   string
	trust *tls.Config
	// certificate is a name that callers' certificates have: of billing.
	certificate string
	// limits are those of reporting in the policy.
	limits string
}

// newGateway writes a configuration as an operator would, makes the ledger, and starts the server.
func newGateway(t *testing.T, loop string, s settings) *gateway {
	t.Helper()
	g := &gateway{t: t, program: s.program, old: s.program != "", before: s.before, trust: s.trust}
	if g.program == "" {
		g.program = program(t)
	}
	folder := t.TempDir()
	g.config = filepath.Join(folder, "gateway.yaml")
	if s.partnerConcurrency == 0 {
		s.partnerConcurrency = 8
	}
	if s.grace == 0 {
		s.grace = 20 * time.Second
	}
	if s.resubmitAfter == 0 {
		s.resubmitAfter = 2 * time.Second
	}
	if s.tls == "" {
		s.tls = "off"
	}
	if s.calls == "" {
		s.calls = "base_delay: 20ms, throttled_delay: 100ms, breaker_pause: 1s"
	}
	if s.bounds == "" {
		s.bounds = shared(s)
	}
	err := os.Mkdir(g.spool(), 0o700)
	testkit.OK(t, err)
	if g.log, err = os.Create(filepath.Join(folder, "server.log")); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		testkit.OK(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	for name, secret := range map[string]string{
		"primary": loopsim.SandboxSubscriptionPrimary, "secondary": loopsim.SandboxSubscriptionSecondary,
		"demo": loopsim.SandboxDemoAPIKey, "partner": loopsim.SandboxPartnerAPIKey,
	} {
		write(name, secret)
	}
	hash := func(caller string) string {
		sum := sha256.Sum256([]byte(tokenOf(caller)))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	certificates := ""
	if s.certificate != "" {
		certificates = fmt.Sprintf(", certificates: [%q]", s.certificate)
	}
	limits := ""
	if s.limits != "" {
		limits = ", limits: {" + s.limits + "}"
	}
	write("policy.yaml", fmt.Sprintf(`
callers:
  - {name: billing, token_hashes: [%q]%s}
  - {name: expenses, token_hashes: [%q]}
  - {name: payroll, token_hashes: [%q]}
  - {name: reporting, token_hashes: [%q]%s}
grants:
  - {callers: [billing, expenses, payroll, reporting], practices: [demo, partner], dossiers: ["*"], rights: [read, write, administer]}
`, hash(billing), certificates, hash(expenses), hash(payroll), hash(reporting), limits))

	ledger := "ledger: ledger.db"
	if s.ledger != "" {
		write("ledger", s.ledger)
		ledger = fmt.Sprintf("ledger: {postgres: \"${file:ledger}\"}\nreplicas: %d", s.replicas)
	} else if out, err := exec.Command(g.program, "ledger", "init", "--ledger", filepath.Join(folder, "ledger.db")).CombinedOutput(); err != nil {
		t.Fatalf("ledger init: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		g.kill()
		_ = g.log.Close()
		if t.Failed() {
			t.Log("the server's last words:\n" + g.words())
		}
	})
	for attempt := 1; ; attempt++ {
		ports := freePorts(t)
		g.grpc, g.http, g.operations = ports[0], ports[1], ports[2]
		write("gateway.yaml", fmt.Sprintf(`
listen: {grpc: %q, http: %q, operations: %q}
tls: %s
loop:
  base_url: %s
  allow_plain_http: true
  subscription_keys: {primary: "${file:primary}", secondary: "${file:secondary}"}
  calls: {%s}
imports: {first_poll: 200ms, last_poll: 2s, stalled_poll: 1s, resubmit_after: %s%s}
practices:
  - name: demo
    keys: {advanced: "${file:demo}"}
    limits: {concurrency: %d}
  - name: partner
    keys: {standard: "${file:partner}"}
    limits: {concurrency: %d}
policy: policy.yaml
spool: spool
audit: {file: audit.log}
%s
shutdown: {drain: %s, grace: %s}
log: {level: info}
`, ports[0], ports[1], ports[2], s.tls, loop, s.calls, s.resubmitAfter, s.bounds+s.imports, 8*max(1, s.replicas), s.partnerConcurrency*max(1, s.replicas), ledger, s.drain, s.grace))
		err := g.start()
		if err == nil {
			return g
		}
		if attempt == 5 || !strings.Contains(g.words(), "address already in use") {
			t.Fatal(err)
		}
	}
}

// initialize makes the ledger of several servers.
func initialize(t *testing.T, ledger string) {
	t.Helper()
	command := exec.Command(program(t), "ledger", "init", "--postgres", "${env:LEDGER}")
	command.Env = append(os.Environ(), "LEDGER="+ledger)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("ledger init: %v\n%s", err, out)
	}
}

// spool is the folder of files under way.
func (g *gateway) spool() string { return filepath.Join(filepath.Dir(g.config), "spool") }

// shared are the numbers of several servers: what a dead one left is settled while the test runs.
func shared(s settings) string {
	switch {
	case s.ledger == "":
		return ""
	case s.ancient:
		return ", call_limit: 3s, lease: 8s"
	}
	return ", wait_limit: 2s, call_limit: 3s, lease: 8s"
}

// freePorts are below those that outgoing connections take: a restart must find its own free again.
func freePorts(t *testing.T) []string {
	t.Helper()
	var addresses []string
	for len(addresses) < 3 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err != nil {
			continue
		}
		addresses = append(addresses, listener.Addr().String())
		defer func() { _ = listener.Close() }()
	}
	return addresses
}

// startLimit is generous: a busy machine starts slowly, and a server that does not start fails at once.
const startLimit = 30 * time.Second

// start runs the server until it is ready.
func (g *gateway) start() error {
	words := append(slices.Clone(g.before), g.program, "serve", "--config", g.config)
	command := exec.Command(words[0], words[1:]...)
	command.Stdout, command.Stderr = g.log, g.log
	command.SysProcAttr = noOrphan()
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// The child dies with this thread, which therefore must not end before it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- command.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	g.mu.Lock()
	g.process, g.ended = command.Process, ended
	g.mu.Unlock()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: g.trust}, Timeout: time.Second}
	scheme := "http"
	if g.trust != nil {
		scheme = "https"
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-ended:
			return fmt.Errorf("the server ended at its start: %w\n%s", err, g.words())
		default:
		}
		if response, err := client.Get(scheme + "://" + g.http + "/readyz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Since(began) > startLimit {
			g.kill()
			return fmt.Errorf("the server is not ready after %s\n%s", startLimit, g.words())
		}
	}
}

// kill ends the server as a power cut does, and waits until it is gone.
func (g *gateway) kill() {
	_ = g.signal(syscall.SIGKILL)
	g.mu.Lock()
	ended := g.ended
	g.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

// terminate asks the server to end, and returns how it did.
func (g *gateway) terminate() error {
	if err := g.signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-g.ended
}

func (g *gateway) signal(signal os.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.process == nil {
		return os.ErrProcessDone
	}
	return g.process.Signal(signal)
}

// restart kills the server and starts it again.
func (g *gateway) restart() {
	g.t.Helper()
	g.kill()
	testkit.OK(g.t, g.start())
}

// words are the end of the server's log.
func (g *gateway) words() string {
	text, err := os.ReadFile(g.log.Name())
	if err != nil {
		return err.Error()
	}
	if i := bytes.Index(text, []byte("DATA RACE")); i >= 0 {
		text = text[max(0, i-100):min(len(text), i+8000)]
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"level":"INFO"`) {
			words = append(words, line)
		}
	}
	return strings.Join(words[max(0, len(words)-40):], "")
}

// healthy fails the test for what only the log shows.
func (g *gateway) healthy() {
	g.t.Helper()
	text, err := os.ReadFile(g.log.Name())
	testkit.OK(g.t, err)
	audit := filepath.Join(filepath.Dir(g.config), "audit.log")
	// An empty one, of a server that did nothing to tell of, is refused as one that was emptied would be.
	if info, err := os.Stat(audit); !g.old && (err != nil || info.Size() > 0) {
		if out, err := exec.Command(g.program, "audit", "verify", audit).CombinedOutput(); err != nil {
			g.t.Errorf("the audit: %s", out)
		}
	}
	for _, bad := range []string{"older than its audit", "DATA RACE", "panic:", "fatal error:", `"msg":"panic`} {
		if bytes.Contains(text, []byte(bad)) {
			g.t.Errorf("the server's log holds %q", bad)
		}
	}
}

// loop is the simulated Loop, which outlives the servers, and the line to it.
type loop struct {
	*loopsim.Simulator
	url  string // of its API
	root string // of its inspection
	line *line

	mu       sync.Mutex
	underWay int
	arrived  chan struct{} // something is being submitted
}

func newLoop(t *testing.T, options ...loopsim.Option) *loop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	l := &loop{
		Simulator: loopsim.NewSandbox(append(options, loopsim.WithLoopback(), loopsim.WithImportDelays(100*time.Millisecond, 100*time.Millisecond))...),
		root:      "http://" + listener.Addr().String(), line: newLine(listener), arrived: make(chan struct{}, 1),
	}
	l.url = l.root + l.BasePath()
	server := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l.line) }()
	t.Cleanup(func() {
		l.Close()
		_ = server.Close()
		<-served
	})
	return l
}

// ServeHTTP counts the submissions under way.
func (l *loop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/importJson") {
		l.count(1)
		defer l.count(-1)
		select {
		case l.arrived <- struct{}{}:
		default:
		}
	}
	l.Simulator.ServeHTTP(w, r)
}

func (l *loop) count(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay += n
	return l.underWay
}

// admin does what the simulator's administration offers.
func (l *loop) admin(t *testing.T, method, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, l.root+path, strings.NewReader(body))
	testkit.OK(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

// dossier makes another dossier like those of the sandbox.
func (l *loop) dossier(t *testing.T, code string) string {
	t.Helper()
	return l.dossierOf(t, loopsim.SandboxDemo, code)
}

func (l *loop) dossierOf(t *testing.T, practice, code string) string {
	t.Helper()
	l.admin(t, http.MethodPost, "/_sim/dossiers", fmt.Sprintf(`{"practice":%q,"code":%q}`, practice, code))
	return code
}

// line is the way to Loop. While it is held, connections are taken and nobody reads what comes over them: it has left the
// server, and Loop has not got it.
type line struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	holds bool
	held  []net.Conn
}

func newLine(listener net.Listener) *line {
	l := &line{Listener: listener, conns: make(chan net.Conn), done: make(chan struct{})}
	go l.run()
	return l
}

func (l *line) run() {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.once.Do(func() { close(l.done) })
			return
		}
		l.mu.Lock()
		if l.holds {
			l.held = append(l.held, conn)
			conn = nil
		}
		l.mu.Unlock()
		if conn != nil {
			l.pass(conn)
		}
	}
}

func (l *line) pass(conn net.Conn) {
	select {
	case l.conns <- conn:
	case <-l.done:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (l *line) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *line) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// hold begins to hold what comes.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = true
}

// release ends it, after the server has died: what was written before may still arrive, as keep says, or be lost.
func (l *line) release(keep func(written string) bool) error {
	l.mu.Lock()
	held := l.held
	l.held, l.holds = nil, false
	l.mu.Unlock()
	for _, conn := range held {
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		var written bytes.Buffer
		_, _ = written.ReadFrom(conn) // until the dead server's end of it, or its reset
		if keep(written.String()) {
			l.pass(late{conn, &written})
			continue
		}
		_ = conn.Close()
	}
	return nil
}

// late is a connection whose bytes arrive after their sender has died.
type late struct {
	net.Conn
	written *bytes.Buffer
}

func (l late) Read(p []byte) (int, error) { return l.written.Read(p) }
