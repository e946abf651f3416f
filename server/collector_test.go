//go:build incidents

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"cegid.internal/gateway/internal/testkit"
)

// TestACollectorHasAWriteInOneTrace: OpenTelemetry's own collector takes what the server sends, over gRPC, and hands it on. From the
// caller's span over REST to the RPC and the attempts on Loop it is one trace; what becomes of the write later has a link to it.
func TestACollectorHasAWriteInOneTrace(t *testing.T) {
	program := os.Getenv("LOOP_TEST_COLLECTOR")
	if program == "" {
		t.Fatal("LOOP_TEST_COLLECTOR names no collector: see .ci/run collector")
	}
	w := newWorld(t)
	w.settings["imports"] = "{first_poll: 100ms}"
	c := &collector{metrics: map[string]bool{}}
	receiver := httptest.NewServer(c)
	defer receiver.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	w.write(t, "collector.yaml", fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "%s"}}}}
exporters: {otlp_http: {endpoint: "%s", compression: none, sending_queue: {enabled: false}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http]}
    metrics: {receivers: [otlp], exporters: [otlp_http]}
`, address, receiver.URL))
	said := &testkit.Log{}
	between := exec.Command(program, "--config", "file:"+w.path("collector.yaml"))
	between.Stderr, between.Stdout = said, said
	if err := between.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = between.Wait() }()
	defer func() { _ = between.Process.Kill(); <-ended }()
	eventually(t, "the collector listens", func() bool {
		select {
		case <-ended:
			t.Fatal(said.String())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})

	cmd := command(t, "serve", "--config", w.config(t))
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+address, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_TRACES_SAMPLER=parentbased_always_off",
		"OTEL_BSP_SCHEDULE_DELAY=100")
	p := w.started(t, cmd, "")
	const traceID, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	imports := "http://" + p.http + "/v1/practices/demo/dossiers/CEGID001/imports"
	if code, text := ask(t, http.DefaultClient, http.MethodPost, imports, w.token, purchase, "Idempotency-Key", "FA-1", "Traceparent", "00-"+traceID+"-"+parent+"-01"); code != http.StatusOK {
		t.Fatalf("HTTP %d %s", code, text)
	}
	w.FinishImports()
	eventually(t, "it is booked", func() bool {
		_, text := ask(t, http.DefaultClient, http.MethodGet, imports+"/FA-1", w.token, "")
		return strings.Contains(text, "IMPORT_STATE_SUCCEEDED")
	})
	ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+"/v1/practices/demo/events", w.token, "")
	ofTrace := func(name string) (of []*tracev1.Span) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, span := range c.spans {
			if strings.HasPrefix(span.GetName(), name) && hexOf(span.GetTraceId()) == traceID {
				of = append(of, span)
			}
		}
		return of
	}
	eventually(t, "the call's spans: "+said.String(), func() bool {
		return len(ofTrace("cegid.loop.v1.ImportService/ImportEntries")) == 1 && len(ofTrace("attempt import_entries")) == 1 && len(ofTrace("ledger submitting")) > 0
	})
	call := ofTrace("cegid.loop.v1.ImportService/ImportEntries")[0]
	if hexOf(call.GetParentSpanId()) != parent {
		t.Error("the call is no child of its caller's span")
	}
	for _, name := range []string{"turn", "attempt ", "ledger "} {
		for _, span := range ofTrace(name) {
			if !slices.Equal(span.GetParentSpanId(), call.GetSpanId()) {
				t.Errorf("%s is no child of the call", span.GetName())
			}
		}
	}
	for _, kind := range []string{"follow", "event"} {
		eventually(t, "a span with a link to the write: "+kind, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return slices.ContainsFunc(c.spans, func(span *tracev1.Span) bool {
				return strings.HasPrefix(span.GetName(), kind) && slices.ContainsFunc(span.GetLinks(), func(link *tracev1.Span_Link) bool {
					return slices.Equal(link.GetSpanId(), call.GetSpanId()) && hexOf(link.GetTraceId()) == traceID
				})
			})
		})
	}
	p.stop(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.metrics["gateway_calls_total"] {
		t.Errorf("metrics did not come through: %v", c.metrics)
	}
}
