package inprocess

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// NewStream implements grpc.ClientConnInterface. A message waits for its reader: a stream holds nothing ahead of one.
func (s *Server) NewStream(ctx context.Context, desc *grpc.StreamDesc, name string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	var of method
	c, err := s.begin(ctx, name, &of)
	if err != nil {
		return nil, err
	}
	if of.stream == nil {
		err := status.Error(codes.Internal, name+" is no stream")
		c.finish(err)
		return nil, err
	}
	c.headed = make(chan struct{})
	p := &pipe{
		call: c, caller: ctx, up: make(chan any), down: make(chan any), closed: make(chan struct{}), done: make(chan struct{}),
		one: !desc.ServerStreams, many: desc.ClientStreams,
	}
	if p.one { // its handler may answer before the caller has sent all, and looks for the answer
		p.down = make(chan any, 1)
	}
	go func() {
		info := &grpc.StreamServerInfo{FullMethod: name, IsClientStream: of.stream.ClientStreams, IsServerStream: of.stream.ServerStreams}
		var err error
		if s.cfg.Stream == nil {
			err = of.stream.Handler(of.server, &serverStream{p})
		} else {
			err = s.cfg.Stream(of.server, &serverStream{p}, info, of.stream.Handler)
		}
		p.err = told(err)
		c.finish(p.err)
		close(p.done)
	}()
	return &clientStream{p}, nil
}

// pipe is a stream between its two ends.
type pipe struct {
	*call
	caller   context.Context
	up, down chan any // messages
	closing  sync.Once
	closed   chan struct{} // the caller sends no more
	done     chan struct{} // the handler has returned
	err      error         // why; set before done is closed
	one      bool          // the answer is a single message
	many     bool          // the caller sends several
}

// serverStream is the handler's end.
type serverStream struct{ *pipe }

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) SetTrailer(md metadata.MD) { _ = s.call.SetTrailer(md) }

func (s *serverStream) SendMsg(message any) error {
	s.sendHeader()
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	bytes := s.weigh(message)
	select {
	case s.down <- message:
		s.answered(bytes)
		return nil
	case <-s.ctx.Done(): // ends when the handler has returned, too
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

func (s *serverStream) RecvMsg(into any) error {
	take := func(message any) error {
		if err := s.server.deliver(message, into); err != nil {
			return err
		}
		s.received(message)
		return nil
	}
	select {
	case message := <-s.up:
		return take(message)
	case <-s.closed:
		return io.EOF
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// clientStream is the caller's end.
type clientStream struct{ *pipe }

func (s *clientStream) Context() context.Context { return s.caller }

// Header waits for the header; nil means that the stream has ended without one.
func (s *clientStream) Header() (metadata.MD, error) {
	select {
	case <-s.headed:
	case <-s.done:
	case <-s.caller.Done():
		return nil, status.FromContextError(s.caller.Err()).Err()
	case <-s.server.base.Done():
		return nil, errStopped
	}
	header, _ := s.heads()
	return header, nil
}

func (s *clientStream) Trailer() metadata.MD {
	_, trailer := s.heads()
	return trailer
}

func (s *clientStream) CloseSend() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

// SendMsg gives a message to the handler. io.EOF means that the stream has ended, and RecvMsg says why; of a single message that
// is no error, as generated code expects.
func (s *clientStream) SendMsg(message any) error {
	select {
	case s.up <- message:
		return nil
	case <-s.caller.Done():
		return status.FromContextError(s.caller.Err()).Err()
	case <-s.done:
	case <-s.server.base.Done():
	}
	if s.many {
		return io.EOF
	}
	return nil
}

func (s *clientStream) RecvMsg(into any) error {
	if s.one { // which counts when the handler has returned without an error
		if err := s.outcome(); err != nil {
			return err
		}
		select {
		case message := <-s.down:
			return s.take(message, into)
		default:
			return status.Error(codes.Internal, "the handler has answered nothing")
		}
	}
	select {
	case message := <-s.down:
		return s.take(message, into)
	case <-s.done:
		if s.err != nil {
			return s.err
		}
		return io.EOF
	case <-s.caller.Done():
		return status.FromContextError(s.caller.Err()).Err()
	case <-s.server.base.Done():
		return errStopped
	}
}

func (s *clientStream) take(message, into any) error {
	from, ok := message.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", message)
	}
	return move(from, into)
}

// outcome waits for the handler's return, and says why it failed.
func (s *clientStream) outcome() error {
	select {
	case <-s.done:
	case <-s.caller.Done():
		return status.FromContextError(s.caller.Err()).Err()
	case <-s.server.base.Done():
		return errStopped
	}
	return s.err
}
