package fec

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

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
			s.WriteRune(textfile.Latin9(c))
		}
	}
	return s.String()
}

var ebcdic = []byte("\xd1\x96\xa4\x99\x95\x81\x93") // Journal

// sniff tells from its first line why a file cannot be a text that this package reads.
func sniff(head []byte) (c code, what string, refused bool) {
	if bytes.HasPrefix(head, ebcdic) {
		return encodingEBCDIC, "", true
	}
	switch kind, what := textfile.Sniff(head); kind {
	case textfile.Compressed:
		return fileCompressed, what, true
	case textfile.XML:
		return fileXML, what, true
	case textfile.UTF16:
		return encodingUTF16, what, true
	case textfile.NotText:
		return notText, what, true
	default:
		return 0, "", false
	}
}
