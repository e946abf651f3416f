package interceptor

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"cegid.internal/gateway/server/internal/policy"
)

// Call gathers what is learnt of a call on its way in, for the log line and the audit record on its way out.
type Call struct {
	RequestID string
	// Caller is the caller's name in the policy; empty until it is authenticated.
	Caller string
	// By says how that is known: by token, jwt or certificate.
	By string
	// Practice and Dossier that the request names; "[invalid]" when it is no name. The dossier is for the audit, and for
	// the log where the operator wants it there.
	Practice, Dossier string
	// Route of Loop's that a raw call is for, once it is known to be one of those listed; for the audit alone.
	Route string

	// asked is what the policy was asked and allowed; nil before that.
	asked    atomic.Pointer[policy.Question]
	attempts atomic.Int64
	upstream atomic.Int64
}

type callKey struct{}

// CallFrom returns the record of the call, or an empty one outside of a call.
func CallFrom(ctx context.Context) *Call {
	if call, ok := ctx.Value(callKey{}).(*Call); ok {
		return call
	}
	return &Call{}
}

// AddAttempt notes an attempt on Loop and how long it took.
func (c *Call) AddAttempt(took time.Duration) {
	c.attempts.Add(1)
	c.upstream.Add(int64(took))
}

// Attempts returns how many attempts on Loop the call made, and how long they took together.
func (c *Call) Attempts() (int64, time.Duration) {
	return c.attempts.Load(), time.Duration(c.upstream.Load())
}

// stream is a ServerStream with a context of its own, whose first received message passes through first.
type stream struct {
	grpc.ServerStream
	ctx   context.Context
	first func(message any) error
}

func (s *stream) Context() context.Context { return s.ctx }

// RecvMsg checks the first message before the handler sees it: a stream's request is not known any earlier.
func (s *stream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	if check := s.first; check != nil {
		s.first = nil
		return check(message)
	}
	return nil
}

func withContext(inner grpc.ServerStream, ctx context.Context) grpc.ServerStream {
	return &stream{ServerStream: inner, ctx: ctx}
}

// onFirst makes an interceptor of a check of the request: at once for unary calls, on the first message of a stream.
func onFirst(name string, check func(ctx context.Context, method string, request any) error) Named {
	return Named{
		Name: name,
		Unary: func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := check(ctx, info.FullMethod, request); err != nil {
				return nil, err
			}
			return next(ctx, request)
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return next(server, &stream{
				ServerStream: inner,
				ctx:          inner.Context(),
				first: func(message any) error {
					return check(inner.Context(), info.FullMethod, message)
				},
			})
		},
	}
}

// around makes an interceptor of a function that runs a call in a context of its choice and sees its error.
func around(name string, run func(ctx context.Context, method string, streaming bool, next func(context.Context) error) error) Named {
	return Named{
		Name: name,
		Unary: func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			var response any
			err := run(ctx, info.FullMethod, false, func(ctx context.Context) (err error) {
				response, err = next(ctx, request)
				return err
			})
			if err != nil {
				return nil, err
			}
			return response, nil
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return run(inner.Context(), info.FullMethod, true, func(ctx context.Context) error {
				return next(server, withContext(inner, ctx))
			})
		},
	}
}
