package reads

import (
	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/freshness"
)

var (
	readsDesc = prometheus.NewDesc("freshness_reads_total",
		"Reads that accept an older answer, or wait for the same one of another: hit, miss, stale (Loop did not answer) or shared.",
		[]string{"result"}, nil)
	bytesDesc = prometheus.NewDesc("freshness_kept_bytes", "About what the answers take that are kept. Over servers: sum.", nil, nil)
	keptDesc  = prometheus.NewDesc("freshness_kept_answers", "Answers that are kept. Over servers: sum.", nil, nil)
)

// Metrics are those of a store.
type Metrics struct{ Store *freshness.Store }

// Describe implements prometheus.Collector.
func (Metrics) Describe(to chan<- *prometheus.Desc) {
	to <- readsDesc
	to <- bytesDesc
	to <- keptDesc
}

// Collect implements prometheus.Collector.
func (m Metrics) Collect(to chan<- prometheus.Metric) {
	for how, count := range m.Store.Counts() {
		to <- prometheus.MustNewConstMetric(readsDesc, prometheus.CounterValue, float64(count), string(how))
	}
	answers, bytes := m.Store.Kept()
	to <- prometheus.MustNewConstMetric(bytesDesc, prometheus.GaugeValue, float64(bytes))
	to <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(answers))
}
