package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// RegisterBuild publishes which version runs, of which git commit, built by which Go.
func RegisterBuild(registry prometheus.Registerer, version, revision string) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_build_info", Help: "Always 1; the labels say which version runs. Over servers: max.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	}, func() float64 { return 1 }))
}

// RegisterInForce publishes which configuration and policy are in force, by their hashes, whenever somebody looks.
func RegisterInForce(registry prometheus.Registerer, hashes func() (config, policy string)) {
	registry.MustRegister(&inForce{hashes, prometheus.NewDesc("gateway_config_info",
		"Always 1; the labels are the hashes of the configuration and the policy in force, as in the log. Over servers: max.",
		[]string{"config_hash", "policy_hash"}, nil)})
}

type inForce struct {
	hashes func() (config, policy string)
	info   *prometheus.Desc
}

func (i *inForce) Describe(out chan<- *prometheus.Desc) { out <- i.info }

func (i *inForce) Collect(out chan<- prometheus.Metric) {
	config, policy := i.hashes()
	out <- prometheus.MustNewConstMetric(i.info, prometheus.GaugeValue, 1, config, policy)
}
