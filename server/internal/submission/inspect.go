package submission

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/cegidclient/tra"
	"cegid.internal/gateway/server/internal/filereport"
	"cegid.internal/gateway/server/internal/ledger"
)

// inspector checks a file that is written to it, of any size, in constant memory.
type inspector interface {
	io.Writer
	// Failed tells whether an error was found so far, Refused whether nothing that is still to come matters.
	Failed() bool
	Refused() bool
	// report ends the file. Reports tells then whether a place is one of a finding.
	report() (ledger.Totals, ledger.FileReport)
	Reports(filecheck.Place) bool
}

// inspectors are those of each format, which hand the lines of its entries to gather, and to whole what the report has no room
// for, unless these are nil. Of a custom file none is known.
var inspectors = map[Format]func(about FileAbout, model filecheck.LoopModel, gather *identity.File, whole *filereport.Whole) inspector{
	FormatFEC: func(about FileAbout, model filecheck.LoopModel, gather *identity.File, whole *filereport.Whole) inspector {
		o := fec.Options{Name: about.FileName, NumbersPerLine: about.NumbersPerLine, Model: model}
		if gather != nil {
			o.Bookings = gather.FEC
		}
		if whole != nil {
			o.Place, o.Unbalanced = whole.Place, whole.Unbalanced
		}
		return fecInspector{fec.NewValidator(o)}
	},
	FormatCustom: func(_ FileAbout, _ filecheck.LoopModel, _ *identity.File, whole *filereport.Whole) inspector {
		return &textInspector{line: 1, whole: whole}
	},
	FormatTRA: func(_ FileAbout, model filecheck.LoopModel, gather *identity.File, whole *filereport.Whole) inspector {
		o := tra.Options{Model: model}
		if gather != nil {
			o.Bookings = gather.TRA
		}
		if whole != nil {
			o.Place, o.Unbalanced = whole.Place, whole.Unbalanced
		}
		return traInspector{tra.NewValidator(o)}
	},
}

// booksEntries says whether the entries of a file can be told apart here.
func booksEntries(format Format) bool { return format == FormatFEC || format == FormatTRA }

type fecInspector struct{ *fec.Validator }

func (i fecInspector) report() (ledger.Totals, ledger.FileReport) {
	r := i.Close()
	totals, out := fileReport(&r.Report)
	if r.Separator != 0 {
		out.Separator = string(rune(r.Separator))
	}
	return totals, out
}

type traInspector struct{ *tra.Validator }

func (i traInspector) report() (ledger.Totals, ledger.FileReport) {
	r := i.Close()
	return fileReport(&r.Report)
}

// fileReport is what formats have in common.
func fileReport(r *filecheck.Report) (ledger.Totals, ledger.FileReport) {
	totals := ledger.Totals{
		Entries: r.Entries, Lines: r.Lines, Debit: r.Debit.String(), Credit: r.Credit.String(), FirstDate: r.FirstDate, LastDate: r.LastDate,
	}
	out := ledger.FileReport{
		Findings: r.Findings, Partial: r.Partial, References: printable(r.References), Encoding: EncodingName(string(r.Encoding)),
		Months: r.Months, Accounts: r.Accounts, Unbalanced: r.Unbalanced,
	}
	for _, j := range r.Journals {
		out.Journals = append(out.Journals, ledger.JournalTotals{
			Code: j.Code, Label: j.Label, Lines: j.Lines, Debit: j.Debit.String(),
			Credit: j.Credit.String(),
		})
	}
	return totals, out
}

// printable leaves out what nobody can have typed, and not every database takes.
func printable(references []string) []string {
	return slices.DeleteFunc(references, func(reference string) bool { return strings.ContainsFunc(reference, unicode.IsControl) })
}

// EncodingName is an encoding as the ledger keeps it.
func EncodingName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// textInspector sees to it that a file is a text: all that can be said of one whose columns a model in Loop explains.
type textInspector struct {
	head         []byte
	line, column int
	found        []check.Finding
	whole        *filereport.Whole
}

// sniffed is how many bytes http.DetectContentType looks at.
const sniffed = 512

// Write implements io.Writer.
func (i *textInspector) Write(p []byte) (int, error) {
	i.head = append(i.head, p[:min(len(p), sniffed-len(i.head))]...)
	for rest := p; !i.Refused(); {
		nul, end := bytes.IndexByte(rest, 0), bytes.IndexByte(rest, '\n')
		switch {
		case nul >= 0 && (end < 0 || nul < end):
			i.refuse(i.line, i.column+nul+1, "it holds a NUL on this line", "il comporte un caractère NUL sur cette ligne")
		case end >= 0:
			i.line, i.column, rest = i.line+1, 0, rest[end+1:]
			continue
		}
		i.column += len(rest)
		break
	}
	if len(i.head) == sniffed {
		i.sniff()
	}
	return len(p), nil
}

func (i *textInspector) sniff() {
	if kind := http.DetectContentType(i.head); !i.Refused() && kind != "text/plain; charset=utf-8" { // which it says of ISO 8859-15, too
		i.refuse(0, 0, "it begins as "+kind+" does", "il commence comme un fichier "+kind)
	}
}

func (i *textInspector) refuse(line, column int, why, pourquoi string) {
	finding := check.Finding{
		Code: "NOT_TEXT", Severity: check.Error, Line: line, Column: column, Count: 1,
		Message: fmt.Sprintf("The file is not a text: %s. Send the text file itself, neither compressed nor as a spreadsheet.", why),
		French: fmt.Sprintf("Le fichier n'est pas un texte : %s. Envoyez le fichier texte lui-même, ni compressé ni sous forme de classeur.",
			pourquoi),
	}
	if line > 0 {
		finding.Lines = []int{line}
	}
	i.found = append(i.found, finding)
	if i.whole != nil {
		i.whole.Place(filecheck.Place{Code: finding.Code, Line: line, Column: column})
	}
}

// Failed and Refused implement inspector.
func (i *textInspector) Failed() bool  { return len(i.found) > 0 }
func (i *textInspector) Refused() bool { return len(i.found) > 0 }

// Reports implements inspector.
func (i *textInspector) Reports(filecheck.Place) bool { return true }

func (i *textInspector) report() (ledger.Totals, ledger.FileReport) {
	switch {
	case len(i.head) == 0:
		i.found = append(i.found, check.Finding{
			Code: "FILE_EMPTY", Severity: check.Error, Count: 1,
			Message: "The file is empty. Send one with entries.", French: "Le fichier est vide. Envoyez-en un qui comporte des écritures.",
		})
	case len(i.head) < sniffed:
		i.sniff()
	}
	return ledger.Totals{}, ledger.FileReport{Findings: i.found}
}
