package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// LoadTLS returns a configuration that picks up a rotated certificate without restart. The files are looked at again
// at most once a second, by content: Kubernetes rotates by swapping a symlink, which no watch of the file sees
// (pitfall 26).
func LoadTLS(certificate, key string, log *slog.Logger) (*tls.Config, error) {
	pair := &keyPair{certificate: certificate, key: key, log: log}
	if err := pair.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

type keyPair struct {
	certificate, key string
	log              *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	content string
	checked time.Time
}

func (p *keyPair) load() error {
	certificate, err := os.ReadFile(p.certificate)
	if err != nil {
		return fmt.Errorf("tls.certificate: %w", err)
	}
	key, err := os.ReadFile(p.key)
	if err != nil {
		return fmt.Errorf("tls.key: %w", err)
	}
	p.checked = time.Now()
	if p.current != nil && p.content == string(certificate) {
		return nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("tls: the certificate and key do not fit: %w", err)
	}
	p.current, p.content = &pair, string(certificate)
	return nil
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) >= time.Second {
		before := p.current
		if err := p.load(); err != nil { // half of a rotation: the next second has the rest
			p.checked = time.Now()
			p.log.Error("the certificate cannot be read again; the one before stays in use", "error", err.Error())
		} else if p.current != before {
			p.log.Info("the certificate was rotated")
		}
	}
	return p.current, nil
}
