package tra

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// field is where something is in a line.
type field struct {
	index     int // among all fields; 0 is for findings on a whole line
	name      string
	at, width int // in characters, from 1
	kind      fieldKind
	in        int // its struct
}

type fieldKind uint8

const (
	textKind fieldKind = iota
	dayKind
	decimalKind
	flagKind
)

// layout is the fields of a record, in the order of its struct.
type layout []*field

// layouts are made from the tags of the records, once: both are the same for all files.
var layouts = func() (l struct {
	all                                                         []*field
	header, journal, account, party, section, year, place, bank layout
	movement, extended, breakdown                               layout
},
) {
	l.all = []*field{noField}
	describe := func(t reflect.Type) (out layout) {
		for i := range t.NumField() {
			tag, ok := t.Field(i).Tag.Lookup("tra")
			if !ok {
				continue
			}
			f := &field{index: len(l.all), in: i}
			if n, err := fmt.Sscanf(tag, "%d,%d,", &f.at, &f.width); n != 2 || err != nil {
				panic("tra: tag " + tag) // a test reads them all
			}
			f.name = strings.SplitN(tag, ",", 3)[2]
			switch t.Field(i).Type {
			case reflect.TypeFor[Day]():
				f.kind = dayKind
			case reflect.TypeFor[Decimal]():
				f.kind = decimalKind
			case reflect.TypeFor[bool]():
				f.kind = flagKind
			}
			out, l.all = append(out, f), append(l.all, f)
		}
		return out
	}
	l.header = describe(reflect.TypeFor[Header]())
	l.journal = describe(reflect.TypeFor[Journal]())
	l.account = describe(reflect.TypeFor[Account]())
	l.party = describe(reflect.TypeFor[ThirdParty]())
	l.section = describe(reflect.TypeFor[Section]())
	l.year = describe(reflect.TypeFor[FiscalYear]())
	l.place = describe(reflect.TypeFor[Establishment]())
	l.bank = describe(reflect.TypeFor[BankAccount]())
	l.movement = describe(reflect.TypeFor[Movement]())
	l.extended = describe(reflect.TypeFor[Extended]())
	l.breakdown = describe(reflect.TypeFor[Breakdown]())
	return l
}()

var noField = &field{}

// named finds a field that rules speak of.
func named(name string) *field {
	for _, f := range layouts.all {
		if f.name == name {
			return f
		}
	}
	panic("tra: no field " + name)
}

var (
	fJournal       = named("JOURNAL")
	fDate          = named("DATECOMPTABLE")
	fDocumentType  = named("TYPE PIECE")
	fGeneral       = named("GENERAL")
	fKind          = named("TYPE CPTE")
	fAuxiliary     = named("AUXILIAIRE")
	fReference     = named("REFINTERNE")
	fLabel         = named("LIBELLE")
	fPaymentMode   = named("MODEPAIE")
	fDue           = named("ECHEANCE")
	fSide          = named("SENS")
	fAmounts       = [3]*field{named("MONTANT1"), named("MONTANT2"), named("MONTANT3")}
	fEntryType     = named("TYPE ECRITURE")
	fNumber        = named("NUMEROPIECE")
	fCurrency      = named("DEVISE")
	fRate          = named("TAUXDEV")
	fAmountCode    = named("CODEMONTANT")
	fAxis          = named("AXE")
	fCreated       = named("DATECREATION")
	fOpening       = named("ECRANOUVEAU")
	fVATOnPayments = named("TVAENCAISSEMENT")
	fVAT           = [3]*field{named("REGIMETVA"), named("TVA"), named("TPF")}
	fLettering     = named("LETTRAGE")
	fState         = named("ETATLETTRAGE")
	fCutoffStart   = named("CUTOFFDEB")
	fCutoffEnd     = named("CUTOFFFIN")

	fPath = &field{at: 84, width: 255} // of a document
	fData = [4]*field{{at: 84, width: 3}, {at: 87, width: 17}, {at: 104, width: 36}, {at: 140, width: 70}}
)

// line is a line to be cut at positions, without the blanks at its end.
type line struct {
	text  []byte
	wide  bool    // in UTF-8, with characters of several bytes
	bytes []int32 // where they begin, and the end, when it is wide
}

