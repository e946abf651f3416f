package fec

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Encoding is how a file writes its characters.
type Encoding string

// The encodings.
const (
	ASCII       Encoding = "ASCII"
	ISO885915   Encoding = "ISO-8859-15"
	UTF8        Encoding = "UTF-8"
	Windows1252 Encoding = "windows-1252"
	// Mixed files are partly in UTF-8 and partly not.
	Mixed Encoding = "mixed"
)

// cp1252 are the bytes from 0x80 to 0x9f, control characters everywhere else.
var cp1252 = [32]rune{
	'€', utf8.RuneError, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', utf8.RuneError, 'Ž', utf8.RuneError,
	utf8.RuneError, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', utf8.RuneError, 'ž', 'Ÿ',
}

// latin9 is the character of a byte above 0x9f in ISO 8859-15, the one of Windows-1252 below.
func latin9(c byte) rune {
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
	if c >= 0x80 && c < 0xa0 {
		return cp1252[c-0x80]
	}
	return rune(c)
}

// decode gives a text in UTF-8: as it is when it is that, else from ISO 8859-15 with what Windows-1252 adds to it. A
// stream is decoded before all of it is known, so that each field is judged by itself.
func decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b) + 8)
	for _, c := range b {
		if c < utf8.RuneSelf {
			s.WriteByte(c)
		} else {
			s.WriteRune(latin9(c))
		}
	}
	return s.String()
}

// cut shortens a text to so many bytes, without a part of a character at the end.
func cut(b []byte, most int) []byte {
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

var (
	utf8Mark = []byte("\xef\xbb\xbf")
	ebcdic   = []byte("\xd1\x96\xa4\x99\x95\x81\x93") // Journal
	magic    = []struct {
		start string
		code  code
		what  string
	}{
		{"PK\x03\x04", fileCompressed, "zip, xlsx"},
		{"PK\x05\x06", fileCompressed, "zip"},
		{"\x1f\x8b", fileCompressed, "gzip"},
		{"BZh", fileCompressed, "bzip2"},
		{"7z\xbc\xaf\x27\x1c", fileCompressed, "7z"},
		{"\xfd7zXZ\x00", fileCompressed, "xz"},
		{"\x28\xb5\x2f\xfd", fileCompressed, "zstd"},
		{"Rar!", fileCompressed, "rar"},
		{"\xd0\xcf\x11\xe0", fileCompressed, "xls"},
		{"%PDF", notText, "PDF"},
		{"{\\rtf", notText, "RTF"},
		{"\xff\xfe\x00\x00", encodingUTF16, "UTF-32"},
		{"\x00\x00\xfe\xff", encodingUTF16, "UTF-32"},
		{"\xff\xfe", encodingUTF16, "UTF-16"},
		{"\xfe\xff", encodingUTF16, "UTF-16"},
	}
)

// sniff tells from its first line why a file cannot be a text that this package reads.
func sniff(head []byte) (c code, what string, refused bool) {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.start)) {
			return m.code, m.what, true
		}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, utf8Mark), " \t")
	lower := bytes.ToLower(text[:min(len(text), 64)])
	switch {
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return notText, "HTML", true
	case bytes.HasPrefix(lower, []byte("<?xml")), bytes.HasPrefix(lower, []byte("<comptabilite")), bytes.HasPrefix(lower, []byte("<!doctype")), bytes.HasPrefix(lower, []byte("<!--")):
		return fileXML, "", true
	case bytes.HasPrefix(text, ebcdic):
		return encodingEBCDIC, "", true
	}
	if i := bytes.IndexByte(head[:min(len(head), 512)], 0); i >= 0 {
		if i <= 1 && len(head) > i+2 && bytes.Count(head, []byte{0})*3 > len(head) {
			return encodingUTF16, "UTF-16", true
		}
		return notText, "NUL", true
	}
	return 0, "", false
}
