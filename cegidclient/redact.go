package cegidclient

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// shortestSecret is the length from which on a secret is taken out of answers: what is shorter is in texts by chance.
const shortestSecret = 12

// redactor takes secrets out of what Loop answers, in every spelling that JSON and URLs allow. They may be as they are, have
// characters that are escaped (\u002B, \/) or percent-encoded, one in the other up to three deep, or be in base64, with any text
// before and behind.
//
// A clean text, which is nearly every one, is read in long steps: no occurrence of a form without escapes fits between two
// looks at gramSize bytes each, stride apart. Occurrences with escapes are looked for where an escape is.
type redactor struct {
	forms  []string
	stride int
	known  [1 << gramBits]byte // 1 for the hash of a gram: the first look
	grams  map[uint32][]spot
	bytes  [256][]spot
	wide   bool // a form holds more than ASCII
}

// spot is a position in a form.
type spot struct{ form, at int }

type span struct{ from, to int }

const (
	gramSize = 4
	gramBits = 15
)

func newRedactor(secrets ...string) *redactor {
	r := &redactor{stride: 1}
	shortest := 0
	for _, secret := range secrets {
		if len(secret) < shortestSecret {
			continue
		}
		for _, form := range formsOf(secret) {
			if !slices.Contains(r.forms, form) {
				r.forms = append(r.forms, form)
			}
			if shortest == 0 || len(form) < shortest {
				shortest = len(form)
			}
		}
	}
	if r.forms == nil {
		return nil
	}
	r.stride, r.grams = shortest-gramSize+1, map[uint32][]spot{}
	for n, form := range r.forms {
		for i := range len(form) {
			r.bytes[form[i]] = append(r.bytes[form[i]], spot{n, i})
			r.wide = r.wide || form[i] >= utf8.RuneSelf
			if i+gramSize <= len(form) {
				gram := gramAt([]byte(form[i:]))
				r.grams[gram] = append(r.grams[gram], spot{n, i})
				r.known[hashOf(gram)] = 1
			}
		}
	}
	return r
}

func hashOf(gram uint32) uint32 { return gram * 0x9E3779B1 >> (32 - gramBits) }

// formsOf gives a secret as it is, and its characters within a longer base64 text, which depend on how many bytes come
// before it.
func formsOf(secret string) []string {
	forms := []string{secret}
	if strings.Contains(secret, " ") {
		forms = append(forms, strings.ReplaceAll(secret, " ", "+"))
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
			bits := 8 * (before + len(secret))
			forms = append(forms, text[(8*before+5)/6:bits/6])
		}
	}
	return forms
}

// header gives a header without the secrets.
func (r *redactor) header(h http.Header) http.Header {
	if r == nil {
		return h
	}
	for _, values := range h {
		for i, value := range values {
			values[i] = r.text(value)
		}
	}
	return h
}

// text gives a text that is not JSON without the secrets.
func (r *redactor) text(s string) string {
	if r == nil || len(s) < shortestSecret {
		return s
	}
	b := unsafe.Slice(unsafe.StringData(s), len(s)) // which find only looks at
	spans := r.find(b)
	if spans == nil {
		return s
	}
	return string(withoutSpans(nil, b, spans))
}

// body gives a body without the secrets. JSON stays JSON: what is cut out begins and ends with whole escapes, and a number
// becomes a text. It is the body itself when there is nothing to take out.
func (r *redactor) body(b []byte) []byte {
	if r == nil {
		return b
	}
	spans := r.find(b)
	if spans == nil {
		return b
	}
	if out, ok := r.json(b); ok {
		return out
	}
	return withoutSpans(nil, b, spans)
}

// json works on a body that is JSON, value by value; false when it is none.
func (r *redactor) json(b []byte) ([]byte, bool) {
	start := len(b) - len(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	dec := newDecoder(b[start:])
	out := append(make([]byte, 0, len(b)), b[:start]...)
	for done := start; ; {
		switch dec.PeekKind() {
		case '"', '0':
			value, err := dec.ReadValue()
			if err != nil {
				return nil, false
			}
			end := start + int(dec.InputOffset())
			spans := r.find(value)
			if spans == nil {
				continue
			}
			out = append(out, b[done:end-len(value)]...)
			if value[0] == '"' {
				out = withoutSpans(out, value, wholeEscapes(value, spans))
			} else {
				out = append(out, `"`+redacted+`"`...)
			}
			done = end
		default:
			if _, err := dec.ReadToken(); errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return append(out, b[done:]...), true
			} else if err != nil {
				return nil, false
			}
		}
	}
}

