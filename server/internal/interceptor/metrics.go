package interceptor

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	prometheusmw "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// maxSeries bounds the series of calls: callers and methods are few, and what a method answers, too; but callers that come and
// go with the policy leave theirs behind. Beyond it a call counts for the caller "[more]".
const maxSeries = 20_000

// Metrics counts calls by method and code (RED), and by caller and reason. Nothing here is labelled by dossier or practice.
type Metrics struct {
	server      *prometheusmw.ServerMetrics
	calls, took *prometheus.CounterVec

	mu sync.Mutex
	// ended are the series of calls, which are looked up once by their labels.
	ended map[callKind]callSeries
}

type callKind struct{ method, caller, reason string }

type callSeries struct{ calls, took prometheus.Counter }

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	server := prometheusmw.NewServerMetrics(prometheusmw.WithServerHandlingTimeHistogram(
		prometheusmw.WithHistogramBuckets([]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}),
	))
	m := &Metrics{
		server: server, ended: map[callKind]callSeries{},
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_calls_total", Help: "Calls that have ended, by method, caller (as in the policy; [nobody] when none is known) and " +
				"reason of the error (OK without one, the code where the contract has no reason).",
		}, []string{"method", "caller", "reason"}),
		took: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_call_seconds_total", Help: "How long the calls took together that have ended, by method and caller.",
		}, []string{"method", "caller"}),
	}
	registry.MustRegister(server, m.calls, m.took)
	return m
}

// count counts a call that has ended, and how long it took.
func (m *Metrics) count(ctx context.Context, method string, took time.Duration, err error) {
	reason := reasonText(status.Code(err), apierror.ReasonOf(err))
	series := m.seriesOf(callKind{strings.TrimPrefix(method, "/"), cmp.Or(CallFrom(ctx).Caller, "[nobody]"), reason})
	series.calls.Inc()
	series.took.Add(took.Seconds())
}

func (m *Metrics) seriesOf(kind callKind) callSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	series, known := m.ended[kind]
	if known {
		return series
	}
	full := len(m.ended) >= maxSeries
	if full {
		kind.caller = "[more]"
	}
	series = callSeries{
		calls: m.calls.WithLabelValues(kind.method, kind.caller, kind.reason), took: m.took.WithLabelValues(kind.method, kind.caller),
	}
	if !full {
		m.ended[kind] = series
	}
	return series
}

// interceptor counts the methods that there are by name, and all others as one: a caller could invent names without
// end, and each would stay.
func (m *Metrics) interceptor(known map[string]policy.Access) Named {
	unary, stream := m.server.UnaryServerInterceptor(), m.server.StreamServerInterceptor()
	return Named{
		Name: "metrics",
		Unary: func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			method, began := methodName(known, info.FullMethod), time.Now()
			response, err := unary(ctx, request, &grpc.UnaryServerInfo{Server: info.Server, FullMethod: method}, next)
			m.count(ctx, method, time.Since(began), err)
			return response, err
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			named, began := *info, time.Now()
			named.FullMethod = methodName(known, info.FullMethod)
			err := stream(server, inner, &named, next)
			m.count(inner.Context(), named.FullMethod, time.Since(began), err)
			return err
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
