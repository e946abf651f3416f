package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"cegid.internal/gateway/server/internal/config"
)

// Notes are what an operator would miss in a configuration that is fit to serve.
func Notes(cfg *config.Config) (notes []string) {
	if cfg.TLS.Off && beyond(cfg.Listen.GRPC, cfg.Listen.HTTP) {
		notes = append(notes, "tls is off, and listen.grpc or listen.http is open beyond this machine: tokens and books pass in the clear, "+
			"unless only a proxy of yours gets there")
	}
	if beyond(cfg.Listen.Operations) {
		notes = append(notes, "listen.operations is open beyond this machine: everyone who reaches it can read the metrics, without a credential")
	}
	if cfg.Ledger.File == "" && cfg.Replicas == 1 {
		notes = append(notes,
			"replicas is 1: if several servers use the ledger, say how many, or together they call Loop more often than its limits allow")
	}
	return notes
}

// Reachable says where callers reach a server of a configuration, and what answers without a credential.
func Reachable(cfg *config.Config) string {
	transport := "with TLS"
	if cfg.TLS.Off {
		transport = "without TLS"
	}
	var open []string
	for _, endpoint := range []struct {
		closed bool
		name   string
	}{
		{cfg.Closed.Docs, "documentation"}, {cfg.Closed.Reflection, "gRPC reflection"}, {cfg.Closed.Health, "health"},
	} {
		if !endpoint.closed {
			open = append(open, endpoint.name)
		}
	}
	if open == nil {
		open = []string{"nothing"}
	}
	return fmt.Sprintf("reachable: gRPC on %s and REST on %s, %s; without a credential: %s; metrics on %s",
		reach(cfg.Listen.GRPC), reach(cfg.Listen.HTTP), transport, strings.Join(open, ", "), reach(cfg.Listen.Operations))
}

func reach(address string) string {
	if beyond(address) {
		return address + " (from other machines)"
	}
	return address + " (from this machine)"
}

// beyond tells whether any of the addresses is reached from other machines.
func beyond(addresses ...string) bool {
	for _, address := range addresses {
		host, _, _ := net.SplitHostPort(address)
		if at, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !at.IsLoopback()) {
			return true
		}
	}
	return false
}

// Incomplete says what callers miss between a certificate and the authorities that they trust; nil for nothing.
func Incomplete(pair *tls.Certificate) error {
	issued := pair.Leaf
	for _, der := range pair.Certificate[1:] {
		next, err := x509.ParseCertificate(der)
		if err != nil || issued.CheckSignatureFrom(next) != nil {
			return fmt.Errorf("in its file, what follows the certificate of %q is not that of its issuer, %q: put each after the one that it signed",
				issued.Subject, issued.Issuer)
		}
		issued = next
	}
	if len(pair.Certificate) > 1 || bytes.Equal(issued.RawIssuer, issued.RawSubject) {
		return nil
	}
	if _, err := issued.Verify(x509.VerifyOptions{CurrentTime: issued.NotBefore}); err == nil {
		return nil
	}
	return fmt.Errorf("its file holds it alone, and not the certificate of its issuer, %q: put that after it, "+
		"unless callers trust that very one", issued.Issuer)
}
