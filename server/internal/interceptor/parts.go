package interceptor

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers what is bounded here
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxParts bounds the messages and elements of lists within a request. Two bytes are enough to say one that takes hundreds
// in memory: eight megabytes of them would take gigabytes. The largest imports have some ten thousand.
const maxParts = 100_000

// bounded is the codec of messages with as many parts as that, and no more.
type bounded struct{ encoding.CodecV2 }

// carrier takes a message, or why it cannot be read: to the caller, grpc-go would call that a fault of this service.
type carrier struct {
	into any
	err  error
}

func boundedCodec() encoding.CodecV2 { return bounded{encoding.GetCodecV2("proto")} }

func (b bounded) Unmarshal(data mem.BufferSlice, into any) error {
	if c, ok := into.(*carrier); ok {
		c.err = b.Unmarshal(data, c.into)
		return nil
	}
	if message, ok := into.(proto.Message); ok && data.Len() > maxParts {
		whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
		defer whole.Free()
		if left := maxParts; !within(whole.ReadOnlyData(), message.ProtoReflect().Descriptor(), &left) {
			return errTooMany
		}
	}
	return b.CodecV2.Unmarshal(data, into)
}

// within takes the parts of a message from what is left. Of what is malformed it leaves the verdict to whoever reads it.
func within(message []byte, of protoreflect.MessageDescriptor, left *int) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return true
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return true
		}
		value := message[:n]
		message = message[n:]
		field := of.Fields().ByNumber(number)
		if field == nil || field.Message() == nil && !field.IsList() {
			continue
		}
		if *left--; *left < 0 {
			return false
		}
		if kind != protowire.BytesType || field.Message() == nil {
			continue
		}
		if inner, n := protowire.ConsumeBytes(value); n >= 0 && !within(inner, field.Message(), left) {
			return false
		}
	}
	return true
}
