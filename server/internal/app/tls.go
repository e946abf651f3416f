package app

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/smallfile"
	"cegid.internal/gateway/server/internal/telemetry"
)

// LoadTLS returns a configuration that picks up a rotated certificate without restart, and the authorities of client
// certificates, which it picks up as well; nil when no file of them is named. The files are looked at again at most once
// a second, by content: Kubernetes rotates by swapping a symlink, which no watch of the file sees.
// The function says when the certificates in use end. All are nil where TLS is off.
func LoadTLS(files config.TLS, log *slog.Logger) (*tls.Config, authn.Authorities, func() map[telemetry.Certificate]time.Time, error) {
	if files.Off {
		return nil, nil, nil, nil
	}
	pair := &keyPair{certificate: files.Certificate, key: files.Key, log: log}
	if err := pair.load(); err != nil {
		return nil, nil, nil, err
	}
	if err := validAt(pair.current.Leaf, time.Now()); err != nil {
		log.Warn("callers will refuse the certificate", "error", err.Error())
	}
	base := &tls.Config{
		MinVersion: max(files.Minimum, tls.VersionTLS12), CipherSuites: withoutCBC(), GetCertificate: pair.get,
		NextProtos: []string{"h2", "http/1.1"},
	}
	if files.ClientAuthorities == "" {
		return base, nil, func() map[telemetry.Certificate]time.Time { return endsOf("server", pair.chain()) }, nil
	}
	authorities := &clientAuthorities{path: files.ClientAuthorities, log: log}
	var err error
	if authorities.current, err = authn.ReadAuthorities(authorities.path); err != nil {
		return nil, nil, nil, fmt.Errorf("tls.client_authorities: %w", err)
	}
	base.ClientAuth = tls.VerifyClientCertIfGiven
	base.ClientCAs = authorities.now().Pool
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := base.Clone()
		now.ClientCAs = authorities.now().Pool
		return now, nil
	}
	return base, authorities, func() map[telemetry.Certificate]time.Time {
		ends := endsOf("server", pair.chain())
		maps.Copy(ends, endsOf("client_authorities", authorities.now().Roots))
		return ends
	}, nil
}

// endsOf says when certificates end, by what they are of.
func endsOf(of string, certificates []*x509.Certificate) map[telemetry.Certificate]time.Time {
	ends := map[telemetry.Certificate]time.Time{}
	for _, each := range certificates {
		// A name may hold bytes that are no text, which no label may have.
		subject := strings.ToValidUTF8(each.Subject.String(), "?")
		ends[telemetry.Certificate{Of: of, Subject: subject, Serial: each.SerialNumber.Text(16)}] = each.NotAfter
	}
	return ends
}

// withoutCBC are the suites of TLS 1.2 that encrypt and authenticate in one, with a fresh key for each connection. Those of
// TLS 1.3 all do, and are not a matter of configuration.
func withoutCBC() []uint16 {
	var suites []uint16
	for _, suite := range tls.CipherSuites() {
		if strings.HasPrefix(suite.Name, "TLS_ECDHE_") && !strings.Contains(suite.Name, "_CBC_") {
			suites = append(suites, suite.ID)
		}
	}
	return suites
}

// clientAuthorities are those of a file, as it changes.
type clientAuthorities struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	current *authn.Bundle
	checked time.Time
	problem string // why the file is not in use
}

// Trusts implements authn.Authorities.
func (a *clientAuthorities) Trusts(root *x509.Certificate) bool { return a.now().Trusts(root) }

func (a *clientAuthorities) now() *authn.Bundle {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.checked) >= time.Second {
		before, problem := a.current, ""
		a.checked = time.Now()
		next, err := authn.ReadAuthorities(a.path) // half of a rotation: the next second has the rest
		switch {
		case err != nil:
			if problem = err.Error(); problem != a.problem {
				a.log.Error("the authorities of client certificates cannot be read again; those before stay in use", "error", problem)
			}
		case next.Content != before.Content || a.problem != "":
			a.current = next
			a.log.Info("the authorities of client certificates were changed")
		}
		a.problem = problem
	}
	return a.current
}

// maxPEM is more than any chain or key takes.
const maxPEM = 1 << 20

type keyPair struct {
	certificate, key string
	log              *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	content [sha256.Size]byte // of both files, when current was read
	checked time.Time
	problem string // why the files are not in use
}

func (p *keyPair) load() error {
	p.checked = time.Now()
	certificate, err := smallfile.Read(p.certificate, maxPEM)
	if err != nil {
		return fmt.Errorf("tls.certificate: %w", err)
	}
	key, err := smallfile.Read(p.key, maxPEM)
	if err != nil {
		return fmt.Errorf("tls.key: %w", err)
	}
	content := sha256.Sum256(slices.Concat(certificate, []byte{0}, key)) // PEM has no such byte
	if p.current != nil && p.content == content {
		return nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("tls: the certificate and key do not fit: %w", err)
	}
	if err := validAt(pair.Leaf, p.checked); err != nil && p.current != nil {
		return err // the one before is no worse
	}
	p.current, p.content = &pair, content
	if err := Incomplete(&pair); err != nil {
		p.log.Warn("callers may refuse the certificate", "error", err.Error())
	}
	return nil
}

// validAt says whether callers take a certificate for valid at that time.
func validAt(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate has ended: it was valid until %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate has not begun: it is valid from %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// chain is the certificate in use with those behind it in its file, as far as they can be read.
func (p *keyPair) chain() (all []*x509.Certificate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, raw := range p.current.Certificate {
		if certificate, err := x509.ParseCertificate(raw); err == nil {
			all = append(all, certificate)
		}
	}
	return all
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) >= time.Second {
		before, problem := p.current, ""
		err := p.load() // half of a rotation: the next second has the rest
		switch {
		case err != nil:
			if problem = err.Error(); problem != p.problem {
				p.log.Error("the certificate cannot be read again; the one before stays in use", "error", problem)
			}
		case p.current != before || p.problem != "":
			p.log.Info("the certificate was rotated")
		}
		p.problem = problem
	}
	return p.current, nil
}
