package service

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
	"cegid.internal/gateway/cegidclient/tra"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
)

// inspector checks a file that is written to it, of any size, in constant memory.
type inspector interface {
	io.Writer
	// Failed tells whether an error was found so far, Refused whether nothing that is still to come matters.
	Failed() bool
	Refused() bool
	// report ends the file.
	report() (ledger.Totals, ledger.FileReport)
}

// inspectors are those of each format, by the names that the ledger keeps.
var inspectors = map[looppb.ImportFormat]func(fileName string) inspector{
	looppb.ImportFormat_IMPORT_FORMAT_FEC: func(fileName string) inspector {
		return fecInspector{fec.NewValidator(fec.Options{Name: fileName})}
	},
	looppb.ImportFormat_IMPORT_FORMAT_CUSTOM: func(string) inspector { return &textInspector{line: 1} },
	looppb.ImportFormat_IMPORT_FORMAT_TRA:    func(string) inspector { return traInspector{tra.NewValidator(tra.Options{})} },
}

type fecInspector struct{ *fec.Validator }

func (i fecInspector) report() (ledger.Totals, ledger.FileReport) {
	r := i.Close()
	totals := ledger.Totals{
		Entries: r.Entries, Lines: r.Lines, Debit: r.Debit.String(), Credit: r.Credit.String(), FirstDate: r.FirstDate, LastDate: r.LastDate,
	}
	out := ledger.FileReport{Partial: r.Partial, References: printable(r.References), Encoding: encodingName(string(r.Encoding))}
	if r.Separator != 0 {
		out.Separator = string(rune(r.Separator))
	}
	for _, j := range r.Journals {
		out.Journals = append(out.Journals, ledger.JournalTotals{Code: j.Code, Label: j.Label, Lines: j.Lines, Debit: j.Debit.String(), Credit: j.Credit.String()})
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, fileFinding(f.Finding, f.Grounds, f.Line, f.Column, f.Count, f.Lines))
	}
	return totals, out
}

type traInspector struct{ *tra.Validator }

func (i traInspector) report() (ledger.Totals, ledger.FileReport) {
	r := i.Close()
	totals := ledger.Totals{
		Entries: r.Entries, Lines: r.Lines, Debit: r.Debit.String(), Credit: r.Credit.String(), FirstDate: string(r.FirstDate), LastDate: string(r.LastDate),
	}
	out := ledger.FileReport{Partial: r.Partial, References: printable(r.References), Encoding: encodingName(string(r.Encoding))}
	for _, j := range r.Journals {
		out.Journals = append(out.Journals, ledger.JournalTotals{Code: j.Code, Label: j.Label, Lines: j.Lines, Debit: j.Debit.String(), Credit: j.Credit.String()})
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, fileFinding(f.Finding, f.Grounds, f.Line, f.Column, f.Count, f.Lines))
	}
	return totals, out
}

func fileFinding(f check.Finding, grounds fmt.Stringer, line, column, count int, lines []int) ledger.Finding {
	out := ledgerFindings([]check.Finding{f})[0]
	out.Line, out.Column, out.Count, out.Lines = line, column, count, lines
	for name := range strings.SplitSeq(grounds.String(), ", ") {
		name = strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
		if _, known := looppb.FindingGround_value[groundPrefix+name]; known { // what is merely odd has none
			out.Grounds = append(out.Grounds, name)
		}
	}
	return out
}

const groundPrefix = "FINDING_GROUND_"

// printable leaves out what nobody can have typed, and not every database takes.
func printable(references []string) []string {
	return slices.DeleteFunc(references, func(reference string) bool { return strings.ContainsFunc(reference, unicode.IsControl) })
}

// encodingName is the contract's, without its prefix.
func encodingName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// textInspector sees to it that a file is a text: all that can be said of one whose columns a model in Loop explains.
type textInspector struct {
	head         []byte
	line, column int
	found        []ledger.Finding
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
	finding := ledger.Finding{
		Code: "NOT_TEXT", Severity: check.Error.String(), Line: line, Column: column, Count: 1,
		Message:   fmt.Sprintf("The file is not a text: %s. Send the text file itself, neither compressed nor as a spreadsheet.", why),
		MessageFR: fmt.Sprintf("Le fichier n'est pas un texte : %s. Envoyez le fichier texte lui-même, ni compressé ni sous forme de classeur.", pourquoi),
	}
	if line > 0 {
		finding.Lines = []int{line}
	}
	i.found = append(i.found, finding)
}

// Failed and Refused implement inspector.
func (i *textInspector) Failed() bool  { return len(i.found) > 0 }
func (i *textInspector) Refused() bool { return len(i.found) > 0 }

func (i *textInspector) report() (ledger.Totals, ledger.FileReport) {
	switch {
	case len(i.head) == 0:
		i.found = append(i.found, ledger.Finding{
			Code: "FILE_EMPTY", Severity: check.Error.String(), Count: 1,
			Message: "The file is empty. Send one with entries.", MessageFR: "Le fichier est vide. Envoyez-en un qui comporte des écritures.",
		})
	case len(i.head) < sniffed:
		i.sniff()
	}
	return ledger.Totals{}, ledger.FileReport{Findings: i.found}
}
