package interceptor

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"cegid.internal/gateway/server/internal/policy"
)

// Call gathers what is learnt of a call on its way, for its line in the log, its record for the caller, and the audit.
type Call struct {
	RequestID string
	// Trace is the id of the trace that the call is part of, 32 hexadecimal digits; empty without one.
	Trace string
	Origin
	// Caller is the caller's name in the policy; empty until it is authenticated.
	Caller string
	// By says how that is known: by token, jwt or certificate. Identity is which one: see identity.
	By, Identity string
	// Why the caller is not known, or not allowed, as the audit says it; empty when it is.
	Why string
	// Practice and Dossier that the request names; "[invalid]" when it is no name. The dossier is for the audit, and for
	// the log where the operator wants it there.
	Practice, Dossier string
	// Route of Loop's that a raw call is for, once it is known to be one of those listed; for the audit alone.
	Route string

	// place is what the call takes of its caller's limits; nil before it is let in.
	place *place
	// asked is what the policy was asked and allowed; nil before that.
	asked                            atomic.Pointer[policy.Question]
	attempts, upstream, turn, ledger atomic.Int64
	said                             atomic.Pointer[LoopSaid]
}

// LoopSaid is Loop's last answer to a call.
type LoopSaid struct {
	// Status is 0 when no answer came.
	Status int
	// Code and RequestID are Loop's own, and empty where all was well.
	Code, RequestID string
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

// AddTurn notes how long an attempt waited for its turn.
func (c *Call) AddTurn(took time.Duration) { c.turn.Add(int64(took)) }

// AddLedger notes how long a step of the ledger took.
func (c *Call) AddLedger(took time.Duration) { c.ledger.Add(int64(took)) }

// SetLoopSaid notes what Loop answered last.
func (c *Call) SetLoopSaid(said LoopSaid) {
	said.Code, said.RequestID = Printable(said.Code), Printable(said.RequestID)
	c.said.Store(&said)
}

// LoopSaid is Loop's last answer; the zero value before the first one.
func (c *Call) LoopSaid() LoopSaid {
	if said := c.said.Load(); said != nil {
		return *said
	}
	return LoopSaid{}
}

// Waits are how long the attempts of the call waited for their turns, and how long the steps of the ledger took, each together.
func (c *Call) Waits() (turn, ledger time.Duration) {
	return time.Duration(c.turn.Load()), time.Duration(c.ledger.Load())
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

// passed makes an interceptor that does nothing.
func passed(name string) Named {
	return Named{
		Name: name,
		Unary: func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return next(ctx, request)
		},
		Stream: func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return next(server, stream)
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
