package authn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/url"
	"slices"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

type trusted []*x509.Certificate

func (ts trusted) Trusts(root *x509.Certificate) bool {
	return slices.ContainsFunc(ts, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, root.Raw) })
}

func TestWhatACertificateSays(t *testing.T) {
	authority, key := signed509(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}, nil, nil)
	other, _ := signed509(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}, nil, nil)
	uri := func(texts ...string) (uris []*url.URL) {
		for _, text := range texts {
			parsed, err := url.Parse(text)
			testkit.OK(t, err)
			uris = append(uris, parsed)
		}
		return uris
	}
	for _, c := range []struct {
		name     string
		template x509.Certificate
		want     []string
	}{
		{"a SPIFFE id", x509.Certificate{URIs: uri("spiffe://corp.example/billing")}, []string{"spiffe://corp.example/billing"}},
		{"a host", x509.Certificate{DNSNames: []string{"Billing.Corp.Example"}}, []string{"billing.corp.example"}},
		{"several", x509.Certificate{URIs: uri("urn:a", "urn:b"), DNSNames: []string{"a", "b"}}, []string{"urn:a", "urn:b", "a", "b"}},
		{"a host as a URI", x509.Certificate{URIs: uri("billing.corp.example")}, nil},
		{"a path as a URI", x509.Certificate{URIs: uri("//corp.example/billing")}, nil},
		{"a URI as a host", x509.Certificate{DNSNames: []string{"spiffe://corp.example/billing"}}, nil},
		{"a wildcard", x509.Certificate{DNSNames: []string{"*.corp.example"}}, nil},
		{"a host with a dot at its end", x509.Certificate{DNSNames: []string{"billing."}}, nil},
		{"a host with a space", x509.Certificate{DNSNames: []string{"billing corp"}}, nil},
		{"a name of the subject", x509.Certificate{EmailAddresses: []string{"billing@corp.example"}}, nil},
		{"one that has expired since", x509.Certificate{DNSNames: []string{"billing"}, NotAfter: time.Now().Add(-time.Second)}, nil},
	} {
		if c.template.NotAfter.IsZero() {
			c.template.NotAfter = time.Now().Add(time.Hour)
		}
		c.template.Subject.CommonName = "common.corp.example"
		leaf, _ := signed509(t, &c.template, authority, key)
		state := func(chains ...[]*x509.Certificate) *tls.ConnectionState {
			return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: chains}
		}
		chain := []*x509.Certificate{leaf, authority}
		if got := Certified(state(chain), trusted{authority}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
		if got := Certified(state([]*x509.Certificate{leaf, other}, chain), trusted{authority}); !slices.Equal(got, c.want) {
			t.Errorf("%s, by the second of two chains: %q; want %q", c.name, got, c.want)
		}
		for name, got := range map[string][]string{
			"not verified":                Certified(state(), trusted{authority}),
			"without TLS":                 Certified(nil, trusted{authority}),
			"without authorities":         Certified(state(chain), nil),
			"of an authority of the past": Certified(state(chain), trusted{other}),
		} {
			if got != nil {
				t.Errorf("%s, %s: %q", c.name, name, got)
			}
		}
	}
}

// signed509 makes a certificate, signed by itself without a parent.
func signed509(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	testkit.OK(t, err)
	if parent == nil {
		parent, signer = template, key
	}
	template.SerialNumber, template.NotBefore = big.NewInt(1), time.Now().Add(-time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	testkit.OK(t, err)
	certificate, err := x509.ParseCertificate(der)
	testkit.OK(t, err)
	return certificate, key
}
