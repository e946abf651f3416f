package fec

import (
	"bytes"
	"errors"
	"time"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/findings"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// MaxLineLength is the number of bytes of the longest line that is read.
const MaxLineLength = 64 << 10

// Options say what is known of a file beside its content, and what is wanted beside the report.
type Options struct {
	// Name is the file's name, which by law holds the SIREN and the closing day; empty when it is not known. A path
	// before it is ignored.
	Name string
	// Bookings, if set, is given each line that can be taken apart.
	Bookings func(*Booking)
	// NumbersPerLine states that EcritureNum counts lines: the balance is judged by journal and day where each line has a
	// number of its own. Such a file is refused otherwise.
	NumbersPerLine bool
	// Model is what is assumed of Loop where nothing is known.
	Model filecheck.LoopModel
	// Place, if set, is told each place where something is found. What [Validator.Reports] does not confirm at the end is an
	// effect of something else.
	Place func(filecheck.Place)
	// Unbalanced, if set, is given each entry that does not balance, once the file ends.
	Unbalanced func(EntryTotal)
}

// Validator checks the FEC that is written to it. It is not safe for concurrent use.
type Validator struct {
	reports
	layout
	sums
	sense textfile.Sense

	options Options
	booking Booking
	closing date
	emit    func(c cells, m movement, apart bool) // for the Reader; apart is false for a line that cannot be taken apart

	in textfile.Lines

	// The line that is being read.
	line    int
	columns int // how many
	ends    [maxColumns + 1]int32
	high    uint64 // columns with bytes above ASCII, the last bit for all beyond
	stray   uint64 // with bytes from 80 to 9F, which are no letters in ISO 8859-15
	control uint64 // with control characters
	quoted  bool   // its fields are in quotation marks

	started bool // the header was read
	refused bool
	closed  bool
	meant   [maxColumns]Field
	firstly textfile.Ending // how the first line ended
	mixed   int             // a line that ended otherwise, until another one comes
	mixture textfile.Ending

	broken, brokenColumns int // the line before, when it had too few columns, and how many
	brokenEnding          textfile.Ending
	zeroed                uint32 // fields of the line with a date of zeros

	cp850, cp1252 int // cells that can only be of these
}

const doubled = textfile.CRCRLF

// characterKind sorts bytes for the loop that takes a line apart.
type characterKind uint8

const (
	plainKind characterKind = iota
	separatorKind
	endKind
	highKind
	strayKind
	controlKind
)

// NewValidator makes a validator for one file.
func NewValidator(o Options) *Validator {
	v := &Validator{options: o}
	v.found = findings.Found{Catalogue: catalogue, Model: o.Model}
	if o.Place != nil {
		v.found.Place = func(rule, field, line, column int) {
			o.Place(filecheck.Place{Code: rules[rule].Code, Field: Field(field).String(), Line: line, Column: column})
		}
	}
	v.in = textfile.Lines{Most: MaxLineLength, Split: v.split, Take: v.record}
	for c := range v.class {
		switch {
		case c == '\r' || c == '\n':
			v.class[c] = endKind
		case c >= 0xa0:
			v.class[c] = highKind
		case c >= 0x80:
			v.class[c] = strayKind
		case c < ' ' || c == 0x7f:
			v.class[c] = controlKind
		}
	}
	v.sums.prepare()
	v.sense.Plausible(time.Now())
	v.name()
	return v
}

var errClosed = errors.New("fec: write to a closed validator")

// Write checks a piece of the file, of any size. It fails only after [Validator.Close]: what is wrong with the file does
// not disturb the stream that it is written from. [Validator.Failed] tells whether to stop.
func (v *Validator) Write(p []byte) (int, error) {
	if v.closed {
		return 0, errClosed
	}
	v.in.Write(p)
	return len(p), nil
}

// Failed tells whether an error was found so far.
func (v *Validator) Failed() bool { return v.found.Errors > 0 }

// Refused tells whether the file cannot be read at all: nothing that is still to come matters.
func (v *Validator) Refused() bool { return v.refused }

// Reports tells, once the file has ended, whether a place is one of a finding of the report.
func (v *Validator) Reports(p filecheck.Place) bool {
	return v.found.Listed(p.Code) && (p.Reading == 0) == (p.Code != rules[encodingMixed].Code) && v.books.Odd(p.Reading)
}

// End ends the file.
func (v *Validator) End() {
	if !v.closed {
		v.closed = true
		v.in.Close()
		if !v.refused {
			v.finish()
		}
	}
}

// Close ends the file and reports on it. Called again, it gives the same report.
func (v *Validator) Close() Report {
	v.End()
	return v.makeReport()
}

// split finds the columns of the line that p begins with, and its end; -1 when p ends first.
func (v *Validator) split(p []byte) (end int) {
	n := 0
	v.high, v.stray, v.control = 0, 0, 0
	class := &v.class
	for i := 0; i < len(p); i++ {
		kind := class[p[i]]
		if kind == plainKind {
			continue
		}
		switch kind {
		case separatorKind:
			if n < maxColumns {
				v.ends[n] = int32(i)
			}
			n++
		case endKind:
			v.columns, v.ends[min(n, maxColumns)] = n+1, int32(i)
			return i
		case highKind:
			v.high |= 1 << min(n, 63)
		case strayKind:
			v.high |= 1 << min(n, 63)
			v.stray |= 1 << min(n, 63)
		case controlKind:
			v.control |= 1 << min(n, 63)
		}
	}
	v.columns, v.ends[min(n, maxColumns)] = n+1, int32(len(p))
	return -1
}

// cell is a column as written.
func (v *Validator) cell(line []byte, column int) []byte {
	start := int32(0)
	if column > 0 {
		start = v.ends[column-1] + 1
	}
	return line[start:v.ends[column]]
}

// at1 is the column of a field, from 1; 0 for none.
func (v *Validator) at1(f Field) int {
	if f == noField {
		return 0
	}
	return int(v.column[f]) + 1
}

// record takes a line without its end.
func (v *Validator) record(line []byte, how textfile.Ending) {
	v.line++
	v.found.NextLine()
	if v.mixed > 0 || how != v.firstly {
		v.ending(line, how)
	}
	switch {
	case !v.started && !empty(line):
		v.start(line)
	case v.in.Long:
		if v.columns > v.all {
			v.report(lineTooLong, noField, nil)
		} else {
			v.report(textTooLong, noField, nil)
		}
		v.unread()
	case empty(line):
		if bytes.IndexByte(line, 0x1a) >= 0 && how == textfile.None {
			v.report(endMark, noField, nil)
		} else {
			v.report(lineEmpty, noField, nil)
		}
	default:
		v.movement(line, how)
	}
}

// ending judges how a line ends: other than the first one, with another line behind it.
func (v *Validator) ending(line []byte, how textfile.Ending) {
	if v.mixed > 0 && !(how == textfile.None && empty(line)) {
		if !v.again(lineEndingsMixed, noField, v.mixed, 0) {
			v.first(lineEndingsMixed, noField, v.mixed, 0, plain("value", v.mixture.String()), plain("other", v.firstly.String()))
		}
	}
	v.mixed = 0
	switch {
	case how == textfile.None:
	case v.line == 1:
		v.firstly = how
	case how != v.firstly:
		v.mixed, v.mixture = v.line, how
	}
}

// start takes the first line that is not empty.
func (v *Validator) start(line []byte) {
	v.started = true
	if c, what, refused := sniff(line); refused {
		v.refuse(c, plain("value", what))
		return
	}
	if bytes.HasPrefix(line, textfile.UTF8Mark) {
		v.books.Mark = true
		line = line[len(textfile.UTF8Mark):]
		v.report(byteOrderMark, noField, nil)
	}
	if v.in.Long && !oneLine(line) {
		v.refuse(notFEC, quoted("value", line))
		return
	}
	if v.header(line) {
		v.split(line)
		v.movement(line, v.firstly)
	}
}

// empty lines hold blanks at most, or the mark that ends a file under DOS.
func empty(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != 0x1a {
			return false
		}
	}
	return true
}

// unread notes that a line could not be read.
func (v *Validator) unread() {
	v.books.Lines++
	v.skipped = true
	v.books.Unread()
	if v.emit != nil {
		v.emit(cells{}, movement{}, false)
	}
}

// report states a finding on a field of the line, or on the whole line.
func (v *Validator) report(c code, f Field, value []byte) {
	column := v.at1(f)
	if v.again(c, f, v.line, column) {
		return
	}
	switch c {
	case lineTooLong, textTooLong:
		v.first(c, f, v.line, column, number("most", MaxLineLength))
	case thirdPartyTooLong:
		v.first(c, f, v.line, column, quoted("value", value), number("most", check.MaxThirdPartyLength))
	case labelTooLong:
		v.first(c, f, v.line, column, quoted("value", value), number("most", check.MaxLabelLength))
	default:
		v.first(c, f, v.line, column, quoted("value", value))
	}
}
