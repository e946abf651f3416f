package fec

// part is what follows one header: of files that were put together, each begins its days and its numbers anew.
type part struct {
	number      uint32 // from 0
	line        int    // of its header, if it is not the first
	carried     bool   // the present entry is one of a part before, and perhaps of another day
	first, last date   // of entries
	ordinary    date   // the earliest in a journal without opening balances, so far
	validated   date   // the latest so far
}

// dated notes the day of an entry.
func (p *part) dated(day date) {
	if p.first == 0 || day < p.first {
		p.first = day
	}
	p.last = max(p.last, day)
}

// nextPart takes a header that is not the first line. The entry before it may go on behind it.
func (v *Validator) nextPart() {
	v.endPart()
	v.part = part{number: v.part.number + 1, line: v.line, carried: true}
}

// endPart judges the days of a part.
func (v *Validator) endPart() {
	v.sumDays()
	if p := &v.part; p.first != 0 && p.last.Days()-p.first.Days() > 366 {
		v.state(datesFarApart, EcritureDate, 0, int(v.column[EcritureDate])+1, p.first.Arg("start"), p.last.Arg("end"))
	}
}

// sumDays adds the days of the part to those of the file.
func (v *Validator) sumDays() {
	if p := &v.part; p.first != 0 {
		v.books.Dated(p.first)
		v.books.Dated(p.last)
	}
}
