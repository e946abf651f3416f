package fec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"regexp"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/books"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// cells are the fields of a line, without blanks around them; nil where there is none.
type cells [numFields][]byte

// movement is what the fields of a line mean.
type movement struct {
	debit, credit                        Cents
	date, document, validated, lettering date
	settlement                           date
	day                                  date // date, unless it is implausible
	known                                bool // the amounts could be read
	valid                                bool // nothing of severity error was found
}

// required are the fields that must be filled. Without the first four a line cannot be booked; the others are wanted by
// the law. On the cash basis the law lets some be blank (A47 A-1, VIII), and the checker of the administration asks for
// fewer than the law.
var required = [...]struct {
	field        Field
	code, ofCash code
}{
	{JournalCode, fieldRequired, fieldRequired},
	{EcritureNum, fieldRequired, fieldRequired},
	{EcritureDate, fieldRequired, fieldRequired},
	{CompteNum, fieldRequired, fieldRequired},
	{JournalLib, fieldBlank, numCodes},
	{CompteLib, fieldBlank, fieldBlank},
	{PieceRef, fieldBlank, fieldBlank},
	{PieceDate, fieldBlank, fieldBlank},
	{EcritureLib, fieldBlank, fieldBlank},
	{ValidDate, fieldBlank, fieldBlankCash},
}

// edge marks the bytes that need a look at the ends of a field.
var edge = func() (t [256]bool) {
	for c := range t {
		t[c] = c == ' ' || c == '"' || c >= utf8.RuneSelf
	}
	return t
}()

// movement reads a line that is not empty, once it was split.
func (v *Validator) movement(line []byte, how textfile.Ending) {
	if (v.columns != v.all || v.broken != 0) && !v.fits(line, how) {
		return
	}
	v.short = 0
	before := v.found.Errors
	if v.high != 0 {
		v.judgeEncoding(line)
	}
	if v.control != 0 {
		v.controls(line)
	}
	v.quoted = line[0] == '"' && (v.unquote || v.column[EcritureDate] >= 0 && marked(v.cell(line, int(v.column[EcritureDate]))))
	if v.quoted && !v.again(quotedCells, noField, v.line, 0) {
		v.first(quotedCells, noField, v.line, 0)
	}

	var c cells
	for i, f := range v.order {
		column := int(v.at[i])
		if column >= v.columns {
			continue
		}
		cell := v.cell(line, column)
		if n := len(cell); n > 0 && (edge[cell[0]] || edge[cell[n-1]]) {
			cell = v.trim(f, cell)
		}
		c[f] = cell
	}
	if day := c[EcritureDate]; (len(day) == 0 || day[0] > '9') && v.noMovement(&c, line) {
		return
	}

	var m movement
	v.dates(&c, &m)
	cash := v.column[DateRglt] >= 0
	for i := range required {
		r := &required[i]
		if len(c[r.field]) > 0 || v.column[r.field] < 0 {
			continue
		}
		code := r.code
		if cash {
			code = r.ofCash
		}
		if code != numCodes && v.zeroed&(1<<r.field) == 0 {
			v.report(code, r.field, nil)
		}
	}
	v.amounts(&c, &m)
	v.codes(&c)
	v.book(&c, &m)
	v.halfNamed(&c)
	v.tell(&c, &m)
	if m.valid = v.found.Errors == before; v.emit != nil {
		v.emit(c, m, true)
	}
}

// trim takes off a field what is around it and does not count.
func (v *Validator) trim(f Field, whole []byte) []byte {
	cell := whole
	if v.quoted && marked(cell) {
		cell = cell[1 : len(cell)-1]
	}
	if trimmed := bytes.Trim(cell, " "); len(trimmed) < len(cell) {
		v.report(fieldPadded, f, nil)
		cell = trimmed
	}
	if seen := trimUnseen(cell); len(seen) < len(cell) {
		v.report(fieldInvisible, f, cell)
		cell = seen
	}
	if !v.quoted && f.isText() && marked(cell) {
		v.report(quoteMarks, f, cell)
	}
	return cell
}

