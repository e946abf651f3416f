package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"cegid.internal/gateway/server/internal/filelock"
)

// What a folder of TLS holds for callers.
const (
	authorityFile = "authority.pem"
	tokenFile     = "token"
)

// folder is where callers find what they need. Of the sandboxes that are given one folder, the first that runs has it.
type folder struct {
	path string
	held *os.File
}

// takeFolder makes a folder, unless it is there, and keeps other sandboxes from it. What is in it stays as it is.
func takeFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	held, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// A file system without locks is no reason not to start.
	if err := filelock.Take(held); errors.Is(err, filelock.ErrTaken) {
		return nil, errors.Join(fmt.Errorf("a sandbox that runs has its callers' files in %s: stop it, or name another folder",
			path), held.Close())
	}
	return &folder{path, held}, nil
}

// fill replaces what an earlier sandbox left for callers. The token comes last: who sees a new one has the authority, too.
func (f *folder) fill(authority []byte, token string) error {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})
	if err := os.WriteFile(filepath.Join(f.path, authorityFile), text, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.path, tokenFile), []byte(token+"\n"), 0o600)
}

// Path is where the folder is; empty for none.
func (f *folder) Path() string {
	if f == nil {
		return ""
	}
	return f.path
}

// Close lets another sandbox have the folder; the files stay. A sandbox without TLS has none.
func (f *folder) Close() error {
	if f == nil {
		return nil
	}
	return f.held.Close()
}

// ofAuthority is TLS by an authority that lives as long as the sandbox, and the certificate that callers trust: its key is kept nowhere.
func ofAuthority(host string) (*tls.Config, []byte, error) {
	names := []string{"localhost"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	addresses := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if ip := net.ParseIP(host); ip == nil {
		names = append(names, host)
	} else if !ip.IsUnspecified() && !ip.IsLoopback() {
		addresses = append(addresses, ip)
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority of a sandbox"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 1, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Sandbox"}, DNSNames: names, IPAddresses: addresses,
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signer, key, err := twoKeys()
	if err != nil {
		return nil, nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, &signer.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, own, authority, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}},
	}, root, nil
}

func twoKeys() (*ecdsa.PrivateKey, *ecdsa.PrivateKey, error) {
	one, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	two, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return one, two, err
}
