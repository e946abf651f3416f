package authn

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"

	"cegid.internal/gateway/server/internal/smallfile"
)

// maxAuthorities is more than all public ones take.
const maxAuthorities = 1 << 20

// Bundle are the authorities of a file.
type Bundle struct {
	// Pool has them for a handshake.
	Pool *x509.CertPool
	// Roots are the same, one by one.
	Roots []*x509.Certificate
	// Content of the file.
	Content string
}

// Trusts implements Authorities.
func (b *Bundle) Trusts(root *x509.Certificate) bool {
	return slices.ContainsFunc(b.Roots, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, root.Raw) })
}

// ReadAuthorities reads a PEM file of authorities. Whatever is not one is refused: a key that lies there by mistake, and
// half of a file. The error quotes nothing.
func ReadAuthorities(path string) (*Bundle, error) {
	content, err := smallfile.Read(path, maxAuthorities)
	if err != nil {
		return nil, errors.New("the file of authorities cannot be read; correct the path, or the file's mode")
	}
	b := &Bundle{Pool: x509.NewCertPool(), Content: string(content)}
	rest := content
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		switch {
		case block.Type != "CERTIFICATE" || err != nil:
			return nil, errors.New("the file of authorities holds something else than certificates in PEM; keep the authorities' certificates alone")
		case !certificate.IsCA:
			return nil, errors.New("the file of authorities holds a certificate that is no authority's; keep those that may sign others")
		}
		b.Pool.AddCert(certificate)
		b.Roots = append(b.Roots, certificate)
	}
	if len(b.Roots) == 0 || bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, errors.New("the file of authorities is empty or cut short; put the authorities' certificates into it, in PEM")
	}
	return b, nil
}
