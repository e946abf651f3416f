package tra

import (
	"io"

	"cegid.internal/gateway/cegidclient/internal/books"
)

// Line is what the reader hands out.
type Line struct {
	// Number counts from 1, the header. A line without anything on it is left out.
	Number int
	// Valid tells that no finding of severity error is on the line itself.
	Valid bool
	// Record is a *[Header], *[Journal], *[Account], *[ThirdParty], *[Section], *[FiscalYear], *[Establishment],
	// *[BankAccount], *[Parameter] or *[Movement]; nil for a line that cannot be taken apart.
	Record any
}

// Reader hands out the lines of a TRA one by one, by its method Read: the next line, [io.EOF] after the last one, or the
// error of the reader below. A file that cannot be read ends at once; [Reader.Report] tells why.
type Reader struct {
	*books.Reader[Line]
	v *Validator
}

// NewReader makes a reader of one file, with a buffer of its own.
func NewReader(from io.Reader, o Options) *Reader {
	v := NewValidator(o)
	r := &Reader{books.NewReader[Line](from, v), v}
	v.emit = r.Take
	return r
}

// Report is the validator's. It covers what was read so far, and is complete once Read has given [io.EOF].
func (r *Reader) Report() Report { return r.v.makeReport() }

// handOut gives a record to the reader, if there is one; before is the number of errors before the line.
func (v *Validator) handOut(record any, before int) {
	if v.emit != nil {
		v.emit(Line{Number: v.line, Valid: v.found.Errors == before && record != nil, Record: record})
	}
}
