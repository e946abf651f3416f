package fec

import (
	"io"
	"strings"
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

// Reader hands out the lines of a FEC one by one.
type Reader struct {
	from   io.Reader
	v      *Validator
	buffer []byte
	queue  []Line // read and not yet handed out
	next   int
	err    error
}

const readSize = 32 << 10

// NewReader makes a reader of one file, with a buffer of its own.
func NewReader(from io.Reader, o Options) *Reader {
	r := &Reader{from: from, v: NewValidator(o), buffer: make([]byte, readSize)}
	r.v.emit = r.take
	return r
}

// Read gives the next line, [io.EOF] after the last one, or the error of the reader below. A file that cannot be read
// ends at once; [Reader.Report] tells why.
func (r *Reader) Read() (Line, error) {
	for r.next == len(r.queue) {
		if r.err != nil {
			return Line{}, r.err
		}
		r.queue, r.next = r.queue[:0], 0
		n, err := r.from.Read(r.buffer)
		_, _ = r.v.Write(r.buffer[:n]) // fails only once it is closed, which comes last
		if r.v.refused && err == nil {
			err = io.EOF
		}
		if err != nil {
			if err == io.EOF {
				r.v.Close()
			}
			r.err = err
		}
	}
	r.next++
	return r.queue[r.next-1], nil
}

// Report is the validator's. It covers what was read so far, and is complete once Read has given [io.EOF].
func (r *Reader) Report() Report { return r.v.makeReport() }

func (r *Reader) take(c cells, m movement, apart bool) {
	l := Line{Number: r.v.line}
	if apart {
		l.Valid = m.valid
		l.Debit, l.Credit = m.debit, m.credit
		l.EcritureDate, l.PieceDate, l.ValidDate = m.date.String(), m.document.String(), m.validated.String()
		l.DateLet, l.DateRglt = m.lettering.String(), m.settled.String()
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
	}
	r.queue = append(r.queue, l)
}
