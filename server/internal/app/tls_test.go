package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/server/internal/config"
)

// pemPair makes a certificate of that name and its key.
func pemPair(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	return pemPairFrom(t, name, time.Now().Add(-time.Hour))
}

// pemPairFrom makes one that is valid for two hours.
func pemPairFrom(t *testing.T, name string, from time.Time) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: from.Add(2 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// TestCertificatesRotate: step by step, as tools write two files that are not one.
func TestCertificatesRotate(t *testing.T) {
	folder := t.TempDir()
	certificateFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oldCertificate, oldKey := pemPair(t, "old")
	newCertificate, newKey := pemPair(t, "new")
	endedCertificate, endedKey := pemPairFrom(t, "ended", time.Now().Add(-3*time.Hour))
	futureCertificate, futureKey := pemPairFrom(t, "future", time.Now().Add(time.Hour))
	pipe := func(path string) {
		t.Helper()
		_ = os.Remove(path)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certificateFile, oldCertificate)
	write(keyFile, oldKey)
	var log bytes.Buffer
	pair := &keyPair{certificate: certificateFile, key: keyFile, log: slog.New(slog.NewJSONHandler(&log, nil))}
	if err := pair.load(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name          string
		do            func()
		want          string
		logs          string
		withoutSecond bool
	}{
		{name: "nothing happens", do: func() {}, want: "old"},
		{name: "the new certificate beside the old key", do: func() { write(certificateFile, newCertificate) }, want: "old", logs: "stays in use"},
		{name: "the same a second later", do: func() {}, want: "old"},
		{name: "half of a certificate", do: func() { write(certificateFile, newCertificate[:100]) }, want: "old", logs: "stays in use"},
		{name: "no certificate at all", do: func() { _ = os.Remove(certificateFile) }, want: "old", logs: "stays in use"},
		{name: "a pipe that nobody writes to", do: func() { pipe(certificateFile) }, want: "old", logs: "no regular file"},
		{name: "the old certificate again", do: func() { _ = os.Remove(certificateFile); write(certificateFile, oldCertificate) }, want: "old", logs: "was rotated"},
		{name: "the old certificate beside the new key", do: func() { write(keyFile, newKey) }, want: "old", logs: "stays in use"},
		{name: "a pair that has ended", do: func() { write(certificateFile, endedCertificate); write(keyFile, endedKey) }, want: "old", logs: "the certificate has ended"},
		{name: "a pair that has not begun", do: func() { write(certificateFile, futureCertificate); write(keyFile, futureKey) }, want: "old", logs: "the certificate has not begun"},
		{name: "the key before its certificate", do: func() { write(certificateFile, oldCertificate); write(keyFile, newKey) }, want: "old", logs: "do not fit"},
		{name: "within the same second nothing is read", do: func() { write(certificateFile, newCertificate) }, want: "old", withoutSecond: true},
		{name: "both new", do: func() {}, want: "new", logs: "was rotated"},
		{name: "the key goes away afterwards", do: func() { _ = os.Remove(keyFile) }, want: "new", logs: "stays in use"},
	} {
		log.Reset()
		step.do()
		pair.checked = time.Now().Add(-time.Second)
		if step.withoutSecond {
			pair.checked = time.Now().Add(time.Hour)
		}
		got, err := pair.get(nil)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		parsed, err := x509.ParseCertificate(got.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Subject.CommonName != step.want {
			t.Errorf("%s: the certificate is the %s one; want the %s one", step.name, parsed.Subject.CommonName, step.want)
		}
		if said := log.String(); step.logs == "" && said != "" || !strings.Contains(said, step.logs) || strings.Contains(said, "PRIVATE KEY") {
			t.Errorf("%s: the log says %q; want %q", step.name, said, step.logs)
		}
	}
}

// TestACertificateThatHasEndedIsServedAndTold: refusing it at the start would take the service from those who look at no
// dates.
func TestACertificateThatHasEndedIsServedAndTold(t *testing.T) {
	folder := t.TempDir()
	certificate, key := pemPairFrom(t, "ended", time.Now().Add(-3*time.Hour))
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	_, _, _, err := LoadTLS(config.TLS{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "valid until") {
		t.Errorf("%v, saying %q", err, log.String())
	}
}

// TestOldTLSIsNotSpoken: without CBC in 1.2, and not even 1.2 where the operator wants 1.3.
func TestOldTLSIsNotSpoken(t *testing.T) {
	folder := t.TempDir()
	certificate, key := pemPair(t, "gateway")
	files := config.TLS{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}
	for name, content := range map[string][]byte{files.Certificate: certificate, files.Key: key} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cbc := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
	for _, c := range []struct {
		name    string
		minimum uint16
		client  *tls.Config
		speaks  uint16 // 0: nothing
	}{
		{"a client of 1.3", 0, &tls.Config{}, tls.VersionTLS13},
		{"a client of 1.2", 0, &tls.Config{MaxVersion: tls.VersionTLS12}, tls.VersionTLS12},
		{"a client of 1.2 with GCM beside CBC", 0, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: append(cbc, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)}, tls.VersionTLS12},
		{"a client of 1.2 with CBC alone", 0, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: cbc}, 0},
		{"a client of 1.1", 0, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, 0},
		{"a client of 1.3 where 1.3 is wanted", tls.VersionTLS13, &tls.Config{}, tls.VersionTLS13},
		{"a client of 1.2 where 1.3 is wanted", tls.VersionTLS13, &tls.Config{MaxVersion: tls.VersionTLS12}, 0},
	} {
		files.Minimum = c.minimum
		served, _, _, err := LoadTLS(files, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		answered := make(chan error, 1)
		go func() {
			defer func() { _ = there.Close() }()
			answered <- tls.Server(there, served).HandshakeContext(t.Context())
		}()
		c.client.InsecureSkipVerify = true // who it is, is another matter
		conn := tls.Client(here, c.client)
		err = conn.HandshakeContext(t.Context())
		state := conn.ConnectionState()
		_ = here.Close()
		if refused := <-answered; c.speaks == 0 && (err == nil || refused == nil) || c.speaks != 0 && (err != nil || state.Version != c.speaks) {
			t.Errorf("%s: %v and %v, version %x, suite %s; want version %x", c.name, err, refused, state.Version, tls.CipherSuiteName(state.CipherSuite), c.speaks)
		}
	}
}

func TestACertificateThatDoesNotFitStopsTheStart(t *testing.T) {
	folder := t.TempDir()
	at := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, _ := pemPair(t, "one")
	_, key := pemPair(t, "another")
	for name, files := range map[string][2]string{
		"a key of another certificate": {at("a.crt", certificate), at("a.key", key)},
		"no certificate":               {filepath.Join(folder, "nothing"), at("b.key", key)},
		"no key":                       {at("c.crt", certificate), filepath.Join(folder, "nothing")},
		"empty files":                  {at("d.crt", nil), at("d.key", nil)},
	} {
		if cfg, _, _, err := LoadTLS(config.TLS{Certificate: files[0], Key: files[1]}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: %v", name, cfg)
		}
	}
}
