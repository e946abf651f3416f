package service

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/server/internal/wording"
)

const (
	// uploadStall is the longest wait for the next piece of a file, documentLimit and fileLimit those for the whole: less
	// than a stream may take otherwise, because an upload holds a place in the spool.
	uploadStall   = time.Minute
	documentLimit = 10 * time.Minute
	fileLimit     = 20 * time.Minute
)

// piece is a message of an upload: first what is said of the file, then its bytes.
type piece[M proto.Message] interface {
	proto.Message
	GetMetadata() M
	GetData() []byte
}

// pieces is the stream of an upload, as far as receiving goes.
type pieces[P proto.Message] interface {
	Recv() (P, error)
	Context() context.Context
}

// opening receives what comes before the bytes.
func opening[M proto.Message, P piece[M]](stream pieces[P]) (M, error) {
	var none M
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return none, err
	}
	if err != nil || !given(first.GetMetadata()) {
		return none, wording.Field(wording.UploadMetadata, "metadata")
	}
	return first.GetMetadata(), nil
}

func given(message proto.Message) bool { return message.ProtoReflect().IsValid() }

// receive hands on the bytes of an upload as they come, until take refuses them.
func receive[M proto.Message, P piece[M]](stream pieces[P], limit time.Duration, take func(data []byte) error) error {
	in := open[M](stream, limit)
	defer in.close()
	for {
		data, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = take(data)
		}
		if err != nil {
			return err
		}
	}
}

// inbox is the rest of an upload, which nobody waits for without end.
type inbox[M proto.Message, P piece[M]] struct {
	ctx      context.Context
	messages chan message[P]
	closed   chan struct{}
	limit    *time.Timer
}

type message[P proto.Message] struct {
	request P
	err     error
}

// open receives in the background, because nothing but the end of the call interrupts a Recv.
func open[M proto.Message, P piece[M]](stream pieces[P], limit time.Duration) *inbox[M, P] {
	in := &inbox[M, P]{ctx: stream.Context(), messages: make(chan message[P]), closed: make(chan struct{}), limit: time.NewTimer(limit)}
	go func() {
		for {
			request, err := stream.Recv()
			select {
			case in.messages <- message[P]{request, err}:
			case <-in.closed:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

func (in *inbox[M, P]) close() {
	close(in.closed)
	in.limit.Stop()
}

// next returns the next bytes; io.EOF after the last.
func (in *inbox[M, P]) next() ([]byte, error) {
	stall := time.NewTimer(uploadStall)
	defer stall.Stop()
	var got message[P]
	select {
	case got = <-in.messages:
	case <-stall.C:
		return nil, errSlowUpload()
	case <-in.limit.C:
		return nil, errSlowUpload()
	case <-in.ctx.Done():
		return nil, in.ctx.Err()
	}
	if got.err != nil {
		return nil, got.err
	}
	sent := got.request.ProtoReflect()
	switch {
	case given(got.request.GetMetadata()):
		return nil, wording.Field(wording.UploadTwice, "metadata")
	case sent.WhichOneof(sent.Descriptor().Oneofs().ByName("piece")) == nil:
		return nil, wording.Field(wording.UploadData, "data")
	}
	return got.request.GetData(), nil
}

func errSlowUpload() error { return wording.Error(wording.UploadSlow) }
