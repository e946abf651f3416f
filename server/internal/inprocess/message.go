package inprocess

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Receiver is what is given for a message and takes one by itself, for example to bound what it is made of.
type Receiver interface {
	// Receive takes a message of so many bytes.
	Receive(message proto.Message, bytes int)
}

// Shared is an answer that several callers have. Each makes a message of it that is his own.
type Shared interface {
	Into(message proto.Message) error
}

// TakeShared is an option of a call: an answer that several calls share comes as it is, and the reply stays empty then.
type TakeShared struct {
	grpc.EmptyCallOption
	Answer *Shared
}

// hand hands an answer over to its caller.
func hand(answer, reply any, options []grpc.CallOption) error {
	shared, is := answer.(Shared)
	if !is {
		message, ok := answer.(proto.Message)
		if !ok { // as grpc-go says of what it cannot encode
			return status.Errorf(codes.Internal, "the answer is a %T, which is no message", answer)
		}
		return move(message, reply)
	}
	for _, option := range options {
		if take, asked := option.(TakeShared); asked {
			*take.Answer = shared
			return nil
		}
	}
	into, ok := reply.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", reply)
	}
	return shared.Into(into)
}

// deliver hands a request over to what a handler receives into.
func (s *Server) deliver(message, into any) error {
	from, ok := message.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", message)
	}
	size := proto.Size(from)
	if s.cfg.MaxRequest > 0 && size > s.cfg.MaxRequest {
		return status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", size, s.cfg.MaxRequest)
	}
	if receiver, is := into.(Receiver); is {
		receiver.Receive(from, size)
		return nil
	}
	return move(from, into)
}

// move makes into what from was, without copying what it holds.
func move(from proto.Message, into any) error {
	to, ok := into.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", into)
	}
	return Move(from, to)
}

// Move makes to what from was. They share what they hold, so that from is not for use any more.
func Move(from, to proto.Message) error {
	source, target := from.ProtoReflect(), to.ProtoReflect()
	if source.Descriptor() != target.Descriptor() {
		return status.Error(codes.Internal, fmt.Sprintf("a %s came where a %s was expected", source.Descriptor().FullName(),
			target.Descriptor().FullName()))
	}
	proto.Reset(to)
	source.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		target.Set(field, value)
		return true
	})
	if unknown := source.GetUnknown(); len(unknown) > 0 {
		target.SetUnknown(unknown)
	}
	return nil
}

func sizeOf(message any) int {
	switch m := message.(type) {
	case proto.Message:
		return proto.Size(m)
	case interface{ Encoded() []byte }: // that is shared
		return len(m.Encoded())
	}
	return 0
}
