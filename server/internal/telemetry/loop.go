// Package telemetry counts what goes on between this service and Loop. Nothing is labelled by dossier or caller; a
// practice, which the operator named, labels its few brakes and secrets, and no call.
package telemetry

import (
	"context"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
)

// Loop observes calls to Loop.
type Loop struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	attempts *prometheus.CounterVec
	// attempt tells the record of the inbound call.
	attempt func(context.Context, cegidclient.AttemptEvent)
}

var _ cegidclient.Observer = (*Loop)(nil)

// NewLoop registers the metrics; attempt, if not nil, also hears of each attempt.
func NewLoop(registry prometheus.Registerer, attempt func(context.Context, cegidclient.AttemptEvent)) *Loop {
	l := &Loop{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_calls_total", Help: "Calls to Loop, retries not counted, by operation and outcome.",
		}, []string{"operation", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "loop_call_duration_seconds", Help: "Duration of calls to Loop, retries and waits included, by operation.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"operation"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_attempts_total", Help: "HTTP attempts on Loop, by operation, HTTP status (0: none came) and outcome.",
		}, []string{"operation", "status", "outcome"}),
		attempt: attempt,
	}
	registry.MustRegister(l.calls, l.duration, l.attempts)
	return l
}

// CallDone implements cegidclient.Observer.
func (l *Loop) CallDone(_ context.Context, event cegidclient.CallEvent) {
	l.calls.WithLabelValues(event.Operation, event.Outcome).Inc()
	l.duration.WithLabelValues(event.Operation).Observe(event.Duration.Seconds())
}

// AttemptDone implements cegidclient.Observer.
func (l *Loop) AttemptDone(ctx context.Context, event cegidclient.AttemptEvent) {
	l.attempts.WithLabelValues(event.Operation, strconv.Itoa(event.Status), event.Outcome).Inc()
	if l.attempt != nil {
		l.attempt(ctx, event)
	}
}
