package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestACredentialThatCannotBeReadStaysUnsaid: the log says which variable's form is wrong, and nothing is written beside the log.
func TestACredentialThatCannotBeReadStaysUnsaid(t *testing.T) {
	for _, headers := range []string{"Authorization: Bearer canary-4711", "authorization=canary-4711%zz", "canary 4711=x"} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
		t.Setenv("OTEL_METRICS_EXPORTER", "none")
		t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
		var log bytes.Buffer
		exported, err := Export(t.Context(), prometheus.NewRegistry(), "1", slog.New(slog.NewJSONHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := exported.Close(); err != nil {
			t.Error(err)
		}
		if said := log.String(); !strings.Contains(said, "header") || strings.Contains(said, "4711") {
			t.Errorf("of %q the log says %s", headers, said)
		}
	}
}

// TestWhatBecomesOfAWriteHasATraceOfItsOwn: also where who learns of it has one.
func TestWhatBecomesOfAWriteHasATraceOfItsOwn(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("")
	s := NewSpans(tracer, tracer)
	key := ledger.Key{Practice: "demo", RequestID: "r"}
	in := func(first byte) context.Context {
		return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{first}, SpanID: trace.SpanID{first}, TraceFlags: trace.FlagsSampled,
		}))
	}
	s.Step(in(1), ledger.Observation{Name: "submitting", Key: key})
	s.Told(in(2), &ledger.Event{Key: key})
	_, end := s.Follow(in(3), key)
	end()
	for _, span := range spans.Ended()[1:] {
		links := span.Links()
		if len(links) != 1 || links[0].SpanContext.TraceID() != (trace.TraceID{1}) || span.Parent().IsValid() {
			t.Errorf("%s is below %v, and has the links %v", span.Name(), span.Parent().TraceID(), links)
		}
	}
}
