package tra

import (
	"bytes"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// What the description knows (loop-api: A 9.4, 9.5).
var (
	documentTypes = strings.Fields("FC AC RC FF AF RF OD OC OF")
	invoiceTypes  = strings.Fields("FC AC FF AF")
	paymentModes  = strings.Fields("CB CHQ ESP LCR PRE TEP TIP TRI VIC VIR VIT")
	openings      = []string{"N", "OAN", "H"}
	letterStates  = []string{"RI", "AL", "PL", "TL"}
)

const (
	lastStandard = 222
	lastExtended = 1407
	noCurrency   = "EUR" // that of the books
)

// movement is what the fields of a line mean.
type movement struct {
	kind              byte // position 31
	journal, general  []byte
	auxiliary         []byte
	reference, number []byte
	date              textfile.Date
	misdated          bool  // the date is written another way
	debit, credit     Cents // in the unit
	unit              uint16
	known             bool // the amount could be read
	axis              int  // from 0, -1 for none
	entryType         byte
}

// movement reads a line that is not a parameter.
func (v *Validator) movement() {
	before := v.found.Errors
	t := &v.text
	m := movement{kind: t.char(fKind.at), axis: -1}
	switch n := t.len(); {
	case n < fGeneral.at, m.kind != 'G' && m.kind != 'V' && n < fAmounts[0].at:
		v.report(lineTooShort, noField, v.line, func() []textfile.Arg { return args(textfile.Number("count", n)) })
		v.unread()
		return
	case !slices.Contains([]byte(" XAHOGV"), m.kind):
		if !v.isShifted() {
			v.among(valueInvalid, fKind, t.cell(fKind), "X", "A", "H", "O", "G", "V")
		}
		v.unread()
		return
	}
	side := t.char(fSide.at)
	if m.kind != 'G' && m.kind != 'V' && side != 'D' && side != 'C' {
		_, how := parseDate(t.cell(fDate))
		shifted := v.isShifted()
		if !shifted && how != dateGood {
			v.state(lineUnknown, noField)
		}
		if shifted || how != dateGood {
			v.unread()
			return
		}
	}

	v.movements++
	v.kinds[m.kind]++
	m.journal, m.general, m.auxiliary = v.code(fJournal), v.code(fGeneral), v.code(fAuxiliary)
	m.reference = v.code(fReference)
	v.required(fJournal, m.journal)
	v.accountingDate(&m)
	if m.kind == 'G' || m.kind == 'V' {
		v.hand(&m, before)
		return
	}
	v.required(fGeneral, m.general)
	v.documentType()
	v.key(&m)
	v.label()
	v.due(&m)
	v.entryType(&m)
	v.amounts(&m, side)
	v.auxiliaryOf(&m)
	if n := t.len(); n > lastStandard {
		v.behindStandard(&m, n)
	} else if v.header.Format == "ETE" && (m.kind == ' ' || m.kind == 'X') {
		v.state(extensionAbsent, noField)
	}
	v.book(&m)
	v.hand(&m, before)
}

// hand gives a movement to the reader.
func (v *Validator) hand(m *movement, before int) {
	if v.emit == nil {
		return
	}
	out := new(Movement)
	of := layouts.movement
	if m.kind == 'G' || m.kind == 'V' {
		of = of[:slices.Index(of, fLabel)]
	}
	v.text.fill(of, out)
	switch {
	case m.kind == 'G':
		out.Path = v.text.value(fPath)
	case m.kind == 'V':
		for i, f := range fData {
			out.Data[i] = v.text.value(f)
		}
	default:
		if m.known && m.unit == euro {
			out.Debit, out.Credit = m.debit, m.credit
		}
		switch {
		case !v.extended || v.text.len() <= lastStandard:
		case m.kind == ' ' || m.kind == 'X':
			out.Extended = new(Extended)
			v.text.fill(layouts.extended, out.Extended)
		default:
			out.Breakdown = new(Breakdown)
			v.text.fill(layouts.breakdown, out.Breakdown)
		}
	}
	v.handOut(out, before)
}

// isShifted looks for side, amount and type of entry elsewhere, and reports where they are: a field before them has the
// wrong width then, and nothing behind it means what it seems to.
func (v *Validator) isShifted() bool {
	t := &v.text
	for distance := 1; distance <= 60; distance++ {
		for _, by := range [...]int{distance, -distance} {
			at := fSide.at + by
			if at <= fKind.at || t.char(at) != 'D' && t.char(at) != 'C' || !strings.ContainsRune("NSUR", rune(t.char(at+21))) {
				continue
			}
			amount := t.cut(at+1, 20)
			if len(amount) < 20 || amount[0] != ' ' || amount[19]-'0' > 9 {
				continue
			}
			if _, how := textfile.ParseAmount(trim(amount)); how&textfile.Unreadable == 0 {
				v.report(lineShifted, noField, v.line, func() []textfile.Arg {
					where := textfile.Text{English: "right", French: "droite"}
					if by < 0 {
						where = textfile.Text{English: "left", French: "gauche"}
					}
					return args(textfile.Number("count", distance), textfile.Arg{Name: "where", Value: where})
				})
				return true
			}
		}
	}
	return false
}

// code is a field that names something, and begins at its left.
func (v *Validator) code(f *field) []byte {
	raw := v.text.cut(f.at, f.width)
	cell := trim(raw)
	if len(cell) > 0 && raw[0] == ' ' {
		v.with(textMisaligned, f, raw)
	}
	return cell
}

func (v *Validator) required(f *field, cell []byte) {
	if len(cell) == 0 {
		v.state(fieldRequired, f)
	}
}

func (v *Validator) accountingDate(m *movement) {
	var how dateShape
	if m.date, how = v.day(fDate, v.text.cell(fDate)); m.date == 0 {
		if how == dateNone {
			v.state(fieldRequired, fDate)
		}
		return
	}
	m.misdated = how == dateOtherForm
	if v.books.First == 0 || m.date < v.books.First {
		v.books.First = m.date
	}
	v.books.Last = max(v.books.Last, m.date)
	if len(v.years) > 0 && !v.yearless && !slices.ContainsFunc(v.years, func(p period) bool { return p.start <= m.date && m.date <= p.end }) {
		v.report(dateOutsideYears, fDate, v.line, func() []textfile.Arg { return args(m.date.Arg("value")) })
	}
}

func (v *Validator) documentType() {
	cell := v.text.cell(fDocumentType)
	v.required(fDocumentType, cell)
	if len(cell) > 0 && !contains(documentTypes, cell) {
		v.among(valueUnknown, fDocumentType, cell, documentTypes...)
	}
}

func contains(list []string, cell []byte) bool {
	for _, s := range list {
		if s == string(cell) {
			return true
		}
	}
	return false
}

// key reads what tells entries apart.
func (v *Validator) key(m *movement) {
	m.number = v.text.cell(fNumber)
	if len(m.number) > 0 && !digits(m.number) {
		v.among(valueInvalid, fNumber, m.number, "00000001…99999999")
	}
	m.number = bytes.TrimLeft(m.number, "0")
	if len(m.number) > 0 {
		v.piece.numbered = true
	} else {
		v.piece.unnumbered = true
	}
	if v.piece.numbered && v.piece.unnumbered {
		v.state(numbersMixed, fNumber)
	}
	if len(m.number) == 0 && len(m.reference) == 0 {
		v.state(referenceMissing, fReference)
	}
}

func digits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// label reads the label, and what it would run into.
func (v *Validator) label() {
	t := &v.text
	label := v.code(fLabel)
	mode, due := t.cell(fPaymentMode), t.cell(fDue)
	ok := len(mode) == 0 || contains(paymentModes, mode)
	if t.char(fLabel.at+fLabel.width-1) != ' ' {
		_, how := parseDate(due)
		if !ok && (how == dateInvalid || how == dateNone && t.char(fPaymentMode.at) == ' ') {
			v.with(labelOverflows, fLabel, t.cut(fLabel.at, fSide.at-fLabel.at))
			return
		}
		if t.char(fLabel.at) != ' ' {
			v.with(labelFull, fLabel, label)
		}
	}
	if !ok {
		v.among(valueUnknown, fPaymentMode, mode, paymentModes...)
	}
	if len(due) > 0 {
		v.day(fDue, due)
	}
}

func (v *Validator) due(m *movement) {
	if d, how := parseDate(v.text.cell(fDue)); how == dateGood && m.date != 0 && d < m.date {
		v.report(dueEarly, fDue, v.line, func() []textfile.Arg { return args(d.Arg("value"), m.date.Arg("other")) })
	}
}

func (v *Validator) entryType(m *movement) {
	cell := v.text.cell(fEntryType)
	v.required(fEntryType, cell)
	if len(cell) > 0 {
		if m.entryType = cell[0]; len(cell) > 1 || !strings.ContainsRune("NSUR", rune(m.entryType)) {
			v.among(valueInvalid, fEntryType, cell, "N", "S", "U", "R")
		}
	}
}

// amounts reads the amounts by CODEMONTANT, one letter for each.
func (v *Validator) amounts(m *movement, side byte) {
	t := &v.text
	code := t.cell(fAmountCode)
	v.required(fAmountCode, code)
	letters, inEuro, inCurrency := amountCode(code)
	if inEuro < 0 {
		v.among(valueInvalid, fAmountCode, code, "E--", "D--", "DE-")
		return
	}
	currency := t.cell(fCurrency)
	v.currency(currency, inCurrency > 0, letters[0] == 'D' && inEuro == 0)

	var value Cents
	for i, f := range fAmounts {
		cell := t.cell(f)
		if letters[i] == '-' {
			if len(cell) > 0 && !isZero(cell) {
				v.with(amountUncoded, f, code)
			}
			continue
		}
		if len(cell) == 0 {
			if i == 0 {
				v.state(fieldRequired, f)
			} else {
				v.with(amountMissing, f, code)
			}
			continue
		}
		cents, how := v.number(f)
		switch readable := how&textfile.Unreadable == 0; {
		case letters[i] == 'E':
			if !readable {
				v.odd(f, cell, how)
			}
			value, m.unit, m.known = cents, euro, readable
		case how&textfile.Unreadable&^textfile.Precise != 0:
			v.odd(f, cell, how)
		case inEuro == 0 && readable:
			value, m.unit = cents, v.unitOf(currency)
			m.known = m.unit != euro
		}
		if i == 0 && readableZero(cents, how) {
			v.state(amountZero, noField)
		}
		if how&textfile.Negative != 0 && how&textfile.Unreadable == 0 {
			v.with(amountNegative, f, cell)
		}
	}
	v.onSide(m, side, value)
}

// amountCode reads CODEMONTANT, and counts its amounts; inEuro is negative where it is none of those described.
func amountCode(code []byte) (letters [3]byte, inEuro, inCurrency int) {
	letters = [3]byte{'E', '-', '-'}
	copy(letters[:], code)
	unused := 0
	for _, letter := range letters {
		switch letter {
		case 'E':
			inEuro++
		case 'D':
			inCurrency++
		case '-':
			unused++
		}
	}
	if len(code) > 0 && (len(code) > 3 || letters[0] == '-' || inEuro > 1 || inCurrency > 1 || inEuro+inCurrency+unused != 3) {
		return letters, -1, 0
	}
	return letters, inEuro, inCurrency
}

// currency reads the currency and its rate, which an amount without euros needs.
func (v *Validator) currency(currency []byte, used, alone bool) {
	if len(currency) > 0 && !isCurrency(currency) {
		v.with(currencyInvalid, fCurrency, currency)
	}
	rate := v.text.cell(fRate)
	if len(rate) > 0 {
		v.number(fRate)
	}
	switch {
	case !used:
		if len(currency) > 0 && string(currency) != noCurrency {
			v.with(currencyUnused, fCurrency, currency)
		}
	case len(currency) == 0:
		v.state(currencyMissing, fCurrency)
	case alone && noRate(rate) && !v.rates():
		v.with(rateMissing, fRate, currency)
	}
}

// onSide puts the amount on its side.
func (v *Validator) onSide(m *movement, side byte, value Cents) {
	switch side {
	case 'D':
		m.debit = value
	case 'C':
		m.credit = value
	default:
		m.known = false
		if side == ' ' {
			v.state(fieldRequired, fSide)
		} else {
			v.among(valueInvalid, fSide, v.text.cell(fSide), "D", "C")
		}
	}
}

func readableZero(c Cents, how textfile.Shape) bool { return c == 0 && how&textfile.Unreadable == 0 }

// isZero is for amounts that may be left out.
func isZero(cell []byte) bool {
	c, how := textfile.ParseAmount(cell)
	return readableZero(c, how)
}

// noRate: blank, 0 and 1 mean none.
func noRate(cell []byte) bool {
	c, how := textfile.ParseAmount(cell)
	return len(cell) == 0 || how&textfile.Unreadable == 0 && (c == 0 || c == 100)
}

// rates tells whether the file describes currencies.
func (v *Validator) rates() bool { return v.records[[3]byte{'D', 'E', 'V'}] > 0 }

func isCurrency(s []byte) bool {
	return len(s) == 3 && !slices.ContainsFunc(s, func(c byte) bool { return c < 'A' || c > 'Z' })
}

// number reads an amount or a rate, and says how it is written.
func (v *Validator) number(f *field) (Cents, textfile.Shape) {
	raw := v.text.cut(f.at, f.width)
	cell := trim(raw)
	if raw[len(raw)-1] == ' ' {
		v.with(numberMisaligned, f, raw)
	}
	cents, how := textfile.ParseAmount(cell)
	if f == fRate {
		how &^= textfile.Precise | textfile.TooLarge // it is not computed with
	}
	switch unreadable := how&textfile.Unreadable != 0; {
	case !unreadable:
		v.form(f, cell)
	case f == fRate:
		v.odd(f, cell, how)
	}
	return cents, how
}

// odd reports what cannot be read.
func (v *Validator) odd(f *field, cell []byte, how textfile.Shape) {
	switch {
	case how&textfile.Invalid != 0:
		v.with(amountInvalid, f, cell)
	case how&textfile.Ambiguous != 0:
		v.with(amountAmbiguous, f, cell)
	case how&textfile.Precise != 0:
		v.with(amountPrecision, f, cell)
	default:
		v.with(amountTooLarge, f, cell)
	}
}

// form reports a number that can be read and is not digits with a comma between them, perhaps after a minus.
func (v *Validator) form(f *field, cell []byte) {
	whole, decimals, comma := bytes.Cut(bytes.TrimPrefix(cell, []byte("-")), []byte(","))
	if len(whole) > 0 && digits(whole) && (!comma || len(decimals) > 0 && digits(decimals)) {
		return
	}
	v.report(amountForm, f, v.line, func() []textfile.Arg {
		cents, how := textfile.ParseAmount(cell)
		better := strings.Replace(cents.String(), ".", ",", 1)
		if how&textfile.Unreadable != 0 { // more decimals than cents
			better = strings.Trim(strings.Replace(decode(cell), ".", ",", 1), "+")
		}
		return args(quoted("value", cell), textfile.Plain("better", better))
	})
}

// auxiliaryOf checks third party, section and axis, and what the file says of the account and the third party.
func (v *Validator) auxiliaryOf(m *movement) {
	axis := v.text.cell(fAxis)
	switch m.kind {
	case 'A', 'H', 'O':
		if m.kind != 'O' || len(axis) > 0 {
			if m.kind != 'O' {
				v.required(fAuxiliary, m.auxiliary)
				v.required(fAxis, axis)
			}
			if m.axis = axisOf(axis); len(axis) > 0 && m.axis < 0 {
				v.among(valueInvalid, fAxis, axis, axes...)
			}
		}
		return
	case 'X':
		v.required(fAuxiliary, m.auxiliary)
	default:
		if len(m.auxiliary) > 0 {
			v.with(fieldUnused, fAuxiliary, m.auxiliary)
		}
	}
	if len(axis) > 0 {
		v.with(fieldUnused, fAxis, axis)
	}
}

// axisOf counts from 0; -1 for none.
func axisOf(cell []byte) int {
	if len(cell) != 2 || cell[0] != 'A' || cell[1] < '1' || cell[1] > '5' {
		return -1
	}
	return int(cell[1] - '1')
}

// behindStandard is for lines that go on behind position 222.
func (v *Validator) behindStandard(m *movement, n int) {
	if !v.extended {
		v.state(extendedInStandard, noField)
		return
	}
	if n > lastExtended {
		v.report(lineBeyond, noField, v.line, func() []textfile.Arg { return args(textfile.Number("most", lastExtended)) })
	}
	v.extension(m)
}

// extension checks the positions from 223 on, or that they are not there.
func (v *Validator) extension(m *movement) {
	if m.kind != ' ' && m.kind != 'X' {
		v.fields(layouts.breakdown)
		return
	}
	t := &v.text
	v.fields(layouts.extended)
	for _, f := range [...]*field{fOpening, fVATOnPayments, fState} {
		if len(t.cell(f)) == 0 {
			v.state(extendedMissing, f)
		}
	}
	if _, how := parseDate(t.cell(fCreated)); how == dateNone {
		v.state(loopFieldMissing, fCreated)
	}
	if contains(invoiceTypes, t.cell(fDocumentType)) {
		for _, f := range fVAT {
			if len(t.cell(f)) == 0 {
				v.state(vatFieldMissing, f)
			}
		}
	}
	if opening := t.cell(fOpening); len(opening) > 0 && !contains(openings, opening) {
		v.among(valueInvalid, fOpening, opening, openings...)
	}
	start, _ := parseDate(t.cell(fCutoffStart))
	end, _ := parseDate(t.cell(fCutoffEnd))
	if (start == 0) != (end == 0) || end < start {
		v.state(cutoffIncomplete, fCutoffStart)
	}
	v.lettering(m)
}

// lettering checks code and state against each other (loop-api: A 9.5, 9.7).
func (v *Validator) lettering(m *movement) {
	letters, state := v.text.cell(fLettering), v.text.cell(fState)
	if len(state) > 0 && !contains(letterStates, state) {
		v.among(valueInvalid, fState, state, letterStates...)
		return
	}
	full, partly := string(state) == "TL", string(state) == "PL"
	if m.kind == 'X' && string(state) == "RI" {
		v.state(letteringState, fState)
	}
	if len(letters) == 0 {
		if full || partly {
			v.with(letteringCodeMissing, fLettering, state)
		}
		return
	}
	switch with := func(c code, other []byte) {
		v.report(c, fLettering, v.line, func() []textfile.Arg { return args(quoted("value", letters), quoted("other", other)) })
	}; {
	case !full && !partly:
		with(letteringCodeUnused, state)
	case full && within(letters, 'a', 'z'), partly && within(letters, 'A', 'Z'):
		with(letteringCase, state)
	}
	if len(letters) > 4 {
		v.with(letteringTooLong, fLettering, letters)
	}
	if v.header.Content == "JRL" {
		v.with(letteringUnread, fLettering, letters)
	}
}

// within tells whether a text holds a letter of a range.
func within(text []byte, first, last byte) bool {
	return slices.ContainsFunc(text, func(c byte) bool { return first <= c && c <= last })
}
