package check

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MostYears from today no fiscal year that is still open, or that is being taken over, can lie. Books are kept for ten years (Code
// de commerce, art. L123-22).
const MostYears = 15

// ImplausibleDate tells whether no fiscal year can hold a day: those by which programs say that they have no date (0001-01-01,
// 1753-01-01, 1899-12-30, 1900-01-01, 1970-01-01, 9999-12-31), and all that is more than 15 years from today.
func ImplausibleDate(day, today time.Time) bool {
	return day.Before(today.AddDate(-MostYears, 0, 0)) || day.After(today.AddDate(MostYears, 0, 0))
}

// Blank tells whether a text shows nothing: it is empty, or holds blanks and characters without a width or a shape.
func Blank(text string) bool {
	for _, r := range text {
		if !unicode.IsSpace(r) && !invisible(r) {
			return false
		}
	}
	return true
}

// invisible: zero-width characters and fillers, which Unicode calls default ignorable, and the empty Braille pattern.
func invisible(r rune) bool {
	if r < 0xAD {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}

// UTF16Units counts as JavaScript, Java and .NET do, of which Loop may be made [I].
func UTF16Units(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// MaxSearchedReference is the length of the longest document reference that Loop is known to keep whole, as that of a TRA (loop-api: A 9).
const MaxSearchedReference = 35

// UnsearchableReference tells whether a document reference cannot be looked for in Loop afterwards: its filter has no way to
// write quotation marks and backslashes (loop-api: R 1.4), and Loop may cut what is longer and blanks at an end.
func UnsearchableReference(reference string) bool {
	return strings.ContainsAny(reference, `"\`) || strings.TrimSpace(reference) != reference ||
		utf8.RuneCountInString(reference) > MaxSearchedReference
}

// LabelMightBeCut tells whether a label has 35 characters at most, and more as UTF-16 counts them.
func LabelMightBeCut(label string) bool {
	return utf8.RuneCountInString(label) <= MaxLabelLength && UTF16Units(label) > MaxLabelLength
}

// NeedsThirdParty: 401 and 411 are control accounts, whose lines belong to somebody (PCG, art. 944-40 and 944-41; loop-api: A 2.3).
// A number with letters in it is an account of one of them.
func NeedsThirdParty(account string) bool {
	return (strings.HasPrefix(account, "401") || strings.HasPrefix(account, "411")) && strings.Trim(account, "0123456789") == ""
}

// takesNoThirdParty: charges and revenue have no auxiliary accounts (PCG, classes 6 and 7).
func takesNoThirdParty(account string) bool {
	return account != "" && (account[0] == '6' || account[0] == '7')
}
