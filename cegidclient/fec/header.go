package fec

import (
	"bytes"
	"strings"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// maxColumns is the number of columns that are looked at; there are 22 legal ones at most.
const maxColumns = 64

// layout is what the header says of the lines.
type layout struct {
	separator byte
	all       int                // columns of the header
	width     int                // without the empty ones after trailing separators
	needed    int                // columns up to the last that must be filled
	column    [numFields]int8    // of each field, from 0; -1 for none
	order     []Field            // the fields that are there
	at        []int8             // and their columns
	class     [256]characterKind // with the separator
	signed    bool               // Montant and Sens
	short     int                // columns that the header does not name, until a line shows whether there are more
	unquote   bool               // each field is in quotation marks
}

// header reads the first line that is not empty. It refuses the file when it cannot be read, and returns true when the
// line is a movement after all.
func (v *Validator) header(line []byte) (movement bool) {
	tabs, pipes := bytes.Count(line, []byte{'\t'}), bytes.Count(line, []byte{'|'})
	v.separator = '\t'
	if pipes > tabs {
		v.separator = '|'
	}
	if most := max(tabs, pipes); most < 2 {
		for _, other := range []string{";", ","} {
			if strings.Count(string(line), other) >= 8 {
				v.refuse(separatorInvalid, plain("value", other))
				return false
			}
		}
		v.refuse(notFEC, quoted("value", line))
		return false
	}

	if oneLine(line) {
		v.refuse(linesNotSeparated)
		return false
	}
	cells := bytes.Split(line, []byte{v.separator})
	v.all, v.width = len(cells), len(cells)
	v.unquoteNames(cells)
	for v.width > 1 && len(bytes.TrimSpace(cells[v.width-1])) == 0 {
		v.width--
	}
	cells = cells[:v.width]
	known := v.names(cells)
	if known < 4 {
		if v.all >= legalFields && v.width > int(EcritureDate) {
			if _, how := parseDate(bytes.Trim(cells[EcritureDate], " ")); how == dateGood {
				v.report(headerAbsent, noField, nil)
				v.width = v.all
				v.assume()
				return true
			}
		}
		v.refuse(notFEC, quoted("value", line))
		return false
	}
	if tabs > 0 && pipes > 0 {
		v.report(separatorMixed, noField, nil)
	}
	switch trailing := v.all - v.width; {
	case trailing == 1:
		v.report(trailingSeparator, noField, nil)
	case trailing > 1:
		v.state(trailingSeparators, noField, v.line, 0, number("count", trailing))
	}
	if padded(line, v.separator) > len(cells)/2 {
		v.report(separatorPadded, noField, nil)
	}
	v.complain(cells)
	v.makeTables()
	return false
}

// oneLine tells whether the first line goes on with the movements: its last name runs into the first journal's code.
func oneLine(line []byte) bool {
	for _, last := range []string{"Idevise", "NatOp", "IdClient"} {
		i := bytes.Index(line, []byte(last))
		if i < 0 || i+len(last) >= len(line) || !bytes.HasPrefix(bytes.Trim(line, " \""), []byte("JournalCode")) {
			continue
		}
		if next := line[i+len(last)]; next != '\t' && next != '|' && next != '"' && next != ' ' && len(line) > 2*i {
			return true
		}
	}
	return false
}

// padded counts the separators with a blank at both sides.
func padded(line []byte, separator byte) (n int) {
	return bytes.Count(line, []byte{' ', separator, ' '})
}

// unquoteNames takes the quotation marks off names that all have them.
func (v *Validator) unquoteNames(cells [][]byte) {
	count := 0
	for _, cell := range cells {
		if marked(cell) {
			count++
		}
	}
	if count < 9 || count < len(cells)-1 {
		return
	}
	v.unquote = true
	for i := range cells {
		cells[i] = bytes.Trim(cells[i], `"`)
	}
	v.state(quotedCells, noField, v.line, 0)
}

// marked tells whether a text is in quotation marks.
func marked(cell []byte) bool {
	return len(cell) > 1 && cell[0] == '"' && cell[len(cell)-1] == '"'
}

// names finds the field of each column, exactly or nearly, and counts those that have the right letters.
func (v *Validator) names(cells [][]byte) (known int) {
	for f := range v.column {
		v.column[f] = -1
	}
	v.meant = [maxColumns]Field{}
	taken := func(f Field) bool {
		return v.column[f] >= 0 || f == Debit && v.column[Montant] >= 0 || f == Montant && v.column[Debit] >= 0 ||
			f == Credit && v.column[Sens] >= 0 || f == Sens && v.column[Credit] >= 0
	}
	cells = cells[:min(len(cells), maxColumns)]
	for i, cell := range cells {
		v.meant[i] = noField
		name := folded(cell)
		for f := range numFields {
			if strings.EqualFold(name, fieldNames[f]) {
				known++
				if v.column[f] < 0 {
					v.column[f] = int8(i)
				}
				v.meant[i] = f
				break
			}
			if bare(name) == bare(fieldNames[f]) { // but for marks, such as quotes around it
				known++
			}
		}
	}
	if known < 4 {
		return known
	}
	for i, cell := range cells {
		if v.meant[i] == noField && len(cell) < 64 {
			if f, ok := near(decode(cell), taken); ok {
				v.meant[i], v.column[f] = f, int8(i)
			}
		}
	}
	return known
}

// folded takes off what the tax office's tool overlooks in a name: blanks around it, and accents of e.
func folded(cell []byte) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'é', 'è', 'É', 'È':
			return 'e'
		}
		return r
	}, strings.Trim(decode(cell), " "))
}

