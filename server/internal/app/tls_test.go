package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pemPair makes a certificate of that name and its key.
func pemPair(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
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
		{name: "half of a certificate", do: func() { write(certificateFile, newCertificate[:100]) }, want: "old", logs: "stays in use"},
		{name: "no certificate at all", do: func() { _ = os.Remove(certificateFile) }, want: "old", logs: "stays in use"},
		{name: "the old certificate beside the new key", do: func() { write(certificateFile, oldCertificate); write(keyFile, newKey) }, want: "old"},
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
		if cfg, err := LoadTLS(files[0], files[1], slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: %v", name, cfg)
		}
	}
}
