// Package telemetry counts what goes on between this service and Loop, and in the ledger. Nothing is labelled by dossier; a
// practice, which the operator named, labels what Loop's operations came to. How many series that makes is stated in
// docs/operate/signals.md, and held to it by a test.
package telemetry

import (
	"context"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
)

// Loop observes calls to Loop.
type Loop struct {
	calls, took, attempts, keys *prometheus.CounterVec
	duration, ofPractice        *prometheus.HistogramVec
	turns                       *prometheus.HistogramVec
	// others are told the same.
	others []cegidclient.Observer

	mu sync.Mutex
	// ended are the series of calls, which are looked up once by their labels.
	ended map[callKind]callSeries
}

type callKind struct{ operation, practice, outcome string }

type callSeries struct {
	calls, took prometheus.Counter
	duration    prometheus.Observer
}

var _ cegidclient.Observer = (*Loop)(nil)

// NewLoop registers the metrics; others receive each event, too.
func NewLoop(registry prometheus.Registerer, others ...cegidclient.Observer) *Loop {
	buckets := []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	l := &Loop{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_calls_total", Help: "Calls to Loop, retries not counted, by operation, practice and outcome.",
		}, []string{"operation", "practice", "outcome"}),
		took: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_call_seconds_total", Help: "How long calls to Loop took together, retries and waits included, by operation and practice.",
		}, []string{"operation", "practice"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "loop_call_duration_seconds", Help: "Duration of calls to Loop, retries and waits included, by operation.", Buckets: buckets,
		}, []string{"operation"}),
		ofPractice: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "loop_attempt_duration_seconds", Help: "Duration of HTTP attempts on Loop, by practice and class: read, write, poll.",
			Buckets: buckets,
		}, []string{"practice", "class"}),
		turns: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "loop_turn_wait_seconds", Help: "How long attempts on Loop waited for their turn, refused ones included, " +
				"by class: read, write, poll.",
			Buckets: []float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 20, 30},
		}, []string{"class"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_attempts_total", Help: "HTTP attempts on Loop, by operation, practice, HTTP status (0: none came) and outcome.",
		}, []string{"operation", "practice", "status", "outcome"}),
		keys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loop_subscription_key_attempts_total", Help: "Answered attempts on Loop by the subscription key that was sent, and whether " +
				"Loop took the credentials (HTTP 401 is no).",
		}, []string{"practice", "key", "accepted"}),
		others: others,
		ended:  map[callKind]callSeries{},
	}
	registry.MustRegister(l.calls, l.took, l.duration, l.ofPractice, l.turns, l.attempts, l.keys)
	return l
}

// CallDone implements cegidclient.Observer.
func (l *Loop) CallDone(ctx context.Context, event cegidclient.CallEvent) {
	series, took := l.seriesOf(callKind{event.Operation, event.Practice, event.Outcome}), event.Duration.Seconds()
	series.calls.Inc()
	series.took.Add(took)
	series.duration.Observe(took)
	for _, other := range l.others {
		other.CallDone(ctx, event)
	}
}

func (l *Loop) seriesOf(kind callKind) callSeries {
	l.mu.Lock()
	defer l.mu.Unlock()
	series, known := l.ended[kind]
	if !known {
		series = callSeries{
			calls: l.calls.WithLabelValues(kind.operation, kind.practice, kind.outcome), took: l.took.WithLabelValues(kind.operation, kind.practice),
			duration: l.duration.WithLabelValues(kind.operation),
		}
		l.ended[kind] = series
	}
	return series
}

// TurnDone implements cegidclient.Observer.
func (l *Loop) TurnDone(ctx context.Context, event cegidclient.TurnEvent) {
	l.turns.WithLabelValues(event.Class.String()).Observe(event.Duration.Seconds())
	for _, other := range l.others {
		other.TurnDone(ctx, event)
	}
}

// AttemptDone implements cegidclient.Observer.
func (l *Loop) AttemptDone(ctx context.Context, event cegidclient.AttemptEvent) {
	l.attempts.WithLabelValues(event.Operation, event.Practice, strconv.Itoa(event.Status), event.Outcome).Inc()
	l.ofPractice.WithLabelValues(event.Practice, event.Class.String()).Observe(event.Duration.Seconds())
	if key := subscriptionKey(event.SubscriptionKey); key != "" && event.Status != 0 {
		accepted := "yes"
		if event.Status == 401 {
			accepted = "no"
		}
		l.keys.WithLabelValues(event.Practice, key, accepted).Inc()
	}
	for _, other := range l.others {
		other.AttemptDone(ctx, event)
	}
}

// subscriptionKey is the use of a subscription key, by its place.
func subscriptionKey(place int) string {
	switch place {
	case 0:
		return "primary"
	case 1:
		return "secondary"
	}
	return ""
}
