package filecheck

import (
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// Cents is an amount in hundredths of a euro. Its String writes two decimals after a point: 1234.50, -0.05.
type Cents = textfile.Cents

// Encoding is how a file writes its characters.
type Encoding string

// The encodings.
const (
	ASCII       Encoding = "ASCII"
	ISO885915   Encoding = "ISO-8859-15"
	UTF8        Encoding = "UTF-8"
	Windows1252 Encoding = "windows-1252"
	CP850       Encoding = "CP850"
	// Mixed files are partly in UTF-8 and partly not.
	Mixed Encoding = "mixed"
)

// Report is what is known of a file once it was read, whatever its format.
type Report struct {
	// Findings are errors before warnings before notices, each in the order of the file, those on the whole file last.
	Findings []check.Finding
	// Lines are the movements, whether they could be read or not. Entries are those with a key of their own.
	Lines, Entries int
	// Debit and Credit add up the amounts that could be read.
	Debit, Credit Cents
	// Partial tells that lines or amounts could not be read: totals are too small, the file's balance is not judged.
	Partial bool
	// FirstDate and LastDate are the earliest and latest date of an entry, YYYY-MM-DD, or empty.
	FirstDate, LastDate string
	// Journals and Accounts are the totals by code, in its order; Months those by journal and month.
	Journals, Accounts []Total
	Months             []MonthTotal
	// References are the first hundred document references, each once. One of more than 255 bytes is left out.
	References []string
	// Unbalanced are the first hundred entries that do not balance, in the order of the file.
	Unbalanced []EntryTotal
	Encoding   Encoding
}

// Total adds up the lines of a journal or of an account.
type Total struct {
	Code, Label   string
	Lines         int
	Debit, Credit Cents
}

// MonthTotal adds up the lines of a journal in a month, YYYY-MM; empty for those without a date that can be one.
type MonthTotal struct {
	Journal, Month string
	Lines          int
	Debit, Credit  Cents
}

// EntryTotal adds up the lines of an entry; Line is its first one.
type EntryTotal struct {
	Journal string
	// Number, or else Reference, is what tells it apart.
	Number, Reference string
	// Date is its first one, YYYY-MM-DD.
	Date string
	Line int
	// Debit and Credit are in euro, or in Currency.
	Debit, Credit Cents
	Currency      string
	// Exact is false when a line may be missing, or its lines cannot be added up.
	Exact bool
}

// HasErrors reports whether a finding should stop an import.
func (r Report) HasErrors() bool { return check.HasErrors(r.Findings) }

// ObjectedBy reports whether a finding of whatever severity has one of the grounds: the law, for example, may forbid
// what can be imported well.
func (r Report) ObjectedBy(g check.Ground) bool {
	return slices.ContainsFunc(r.Findings, func(f check.Finding) bool { return f.Grounds.Has(g) })
}
