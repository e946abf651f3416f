package tra

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/books"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

const maxUnbalanced = books.MaxUnbalanced

// Report is what is known of a file once it was read.
type Report struct {
	// Lines are those of the ledger: of kinds blank, X and H. Entries are those with a key of their own: journal, day, type
	// of document, and number or else reference. One that is taken up again after it balanced counts again. Labels are those
	// of JAL and CGN, references those of lines of the ledger (REFINTERNE).
	filecheck.Report
	Header Header
	// Movements are all lines but parameters, whether they could be read or not, and Kinds how many there are of each kind
	// that could. Parameters are counted by their three letters.
	Movements         int
	Kinds, Parameters []Count
	// Foreign are the lines that have no amount in euro, but one in a currency: they are in no total.
	Foreign int
	// Axes are the totals by axis.
	Axes []Total
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
	Windows1252 = filecheck.Windows1252
	CP850       = filecheck.CP850
	UTF8        = filecheck.UTF8
	Mixed       = filecheck.Mixed
)

// Count is how many lines there are of a kind.
type Count struct {
	Name  string
	Lines int
}

// Verdicts are what an import into Loop makes of the file; neither the law nor the tax administration knows the format.
func (r Report) Verdicts() []filecheck.Verdict { return filecheck.Verdicts(r.Findings, false) }

// finish judges what can be judged at the end only.
func (v *Validator) finish() {
	v.compareBreakdown()
	v.leave()
	b := &v.books
	for _, e := range b.Open.Unbalanced() {
		journal, _, _ := names([]byte(e.Key))
		v.report(entryUnbalanced, noField, e.Line, func() []textfile.Arg {
			return args(v.entryArg([]byte(e.Key)), quoted("journal", journal),
				textfile.Money("debit", e.Debit), textfile.Money("credit", e.Credit), textfile.Money("difference", e.Difference()))
		})
		total := v.entryTotal([]byte(e.Key), e.Entry)
		b.Unbalance(total)
		if v.options.Entries != nil {
			v.options.Entries(total)
		}
		if v.options.Unbalanced != nil {
			v.options.Unbalanced(total)
		}
	}
	if !v.started || v.movements == 0 && (v.header.Content == "JRL" || v.header.Content == "BAL") {
		v.report(noLines, noField, 0, nil)
	}
	switch {
	case b.Overflowing:
		v.report(totalTooLarge, noField, 0, nil)
	case b.Debit != b.Credit && !b.Partial && v.foreign == 0:
		v.report(fileUnbalanced, noField, 0, func() []textfile.Arg {
			return args(textfile.Money("debit", b.Debit), textfile.Money("credit", b.Credit), textfile.Money("difference", b.Difference()))
		})
	}
	v.endPiece()
	b.Eight = Windows1252
	if 2*v.dos.Count > v.oddLines {
		b.Eight = CP850
		v.atPlace(encodingCP850, &v.dos)
	}
	utf8, mixed := b.Judge()
	v.atPlace(encodingUTF8, utf8)
	v.atPlace(encodingMixed, mixed)
}

// atPlace reports how characters are written, once and for the rarer lines.
func (v *Validator) atPlace(c code, p *books.Place) {
	if p == nil {
		return
	}
	v.report(c, noField, p.Line, func() []textfile.Arg { return args(quoted("value", p.Text)) })
	v.found.Recount(int(c), noField.index, p.Count)
}

func (v *Validator) makeReport() Report {
	r := Report{Report: filecheck.Report{Findings: v.found.List()}}
	if v.refused || !v.started {
		return r
	}
	found := r.Findings
	r.Report = v.books.Report(decode, func(yield func(*books.Sum, string) bool) {
		for j := range maps.Values(v.journals.Rows) {
			if !yield(&j.Sum, j.label) {
				return
			}
		}
	}, func(yield func(*books.Sum, string) bool) {
		for a := range maps.Values(v.accounts.Rows) {
			if !yield(&a.Sum, a.label) {
				return
			}
		}
	})
	r.Findings = found
	r.Header, r.Movements, r.Foreign = v.header, v.movements, v.foreign
	for kind, n := range v.kinds {
		if n > 0 {
			r.Kinds = append(r.Kinds, Count{strings.TrimSpace(string(rune(kind))), n})
		}
	}
	for name, n := range v.records {
		r.Parameters = append(r.Parameters, Count{decode(bytes.TrimRight(name[:], "\x00")), n})
	}
	slices.SortFunc(r.Parameters, func(a, b Count) int { return strings.Compare(a.Name, b.Name) })
	for i := range v.axes {
		if a := &v.axes[i]; a.Lines > 0 {
			r.Axes = append(r.Axes, a.Total(decode, ""))
		}
	}
	return r
}
