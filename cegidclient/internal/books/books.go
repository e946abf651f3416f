// Package books adds up what the readers of accounting files read, and reports it.
package books

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// MaxUnbalanced is the number of entries that a report names, and maxMonths that of the months of all journals.
const (
	MaxUnbalanced = 100
	maxMonths     = 65_536
)

// Sum adds up the lines with a code.
type Sum struct {
	textfile.Balance
	Code  string
	Lines int

	months []month // in order
	last   int     // the month of the line before
}

type month struct {
	textfile.Balance
	of    textfile.Date // without its day
	lines int
}

func (s *Sum) month(of textfile.Date) (at int, known bool) {
	return slices.BinarySearchFunc(s.months, of, func(m month, of textfile.Date) int { return int(m.of - of) })
}

// on adds a line of a day to the month of a journal. Where there is no day, or no room, it is that of none.
func (b *Books) on(day textfile.Date, debit, credit textfile.Cents, s *Sum) {
	of := day / 100
	if b.months >= maxMonths && of != 0 {
		if _, known := s.month(of); !known {
			of = 0
		}
	}
	if s.last >= len(s.months) || s.months[s.last].of != of {
		at, known := s.month(of)
		if !known {
			b.months++
			s.months = slices.Insert(s.months, at, month{of: of})
		}
		s.last = at
	}
	m := &s.months[s.last]
	m.lines++
	m.Add(debit, credit)
}

// Total completes a sum for the report.
func (s *Sum) Total(decode func([]byte) string, label string) filecheck.Total {
	return filecheck.Total{Code: decode([]byte(s.Code)), Label: label, Lines: s.Lines, Debit: s.Debit, Credit: s.Credit}
}

// Books is what the lines of a file add up to.
type Books struct {
	Sum                       // of the file
	Partial     bool          // an amount could not be read, or a whole line
	Overflowing bool          // a total is too large
	months      int           // of all journals
	First, Last textfile.Date // of entries

	Open        textfile.OpenEntries
	Doubt       bool // a line that could not be read came before
	Entries     int
	References  textfile.References
	EntryTotals []filecheck.EntryTotal // that do not balance, once the file has ended
	Encodings
}

// Book adds a line to the file, its journal and its account.
func (b *Books) Book(day textfile.Date, debit, credit textfile.Cents, journal, account *Sum) {
	for _, s := range [...]*Sum{&b.Sum, journal, account} {
		s.Add(debit, credit)
		b.Overflowing = b.Overflowing || s.Overflow
	}
	b.on(day, debit, credit, journal)
}

// Dated notes the day of an entry.
func (b *Books) Dated(day textfile.Date) {
	if b.First == 0 || day < b.First {
		b.First = day
	}
	b.Last = max(b.Last, day)
}

// Unread notes that a line could not be read: it may belong to the entry before or after it.
func (b *Books) Unread() {
	b.Partial, b.Doubt, b.Open.Entry.Broken = true, true, true
}

// Unbalance keeps an entry that does not balance, if it is one of the first.
func (b *Books) Unbalance(e filecheck.EntryTotal) {
	if len(b.EntryTotals) < MaxUnbalanced {
		b.EntryTotals = append(b.EntryTotals, e)
	}
}

// Report fills in what the books know. Journals and accounts come with their labels.
func (b *Books) Report(decode func([]byte) string, journals, accounts iter.Seq2[*Sum, string]) filecheck.Report {
	r := filecheck.Report{
		Lines: b.Lines, Entries: b.Entries, Debit: b.Debit, Credit: b.Credit, Partial: b.Partial,
		FirstDate: b.First.String(), LastDate: b.Last.String(), References: b.References.List(decode),
		Unbalanced: slices.Clone(b.EntryTotals), Encoding: b.Encoding(),
	}
	for s, label := range journals {
		if s.Lines == 0 {
			continue
		}
		t := s.Total(decode, label)
		r.Journals = append(r.Journals, t)
		for _, m := range s.months {
			of := "" // or no room for it
			if m.of != 0 {
				of = fmt.Sprintf("%04d-%02d", m.of/100, m.of%100)
			}
			r.Months = append(r.Months, filecheck.MonthTotal{Journal: t.Code, Month: of, Lines: m.lines, Debit: m.Debit, Credit: m.Credit})
		}
	}
	for s, label := range accounts {
		if s.Lines > 0 {
			r.Accounts = append(r.Accounts, s.Total(decode, label))
		}
	}
	for _, totals := range [...][]filecheck.Total{r.Journals, r.Accounts} {
		slices.SortFunc(totals, func(a, b filecheck.Total) int { return strings.Compare(a.Code, b.Code) })
	}
	slices.SortFunc(r.Months, func(a, b filecheck.MonthTotal) int {
		return strings.Compare(a.Journal+"\x00"+a.Month, b.Journal+"\x00"+b.Month)
	})
	return r
}

