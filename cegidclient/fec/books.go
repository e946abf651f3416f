package fec

import (
	"bytes"
	"strings"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// The limits of what is told apart.
const (
	MaxJournals    = textfile.MaxJournals
	MaxAccounts    = textfile.MaxAccounts
	MaxOpenEntries = textfile.MaxOpenEntries
)

// books is what the movements add up to.
type books struct {
	total               textfile.Balance
	partial             bool // an amount could not be read
	skipped             bool // nor could a whole line
	overflow            bool // a total is too large
	firstDate, lastDate date
	validated           date // the latest so far
	lastRaw             [numFields]uint64
	lastDay             [numFields]date

	journals textfile.Table[journal]
	journal  *journal // of the line before
	ordinary bool     // a journal without opening balances was seen
	accounts textfile.Table[account]
	parties  textfile.Table[[]byte] // labels of third parties

	// What is beyond the limits.
	otherJournal journal
	otherAccount account

	open    textfile.OpenEntries // by the journal's code, 0 and the number
	doubt   bool                 // a line that could not be read came before
	entries int

	references textfile.References

	numbering
}

// sum adds up the lines with a code.
type sum struct {
	textfile.Balance
	code  string
	lines int
}

type journal struct {
	sum
	label     []byte
	opening   bool // holds the opening balances
	reserved  bool
	sequences map[string]*sequence
	sequence  *sequence // of the entry before
}

type account struct {
	sum
	label []byte
}

// Marks of an entry: it has accounts of 12, of classes 6 or 7.
const (
	hasResult = 1 << iota
	hasRevenue

	closesYear = hasResult | hasRevenue
)

func (b *books) prepare() {
	b.journals = textfile.NewTable[journal](MaxJournals)
	b.accounts = textfile.NewTable[account](MaxAccounts)
	b.parties = textfile.NewTable[[]byte](textfile.MaxParties)
	b.sequences, b.otherJournal.sequences = map[string]*sequence{}, map[string]*sequence{}
	b.open.Prepare()
}

// book adds a movement.
func (v *Validator) book(c *cells, m *movement) {
	j, a := v.journalOf(c), v.accountOf(c)
	v.party(c)
	v.references.Add(c[PieceRef])
	if !m.known {
		v.partial = true
	}
	for _, b := range [...]*textfile.Balance{&v.total, &j.Balance, &a.Balance} {
		b.Add(m.debit, m.credit)
		v.overflow = v.overflow || b.Overflow
	}
	j.lines++
	a.lines++
	if j.reserved {
		v.report(journalReserved, JournalCode, c[JournalCode])
	}
	if !j.opening {
		v.ordinary = true
	} else if v.ordinary {
		v.report(openingNotFirst, JournalCode, c[JournalCode])
	}

	v.enter(c, m, j)
	e := v.open.Entry
	e.Add(m.debit, m.credit)
	v.overflow = v.overflow || e.Overflow
	if e.Overflow || !m.known || len(c[EcritureNum]) == 0 || len(c[JournalCode]) == 0 {
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
	case m.date == 0 || m.date == e.Date:
	case e.Date == 0:
		e.Date = m.date
	case !v.again(entryDateDiffers, EcritureDate, v.line):
		v.first(entryDateDiffers, EcritureDate, v.line, int(v.column[EcritureDate])+1, m.date.Arg("value"), e.Date.Arg("other"), quoted("entry", c[EcritureNum]))
	}
}

func (v *Validator) journalOf(c *cells) *journal {
	code := c[JournalCode]
	j := v.journal
	if j == nil || string(code) != j.code {
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
	j.code, j.sequences = string(code), map[string]*sequence{}
	j.reserved = strings.EqualFold(j.code, "AN") // as in package check
	switch label := bare(decode(c[JournalLib])); strings.ToUpper(bare(j.code)) {
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
		a.code = string(code)
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
	case !v.again(labelDiffers, f, v.line):
		v.first(labelDiffers, f, v.line, int(v.column[f])+1, quoted("value", label), quoted("code", code), quoted("other", *first))
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
	if !v.again(totalsIncomplete, f, v.line) {
		v.first(totalsIncomplete, f, v.line, int(v.column[f])+1, quoted("value", code), number("most", most))
	}
}

// enter makes the entry of the line the current one.
func (v *Validator) enter(c *cells, m *movement, j *journal) {
	if v.open.Turns(append(append(append(v.open.Next(), c[JournalCode]...), 0), c[EcritureNum]...)) {
		v.leave()
		v.open.Enter(v.line, m.date)
		if !v.count(c, j) {
			v.entries++
		} else if !v.again(entryScattered, EcritureNum, v.line) {
			v.first(entryScattered, EcritureNum, v.line, int(v.column[EcritureNum])+1, quoted("entry", c[EcritureNum]), quoted("journal", c[JournalCode]))
		}
	}
	if v.doubt {
		v.doubt, v.open.Entry.Broken = false, true
	}
}

// leave ends the current entry, for now.
func (v *Validator) leave() {
	e := v.open.Entry
	if e.Marks == closesYear {
		if !v.again(closingEntry, noField, e.Line) {
			_, num := names(v.open.Key())
			v.first(closingEntry, noField, e.Line, 0, quoted("entry", num))
		}
		e.Marks = hasRevenue // said once
	}
	if v.open.Leave() {
		v.again(entriesUnfollowed, noField, e.Line)
		v.first(entriesUnfollowed, noField, e.Line, 0, number("most", MaxOpenEntries))
	}
}

// names takes a key apart; of one that was too long, the names are cut.
func names(key []byte) (journal, number []byte) {
	journal, number, _ = bytes.Cut(key, []byte{0})
	return journal, number
}

// unbalanced gives the entries that do not balance, by line, and how many there are.
func (v *Validator) unbalanced(most int) []EntryTotal {
	var out []EntryTotal
	for _, k := range v.open.Unbalanced() {
		journal, num := names([]byte(k.Key))
		if !v.again(entryUnbalanced, noField, k.Line) {
			v.first(entryUnbalanced, noField, k.Line, 0, quoted("entry", num), quoted("journal", journal),
				money("debit", k.Debit), money("credit", k.Credit), money("difference", k.Difference()))
		}
		if len(out) < most {
			out = append(out, EntryTotal{Journal: decode(journal), Number: decode(num), Line: k.Line, Debit: k.Debit, Credit: k.Credit})
		}
	}
	return out
}