// read takes a text; high tells that there are bytes above ASCII.
func (l *line) read(text []byte, high bool) {
	n := len(text)
	for n > 0 && text[n-1] == ' ' {
		n--
	}
	l.text, l.wide = text[:n], high && utf8.Valid(text)
	if l.wide {
		l.bytes = l.bytes[:0]
		for i := 0; i < n; {
			l.bytes = append(l.bytes, int32(i))
			_, size := utf8.DecodeRune(l.text[i:])
			i += size
		}
		l.bytes = append(l.bytes, int32(n))
	}
}

// len counts characters.
func (l *line) len() int {
	if l.wide {
		return len(l.bytes) - 1
	}
	return len(l.text)
}

// cut is what is at a position, as far as the line goes.
func (l *line) cut(at, width int) []byte {
	from, to := at-1, at-1+width
	n := l.len()
	if from >= n {
		return nil
	}
	to = min(to, n)
	if l.wide {
		from, to = int(l.bytes[from]), int(l.bytes[to])
	}
	return l.text[from:to]
}

// char is the byte at a position, a blank behind the end; 0 for a character above ASCII.
func (l *line) char(at int) byte {
	c := l.cut(at, 1)
	switch {
	case len(c) == 0:
		return ' '
	case c[0] >= utf8.RuneSelf:
		return 0
	default:
		return c[0]
	}
}

// cell is a field without the blanks around it.
func (l *line) cell(f *field) []byte { return trim(l.cut(f.at, f.width)) }

// trim cuts the blanks off, in less than half the time of bytes.Trim.
func trim(cell []byte) []byte {
	for len(cell) > 0 && cell[len(cell)-1] == ' ' {
		cell = cell[:len(cell)-1]
	}
	for len(cell) > 0 && cell[0] == ' ' {
		cell = cell[1:]
	}
	return cell
}

func (l *line) value(f *field) string { return l.decode(l.cell(f)) }

func (l *line) decode(b []byte) string {
	if l.wide {
		return string(b)
	}
	return windows1252(b)
}

// fill reads the fields of a record into its struct.
func (l *line) fill(fields layout, to any) {
	v := reflect.ValueOf(to).Elem()
	for _, f := range fields {
		cell := l.cell(f)
		if len(cell) == 0 {
			continue
		}
		switch f.kind {
		case textKind:
			v.Field(f.in).SetString(l.decode(cell))
		case dayKind:
			d, _ := parseDate(cell)
			v.Field(f.in).SetString(d.String())
		case decimalKind:
			v.Field(f.in).SetString(strings.Replace(l.decode(cell), ",", ".", 1))
		case flagKind:
			v.Field(f.in).SetBool(cell[0] == 'X')
		}
	}
}

func windows1252(b []byte) string {
	if !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf }) {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b) + 8)
	for _, c := range b {
		s.WriteRune(textfile.Windows1252(c))
	}
	return s.String()
}

// decode gives a text that is kept without its line in UTF-8.
func decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return windows1252(b)
}

// dateShape is what is to be said of a date as written.
type dateShape uint8

const (
	dateGood      dateShape = iota
	dateNone                // blank, zeros or 01011900
	dateNoDay               // such as 30022026
	dateOtherForm           // YYYYMMDD
	dateInvalid
)

// parseDate reads DDMMYYYY.
func parseDate(s []byte) (textfile.Date, dateShape) {
	if len(s) == 0 {
		return 0, dateNone
	}
	if len(s) != 8 {
		return 0, dateInvalid
	}
	var n int32
	for _, c := range s {
		if c-'0' > 9 {
			return 0, dateInvalid
		}
		n = n*10 + int32(c-'0')
	}
	day, month, year := n/1_000_000, n/10_000%100, n%10_000
	switch {
	case n == 0 || n == 1_01_1900 || n == 30_12_1899: // noughts, and the first day of other calendars
		return 0, dateNone
	case year < 1900 && n >= 1900_00_00 && n < 2100_00_00 && textfile.Real(n/10_000, n/100%100, n%100):
		return textfile.Date(n), dateOtherForm
	case textfile.Real(year, month, day):
		return textfile.Date(year*10_000 + month*100 + day), dateGood
	case month <= 12 && day <= 31 && month > 0 && day > 0:
		return 0, dateNoDay
	default:
		return 0, dateInvalid
	}
}
