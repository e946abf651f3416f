package app

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"cegid.internal/gateway/server/internal/smallfile"
)

// LoadTLS returns a configuration that picks up a rotated certificate without restart. The files are looked at again
// at most once a second, by content: Kubernetes rotates by swapping a symlink, which no watch of the file sees
// (pitfall 26).
func LoadTLS(certificate, key string, log *slog.Logger) (*tls.Config, error) {
	pair := &keyPair{certificate: certificate, key: key, log: log}
	if err := pair.load(); err != nil {
		return nil, err
	}
	if err := validAt(pair.current.Leaf, time.Now()); err != nil {
		log.Warn("callers will refuse the certificate", "error", err.Error())
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get, NextProtos: []string{"h2", "http/1.1"}}, nil
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
