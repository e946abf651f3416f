package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// unreadable says what is wrong with a text that is not JSON: what is at the place where it ceases to be, and what may be there.
func (w *walk) unreadable(err error) Problem {
	at := len(w.text)
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = min(int(syntactic.ByteOffset), len(w.text))
	}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(w.text, []byte(mark)) {
			return w.problem(0, "begins with a byte order mark: send UTF-8, without the mark")
		}
	}
	if foreign := firstInvalid(w.text); foreign >= 0 {
		return w.problem(foreign, "is not UTF-8: unexpected byte %#x: send UTF-8, and not Latin-1 or Windows-1252", w.text[foreign])
	}
	return w.problem(at, "%s", w.misread(at))
}

func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// misread says what is at a place where JSON has something else.
func (w *walk) misread(at int) string {
	rest := w.text[at:]
	if len(bytes.TrimSpace(rest)) == 0 {
		return "is cut: the JSON ends before its last } or quotation mark"
	}
	r, _ := utf8.DecodeRune(rest)
	found := fmt.Sprintf("is no JSON: unexpected %s", shown(r))
	switch {
	case r == ',':
		return found + " without a value or name on both sides: remove it"
	case r == '}' || r == ']':
		return found + ", which closes nothing, or too early: a name is followed by : and a value, and each bracket by its own"
	case r == '[' || r == '{':
		return found + ", with nothing to separate it from the value before, or deeper than any value of a request"
	case r == '\'' || r == '`' || r == '“' || r == '”' || r == '„' || r == '«':
		return found + `: put names and texts in quotation marks like "this"`
	case r == '/' || r == '#':
		return found + ": JSON has no comments"
	case r == '\\':
		return found + `: in a text, write \\ for a backslash, and \n, \t or \u00e9 for what needs one`
	case unicode.IsControl(r):
		return found + `: in a text, write a line break as \n and a tab as \t`
	case strings.ContainsRune("+-.0123456789", r):
		return found + ": write numbers in digits, as 10 or -1.5, with a comma between values, and amounts as text"
	case unicode.IsLetter(r):
		return found + `: put names and texts in quotation marks; only true and false have none`
	}
	return found + ": separate names from values with :, and values with a comma"
}

// shown is a character as a sentence shows it.
func shown(r rune) string {
	if unicode.IsPrint(r) {
		return string(r)
	}
	return fmt.Sprintf("character %U", r)
}
