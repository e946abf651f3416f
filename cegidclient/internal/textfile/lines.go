// Package textfile is what the readers of accounting files share: lines put together from writes of any size, findings
// that sum up, amounts in cents, and books that stay bounded whatever comes in. What a file means is theirs.
package textfile

import "bytes"

// Ending is how a line ends.
type Ending uint8

// The endings.
const (
	CRLF Ending = iota
	CR
	LF
	None // the last line
)

func (e Ending) String() string { return [...]string{"CR LF", "CR", "LF", ""}[e] }

// Lines cuts what is written to it into lines.
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
	pending bool   // it ended with a CR, perhaps followed by LF in the next write
}

// Write takes a piece of the file, of any size.
func (l *Lines) Write(p []byte) {
	if l.pending && len(p) > 0 {
		l.pending = false
		how := CR
		if p[0] == '\n' {
			how, p = CRLF, p[1:]
		}
		l.flush(how)
	}
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
				case end+1 < len(p):
					l.Take(p[:end], CR)
					p = p[end+1:]
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
		switch {
		case p[end] == '\n':
			l.flush(LF)
			p = p[end+1:]
		case end+1 == len(p):
			l.pending = true
			p = nil
		case p[end+1] == '\n':
			l.flush(CRLF)
			p = p[end+2:]
		default:
			l.flush(CR)
			p = p[end+1:]
		}
	}
}

// Close takes the last line, if it has no end.
func (l *Lines) Close() {
	switch {
	case l.Stop:
	case l.pending:
		l.flush(CR)
	case len(l.carry) > 0 || l.Long:
		l.flush(None)
	}
	l.carry, l.pending = nil, false
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
