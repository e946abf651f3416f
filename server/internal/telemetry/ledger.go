package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/secret"
)

// LedgerCounter counts submissions by state.
type LedgerCounter interface {
	CountByState(ctx context.Context) (map[ledger.State]int, error)
	CountOpen(ctx context.Context) ([]ledger.OpenCount, error)
	Trouble() ledger.Failures
	LogState() ledger.LogState
}

// ledgerStates asks the ledger when somebody looks: it is the truth, also of what earlier processes left.
type ledgerStates struct {
	ledger                   LedgerCounter
	states, open, oldest, up *prometheus.Desc

	mu     sync.Mutex
	looked time.Time
	last   []ledger.OpenCount
}

// openEvery is how often the rows that are not final are gone through, however often somebody looks.
const openEvery = 15 * time.Second

// opened are the rows that are not final, by practice.
func (c *ledgerStates) opened(ctx context.Context) ([]ledger.OpenCount, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := time.Since(c.looked); since < openEvery && !c.looked.IsZero() {
		return c.last, nil
	}
	found, err := c.ledger.CountOpen(ctx)
	if err == nil {
		c.last, c.looked = found, time.Now()
	}
	return found, err
}

// RegisterLedger publishes how many submissions are in each state. UNCERTAIN above zero wants a person.
func RegisterLedger(registry prometheus.Registerer, l LedgerCounter) {
	for kind, of := range map[string]func(ledger.Failures) int64{
		"commit": func(f ledger.Failures) int64 { return f.Commits }, "read": func(f ledger.Failures) int64 { return f.Reads },
	} {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ledger_failures_total", Help: "How often the ledger failed, by kind: commit (of a transaction), read.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(of(l.Trouble())) }))
	}
	registry.MustRegister(&ledgerStates{
		ledger: l,
		states: prometheus.NewDesc("ledger_submissions",
			"Submissions in the ledger, by state; those that are UNCERTAIN want a person. Over servers: max.", []string{"state"}, nil),
		open: prometheus.NewDesc("ledger_submissions_open",
			"Submissions in the ledger that are under way, FAILED or UNCERTAIN, by practice and state. Over servers: max.",
			[]string{"practice", "state"}, nil),
		oldest: prometheus.NewDesc("ledger_submissions_open_oldest_age_seconds",
			"Time since the oldest of them was received, by practice and state. Over servers: max.", []string{"practice", "state"}, nil),
		up: prometheus.NewDesc("ledger_up", "1 while the ledger answers; else ledger_submissions is missing. Over servers: min.", nil, nil),
	})
	registry.MustRegister(&ledgerLog{
		ledger: l,
		told:   prometheus.NewDesc("ledger_events_total", "Events that this server has written, by kind.", []string{"kind"}, nil),
		behind: prometheus.NewDesc("ledger_log_behind_seconds", "How long the log of events could not be read to its end. Over servers: max.",
			nil, nil),
		followers: prometheus.NewDesc("ledger_log_followers", "Streams of events that are open. Over servers: sum.", nil, nil),
		watchers:  prometheus.NewDesc("ledger_watchers", "Calls that wait for a change of a submission. Over servers: sum.", nil, nil),
	})
}

// RegisterLedgerSecret publishes the state of the connection string of a PostgreSQL.
func RegisterLedgerSecret(registry prometheus.Registerer, status func() secret.Status) {
	of := prometheus.Labels{"use": status().Use}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ledger_secret_age_seconds", Help: "Time since a secret of the ledger was written, by use. Over servers: max.", ConstLabels: of,
	}, func() float64 { return time.Since(status().ChangedAt).Seconds() }))
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ledger_secret_read_failed", Help: "1 while it cannot be read again and the value before stays in use. Over servers: max.",
		ConstLabels: of,
	}, func() float64 {
		if status().Err != nil {
			return 1
		}
		return 0
	}))
}

// ledgerLog tells of the log of events, without a question to the ledger.
type ledgerLog struct {
	ledger                            LedgerCounter
	told, behind, followers, watchers *prometheus.Desc
}

func (c *ledgerLog) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.told, c.behind, c.followers, c.watchers} {
		out <- desc
	}
}

func (c *ledgerLog) Collect(out chan<- prometheus.Metric) {
	state := c.ledger.LogState()
	for kind, n := range state.Told {
		out <- prometheus.MustNewConstMetric(c.told, prometheus.CounterValue, float64(n), string(kind))
	}
	out <- prometheus.MustNewConstMetric(c.behind, prometheus.GaugeValue, state.Behind.Seconds())
	out <- prometheus.MustNewConstMetric(c.followers, prometheus.GaugeValue, float64(state.Followers))
	out <- prometheus.MustNewConstMetric(c.watchers, prometheus.GaugeValue, float64(state.Watchers))
}

func (c *ledgerStates) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.states, c.open, c.oldest, c.up} {
		out <- desc
	}
}

func (c *ledgerStates) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := c.ledger.CountByState(ctx)
	var open []ledger.OpenCount
	if err == nil {
		open, err = c.opened(ctx)
	}
	if err != nil { // no error: the other metrics are needed now more than ever
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 1)
	for _, state := range ledger.States() {
		out <- prometheus.MustNewConstMetric(c.states, prometheus.GaugeValue, float64(counts[state]), string(state))
	}
	for _, count := range open {
		out <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(count.N), count.Practice, string(count.State))
		out <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, count.Oldest.Seconds(), count.Practice, string(count.State))
	}
}

// NewLedgerSteps publishes how long steps of the ledger take, and what they came to.
func NewLedgerSteps(registry prometheus.Registerer) func(ledger.Observation) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ledger_step_duration_seconds", Help: "Duration of transactions and questions of the ledger, by step: begin, submitting, " +
			"settle and followed are those of a submission.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"step"})
	registry.MustRegister(took)
	return func(step ledger.Observation) { took.WithLabelValues(step.Name).Observe(step.Took.Seconds()) }
}
