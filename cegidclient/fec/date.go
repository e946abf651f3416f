package fec

import (
	"regexp"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

type date = textfile.Date

// dateShape is what is to be said of a date as written.
type dateShape uint8

const (
	dateGood      dateShape = iota
	dateOfZeros             // counts as none
	dateNoDay               // such as 20260230, which the tax office's tool lets pass
	dateOtherForm           // such as 31/03/2026, read
	dateUnread              // such as 2026-3-31, read here, and not by the checker of the administration
	dateNone                // not a date
)

// parseDate reads eight digits.
func parseDate(s []byte) (date, dateShape) {
	if len(s) != 8 {
		return parseOddDate(s)
	}
	var n int32
	for _, c := range s {
		d := c - '0'
		if d > 9 {
			return parseOddDate(s)
		}
		n = n*10 + int32(d)
	}
	year, month, day := n/10000, n/100%100, n%100
	switch {
	case textfile.Real(year, month, day):
		return date(n), dateGood
	case n == 0:
		return 0, dateOfZeros
	case month <= 12 && day <= 31:
		return 0, dateNoDay
	}
	return parseOddDate(s)
}

// parseOddDate reads a day in another order or with separators, perhaps followed by a time of day: what is met instead
// of the law's form, and can mean one day only.
func parseOddDate(s []byte) (date, dateShape) {
	how := dateOtherForm
	if i := indexByteAny(s, 'T', ' '); i >= 8 && i <= 10 {
		if !toolTime.Match(s[i+1:]) {
			how = dateUnread
		}
		for _, c := range s[i+1:] {
			if (c < '0' || c > '9') && c != ':' && c != '.' && c != 'Z' {
				return 0, dateNone
			}
		}
		s = s[:i]
	}
	var part [3]int32
	var width [3]int
	n, zeros := 0, true
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			part[n] = part[n]*10 + int32(c-'0')
			width[n]++
			zeros = zeros && c == '0'
			if width[n] > 8 {
				return 0, dateNone
			}
		case (c == '-' || c == '/' || c == '.') && n < 2 && width[n] > 0:
			n++
		default:
			return 0, dateNone
		}
	}
	var year, month, day int32
	switch {
	case len(s) == 0 || width[n] == 0:
		return 0, dateNone
	case zeros:
		return 0, dateOfZeros
	case n == 0 && width[0] == 8: // YYYYMMDD with a time, else DDMMYYYY
		year, month, day = part[0]/10000, part[0]/100%100, part[0]%100
		if !textfile.Real(year, month, day) || year < 1900 {
			day, month, year = part[0]/1_000_000, part[0]/10000%100, part[0]%10000
		}
	case n == 2 && width[0] == 4 && width[1] <= 2 && width[2] <= 2:
		year, month, day = part[0], part[1], part[2]
	case n == 2 && width[2] == 4 && width[0] <= 2 && width[1] <= 2:
		day, month, year = part[0], part[1], part[2]
	default:
		return 0, dateNone
	}
	if n == 2 && (width[1] < 2 || width[0] < 2 || width[2] < 2) {
		how = dateUnread
	}
	switch {
	case textfile.Real(year, month, day):
		return date(year*10000 + month*100 + day), how
	case how == dateOtherForm && month <= 12 && day <= 31 && year >= 1900 && year < 2100:
		return 0, dateNoDay
	}
	return 0, dateNone
}

// toolTime is a time of day as the checker of the administration takes it behind a date.
var toolTime = regexp.MustCompile(`^[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}$`)

func indexByteAny(s []byte, a, b byte) int {
	for i, c := range s {
		if c == a || c == b {
			return i
		}
	}
	return -1
}
