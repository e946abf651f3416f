package fec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// cells are the fields of a line, without blanks around them; nil where there is none.
type cells [numFields][]byte

// movement is what the fields of a line mean.
type movement struct {
	debit, credit                        Cents
	date, document, validated, lettering date
	settled                              date
	known                                bool // the amounts could be read
	valid                                bool // nothing of severity error was found
}

// required are the fields that must be filled, and what it is when they are not. Without the first four a line cannot be
// booked; the others are wanted by the law and by the tax office's tool.
var required = [...]struct {
	field Field
	code  code
}{
	{JournalCode, fieldRequired},
	{EcritureNum, fieldRequired},
	{EcritureDate, fieldRequired},
	{CompteNum, fieldRequired},
	{JournalLib, fieldBlank},
	{CompteLib, fieldBlank},
	{PieceRef, fieldBlank},
	{PieceDate, fieldBlank},
	{EcritureLib, fieldBlank},
	{ValidDate, fieldBlank},
}

// movement reads a line that is not empty, once it was split.
func (v *Validator) movement(line []byte) {
	if v.columns != v.all || v.short != 0 {
		if !v.fits(line) {
			v.unread()
			return
		}
	}
	before := v.errors
	if v.high != 0 {
		v.judgeEncoding(line)
	}
	if v.control != 0 {
		v.controls(line)
	}

	var c cells
	for i, f := range v.order {
		column := int(v.at[i])
		if column >= v.columns {
			continue
		}
		cell := v.cell(line, column)
		if n := len(cell); n > 0 && (cell[0] == ' ' || cell[n-1] == ' ') {
			v.report(fieldPadded, f, nil)
			cell = bytes.Trim(cell, " ")
		}
		c[f] = cell
	}

	v.lines++
	var m movement
	v.dates(&c, &m)
	for _, r := range &required {
		if len(c[r.field]) == 0 && v.column[r.field] >= 0 {
			v.report(r.code, r.field, nil)
		}
	}
	v.amounts(&c, &m)
	v.codes(&c)
	v.book(&c, &m)
	if m.valid = v.errors == before; v.emit != nil {
		v.emit(c, m, true)
	}
}

// fits tells whether a line has enough columns to be read, and reports when it has not just as many as the header.
func (v *Validator) fits(line []byte) bool {
	n := v.columns
	if v.short != 0 {
		// A line break in a text cuts one line into two, which have a column too many together.
		if whole := v.shortColumns + n - 1; n < v.width && (whole == v.width || whole == v.all) {
			if !v.again(lineBroken, noField, v.short) {
				v.first(lineBroken, noField, v.short, 0)
			}
			v.short = 0
			return false
		}
		v.tooShort()
	}
	switch {
	case n == v.all:
		return true
	case n >= v.width && v.blankFrom(line) && (n == v.width || v.plausible(line)):
		v.report(trailingSeparatorUneven, noField, nil)
		return true
	case n > v.width:
		v.countColumns(columnsExtra, v.line, n)
		return false
	case n < v.needed:
		v.short, v.shortColumns = v.line, n // until the next line shows why
		return false
	default:
		v.countColumns(columnsMissing, v.line, n)
		return true
	}
}

// blankFrom tells whether nothing stands after the last column of the header.
func (v *Validator) blankFrom(line []byte) bool {
	if v.width > maxColumns {
		return v.columns == v.width
	}
	for _, c := range line[v.ends[v.width-1]:] {
		if c != v.separator && c != ' ' {
			return false
		}
	}
	return true
}

// plausible tells whether dates and amounts are where the header puts them: they are not when a text holds a separator,
// and then the last column is an empty one too, as a rule.
func (v *Validator) plausible(line []byte) bool {
	for i, f := range v.order {
		cell := bytes.Trim(v.cell(line, int(v.at[i])), " ")
		switch f {
		case EcritureDate, PieceDate, ValidDate:
			if _, how := parseDate(cell); len(cell) > 0 && how != dateGood && how != dateOfZeros {
				return false
			}
		case Debit, Credit, Montant:
			if _, how := textfile.ParseAmount(cell); how&textfile.Invalid != 0 {
				return false
			}
		}
	}
	return true
}

// tooShort reports the line before, which had too few columns.
func (v *Validator) tooShort() {
	if v.short != 0 {
		v.countColumns(columnsMissing, v.short, v.shortColumns)
		v.short = 0
	}
}

func (v *Validator) countColumns(c code, line, n int) {
	if !v.again(c, noField, line) {
		v.first(c, noField, line, 0, number("count", n), number("most", v.width))
	}
}

