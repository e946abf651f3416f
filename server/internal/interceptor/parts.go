package interceptor

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers what is bounded here
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/internal/encode"
	"cegid.internal/gateway/server/internal/inprocess"
)

// MaxParts bounds what a request is made of: elements of lists, and messages, each of which counts once and once more for
// every field of its type, since there is room for all of them in memory. Two bytes are enough to say one that takes
// hundreds there: eight megabytes of them would take gigabytes. The largest import, of 1,000 entries and 5,000 lines, has
// 133,000, and four for each part of an analytic split.
const MaxParts = 500_000

// bounded is the codec of messages with as many parts as that, and no more.
type bounded struct{ encoding.CodecV2 }

// carrier takes a message, or why it cannot be read: to the caller, grpc-go would call that a fault of this service.
type carrier struct {
	into any
	err  error
	// zippable says that its call names gzip for its messages, and inflate makes one of what is gzip; nil refuses it.
	zippable bool
	inflate  func(zipped []byte) (message []byte, err error)
	// claim takes memory for the message, before anything is made of it; nil where none is to be taken.
	claim func(size, parts int) error
	// plain says that a message came that was not compressed, and bytes how many there were, inflated ones too.
	plain bool
	bytes int
	parts int
}

// take makes a message of bytes.
func (c *carrier) take(data mem.BufferSlice,
	unmarshal func(mem.BufferSlice, any, func(size, parts int) error) (parts int, err error),
) (err error) {
	if !c.zippable || len(data) == 0 || !bytes.HasPrefix(data[0].ReadOnlyData(), gzipMagic) {
		c.plain = true
		c.bytes += data.Len()
		c.parts, err = unmarshal(data, c.into, c.claim)
		return err
	}
	if c.inflate == nil {
		return errCompressed
	}
	zipped := data.MaterializeToBuffer(buffers) // no copy: the decompressor made one of it
	defer zipped.Free()
	message, err := c.inflate(zipped.ReadOnlyData())
	c.bytes += max(data.Len(), len(message))
	if err != nil {
		return err
	}
	c.parts, err = unmarshal(mem.BufferSlice{mem.SliceBuffer(message)}, c.into, c.claim)
	return err
}

// Receive implements inprocess.Receiver: it takes a message that nobody has made bytes of.
func (c *carrier) Receive(message proto.Message, bytes int) {
	c.plain = true
	c.bytes += bytes
	left := MaxParts
	if c.err = countParts(message.ProtoReflect(), &left); c.err != nil {
		return
	}
	c.parts = MaxParts - left
	if c.claim != nil {
		if c.err = c.claim(bytes, c.parts); c.err != nil {
			return
		}
	}
	c.err = inprocess.Move(message, c.into.(proto.Message))
}

// errNotUTF8 says what an encoding of the message would have refused.
var errNotUTF8 = errors.New("a text is not UTF-8")

// countParts takes the parts of a message from what is left.
func countParts(message protoreflect.Message, left *int) (err error) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		take := func(value protoreflect.Value) bool {
			*left -= PartsOf(field)
			err = checkPart(field, value, left)
			return err == nil
		}
		switch {
		case field.IsList():
			for i := range value.List().Len() {
				if !take(value.List().Get(i)) {
					break
				}
			}
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				*left -= PartsOf(field)
				if err = checkPart(field.MapKey(), key.Value(), left); err == nil {
					err = checkPart(field.MapValue(), value, left)
				}
				return err == nil
			})
		default:
			take(value)
		}
		return err == nil
	})
	return err
}

func checkPart(field protoreflect.FieldDescriptor, value protoreflect.Value, left *int) error {
	switch {
	case *left < 0:
		return errTooMany
	case field.Kind() == protoreflect.StringKind && !utf8.ValidString(value.String()):
		return errNotUTF8
	case field.Message() != nil:
		return countParts(value.Message(), left)
	}
	return nil
}

func boundedCodec() encoding.CodecV2 { return bounded{encoding.GetCodecV2("proto")} }

// encoded is an answer whose bytes are there already. Nobody changes them.
type encoded interface{ Encoded() []byte }

func (b bounded) Marshal(answer any) (mem.BufferSlice, error) {
	if e, is := answer.(encoded); is {
		return mem.BufferSlice{mem.SliceBuffer(e.Encoded())}, nil
	}
	message, is := answer.(encode.Wirer)
	if !is {
		return b.CodecV2.Marshal(answer)
	}
	into := buffers.Get(message.WireSize())
	if err := encode.Marshal(message, *into); err != nil {
		buffers.Put(into)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(into, buffers)}, nil
}

func (b bounded) Unmarshal(data mem.BufferSlice, into any) error {
	if c, ok := into.(*carrier); ok {
		c.err = c.take(data, b.unmarshal)
		return nil
	}
	_, err := b.unmarshal(data, into, nil)
	return err
}

func (b bounded) unmarshal(data mem.BufferSlice, into any, claim func(size, parts int) error) (parts int, err error) {
	if message, ok := into.(proto.Message); ok {
		whole := data.MaterializeToBuffer(buffers)
		defer whole.Free()
		data = mem.BufferSlice{whole} // or it would be put together again
		left := MaxParts
		if !within(whole.ReadOnlyData(), message.ProtoReflect().Descriptor(), &left) {
			return MaxParts, errTooMany
		}
		parts = MaxParts - left
		if claim != nil {
			if err := claim(whole.Len(), parts); err != nil {
				return parts, err
			}
		}
	}
	return parts, b.CodecV2.Unmarshal(data, into)
}

// PartsOf is how many parts one value of a field counts.
func PartsOf(field protoreflect.FieldDescriptor) int {
	switch {
	case field.Message() != nil:
		return 1 + field.Message().Fields().Len()
	case field.IsList():
		return 1
	}
	return 0
}

// within takes the parts of a message from what is left. Of what is malformed it leaves the verdict to its reader.
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
		if field == nil {
			continue
		}
		if *left -= PartsOf(field); *left < 0 {
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
