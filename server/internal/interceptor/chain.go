// Package interceptor holds what every call passes through before its handler, in one order, the same for unary calls
// and streams (docs/architecture.md, "The way of a call").
package interceptor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"cegid.internal/gateway/server/internal/policy"
)

// Named is an interceptor in its two forms. A nil form does not take part.
type Named struct {
	Name   string
	Unary  grpc.UnaryServerInterceptor
	Stream grpc.StreamServerInterceptor
}

// Deadlines bound how long a call may take.
type Deadlines struct {
	UnaryDefault, UnaryMax time.Duration
	// Write is the default and the most of a unary write; zero for UnaryMax.
	Write                    time.Duration
	StreamDefault, StreamMax time.Duration
}

// Config is what the chain needs.
type Config struct {
	Log *slog.Logger
	// Lines has one for each call.
	Lines   *Lines
	Metrics *Metrics
	// Tracer makes a span of each call, with its dossier where TraceDossiers allows it; nil makes none.
	Tracer        trace.Tracer
	TraceDossiers bool
	Deadlines     Deadlines
	// Callers says who calls; its policy decides what they may do.
	Callers Identities
	// Access says what each method asks of its caller, by full method name.
	Access map[string]policy.Access
	// Validator checks the shape of requests.
	Validator protovalidate.Validator
	// Limits bound what a caller takes.
	Limits *Limits
	// Memory bounds what all calls take together; nil does not.
	Memory *Memory
	// Audit receives every write and raw call, whatever the level of Log; Refusals of every refused access.
	Audit    *slog.Logger
	Refusals *Refusals
	// Reads lets reads share calls and answers; nil does not.
	Reads grpc.UnaryServerInterceptor
	// Route names the route of Loop's that a raw call is for, for the audit; nil names none.
	Route func(request any) string
	// Draining ends when the server takes no new calls, Shutdown when calls under way must end.
	Draining, Shutdown context.Context
}

// Chain returns the interceptors, outermost first.
func Chain(cfg Config) []Named {
	return []Named{
		recovery("recovery", cfg.Log),
		traced(cfg.Tracer, cfg.Callers.OverHTTP, cfg.TraceDossiers, cfg.Access),
		requestID(cfg.Callers.OverHTTP),
		logCalls(cfg.Lines, cfg.Access),
		cfg.Metrics.interceptor(cfg.Access),
		recovery("recovery of interceptors", cfg.Log), // inside those that tell of every call
		clampDeadline(cfg.Deadlines, cfg.Access, cfg.Shutdown),
		restingStreams(cfg.Access, cfg.Draining),
		mapErrors(cfg.Log),
		authenticate(cfg.Callers, cfg.Refusals),
		limitCalls(cfg.Limits, cfg.Memory),
		authorize(cfg.Callers.Policy, cfg.Access, cfg.Refusals, cfg.Route),
		audit(cfg.Audit, cfg.Access),
		validate(cfg.Validator),
		reads(cfg.Reads),
		recovery("inner recovery", cfg.Log),
	}
}

// reads lets unary reads share calls and answers. A stream is its caller's own.
func reads(share grpc.UnaryServerInterceptor) Named {
	named := passed("reads")
	if share != nil {
		named.Unary = share
	}
	return named
}

// ServerOptions returns the chain as options of a grpc.Server.
func ServerOptions(chain []Named) []grpc.ServerOption {
	unary, stream := Around(chain)
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(boundedCodec()), withDeflated(), grpc.UnaryInterceptor(unary),
		grpc.StreamInterceptor(stream),
	}
}

// Around returns the chain as one interceptor of each form.
func Around(chain []Named) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	unary := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		return handle(ctx, request)
	}
	stream := func(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		return handle(server, s)
	}
	for _, named := range slices.Backward(chain) {
		if outer, inner := named.Unary, unary; outer != nil {
			unary = func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
				return outer(ctx, request, info, func(ctx context.Context, request any) (any, error) { return inner(ctx, request, info, handle) })
			}
		}
		if outer, inner := named.Stream, stream; outer != nil {
			stream = func(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
				return outer(server, s, info, func(server any, s grpc.ServerStream) error { return inner(server, s, info, handle) })
			}
		}
	}
	return unary, stream
}
