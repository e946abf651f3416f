package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"

	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/telemetry"
)

// TestWhyAHandshakeCameToNothing: crypto/tls says it in words, which may change with a version of Go; real handshakes hold them,
// on both listeners.
func TestWhyAHandshakeCameToNothing(t *testing.T) {
	folder := t.TempDir()
	certificate, key := pemPair(t, "server")
	strangers, strangersKey := pemPair(t, "stranger")
	file := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	server, _, ends, err := LoadTLS(config.TLS{Certificate: file("crt", append(certificate, authority(t)...)), Key: file("key", key), ClientAuthorities: file("ca", authority(t))}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	got, hours := ends(), map[telemetry.Certificate]int{
		{Of: "server", Subject: "CN=server", Serial: "1"}: 1, {Of: "server", Subject: "CN=authority", Serial: "1"}: 24,
		{Of: "client_authorities", Subject: "CN=authority", Serial: "1"}: 24,
	}
	for certificate, most := range hours {
		if left := time.Until(got[certificate]); left > time.Duration(most)*time.Hour || left < time.Duration(most-1)*time.Hour || len(got) != len(hours) {
			t.Errorf("%+v ends in %s: %v", certificate, left, got)
		}
	}
	mine, err := tls.X509KeyPair(strangers, strangersKey)
	if err != nil {
		t.Fatal(err)
	}
	// A client that is asked for a certificate offers only one that fits the authorities, unless it insists.
	insist := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }
	for reason, client := range map[string]func(net.Conn){
		"client_refuses_certificate": func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "server"}).Handshake()
		},
		"client_refuses_certificate, by OpenSSL": func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
				_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 48}) // unknown_ca, in the clear
				_ = c.Close()
				return errors.New("refused")
			}}).Handshake()
		},
		"client_certificate_of_unknown_authority": func(c net.Conn) {
			secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, GetClientCertificate: insist})
			_ = secure.Handshake()
			_, _ = secure.Read(make([]byte, 1))
		},
		"tls_version": func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
		},
		"no_tls": func(c net.Conn) {
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			_, _ = c.Read(make([]byte, 100))
		},
		"broken_off": func(net.Conn) {},
	} {
		for _, listener := range []string{"grpc", "http"} {
			t.Run(reason+" over "+listener, func(t *testing.T) {
				var log bytes.Buffer
				registry := prometheus.NewRegistry()
				h := newStrangers(slog.New(slog.NewJSONHandler(&log, nil)), registry)
				ours, theirs := connected(t)
				var both sync.WaitGroup
				both.Go(func() {
					defer ours.Close()
					if listener == "grpc" {
						if secure, _, err := h.ofGRPC(credentials.NewTLS(server)).Clone().ServerHandshake(ours); err == nil {
							_ = secure.Close()
						}
						return
					}
					s := (&Server{strangers: h}).newHTTPServer(nil)
					once := &onceListener{conns: make(chan net.Conn, 1)}
					once.conns <- ours
					s.TLSConfig = server.Clone()
					done := make(chan struct{})
					s.ConnState = func(_ net.Conn, state http.ConnState) {
						if state == http.StateClosed {
							close(done)
						}
					}
					go func() { _ = s.ServeTLS(once, "", "") }()
					<-done
					_ = s.Close()
				})
				_ = theirs.SetDeadline(time.Now().Add(time.Minute))
				client(theirs)
				_ = theirs.Close()
				both.Wait()
				var line map[string]any
				if err := json.Unmarshal(log.Bytes(), &line); err != nil {
					t.Fatalf("%v: %s", err, log.String())
				}
				if line["msg"] != "a connection was refused" || line["reason"] != strings.TrimSuffix(reason, ", by OpenSSL") || line["listener"] != listener || !strings.HasPrefix(line["peer"].(string), "127.0.0.1:") {
					t.Errorf("%v", line)
				}
				families, err := registry.Gather()
				if err != nil || families[0].GetMetric()[0].GetCounter().GetValue() != 1 {
					t.Errorf("%v, %v", families, err)
				}
			})
		}
	}
}

// TestAPanicOverHTTPHasALine: beyond the interceptors, too; and not what it was about.
func TestAPanicOverHTTPHasALine(t *testing.T) {
	for _, major := range []int{1, 2} {
		log, written := io.Pipe()
		s := (&Server{strangers: newStrangers(slog.New(slog.NewJSONHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug})), prometheus.NewRegistry())}).newHTTPServer(nil)
		web := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { panic("about " + r.URL.Path) }))
		web.Config.ErrorLog, web.EnableHTTP2 = s.ErrorLog, major == 2
		web.StartTLS()
		go func() {
			if response, err := web.Client().Get(web.URL + "/D001"); err == nil {
				_ = response.Body.Close()
				t.Errorf("HTTP/%d answers", major)
			}
		}()
		var line struct{ Level, Msg, Stack string }
		if err := json.NewDecoder(log).Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Level != "ERROR" || line.Msg != "panic" || !strings.Contains(line.Stack, "TestAPanicOverHTTPHasALine") || strings.Contains(line.Stack, "D001") {
			t.Errorf("HTTP/%d: %+v", major, line)
		}
		_ = log.Close()
		web.Close()
	}
}

// onceListener hands out one connection, and then waits for its end.
type onceListener struct {
	conns chan net.Conn
	once  sync.Once
}

func (l *onceListener) Accept() (net.Conn, error) {
	if conn, open := <-l.conns; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l *onceListener) Close() error   { l.once.Do(func() { close(l.conns) }); return nil }
func (l *onceListener) Addr() net.Addr { return &net.TCPAddr{} }

// connected returns both ends of a connection over loopback.
func connected(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := listener.Accept()
		accepted <- conn
	}()
	if theirs, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return <-accepted, theirs
}

// authority is the certificate of one that is good for a day.
func authority(t *testing.T) []byte {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
