package tra

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/books"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// The limits of what is told apart.
const (
	MaxJournals    = textfile.MaxJournals
	MaxAccounts    = textfile.MaxAccounts
	MaxOpenEntries = textfile.MaxOpenEntries

	maxUnits = 1000
	maxYears = 100
)

// sums is what the movements add up to.
type sums struct {
	books   books.Books
	foreign int // lines that have an amount in a currency only, and are in no total

	journals textfile.Table[journal]
	journal  *journal // of the line before
	accounts textfile.Table[account]
	parties  textfile.Table[party]
	axes     [5]books.Sum
	units    textfile.Table[uint16] // currencies that entries are balanced in

	// What is beyond the limits.
	otherJournal journal
	otherAccount account

	years    []period
	yearless bool // one of them is not known

	piece piece

	broken breakdown
}

// piece is what follows one header: files that were put together describe themselves, each.
type piece struct {
	number               int // from 0
	before               int // movements
	openYears            int
	numbered, unnumbered bool // lines with a number of the document, lines without
}

// nextPiece takes a header that is not the first.
func (v *Validator) nextPiece() {
	v.endPiece()
	v.piece = piece{number: v.piece.number + 1, before: v.movements}
}

// endPiece judges a piece.
func (v *Validator) endPiece() {
	if n := v.piece.openYears; n > 2 {
		v.report(yearsOpen, fYearState, 0, func() []textfile.Arg { return args(textfile.Number("count", n)) })
	}
}

// answer is what the file says of something, if it does.
type answer uint8

const (
	unsaid answer = iota
	yes
	no
)

type journal struct {
	books.Sum
	described, closed bool // by a record JAL
	in                int  // the piece that has it
	label, mode       string
	forbidden         []string
	reserved          bool
	kindOf            check.JournalKind
	sorted            bool // kindOf is known
}

type account struct {
	books.Sum
	described, closed bool // by a record CGN
	in                int  // the piece that has it
	label             string
	collective        answer
	axes              [5]bool
}

// party is a third party that a record CAE describes.
type party struct {
	collective string // as written
	closed     bool
	in         int // the piece that has it
}

type period struct{ start, end textfile.Date }

// euro is the unit of most amounts; the others are currencies, in which an entry without euro can be balanced.
const euro = 0

// breakdown is a line of the ledger that analytic lines may follow.
type breakdown struct {
	line    int // 0 for none
	general []byte
	unit    uint16
	amount  Cents // debit, or credit below zero
	parts   [5]Cents
	has     [5]bool
	spoilt  bool // something could not be read
}

func (b *sums) prepare() {
	b.journals = textfile.NewTable[journal](MaxJournals)
	b.accounts = textfile.NewTable[account](MaxAccounts)
	b.parties = textfile.NewTable[party](textfile.MaxParties)
	b.units = textfile.NewTable[uint16](maxUnits)
	b.books.Open.Prepare()
	for i := range b.axes {
		b.axes[i].Code = axes[i]
	}
}

// kind is what the journal is for, by the record JAL, or by its code.
func (j *journal) kind() check.JournalKind {
	if !j.sorted {
		j.sorted, j.kindOf = true, check.JournalKindOf(j.Code, j.label)
	}
	return j.kindOf
}

// unitOf is the unit of a currency; euro when it is not known which.
func (b *sums) unitOf(currency []byte) uint16 {
	if len(currency) == 0 {
		return euro
	}
	unit, fresh := b.units.Row(currency)
	switch {
	case unit == nil:
		return euro
	case fresh:
		*unit = uint16(len(b.units.Rows))
	}
	return *unit
}

// book adds a movement.
func (v *Validator) book(m *movement) {
	j := v.journalOf(m.journal, fJournal)
	v.judgeJournal(m, j)
	if m.kind == 'A' || m.kind == 'O' {
		v.breakDown(m)
		return
	}

	v.compareBreakdown()
	a := v.accountOf(m.general, fGeneral)
	v.judgeAccount(m, j, a)
	switch {
	case !m.known:
		v.books.Partial = true
	case m.unit != euro:
		v.foreign++
	default:
		v.books.Book(m.date, m.debit, m.credit, &j.Sum, &a.Sum)
	}
	v.books.Lines++
	v.books.References.Add(m.reference)
	j.Lines++
	a.Lines++
	v.enter(m)
	v.tell(m)
	v.ponder(m, a)

	b := &v.broken
	*b = breakdown{line: v.line, general: append(b.general[:0], m.general...), unit: m.unit, amount: m.debit - m.credit, spoilt: !m.known ||
		v.books.Doubt}
	if m.kind == 'H' {
		v.part(m)
	}
}

