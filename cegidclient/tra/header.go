package tra

import (
	"slices"
	"time"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// What the description knows (loop-api: A 9.3).
var (
	producers = []string{"S1", "S3", "S5", "SI", "QU", "WS", "WT"}
	origins   = []string{"CLI", "EXP"}
	contents  = []string{"JRL", "DOS", "BAL", "SYN", "EXO"}
	formats   = []string{"STD", "ETE"}
)

const (
	thisVersion = "011"
	loopHeader  = "***S5CLIJRLETE" // what Loop is said to want (loop-api: A 3.3)
)

// listed reports a value that is none of those that there are.
func (v *Validator) listed(c code, f *field, value string, values []string) {
	if !slices.Contains(values, value) {
		v.among(c, f, []byte(value), values...)
	}
}

var (
	fProducer  = named("header.producer")
	fOrigin    = named("header.origin")
	fContent   = named("header.content")
	fFormat    = named("header.format")
	fVersion   = named("header.version")
	fGenerated = named("header.generated")
)

// readHeader reads the first line.
func (v *Validator) readHeader() {
	before := v.found.Errors
	h := &v.header
	v.text.fill(layouts.header, h)
	v.fields(layouts.header)
	v.listed(valueUnknown, fProducer, h.Producer, producers)
	v.listed(valueUnknown, fOrigin, h.Origin, origins)
	v.listed(valueInvalid, fContent, h.Content, contents)
	v.listed(valueInvalid, fFormat, h.Format, formats)
	v.extended = h.Format != "STD"
	if h.Content == "BAL" && h.Format == "ETE" {
		v.state(balanceExtended, fFormat)
	}
	if h.Version != thisVersion {
		v.with(versionOther, fVersion, []byte(h.Version))
	}
	if begin := v.text.cut(1, len(loopHeader)); string(begin) != loopHeader {
		v.with(headerLoop, noField, begin)
	}
	if made := v.text.cell(fGenerated); len(made) > 0 {
		if _, err := time.Parse("020120061504", string(made)); err != nil {
			v.with(timeInvalid, fGenerated, made)
		}
	}
	if v.emit != nil {
		header := *h
		v.handOut(&header, before)
	}
}

// fields checks what the kind of each field says: days, numbers and flags.
func (v *Validator) fields(of layout) {
	n := v.text.len()
	for _, f := range of {
		if f.kind == textKind || f.at > n {
			continue
		}
		switch cell := v.text.cell(f); {
		case len(cell) == 0:
		case f.kind == dayKind:
			v.day(f, cell)
		case f.kind == decimalKind:
			if how, _ := textfile.CurrencyAmount(cell); how&textfile.Unreadable != 0 {
				v.odd(f, cell, how)
			} else {
				v.form(f, cell)
			}
		case f.kind == flagKind && (len(cell) != 1 || cell[0] != 'X' && cell[0] != '-'):
			v.with(flagInvalid, f, cell)
		}
	}
}

// day reads a date.
func (v *Validator) day(f *field, cell []byte) (d textfile.Date, how dateShape) {
	d, how = parseDate(cell)
	switch how {
	case dateNoDay:
		v.with(dateNotReal, f, cell)
	case dateInvalid:
		v.with(dateMalformed, f, cell)
	case dateOtherForm:
		v.report(dateFormat, f, v.line, func() []textfile.Arg {
			s := d.String()
			return args(quoted("value", cell), textfile.Plain("better", s[8:]+s[5:7]+s[:4]))
		})
	}
	if d != 0 && (d < 1900_01_01 || d >= 2100_01_01) {
		v.with(dateImplausible, f, cell)
	}
	return d, how
}
