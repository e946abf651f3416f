package telemetry

import "github.com/prometheus/client_golang/prometheus"

// RegisterBuild publishes which version runs.
func RegisterBuild(registry prometheus.Registerer, version string) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_build_info", Help: "Always 1; the label says which version runs.", ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 }))
}
