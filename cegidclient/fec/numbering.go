package fec

import (
	"fmt"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// numbering finds gaps in the numbers of entries. Whether numbers run through the file or through each journal is not
// said anywhere: both are followed, and the better one is believed.
type numbering struct {
	sequences map[string]*sequence // of the file
	sequence  *sequence            // of the entry before
	following int                  // sequences of the file and of all journals
	pages     int
	shared    bool   // a number is there in two journals
	unclear   []byte // a number that is in no sequence, or that one too many
}

const (
	maxSequences = 8192
	maxPages     = 4096 // of 512 bytes
	maxPrefix    = 32
)

// sequence holds the numbers that follow the same text: 12 and 13 of VE-12 and VE-13.
type sequence struct {
	prefix          string
	width           int // digits of the first
	count, min, max uint64
	pages           map[uint64]*page
	last            *page
	lastIndex       uint64
}

// page has a bit for each of 4,096 numbers, and the day that an entry was first of.
type page struct {
	numbers [64]uint64
	days    []uint16
	// Of files that were put together, those of the present one; the first has the numbers alone.
	part uint32
	own  *[64]uint64
}

// packed writes a day from 1950 to 2125 in 16 bits; 0 for another one, or none.
func packed(day date) uint16 {
	if day < 1950_01_01 || day >= 2126_01_01 {
		return 0
	}
	return uint16(int(day/10000-1950)*372 + int(day/100%100-1)*31 + int(day%100))
}

func unpacked(p uint16) date {
	if p == 0 {
		return 0
	}
	n := int(p - 1)
	return date((n/372+1950)*10000 + (n%372/31+1)*100 + n%31 + 1)
}

// count notes the number of an entry, and tells whether the journal had it before, and of which day, if it is known.
func (v *Validator) count(c *cells, m *movement, j *journal) (again bool, day date) {
	num := c[EcritureNum]
	start := len(num)
	for start > 0 && num[start-1]-'0' <= 9 && len(num)-start < 18 {
		start--
	}
	if start == len(num) || start > maxPrefix {
		v.lost(num)
		return false, 0
	}
	n := uint64(0) // 18 digits at most
	for _, digit := range num[start:] {
		n = n*10 + uint64(digit-'0')
	}
	own := j.sequence
	if own == nil || own.prefix != string(num[:start]) {
		if own = v.follow(j.sequences, num, start); own == nil {
			return false, 0
		}
		j.sequence = own
	}
	all := v.sequence
	if all == nil || all.prefix != string(num[:start]) {
		all = v.follow(v.sequences, num, start)
		v.sequence = all
	}
	if all == nil || !v.room(own, n) || !v.room(all, n) {
		v.lost(num)
		return false, 0
	}
	if own.add(n, v.part.number) {
		if day = own.last.day(n); day == 0 {
			day = all.last.day(n)
		}
		return true, day
	}
	// The day is kept once: with the numbers of the file, unless two journals count alike.
	if all.add(n, v.part.number) {
		v.shared = true
		own.last.note(n, m.day)
	} else if v.shared {
		own.last.note(n, m.day)
	} else {
		all.last.note(n, m.day)
	}
	return false, 0
}

func (p *page) day(n uint64) date {
	if p.days == nil {
		return 0
	}
	return unpacked(p.days[n%4096])
}

func (p *page) note(n uint64, day date) {
	if p.days == nil {
		p.days = make([]uint16, 4096)
	}
	p.days[n%4096] = packed(day)
}

// lost notes a number that cannot be followed.
func (v *Validator) lost(num []byte) {
	if v.unclear == nil && len(num) > 0 {
		v.unclear = append([]byte{}, num[:min(len(num), textfile.MaxCode)]...)
	}
}

// follow finds the sequence of a number, nil when there are too many.
func (v *Validator) follow(in map[string]*sequence, num []byte, start int) *sequence {
	s := in[string(num[:start])]
	if s == nil && v.following < maxSequences {
		v.following++
		s = &sequence{prefix: string(num[:start]), width: len(num) - start, pages: map[uint64]*page{}}
		in[s.prefix] = s
	} else if s == nil {
		v.lost(num)
	}
	return s
}

// room sees to it that there is a page for the number.
func (v *Validator) room(s *sequence, n uint64) bool {
	index := n / 4096
	if s.last != nil && s.lastIndex == index {
		return true
	}
	p := s.pages[index]
	if p == nil {
		if v.pages >= maxPages {
			return false
		}
		v.pages++
		p = new(page)
		s.pages[index] = p
	}
	s.last, s.lastIndex = p, index
	return true
}

// add tells whether the number was there in the present part of the file.
func (s *sequence) add(n uint64, part uint32) bool {
	word, bit := &s.last.numbers[n/64%64], uint64(1)<<(n%64)
	again := *word&bit != 0
	if part > 0 {
		again = s.last.again(n, part)
	}
	if *word&bit != 0 {
		return again
	}
	*word |= bit
	if s.count == 0 {
		s.min, s.max = n, n
	}
	s.count++
	s.min, s.max = min(s.min, n), max(s.max, n)
	return false
}

// again tells whether the number was there in a part of the file that is not the first.
func (p *page) again(n uint64, part uint32) bool {
	if p.own == nil {
		p.own = new([64]uint64)
	}
	if p.part != part {
		p.part, *p.own = part, [64]uint64{}
	}
	word, bit := &p.own[n/64%64], uint64(1)<<(n%64)
	again := *word&bit != 0
	*word |= bit
	return again
}

func (s *sequence) missing() uint64 { return s.max - s.min + 1 - s.count }

// firstMissing is the first number that is not there.
func (s *sequence) firstMissing() string {
	n := s.min
	for p := s.pages[n/4096]; p != nil && p.numbers[n/64%64]&(1<<(n%64)) != 0; p = s.pages[n/4096] {
		n++
	}
	return fmt.Sprintf("%s%0*d", s.prefix, s.width, n)
}

// gaps are those of several sequences.
type gaps struct {
	missing, count uint64
	in             *sequence // the first with a gap
	journal        string
}

func (g *gaps) take(journal string, all map[string]*sequence) {
	for _, s := range all {
		if s.count == 0 {
			continue
		}
		g.missing += s.missing()
		g.count += s.count
		if s.missing() > 0 && (g.in == nil || journal < g.journal || journal == g.journal && s.prefix < g.in.prefix) {
			g.in, g.journal = s, journal
		}
	}
}

// sequenceGaps reports the gaps.
func (v *Validator) sequenceGaps() {
	if v.skipped || v.otherJournal.Lines > 0 {
		return // numbers were not seen, or not where they belong
	}
	var whole, journals gaps
	whole.take("", v.sequences)
	for _, j := range v.journals.Rows {
		journals.take(j.Code, j.sequences)
	}
	found, scope := journals, textfile.Text{English: "the journal " + decode([]byte(journals.journal)), French: "le journal " +
		decode([]byte(journals.journal))}
	if !v.shared && whole.missing <= journals.missing {
		found, scope = whole, textfile.Text{English: "the file", French: "le fichier"}
	}
	switch {
	case v.unclear != nil:
		v.sequenceless(v.unclear)
	case found.missing > found.count: // more gaps than numbers are no sequence
		v.sequenceless([]byte(found.in.firstOne()))
	case found.missing > 0:
		v.state(entryNumberGap, EcritureNum, 0, v.at1(EcritureNum),
			quoted("value", []byte(found.in.firstMissing())), number("count", int(min(found.missing, 1<<31))), textfile.Arg{
				Name:  "scope",
				Value: scope,
			})
	}
}

func (s *sequence) firstOne() string { return fmt.Sprintf("%s%0*d", s.prefix, s.width, s.min) }

func (v *Validator) sequenceless(num []byte) {
	v.state(sequenceUnchecked, EcritureNum, 0, v.at1(EcritureNum), quoted("value", num))
}
