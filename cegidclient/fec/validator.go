package fec

import (
	"bytes"
	"errors"

	"cegid.internal/gateway/cegidclient/check"
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

	// The line that is being put together from several writes.
	carry   []byte
	long    bool // it is longer than is kept
	pending bool // it ended with a CR, perhaps followed by LF in the next write

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
	firstly     ending       // how the first line ended
	lines       int          // movements
	entryTotals []EntryTotal // that do not balance, once the file has ended

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

// ending is how a line ends.
type ending uint8

const (
	crlf ending = iota
	cr
	lf
	none // the last line
)

func (e ending) String() string { return [...]string{"CR LF", "CR", "LF", ""}[e] }

// NewValidator makes a validator for one file.
func NewValidator(o Options) *Validator {
	v := &Validator{options: o}
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
	n := len(p)
	if v.pending && n > 0 {
		v.pending = false
		how := cr
		if p[0] == '\n' {
			how, p = crlf, p[1:]
		}
		v.flush(how)
	}
	for len(p) > 0 && !v.refused {
		if len(v.carry) == 0 && !v.long {
			window := p[:min(len(p), MaxLineLength+1)]
			if end := v.split(window); end >= 0 {
				switch {
				case p[end] == '\n':
					v.record(p[:end], lf)
					p = p[end+1:]
					continue
				case end+1 < len(p) && p[end+1] == '\n':
					v.record(p[:end], crlf)
					p = p[end+2:]
					continue
				case end+1 < len(p):
					v.record(p[:end], cr)
					p = p[end+1:]
					continue
				}
			}
		}
		// The line goes on in the next write, or is too long.
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			v.keep(p)
			break
		}
		v.keep(p[:end])
		switch {
		case p[end] == '\n':
			v.flush(lf)
			p = p[end+1:]
		case end+1 == len(p):
			v.pending = true
			p = nil
		case p[end+1] == '\n':
			v.flush(crlf)
			p = p[end+2:]
		default:
			v.flush(cr)
			p = p[end+1:]
		}
	}
	return n, nil
}

// Failed tells whether an error was found so far.
func (v *Validator) Failed() bool { return v.errors > 0 }

// Close ends the file and reports on it. Called again, it gives the same report.
func (v *Validator) Close() Report {
	if !v.closed {
		v.closed = true
		switch {
		case v.refused:
		case v.pending:
			v.flush(cr)
		case len(v.carry) > 0 || v.long:
			v.flush(none)
		}
		if !v.refused {
			v.finish()
		}
		v.carry = nil
	}
	return v.makeReport()
}

// keep adds to the line that is put together.
func (v *Validator) keep(p []byte) {
	if room := MaxLineLength - len(v.carry); len(p) > room {
		p, v.long = p[:room], true
	}
	if v.carry == nil {
		v.carry = make([]byte, 0, 1024)
	}
	v.carry = append(v.carry, p...)
}

// flush reads the line that was put together.
func (v *Validator) flush(how ending) {
	v.split(v.carry)
	v.record(v.carry, how)
	v.carry, v.long = v.carry[:0], false
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
func (v *Validator) record(line []byte, how ending) {
	v.line++
	if how != none {
		if v.line == 1 {
			v.firstly = how
		} else if how != v.firstly && !v.again(lineEndingsMixed, noField, v.line) {
			v.first(lineEndingsMixed, noField, v.line, 0, plain("value", how.String()), plain("other", v.firstly.String()))
		}
	}
	switch {
	case !v.started && !empty(line):
		v.start(line)
	case v.long:
		v.report(lineTooLong, noField, nil)
		v.unread()
	case empty(line):
		if how != none { // the mark of the end of a file under DOS, without an end of line
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
	if v.long {
		v.refuse(notFEC, quoted("value", line))
		return
	}
	if bytes.HasPrefix(line, utf8Mark) {
		v.mark = true
		line = line[len(utf8Mark):]
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
	v.partial, v.skipped, v.doubt, v.entry.broken = true, true, true, true
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