// trimUnseen takes no-break spaces off the ends of a text.
func trimUnseen(cell []byte) []byte {
	if utf8.Valid(cell) {
		return bytes.Trim(cell, " \u00a0")
	}
	for len(cell) > 0 && (cell[0] == 0xa0 || cell[0] == ' ') {
		cell = cell[1:]
	}
	for n := len(cell); n > 0 && (cell[n-1] == 0xa0 || cell[n-1] == ' '); n-- {
		cell = cell[:n-1]
	}
	return cell
}

// noMovement takes a line that is none, though it has the columns of one: names again, a total, or nothing.
func (v *Validator) noMovement(c *cells, line []byte) bool {
	if strings.EqualFold(string(c[EcritureDate]), fieldNames[EcritureDate]) {
		v.report(headerRepeated, noField, nil)
		v.nextPart()
		return true
	}
	if len(c[EcritureDate]) > 0 {
		return false
	}
	filled := false
	for _, cell := range c {
		filled = filled || len(cell) > 0
	}
	switch {
	case !filled:
		v.report(lineBlank, noField, nil)
		return true
	case len(c[EcritureNum]) == 0 && totals(c[:]...):
		v.report(totalLine, noField, bytes.Trim(line, "|\t "))
		return true
	}
	return false
}

// totals tells whether one of the texts says that its line is a total.
func totals(cells ...[]byte) bool {
	for _, cell := range cells {
		if len(cell) >= 5 && (bytes.EqualFold(cell[:5], []byte("total")) || bytes.EqualFold(cell[:5], []byte("totau"))) {
			return true
		}
	}
	return false
}

// fits tells whether a line has enough columns to be read, and reports when it has not just as many as the header. One
// that it says no to was taken.
func (v *Validator) fits(line []byte, how textfile.Ending) bool {
	n := v.columns
	if v.broken != 0 {
		// A line break in a text cuts one line into two, which have a column too many together.
		if whole := v.brokenColumns + n - 1; n < v.width && (whole == v.width || whole == v.all) {
			c := lineBroken
			if v.brokenEnding != v.firstly && v.brokenEnding != textfile.None && (v.firstly == textfile.CRLF || v.firstly == doubled) {
				c = lineBreak
			}
			v.state(c, noField, v.broken, 0)
			v.broken = 0
			v.unread()
			return false
		}
		v.tooShort()
		if n == v.all {
			return true
		}
	}
	if v.lacks(line) {
		return true
	}
	switch other := v.otherSeparator(); {
	case n <= 2 && bytes.Count(line, []byte{other}) >= v.width-1 && v.width > 2:
		if !v.again(lineSeparator, noField, v.line, 0) {
			v.first(lineSeparator, noField, v.line, 0, separatorArg("value", other), separatorArg("other", v.separator))
		}
		v.unread()
		return false
	case totals(bytes.TrimLeft(line, "|\t ")):
		v.report(totalLine, noField, bytes.Trim(line, "|\t "))
		return false
	case len(bytes.Trim(line, string([]byte{v.separator, ' '}))) == 0:
		v.report(lineBlank, noField, nil)
		return false
	case n == v.all:
		return true
	case n >= v.width && v.blankFrom(line) && (n == v.width || v.plausible(line)):
		v.report(trailingSeparatorUneven, noField, nil)
		return true
	case n > v.width && v.joined(line) > 1:
		if !v.again(linesJoined, noField, v.line, 0) {
			v.first(linesJoined, noField, v.line, 0, number("count", v.joined(line)))
		}
		v.unread()
		return false
	case n > v.width:
		v.countColumns(columnsExtra, v.line, n)
		v.unread()
		return false
	case n < v.needed:
		v.broken, v.brokenColumns, v.brokenEnding = v.line, n, how // until the next line shows why
		v.unread()
		return false
	default:
		v.countColumns(columnsMissing, v.line, n)
		return true
	}
}

func (v *Validator) otherSeparator() byte {
	if v.separator == '|' {
		return '\t'
	}
	return '|'
}

func separatorArg(name string, separator byte) textfile.Arg {
	if separator == '|' {
		return plain(name, "|")
	}
	return textfile.Arg{Name: name, Value: textfile.Text{English: "tabs", French: "des tabulations"}}
}

// blankFrom tells whether nothing is after the last column of the header.
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

