package fec

import (
	"io"
	"strings"

	"cegid.internal/gateway/cegidclient/internal/books"
)

// Line is a movement of the file. Texts are in UTF-8, without blanks around them.
type Line struct {
	// Number counts from 1, the line of field names.
	Number int
	// Valid tells that no finding of severity error is on the line. Of a line that cannot be taken apart, nothing but
	// its number is known.
	Valid bool

	JournalCode, JournalLib string
	EcritureNum             string
	// EcritureDate and the other dates are YYYY-MM-DD, or empty where there is none or none that can be read.
	EcritureDate string
	CompteNum    string
	CompteLib    string
	CompAuxNum   string
	CompAuxLib   string
	PieceRef     string
	PieceDate    string
	EcritureLib  string
	// Debit and Credit are also filled from Montant and Sens. They are zero where they cannot be read.
	Debit, Credit        Cents
	EcritureLet, DateLet string
	ValidDate            string
	// Montantdevise is as written, with a decimal point instead of a comma.
	Montantdevise, Idevise              string
	DateRglt, ModeRglt, NatOp, IdClient string
}

// Reader hands out the lines of a FEC one by one, by its method Read: the next line, [io.EOF] after the last one, or the
// error of the reader below. A file that cannot be read ends at once; [Reader.Report] tells why.
type Reader struct {
	*books.Reader[Line]
	v *Validator
}

// NewReader makes a reader of one file, with a buffer of its own.
func NewReader(from io.Reader, o Options) *Reader {
	v := NewValidator(o)
	r := &Reader{books.NewReader[Line](from, v), v}
	v.emit = func(c cells, m movement, apart bool) { r.Take(v.handOut(c, m, apart)) }
	return r
}

// Report is the validator's. It covers what was read so far, and is complete once Read has given [io.EOF].
func (r *Reader) Report() Report { return r.v.makeReport() }

func (v *Validator) handOut(c cells, m movement, apart bool) Line {
	l := Line{Number: v.line}
	if !apart {
		return l
	}
	l.Valid = m.valid
	l.Debit, l.Credit = m.debit, m.credit
	l.EcritureDate, l.PieceDate, l.ValidDate = m.date.String(), m.document.String(), m.validated.String()
	l.DateLet, l.DateRglt = m.lettering.String(), m.settlement.String()
	for _, t := range [...]struct {
		to *string
		f  Field
	}{
		{&l.JournalCode, JournalCode},
		{&l.JournalLib, JournalLib},
		{&l.EcritureNum, EcritureNum},
		{&l.CompteNum, CompteNum},
		{&l.CompteLib, CompteLib},
		{&l.CompAuxNum, CompAuxNum},
		{&l.CompAuxLib, CompAuxLib},
		{&l.PieceRef, PieceRef},
		{&l.EcritureLib, EcritureLib},
		{&l.EcritureLet, EcritureLet},
		{&l.Montantdevise, Montantdevise},
		{&l.Idevise, Idevise},
		{&l.ModeRglt, ModeRglt},
		{&l.NatOp, NatOp},
		{&l.IdClient, IdClient},
	} {
		if len(c[t.f]) > 0 {
			*t.to = decode(c[t.f])
		}
	}
	l.Montantdevise = strings.Replace(l.Montantdevise, ",", ".", 1)
	return l
}
