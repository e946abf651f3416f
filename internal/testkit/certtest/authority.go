// Package certtest makes certificates for tests: an authority, and what it signs.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	Pool        *x509.CertPool // of itself alone
	key         *ecdsa.PrivateKey
}

// New makes an authority that nobody else believes.
func New(t testing.TB) *Authority {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{},
	}
	self := (&Authority{Certificate: template}).Sign(t, template)
	a := &Authority{key: self.PrivateKey.(*ecdsa.PrivateKey), Pool: x509.NewCertPool()}
	var err error
	a.Certificate, err = x509.ParseCertificate(self.Certificate[0])
	testkit.OK(t, err)
	a.Pool.AddCert(a.Certificate)
	return a
}

// PEM is the authority's certificate, as a file of authorities has it.
func (a *Authority) PEM() string { return encoded("CERTIFICATE", a.Certificate.Raw) }

// Sign makes a certificate and its key. Unless the template says otherwise, it is one of servers and clients, for this day.
func (a *Authority) Sign(t testing.TB, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	testkit.OK(t, err)
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	if template.KeyUsage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if template.ExtKeyUsage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	signer := a.key
	if signer == nil { // its own
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, &key.PublicKey, signer)
	testkit.OK(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Files are a certificate and its key, as files have them.
func Files(t testing.TB, of tls.Certificate) (certificate, key string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	testkit.OK(t, err)
	return encoded("CERTIFICATE", of.Certificate[0]), encoded("PRIVATE KEY", private)
}

func encoded(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
