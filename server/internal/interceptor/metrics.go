package interceptor

import (
	prometheusmw "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
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

func (m *Metrics) interceptor() Named {
	return Named{Name: "metrics", Unary: m.server.UnaryServerInterceptor(), Stream: m.server.StreamServerInterceptor()}
}
