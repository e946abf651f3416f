package fec

import (
	"maps"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/books"
)

const maxUnbalanced = books.MaxUnbalanced

// Report is what is known of a file once it was read.
type Report struct {
	// Entries are those with a journal and a number of their own; those that are taken up again later in the file count
	// once where their numbers end in digits.
	filecheck.Report
	// Separator is a tab or |, or 0 where none was found. Signed files have Montant and Sens instead of Debit and Credit;
	// CashBasis files have the columns of payments. LineNumbers tells that each line has a number of its own.
	Separator                      byte
	Signed, CashBasis, LineNumbers bool
}

// Parts of a report; see package filecheck.
type (
	Cents      = filecheck.Cents
	Total      = filecheck.Total
	EntryTotal = filecheck.EntryTotal
	Encoding   = filecheck.Encoding
)

// The encodings.
const (
	ASCII       = filecheck.ASCII
	ISO885915   = filecheck.ISO885915
	UTF8        = filecheck.UTF8
	Windows1252 = filecheck.Windows1252
	CP850       = filecheck.CP850
	Mixed       = filecheck.Mixed
)

// Verdicts are what the law, the tax administration's checker and an import into Loop make of the file.
func (r Report) Verdicts() []filecheck.Verdict { return filecheck.Verdicts(r.Findings, true) }

// finish judges what can be judged at the end only.
func (v *Validator) finish() {
	b := &v.books
	v.tooShort()
	v.leave()
	v.lineEnds()
	v.numberedLines()
	v.unbalanced()
	v.sequenceGaps()
	if b.Lines == 0 {
		v.state(noLines, noField, 0, 0)
	}
	switch {
	case b.Overflowing:
		v.state(totalTooLarge, noField, 0, 0)
	case b.Debit != b.Credit && !b.Partial && (v.signed || v.column[Debit] >= 0 && v.column[Credit] >= 0):
		v.state(fileUnbalanced, noField, 0, 0, money("debit", b.Debit), money("credit", b.Credit), money("difference", b.Difference()))
	}
	v.endPart()
	if b.First != 0 && !v.has(datesFarApart) && v.closing != 0 && v.closing.Days()-b.Last.Days() > 366 {
		v.state(datesOutsideYear, EcritureDate, 0, int(v.column[EcritureDate])+1, b.First.Arg("start"), b.Last.Arg("end"),
			v.closing.Arg("closing"))
	}
	if v.has(nameYear) && v.has(entryDateImplausible) && v.closing != 0 && b.Last < 2000_01_01 { // one cause
		v.state(yearTooOld, noField, 0, 0, v.closing.Arg("closing"))
	}
	v.finishEncoding()
}

// lineEnds judges how lines end. That of the last one does not matter.
func (v *Validator) lineEnds() {
	if v.firstly == doubled {
		v.state(lineEndingsDoubled, noField, 1, 0)
	}
}

func (v *Validator) makeReport() Report {
	r := Report{Report: filecheck.Report{Findings: v.found.List()}}
	if v.refused || !v.started {
		return r
	}
	found := r.Findings
	v.sumDays()
	r.Report = v.books.Report(decode, func(yield func(*books.Sum, string) bool) {
		for j := range maps.Values(v.journals.Rows) {
			if !yield(&j.Sum, decode(j.label)) {
				return
			}
		}
	}, func(yield func(*books.Sum, string) bool) {
		for a := range maps.Values(v.accounts.Rows) {
			if !yield(&a.Sum, decode(a.label)) {
				return
			}
		}
	})
	r.Findings = found
	r.Separator = v.separator
	r.Signed, r.CashBasis, r.LineNumbers = v.signed, v.column[DateRglt] >= 0, v.has(entryNumbersPerLine) || v.has(linesNumbered)
	return r
}
