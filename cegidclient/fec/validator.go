package fec

import (
	"bytes"
	"errors"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// MaxLineLength is the number of bytes of the longest line that is read.
const MaxLineLength = 64 << 10

// Options say what is known of a file beside its content.
type Options struct {
	// Name is the file's name, which by law holds the SIREN and the closing day; empty when it is not known. A path
	// before it is ignored.
	Name string
}

// Validator checks the FEC that is written to it. It is not safe for concurrent use.
type Validator struct {
	findings
	layout
	books

	options Options
	closing date
	emit    func(c cells, m movement, apart bool) // for the Reader; apart is false for a line that cannot be taken apart

	in textfile.Lines

	// The line that is being read.
	line    int
	columns int // how many
	ends    [maxColumns + 1]int32
	high    uint64 // columns with bytes above ASCII, the last bit for all beyond
	control uint64 // with control characters

	started     bool // the header was read
	refused     bool
	closed      bool
	mark        bool // byte order mark
	meant       [maxColumns]Field
	firstly     textfile.Ending // how the first line ended
	lines       int             // movements
	entryTotals []EntryTotal    // that do not balance, once the file has ended

	short, shortColumns int // the line before, when it had too few columns, and how many

	utf8Cells, otherCells place
	cp1252                bool
}

// place is where the first of some cells is, and how many there are.
type place struct {
	count, line, column int
	text                []byte
}

// characterKind sorts bytes for the loop that takes a line apart.
type characterKind uint8

const (
	plainKind characterKind = iota
	separatorKind
	endKind
	highKind
	controlKind
)

// NewValidator makes a validator for one file.
func NewValidator(o Options) *Validator {
	v := &Validator{options: o}
	v.in = textfile.Lines{Most: MaxLineLength, Split: v.split, Take: v.record}
	for c := range v.class {
		switch {
		case c == '\r' || c == '\n':
			v.class[c] = endKind
		case c >= 0x80:
			v.class[c] = highKind
		case c < ' ' || c == 0x7f:
			v.class[c] = controlKind
		}
	}
	v.books.prepare()
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
func (v *Validator) Failed() bool { return v.errors > 0 }

// Refused tells whether the file cannot be read at all: nothing that is still to come matters.
func (v *Validator) Refused() bool { return v.refused }

// Close ends the file and reports on it. Called again, it gives the same report.
func (v *Validator) Close() Report {
	if !v.closed {
		v.closed = true
		v.in.Close()
		if !v.refused {
			v.finish()
		}
	}
	return v.makeReport()
}

// split finds the columns of the line that p begins with, and its end; -1 when p ends first.
func (v *Validator) split(p []byte) (end int) {
	n := 0
	v.high, v.control = 0, 0
	class := &v.class
	for i := 0; i < len(p); i++ {
		switch class[p[i]] {
		case plainKind:
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

// record takes a line without its end.
func (v *Validator) record(line []byte, how textfile.Ending) {
	v.line++
	if how != textfile.None {
		if v.line == 1 {
			v.firstly = how
		} else if how != v.firstly && !v.again(lineEndingsMixed, noField, v.line) {
			v.first(lineEndingsMixed, noField, v.line, 0, plain("value", how.String()), plain("other", v.firstly.String()))
		}
	}
	switch {
	case !v.started && !empty(line):
		v.start(line)
	case v.in.Long:
		v.report(lineTooLong, noField, nil)
		v.unread()
	case empty(line):
		if how != textfile.None { // the mark of the end of a file under DOS, without an end of line
			v.report(lineEmpty, noField, nil)
		}
	default:
		v.movement(line)
	}
}

// start takes the first line that is not empty.
func (v *Validator) start(line []byte) {
	v.started = true
	if c, what, refused := sniff(line); refused {
		v.refuse(c, plain("value", what))
		return
	}
	if v.in.Long {
		v.refuse(notFEC, quoted("value", line))
		return
	}
	if bytes.HasPrefix(line, textfile.UTF8Mark) {
		v.mark = true
		line = line[len(textfile.UTF8Mark):]
		v.report(byteOrderMark, noField, nil)
	}
	if v.header(line) {
		v.split(line)
		v.movement(line)
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

// unread notes that a line could not be read: it may belong to the entry before or after it.
func (v *Validator) unread() {
	v.lines++
	v.partial, v.skipped, v.doubt, v.open.Entry.Broken = true, true, true, true
	if v.emit != nil {
		v.emit(cells{}, movement{}, false)
	}
}

// report states a finding on a field of the line, or on the whole line.
func (v *Validator) report(c code, f Field, value []byte) {
	if v.again(c, f, v.line) {
		return
	}
	column := 0
	if f != noField {
		column = int(v.column[f]) + 1
	}
	switch c {
	case lineTooLong:
		v.first(c, f, v.line, column, number("most", MaxLineLength))
	case thirdPartyTooLong:
		v.first(c, f, v.line, column, quoted("value", value), number("most", check.MaxThirdPartyLength))
	case labelTooLong:
		v.first(c, f, v.line, column, quoted("value", value), number("most", check.MaxLabelLength))
	default:
		v.first(c, f, v.line, column, quoted("value", value))
	}
}
