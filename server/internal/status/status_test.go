package status

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are some of those that a server has.
type metrics struct {
	registry                     *prometheus.Registry
	attempts, calls, refused     *prometheus.CounterVec
	breaker, keys, places        *prometheus.GaugeVec
	open, age, submissions, code *prometheus.GaugeVec
	up                           prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name}, labels)
		m.registry.MustRegister(g)
		return g
	}
	m.attempts = counter("loop_attempts_total", "operation", "practice", "status", "outcome")
	m.calls = counter("gateway_calls_total", "method", "caller", "reason")
	m.refused = counter("gateway_access_refused_total", "why")
	m.breaker, m.keys, m.places = gauge("loop_breaker_state", "practice"), gauge("loop_subscription_key_in_use", "practice", "key"), gauge("loop_places", "practice")
	m.open, m.age = gauge("ledger_submissions_open", "practice", "state"), gauge("ledger_submissions_open_oldest_age_seconds", "practice", "state")
	m.submissions, m.code = gauge("ledger_submissions", "state"), gauge("gateway_build_info", "version", "revision")
	m.up = gauge("ledger_up").WithLabelValues()
	m.up.Set(1)
	m.places.WithLabelValues("demo").Set(8)
	return m
}

func (m *metrics) attempt(status string, times float64) {
	m.attempts.WithLabelValues("list_accounts", "demo", status, "").Add(times)
}

func well() error { return nil }

// shown is the page, as text with one space between words.
func shown(t *testing.T, p *Page) string {
	t.Helper()
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("HTTP %d %s", answer.Code, answer.Body)
	}
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(answer.Body.String(), " ")), " ")
}

// TestThePageSaysHowAPracticeIs: by what its attempts came to in the last minutes, whatever was before.
func TestThePageSaysHowAPracticeIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(m *metrics)
		says    []string
	}{
		"nothing was asked": {func(*metrics) {}, []string{"nothing was asked lately", "0 answered, 0 slowed, 0 rejected, 0 failed"}},
		"Loop answers": {func(m *metrics) { m.attempt("200", 40); m.attempt("404", 2); m.attempt("503", 1) }, []string{
			"Loop answers", "42 answered, 0 slowed, 0 rejected, 1 failed",
		}},
		"Loop fails":            {func(m *metrics) { m.attempt("200", 4); m.attempt("503", 1); m.attempt("0", 1) }, []string{"Loop fails often", "2 failed"}},
		"a quota is exhausted":  {func(m *metrics) { m.attempt("200", 4); m.attempt("429", 1) }, []string{"Loop asks to slow down"}},
		"a key is revoked":      {func(m *metrics) { m.attempt("401", 3) }, []string{"Loop rejects its keys"}},
		"the breaker is open":   {func(m *metrics) { m.attempt("503", 10); m.breaker.WithLabelValues("demo").Set(2) }, []string{"Loop seems to be down"}},
		"the primary key ended": {func(m *metrics) { m.keys.WithLabelValues("demo", "secondary").Set(1) }, []string{"rejects the primary subscription key"}},
		"imports are open": {func(m *metrics) {
			m.open.WithLabelValues("demo", "UNCERTAIN").Set(20)
			m.age.WithLabelValues("demo", "UNCERTAIN").Set(3700)
			m.submissions.WithLabelValues("UNCERTAIN").Set(20)
		}, []string{"20 UNCERTAIN, the oldest for 1h1m40s", "Ledger UNCERTAIN 20"}},
		"the ledger is away": {func(m *metrics) { m.up.Set(0) }, []string{"It does not answer."}},
		"callers are refused": {func(m *metrics) {
			m.calls.WithLabelValues("M", "billing", "OK").Add(7)
			m.calls.WithLabelValues("M", "billing", "CALLER_LIMIT").Add(5)
			m.refused.WithLabelValues("token of nobody").Add(9)
		}, []string{"billing 7 5", "token of nobody 9 limits of billing 5"}},
		"a release":         {func(m *metrics) { m.code.WithLabelValues("1.0.0", "0123456789abcdef").Set(1) }, []string{"Version 1.0.0, 0123456789ab "}},
		"a build of nobody": {func(m *metrics) { m.code.WithLabelValues("(devel)", "").Set(1) }, []string{"Version (devel) Practices"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMetrics()
			m.attempts.WithLabelValues("list_accounts", "demo", "503", "").Add(1000) // before the page looks
			p := New(Config{Metrics: m.registry, Ready: well, Writes: func() error { return errors.New("the disk of the ledger is full") }})
			p.note(p.sample())
			c.happens(m)
			text := shown(t, p)
			for _, says := range append(c.says, "Calls ready", "Writes the disk of the ledger is full") {
				if !strings.Contains(text, says) {
					t.Errorf("it does not say %q: %s", says, text)
				}
			}
		})
	}
}

// TestThePageLooksBackAnHour: and no further, minute by minute.
func TestThePageLooksBackAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics()
		p := New(Config{Metrics: m.registry, Ready: well, Writes: well})
		go p.Run(t.Context())
		synctest.Wait()
		m.attempt("503", 7)                        // which is too long ago in the end
		time.Sleep(2*time.Minute + 30*time.Second) // between two looks
		for range 70 {
			m.attempt("200", 3)
			m.attempt("503", 1)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		text := shown(t, p)
		if !strings.Contains(text, "in the last 60 min") || !strings.Contains(text, "180 answered, 0 slowed, 0 rejected, 60 failed") {
			t.Errorf("it says %s", text)
		}
		if of := p.view().Practices[0]; strings.Count(of.Answered, "M") != hour || strings.Count(of.Others, "M") != hour || len(p.past()) != hour+1 {
			t.Errorf("there are %d and %d bars of %d minutes", strings.Count(of.Answered, "M"), strings.Count(of.Others, "M"), len(p.past()))
		}
	})
}

// TestACallerWhoLeavesSaysNothingOfLoop, and no minute keeps what only the moment shows.
func TestACallerWhoLeavesSaysNothingOfLoop(t *testing.T) {
	m := newMetrics()
	p := New(Config{Metrics: m.registry, Ready: well, Writes: well})
	p.note(p.sample())
	m.attempts.WithLabelValues("list_accounts", "demo", "200", "ok").Add(4)
	m.attempts.WithLabelValues("list_accounts", "demo", "0", "interrupted").Add(40)
	if text := shown(t, p); !strings.Contains(text, "4 answered, 0 slowed, 0 rejected, 0 failed") {
		t.Error(text)
	}
	for _, minute := range p.past() {
		if len(minute.now) > 0 {
			t.Errorf("a minute keeps %d readings of the moment", len(minute.now))
		}
	}
}

// TestThePageHasNothingFromElsewhere: names are shown as they are, and no policy lets a page do more.
func TestThePageHasNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	p := New(Config{Metrics: m.registry, Ready: well, Writes: well})
	m.calls.WithLabelValues("M", `<script src="https://evil.example">`, "OK").Inc()
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil))
	text := answer.Body.String()
	if strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script") || strings.Contains(strings.ReplaceAll(text, "https://evil.example", ""), "://") {
		t.Errorf("it holds %s", text)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := answer.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	style := httptest.NewRecorder()
	p.ServeStyle(style, httptest.NewRequestWithContext(t.Context(), http.MethodGet, StylePath, nil))
	if !strings.HasPrefix(style.Header().Get("Content-Type"), "text/css") || strings.Contains(style.Body.String(), "url(") || strings.Contains(style.Body.String(), "@import") {
		t.Errorf("the style is %s", style.Body)
	}
}
