//go:build weather

package chaos

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/certtest"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// balancer is one of deploy/balancers.
type balancer struct {
	name, file string
	tls        bool     // ends it; else connections go on as they are, with their client certificates
	command    []string // to which the configuration's path is added
}

var balancers = []balancer{
	{name: "nginx", file: "nginx.conf", tls: true, command: []string{"nginx", "-e", "stderr", "-g", "daemon off;", "-c"}},
	{name: "nginx-l4", file: "nginx-l4.conf", command: []string{"nginx", "-e", "stderr", "-g", "daemon off;", "-c"}},
	{name: "haproxy", file: "haproxy.cfg", tls: true, command: []string{"haproxy", "-db", "-f"}},
	{name: "haproxy-l4", file: "haproxy-l4.cfg", command: []string{"haproxy", "-db", "-f"}},
}

// TestNoCallFailsBehindABalancer: while two servers are restarted one after the other, with another build, and when a second one
// comes, no call fails. LOOP_BALANCER names one of them. By name: .ci/run balancers
func TestNoCallFailsBehindABalancer(t *testing.T) {
	for _, b := range balancers {
		if only := os.Getenv("LOOP_BALANCER"); only != "" && only != b.name {
			continue
		}
		t.Run(b.name, func(t *testing.T) { noCallFails(t, b) })
	}
}

func noCallFails(t *testing.T, b balancer) {
	a := certtest.New(t)
	folder := t.TempDir()
	issue(t, a, folder, "loop", "loop.example.com", "")
	issue(t, a, folder, "billing", "", billingCertificate)
	l := newLoop(t)
	s := settings{ledger: pgtest.Shared(t).Database(t), replicas: 2, drain: 4 * time.Second}
	initialize(t, s.ledger)
	clients := &tls.Config{RootCAs: a.Pool, ServerName: "loop.example.com", MinVersion: tls.VersionTLS12}
	if !b.tls {
		s.tls = "{certificate: " + filepath.Join(folder, "loop.crt") + ", key: " + filepath.Join(folder, "loop.key") + ", client_authorities: " + filepath.Join(folder, "authority.crt") + "}"
		s.certificate, s.trust = billingCertificate, clients
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "billing.crt"), filepath.Join(folder, "billing.key"))
		testkit.OK(t, err)
		clients = clients.Clone()
		clients.Certificates = []tls.Certificate{pair}
	}
	one, two := newGateway(t, l.url, s), newGateway(t, l.url, s)
	testkit.OK(t, two.terminate())
	grpc, rest := b.start(t, folder, one, two)
	run := newTraffic(t, billing, practice, clients, grpc, rest)
	run.begin()
	time.Sleep(time.Second)
	for range 2 { // the second one comes; then each is replaced
		testkit.OK(t, two.start())
		time.Sleep(2500 * time.Millisecond) // until the balancer has seen it
		for _, g := range []*gateway{one, two} {
			g.program = nextBuild(t)
			if err := g.terminate(); err != nil {
				t.Errorf("a server ended with %v", err)
			}
			if g == two {
				break
			}
			testkit.OK(t, g.start())
			time.Sleep(2500 * time.Millisecond)
		}
	}
	run.end()
	run.allIsWell()
	run.bookedAsTold(l)
	t.Log(run.figures())
}

// start runs the balancer as it is in deploy/balancers, with other addresses and certificates.
func (b balancer) start(t *testing.T, folder string, one, two *gateway) (grpc, rest string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "balancers", b.file))
	testkit.OK(t, err)
	ports := freePorts(t)
	grpc, rest = ports[0], ports[1]
	replace := []string{
		"10.0.0.11:9090", one.grpc, "10.0.0.12:9090", two.grpc, "10.0.0.11:8080", one.http, "10.0.0.12:8080", two.http,
		"/etc/nginx/tls", folder, "/etc/haproxy/tls", folder,
	}
	if b.tls {
		rest = grpc
		replace = append(replace, "listen 443", "listen "+grpc, "bind :443", "bind "+grpc)
	} else {
		replace = append(replace, "listen 9090", "listen "+grpc, "listen 8080", "listen "+rest, "bind :9090", "bind "+grpc, "bind :8080", "bind "+rest)
	}
	path := filepath.Join(folder, b.file)
	changed := strings.NewReplacer(replace...).Replace(string(text))
	if strings.Contains(b.file, "nginx") {
		changed = "pid " + filepath.Join(folder, "pid") + ";\n" + changed
	}
	if strings.Contains(changed, "10.0.0.1") {
		t.Fatalf("an address is left:\n%s", changed)
	}
	testkit.OK(t, os.WriteFile(path, []byte(changed), 0o600))
	var said bytes.Buffer
	command := exec.Command(b.command[0], append(b.command[1:], path)...)
	command.Stdout, command.Stderr = &said, &said
	command.SysProcAttr = noOrphan()
	testkit.OK(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", b.name, said.String()[max(0, said.Len()-3000):])
		}
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", rest); err == nil {
			_ = conn.Close()
			return grpc, rest
		}
		if time.Since(began) > startLimit {
			t.Fatal("the balancer does not listen")
		}
	}
}

const billingCertificate = "spiffe://corp.example/billing"

// nextBuild is the same server with another release.
func nextBuild(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(program(t)), "next")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-X main.release=next", "-o", path, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// issue writes a certificate, its key, both together, and the authority's.
func issue(t *testing.T, a *certtest.Authority, folder, file, dns, uri string) {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: file}}
	if dns != "" {
		template.DNSNames = []string{dns}
	}
	if uri != "" {
		parsed, err := url.Parse(uri)
		testkit.OK(t, err)
		template.URIs = []*url.URL{parsed}
	}
	certificate, private := certtest.Files(t, a.Sign(t, template))
	for name, content := range map[string]string{
		file + ".crt": certificate, file + ".key": private, file + ".pem": certificate + private, "authority.crt": a.PEM(),
	} {
		testkit.OK(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
}