// complain compares the names with the law's.
func (v *Validator) complain(cells [][]byte) {
	v.signed = v.column[Montant] >= 0 && v.column[Sens] >= 0 && (v.column[Debit] < 0 || v.column[Credit] < 0)
	ordered := true
	var extra []string
	for i, cell := range cells {
		f := noField
		if i < maxColumns {
			f = v.meant[i]
		}
		switch {
		case f == noField || v.unused(f):
			if len(extra) < maxPlaces {
				extra = append(extra, decode(bytes.TrimSpace(cell[:min(len(cell), 200)])))
			}
			continue
		case v.column[f] != int8(i):
			v.onHeader(headerDuplicate, f, i)
			continue
		case strings.Trim(string(cell), " ") == fieldNames[f]:
		case strings.EqualFold(folded(cell), fieldNames[f]):
			v.onHeader(headerCase, f, i, quoted("value", cell))
		default:
			v.onHeader(headerNearMiss, f, i, quoted("value", cell))
		}
		if want := v.rank(f); ordered && want != i {
			v.onHeader(headerOrder, f, i, number("position", i+1), number("expected", f.position()+1))
			ordered = false // what follows is out of place for the same reason
		}
	}
	if extra != nil {
		v.onHeader(headerExtra, noField, -1, quoted("value", []byte(strings.Join(extra, ", "))))
	}
	for f := range numFields {
		missing := v.column[f] < 0
		switch {
		case f == Debit || f == Credit:
			missing = missing && !v.signed
		case f == Montant || f == Sens:
			missing = false
		case f >= legalFields:
			if missing && f != IdClient && (v.column[DateRglt] >= 0 || v.column[ModeRglt] >= 0) {
				v.onHeader(cashColumnsIncomplete, f, -1)
			}
			missing = false
		}
		if missing {
			v.onHeader(headerMissing, f, -1)
			v.short++
		}
	}
}

// lacks tells whether the first line lacks names: this line, the first behind it, has as many columns as the law wants.
// All are then read in the law's order.
func (v *Validator) lacks(line []byte) bool {
	missing := v.short
	v.short = 0
	if whole := v.width + missing; missing == 0 || v.columns != whole || whole != legalFields && whole != cashFields-1 &&
		whole != cashFields || v.signed {
		return false
	}
	if _, how := parseDate(bytes.Trim(v.cell(line, int(EcritureDate)), " \"")); how != dateGood {
		return false
	}
	v.state(headerShort, noField, 1, 0, number("count", v.width), number("most", v.columns))
	v.all, v.width = v.columns, v.columns
	v.order, v.at = nil, nil
	v.assume()
	return true
}

// rank is the column of a field when those that are missing are left out.
func (v *Validator) rank(f Field) (before int) {
	for g := range numFields {
		if g.position() < f.position() && v.column[g] >= 0 && !v.unused(g) {
			before++
		}
	}
	return before
}

// unused tells whether a column is for an amount that the file writes in the other way too.
func (v *Validator) unused(f Field) bool {
	return v.signed && (f == Debit || f == Credit) || !v.signed && (f == Montant || f == Sens)
}

// onHeader reports a finding on a column of the header.
func (v *Validator) onHeader(c code, f Field, column int, args ...textfile.Arg) {
	v.state(c, f, v.line, column+1, args...)
}

// assume takes the columns to be the law's, for want of names.
func (v *Validator) assume() {
	for f := range numFields {
		v.column[f] = -1
		if f < legalFields || v.width > int(NatOp) && int(f) < min(v.width, cashFields) {
			v.column[f], v.meant[f] = int8(f), f
		}
	}
	v.makeTables()
}

// makeTables makes the tables that lines are read with.
func (v *Validator) makeTables() {
	for f, c := range v.column {
		f := Field(f)
		if c < 0 || v.unused(f) {
			v.column[f] = -1
			continue
		}
		v.order, v.at = append(v.order, f), append(v.at, c)
		if f <= ValidDate || f == Montant || f == Sens {
			v.needed = max(v.needed, int(c)+1)
		}
	}
	v.class[v.separator] = separatorKind
}

// refuse ends the reading of a file: nothing of it is known but why.
func (v *Validator) refuse(c code, args ...textfile.Arg) {
	v.state(c, noField, 0, 0, args...)
	v.refused, v.in.Stop = true, true
}
