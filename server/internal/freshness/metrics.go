package freshness

import "github.com/prometheus/client_golang/prometheus"

var (
	readsDesc = prometheus.NewDesc("freshness_reads_total",
		"Reads that accept an older answer, or were asked by several at once: hit, miss, stale (Loop did not answer) or shared.",
		[]string{"result"}, nil)
	bytesDesc = prometheus.NewDesc("freshness_kept_bytes", "About what the answers take that are kept.", nil, nil)
	keptDesc  = prometheus.NewDesc("freshness_kept_answers", "Answers that are kept.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Store) Describe(to chan<- *prometheus.Desc) {
	to <- readsDesc
	to <- bytesDesc
	to <- keptDesc
}

// Collect implements prometheus.Collector. It clears away what is over.
func (s *Store) Collect(to chan<- prometheus.Metric) {
	for how, count := range s.counts {
		to <- prometheus.MustNewConstMetric(readsDesc, prometheus.CounterValue, float64(count.Load()), string(how))
	}
	s.kept.CleanUp()
	to <- prometheus.MustNewConstMetric(bytesDesc, prometheus.GaugeValue, float64(s.kept.WeightedSize()))
	to <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(s.kept.EstimatedSize()))
}
