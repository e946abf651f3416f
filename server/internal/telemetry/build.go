package telemetry

import "github.com/prometheus/client_golang/prometheus"

// RegisterBuild publishes which version runs, of which git commit, built by which Go.
func RegisterBuild(registry prometheus.Registerer, version, revision, goversion string) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_build_info", Help: "Always 1; the labels say which version runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goversion},
	}, func() float64 { return 1 }))
}
