// Package pagetoken encodes where a list stopped. A token holds a position and a digest of the query it belongs to;
// it carries no authority: its caller must be allowed to run the query anew.
package pagetoken

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
)

const (
	version    = 1
	digestSize = 12
)

// Errors that say what is wrong with a token, for the caller who sent it.
var (
	ErrDamaged    = errors.New("the token is damaged: send next_page_token as received, or none to start again")
	ErrOtherQuery = errors.New("the token belongs to another query: keep practice, dossier, filter and order_by as they were, " +
		"or send none to start again")
)

// Query is the digest of what must not change from one page to the next.
type Query [digestSize]byte

// NewQuery digests the parts of a query. Parts are length-prefixed, so that no two lists of parts look alike.
func NewQuery(parts ...string) Query {
	text := make([]byte, 0, 256)
	for _, part := range parts {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(text)
	return Query(sum[:digestSize])
}

// Encode returns the token of a position in a query; position 0 is the start and has none.
func Encode(query Query, position int) string {
	if position <= 0 {
		return ""
	}
	return EncodeText(query, string(binary.AppendUvarint(nil, uint64(position))))
}

// Decode returns the position that a token holds; the empty token is the start.
func Decode(query Query, token string) (int, error) {
	text, err := DecodeText(query, token)
	if err != nil || text == "" {
		return 0, err
	}
	position, n := binary.Uvarint([]byte(text))
	if n != len(text) || position == 0 || position > math.MaxInt32 || Encode(query, int(position)) != token {
		return 0, ErrDamaged
	}
	return int(position), nil
}

// EncodeText returns the token of a position that is a text; the empty one is the start and has none.
func EncodeText(query Query, position string) string {
	if position == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte{version}, query[:]...), position...))
}

// DecodeText returns the position that a token holds; the empty token is the start.
func DecodeText(query Query, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 1+digestSize+1 || raw[0] != version {
		return "", ErrDamaged
	}
	if Query(raw[1:1+digestSize]) != query {
		return "", ErrOtherQuery
	}
	return string(raw[1+digestSize:]), nil
}

// defaultSize is how many items a page has unless its request says otherwise.
const defaultSize = 100

// Size is how many items a request wants of a page.
func Size(request interface{ GetPageSize() int32 }) int {
	if size := int(request.GetPageSize()); size > 0 {
		return size
	}
	return defaultSize
}
