package tra

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/books"
	"cegid.internal/gateway/cegidclient/internal/findings"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// MaxLineLength is the number of bytes of the longest line that is read; those of the format end at position 1407.
const MaxLineLength = 16 << 10

// Options say what is wanted beside the report.
type Options struct {
	// Entries, if set, is given each entry with its totals: once it balances and another one begins, and those that do not
	// balance when the file ends. One that is taken up again after it balanced is given once more. Those beyond
	// [MaxOpenEntries] are left out.
	Entries func(EntryTotal)
	// Bookings, if set, is given each line of the ledger that can be taken apart.
	Bookings func(*Booking)
	// Model is what is assumed of Loop where nothing is known.
	Model filecheck.LoopModel
	// Place, if set, is told each place where something is found. What [Validator.Reports] does not confirm at the end is an effect of
	// something else.
	Place func(filecheck.Place)
	// Unbalanced, if set, is given each entry that does not balance, once the file ends.
	Unbalanced func(EntryTotal)
}

// Validator checks the TRA that is written to it. It is not safe for concurrent use.
type Validator struct {
	reports
	sums
	sense textfile.Sense

	options Options
	booking Booking
	emit    func(Line) // for the Reader

	in textfile.Lines

	// The line that is being read.
	line    int
	text    line
	high    bool // it has bytes above ASCII
	control bool // it has control characters

	started bool // the header was read, or what is in its place
	refused bool
	closed  bool
	firstly textfile.Ending // how the first line ended

	header    Header
	extended  bool // positions from 223 on are read
	misdated  bool // the current entry began with a line whose date is written another way
	movements int
	kinds     [256]int // movements by position 31
	records   map[[3]byte]int

	dos      books.Place // lines that look like CP850
	oddLines int         // lines that are not in ISO 8859-1
}

// NewValidator makes a validator for one file.
func NewValidator(o Options) *Validator {
	v := &Validator{options: o, records: map[[3]byte]int{}}
	v.found = findings.Found{Catalogue: catalogue, Model: o.Model}
	if o.Place != nil {
		v.found.Place = func(rule, field, line, column int) {
			o.Place(filecheck.Place{Code: rules[rule].Code, Field: layouts.all[field].name, Line: line, Column: column})
		}
	}
	v.in = textfile.Lines{Most: MaxLineLength, Split: v.split, Take: v.take}
	v.sums.prepare()
	v.sense.Plausible(time.Now())
	return v
}

var errClosed = errors.New("tra: write to a closed validator")

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

const (
	endClass = iota + 1
	highClass
	controlClass
)

// class sorts bytes; those that need no thought are 0.
var class = func() (c [256]uint8) {
	for i := range c {
		switch {
		case i == '\r' || i == '\n':
			c[i] = endClass
		case i >= 0x80:
			c[i] = highClass
		case i < ' ' || i == 0x7f:
			c[i] = controlClass
		}
	}
	return c
}()

// split finds the end of the line that p begins with; -1 when p ends first.
func (v *Validator) split(p []byte) (end int) {
	v.high, v.control = false, false
	for i := 0; i < len(p); i++ {
		for i+8 <= len(p) && thoughtless(binary.LittleEndian.Uint64(p[i:])) {
			i += 8
		}
		if i == len(p) {
			break
		}
		switch class[p[i]] {
		case endClass:
			return i
		case highClass:
			v.high = true
		case controlClass:
			v.control = true
		}
	}
	return -1
}

// thoughtless tells whether all of eight bytes are of class 0: a line is mostly blanks and digits.
func thoughtless(x uint64) bool {
	const ones, top = 0x0101010101010101, 0x8080808080808080
	deleted := x ^ ones*0x7f // 0 where it is DEL
	return (x|(x-ones*' ')&^x|(deleted-ones)&^deleted)&top == 0
}