// keyOf writes what tells entries apart: journal, day, type and number, or the reference for want of one (loop-api: A 9.7).
func (v *Validator) keyOf(m *movement) []byte {
	key := append(append(v.books.Open.Next(), m.journal...), 0)
	key = append(strconv.AppendInt(key, int64(m.date), 10), 0) // however it is written
	key = append(append(key, v.text.cell(fDocumentType)...), 0)
	if len(m.number) > 0 {
		key = append(append(key, 'n'), m.number...)
	} else {
		key = append(append(key, 'r'), m.reference...)
	}
	// A day that is written the wrong way is perhaps another one: nothing follows from it but that.
	if before := v.books.Open.Key(); (m.misdated || v.misdated) && sameButDay(key, before) {
		return append(key[:0], before...)
	}
	v.misdated = m.misdated
	return key
}

// sameButDay compares keys.
func sameButDay(a, b []byte) bool {
	journal1, rest1, _ := bytes.Cut(a, []byte{0})
	journal2, rest2, _ := bytes.Cut(b, []byte{0})
	_, rest1, _ = bytes.Cut(rest1, []byte{0})
	_, rest2, found := bytes.Cut(rest2, []byte{0})
	return found && bytes.Equal(journal1, journal2) && bytes.Equal(rest1, rest2)
}

// names takes a key apart; of one that was too long, the names are cut.
func names(key []byte) (journal, number, reference []byte) {
	journal, rest, _ := bytes.Cut(key, []byte{0})
	_, rest, _ = bytes.Cut(rest, []byte{0})
	_, rest, _ = bytes.Cut(rest, []byte{0})
	switch {
	case len(rest) == 0:
		return journal, nil, nil
	case rest[0] == 'n':
		return journal, rest[1:], nil
	default:
		return journal, nil, rest[1:]
	}
}

// entryArg names an entry by its number, or reference.
func (v *Validator) entryArg(key []byte) textfile.Arg {
	_, number, reference := names(key)
	name := slices.Concat(number, reference)
	if len(name) == 0 {
		name = []byte("?")
	}
	return quoted("entry", name)
}

// enter adds a line to its entry.
func (v *Validator) enter(m *movement) {
	if m.date == 0 || len(m.journal) == 0 || len(v.text.cell(fDocumentType)) == 0 { // it may belong to the one before it or after it
		v.books.Open.Entry.Broken, v.books.Doubt = true, true
		return
	}
	if v.books.Open.Turns(v.keyOf(m)) {
		v.leave()
		scattered := v.books.Open.Enter(v.line, m.date)
		v.sense.Begin(v.line, v.journalOf(m.journal, fJournal).kind(), m.date, scattered || v.books.Doubt)
		if scattered {
			v.report(entryScattered, noField, v.line, func() []textfile.Arg {
				return args(v.entryArg(v.books.Open.Key()), quoted("journal", m.journal))
			})
		} else {
			v.books.Entries++
		}
	}
	e := v.books.Open.Entry
	e.Add(m.debit, m.credit)
	v.books.Overflowing = v.books.Overflowing || e.Overflow
	e.Broken = e.Broken || v.books.Doubt || e.Overflow || !m.known
	v.books.Doubt = false
	switch unit := m.unit + 1; {
	case e.Marks == 0:
		e.Marks = unit
	case e.Marks != unit && !e.Broken:
		e.Broken = true
		v.report(unitsMixed, noField, e.Line, func() []textfile.Arg { return args(v.entryArg(v.books.Open.Key())) })
	}
}

// leave ends the current entry, for now.
func (v *Validator) leave() {
	e := v.books.Open.Entry
	if e.Line == 0 {
		return
	}
	v.conclude()
	if v.options.Entries != nil && v.books.Open.Balanced() {
		v.options.Entries(v.entryTotal(v.books.Open.Key(), e))
	}
	if v.books.Open.Leave() {
		v.report(entriesUnfollowed, noField, e.Line, func() []textfile.Arg { return args(textfile.Number("most", MaxOpenEntries)) })
	}
}

func (v *Validator) entryTotal(key []byte, e *textfile.Entry) EntryTotal {
	journal, number, reference := names(key)
	t := EntryTotal{
		Journal: decode(journal), Number: decode(number), Reference: decode(reference), Date: e.Date.String(), Line: e.Line,
		Debit: e.Debit, Credit: e.Credit, Exact: !e.Broken,
	}
	if e.Marks > euro+1 {
		for code, unit := range v.units.Rows {
			if *unit+1 == e.Marks {
				t.Currency = decode([]byte(code))
			}
		}
	}
	return t
}

// breakDown takes an analytic line.
func (v *Validator) breakDown(m *movement) {
	v.onAxis(m)
	b := &v.broken
	switch {
	case m.kind == 'O' || b.spoilt:
	case b.line == 0 || v.books.Open.Turns(v.keyOf(m)) || !bytes.Equal(m.general, b.general):
		v.state(analyticOrphan, fKind)
		b.spoilt = true // it may be the part that is missing
	case !m.known || m.axis < 0 || m.unit != b.unit:
		b.spoilt = true
	default:
		b.has[m.axis] = true
		b.parts[m.axis] = min(max(b.parts[m.axis]+m.debit-m.credit, -maxParts), maxParts)
		if a := v.accounts.Rows[string(m.general)]; a != nil && a.described && !a.axes[m.axis] {
			v.report(analyticUnexpected, fAxis, v.line, func() []textfile.Arg {
				return args(quoted("value", m.general), textfile.Plain("axis", axes[m.axis]))
			})
		}
	}
}

