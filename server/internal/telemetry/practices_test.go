package telemetry

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/tenant"
)

// values are the samples of a registry, by name and labels.
func values(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += fmt.Sprintf(" %s=%s", label.GetName(), label.GetValue())
			}
			all[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return all
}

func TestPracticesShowTheirBrakesAndSecrets(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer upstream.Close()
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: upstream.URL, AllowPlainHTTP: true, Practice: "demo",
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
		Retry:       cegidclient.RetryPolicy{Attempts: 1}, Breaker: cegidclient.BreakerPolicy{Failures: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	demo := &tenant.Practice{Name: "demo", Client: client, Secrets: func() []secret.Status {
		return []secret.Status{
			{Use: "standard", ChangedAt: time.Now().Add(-time.Hour)},
			{Use: "primary", ChangedAt: time.Now(), Err: errors.New("gone")},
		}
	}}
	practices := tenant.NewPractices(demo)
	registry := prometheus.NewPedanticRegistry()
	RegisterPractices(registry, practices.All)

	before := values(t, registry)
	if before["loop_breaker_state practice=demo"] != 0 || before["loop_refusals_total class=read practice=demo why=breaker"] != 0 {
		t.Errorf("before anything happened: %v", before)
	}
	for range 3 {
		_, _ = client.Journals.List(t.Context(), "D1", cegidclient.ListOptions{})
	}
	after := values(t, registry)
	want := map[string]float64{
		"loop_breaker_state practice=demo": 2, "loop_retry_budget practice=demo": 10, "loop_places practice=demo": 8, "loop_rate_limit practice=demo": 0,
		"loop_subscription_key_in_use key=primary practice=demo": 1, "loop_subscription_key_in_use key=secondary practice=demo": 0,
		"loop_secret_age_seconds practice=demo use=standard": 3600, "loop_secret_age_seconds practice=demo use=primary": 0,
		"loop_secret_read_failed practice=demo use=standard": 0, "loop_secret_read_failed practice=demo use=primary": 1,
	}
	for _, class := range []string{"read", "write", "poll"} {
		want["loop_attempts_under_way class="+class+" practice=demo"], want["loop_attempts_waiting class="+class+" practice=demo"] = 0, 0
		for _, what := range []string{"throttled", "rate", "concurrency"} {
			want["loop_waits_total class="+class+" practice=demo what="+what], want["loop_wait_seconds_total class="+class+" practice=demo what="+what] = 0, 0
		}
		for _, why := range []string{"throttled", "rate", "busy", "breaker"} {
			want["loop_refusals_total class="+class+" practice=demo why="+why] = 0
		}
	}
	want["loop_refusals_total class=read practice=demo why=breaker"] = 2
	for name, want := range want {
		if got, ok := after[name]; !ok || math.Abs(got-want) > 60 || strings.Contains(name, "_total") && got != want {
			t.Errorf("%s is %v, %v; want %v", name, got, ok, want)
		}
		delete(after, name)
	}
	if len(after) > 0 {
		t.Errorf("there are more: %v", after)
	}

	// A practice that is gone leaves nothing behind, and one whose secrets nobody can tell of has its brakes.
	practices.Replace(&tenant.Practice{Name: "partner", Client: client})
	for name := range values(t, registry) {
		if !strings.Contains(name, "practice=partner") || strings.Contains(name, "secret") {
			t.Errorf("there is still %s", name)
		}
	}
}
