package fec

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// maxUnbalanced is the number of entries that a report names.
const maxUnbalanced = 100

// Report is what is known of a file once it was read.
type Report struct {
	// Findings are in the order of the file, those on the whole file last.
	Findings []Finding
	// Lines are the movements, whether they could be read or not. Entries are those with a journal and a number of their
	// own; those that are taken up again later in the file count once where their numbers end in digits.
	Lines, Entries int
	// Debit and Credit add up the amounts that could be read.
	Debit, Credit Cents
	// Partial tells that lines or amounts could not be read: totals are too small, the file's balance is not judged.
	Partial bool
	// FirstDate and LastDate are the earliest and latest date of an entry, YYYY-MM-DD, or empty.
	FirstDate, LastDate string
	// Journals and Accounts are the totals by code, in its order.
	Journals, Accounts []Total
	// References are the first hundred document references (PieceRef), each once. One of more than 255 bytes is left out.
	References []string
	// Unbalanced are the first hundred entries that do not balance, in the order of the file.
	Unbalanced []EntryTotal
	// Separator is a tab or |, or 0 where none was found. Signed files have Montant and Sens instead of Debit and Credit;
	// CashBasis files have the columns of payments.
	Separator         byte
	Encoding          Encoding
	Signed, CashBasis bool
}

// Cents is an amount in hundredths of a euro. Its String writes two decimals after a point: 1234.50, -0.05.
type Cents = textfile.Cents

// Total adds up the lines of a journal or of an account.
type Total struct {
	Code, Label   string
	Lines         int
	Debit, Credit Cents
}

// EntryTotal adds up the lines of an entry; Line is its first one.
type EntryTotal struct {
	Journal, Number string
	Line            int
	Debit, Credit   Cents
}

// HasErrors reports whether a finding should stop an import.
func (r Report) HasErrors() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == check.Error })
}

// ObjectedBy reports whether a finding of whatever severity has one of the grounds: the law, for example, may forbid
// what can be imported well.
func (r Report) ObjectedBy(g Ground) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Grounds.Has(g) })
}

// finish judges what can be judged at the end only.
func (v *Validator) finish() {
	v.tooShort()
	v.leave()
	v.entryTotals = v.unbalanced(maxUnbalanced)
	v.sequenceGaps()
	if v.lines == 0 {
		v.again(noLines, noField, 0)
		v.first(noLines, noField, 0, 0)
	}
	switch {
	case v.overflow:
		v.again(totalTooLarge, noField, 0)
		v.first(totalTooLarge, noField, 0, 0)
	case v.total.Debit != v.total.Credit && !v.partial && (v.signed || v.column[Debit] >= 0 && v.column[Credit] >= 0):
		v.again(fileUnbalanced, noField, 0)
		v.first(fileUnbalanced, noField, 0, 0, money("debit", v.total.Debit), money("credit", v.total.Credit), money("difference", v.total.Difference()))
	}
	if v.firstDate != 0 && v.lastDate.Days()-v.firstDate.Days() > 366 {
		v.again(datesFarApart, EcritureDate, 0)
		v.first(datesFarApart, EcritureDate, 0, int(v.column[EcritureDate])+1, v.firstDate.Arg("start"), v.lastDate.Arg("end"))
	}

	if p := &v.utf8Cells; p.count > 0 && v.otherCells.count == 0 {
		v.atPlace(encodingUTF8, p)
	} else if p.count > 0 || v.mark && v.otherCells.count > 0 {
		if p.count == 0 || v.otherCells.count < p.count {
			p = &v.otherCells
		}
		v.atPlace(encodingMixed, p)
	}
}

// atPlace reports how characters are written, once and for the rarer cells.
func (v *Validator) atPlace(c code, p *place) {
	v.again(c, noField, p.line)
	v.first(c, noField, p.line, p.column+1, quoted("value", p.text)).Count = p.count
}

func (v *Validator) encoding() Encoding {
	switch {
	case v.utf8Cells.count > 0 && v.otherCells.count > 0, v.mark && v.otherCells.count > 0:
		return Mixed
	case v.utf8Cells.count > 0 || v.mark:
		return UTF8
	case v.cp1252:
		return Windows1252
	case v.otherCells.count > 0:
		return ISO885915
	default:
		return ASCII
	}
}

func (v *Validator) makeReport() Report {
	r := Report{Findings: v.list()}
	if v.refused || !v.started {
		return r
	}
	r.Lines, r.Entries = v.lines, v.entries
	r.Debit, r.Credit, r.Partial = v.total.Debit, v.total.Credit, v.partial
	r.FirstDate, r.LastDate = v.firstDate.String(), v.lastDate.String()
	r.References = v.references.List(decode)
	r.Unbalanced = slices.Clone(v.entryTotals)
	r.Separator, r.Encoding = v.separator, v.encoding()
	r.Signed, r.CashBasis = v.signed, v.column[DateRglt] >= 0
	for _, j := range v.journals.Rows {
		r.Journals = append(r.Journals, j.with(j.label))
	}
	for _, a := range v.accounts.Rows {
		r.Accounts = append(r.Accounts, a.with(a.label))
	}
	for _, totals := range [...][]Total{r.Journals, r.Accounts} {
		slices.SortFunc(totals, func(a, b Total) int { return strings.Compare(a.Code, b.Code) })
	}
	return r
}

// with completes a total for the report.
func (s *sum) with(label []byte) Total {
	return Total{Code: decode([]byte(s.code)), Label: decode(label), Lines: s.lines, Debit: s.Debit, Credit: s.Credit}
}

// name reads what the file's name says.
func (v *Validator) name() {
	name := v.options.Name
	if name == "" {
		return
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	base := strings.ToUpper(name)
	// SIREN, FEC, closing day, .TXT
	if len(base) == 24 && strings.Trim(base[:9], "0123456789") == "" && base[9:12] == "FEC" && base[20:] == ".TXT" {
		if d, how := parseDate([]byte(base[12:20])); how == dateGood {
			v.closing = d
			if !luhn(base[:9]) {
				v.again(sirenInvalid, noField, 0)
				v.first(sirenInvalid, noField, 0, 0, plain("value", base[:9]))
			}
			return
		}
	}
	v.again(nameInvalid, noField, 0)
	v.first(nameInvalid, noField, 0, 0, quoted("value", []byte(name)))
}

// luhn checks the key of a SIREN.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
