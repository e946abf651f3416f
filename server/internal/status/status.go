// Package status shows on one page how a server is: to operators who have no Prometheus at hand. All of it comes from the server's own
// metrics, so that page and metrics cannot differ.
package status

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// hour is how many minutes the page looks back.
const hour = 60

// Page shows how a server is.
type Page struct {
	cfg Config

	mu      sync.Mutex
	minutes []sample // the newest last
}

// Config is what a page shows.
type Config struct {
	Metrics prometheus.Gatherer
	// Ready and Writes are nil where calls, and writes, are answered; else they say why not.
	Ready, Writes func() error
}

// New returns a page that Run keeps up to date.
func New(cfg Config) *Page { return &Page{cfg: cfg} }

// Run notes each minute what has happened by then, until ctx ends.
func (p *Page) Run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		p.note(p.sample())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note keeps what counters grow from. What is shown as it is comes from the metrics of the moment.
func (p *Page) note(s sample) {
	s.now = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.minutes = append(p.minutes, s)
	if len(p.minutes) > hour+1 {
		p.minutes = append([]sample(nil), p.minutes[len(p.minutes)-hour-1:]...)
	}
}

// past are the minutes noted so far.
func (p *Page) past() []sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]sample(nil), p.minutes...)
}

// key names a number: of what it is one, and whose.
type key struct{ of, whose, what string }

// sample is what the metrics say at a time: counters, of which the page shows how they grow, and the rest.
type sample struct {
	at       time.Time
	counters map[key]float64
	now      []reading
}

// reading is a series that does not count.
type reading struct {
	metric string
	labels map[string]string
	value  float64
}

// What the counters of a sample are of.
const (
	attempts = "attempts" // on Loop, by practice and how they ended
	calls    = "calls"    // of callers, by caller and whether they went well
	refusals = "refusals" // of callers, by why
)

// How attempts on Loop end.
const (
	answered = "answered"
	slowed   = "slowed"
	rejected = "rejected"
	failed   = "failed"
)

// asItIs tells which metrics the page shows as they are.
func asItIs(name string) bool {
	switch name {
	case "gateway_build_info", "gateway_config_info", "gateway_certificate_end_timestamp_seconds",
		"ledger_submissions", "ledger_submissions_open", "ledger_submissions_open_oldest_age_seconds", "ledger_up",
		"loop_breaker_state", "loop_subscription_key_in_use", "loop_secret_read_failed",
		"loop_places", "loop_attempts_under_way", "loop_attempts_waiting":
		return true
	}
	return false
}

// sample reads the metrics. What cannot be read is missing, as it is there.
func (p *Page) sample() sample {
	s := sample{at: time.Now(), counters: map[key]float64{}}
	families, _ := p.cfg.Metrics.Gather()
	for _, family := range families {
		name := family.GetName()
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if asItIs(name) {
				s.now = append(s.now, reading{name, labels, metric.GetGauge().GetValue()})
				continue
			}
			if of, counts := counted(name, labels); counts && metric.GetCounter().GetValue() > 0 {
				s.counters[of] += metric.GetCounter().GetValue()
			}
			if name == "gateway_calls_total" && labels["reason"] == "CALLER_LIMIT" {
				s.counters[key{refusals, "limits of " + labels["caller"], ""}] += metric.GetCounter().GetValue()
			}
		}
	}
	return s
}

// counted says which number of the page a counter adds to.
func counted(name string, labels map[string]string) (key, bool) {
	switch name {
	case "loop_attempts_total":
		// Of an attempt whose caller has left, nothing is known of Loop.
		return key{attempts, labels["practice"], ending(labels["status"])}, labels["outcome"] != "interrupted"
	case "gateway_calls_total":
		well := "badly"
		if labels["reason"] == "OK" {
			well = "well"
		}
		return key{calls, labels["caller"], well}, true
	case "gateway_access_refused_total":
		return key{refusals, labels["why"], ""}, true
	case "gateway_connections_refused_total":
		return key{refusals, "connection over " + labels["listener"] + ": " + strings.ReplaceAll(labels["reason"], "_", " "), ""}, true
	}
	return key{}, false
}

// ending is how an attempt with this HTTP status ended, for the health of Loop: that it refuses what is wrong is an answer.
func ending(status string) string {
	switch code, _ := strconv.Atoi(status); {
	case code == 0 || code >= 500:
		return failed
	case code == 401:
		return rejected
	case code == 429:
		return slowed
	}
	return answered
}
