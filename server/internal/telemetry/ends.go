package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Keys say how fresh the keys of an issuer of tokens are.
type Keys struct {
	Issuer string
	// Fetched is zero before the first time.
	Fetched time.Time
	// Failed says that the last attempt to fetch them did.
	Failed bool
}

// Certificate is one in use.
type Certificate struct {
	// Of is what it is of: server, client_authorities.
	Of string
	// Subject and Serial tell it from the others of a file.
	Subject, Serial string
}

// Ends are what ends by itself, or is fetched again and again.
type Ends struct {
	// Certificates are when each ends.
	Certificates func() map[Certificate]time.Time
	Issuers      func() []Keys
}

type ends struct {
	of                           Ends
	certificate, fetched, failed *prometheus.Desc
}

// RegisterEnds publishes when certificates end, and how old the keys of issuers are.
func RegisterEnds(registry prometheus.Registerer, of Ends) {
	registry.MustRegister(&ends{
		of,
		prometheus.NewDesc("gateway_certificate_end_timestamp_seconds", "When a certificate in use ends, in Unix time, by what it is of: "+
			"server (with those of its chain), client_authorities. Over servers: max.", []string{"certificate", "subject", "serial"}, nil),
		prometheus.NewDesc("gateway_issuer_keys_age_seconds",
			"Time since the keys of an issuer of tokens were fetched; missing before the first token. Over servers: max.", []string{"issuer"}, nil),
		prometheus.NewDesc("gateway_issuer_keys_failed",
			"1 while the keys of an issuer cannot be fetched, and those before are used. Over servers: max.", []string{"issuer"}, nil),
	})
}

func (e *ends) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{e.certificate, e.fetched, e.failed} {
		out <- desc
	}
}

func (e *ends) Collect(out chan<- prometheus.Metric) {
	if e.of.Certificates != nil {
		for of, end := range e.of.Certificates() {
			out <- prometheus.MustNewConstMetric(e.certificate, prometheus.GaugeValue, float64(end.Unix()), of.Of, of.Subject, of.Serial)
		}
	}
	for _, issuer := range e.of.Issuers() {
		failed := 0.
		if issuer.Failed {
			failed = 1
		}
		out <- prometheus.MustNewConstMetric(e.failed, prometheus.GaugeValue, failed, issuer.Issuer)
		if !issuer.Fetched.IsZero() {
			out <- prometheus.MustNewConstMetric(e.fetched, prometheus.GaugeValue, time.Since(issuer.Fetched).Seconds(), issuer.Issuer)
		}
	}
}

// RegisterSpool publishes how full the folder for files under way is.
func RegisterSpool(registry prometheus.Registerer, use func() (bytes, most int64, files int)) {
	for name, gauge := range map[string]struct {
		help string
		of   func() float64
	}{
		"spool_bytes": {
			"Bytes of the documents and files that are under way on this server.",
			func() float64 { n, _, _ := use(); return float64(n) },
		},
		"spool_limit_bytes": {"The most that they may take together: files.spool_size.", func() float64 { _, n, _ := use(); return float64(n) }},
		"spool_files":       {"Documents and files that are under way on this server.", func() float64 { _, _, n := use(); return float64(n) }},
	} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help + " Over servers: sum."}, gauge.of))
	}
}
