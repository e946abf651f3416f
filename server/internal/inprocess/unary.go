package inprocess

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Invoke implements grpc.ClientConnInterface: it makes a unary call. Of the options it knows grpc.Header, grpc.Trailer and TakeShared.
func (s *Server) Invoke(ctx context.Context, name string, request, reply any, options ...grpc.CallOption) error {
	var of method
	c, err := s.begin(ctx, name, &of)
	if err != nil {
		return err
	}
	if of.unary == nil {
		err := status.Error(codes.Internal, name+" is a stream")
		c.finish(err)
		return err
	}
	type outcome struct {
		answer any
		err    error
	}
	// Apart, since a caller whose time is over waits for no handler.
	done := make(chan outcome, 1)
	s.goes(func() {
		answer, err := of.unary(of.server, c.ctx, func(into any) error {
			err := s.deliver(request, into)
			if err == nil {
				c.received(request)
			}
			return err
		}, s.cfg.Unary)
		err = told(err)
		if err == nil {
			c.sendHeader()
			c.answered(c.weigh(answer))
		}
		c.finish(err)
		done <- outcome{answer, err}
	})
	var got outcome
	select {
	case got = <-done:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-s.base.Done():
		return errStopped
	}
	header, trailer := c.heads()
	setHeads(options, header, trailer)
	if got.err != nil {
		return got.err
	}
	return hand(got.answer, reply, options)
}

func setHeads(options []grpc.CallOption, header, trailer metadata.MD) {
	for _, option := range options {
		switch o := option.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = trailer
		}
	}
}