// joined is how many movements a line holds whose ends were lost: the last field of one and the first of the next are one column,
// and the next date is where it must be.
func (v *Validator) joined(line []byte) int {
	between, day := v.all-1, int(v.column[EcritureDate])
	if day < 0 || between < legalFields/2 || (v.columns-1)%between != 0 || day+between >= maxColumns-1 {
		return 1
	}
	if _, how := parseDate(bytes.Trim(v.cell(line, day+between), " ")); how != dateGood {
		return 1
	}
	return (v.columns - 1) / between
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
	if v.broken != 0 {
		v.countColumns(columnsMissing, v.broken, v.brokenColumns)
		v.broken = 0
	}
}

func (v *Validator) countColumns(c code, line, n int) {
	if !v.again(c, noField, line, 0) {
		v.first(c, noField, line, 0, number("count", n), number("most", v.width))
	}
}

// judgeEncoding notes in which encoding the cells with bytes above ASCII are.
func (v *Validator) judgeEncoding(line []byte) {
	var told [filecheck.InEightBits + 1]bool
	for m := v.high; m != 0; m &= m - 1 {
		column := bits.TrailingZeros64(m)
		cell := v.wide(line, column)
		p, reading := &v.books.UTF8, filecheck.InUTF8
		if !utf8.Valid(cell) {
			p, reading = &v.books.Other, filecheck.InEightBits
			if v.stray&(1<<column) != 0 {
				v.judgeBytes(column, cell)
			}
		}
		p.Note(v.line, column, cell[:min(len(cell), 256)])
		if v.options.Place != nil && !told[reading] {
			told[reading] = true
			v.options.Place(filecheck.Place{Code: rules[encodingMixed].Code, Line: v.line, Column: column + 1, Reading: reading})
		}
	}
}

// judgeBytes notes what the bytes of a cell say of its code page.
func (v *Validator) judgeBytes(column int, cell []byte) {
	odd, dos := textfile.CodePages(cell)
	if !odd {
		return
	}
	v.inColumn(encodingCP1252, column, cell)
	if v.cp1252++; dos {
		v.cp850++
		v.inColumn(encodingCP850, column, cell)
	}
}

