package tra

import (
	"bytes"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// maxUnbalanced is the number of entries that a report names.
const maxUnbalanced = 100

// Cents is an amount in hundredths of a euro. Its String writes two decimals after a point: 1234.50, -0.05.
type Cents = textfile.Cents

// Encoding is how a file writes its characters.
type Encoding string

// The encodings.
const (
	ASCII       Encoding = "ASCII"
	Windows1252 Encoding = "windows-1252"
	UTF8        Encoding = "UTF-8"
	// Mixed files are partly in UTF-8 and partly not.
	Mixed Encoding = "mixed"
)

// Report is what is known of a file once it was read.
type Report struct {
	// Findings are in the order of the file, those on the whole file last.
	Findings []Finding
	Header   Header
	// Movements are all lines but parameters, whether they could be read or not, and Kinds how many there are of each kind
	// that could. Parameters are counted by their three letters.
	Movements         int
	Kinds, Parameters []Count
	// Lines are those of the ledger: of kinds blank, X and H. Entries are those with a key of their own: journal, day, type
	// of document, and number or else reference. One that is taken up again after it balanced counts again.
	Lines, Entries int
	// Debit and Credit add up the amounts in euro that could be read. Foreign are the lines that have none, but one in a
	// currency: they are in no total.
	Debit, Credit Cents
	Foreign       int
	// Partial tells that lines or amounts could not be read: totals are too small, the file's balance is not judged.
	Partial bool
	// FirstDate and LastDate are the earliest and latest accounting date.
	FirstDate, LastDate Day
	// Journals, Accounts and Axes are the totals by code, in its order; labels are those of JAL and CGN.
	Journals, Accounts, Axes []Total
	// References are the first hundred internal references of lines of the ledger (REFINTERNE), each once.
	References []string
	// Unbalanced are the first hundred entries that do not balance, in the order of the file.
	Unbalanced []EntryTotal
	Encoding   Encoding
}

// Total adds up the lines of a journal, of an account, or of an axis.
type Total struct {
	Code, Label   string
	Lines         int
	Debit, Credit Cents
}

// Count is how many lines there are of a kind.
type Count struct {
	Name  string
	Lines int
}

// EntryTotal adds up the lines of an entry; Line is its first one.
type EntryTotal struct {
	Journal string
	Date    Day
	// Number, or else Reference, is what tells it apart.
	Number, Reference string
	Line              int
	// Debit and Credit are in euro, or in Currency.
	Debit, Credit Cents
	Currency      string
	// Exact is false when a line may be missing, or its lines cannot be added up.
	Exact bool
}

// HasErrors reports whether a finding should stop an import.
func (r Report) HasErrors() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == check.Error })
}

// ObjectedBy reports whether a finding of whatever severity has one of the grounds.
func (r Report) ObjectedBy(g Ground) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Grounds.Has(g) })
}

// finish judges what can be judged at the end only.
func (v *Validator) finish() {
	v.settle()
	v.leave()
	for _, e := range v.open.Unbalanced() {
		journal, _, _ := names([]byte(e.Key))
		v.report(entryUnbalanced, noField, e.Line, func() []textfile.Arg {
			return args(v.entryArg([]byte(e.Key)), quoted("journal", journal),
				textfile.Money("debit", e.Debit), textfile.Money("credit", e.Credit), textfile.Money("difference", e.Difference()))
		})
		total := v.entryTotal([]byte(e.Key), e.Entry)
		if len(v.entryTotals) < maxUnbalanced {
			v.entryTotals = append(v.entryTotals, total)
		}
		if v.options.Entries != nil {
			v.options.Entries(total)
		}
	}
	if !v.started || v.movements == 0 && (v.header.Content == "JRL" || v.header.Content == "BAL") {
		v.report(noLines, noField, 0, nil)
	}
	switch t := &v.total; {
	case v.overflow:
		v.report(totalTooLarge, noField, 0, nil)
	case t.Debit != t.Credit && !v.partial && v.foreign == 0:
		v.report(fileUnbalanced, noField, 0, func() []textfile.Arg {
			return args(textfile.Money("debit", t.Debit), textfile.Money("credit", t.Credit), textfile.Money("difference", t.Difference()))
		})
	}
	if v.openYears > 2 {
		v.report(yearsOpen, fYearState, 0, func() []textfile.Arg { return args(textfile.Number("count", v.openYears)) })
	}
	if p := &v.utf8Lines; p.count > 0 && v.otherLines.count == 0 {
		v.atPlace(encodingUTF8, p)
	} else if p.count > 0 || v.mark && v.otherLines.count > 0 {
		if p.count == 0 || v.otherLines.count < p.count {
			p = &v.otherLines
		}
		v.atPlace(encodingMixed, p)
	}
}

// atPlace reports how characters are written, once and for the rarer lines.
func (v *Validator) atPlace(c code, p *place) {
	r := &rules[c]
	v.sums.First(int(c), noField.index, p.line, 0, textfile.Text{English: r.Message, French: r.French}, quoted("value", p.text)).Count = p.count
}

func (v *Validator) encoding() Encoding {
	switch {
	case v.otherLines.count > 0 && (v.utf8Lines.count > 0 || v.mark):
		return Mixed
	case v.utf8Lines.count > 0 || v.mark:
		return UTF8
	case v.otherLines.count > 0:
		return Windows1252
	default:
		return ASCII
	}
}

func (v *Validator) makeReport() Report {
	r := Report{Findings: v.list()}
	if v.refused || !v.started {
		return r
	}
	r.Header, r.Movements, r.Lines, r.Entries = v.header, v.movements, v.lines, v.entries
	r.Debit, r.Credit, r.Foreign, r.Partial = v.total.Debit, v.total.Credit, v.foreign, v.partial
	r.FirstDate, r.LastDate = Day(v.firstDate.String()), Day(v.lastDate.String())
	r.References = v.references.List(decode)
	r.Unbalanced, r.Encoding = slices.Clone(v.entryTotals), v.encoding()
	for kind, n := range v.kinds {
		if n > 0 {
			r.Kinds = append(r.Kinds, Count{strings.TrimSpace(string(rune(kind))), n})
		}
	}
	for name, n := range v.records {
		r.Parameters = append(r.Parameters, Count{decode(bytes.TrimRight(name[:], "\x00")), n})
	}
	slices.SortFunc(r.Parameters, func(a, b Count) int { return strings.Compare(a.Name, b.Name) })
	for _, j := range v.journals.Rows {
		r.Journals = j.into(r.Journals, j.label)
	}
	for _, a := range v.accounts.Rows {
		r.Accounts = a.into(r.Accounts, a.label)
	}
	for _, totals := range [...][]Total{r.Journals, r.Accounts} {
		slices.SortFunc(totals, func(a, b Total) int { return strings.Compare(a.Code, b.Code) })
	}
	for i := range v.axes {
		r.Axes = v.axes[i].into(r.Axes, "")
	}
	return r
}

// into adds a total to those of a report, if it has lines.
func (s *sum) into(totals []Total, label string) []Total {
	if s.lines == 0 {
		return totals
	}
	return append(totals, Total{Code: decode([]byte(s.code)), Label: label, Lines: s.lines, Debit: s.Debit, Credit: s.Credit})
}
