// Package textfile is what the readers of accounting files share about text: lines put together from writes of any size,
// amounts in cents, dates, sentences, and tables that stay bounded whatever comes in. What a file means is theirs.
package textfile

import "bytes"

// Ending is how a line ends.
type Ending uint8

// The endings.
const (
	CRLF Ending = iota
	CR
	LF
	CRCRLF // what a transfer in text mode makes of CR LF; it is one end of a line
	None   // the last line
)

func (e Ending) String() string { return [...]string{"CR LF", "CR", "LF", "CR CR LF", ""}[e] }

// Lines cuts what is written to it into lines, counted as editors do: CR LF, LF and CR each end a line, and CR CR LF ends
// one.
type Lines struct {
	// Most is the number of bytes of a line that are kept.
	Most int
	// Split finds the end of the line that p begins with, at CR or LF; -1 when p ends first. It is called for each line
	// right before Take, and perhaps before that for a part of the line.
	Split func(p []byte) (end int)
	// Take is given a line without its end.
	Take func(line []byte, how Ending)
	// Long tells Take that the line is longer than what it is given.
	Long bool
	// Stop ends the reading, for good.
	Stop bool

	carry   []byte // the line that is being put together from several writes
	pending int    // CRs that it ended with, perhaps followed by LF in the next write
}

// Write takes a piece of the file, of any size.
func (l *Lines) Write(p []byte) {
	p = l.endPending(p)
	for len(p) > 0 && !l.Stop {
		if len(l.carry) == 0 && !l.Long {
			window := p[:min(len(p), l.Most+1)]
			if end := l.Split(window); end >= 0 {
				switch {
				case p[end] == '\n':
					l.Take(p[:end], LF)
					p = p[end+1:]
					continue
				case end+1 < len(p) && p[end+1] == '\n':
					l.Take(p[:end], CRLF)
					p = p[end+2:]
					continue
				case end+1 < len(p) && p[end+1] != '\r', end+2 < len(p) && p[end+2] != '\n':
					l.Take(p[:end], CR)
					p = p[end+1:]
					continue
				case end+2 < len(p):
					l.Take(p[:end], CRCRLF)
					p = p[end+3:]
					continue
				}
			}
		}
		// The line goes on in the next write, or is too long.
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			l.keep(p)
			break
		}
		l.keep(p[:end])
		if p[end] == '\n' {
			l.flush(LF)
			p = p[end+1:]
			continue
		}
		l.pending = 1
		p = l.endPending(p[end+1:])
	}
}

// endPending tells what the CRs before p were, as far as p shows it, and gives the rest of p.
func (l *Lines) endPending(p []byte) []byte {
	for l.pending > 0 && len(p) > 0 && !l.Stop {
		switch how := CRLF; {
		case p[0] == '\n':
			if l.pending == 2 {
				how = CRCRLF
			}
			l.pending, p = 0, p[1:]
			l.flush(how)
		case p[0] == '\r' && l.pending == 1:
			l.pending, p = 2, p[1:]
		default:
			l.pending--
			l.flush(CR)
		}
	}
	return p
}

// Close takes the last line, if it has no end.
func (l *Lines) Close() {
	if !l.Stop && l.pending == 0 && (len(l.carry) > 0 || l.Long) {
		l.flush(None)
	}
	for ; l.pending > 0 && !l.Stop; l.pending-- {
		l.flush(CR)
	}
	l.carry, l.pending = nil, 0
}

// keep adds to the line that is put together.
func (l *Lines) keep(p []byte) {
	if room := l.Most - len(l.carry); len(p) > room {
		p, l.Long = p[:room], true
	}
	if l.carry == nil {
		l.carry = make([]byte, 0, 1024)
	}
	l.carry = append(l.carry, p...)
}

// flush takes the line that was put together.
func (l *Lines) flush(how Ending) {
	l.Split(l.carry)
	l.Take(l.carry, how)
	l.carry, l.Long = l.carry[:0], false
}
