package textfile

import (
	"bytes"
	"unicode/utf8"
)

// UTF8Mark is the byte order mark of UTF-8.
var UTF8Mark = []byte("\xef\xbb\xbf")

// cp1252 are the bytes from 0x80 to 0x9f, control characters everywhere else.
var cp1252 = [32]rune{
	'€', utf8.RuneError, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', utf8.RuneError, 'Ž', utf8.RuneError,
	utf8.RuneError, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', utf8.RuneError, 'ž', 'Ÿ',
}

// Windows1252 is the character of a byte; [utf8.RuneError] for the five that have none.
func Windows1252(c byte) rune {
	if c >= 0x80 && c < 0xa0 {
		return cp1252[c-0x80]
	}
	return rune(c)
}

// Latin9 is the character of a byte above 0x9f in ISO 8859-15, the one of Windows-1252 below.
func Latin9(c byte) rune {
	switch c {
	case 0xa4:
		return '€'
	case 0xa6:
		return 'Š'
	case 0xa8:
		return 'š'
	case 0xb4:
		return 'Ž'
	case 0xb8:
		return 'ž'
	case 0xbc:
		return 'Œ'
	case 0xbd:
		return 'œ'
	case 0xbe:
		return 'Ÿ'
	}
	return Windows1252(c)
}

// CodePages looks at the bytes from 80 to 9F of a text of one byte per character, which no letter has in ISO 8859-15: odd
// tells that there are some. Windows-1252 has quotation marks and the euro there, between words; the CP850 of DOS has the
// accents of French, within them: that is what dos tells.
func CodePages(text []byte) (odd, dos bool) {
	for i, b := range text {
		if b-0x80 >= 0x20 {
			continue
		}
		odd = true
		before, behind := i > 0 && letter(text[i-1]), i+1 < len(text) && letter(text[i+1])
		switch b {
		case 0x82: // é
			dos = dos || before || behind
		case 0x80, 0x83, 0x85, 0x87, 0x88, 0x8a, 0x8b, 0x8c, 0x90, 0x93, 0x96, 0x97: // Ç â à ç ê è ï î É ô û ù
			dos = dos || before && behind
		}
	}
	return odd, dos
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// Cut shortens a text to so many bytes, without a part of a character at the end.
func Cut(b []byte, most int) []byte {
	if len(b) <= most {
		return b
	}
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRune(b[:most]); r != utf8.RuneError || size != 1 {
			break
		}
		most--
	}
	return b[:most]
}

// Kind is what a file is at first sight.
type Kind uint8

// The kinds.
const (
	Bytewise Kind = iota // a text of one byte per character, or UTF-8
	Compressed
	XML
	UTF16
	NotText
)

var magic = []struct {
	start string
	kind  Kind
	what  string
}{
	{"PK\x03\x04", Compressed, "zip, xlsx"},
	{"PK\x05\x06", Compressed, "zip"},
	{"\x1f\x8b", Compressed, "gzip"},
	{"BZh", Compressed, "bzip2"},
	{"7z\xbc\xaf\x27\x1c", Compressed, "7z"},
	{"\xfd7zXZ\x00", Compressed, "xz"},
	{"\x28\xb5\x2f\xfd", Compressed, "zstd"},
	{"Rar!", Compressed, "rar"},
	{"\xd0\xcf\x11\xe0", Compressed, "xls"},
	{"%PDF", NotText, "PDF"},
	{"{\\rtf", NotText, "RTF"},
	{"\xff\xfe\x00\x00", UTF16, "UTF-32"},
	{"\x00\x00\xfe\xff", UTF16, "UTF-32"},
	{"\xff\xfe", UTF16, "UTF-16"},
	{"\xfe\xff", UTF16, "UTF-16"},
}

// Sniff tells from its first line what a file is, and its name where it has one.
func Sniff(head []byte) (k Kind, what string) {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.start)) {
			return m.kind, m.what
		}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, UTF8Mark), " \t")
	lower := bytes.ToLower(text[:min(len(text), 64)])
	switch {
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return NotText, "HTML"
	case bytes.HasPrefix(lower, []byte("<?xml")), bytes.HasPrefix(lower, []byte("<comptabilite")),
		bytes.HasPrefix(lower, []byte("<!doctype")), bytes.HasPrefix(lower, []byte("<!--")):
		return XML, ""
	}
	if i := bytes.IndexByte(head[:min(len(head), 512)], 0); i >= 0 {
		if i <= 1 && len(head) > i+2 && bytes.Count(head, []byte{0})*3 > len(head) {
			return UTF16, "UTF-16"
		}
		return NotText, "NUL"
	}
	return Bytewise, ""
}
