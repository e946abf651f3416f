package interceptor

import (
	"context"
	"io"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// anything is a validator that accepts everything.
type anything struct{}

func (anything) Validate(proto.Message, ...protovalidate.ValidationOption) error { return nil }

// transport stands for the transport of a call, where headers and trailers go.
type transport struct {
	method          string
	header, trailer metadata.MD
}

func (t *transport) Method() string { return t.method }
func (t *transport) SetHeader(md metadata.MD) error {
	t.header = metadata.Join(t.header, md)
	return nil
}
func (t *transport) SendHeader(md metadata.MD) error { return t.SetHeader(md) }
func (t *transport) SetTrailer(md metadata.MD) error {
	t.trailer = metadata.Join(t.trailer, md)
	return nil
}

// oneMessage is a server stream that receives one request.
type oneMessage struct {
	ctx     context.Context
	request *looppb.StreamAccountsRequest
	// room is how many messages fit on the way to a reader who does not read; 0 is any number.
	room int
}

func (*oneMessage) SetHeader(metadata.MD) error  { return nil }
func (*oneMessage) SendHeader(metadata.MD) error { return nil }
func (*oneMessage) SetTrailer(metadata.MD)       {}
func (o *oneMessage) Context() context.Context   { return o.ctx }

func (o *oneMessage) SendMsg(any) error {
	if o.room--; o.room == 0 {
		<-o.ctx.Done()
	}
	return nil
}

func (o *oneMessage) RecvMsg(message any) error {
	if o.request == nil {
		return io.EOF
	}
	if c, ok := message.(*carrier); ok {
		message = c.into
	}
	proto.Merge(message.(proto.Message), o.request)
	o.request = nil
	return nil
}
