package interceptor

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// TestASpanHasNoTextOfItsCallers: it is a child of the caller's span, and takes over nothing else.
func TestASpanHasNoTextOfItsCallers(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", "00-"+trace+"-b7ad6b7169203331-01", "tracestate", "books=canary"))
	_, err := traced(tracer, false, false, nil).Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/s/M"},
		func(context.Context, any) (any, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range spans.Ended() {
		if of := span.SpanContext(); of.TraceID().String() != trace || of.TraceState().Len() > 0 || span.Parent().TraceState().Len() > 0 {
			t.Errorf("%s is in the trace %s, with %q", span.Name(), of.TraceID(), of.TraceState())
		}
	}
	if len(spans.Ended()) != 1 {
		t.Errorf("%d spans", len(spans.Ended()))
	}
}
