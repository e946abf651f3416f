package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/ledger"
)

// LedgerCounter counts submissions by state.
type LedgerCounter interface {
	CountByState(ctx context.Context) (map[ledger.State]int, error)
	Trouble() (failures int64, last error)
	LogState() ledger.LogState
}

// ledgerStates asks the ledger when somebody looks: it is the truth, also of what earlier processes left.
type ledgerStates struct {
	ledger     LedgerCounter
	states, up *prometheus.Desc
}

// RegisterLedger publishes how many submissions stand in each state. UNCERTAIN above zero wants a person.
func RegisterLedger(registry prometheus.Registerer, l LedgerCounter) {
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "ledger_failures_total", Help: "How often the ledger could not be read or written.",
	}, func() float64 {
		failures, _ := l.Trouble()
		return float64(failures)
	}))
	registry.MustRegister(&ledgerStates{
		ledger: l,
		states: prometheus.NewDesc("ledger_submissions", "Submissions in the ledger, by state; those that are UNCERTAIN want a person.", []string{"state"}, nil),
		up:     prometheus.NewDesc("ledger_up", "1 while the ledger answers; else ledger_submissions is missing.", nil, nil),
	})
	registry.MustRegister(&ledgerLog{
		ledger:    l,
		told:      prometheus.NewDesc("ledger_events_total", "Events that this server has written, by kind.", []string{"kind"}, nil),
		behind:    prometheus.NewDesc("ledger_log_behind_seconds", "How long the log of events could not be read to its end.", nil, nil),
		followers: prometheus.NewDesc("ledger_log_followers", "Streams of events that are open.", nil, nil),
		watchers:  prometheus.NewDesc("ledger_watchers", "Calls that wait for a change of a submission.", nil, nil),
	})
}

// ledgerLog tells of the log of events, without a question to the ledger.
type ledgerLog struct {
	ledger                            LedgerCounter
	told, behind, followers, watchers *prometheus.Desc
}

func (c *ledgerLog) Describe(out chan<- *prometheus.Desc) {
	for _, each := range []*prometheus.Desc{c.told, c.behind, c.followers, c.watchers} {
		out <- each
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

func (c *ledgerStates) Describe(out chan<- *prometheus.Desc) { out <- c.states; out <- c.up }

func (c *ledgerStates) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := c.ledger.CountByState(ctx)
	if err != nil { // no error: the other metrics are needed now more than ever
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 1)
	for _, state := range ledger.States() {
		out <- prometheus.MustNewConstMetric(c.states, prometheus.GaugeValue, float64(counts[state]), string(state))
	}
}