// maxParts is more than any line can have.
const maxParts = textfile.MaxCents + 1

// part takes the analytic half of a line that is both.
func (v *Validator) part(m *movement) {
	if m.axis < 0 {
		v.broken.spoilt = true
		return
	}
	v.onAxis(m)
	v.broken.has[m.axis], v.broken.parts[m.axis] = true, m.debit-m.credit
}

// onAxis adds a line to the totals of its axis.
func (v *Validator) onAxis(m *movement) {
	if m.axis < 0 {
		return
	}
	s := &v.axes[m.axis]
	s.Lines++
	if m.known && m.unit == euro {
		s.Add(m.debit, m.credit)
		v.books.Overflowing = v.books.Overflowing || s.Overflow
	}
}

// compareBreakdown compares a line with its breakdown, once all of it is known.
func (v *Validator) compareBreakdown() {
	b := &v.broken
	if b.line == 0 || b.spoilt {
		return
	}
	for i, parts := range b.parts {
		if b.has[i] && parts != b.amount {
			v.report(analyticUnbalanced, fAxis, b.line, func() []textfile.Arg {
				return args(textfile.Plain("axis", axes[i]), quoted("account", b.general), textfile.Money("sum", parts),
					textfile.Money("amount", b.amount))
			})
		}
	}
}

func (v *Validator) journalOf(code []byte, f *field) *journal {
	if j := v.journal; j != nil && string(code) == j.Code {
		return j
	}
	j, fresh := v.journals.Row(code)
	switch {
	case j == nil:
		v.incomplete(f, code, MaxJournals)
		return &v.otherJournal
	case fresh:
		j.Code = string(code)
		j.reserved = strings.EqualFold(j.Code, "AN") // as in package check
	}
	v.journal = j
	return j
}

func (v *Validator) judgeJournal(m *movement, j *journal) {
	if len(m.journal) == 0 || j == &v.otherJournal {
		return
	}
	if j.reserved {
		v.with(journalReserved, fJournal, m.journal)
	}
	switch {
	case !j.described && v.header.Content == "JRL":
		v.with(journalUndescribed, fJournal, m.journal)
	case j.closed:
		v.with(closed, fJournal, m.journal)
	}
	if j.mode != "" && m.entryType != 'N' && m.entryType != 0 {
		v.report(journalMode, fEntryType, v.line, func() []textfile.Arg {
			return args(quoted("journal", m.journal), textfile.Plain("value", j.mode), quoted("other", []byte{m.entryType}))
		})
	}
}

func (v *Validator) accountOf(code []byte, f *field) *account {
	a := v.accounts.Rows[string(code)]
	if a == nil {
		if a, _ = v.accounts.Row(code); a == nil {
			v.incomplete(f, code, MaxAccounts)
			return &v.otherAccount
		}
		a.Code = string(code)
	}
	return a
}

// judgeAccount holds the line against what the file says of its account, journal and third party.
func (v *Validator) judgeAccount(m *movement, j *journal, a *account) {
	if len(m.general) == 0 {
		return
	}
	if a.closed {
		v.with(closed, fGeneral, m.general)
	}
	if len(j.forbidden) > 0 && contains(j.forbidden, m.general) {
		v.report(accountForbidden, fGeneral, v.line, func() []textfile.Arg {
			return args(quoted("value", m.general), quoted("journal", m.journal))
		})
	}
	switch {
	case m.kind == 'X' && a.collective == no:
		v.with(accountNotCollective, fGeneral, m.general)
	case m.kind != 'X' && a.collective == yes:
		v.with(thirdPartyExpected, fGeneral, m.general)
	}
	if m.kind != 'X' || len(v.parties.Rows) == 0 {
		return
	}
	p := v.parties.Rows[string(m.auxiliary)]
	if p == nil {
		return
	}
	if p.closed {
		v.with(closed, fAuxiliary, m.auxiliary)
	}
	if p.collective != "" && p.collective != string(m.general) {
		v.report(thirdPartyAccount, fGeneral, v.line, func() []textfile.Arg {
			return args(quoted("value", m.auxiliary), quoted("other", []byte(p.collective)), quoted("account", m.general))
		})
	}
}

func (v *Validator) incomplete(f *field, code []byte, most int) {
	v.report(totalsIncomplete, f, v.line, func() []textfile.Arg {
		return args(quoted("value", code), textfile.Number("most", most))
	})
}
