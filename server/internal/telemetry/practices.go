package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/tenant"
)

// practices asks each practice when somebody looks, so that one that is gone leaves nothing behind.
type practices struct {
	all func() []*tenant.Practice

	breaker, retries, places, rate, refusals, waits, waited, underWay, waiting, age, failed, key *prometheus.Desc
}

// RegisterPractices publishes what keeps each practice from Loop, and the state of its secrets. The label is the
// operator's own name for the practice, of which there are as many as are configured.
func RegisterPractices(registry prometheus.Registerer, all func() []*tenant.Practice) {
	byPractice, byUse := []string{"practice"}, []string{"practice", "use"}
	registry.MustRegister(&practices{
		all: all,
		breaker: prometheus.NewDesc("loop_breaker_state",
			"The circuit breaker: 0 closed, 1 half open (one call is tried), 2 open. Over servers: max.", byPractice, nil),
		retries: prometheus.NewDesc("loop_retry_budget",
			"Repeated attempts that the practice has in reserve: retry_budget at most. Over servers: sum.", byPractice, nil),
		places: prometheus.NewDesc("loop_places",
			"Attempts on Loop that this server may have under way: its part of the practice's concurrency. Over servers: sum.", byPractice, nil),
		rate: prometheus.NewDesc("loop_rate_limit", "Attempts on Loop that this server may begin in a second: its part of the practice's "+
			"requests_per_second; 0 is no limit. Over servers: sum.", byPractice, nil),
		refusals: prometheus.NewDesc("loop_refusals_total",
			"Attempts on Loop refused here, by class and why: throttled (after a 429), rate (requests_per_second), busy (no turn in time), breaker.",
			[]string{"practice", "class", "why"}, nil),
		waits: prometheus.NewDesc("loop_waits_total",
			"Attempts on Loop that waited here, by class and what for: throttled (after a 429), rate (requests_per_second), concurrency.",
			[]string{"practice", "class", "what"}, nil),
		waited: prometheus.NewDesc("loop_wait_seconds_total", "How long attempts on Loop waited here, by class and what for.",
			[]string{"practice", "class", "what"}, nil),
		underWay: prometheus.NewDesc("loop_attempts_under_way", "Attempts on Loop now, by class: read, write, poll. Over servers: sum.",
			[]string{"practice", "class"}, nil),
		waiting: prometheus.NewDesc("loop_attempts_waiting", "Attempts on Loop that wait for their turn now, by class. Over servers: sum.",
			[]string{"practice", "class"}, nil),
		key: prometheus.NewDesc("loop_subscription_key_in_use", "1 for the subscription key that the next attempt begins with, by key: "+
			"primary, secondary. 0 for primary: Loop has rejected it, and the secondary one answers. Over servers: max.",
			[]string{"practice", "key"}, nil),
		age: prometheus.NewDesc("loop_secret_age_seconds",
			"Time since a secret was written, by use: standard, advanced, primary, secondary. Over servers: max.", byUse, nil),
		failed: prometheus.NewDesc("loop_secret_read_failed",
			"1 while a secret cannot be read again and the value before stays in use, by use. Over servers: max.", byUse, nil),
	})
}

func (p *practices) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		p.breaker, p.retries, p.places, p.rate, p.refusals, p.waits, p.waited, p.underWay, p.waiting,
		p.age, p.failed, p.key,
	} {
		out <- desc
	}
}

func (p *practices) Collect(out chan<- prometheus.Metric) {
	for _, practice := range p.all() {
		send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{practice.Name}, labels...)...)
		}
		brakes := practice.Client.Brakes()
		send(p.breaker, prometheus.GaugeValue, breakerValue(brakes.Breaker))
		send(p.retries, prometheus.GaugeValue, brakes.Retries)
		send(p.places, prometheus.GaugeValue, float64(brakes.Places))
		send(p.rate, prometheus.GaugeValue, brakes.Rate)
		for i, of := range brakes.Of {
			class := cegidclient.Class(i).String()
			send(p.refusals, prometheus.CounterValue, float64(of.Throttled), class, "throttled")
			send(p.refusals, prometheus.CounterValue, float64(of.OverRate), class, "rate")
			send(p.refusals, prometheus.CounterValue, float64(of.Busy), class, "busy")
			send(p.refusals, prometheus.CounterValue, float64(of.Paused), class, "breaker")
			send(p.waits, prometheus.CounterValue, float64(of.GateWaits), class, "throttled")
			send(p.waits, prometheus.CounterValue, float64(of.RateWaits), class, "rate")
			send(p.waits, prometheus.CounterValue, float64(of.SlotWaits), class, "concurrency")
			send(p.waited, prometheus.CounterValue, of.GateTime.Seconds(), class, "throttled")
			send(p.waited, prometheus.CounterValue, of.RateTime.Seconds(), class, "rate")
			send(p.waited, prometheus.CounterValue, of.SlotTime.Seconds(), class, "concurrency")
			send(p.underWay, prometheus.GaugeValue, float64(of.UnderWay), class)
			send(p.waiting, prometheus.GaugeValue, float64(of.Waiting), class)
		}
		for place := range 2 {
			inUse := 0.
			if brakes.SubscriptionKey == place {
				inUse = 1
			}
			send(p.key, prometheus.GaugeValue, inUse, subscriptionKey(place))
		}
		if practice.Secrets == nil {
			continue
		}
		for _, secret := range practice.Secrets() {
			failed := 0.
			if secret.Err != nil {
				failed = 1
			}
			send(p.age, prometheus.GaugeValue, time.Since(secret.ChangedAt).Seconds(), secret.Use)
			send(p.failed, prometheus.GaugeValue, failed, secret.Use)
		}
	}
}

func breakerValue(state cegidclient.BreakerState) float64 {
	switch state {
	case cegidclient.BreakerHalfOpen:
		return 1
	case cegidclient.BreakerOpen:
		return 2
	}
	return 0
}
