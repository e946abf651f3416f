package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// Spans makes spans of what a call to Loop and the ledger have done, once it has ended: nothing of them is told to Loop, so that
// nobody needs them before. What becomes of a write later has traces of its own, with a link to that of the write. A nil one makes
// nothing.
type Spans struct {
	tracer trace.Tracer
	// linked makes those that have a link, whatever the sampler says: that of the write has decided.
	linked trace.Tracer

	mu     sync.Mutex
	writes map[ledger.Key]trace.SpanContext
	latest []ledger.Key // of writes, the oldest first
}

// mostWrites is how many sampled writes are remembered, for what becomes of them later.
const mostWrites = 10_000

var _ cegidclient.Observer = (*Spans)(nil)

// NewSpans returns one that makes spans by the tracers, and by linked those that are wanted in any case.
func NewSpans(tracer, linked trace.Tracer) *Spans {
	return &Spans{tracer: tracer, linked: linked, writes: map[ledger.Key]trace.SpanContext{}}
}

// Tracer makes the spans of calls; nil where none are wanted.
func (s *Spans) Tracer() trace.Tracer {
	if s == nil {
		return nil
	}
	return s.tracer
}

// wanted says whether something is part of a sampled trace. Most is not, and costs nothing.
func (s *Spans) wanted(ctx context.Context) bool {
	return s != nil && trace.SpanContextFromContext(ctx).IsSampled()
}

// add adds a span that has just ended to the trace of a context, where it is wanted.
func (s *Spans) add(
	ctx context.Context, name string, took time.Duration, failed string, kind trace.SpanKind, attributes ...attribute.KeyValue,
) {
	now := time.Now()
	_, span := s.tracer.Start(ctx, name, trace.WithTimestamp(now.Add(-took)), trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	if failed != "" {
		span.SetStatus(codes.Error, failed)
	}
	span.End(trace.WithTimestamp(now))
}

// CallDone implements cegidclient.Observer: the attempts say it all.
func (*Spans) CallDone(context.Context, cegidclient.CallEvent) {}

// TurnDone implements cegidclient.Observer.
func (s *Spans) TurnDone(ctx context.Context, event cegidclient.TurnEvent) {
	if !s.wanted(ctx) {
		return
	}
	s.add(ctx, "turn", event.Duration, notOK(event.Outcome), trace.SpanKindInternal,
		attribute.String("loop.operation", event.Operation), attribute.String("loop.practice", event.Practice),
		attribute.String("loop.class", event.Class.String()), attribute.String("loop.outcome", event.Outcome))
}

// AttemptDone implements cegidclient.Observer.
func (s *Spans) AttemptDone(ctx context.Context, event cegidclient.AttemptEvent) {
	if !s.wanted(ctx) {
		return
	}
	attributes := []attribute.KeyValue{
		attribute.String("loop.operation", event.Operation), attribute.String("loop.practice", event.Practice),
		attribute.Int("loop.attempt", event.Attempt), attribute.String("loop.outcome", event.Outcome),
		attribute.Int("http.response.status_code", event.Status),
	}
	if event.Said.Code != "" {
		attributes = append(attributes, attribute.String("loop.code", event.Said.Code))
	}
	if event.Said.RequestID != "" {
		attributes = append(attributes, attribute.String("loop.request_id", event.Said.RequestID))
	}
	s.add(ctx, "attempt "+event.Operation, event.Duration, notOK(event.Outcome), trace.SpanKindClient, attributes...)
}

// Step adds a step of the ledger.
func (s *Spans) Step(ctx context.Context, step ledger.Observation) {
	if !s.wanted(ctx) {
		return
	}
	failed := ""
	if step.Err != nil {
		failed = "the ledger refused or failed" // its words may quote what was written
	}
	if step.Name == "submitting" {
		s.remember(ctx, step.Key)
	}
	s.add(ctx, "ledger "+step.Name, step.Took, failed, trace.SpanKindInternal)
}

func notOK(outcome string) string {
	if outcome == "ok" {
		return ""
	}
	return outcome
}

// remember keeps the trace of a write.
func (s *Spans) remember(ctx context.Context, key ledger.Key) {
	of := trace.SpanContextFromContext(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.writes[key]; !known {
		s.latest = append(s.latest, key)
	}
	s.writes[key] = of
	if len(s.latest) > mostWrites {
		delete(s.writes, s.latest[0])
		s.latest = s.latest[1:]
	}
}

// later begins a trace of what becomes of a write, with a link to the write's; nil where that is not known to be sampled.
func (s *Spans) later(ctx context.Context, name string, key ledger.Key) (context.Context, trace.Span) {
	if s == nil {
		return ctx, nil
	}
	s.mu.Lock()
	of, known := s.writes[key]
	s.mu.Unlock()
	if !known {
		return ctx, nil
	}
	practice := attribute.String("loop.practice", key.Practice)
	return s.linked.Start(ctx, name, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: of}), trace.WithAttributes(practice))
}

// Follow begins the span of a question how an import goes; what it takes is part of it until the end.
func (s *Spans) Follow(ctx context.Context, key ledger.Key) (_ context.Context, end func()) {
	ctx, span := s.later(ctx, "follow", key)
	if span == nil {
		return ctx, func() {}
	}
	return ctx, func() { span.End() }
}

// Told adds an event that a caller received.
func (s *Spans) Told(ctx context.Context, event *ledger.Event) {
	if _, span := s.later(ctx, "event "+string(event.Kind), event.Key); span != nil {
		span.End()
	}
}