// withoutSpans appends a text with its spans replaced.
func withoutSpans(dst, text []byte, spans []span) []byte {
	done := 0
	for _, s := range spans {
		dst = append(append(dst, text[done:s.from]...), redacted...)
		done = s.to
	}
	return append(dst, text[done:]...)
}

// wholeEscapes widens the spans of a JSON text to the escapes that they begin or end in, and keeps them off its quotes.
func wholeEscapes(quoted []byte, spans []span) []span {
	for i := 1; i < len(quoted)-1; {
		n := 1
		if quoted[i] == '\\' {
			if n = 2; quoted[i+1] == 'u' {
				n = 6
			}
		}
		for s := range spans {
			if i < spans[s].from && spans[s].from < i+n {
				spans[s].from = i
			}
			if i < spans[s].to && spans[s].to < i+n {
				spans[s].to = i + n
			}
		}
		i += n
	}
	for s := range spans {
		spans[s].from, spans[s].to = max(spans[s].from, 1), min(spans[s].to, len(quoted)-1)
	}
	return merge(spans)
}

func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// find gives the spans of all occurrences, in order; nil for none.
func (r *redactor) find(text []byte) (found []span) {
	const block = 8 << 10 // what stays near the processor while it is looked at three times
	step := 0
	for from := 0; from < len(text); from += block {
		to := min(from+block, len(text))
		for _, mark := range []byte{'\\', '%'} {
			for p := from; p < to; p++ {
				n := bytes.IndexByte(text[p:to], mark)
				if n < 0 {
					break
				}
				if p += n; r.mayBegin(text, p) {
					found = r.escaped(found, text, p)
				}
			}
		}
		step, found = r.inSteps(found, text, step, min(to, len(text)-gramSize+1))
	}
	return merge(found)
}

// inSteps adds the occurrences without an escape that are seen from p on, with looks before end, and gives the next look.
// Four at once take half of the time.
func (r *redactor) inSteps(found []span, text []byte, p, end int) (int, []span) {
	look := func(p int) {
		if gram := gramAt(text[p:]); r.known[hashOf(gram)] != 0 {
			found = r.plain(found, text, p, gram)
		}
	}
	step := r.stride
	for ; p+3*step < end; p += 4 * step {
		s := text[p : p+3*step+gramSize]
		if r.known[hashOf(gramAt(s))]|r.known[hashOf(gramAt(s[step:]))]|r.known[hashOf(gramAt(s[2*step:]))]|r.known[hashOf(
			gramAt(s[3*step:]))] != 0 {
			for n := range 4 {
				look(p + n*step)
			}
		}
	}
	for ; p < end; p += step {
		look(p)
	}
	return p, found
}

func gramAt(text []byte) uint32 { return binary.LittleEndian.Uint32(text) }

// plain adds the forms around p without an escape.
func (r *redactor) plain(found []span, text []byte, p int, gram uint32) []span {
	for _, at := range r.grams[gram] {
		form, from := r.forms[at.form], p-at.at
		if from >= 0 && from+len(form) <= len(text) && string(text[from:from+len(form)]) == form {
			found = append(found, span{from, from + len(form)})
		}
	}
	return found
}

// mayBegin is the quick answer for most escapes: they are no byte of a form, nor the mark of another escape.
func (r *redactor) mayBegin(text []byte, p int) bool {
	var v rune
	switch next := text[p:min(p+6, len(text))]; {
	case len(next) == 6 && next[0] == '\\' && next[1] == 'u':
		high, low := hexDigits[next[2]]<<4|hexDigits[next[3]], hexDigits[next[4]]<<4|hexDigits[next[5]]
		if high|low < 0 {
			return bytes.IndexByte(next, '%') > 0 // its own characters are escaped
		}
		v = rune(high)<<8 | rune(low)
	case len(next) > 1 && next[0] == '\\':
		if bytes.IndexByte([]byte("bfnrt"), next[1]) >= 0 {
			return false // no header carries a control character
		}
		v = rune(next[1])
	case len(next) > 2:
		two := hexDigits[next[1]]<<4 | hexDigits[next[2]]
		if two < 0 {
			return bytes.IndexByte(next[:3], '\\') > 0
		}
		if v = rune(two); v >= utf8.RuneSelf {
			return r.wide
		}
	}
	return v >= utf8.RuneSelf && r.wide || v < utf8.RuneSelf && (r.bytes[v] != nil || v == '\\' || v == '%')
}

