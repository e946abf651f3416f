package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
)

// Fingerprint tells contents apart. Fingerprints of different schemes are never equal: a scheme says what is digested,
// and in which order.
type Fingerprint struct {
	Scheme int
	Sum    [sha256.Size]byte
}

// String returns a fingerprint as logs show it.
func (f Fingerprint) String() string { return fmt.Sprintf("%d:%x", f.Scheme, f.Sum) }

// Same says whether a row's content is that of the submission, by the scheme that the row was made in: a repeat must be known
// as one after the scheme has changed.
func (s Submission) Same(row Fingerprint) bool { return slices.Contains(s.Fingerprints, row) }

// Repeats says whether a submission is the one of a row.
func (s Submission) Repeats(row Record) bool {
	return row.Caller == s.Caller && row.Kind == s.Kind && s.Same(row.Fingerprint)
}

// Hasher digests a sequence of values. Each is written with its kind and length, so that no two sequences look alike;
// a list of unknown length is preceded by Int of its length. A change of what is written, or of its order, is a new
// scheme.
type Hasher struct {
	scheme int
	hash   hash.Hash
}

// NewHasher returns a hasher for a scheme.
func NewHasher(scheme int) *Hasher {
	h := &Hasher{scheme: scheme, hash: sha256.New()}
	h.Int(scheme)
	return h
}

func (h *Hasher) write(kind byte, content []byte) *Hasher {
	var head [9]byte
	head[0] = kind
	binary.BigEndian.PutUint64(head[1:], uint64(len(content)))
	h.hash.Write(head[:])
	h.hash.Write(content)
	return h
}

// Bytes adds bytes.
func (h *Hasher) Bytes(value []byte) *Hasher { return h.write('b', value) }

// Text adds a string, which differs from the same bytes.
func (h *Hasher) Text(value string) *Hasher { return h.write('t', []byte(value)) }

// Int adds a number.
func (h *Hasher) Int(value int) *Hasher {
	var content [8]byte
	binary.BigEndian.PutUint64(content[:], uint64(value))
	return h.write('i', content[:])
}

// Bool adds a truth value.
func (h *Hasher) Bool(value bool) *Hasher {
	if value {
		return h.write('y', nil)
	}
	return h.write('n', nil)
}

// Sum returns the fingerprint of what was added so far.
func (h *Hasher) Sum() Fingerprint {
	return Fingerprint{Scheme: h.scheme, Sum: [sha256.Size]byte(h.hash.Sum(nil))}
}
