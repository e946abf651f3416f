package fec

import (
	"bytes"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/books"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// The limits of what is told apart.
const (
	MaxJournals    = textfile.MaxJournals
	MaxAccounts    = textfile.MaxAccounts
	MaxOpenEntries = textfile.MaxOpenEntries
)

// sums is what the movements add up to.
type sums struct {
	books   books.Books
	skipped bool // a line could not be read, or has no number
	part    part
	lastRaw [numFields]uint64
	lastDay [numFields]date

	journals textfile.Table[journal]
	journal  *journal // of the line before
	accounts textfile.Table[account]
	parties  textfile.Table[[]byte] // labels of third parties

	// What is beyond the limits.
	otherJournal journal
	otherAccount account

	perLine lineNumbers
	numbering
}

type journal struct {
	books.Sum
	label     []byte
	kind      check.JournalKind
	opening   bool // holds the opening balances
	reserved  bool
	sequences map[string]*sequence
	sequence  *sequence // of the entry before
}

type account struct {
	books.Sum
	label     []byte
	unpartied bool // it takes no third party, as a rule
	partied   bool // it takes one
}

// Marks of an entry: it has accounts of 12, of classes 6 or 7.
const (
	hasResult = 1 << iota
	hasRevenue

	closesYear = hasResult | hasRevenue
)

func (b *sums) prepare() {
	b.journals = textfile.NewTable[journal](MaxJournals)
	b.accounts = textfile.NewTable[account](MaxAccounts)
	b.parties = textfile.NewTable[[]byte](textfile.MaxParties)
	b.sequences, b.otherJournal.sequences = map[string]*sequence{}, map[string]*sequence{}
	b.books.Open.Prepare()
	b.perLine.days = map[journalDay]*dayTotal{}
}

// book adds a movement.
func (v *Validator) book(c *cells, m *movement) {
	j, a := v.journalOf(c), v.accountOf(c)
	v.party(c)
	v.books.References.Add(c[PieceRef])
	if !m.known {
		v.books.Partial = true
	}
	v.books.Book(m.day, m.debit, m.credit, &j.Sum, &a.Sum)
	v.books.Lines++
	j.Lines++
	a.Lines++
	if a.unpartied && len(c[CompAuxNum]) > 0 && !v.again(thirdPartyUnexpected, CompAuxNum, v.line, v.at1(CompAuxNum)) {
		v.first(thirdPartyUnexpected, CompAuxNum, v.line, v.at1(CompAuxNum), quoted("value", c[CompAuxNum]), quoted("account", c[CompteNum]))
	}
	if j.reserved {
		v.report(journalReserved, JournalCode, c[JournalCode])
	}
	switch {
	case m.day == 0:
	case !j.opening:
		if v.part.ordinary == 0 || m.day < v.part.ordinary {
			v.part.ordinary = m.day
		}
	case v.part.ordinary != 0 && m.day <= v.part.ordinary: // of a later day it is rather the journal that is wrong
		v.report(openingNotFirst, JournalCode, c[JournalCode])
	}

	if len(c[EcritureNum]) == 0 || len(c[JournalCode]) == 0 {
		v.astray(c, m)
		return
	}
	v.enter(c, m, j)
	v.ponder(c, m, a)
	e := v.books.Open.Entry
	e.Add(m.debit, m.credit)
	v.books.Overflowing = v.books.Overflowing || e.Overflow
	if e.Overflow || !m.known || v.found.Spoilt() {
		e.Broken = true
	}
	if number := c[CompteNum]; len(number) > 1 {
		switch {
		case number[0] == '1' && number[1] == '2':
			e.Marks |= hasResult
		case number[0] == '6' || number[0] == '7':
			e.Marks |= hasRevenue
		}
	}
	switch {
	case m.day == 0 || m.day == e.Date:
	case e.Date == 0 || v.part.carried:
		e.Date = m.day
	default:
		v.otherDay(c, m, e.Date)
	}
	v.part.carried = false
}

// otherDay reports that a line is not of the day of its entry.
func (v *Validator) otherDay(c *cells, m *movement, day date) {
	if column := v.at1(EcritureDate); !v.again(entryDateDiffers, EcritureDate, v.line, column) {
		v.first(entryDateDiffers, EcritureDate, v.line, column, m.day.Arg("value"), day.Arg("other"), quoted("entry", c[EcritureNum]))
	}
}

// astray takes a line that does not say which entry it is of: the one that goes on, if it agrees with it, else it may be
// of the one before or the one after.
func (v *Validator) astray(c *cells, m *movement) {
	v.skipped = true
	e := v.books.Open.Entry
	journal, num := names(v.books.Open.Key())
	known := func(cell, of []byte) bool { return len(cell) == 0 || bytes.Equal(cell, of) }
	e.Broken = true
	v.books.Doubt = e.Line == 0 || !known(c[JournalCode], journal) || !known(c[EcritureNum], num) || m.day != e.Date
}

func (v *Validator) journalOf(c *cells) *journal {
	code := c[JournalCode]
	j := v.journal
	if j == nil || string(code) != j.Code {
		j = v.newJournal(c)
		v.journal = j
	}
	if j != &v.otherJournal {
		v.label(JournalLib, code, c[JournalLib], &j.label)
	}
	return j
}

// newJournal is for a line of another journal than the one before.
func (v *Validator) newJournal(c *cells) *journal {
	code := c[JournalCode]
	j, fresh := v.journals.Row(code)
	switch {
	case j == nil:
		v.incomplete(JournalCode, code, MaxJournals)
		return &v.otherJournal
	case !fresh:
		return j
	}
	j.Code, j.sequences = string(code), map[string]*sequence{}
	j.reserved = strings.EqualFold(j.Code, "AN") // as in package check
	j.kind = check.JournalKindOf(decode(code), decode(c[JournalLib]))
	switch label := bare(decode(c[JournalLib])); strings.ToUpper(bare(j.Code)) {
	case "AN", "RAN", "ANO", "ANOUV", "ANX":
		j.opening = true
	default:
		j.opening = strings.Contains(label, "nouveau")
	}
	return j
}

func (v *Validator) accountOf(c *cells) *account {
	code := c[CompteNum]
	a := v.accounts.Rows[string(code)]
	if a == nil {
		if a, _ = v.accounts.Row(code); a == nil {
			v.incomplete(CompteNum, code, MaxAccounts)
			return &v.otherAccount
		}
		a.Code = string(code)
		a.unpartied = len(code) > 2 && (code[0] == '6' || code[0] == '7')
		a.partied = check.NeedsThirdParty(a.Code)
	}
	v.label(CompteLib, code, c[CompteLib], &a.label)
	return a
}

// label compares a code's label with the first that it had.
func (v *Validator) label(f Field, code, label []byte, first *[]byte) {
	label = textfile.Cut(label, textfile.MaxCode)
	switch {
	case len(label) == 0 || bytes.Equal(label, *first):
	case *first == nil:
		*first = bytes.Clone(label)
	case !v.again(labelDiffers, f, v.line, v.at1(f)):
		v.first(labelDiffers, f, v.line, v.at1(f), quoted("value", label), quoted("code", code), quoted("other", *first))
	}
}

// party compares the labels of third parties.
func (v *Validator) party(c *cells) {
	code, label := c[CompAuxNum], c[CompAuxLib]
	if len(code) == 0 || len(label) == 0 {
		return
	}
	known, _ := v.parties.Row(code)
	if known == nil {
		v.incomplete(CompAuxNum, code, textfile.MaxParties)
		return
	}
	v.label(CompAuxLib, code, label, known)
}

func (v *Validator) incomplete(f Field, code []byte, most int) {
	if !v.again(totalsIncomplete, f, v.line, v.at1(f)) {
		v.first(totalsIncomplete, f, v.line, v.at1(f), quoted("value", code), number("most", most))
	}
}

// enter makes the entry of the line the current one.
func (v *Validator) enter(c *cells, m *movement, j *journal) {
	open := &v.books.Open
	turns := open.Turns(append(append(append(open.Next(), c[JournalCode]...), 0), c[EcritureNum]...))
	if turns {
		v.leave()
		stored := open.Enter(v.line, m.day)
		again, day := v.count(c, m, j)
		v.part.carried = stored && !again && open.Entry.Line < v.part.line
		if stored {
			day = open.Entry.Date
		}
		v.sense.Begin(v.line, j.kind, m.day, again || v.books.Doubt)
		if !again {
			v.books.Entries++
		} else {
			if day != 0 && m.day != 0 && day != m.day {
				v.otherDay(c, m, day)
				open.Entry.Date = m.day // said
			}
			if column := v.at1(EcritureNum); !v.again(entryScattered, EcritureNum, v.line, column) {
				v.first(entryScattered, EcritureNum, v.line, column, quoted("entry", c[EcritureNum]), quoted("journal", c[JournalCode]))
			}
		}
		turns = !again
	}
	v.number(c, m, j, turns)
	if v.books.Doubt {
		v.books.Doubt, open.Entry.Broken = false, true
	}
}

// leave ends the current entry, for now.
func (v *Validator) leave() {
	v.conclude()
	open := &v.books.Open
	e := open.Entry
	if e.Marks == closesYear {
		if !v.again(closingEntry, noField, e.Line, 0) {
			_, num := names(open.Key())
			v.first(closingEntry, noField, e.Line, 0, quoted("entry", num))
		}
		e.Marks = hasRevenue // said once
	}
	if open.Leave() {
		v.state(entriesUnfollowed, noField, e.Line, 0, number("most", MaxOpenEntries))
	}
}

// names takes a key apart; of one that was too long, the names are cut.
func names(key []byte) (journal, number []byte) {
	journal, number, _ = bytes.Cut(key, []byte{0})
	return journal, number
}

// unbalanced reports the entries that do not balance, by line; those of numbers that count lines are none.
func (v *Validator) unbalanced() {
	if v.has(entryNumbersPerLine) || v.has(linesNumbered) {
		return
	}
	for _, k := range v.books.Open.Unbalanced() {
		journal, num := names([]byte(k.Key))
		if !v.again(entryUnbalanced, noField, k.Line, 0) {
			v.first(entryUnbalanced, noField, k.Line, 0, quoted("entry", num), quoted("journal", journal),
				money("debit", k.Debit), money("credit", k.Credit), money("difference", k.Difference()))
		}
		total := EntryTotal{
			Journal: decode(journal), Number: decode(num), Date: k.Date.String(), Line: k.Line, Debit: k.Debit, Credit: k.Credit, Exact: true,
		}
		v.books.Unbalance(total)
		if v.options.Unbalanced != nil {
			v.options.Unbalanced(total)
		}
	}
}

// lineNumbers follows the reading by which EcritureNum counts lines instead of entries, until a line refutes it.
type lineNumbers struct {
	refuted, full bool
	first, last   []byte
	days          map[journalDay]*dayTotal
	day           *dayTotal // of the line before
	of            journalDay
}

type journalDay struct {
	*journal
	date
}

type dayTotal struct {
	textfile.Balance
	line int
}

// number follows the number of a line; new tells that no line had it before.
func (v *Validator) number(c *cells, m *movement, j *journal, fresh bool) {
	n := &v.perLine
	switch {
	case n.refuted:
		return
	case !fresh || m.day == 0:
		*n = lineNumbers{refuted: true}
		return
	}
	if n.first == nil {
		n.first = bytes.Clone(textfile.Cut(c[EcritureNum], textfile.MaxCode))
	}
	n.last = append(n.last[:0], textfile.Cut(c[EcritureNum], textfile.MaxCode)...)
	if of := (journalDay{j, m.day}); n.day == nil || n.of != of {
		n.of, n.day = of, n.days[of]
		if n.day == nil {
			if len(n.days) == MaxOpenEntries {
				n.full, n.day = true, new(dayTotal)
				return
			}
			n.day = &dayTotal{line: v.line}
			n.days[of] = n.day
		}
	}
	n.day.Add(m.debit, m.credit)
}

// numberedLines judges the balance by journal and day where every line has a number of its own and no entry balances.
func (v *Validator) numberedLines() {
	n := &v.perLine
	open := &v.books.Open
	if n.refuted || v.books.Entries < 2 || v.books.Entries != v.books.Lines || open.Len() < 2 {
		return
	}
	c := entryNumbersPerLine
	if v.options.NumbersPerLine {
		c = linesNumbered
	}
	v.state(c, EcritureNum, 0, v.at1(EcritureNum), quoted("first", n.first), quoted("last", n.last))
	var days []journalDay
	for of, day := range n.days {
		if day.Debit != day.Credit {
			days = append(days, of)
		}
	}
	slices.SortFunc(days, func(a, b journalDay) int { return n.days[a].line - n.days[b].line })
	for _, of := range days {
		day := n.days[of]
		if !v.again(dayUnbalanced, noField, day.line, 0) {
			v.first(dayUnbalanced, noField, day.line, 0, quoted("journal", []byte(of.Code)), of.date.Arg("value"),
				money("debit", day.Debit), money("credit", day.Credit), money("difference", day.Difference()))
		}
		total := filecheck.EntryTotal{
			Journal: decode([]byte(of.Code)), Date: of.date.String(), Line: day.line, Debit: day.Debit, Credit: day.Credit, Exact: true,
		}
		v.books.Unbalance(total)
		if v.options.Unbalanced != nil {
			v.options.Unbalanced(total)
		}
	}
}
