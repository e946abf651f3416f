package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"

	"cegid.internal/gateway/server/internal/interceptor"
)

// strangers tells of connections that come to nothing, most of them in the handshake of TLS: who, and why. They have no call, and
// else no trace at all.
type strangers struct {
	log    *slog.Logger
	kinds  *interceptor.Sampler[strangerKind]
	counts *prometheus.CounterVec
}

type strangerKind struct{ listener, reason string }

// noPlace is the reason of a connection beyond listen.connections.
const noPlace = "no_place"

func newStrangers(log *slog.Logger, registry prometheus.Registerer) *strangers {
	s := &strangers{log: log, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_connections_refused_total", Help: "Connections that came to nothing, by listener (grpc, http) and reason.",
	}, []string{"listener", "reason"})}
	registry.MustRegister(s.counts)
	s.kinds = interceptor.NewSampler(1, 20, time.Minute, func(kind strangerKind, more int) { s.line(kind, slog.Int("more", more)) })
	return s
}

func (s *strangers) line(kind strangerKind, more ...slog.Attr) {
	attributes := append([]slog.Attr{slog.String("listener", kind.listener), slog.String("reason", kind.reason)}, more...)
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "a connection was refused", attributes...)
}

func (s *strangers) flush() { s.kinds.Flush() }

// refused notes one; claims are the names of the client's certificate, which no authority has confirmed.
func (s *strangers) refused(listener, peer, text string, claims []string) {
	kind := strangerKind{listener, refusalReason(text)}
	s.counts.WithLabelValues(kind.listener, kind.reason).Inc()
	if s.kinds.First(kind) {
		s.line(kind, slog.String("peer", peer), slog.String("error", interceptor.Printable(text)),
			slog.String("claims", interceptor.Printable(strings.Join(claims, " "))))
	}
}

// refusalReasons tell by the words of crypto/tls, which a test holds, why a handshake came to nothing; the first that fits.
var refusalReasons = []struct{ words, reason string }{
	{noPlace, noPlace},
	{"remote error: tls: bad certificate", "client_refuses_certificate"},
	{"remote error: tls: unknown certificate", "client_refuses_certificate"}, // also "… authority": an intermediate that is missing
	{"remote error: tls: expired certificate", "client_refuses_certificate"},
	{"bad record MAC", "client_refuses_certificate"}, // OpenSSL's alert over TLS 1.3, which it does not encrypt yet
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

func refusalReason(text string) string {
	for _, reason := range refusalReasons {
		if strings.Contains(text, reason.words) {
			return reason.reason
		}
	}
	return "other"
}

// ofGRPC reports handshakes of the gRPC listener that fail.
func (s *strangers) ofGRPC(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return reportingCredentials{inner, s}
}

type reportingCredentials struct {
	credentials.TransportCredentials
	strangers *strangers
}

func (c reportingCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := c.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		var claims []string
		if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(failed.UnverifiedCertificates) > 0 {
			leaf := failed.UnverifiedCertificates[0]
			for _, uri := range leaf.URIs {
				claims = append(claims, uri.String())
			}
			if claims = append(claims, leaf.DNSNames...); len(claims) == 0 {
				claims = append(claims, leaf.Subject.String())
			}
			claims = append(claims, "issued by", leaf.Issuer.String())
		}
		c.strangers.refused("grpc", conn.RemoteAddr().String(), err.Error(), claims)
	}
	return secure, info, err
}

func (c reportingCredentials) Clone() credentials.TransportCredentials {
	return reportingCredentials{c.TransportCredentials.Clone(), c.strangers}
}

// httpErrors is the log of errors of the HTTP listeners: handshakes and panics, which net/http tells of nowhere else, and clients'
// broken connections, which only a close look needs.
type httpErrors struct {
	slog.Handler
	strangers *strangers
}

func (httpErrors) Enabled(context.Context, slog.Level) bool { return true }

func (e httpErrors) Handle(_ context.Context, record slog.Record) error {
	text, ofHandshake := strings.CutPrefix(record.Message, "http: TLS handshake error from ")
	// The address has colons, and no blank.
	if peer, why, ok := strings.Cut(text, ": "); ofHandshake && ok {
		e.strangers.refused("http", peer, why, nil)
		return nil
	}
	if begins, stack, _ := strings.Cut(record.Message, "\ngoroutine "); strings.Contains(begins, ": panic serving ") {
		e.strangers.log.Error("panic", "stack", stack) // its value may quote a request
		return nil
	}
	e.strangers.log.Debug("a connection over HTTP broke", "error", interceptor.Printable(text))
	return nil
}