// judgeEncoding notes in which encoding the cells with bytes above ASCII are.
func (v *Validator) judgeEncoding(line []byte) {
	for m := v.high; m != 0; m &= m - 1 {
		column := bits.TrailingZeros64(m)
		cell := v.wide(line, column)
		p := &v.utf8Cells
		if !utf8.Valid(cell) {
			p = &v.otherCells
			for _, b := range cell {
				if b >= 0x80 && b < 0xa0 {
					v.cp1252 = true
					v.inColumn(encodingCP1252, column, cell)
					break
				}
			}
		}
		if p.count++; p.count == 1 {
			p.line, p.column, p.text = v.line, column, bytes.Clone(cell[:min(len(cell), 256)])
		}
	}
}

// wide is a column; the last one goes on to the end of the line, as the masks have no bits for more.
func (v *Validator) wide(line []byte, column int) []byte {
	if column == maxColumns-1 {
		return line[v.ends[column-1]+1:]
	}
	return v.cell(line, column)
}

func (v *Validator) controls(line []byte) {
	for m := v.control; m != 0; m &= m - 1 {
		column := bits.TrailingZeros64(m)
		v.inColumn(controlCharacter, column, v.wide(line, column))
	}
}

// inColumn reports a finding on a column, which may be no field.
func (v *Validator) inColumn(c code, column int, value []byte) {
	f := v.meant[column]
	if column >= v.width {
		f = noField
	}
	if !v.again(c, f, v.line) {
		v.first(c, f, v.line, column+1, quoted("value", value))
	}
}

func (v *Validator) dates(c *cells, m *movement) {
	m.date = v.day(c, EcritureDate)
	m.document = v.day(c, PieceDate)
	m.validated = v.day(c, ValidDate)
	m.lettering = v.day(c, DateLet)
	m.settled = v.day(c, DateRglt)

	if m.date != 0 {
		if m.document > m.date {
			v.twoDays(documentDateLate, PieceDate, m.document, m.date)
		}
		if m.validated != 0 && m.validated < m.date {
			v.twoDays(validationEarly, ValidDate, m.validated, m.date)
		}
		if v.closing != 0 && m.date > v.closing && !v.again(dateAfterClosing, EcritureDate, v.line) {
			v.first(dateAfterClosing, EcritureDate, v.line, int(v.column[EcritureDate])+1, m.date.Arg("value"), v.closing.Arg("closing"))
		}
		if v.firstDate == 0 || m.date < v.firstDate {
			v.firstDate = m.date
		}
		v.lastDate = max(v.lastDate, m.date)
	}
	switch {
	case m.validated == 0:
	case m.validated < v.validated:
		v.twoDays(validationOrder, ValidDate, m.validated, v.validated)
	default:
		v.validated = m.validated
	}
}

func (v *Validator) twoDays(c code, f Field, value, other date) {
	if !v.again(c, f, v.line) {
		v.first(c, f, v.line, int(v.column[f])+1, value.Arg("value"), other.Arg("other"))
	}
}

// day reads a date; the cell is emptied when it is made of zeros. The last one of each field is remembered, as most
// lines repeat it.
func (v *Validator) day(c *cells, f Field) date {
	cell := c[f]
	if len(cell) == 0 {
		return 0
	}
	if len(cell) == 8 {
		raw := binary.LittleEndian.Uint64(cell)
		if raw == v.lastRaw[f] && raw != 0 {
			return v.lastDay[f]
		}
		if d, how := parseDate(cell); how == dateGood && d >= 1900_01_01 && d < 2100_01_01 {
			v.lastRaw[f], v.lastDay[f] = raw, d
			return d
		}
	}
	d, how := parseDate(cell)
	switch how {
	case dateOfZeros:
		v.report(dateZero, f, nil)
		c[f] = nil
	case dateNoDay:
		v.report(dateNotReal, f, cell)
	case dateNone:
		v.report(dateInvalid, f, cell)
	case dateOtherForm:
		if !v.again(dateFormat, f, v.line) {
			s := d.String()
			v.first(dateFormat, f, v.line, int(v.column[f])+1, quoted("value", cell), plain("better", s[:4]+s[5:7]+s[8:]))
		}
	}
	if d != 0 && (d < 1900_01_01 || d >= 2100_01_01) {
		v.report(dateImplausible, f, cell)
	}
	return d
}

