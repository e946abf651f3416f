package authn

import (
	"crypto/tls"
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Authorities are those that vouch for client certificates.
type Authorities interface {
	// Trusts tells whether a certificate is that of an authority, now.
	Trusts(root *x509.Certificate) bool
}

// Certified returns the identities of a client's certificate, if it has one that the authorities vouch for: its URIs, a
// SPIFFE id among them, and its DNS names in small letters. Nothing of the subject: authorities check the alternative
// names. A connection can outlive its certificate and its authority, so both are looked at for each call.
func Certified(state *tls.ConnectionState, authorities Authorities) []string {
	if state == nil || authorities == nil {
		return nil
	}
	now := time.Now()
	good := slices.IndexFunc(state.VerifiedChains, func(chain []*x509.Certificate) bool {
		return authorities.Trusts(chain[len(chain)-1]) &&
			!slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return now.After(c.NotAfter) })
	})
	if good < 0 {
		return nil
	}
	leaf := state.VerifiedChains[good][0]
	var names []string
	// Each as what it is, since no authority checks both alike: a URI without a scheme could pass for a host, and a DNS
	// name, which may hold any ASCII, for a URI.
	for _, uri := range leaf.URIs {
		if name := uri.String(); IsURI(name) {
			names = append(names, name)
		}
	}
	for _, dns := range leaf.DNSNames {
		if name := strings.ToLower(dns); IsHost(name) {
			names = append(names, name)
		}
	}
	return names
}

// What names of certificates look like here.
const (
	URIPattern = `[a-z][a-z0-9+.-]*:[!-~]+`
	// HostPattern is that of one host, in small letters.
	HostPattern = `[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*`
)

// IsURI tells whether a text can be a certificate's URI here.
func IsURI(text string) bool { return uriShape.MatchString(text) }

// IsHost tells whether a text can be a certificate's DNS name here.
func IsHost(text string) bool { return len(text) <= 253 && hostShape.MatchString(text) }

var (
	uriShape  = regexp.MustCompile("^" + URIPattern + "$")
	hostShape = regexp.MustCompile("^" + HostPattern + "$")
)