// take takes a line without its end.
func (v *Validator) take(text []byte, how textfile.Ending) {
	v.line++
	v.found.NextLine()
	if how != textfile.None {
		if v.line == 1 {
			v.firstly = how
		} else if how != v.firstly {
			v.report(lineEndingsMixed, noField, v.line, func() []textfile.Arg {
				return args(textfile.Plain("value", how.String()), textfile.Plain("other", v.firstly.String()))
			})
		}
	}
	if isBlank(text) && !v.in.Long {
		if how != textfile.None {
			v.state(lineEmpty, noField)
		}
		return
	}
	first := !v.started
	if first {
		v.started = true
		if text = v.start(text); text == nil {
			return
		}
	}
	v.text.read(text, v.high)
	if v.high {
		v.judgeEncoding(text)
	}
	if v.in.Long {
		v.report(lineTooLong, noField, v.line, func() []textfile.Arg { return args(textfile.Number("most", MaxLineLength)) })
		v.unread()
		return
	}
	if v.control {
		v.with(controlCharacter, noField, bytes.TrimLeft(text, " "))
	}
	origin, content := isHeader(&v.text)
	switch {
	case first && (origin || content):
		v.readHeader()
	case !bytes.HasPrefix(v.text.text, stars):
		v.movement()
	case origin && content:
		v.state(headerRepeated, noField)
		v.nextPiece()
		v.handOut(nil, 0)
	default:
		v.parameter()
	}
}

// isBlank tells whether nothing is on a line; a DOS file may end with 1A.
func isBlank(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != 0x1a {
			return false
		}
	}
	return true
}

var stars = []byte("***")

// isHeader tells a header from a parameter, whose code may look like a part of one: CAE of XPERT, CGN of 6DOS.
func isHeader(l *line) (origin, content bool) {
	if !bytes.HasPrefix(l.text, stars) || known(string(l.cut(4, 3))) {
		return false, false
	}
	return contains(origins, l.cut(6, 3)), contains(contents, l.cut(9, 3))
}

// start looks at the first line that is not empty, and gives what is to be read of it; nil when the file is refused.
func (v *Validator) start(text []byte) []byte {
	switch kind, what := textfile.Sniff(text); kind {
	case textfile.Compressed:
		return v.refuse(fileCompressed, textfile.Plain("value", what))
	case textfile.UTF16:
		return v.refuse(encodingUTF16, textfile.Plain("value", what))
	case textfile.XML:
		return v.refuse(notText, textfile.Plain("value", "XML"))
	case textfile.NotText:
		return v.refuse(notText, textfile.Plain("value", what))
	}
	if bytes.HasPrefix(text, textfile.UTF8Mark) {
		v.books.Mark = true
		text = text[len(textfile.UTF8Mark):]
		v.state(byteOrderMark, noField)
		v.split(text) // are there others above ASCII
	}
	v.text.read(text, v.high)
	if origin, content := isHeader(&v.text); origin || content {
		if v.text.len() > lastStandard { // a header ends long before
			return v.refuse(linesNotSeparated, textfile.Plain("value", ""))
		}
		return text
	}
	_, how := parseDate(v.text.cell(fDate))
	if side := v.text.char(fSide.at); bytes.HasPrefix(text, stars) && len(v.text.cut(4, 3)) == 3 || how == dateGood &&
		(side == 'D' || side == 'C') {
		v.state(headerMissing, noField)
		v.extended = true // whatever is there is read
		return text
	}
	return v.refuse(notTRA, quoted("value", text))
}

// refuse ends the reading of a file: nothing of it is known but why.
func (v *Validator) refuse(c code, arg textfile.Arg) []byte {
	v.report(c, noField, 0, func() []textfile.Arg { return args(arg) })
	v.refused, v.in.Stop = true, true
	return nil
}

// unread notes that a line could not be read: it may belong to the entry before or after it.
func (v *Validator) unread() {
	v.movements++
	v.books.Unread()
	v.broken.spoilt = true
	v.handOut(nil, 0)
}

func (v *Validator) judgeEncoding(text []byte) {
	if v.text.wide {
		v.note(&v.books.UTF8, text)
		v.reading(filecheck.InUTF8)
		return
	}
	v.note(&v.books.Other, text)
	v.reading(filecheck.InEightBits)
	if odd, dos := textfile.CodePages(text); odd {
		if v.oddLines++; dos {
			v.note(&v.dos, text)
		}
	}
}

// reading tells of a line that may turn out to be the odd one of a mixture.
func (v *Validator) reading(of uint8) {
	if v.options.Place != nil {
		v.options.Place(filecheck.Place{Code: rules[encodingMixed].Code, Line: v.line, Reading: of})
	}
}

// note counts a line; of the first one the part that shows its encoding is kept.
func (v *Validator) note(p *books.Place, text []byte) {
	if p.Count++; p.Count == 1 {
		i := bytes.IndexFunc(text, func(r rune) bool { return r >= 0x80 })
		if field := bytes.Index(text[i:], []byte("  ")); field > 0 { // ends there
			text = text[:i+field]
		}
		p.Line, p.Text = v.line, bytes.Clone(bytes.Trim(textfile.Cut(text[max(0, i-10):], 64), " "))
	}
}