func (v *Validator) amounts(c *cells, m *movement) {
	first := Debit
	if v.signed {
		first = Montant
		amount, ok := v.amount(c, Montant)
		m.known = ok
		switch sense := c[Sens]; {
		case len(sense) == 1 && sense[0]|0x20 == 'd', string(sense) == "+1":
			m.debit = amount
		case len(sense) == 1 && sense[0]|0x20 == 'c', string(sense) == "-1":
			m.credit = amount
		default:
			m.known = false
			v.report(senseInvalid, Sens, sense)
		}
	} else {
		var ok1, ok2 bool
		m.debit, ok1 = v.amount(c, Debit)
		m.credit, ok2 = v.amount(c, Credit)
		m.known = ok1 && ok2 && v.column[Debit] >= 0 && v.column[Credit] >= 0
	}
	switch {
	case !m.known:
		m.debit, m.credit = 0, 0
	case m.debit == 0 && m.credit == 0:
		v.report(amountZero, first, nil)
	case m.debit != 0 && m.credit != 0 && !v.again(sideBoth, Credit, v.line):
		v.first(sideBoth, Credit, v.line, int(v.column[Credit])+1, money("debit", m.debit), money("credit", m.credit))
	}

	foreign, currency := c[Montantdevise], c[Idevise]
	if len(foreign) == 0 && len(currency) == 0 {
		return
	}
	if how, zero := textfile.CurrencyAmount(foreign); zero {
		foreign = nil
	} else if how&^textfile.Negative != 0 {
		v.odd(how&^textfile.Negative, foreign, Montantdevise)
	}
	if len(currency) > 0 && !isCurrency(currency) {
		v.report(currencyInvalid, Idevise, currency)
	}
	switch {
	case v.column[Idevise] < 0 || v.column[Montantdevise] < 0:
	case len(foreign) > 0 && len(currency) == 0:
		v.report(currencyMissing, Idevise, nil)
	case len(foreign) == 0 && len(currency) > 0:
		v.report(currencyAmountMissing, Montantdevise, currency)
	}
}

func isCurrency(s []byte) bool {
	if len(s) != 3 {
		return false
	}
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// amount reads an amount in euro.
func (v *Validator) amount(c *cells, f Field) (Cents, bool) {
	cents, how := textfile.ParseAmount(c[f])
	if how == 0 {
		return cents, true
	}
	if how == textfile.Blank && v.column[f] < 0 {
		return 0, false
	}
	v.odd(how, c[f], f)
	return cents, how&textfile.Unreadable == 0
}

// odd reports how an amount is written.
func (v *Validator) odd(how textfile.Shape, cell []byte, f Field) {
	switch {
	case how&textfile.Invalid != 0:
		v.report(amountInvalid, f, cell)
		return
	case how&textfile.Ambiguous != 0:
		v.report(amountAmbiguous, f, cell)
		return
	case how&textfile.Precise != 0:
		v.report(amountPrecision, f, cell)
		return
	case how&textfile.TooLarge != 0:
		v.report(amountTooLarge, f, cell)
		return
	}
	if how&textfile.Blank != 0 {
		v.report(amountBlank, f, nil)
	}
	if how&textfile.Thousands != 0 {
		v.report(amountThousands, f, cell)
	}
	if how&textfile.Point != 0 {
		v.report(amountPoint, f, cell)
	}
	if how&textfile.SignLast != 0 {
		v.report(amountSignLast, f, cell)
	}
	if how&textfile.Zeros != 0 && !v.again(amountDecimals, f, v.line) {
		cents, _ := textfile.ParseAmount(cell)
		v.first(amountDecimals, f, v.line, int(v.column[f])+1, quoted("value", cell), money("better", cents))
	}
	if how&textfile.Negative != 0 {
		v.report(amountNegative, f, cell)
	}
}

// codes looks at the texts that name something.
func (v *Validator) codes(c *cells) {
	account := c[CompteNum]
	switch {
	case len(account) == 0:
	case len(account) < 3 || account[0]-'0' > 9 || account[1]-'0' > 9 || account[2]-'0' > 9:
		v.report(accountInvalid, CompteNum, account)
	case account[0] == '0' || account[0] == '9':
		v.report(accountClass, CompteNum, account)
	}
	if longer(c[CompAuxNum], check.MaxThirdPartyLength) {
		v.report(thirdPartyTooLong, CompAuxNum, c[CompAuxNum])
	}
	if longer(c[EcritureLib], check.MaxLabelLength) {
		v.report(labelTooLong, EcritureLib, c[EcritureLib])
	}
	if v.column[CompAuxNum] >= 0 && v.column[CompAuxLib] >= 0 && (len(c[CompAuxNum]) == 0) != (len(c[CompAuxLib]) == 0) {
		v.report(thirdPartyIncomplete, CompAuxNum, nil)
	}
	if v.column[EcritureLet] >= 0 && v.column[DateLet] >= 0 {
		switch code, day := c[EcritureLet], c[DateLet]; {
		case len(code) > 0 && len(day) == 0:
			v.report(letteringDateMissing, DateLet, code)
		case len(code) == 0 && len(day) > 0:
			v.report(letteringCodeMissing, EcritureLet, nil)
		}
	}
}

// longer counts characters: a byte that is not UTF-8 is one.
func longer(text []byte, most int) bool {
	return len(text) > most && utf8.RuneCount(text) > most
}
