package cegidclient

import (
	"errors"

	"cegid.internal/gateway/internal/eight"
)

// scanner walks a JSON text once. It takes what newDecoder takes, and a fuzz test holds the two together: names that are given
// twice, and texts that are no Unicode. What it hands out is cut from the text.
type scanner struct {
	text  string
	at    int
	depth int
	// plain and escaped tell of the string that was scanned last: it is ASCII without escapes, or it has escapes.
	plain, escaped bool
}

// errSyntax says that the text is no JSON; notJSON finds out where.
var errSyntax = errors.New("no JSON")

// deepest is how deep arrays and objects may be nested, as with newDecoder.
const deepest = 10_000

// peek skips blanks and returns the next character; 0 is the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) && s.text[s.at] > ' ' {
		return s.text[s.at]
	}
	return s.blanks()
}

func (s *scanner) blanks() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// enter begins an object or an array. It returns whether there is anything in it; else its end has been passed.
func (s *scanner) enter(end byte) (more bool, err error) {
	if s.depth++; s.depth > deepest {
		return false, errSyntax
	}
	s.at++
	if s.peek() == end {
		s.at++
		s.depth--
		return false, nil
	}
	return true, nil
}

// next goes on after a value: to the next one, or past the end of the object or array.
func (s *scanner) next(end byte) (more bool, err error) {
	switch s.peek() {
	case ',':
		s.at++
		s.peek()
		return true, nil
	case end:
		s.at++
		s.depth--
		return false, nil
	}
	return false, errSyntax
}

// name passes the name of a member and its colon, and returns it with its quotation marks.
func (s *scanner) name() (raw string, err error) {
	if s.peek() != '"' {
		return "", errSyntax
	}
	from := s.at
	if err := s.string(); err != nil {
		return "", err
	}
	raw = s.text[from:s.at]
	if s.peek() != ':' {
		return "", errSyntax
	}
	s.at++
	return raw, nil
}

// value passes the next value and returns its text.
func (s *scanner) value() (raw string, err error) {
	c := s.peek()
	from := s.at
	switch c {
	case '"':
		err = s.string()
	case '{', '[':
		err = s.skip(c)
	case 't':
		err = s.literal("true")
	case 'f':
		err = s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		err = s.number()
	}
	if err != nil {
		return "", err
	}
	return s.text[from:s.at], nil
}

// skip passes an object or an array.
func (s *scanner) skip(begin byte) error {
	end := byte(']')
	if begin == '{' {
		end = '}'
	}
	more, err := s.enter(end)
	for more && err == nil {
		if begin == '{' {
			if _, err = s.name(); err != nil {
				return err
			}
		}
		if _, err = s.value(); err != nil {
			return err
		}
		more, err = s.next(end)
	}
	return err
}

func (s *scanner) literal(word string) error {
	if len(s.text)-s.at < len(word) || s.text[s.at:s.at+len(word)] != word {
		return errSyntax
	}
	s.at += len(word)
	return nil
}

// string passes a string.
func (s *scanner) string() error {
	s.plain, s.escaped = true, false
	var beyond uint64 // bits of characters beyond ASCII
	for i := s.at + 1; i < len(s.text); {
		if i+8 <= len(s.text) {
			word := eight.Of(s.text, i)
			stops := eight.Stops(word)
			if stops == 0 {
				beyond |= word
				i += 8
				continue
			}
			until := eight.First(stops)
			beyond |= word & (1<<(8*until) - 1)
			i += until
		}
		switch c := s.text[i]; {
		case c == '"':
			s.plain = !s.escaped && beyond&eight.High == 0
			s.at = i + 1
			return nil
		case c == '\\':
			s.escaped = true
			length := escapeAt(s.text, i)
			if length == 0 {
				return errSyntax
			}
			i += length
		case c < ' ':
			return errSyntax
		default:
			beyond |= uint64(c)
			i++
		}
	}
	return errSyntax
}

// escapeAt is how long the escape at i is; 0 for none that JSON has (RFC 8259 § 7).
func escapeAt(text string, i int) int {
	if i+1 >= len(text) {
		return 0
	}
	switch text[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if i+6 > len(text) {
			return 0
		}
		for _, digit := range []byte(text[i+2 : i+6]) {
			if !isHexadecimal(digit) {
				return 0
			}
		}
		return 6
	}
	return 0
}

func isHexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// number passes a number (RFC 8259 § 6).
func (s *scanner) number() error {
	digits := func() bool {
		from := s.at
		for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
			s.at++
		}
		return s.at > from
	}
	is := func(set ...byte) bool {
		for _, c := range set {
			if s.at < len(s.text) && s.text[s.at] == c {
				s.at++
				return true
			}
		}
		return false
	}
	is('-')
	if !is('0') && !digits() {
		return errSyntax
	}
	if is('.') && !digits() {
		return errSyntax
	}
	if is('e', 'E') {
		is('+', '-')
		if !digits() {
			return errSyntax
		}
	}
	return nil
}
