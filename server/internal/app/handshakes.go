package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"

	"cegid.internal/gateway/server/internal/interceptor"
)

// handshakes tells of TLS handshakes that came to nothing: who, and why. One that nobody may make has no call, and else no
// trace at all.
type handshakes struct {
	log    *slog.Logger
	kinds  *interceptor.Sampler[handshakeKind]
	counts *prometheus.CounterVec
}

type handshakeKind struct{ listener, reason string }

func newHandshakes(log *slog.Logger, registry prometheus.Registerer) *handshakes {
	h := &handshakes{log: log, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_tls_handshakes_refused_total", Help: "TLS handshakes that came to nothing, by listener (grpc, http) and reason.",
	}, []string{"listener", "reason"})}
	registry.MustRegister(h.counts)
	h.kinds = interceptor.NewSampler(1, 20, time.Minute, func(kind handshakeKind, more int) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "a TLS handshake was refused", slog.String("listener", kind.listener), slog.String("reason", kind.reason), slog.Int("more", more))
	})
	return h
}

func (h *handshakes) flush() { h.kinds.Flush() }

// refused notes one; names are those that the client's certificate claims, and nobody has vouched for.
func (h *handshakes) refused(listener, peer, text string, names []string) {
	kind := handshakeKind{listener, handshakeReason(text)}
	h.counts.WithLabelValues(kind.listener, kind.reason).Inc()
	if !h.kinds.First(kind) {
		return
	}
	h.log.LogAttrs(context.Background(), slog.LevelWarn, "a TLS handshake was refused", slog.String("listener", listener), slog.String("reason", kind.reason),
		slog.String("peer", peer), slog.String("error", interceptor.Printable(text)), slog.String("claims", interceptor.Printable(strings.Join(names, " "))))
}

// handshakeReasons tell by the words of crypto/tls, which a test holds, why a handshake came to nothing; the first that fits.
var handshakeReasons = []struct{ words, reason string }{
	{"remote error: tls: bad certificate", "client_refuses_certificate"},
	{"remote error: tls: unknown certificate", "client_refuses_certificate"}, // also "… authority": an intermediate that is missing
	{"remote error: tls: expired certificate", "client_refuses_certificate"},
	{"has expired or is not yet valid", "client_certificate_expired"},
	{"signed by unknown authority", "client_certificate_of_unknown_authority"},
	{"failed to verify certificate", "client_certificate_invalid"},
	{"client sent an HTTP request to an HTTPS server", "no_tls"},
	{"first record does not look like a TLS handshake", "no_tls"},
	{"protocol version", "tls_version"},
	{"unsupported versions", "tls_version"},
	{"no cipher suite", "tls_version"},
	{"no application protocol", "protocol"},
	{"EOF", "broken_off"},
	{"connection reset", "broken_off"},
	{"broken pipe", "broken_off"},
	{"timeout", "broken_off"},
	{"deadline", "broken_off"},
}

func handshakeReason(text string) string {
	for _, each := range handshakeReasons {
		if strings.Contains(text, each.words) {
			return each.reason
		}
	}
	return "other"
}

// ofGRPC listens to the handshakes of the gRPC listener.
func (h *handshakes) ofGRPC(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return heardCredentials{inner, h}
}

type heardCredentials struct {
	credentials.TransportCredentials
	handshakes *handshakes
}

func (c heardCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := c.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		var names []string
		if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(failed.UnverifiedCertificates) > 0 {
			leaf := failed.UnverifiedCertificates[0]
			for _, uri := range leaf.URIs {
				names = append(names, uri.String())
			}
			names = append(names, leaf.DNSNames...)
		}
		c.handshakes.refused("grpc", conn.RemoteAddr().String(), err.Error(), names)
	}
	return secure, info, err
}

func (c heardCredentials) Clone() credentials.TransportCredentials {
	return heardCredentials{c.TransportCredentials.Clone(), c.handshakes}
}

// ofHTTP is the log of errors of the HTTP listeners: handshakes, which net/http tells of nowhere else, and clients' broken
// connections, which are for whoever looks closely.
func (h *handshakes) ofHTTP() *log.Logger { return log.New(httpErrors{h}, "", 0) }

type httpErrors struct{ handshakes *handshakes }

func (e httpErrors) Write(line []byte) (int, error) {
	text, ofHandshake := bytes.CutPrefix(bytes.TrimSpace(line), []byte("http: TLS handshake error from "))
	// The address has colons, and no blank.
	if peer, why, ok := strings.Cut(string(text), ": "); ofHandshake && ok {
		e.handshakes.refused("http", peer, why, nil)
	} else {
		e.handshakes.log.Debug("a connection over HTTP broke", "error", interceptor.Printable(string(text)))
	}
	return len(line), nil
}
