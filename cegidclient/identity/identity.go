package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// Key is the secret of a ledger under which digests are made. It cannot be printed.
type Key struct {
	// The secret sits behind a func, because fmt reads unexported fields by reflection.
	reveal func() []byte
}

// KeySize is the least that a key has, in bytes.
const KeySize = 32

// NewKey wraps a secret.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < KeySize {
		return Key{}, fmt.Errorf("identity: a key has %d bytes at least", KeySize)
	}
	secret = bytes.Clone(secret)
	return Key{func() []byte { return secret }}, nil
}

const redacted = "[redacted]"

// String implements [fmt.Stringer].
func (Key) String() string { return redacted }

// Format implements [fmt.Formatter].
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Scheme numbers what is digested, and how. Digests of different schemes are never equal: entries of imports that were digested
// in another one are not found again.
const Scheme = 2

// Entry is what is known of an entry. Entries under different keys cannot be compared.
type Entry struct {
	// Body is of all but the reference; zero where a date or an amount cannot be read: such an entry is no other's.
	Body [16]byte
	// Reference is zero without one.
	Reference uint64
	// Document is of journal, date and document reference: zero without one, Several with more than one.
	Document uint64
	// Month is YYYYMM, of the earliest line.
	Month int
	// Line of a file is the first; 0 elsewhere.
	Line int
}

// Several is the document of an entry with several document references, or with several dates.
const Several = ^uint64(0)

// Known says whether the entry has an identity.
func (e Entry) Known() bool { return e.Body != [16]byte{} }

// Referenced says whether a document reference or a reference is on it.
func (e Entry) Referenced() bool { return e.Reference != 0 || e.Document != 0 }

// Match says how two entries are alike.
type Match uint8

// The matches, the closest last.
const (
	Different Match = iota
	// SameDocument has the same journal, date and document reference, and is otherwise another.
	SameDocument
	// SameButReference is the same but for its reference.
	SameButReference
	// Same is the same.
	Same
)

// Match compares two entries.
func (e Entry) Match(other Entry) Match {
	switch {
	case !e.Known() || !other.Known():
		return Different
	case e.Body == other.Body && e.Reference == other.Reference:
		return Same
	case e.Body == other.Body:
		return SameButReference
	case e.Document != 0 && e.Document != Several && e.Document == other.Document:
		return SameDocument
	}
	return Different
}

// Entries gives the identities of entries, in their order.
func (k Key) Entries(entries []cegidclient.Entry) []Entry {
	h := newHasher(k)
	out := make([]Entry, len(entries))
	for i := range entries {
		out[i] = h.entry(&entries[i])
	}
	return out
}

func (h *hasher) entry(e *cegidclient.Entry) Entry {
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(e.Date))
	if err != nil || len(e.Lines) == 0 {
		return Entry{}
	}
	date := day.Year()*10_000 + int(day.Month())*100 + day.Day()
	journal, document := []byte(e.Journal), []byte(e.DocumentReference)
	var all sum
	for i := range e.Lines {
		l := &e.Lines[i]
		amount, ok := cents(l.Debit, l.Credit)
		if !ok {
			return Entry{}
		}
		all.add(h.line(journal, date, document, []byte(l.Account), []byte(l.ThirdParty), nil, amount))
	}
	return Entry{
		Body: h.body(all, len(e.Lines)), Reference: h.reference([]byte(e.Reference)),
		Document: h.document(journal, date, document), Month: date / 100,
	}
}

// cents is a debit, or a credit below zero.
func cents(debit, credit string) (int64, bool) {
	d, how1 := textfile.ParseAmount([]byte(debit))
	c, how2 := textfile.ParseAmount([]byte(credit))
	if (how1|how2)&textfile.Unreadable != 0 || how1&how2&textfile.Blank != 0 {
		return 0, false
	}
	return int64(d - c), true
}

// hasher makes digests. Each message begins with what it is, and each text with its length, so that no two look alike.
type hasher struct {
	message []byte // after the key
	key     int    // its length
	normal  []byte
	out     [sha256.Size]byte
}

var errNoKey = errors.New("identity: no key")

func newHasher(k Key) *hasher {
	if k.reveal == nil {
		panic(errNoKey) // digests under an empty key would open to everybody
	}
	secret := k.reveal()
	return &hasher{message: append(make([]byte, 0, 512), secret...), key: len(secret)}
}

func (h *hasher) begin(what byte) { h.message = append(h.message[:h.key], Scheme, what) }

func (h *hasher) int(n int64) { h.message = binary.BigEndian.AppendUint64(h.message, uint64(n)) }

func (h *hasher) text(t []byte) {
	t = h.plain(t)
	h.message = append(binary.AppendUvarint(h.message, uint64(len(t))), t...)
}

// plain is a text as it is compared; good until the next call.
func (h *hasher) plain(t []byte) []byte {
	t = bytes.TrimSpace(t)
	for _, c := range t {
		if c >= 0x80 {
			h.normal = norm.NFC.Append(h.normal[:0], t...)
			return h.normal
		}
	}
	return t
}

// end digests the message: half of it at most is used, see the package's comment.
func (h *hasher) end() []byte {
	h.out = sha256.Sum256(h.message)
	return h.out[:16]
}

// short is the beginning of a digest, neither zero nor Several.
func (h *hasher) short() uint64 {
	n := binary.BigEndian.Uint64(h.end())
	if n == 0 || n == Several {
		return 1
	}
	return n
}

// line digests a line; unit is empty for euro.
func (h *hasher) line(journal []byte, date int, document, account, thirdParty, unit []byte, cents int64) (s sum) {
	h.lineOf(journal, date, document)
	return h.lineEnds(account, thirdParty, unit, cents)
}

// lineOf begins the message of a line, and returns it.
func (h *hasher) lineOf(journal []byte, date int, document []byte) []byte {
	h.begin('l')
	h.text(journal)
	h.int(int64(date))
	h.text(document)
	return h.message
}

func (h *hasher) lineEnds(account, thirdParty, unit []byte, cents int64) (s sum) {
	h.text(account)
	h.text(thirdParty)
	h.text(unit)
	h.int(cents)
	d := h.end()
	return sum{binary.BigEndian.Uint64(d), binary.BigEndian.Uint64(d[8:])}
}

func (h *hasher) body(lines sum, count int) (out [16]byte) {
	h.begin('b')
	h.int(int64(count))
	h.int(int64(lines[0]))
	h.int(int64(lines[1]))
	copy(out[:], h.end())
	return out
}

func (h *hasher) reference(reference []byte) uint64 {
	reference = h.plain(reference)
	if len(bytes.Trim(reference, "0123456789")) == 0 { // a TRA has no zeros before its numbers
		reference = bytes.TrimLeft(reference, "0")
	}
	if len(reference) == 0 {
		return 0
	}
	h.begin('r')
	h.message = append(h.message, reference...)
	return h.short()
}

func (h *hasher) document(journal []byte, date int, document []byte) uint64 {
	if len(h.plain(document)) == 0 {
		return 0
	}
	h.begin('d')
	h.text(journal)
	h.int(int64(date))
	h.text(document)
	return h.short()
}

// sum is a number of 128 bits, the upper half first.
type sum [2]uint64

func (s *sum) add(other sum) {
	var carry uint64
	s[1], carry = bits.Add64(s[1], other[1], 0)
	s[0], _ = bits.Add64(s[0], other[0], carry)
}
