package interceptor

import (
	"context"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// carried is the header of a call that a propagator may read: tracestate is a text of the caller's, which would be in each span.
type carried struct{ ctx context.Context }

func (carried) Set(string, string) {}
func (carried) Keys() []string     { return []string{traceparent} }
func (c carried) Get(key string) string {
	if key != traceparent {
		return ""
	}
	return first(c.ctx, key)
}

const traceparent = "traceparent"

// traced makes a span of each call, a child of its caller's (W3C trace context). Nothing of a request is in it but the practice,
// which the operator named; the dossier where the operator allows it. Without a tracer it does nothing.
func traced(tracer trace.Tracer, overHTTP, dossiers bool, known map[string]policy.Access) Named {
	if tracer == nil {
		return passed("trace")
	}
	return around("trace", func(ctx context.Context, method string, _ bool, next func(context.Context) error) error {
		if public(method) {
			return next(ctx)
		}
		name := strings.TrimPrefix(methodName(known, method), "/")
		service, rpc, _ := strings.Cut(name, "/")
		ctx = propagation.TraceContext{}.Extract(ctx, carried{ctx})
		ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
		if !span.IsRecording() {
			return next(ctx)
		}
		defer span.End()
		noted := &Call{}
		err := next(context.WithValue(ctx, notedKey{}, noted))
		code, reason := status.Code(err), apierror.ReasonOf(err)
		transport := "grpc"
		if overHTTP {
			transport = "rest"
		}
		span.SetAttributes(
			attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", service), attribute.String("rpc.method", rpc),
			attribute.String("rpc.grpc.status", code.String()), attribute.String("loop.reason", reasonText(code, reason)),
			attribute.String("loop.transport", transport), attribute.String("loop.caller", noted.Caller),
			attribute.String("loop.practice", noted.Practice), attribute.String("loop.call_id", noted.RequestID))
		if dossiers {
			span.SetAttributes(attribute.String("loop.dossier", noted.Dossier))
		}
		if levelOf(code, true) == slog.LevelError {
			span.SetStatus(otelcodes.Error, code.String())
		}
		return err
	})
}

// notedKey is where the record of a call is noted for its span, which is further out.
type notedKey struct{}

// note lets the span of a call read its record once it has ended.
func (c *Call) note(ctx context.Context) {
	if noted, ok := ctx.Value(notedKey{}).(*Call); ok {
		noted.RequestID, noted.Caller, noted.Practice, noted.Dossier = c.RequestID, c.Caller, c.Practice, c.Dossier
	}
}

// traceOf is the id of the trace of a call: that of its span where there is one, else as its caller says in traceparent (W3C).
func traceOf(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		span = trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, carried{ctx}))
	}
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}
