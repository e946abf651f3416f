// Package encode is what the generated encoders of messages share (tools/protoc-gen-go-encode): how protojson writes a name, a
// text and what is no message of this contract, without the blanks that it puts in or leaves out by chance; and how
// proto.Marshal writes a field.
package encode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/internal/eight"
)

// Appender is a message that writes its own JSON behind what is there. The error says that a text is not UTF-8.
type Appender interface {
	proto.Message
	AppendJSON(to []byte) ([]byte, error)
}

var errNotUTF8 = errors.New("a text is not UTF-8")

// Name appends the name of a member, given with its quotation marks and colon, and the comma before it.
func Name(to []byte, name string) []byte {
	if to[len(to)-1] != '{' {
		to = append(to, ',')
	}
	return append(to, name...)
}

// plain tells of each byte whether a text has it unescaped.
var plain = func() (out [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		out[c] = c != '"' && c != '\\'
	}
	return out
}()

const hexadecimal = "0123456789abcdef"

// String appends a text.
func String(to []byte, text string) ([]byte, error) {
	to = append(to, '"')
	begun := 0
	for i := 0; i < len(text); {
		if i+8 <= len(text) {
			word := eight.Of(text, i)
			closer := eight.Stops(word) | word&eight.High
			if closer == 0 {
				i += 8
				continue
			}
			i += eight.First(closer)
		}
		c := text[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				return to, errNotUTF8
			}
			i += n
			continue
		}
		to = append(to, text[begun:i]...)
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\b':
			to = append(to, '\\', 'b')
		case '\f':
			to = append(to, '\\', 'f')
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			to = append(to, '\\', 'u', '0', '0', hexadecimal[c>>4], hexadecimal[c&15])
		}
		i++
		begun = i
	}
	return append(append(to, text[begun:]...), '"'), nil
}

// Bytes appends bytes, in base64.
func Bytes(to, value []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(to, '"'), value), '"')
}

// Int64 appends a number as a text, since JavaScript would round it.
func Int64(to []byte, value int64) []byte {
	return append(strconv.AppendInt(append(to, '"'), value, 10), '"')
}

// Enum appends the name of a value, or its number if it has none.
func Enum(to []byte, names map[int32]string, value int32) []byte {
	if name, known := names[value]; known {
		return append(append(append(to, '"'), name...), '"')
	}
	return strconv.AppendInt(to, int64(value), 10)
}

// Strings appends a map of texts, by their keys.
func Strings(to []byte, of map[string]string) (_ []byte, err error) {
	to = append(to, '{')
	for i, key := range slices.Sorted(maps.Keys(of)) {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = String(to, key); err != nil {
			return to, err
		}
		if to, err = String(append(to, ':'), of[key]); err != nil {
			return to, err
		}
	}
	return append(to, '}'), nil
}

// Message appends a message: by its own encoder, or else by protojson.
func Message(to []byte, m proto.Message) ([]byte, error) {
	if own, ok := m.(Appender); ok {
		return own.AppendJSON(to)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return to, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return to, err
	}
	return append(to, compact.Bytes()...), nil
}
