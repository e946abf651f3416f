package interceptor

import (
	"context"

	prometheusmw "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"cegid.internal/gateway/server/internal/policy"
)

// Metrics counts calls by method and code (RED). Nothing here is labelled by dossier, caller or practice.
type Metrics struct {
	server *prometheusmw.ServerMetrics
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	server := prometheusmw.NewServerMetrics(prometheusmw.WithServerHandlingTimeHistogram(
		prometheusmw.WithHistogramBuckets([]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}),
	))
	registry.MustRegister(server)
	return &Metrics{server: server}
}

// interceptor counts the methods that there are by name, and all others as one: a caller could invent names without
// end, and each would stay.
func (m *Metrics) interceptor(known map[string]policy.Access) Named {
	unary, stream := m.server.UnaryServerInterceptor(), m.server.StreamServerInterceptor()
	return Named{
		Name: "metrics",
		Unary: func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return unary(ctx, request, &grpc.UnaryServerInfo{Server: info.Server, FullMethod: methodName(known, info.FullMethod)}, next)
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			named := *info
			named.FullMethod = methodName(known, info.FullMethod)
			return stream(server, inner, &named, next)
		},
	}
}

// methodName is a method as logs and metrics show it.
func methodName(known map[string]policy.Access, method string) string {
	if _, ok := known[method]; ok || public(method) {
		return method
	}
	return "/unknown/unknown"
}
