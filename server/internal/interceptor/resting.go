package interceptor

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

const (
	// Heartbeat is the longest that a stream is silent: balancers end connections on which nothing moves.
	Heartbeat = 15 * time.Second
	// silentAtEnd is how long a stream may be silent when the server takes no new calls: it waits for what takes long, and its
	// caller resumes it elsewhere. One that sends ends by itself, or with the time of all calls.
	silentAtEnd = time.Second
)

// restingStreams sends an empty list on a stream of lists that was silent for a while. When the server ends, it ends the streams
// that wait, and those of probes and schema, which have no end of their own.
func restingStreams(access map[string]policy.Access, draining context.Context) Named {
	empty := emptyLists(access)
	return Named{
		Name: "resting streams",
		Unary: func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return next(ctx, request)
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if info.IsClientStream && !public(info.FullMethod) { // an upload, which its caller ends
				return next(server, inner)
			}
			ctx, end := context.WithCancelCause(inner.Context())
			defer end(nil)
			s := &restingStream{ServerStream: inner, ctx: ctx, last: time.Now(), empty: empty[info.FullMethod]}
			if public(info.FullMethod) {
				stop := context.AfterFunc(draining, func() { end(apierror.ErrShuttingDown) })
				defer stop()
				if err := next(server, &endable{s}); draining.Err() == nil {
					return err
				}
				return nil // no fault of anybody's
			}
			done := make(chan struct{})
			defer close(done)
			go s.keep(done, draining, func() { end(apierror.ErrShuttingDown) })
			return next(server, s)
		},
	}
}

// emptyLists are the messages of the methods that stream lists: one without items says nothing.
func emptyLists(access map[string]policy.Access) map[string]proto.Message {
	out := map[string]proto.Message{}
	for method := range access {
		if method == "" {
			continue
		}
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(dotted(method)))
		if err != nil {
			continue // in tests
		}
		m, ok := found.(protoreflect.MethodDescriptor)
		if !ok || !m.IsStreamingServer() || !hasList(m.Output()) {
			continue
		}
		if kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName()); err == nil {
			out[method] = kind.New().Interface()
		}
	}
	return out
}

// dotted is the name of a method as descriptors have it.
func dotted(method string) string {
	name := []byte(method[1:])
	for i, c := range name {
		if c == '/' {
			name[i] = '.'
		}
	}
	return string(name)
}

func hasList(message protoreflect.MessageDescriptor) bool {
	for i := range message.Fields().Len() {
		if message.Fields().Get(i).IsList() {
			return true
		}
	}
	return false
}

// restingStream knows when it has last sent something.
type restingStream struct {
	grpc.ServerStream
	ctx   context.Context
	empty proto.Message // what to send of it while it waits; nil for nothing

	mu    sync.Mutex // held while a message is sent
	asked bool
	last  time.Time
}

func (s *restingStream) Context() context.Context { return s.ctx }

func (s *restingStream) RecvMsg(message any) error {
	err := s.ServerStream.RecvMsg(message)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = s.asked || err == nil
	return err
}

func (s *restingStream) SendMsg(message any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.ServerStream.SendMsg(message)
	s.last = time.Now()
	return err
}

// keep sees to the stream until it is done. What it sends may be left behind by the end of the handler, as any SendMsg.
func (s *restingStream) keep(done <-chan struct{}, draining context.Context, end func()) {
	timer := time.NewTimer(Heartbeat)
	defer timer.Stop()
	drained := draining.Done()
	for {
		select {
		case <-done:
			return
		case <-s.ctx.Done():
			return
		case <-drained:
			drained = nil
		case <-timer.C:
		}
		patience := Heartbeat
		if drained == nil {
			patience = silentAtEnd
		}
		timer.Reset(s.look(patience, drained == nil, end))
	}
}

// look sends an empty message, or ends the stream, when it was silent for too long, and says when to look again.
func (s *restingStream) look(patience time.Duration, ending bool, end func()) time.Duration {
	if !s.mu.TryLock() { // it sends
		return patience
	}
	defer s.mu.Unlock()
	if left := patience - time.Since(s.last); left > 0 {
		return left
	}
	switch {
	case ending:
		end()
	case s.empty != nil && s.asked: // else its call may still be refused
		_ = s.ServerStream.SendMsg(s.empty) // its end is told to the handler
		s.last = time.Now()
	}
	return patience
}

// endable is a stream whose handler does not wait for its caller's next word when its context ends.
type endable struct{ *restingStream }

func (s *endable) RecvMsg(message any) error {
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(message) }() // left behind, it ends when the handler has returned
	select {
	case err := <-received:
		return err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
