package gateway

import (
	"compress/gzip"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is the least that is worth compressing: less fits into a packet or two.
const compressFrom = 1 << 10

// compressing lets answers be compressed for those who take gzip: whole ones alone, since a compressor holds back what a
// stream should deliver at once.
//
// Nothing is compressed for a client with a certificate. A length tells of a secret beside a text of the attacker's (BREACH)
// to an attacker who can make a browser ask with its reader's credential. A browser sends a certificate unasked, and a token never.
func compressing(next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		return nil, err
	}
	compressed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certified(r) {
			next.ServeHTTP(w, r)
			return
		}
		compressed(w, r)
	}), nil
}

// certified tells whether the client has shown a certificate.
func certified(r *http.Request) bool { return r.TLS != nil && len(r.TLS.PeerCertificates) > 0 }