// hexDigits are the values of hexadecimal digits, negative for what is none.
var hexDigits = func() (values [256]int16) {
	for c := range values {
		values[c] = -1
		if n, err := strconv.ParseUint(string([]byte{byte(c)}), 16, 4); err == nil {
			values[c] = int16(n)
		}
	}
	return values
}()

// escaped adds the forms whose first escape is at p.
func (r *redactor) escaped(found []span, text []byte, p int) []span {
	for _, how := range nestings {
		u := unit(how, text, p)
		if u.n == 0 || u.size == 1 {
			continue
		}
		for _, at := range r.bytes[u.bytes[0]] {
			form, from := r.forms[at.form], p-at.at
			if from < 0 || string(text[from:p]) != form[:at.at] {
				continue
			}
			if to := spelled(how, text, p, form[at.at:]); to > 0 {
				found = append(found, span{from, to})
			}
		}
	}
	return found
}

// spelled gives where a form ends that is spelled from p on, or 0.
func spelled(how layers, text []byte, p int, form string) int {
	for form != "" {
		u := unit(how, text, p)
		if u.n == 0 || !strings.HasPrefix(form, string(u.bytes[:u.n])) {
			return 0
		}
		form, p = form[u.n:], p+u.size
	}
	return p
}

// layers are the encodings of a text, the innermost first: true for percent signs, false for JSON's escapes. The last is
// taken off first.
type layers []bool

// nestings are all ways to encode up to three times.
var nestings = func() (all []layers) {
	last := []layers{nil}
	for range 3 {
		var next []layers
		for _, inner := range last {
			next = append(next, append(slices.Clone(inner), false), append(slices.Clone(inner), true))
		}
		all, last = append(all, next...), next
	}
	return all
}()

// piece is what a piece of a text means.
type piece struct {
	bytes [utf8.UTFMax]byte
	n     int // bytes that it means, 0 at the end of the text
	size  int // bytes that spell it
}

// unit decodes the piece of a text at p. What is no escape means itself.
func unit(how layers, text []byte, p int) piece {
	if len(how) == 0 {
		if p >= len(text) {
			return piece{}
		}
		return piece{bytes: [utf8.UTFMax]byte{text[p]}, n: 1, size: 1}
	}
	percent, outer := how[0], how[1:]
	first := unit(outer, text, p)
	mark := byte('\\')
	if percent {
		mark = '%'
	}
	if first.n != 1 || first.bytes[0] != mark {
		return first
	}
	if percent {
		if v, size, ok := hexAt(outer, text, p+first.size, 2); ok {
			return piece{bytes: [utf8.UTFMax]byte{byte(v)}, n: 1, size: first.size + size}
		}
		return first
	}
	second := unit(outer, text, p+first.size)
	if second.n != 1 {
		return first
	}
	size := first.size + second.size
	if second.bytes[0] != 'u' {
		if i := strings.IndexByte(`"\/bfnrt`, second.bytes[0]); i >= 0 {
			return piece{bytes: [utf8.UTFMax]byte{"\"\\/\b\f\n\r\t"[i]}, n: 1, size: size}
		}
		return first
	}
	v, digits, ok := hexAt(outer, text, p+size, 4)
	if !ok {
		return first
	}
	size += digits
	if utf16.IsSurrogate(v) {
		if low := unit(outer, text, p+size); low.n == 1 && low.bytes[0] == '\\' {
			if u := unit(outer, text, p+size+low.size); u.n == 1 && u.bytes[0] == 'u' {
				if w, digits, ok := hexAt(outer, text, p+size+low.size+u.size, 4); ok && utf16.DecodeRune(v, w) != utf8.RuneError {
					v, size = utf16.DecodeRune(v, w), size+low.size+u.size+digits
				}
			}
		}
	}
	out := piece{size: size}
	out.n = utf8.EncodeRune(out.bytes[:], v)
	return out
}

// hexAt reads n hexadecimal digits and gives how many bytes spell them.
func hexAt(how layers, text []byte, p, n int) (v rune, size int, ok bool) {
	for range n {
		u := unit(how, text, p+size)
		if u.n != 1 {
			return 0, 0, false
		}
		digit := hexDigits[u.bytes[0]]
		if digit < 0 {
			return 0, 0, false
		}
		v = v<<4 | rune(digit)
		size += u.size
	}
	return v, size, true
}
