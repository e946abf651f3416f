package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// collector takes OTLP over HTTP.
type collector struct {
	mu      sync.Mutex
	spans   []*tracev1.Span
	metrics map[string]bool
	text    strings.Builder
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/v1/traces":
		var got collectortrace.ExportTraceServiceRequest
		if proto.Unmarshal(body, &got) == nil {
			c.text.WriteString(protojson.Format(&got))
			for _, of := range got.GetResourceSpans() {
				for _, scope := range of.GetScopeSpans() {
					c.spans = append(c.spans, scope.GetSpans()...)
				}
			}
		}
	case "/v1/metrics":
		var got collectormetrics.ExportMetricsServiceRequest
		if proto.Unmarshal(body, &got) == nil {
			c.text.WriteString(protojson.Format(&got))
			for _, of := range got.GetResourceMetrics() {
				for _, scope := range of.GetScopeMetrics() {
					for _, each := range scope.GetMetrics() {
						c.metrics[each.GetName()] = true
					}
				}
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// TestACallIsOneTrace: from its caller's span over REST to the RPC, the turns, the attempts on Loop and the steps of the ledger;
// what becomes of a write later has traces with a link to it. Loop is told nothing of it, and nothing of the books or of a secret
// leaves. Metrics go the same way.
func TestACallIsOneTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &collector{metrics: map[string]bool{}}
	receiver := httptest.NewServer(c)
	defer receiver.Close()
	var loop, told atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		loop.Add(1)
		if r.Header.Get("Traceparent")+r.Header.Get("Tracestate")+r.Header.Get("Baggage") != "" {
			told.Add(1)
		}
		w.ServeHTTP(answer, r)
	}))
	defer upstream.Close()
	w.settings["loop"] = fmt.Sprintf(`{base_url: "%s%s", allow_plain_http: true, subscription_keys: {primary: "${file:secrets/primary}"}}`, upstream.URL, w.BasePath())
	w.settings["imports"] = "{first_poll: 100ms}"
	w.SetImportDelays(time.Hour, time.Hour)
	cmd := command(t, "serve", "--config", w.config(t))
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_TRACES_SAMPLER=parentbased_always_off")
	p := w.started(t, cmd, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	imports := "http://" + p.http + "/v1/practices/demo/dossiers/CEGID001/imports"
	if code, text := ask(t, web, http.MethodPost, imports, w.token, purchase, "Idempotency-Key", "FA-1", "Content-Type", "application/json",
		"Traceparent", "00-"+traceID+"-b7ad6b7169203331-01", "X-Request-Id", "traced-1"); code != http.StatusOK {
		t.Fatalf("HTTP %d %s", code, text)
	}
	ask(t, web, http.MethodGet, "http://"+p.http+accounts, w.token, "") // in no sampled trace
	w.FinishImports()
	eventually(t, "it is booked", func() bool {
		_, text := ask(t, web, http.MethodGet, imports+"/FA-1", w.token, "")
		return strings.Contains(text, "IMPORT_STATE_SUCCEEDED")
	})
	ask(t, web, http.MethodGet, "http://"+p.http+"/v1/practices/demo/events", w.token, "")
	web.CloseIdleConnections()
	p.stop(t)

	c.mu.Lock()
	defer c.mu.Unlock()
	handbook := handbook(t)
	names, root, later := map[string]int{}, "", map[string]bool{}
	for _, span := range c.spans {
		for _, link := range span.GetLinks() {
			if hexOf(link.GetTraceId()) == traceID {
				later[hexOf(span.GetTraceId())] = true
			}
		}
	}
	for _, span := range c.spans {
		name := span.GetName()
		names[name]++
		if later[hexOf(span.GetTraceId())] {
			continue
		}
		if got := hexOf(span.GetTraceId()); got != traceID {
			t.Errorf("%s is in the trace %s", name, got)
		}
		if strings.HasPrefix(name, "cegid.loop.v1.") {
			root = hexOf(span.GetSpanId())
			if hexOf(span.GetParentSpanId()) != "b7ad6b7169203331" {
				t.Errorf("%s is no child of its caller's span", name)
			}
		}
	}
	for _, name := range []string{"cegid.loop.v1.ImportService/ImportEntries", "turn", "attempt import_entries", "ledger begin", "ledger submitting", "ledger settle", "follow", "attempt get_import_status", "ledger followed", "event FINAL"} {
		if names[name] == 0 {
			t.Errorf("there is no span %q among %v", name, names)
		}
	}
	for _, span := range c.spans {
		if id := hexOf(span.GetSpanId()); !later[hexOf(span.GetTraceId())] && id != root && hexOf(span.GetParentSpanId()) != root {
			t.Errorf("%s is no child of the call", span.GetName())
		}
		if span.GetEndTimeUnixNano() < span.GetStartTimeUnixNano() {
			t.Errorf("%s ends before it begins", span.GetName())
		}
	}
	for _, span := range c.spans {
		kind, _, _ := strings.Cut(span.GetName(), " ")
		if !strings.Contains(handbook, "| `"+kind+"`") && !strings.HasPrefix(kind, "cegid.loop.v1.") {
			t.Errorf("docs/operate does not explain the span %s", span.GetName())
		}
		for _, each := range span.GetAttributes() {
			if !strings.Contains(handbook, "`"+each.GetKey()+"`") {
				t.Errorf("docs/operate does not explain %s of the span %s", each.GetKey(), span.GetName())
			}
		}
	}
	for _, metric := range []string{"gateway_calls_total", "loop_attempts_total", "ledger_up"} {
		if !c.metrics[metric] {
			t.Errorf("the metric %s was not sent", metric)
		}
	}
	text := c.text.String()
	for _, secret := range []string{secretCanary, w.token, dossier, "FEXEMPLE", "Fournisseur", "60700000", "FA-1", "120.00"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q has left", secret)
		}
	}
	if loop.Load() == 0 || told.Load() > 0 {
		t.Errorf("of %d requests to Loop %d speak of the trace", loop.Load(), told.Load())
	}
	if !strings.Contains(p.log.String(), `"trace_id":"`+traceID+`"`) {
		t.Error("the line of the call does not name its trace")
	}
}

func hexOf(id []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, b := range id {
		out.WriteByte(digits[b>>4])
		out.WriteByte(digits[b&15])
	}
	return out.String()
}
