package encode

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Wirer is a message that writes itself as protobuf. It does so from its end on: what is before a message is how long it is.
type Wirer interface {
	proto.Message
	// WireSize is how many bytes it takes.
	WireSize() int
	// PutWire writes it so that it ends at end, and returns where it begins. The error says that a text is not UTF-8.
	PutWire(to []byte, end int) (begin int, err error)
}

var errChanged = errors.New("the message was changed while it was encoded")

// Marshal writes a message into a buffer of its WireSize: all of it, or the error says why not.
func Marshal(m Wirer, into []byte) error {
	begin, err := m.PutWire(into, len(into))
	if err == nil && begin != 0 {
		err = errChanged
	}
	return err
}

// SizeVarint is how many bytes a number takes.
func SizeVarint(value uint64) int { return protowire.SizeVarint(value) }

// SizeBool is how many bytes a truth takes.
func SizeBool(bool) int { return 1 }

// SizeText is how many bytes a text takes, its length before it.
func SizeText(text string) int { return SizeLength(len(text)) }

// SizeLength is how many bytes take so many with their length before them.
func SizeLength(length int) int { return protowire.SizeVarint(uint64(length)) + length }

// SizeMessage is how many bytes a message of another contract takes, its length before it.
func SizeMessage(m proto.Message) int { return SizeLength(proto.Size(m)) }

// PutVarint writes a number, or the tag of a field.
func PutVarint(to []byte, end int, value uint64) int {
	if value >= 0x80 {
		return putLong(to, end, value)
	}
	end--
	to[end] = byte(value)
	return end
}

func putLong(to []byte, end int, value uint64) int {
	end -= protowire.SizeVarint(value)
	at := end
	for ; value >= 0x80; at++ {
		to[at] = byte(value) | 0x80
		value >>= 7
	}
	to[at] = byte(value)
	return end
}

// PutBool writes a truth.
func PutBool(to []byte, end int, value bool) int {
	end--
	if to[end] = 0; value {
		to[end] = 1
	}
	return end
}

// PutText writes a text and its length.
func PutText(to []byte, end int, text string) (int, error) {
	if !utf8.ValidString(text) {
		return end, errNotUTF8
	}
	end -= len(text)
	copy(to[end:], text)
	return PutVarint(to, end, uint64(len(text))), nil
}

// PutBytes writes bytes and their length.
func PutBytes(to []byte, end int, value []byte) int {
	end -= len(value)
	copy(to[end:], value)
	return PutVarint(to, end, uint64(len(value)))
}

// PutMessage writes a message of another contract and its length.
func PutMessage(to []byte, end int, m proto.Message) (int, error) {
	written, err := proto.Marshal(m)
	return PutBytes(to, end, written), err
}

// SizeTexts is how many bytes a map of texts takes whose tag takes so many.
func SizeTexts(tag int, of map[string]string) (n int) {
	for key, value := range of {
		n += tag + SizeLength(1+SizeText(key)+1+SizeText(value))
	}
	return n
}

// PutTexts writes a map of texts: each a message of its key, field 1, and its value, field 2.
func PutTexts(to []byte, end int, tag uint64, of map[string]string) (_ int, err error) {
	const key, value = 1<<3 | uint64(protowire.BytesType), 2<<3 | uint64(protowire.BytesType)
	for k, v := range of {
		after := end
		if end, err = PutText(to, end, v); err != nil {
			return end, err
		}
		if end, err = PutText(to, PutVarint(to, end, value), k); err != nil {
			return end, err
		}
		end = PutVarint(to, end, key)
		end = PutVarint(to, PutVarint(to, end, uint64(after-end)), tag)
	}
	return end, nil
}
