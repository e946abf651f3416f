package interceptor

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"

	"cegid.internal/gateway/server/internal/policy"
)

// unseen tells of the calls that grpc-go ends before an interceptor has them: their message is too large, or did not arrive. It has the
// arrival of a unary call end with its answer.
type unseen struct {
	known   map[string]policy.Access
	refused func(ctx context.Context, method, practice string, err error)
}

// Unseen is for a server whose calls others send; refused is that of its door.
func Unseen(known map[string]policy.Access, refused func(ctx context.Context, method, practice string, err error)) stats.Handler {
	return unseen{known, refused}
}

type begunCall struct {
	method string
	unary  bool
	seen   atomic.Bool
}

type begunKey struct{}

// noteSeen says that the interceptors have a call.
func noteSeen(ctx context.Context) {
	if begun, ok := ctx.Value(begunKey{}).(*begunCall); ok {
		begun.seen.Store(true)
	}
}

func (unseen) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (unseen) HandleConn(context.Context, stats.ConnStats)                       {}

func (unseen) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, begunKey{}, &begunCall{method: info.FullMethodName})
}

func (u unseen) HandleRPC(ctx context.Context, of stats.RPCStats) {
	begun, ok := ctx.Value(begunKey{}).(*begunCall)
	if !ok {
		return
	}
	switch event := of.(type) {
	case *stats.Begin:
		begun.unary = !event.IsClientStream && !event.IsServerStream
	case *stats.OutPayload:
		if a := arrivalOf(ctx); a != nil && begun.unary {
			a.answered()
		}
	case *stats.End:
		if event.Error != nil && !begun.seen.Load() {
			u.refused(ctx, methodName(u.known, begun.method), "", event.Error)
		}
	}
}
