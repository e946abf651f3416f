package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// peer is a process that is measured.
type peer struct {
	name    string
	pid     int
	metrics string // where it says how much it has allocated; empty where it does not
	kill    func()
	at      addresses
}

// bench is a run: the peers, and how they are asked.
type bench struct {
	dir      string
	callers  int
	rounds   int
	duration time.Duration
	// profiles is a folder for profiles of the server; empty for none.
	profiles string
	// traces has a second server beside, which sends traces of one call in a hundred.
	traces bool

	peers                                            []*peer
	upstream, proxy, nginx, textbook, server, traced *peer
	token                                            string
	textbookConn, serverConn                         *grpc.ClientConn
}

func (b *bench) stop() {
	for _, peer := range b.peers {
		peer.kill()
	}
}

func (b *bench) build(binary string) error {
	fmt.Fprintln(os.Stderr, "bench: building the server")
	command := exec.Command("go", "build", "-trimpath", "-o", binary, "cegid.internal/gateway/server")
	command.Stderr = os.Stderr
	return command.Run()
}

// run starts a process that ends with this one.
func (b *bench) run(name string, command *exec.Cmd) (*peer, error) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(b.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	command.Stderr = log
	if command.Stdout == nil {
		command.Stdout = log
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	p := &peer{name: name, pid: command.Process.Pid, kill: func() {
		_ = command.Process.Kill()
		<-ended
	}}
	b.peers = append(b.peers, p)
	return p, nil
}

// child starts a peer that is this program.
func (b *bench) child(name string, arguments ...string) (*peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	command := exec.Command(self, append([]string{name}, arguments...)...)
	command.Stdout = writer
	p, err := b.run(name, command)
	_ = writer.Close()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(reader).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%s does not start: %s", name, b.said(name))
	}
	if err := json.Unmarshal(line, &p.at); err != nil {
		return nil, err
	}
	p.metrics = p.at.Metrics
	return p, nil
}

func (b *bench) said(name string) string {
	text, _ := os.ReadFile(filepath.Join(b.dir, name+".log"))
	return string(text)
}

// start starts all peers.
func (b *bench) start(binary string) (err error) {
	if b.upstream, err = b.child("upstream"); err != nil {
		return err
	}
	if b.proxy, err = b.child("proxy", b.upstream.at.HTTP); err != nil {
		return err
	}
	if b.textbook, err = b.child("textbook", b.upstream.at.HTTP); err != nil {
		return err
	}
	if b.textbookConn, err = grpc.NewClient(b.textbook.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return err
	}
	if err := b.startNginx(); err != nil {
		return err
	}
	return b.startServer(binary)
}

// startNginx starts Debian's nginx, where it is there.
func (b *bench) startNginx() error {
	program := ""
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		fmt.Fprintln(os.Stderr, "bench: there is no nginx on this machine, so that its rows are left out: apt-get install nginx-light")
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(b.dir, kind))
	}
	config := fmt.Sprintf(`daemon off; master_process off; pid %s; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; %s
  upstream loop { server %s; keepalive 64; keepalive_requests 100000000; }
  server {
    listen %s;
    location / {
      proxy_pass http://loop; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Ocp-Apim-Subscription-Key bench; proxy_set_header X-Api-Key bench:bench;
    }
  }
}
`, filepath.Join(b.dir, "nginx.pid"), temporary.String(), b.upstream.at.HTTP, address)
	path := filepath.Join(b.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	if b.nginx, err = b.run("nginx", exec.Command(program, "-c", path, "-p", b.dir)); err != nil {
		return err
	}
	b.nginx.at.HTTP = address
	return b.await(b.nginx, "http://"+address+"/compte?codeDossier="+dossierOf(1)+"&skip=0&take=1")
}