// Place is where the first of some texts is, and how many there are.
type Place struct {
	Count, Line, Column int
	Text                []byte
}

// Note counts a text. The part of it that shows its encoding is kept.
func (p *Place) Note(line, column int, text []byte) {
	if p.Count++; p.Count == 1 {
		p.Line, p.Column, p.Text = line, column, bytes.Clone(text)
	}
}

// Encodings is what is known of how characters are written.
type Encodings struct {
	Mark        bool  // byte order mark
	UTF8, Other Place // texts with characters above ASCII
	// Encoding of the others, where it is not ISO 8859-15; empty if it is.
	Eight filecheck.Encoding
}

// Encoding judges the file.
func (e *Encodings) Encoding() filecheck.Encoding {
	switch {
	case e.Other.Count > 0 && (e.UTF8.Count > 0 || e.Mark):
		return filecheck.Mixed
	case e.UTF8.Count > 0 || e.Mark:
		return filecheck.UTF8
	case e.Other.Count == 0:
		return filecheck.ASCII
	case e.Eight != "":
		return e.Eight
	default:
		return filecheck.ISO885915
	}
}

// Odd tells whether texts that are read so are the rarer ones of a mixture; those of no reading are not concerned.
func (e *Encodings) Odd(reading uint8) bool {
	_, mixed := e.Judge()
	switch reading {
	case filecheck.InUTF8:
		return mixed == &e.UTF8
	case filecheck.InEightBits:
		return mixed == &e.Other
	}
	return true
}

// Judge gives the texts that are all in UTF-8, or the rarer ones of a file that is partly so.
func (e *Encodings) Judge() (utf8, mixed *Place) {
	switch p := &e.UTF8; {
	case p.Count > 0 && e.Other.Count == 0:
		return p, nil
	case e.Other.Count > 0 && (p.Count > 0 || e.Mark):
		if p.Count == 0 || e.Other.Count < p.Count {
			p = &e.Other
		}
		return nil, p
	}
	return nil, nil
}

// A Validator is written to.
type Validator interface {
	io.Writer
	Refused() bool
	End()
}

// Reader hands out what a validator reads, one by one.
type Reader[L any] struct {
	from   io.Reader
	v      Validator
	buffer []byte
	queue  []L // read and not yet handed out
	next   int
	err    error
}

const readSize = 32 << 10

// NewReader makes a reader of one file, with a buffer of its own. The validator is to call [Reader.Take].
func NewReader[L any](from io.Reader, v Validator) *Reader[L] {
	return &Reader[L]{from: from, v: v, buffer: make([]byte, readSize)}
}

// Take takes what was read.
func (r *Reader[L]) Take(line L) { r.queue = append(r.queue, line) }

// Read gives the next line, [io.EOF] after the last one, or the error of the reader below. A file that cannot be read
// ends at once; the report tells why.
func (r *Reader[L]) Read() (L, error) {
	for r.next == len(r.queue) {
		if r.err != nil {
			var none L
			return none, r.err
		}
		clear(r.queue) // of what was handed out
		r.queue, r.next = r.queue[:0], 0
		n, err := r.from.Read(r.buffer)
		_, _ = r.v.Write(r.buffer[:n]) // fails only once it is closed, which comes last
		if r.v.Refused() && err == nil {
			err = io.EOF
		}
		if err != nil {
			if err == io.EOF {
				r.v.End()
			}
			r.err = err
		}
	}
	r.next++
	return r.queue[r.next-1], nil
}
