package authn

import "crypto/tls"

// Certified returns the identities of a client's certificate, if it has one that the server's authorities vouch for: its
// URIs, a SPIFFE id among them, and its DNS names. Nothing of the subject: authorities check the alternative names.
func Certified(state *tls.ConnectionState) []string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	leaf := state.VerifiedChains[0][0]
	var names []string
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	return append(names, leaf.DNSNames...)
}