// finishEncoding believes the reading that explains most of the texts.
func (v *Validator) finishEncoding() {
	if v.cp1252 > 0 {
		if 2*v.cp850 > v.cp1252 {
			v.found.Drop(int(encodingCP1252))
			v.books.Eight = CP850
		} else {
			v.found.Drop(int(encodingCP850))
			v.books.Eight = Windows1252
		}
	}
	utf8, mixed := v.books.Judge()
	for c, p := range map[code]*books.Place{encodingUTF8: utf8, encodingMixed: mixed} {
		if p != nil {
			v.state(c, noField, p.Line, p.Column+1, quoted("value", p.Text))
			v.found.Recount(int(c), int(noField), p.Count)
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
	if !v.again(c, f, v.line, column+1) {
		v.first(c, f, v.line, column+1, quoted("value", value))
	}
}

// plausible is a day as others are compared with: none, when it is far from our time.
func plausible(d date) date {
	if d < 1900_01_01 || d >= 2100_01_01 {
		return 0
	}
	return d
}

func (v *Validator) dates(c *cells, m *movement) {
	v.zeroed = 0
	m.date = v.day(c, EcritureDate)
	m.document = v.day(c, PieceDate)
	m.validated = v.day(c, ValidDate)
	m.lettering = v.day(c, DateLet)
	m.settlement = v.day(c, DateRglt)

	m.day = plausible(m.date)
	validated := plausible(m.validated)
	if m.day != 0 {
		if document := plausible(m.document); document > m.day {
			v.twoDays(documentDateLate, PieceDate, document, m.day)
		}
		if v.closing != 0 && m.day > v.closing && !v.again(dateAfterClosing, EcritureDate, v.line, v.at1(EcritureDate)) {
			v.first(dateAfterClosing, EcritureDate, v.line, v.at1(EcritureDate), m.day.Arg("value"), v.closing.Arg("closing"))
		}
		if validated != 0 && validated < m.day {
			v.twoDays(validationEarly, ValidDate, validated, m.day)
		}
		v.part.dated(m.day)
	}
	switch {
	case validated == 0:
	case validated < v.part.validated:
		v.twoDays(validationOrder, ValidDate, validated, v.part.validated)
	default:
		v.part.validated = validated
	}
}

func (v *Validator) twoDays(c code, f Field, value, other date) {
	if !v.again(c, f, v.line, v.at1(f)) {
		v.first(c, f, v.line, v.at1(f), value.Arg("value"), other.Arg("other"))
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
		if d, how := parseDate(cell); how == dateGood && plausible(d) != 0 {
			v.lastRaw[f], v.lastDay[f] = raw, d
			return d
		}
	}
	d, how := parseDate(cell)
	switch how {
	case dateOfZeros:
		c[f] = nil
		if f != EcritureDate { // which cannot be empty
			v.report(dateZero, f, nil)
			v.zeroed |= 1 << f
		}
	case dateNoDay:
		v.report(dateNotReal, f, cell)
	case dateNone:
		v.report(dateInvalid, f, cell)
	case dateOtherForm, dateUnread:
		c := dateFormat
		if how == dateUnread {
			c = dateFormatUnread
		}
		if !v.again(c, f, v.line, v.at1(f)) {
			s := d.String()
			v.first(c, f, v.line, v.at1(f), quoted("value", cell), plain("better", s[:4]+s[5:7]+s[8:]))
		}
	}
	if d != 0 && plausible(d) == 0 && !(v.has(nameYear) && d/1_00_00 == v.closing/1_00_00) { // else the name's year is the cause
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
	case m.debit != 0 && m.credit != 0 && !v.again(sideBoth, Credit, v.line, v.at1(Credit)):
		v.first(sideBoth, Credit, v.line, v.at1(Credit), money("debit", m.debit), money("credit", m.credit))
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
	case how&textfile.Invalid != 0 && exponent.Match(cell):
		v.report(amountExponent, f, cell)
		return
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
	switch {
	case how&textfile.Thousands != 0 && how&textfile.SignLast != 0 && signSpaced.Match(cell):
		v.report(amountSignSpaced, f, cell)
		how &^= textfile.SignLast
	case how&textfile.Thousands != 0:
		v.report(amountThousands, f, cell)
	}
	if how&textfile.Point != 0 {
		v.report(amountPoint, f, cell)
	}
	if how&textfile.SignLast != 0 {
		v.report(amountSignLast, f, cell)
	}
	if how&textfile.Zeros != 0 && !v.again(amountDecimals, f, v.line, v.at1(f)) {
		cents, _ := textfile.ParseAmount(cell)
		v.first(amountDecimals, f, v.line, v.at1(f), quoted("value", cell), money("better", cents))
	}
	if how&textfile.Negative != 0 {
		v.report(amountNegative, f, cell)
	}
}

var (
	// exponent is a number as the checker of the administration takes it, and a spreadsheet writes it.
	exponent = regexp.MustCompile(`^[+-]?[0-9]+(,[0-9]*)?[eE][+-]?[0-9]+$`)
	// signSpaced has a blank before its sign at the end, and none elsewhere.
	signSpaced = regexp.MustCompile(`^[0-9]+([,.][0-9]*)? +[+-]$`)
)

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
	if v.column[EcritureLet] >= 0 && v.column[DateLet] >= 0 {
		switch code, day := c[EcritureLet], c[DateLet]; {
		case len(code) > 0 && len(day) == 0:
			v.report(letteringDateMissing, DateLet, code)
		case len(code) == 0 && len(day) > 0:
			v.report(letteringCodeMissing, EcritureLet, nil)
		}
	}
}

// halfNamed looks for a third party that has a code or a name alone, once it is known whether it is missing.
func (v *Validator) halfNamed(c *cells) {
	if (len(c[CompAuxNum]) == 0) == (len(c[CompAuxLib]) == 0) || v.column[CompAuxNum] < 0 || v.column[CompAuxLib] < 0 {
		return
	}
	empty, filled := CompAuxNum, CompAuxLib
	if len(c[CompAuxLib]) == 0 {
		empty, filled = filled, empty
	}
	if !v.again(thirdPartyIncomplete, empty, v.line, v.at1(empty)) {
		v.first(thirdPartyIncomplete, empty, v.line, v.at1(empty), textfile.Arg{Name: "other", Value: fieldTexts[filled].Text})
	}
}

// longer counts characters: a byte that is not UTF-8 is one.
func longer(text []byte, most int) bool {
	return len(text) > most && utf8.RuneCount(text) > most
}
