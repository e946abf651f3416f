package telemetry

import "github.com/prometheus/client_golang/prometheus"

// NewResolutions publishes what was done about imports whose outcome was open, by action and result.
func NewResolutions(registry prometheus.Registerer) func(action, result string) {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "import_resolutions_total",
		Help: "Imports whose outcome was open: looked for in Loop (check), resolved by a person's statement (confirm), " +
			"sent again (resubmit), by result.",
	}, []string{"action", "result"})
	registry.MustRegister(counts)
	return func(action, result string) { counts.WithLabelValues(action, result).Inc() }
}
