package filecheck_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

// FuzzExcerpts: whatever is in a file, however it comes, each line that is named is shown once, bounded, by what is seen.
func FuzzExcerpts(f *testing.F) {
	for _, text := range []string{
		"a|b|c\r\nd|\xe9|f\r\n", "a\tb\r\r\nc\td\x01\r\r\n", "D\x82j\x85 r\x82gl\x82\n", "é|\u202eb|\xff\n" + strings.Repeat("x", 500), "\r\n\n\r", "   12,00N",
		strings.Repeat("y", 70_000) + "|z\nnext",
	} {
		f.Add([]byte(text), 1, 2, byte('|'))
		f.Add([]byte(text), 2, 0, byte('\t'))
		f.Add([]byte(text), 1, 4, byte(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, line, column int, separator byte) {
		if line < 1 || line > 1<<20 || column < 0 || column > 1<<20 || separator != 0 && separator != '|' && separator != '\t' {
			return
		}
		found := []check.Finding{
			{Line: line, Column: column, Lines: []int{line, line + 1, line + 2, line + 3}},
			{Line: line, Column: column, Field: "Debit, Credit", Lines: []int{line, line + 1}},
			{},
		}
		shown, err := filecheck.Excerpts(bytes.NewReader(data), found, separator)
		if err != nil || len(shown) != len(found) || len(shown[2]) != 0 || len(shown[0]) > 3 {
			t.Fatalf("%+v, %v", shown, err)
		}
		apart, err := filecheck.Excerpts(iotest.OneByteReader(io.LimitReader(bytes.NewReader(data), 4096)), found, separator)
		if err != nil || len(data) <= 4096 && !slices.EqualFunc(shown, apart, slices.Equal[[]filecheck.Excerpt]) {
			t.Fatalf("byte by byte %+v, at once %+v, %v", apart, shown, err)
		}
		for i, excerpts := range shown {
			for n, e := range excerpts {
				if e.Line != found[i].Lines[n] {
					t.Fatalf("%+v", excerpts)
				}
				if i == 1 && n > 0 && e.Marked != "" {
					t.Fatalf("%+v is marked where it may be another field", e)
				}
				for _, part := range []string{e.Before, e.Marked, e.After} {
					if !utf8.ValidString(part) || utf8.RuneCountInString(part) > 201 || strings.ContainsFunc(part, unseen) {
						t.Fatalf("%q", part)
					}
				}
			}
		}
	})
}

// unseen is what a terminal or a page would take for something else than a character.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