// await waits until a peer answers.
func (b *bench) await(p *peer, address string) error {
	for range 300 {
		if response, err := http.Get(address); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer: %s", p.name, b.said(p.name))
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// startServer starts the real server as an operator would, with a caller's token, a policy, a log to a file and a ledger.
func (b *bench) startServer(binary string) (err error) {
	b.token = "bench-" + hex.EncodeToString([]byte(b.dir))
	if b.server, err = b.serve(binary, "server"); err != nil {
		return err
	}
	b.serverConn, err = grpc.NewClient(b.server.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil || !b.traces {
		return err
	}
	sink, err := b.child("sink")
	if err != nil {
		return err
	}
	b.traced, err = b.serve(binary, "traced", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://"+sink.at.HTTP+"/v1/traces")
	return err
}

// serve starts a server of that name, with a folder of its own, and waits until it answers and has seen a long page. By that it knows of
// a shorter one that it is the last, as it does in practice; until then it would ask Loop twice for a short list, and the others once.
func (b *bench) serve(binary, name string, environment ...string) (*peer, error) {
	p, _, err := b.launch(binary, name, environment...)
	if err != nil {
		return nil, err
	}
	if err := b.await(p, "http://"+p.at.HTTP+"/readyz"); err != nil {
		return nil, err
	}
	long := fmt.Sprintf("http://%s/v1/practices/demo/dossiers/%s/accounts?pageSize=1000", p.at.HTTP, dossierOf(1000))
	_, err = overHTTP(b.token, long)(context.Background())
	return p, err
}

// launch starts a server, and says when.
func (b *bench) launch(binary, name string, environment ...string) (_ *peer, began time.Time, err error) {
	dir := filepath.Join(b.dir, name+"-files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, began, err
	}
	hash := sha256.Sum256([]byte(b.token))
	var at [3]string
	for i := range at {
		if at[i], err = freeAddress(); err != nil {
			return nil, began, err
		}
	}
	for name, text := range map[string]string{
		"key": "bench:bench", "subscription": "bench",
		"policy.yaml": fmt.Sprintf(`callers:
  - {name: bench, token_hashes: ["sha256:%s"], limits: {calls: 1000}}
grants:
  - {caller: bench, practices: [demo], dossiers: ["*"], rights: [read, write]}
`, hex.EncodeToString(hash[:])),
		// As many calls to Loop at a time as there are callers, and those kept for writes.
		"gateway.yaml": fmt.Sprintf(`listen: {grpc: "%s", http: "%s", operations: "%s"}
tls: off
loop:
  base_url: http://%s
  allow_plain_http: true
  subscription_keys: {primary: "${file:subscription}"}
practices:
  - name: demo
    keys: {standard: "${file:key}"}
    limits: {concurrency: 64}
policy: policy.yaml
ledger: ledger.db
`, at[0], at[1], at[2], strings.Replace(b.upstream.at.HTTP, "127.0.0.1", "localhost", 1)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, began, err
		}
	}
	if out, err := exec.Command(binary, "ledger", "init", "--ledger", filepath.Join(dir, "ledger.db")).CombinedOutput(); err != nil {
		return nil, began, errors.Join(err, errors.New(string(out)))
	}
	serve := exec.Command(binary, "serve", "--config", filepath.Join(dir, "gateway.yaml"))
	// The limits are those that it sets itself in a container of 512 MiB.
	serve.Env = append(append(os.Environ(), "GOMEMLIMIT=461MiB", "GOGC=400"), environment...)
	began = time.Now()
	p, err := b.run(name, serve)
	if err != nil {
		return nil, began, err
	}
	p.at = addresses{GRPC: at[0], HTTP: at[1]}
	p.metrics = "http://" + at[2] + "/metrics"
	return p, began, nil
}

// Names of the rows.
const (
	byUpstream     = "the upstream itself"
	byNginx        = "nginx"
	byProxy        = "ReverseProxy"
	byTextbookGRPC = "textbook, gRPC"
	byTextbookREST = "textbook, REST"
	byServerGRPC   = "this service, gRPC"
	byServerREST   = "this service, REST"
	byTracedREST   = "this service, REST, traces of 1 %"
	byServerKept   = "this service, REST, an answer of 30 s will do"
	byTenPages     = "this service, gRPC, ten pages of 1,000"
	byStreamGRPC   = "this service, gRPC, a stream"
	byStreamREST   = "this service, REST, a stream"
)

// unary are the ways to list so many accounts at once.
func (b *bench) unary(items int) []target {
	raw := fmt.Sprintf("/compte?codeDossier=%s&skip=0&take=%d", dossierOf(items), items)
	var requests []*looppb.ListAccountsRequest
	paths := func(host, more string) (all []string) {
		for _, dossier := range dossiersOf(items) {
			all = append(all, fmt.Sprintf("http://%s/v1/practices/demo/dossiers/%s/accounts?pageSize=%d%s", host, dossier, items, more))
		}
		return all
	}
	for _, dossier := range dossiersOf(items) {
		requests = append(requests, &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier, PageSize: int32(items)})
	}
	least := 100 * items
	if b.traced != nil {
		return []target{
			{byServerREST, b.server, overHTTP(b.token, paths(b.server.at.HTTP, "")...), least},
			{byTracedREST, b.traced, overHTTP(b.token, paths(b.traced.at.HTTP, "")...), least},
		}
	}
	targets := []target{
		{byUpstream, b.upstream, overHTTP("", "http://"+b.upstream.at.HTTP+raw), least},
		{byProxy, b.proxy, overHTTP("", "http://"+b.proxy.at.HTTP+raw), least},
		{
			byTextbookGRPC, b.textbook, overGRPC(b.textbookConn, looppb.ReferenceDataService_ListAccounts_FullMethodName, "", false, requests...),
			least,
		},
		{byTextbookREST, b.textbook, overHTTP("", paths(b.textbook.at.HTTP, "")...), least},
		{
			byServerGRPC, b.server,
			overGRPC(b.serverConn, looppb.ReferenceDataService_ListAccounts_FullMethodName, b.token, false, requests...), least,
		},
		{byServerREST, b.server, overHTTP(b.token, paths(b.server.at.HTTP, "")...), least},
		{byServerKept, b.server, overHTTP(b.token, paths(b.server.at.HTTP, "&maxStaleness=30s")...), least},
	}
	if b.nginx != nil {
		targets = append(targets, target{byNginx, b.nginx, overHTTP("", "http://"+b.nginx.at.HTTP+raw), least})
	}
	return targets
}

// streamed is how many accounts the stream has.
const streamed = 10_000

// streams are the ways to have many accounts.
func (b *bench) streams() []target {
	const pages = streamed / 1000
	var requests []*looppb.ListAccountsRequest
	for _, dossier := range dossiersOf(1000) {
		requests = append(requests, &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier, PageSize: 1000})
	}
	page := overGRPC(b.serverConn, looppb.ReferenceDataService_ListAccounts_FullMethodName, b.token, false, requests...)
	return []target{
		{byTenPages, b.server, pagesOf(page, pages), 100 * streamed},
		{byStreamGRPC, b.server, overGRPC(b.serverConn, looppb.ReferenceDataService_StreamAccounts_FullMethodName, b.token, true,
			&looppb.StreamAccountsRequest{Practice: "demo", Dossier: dossierOf(streamed)}), 100 * streamed},
		{byStreamREST, b.server, overHTTP(b.token, fmt.Sprintf("http://%s/v1/practices/demo/dossiers/%s/accounts:stream",
			b.server.at.HTTP, dossierOf(streamed))), 100 * streamed},
	}
}
