package fec

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
)

// The limits of what is told apart.
const (
	MaxJournals    = 1024
	MaxAccounts    = 65_536
	MaxOpenEntries = 131_072

	maxCode    = 64 // bytes of a code or label that is kept
	maxKey     = 128
	maxParties = 65_536
)

// books is what the movements add up to.
type books struct {
	total               balance
	partial             bool // an amount could not be read
	skipped             bool // nor could a whole line
	overflow            bool // a total is too large
	firstDate, lastDate date
	validated           date // the latest so far
	lastRaw             [numFields]uint64
	lastDay             [numFields]date

	journals map[string]*journal
	journal  *journal // of the line before
	ordinary bool     // a journal without opening balances was seen
	accounts map[string]*account
	parties  map[string]*[]byte // labels of third parties

	// What is beyond the limits.
	otherJournal journal
	otherAccount account

	// Of an entry whose lines follow each other, only at changes. Entries that do not balance when others begin stay in
	// unsettled: more of their lines may come.
	entry      *entry // the entry of the line before: current, or one of unsettled
	current    entry
	key, next  []byte // the journal's code, 0 and the number of that entry, and of the line's
	unsettled  map[string]*entry
	spare      []*entry
	unfollowed bool
	doubt      bool // a line that could not be read came before
	entries    int

	numbering
}

type journal struct {
	total     Total
	label     []byte
	balance   balance
	opening   bool // holds the opening balances
	reserved  bool
	sequences map[string]*sequence
	sequence  *sequence // of the entry before
}

type account struct {
	total   Total
	label   []byte
	balance balance
}

// entry is what lines with the same journal and number add up to.
type entry struct {
	balance
	line            int
	date            date
	broken          bool // a line of it may be missing here, so that its balance says nothing
	result, revenue bool // it has accounts of 12, of classes 6 or 7
}

func (b *books) prepare() {
	b.journals, b.accounts = map[string]*journal{}, map[string]*account{}
	b.parties, b.unsettled = map[string]*[]byte{}, map[string]*entry{}
	b.sequences, b.otherJournal.sequences = map[string]*sequence{}, map[string]*sequence{}
	b.entry = &b.current
}

// book adds a movement.
func (v *Validator) book(c *cells, m *movement) {
	j, a := v.journalOf(c), v.accountOf(c)
	v.party(c)
	if !m.known {
		v.partial = true
	}
	for _, b := range [...]*balance{&v.total, &j.balance, &a.balance} {
		b.add(m.debit, m.credit)
		v.overflow = v.overflow || b.overflow
	}
	j.total.Lines++
	a.total.Lines++
	if j.reserved {
		v.report(journalReserved, JournalCode, c[JournalCode])
	}
	if !j.opening {
		v.ordinary = true
	} else if v.ordinary {
		v.report(openingNotFirst, JournalCode, c[JournalCode])
	}

	v.enter(c, m, j)
	e := v.entry
	e.add(m.debit, m.credit)
	v.overflow = v.overflow || e.overflow
	if e.overflow || !m.known || len(c[EcritureNum]) == 0 || len(c[JournalCode]) == 0 {
		e.broken = true
	}
	if number := c[CompteNum]; len(number) > 1 {
		e.result = e.result || number[0] == '1' && number[1] == '2'
		e.revenue = e.revenue || number[0] == '6' || number[0] == '7'
	}
	switch {
	case m.date == 0 || m.date == e.date:
	case e.date == 0:
		e.date = m.date
	case !v.again(entryDateDiffers, EcritureDate, v.line):
		v.first(entryDateDiffers, EcritureDate, v.line, int(v.column[EcritureDate])+1, m.date.arg("value"), e.date.arg("other"), quoted("entry", c[EcritureNum]))
	}
}

func (v *Validator) journalOf(c *cells) *journal {
	code := c[JournalCode]
	j := v.journal
	if j == nil || string(code) != j.total.Code {
		if j = v.journals[string(code)]; j == nil {
			j = v.newJournal(c)
		}
		v.journal = j
	}
	if j != &v.otherJournal {
		v.label(JournalLib, code, c[JournalLib], &j.label)
	}
	return j
}

func (v *Validator) newJournal(c *cells) *journal {
	code := c[JournalCode]
	if len(v.journals) >= MaxJournals || len(code) > maxCode {
		v.incomplete(JournalCode, code, MaxJournals)
		return &v.otherJournal
	}
	j := &journal{sequences: map[string]*sequence{}}
	j.total.Code = string(code)
	v.journals[j.total.Code] = j
	j.reserved = strings.EqualFold(j.total.Code, "AN") // as in package check
	switch label := bare(decode(c[JournalLib])); strings.ToUpper(bare(j.total.Code)) {
	case "AN", "RAN", "ANO", "ANOUV", "ANX":
		j.opening = true
	default:
		j.opening = strings.Contains(label, "nouveau")
	}
	return j
}

func (v *Validator) accountOf(c *cells) *account {
	code := c[CompteNum]
	a := v.accounts[string(code)]
	if a == nil {
		if len(v.accounts) >= MaxAccounts || len(code) > maxCode {
			v.incomplete(CompteNum, code, MaxAccounts)
			return &v.otherAccount
		}
		a = new(account)
		a.total.Code = string(code)
		v.accounts[a.total.Code] = a
	}
	v.label(CompteLib, code, c[CompteLib], &a.label)
	return a
}

// label compares a code's label with the first that it had.
func (v *Validator) label(f Field, code, label []byte, first *[]byte) {
	label = cut(label, maxCode)
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
	known := v.parties[string(code)]
	if known == nil {
		if len(v.parties) >= maxParties || len(code) > maxCode {
			v.incomplete(CompAuxNum, code, maxParties)
			return
		}
		known = new([]byte)
		v.parties[string(code)] = known
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
	v.next = append(append(append(v.next[:0], c[JournalCode]...), 0), c[EcritureNum]...)
	if len(v.next) > maxKey {
		sum := sha256.Sum256(v.next)
		v.next = append(v.next[:maxKey-len(sum)], sum[:]...)
	}
	if !bytes.Equal(v.next, v.key) {
		v.leave()
		v.key, v.next = v.next, v.key
		v.current = entry{line: v.line, date: m.date}
		v.entry = &v.current
		if len(v.unsettled) > 0 {
			if e := v.unsettled[string(v.key)]; e != nil {
				v.entry = e
			}
		}
		if !v.count(c, j) {
			v.entries++
		} else if !v.again(entryScattered, EcritureNum, v.line) {
			v.first(entryScattered, EcritureNum, v.line, int(v.column[EcritureNum])+1, quoted("entry", c[EcritureNum]), quoted("journal", c[JournalCode]))
		}
	}
	if v.doubt {
		v.doubt, v.entry.broken = false, true
	}
}

// leave ends the current entry, for now.
func (v *Validator) leave() {
	e := v.entry
	if e.result && e.revenue && !v.again(closingEntry, noField, e.line) {
		_, num := names(v.key)
		v.first(closingEntry, noField, e.line, 0, quoted("entry", num))
	}
	e.result = e.result && !e.revenue // said once
	switch stored := e != &v.current; {
	case e.debit == e.credit && !e.overflow:
		if stored {
			delete(v.unsettled, string(v.key))
			v.spare = append(v.spare, e)
		}
	case stored || v.unfollowed:
	case len(v.unsettled) >= MaxOpenEntries:
		v.unfollowed = true // and stays so: lines of an entry that is not followed would look like an entry
		v.again(entriesUnfollowed, noField, e.line)
		v.first(entriesUnfollowed, noField, e.line, 0, number("most", MaxOpenEntries))
	default:
		var kept *entry
		if n := len(v.spare); n > 0 {
			kept, v.spare = v.spare[n-1], v.spare[:n-1]
		} else {
			kept = new(entry)
		}
		*kept = *e
		v.unsettled[string(v.key)] = kept
	}
}

// names takes a key apart; of one that was too long, the names are cut.
func names(key []byte) (journal, number []byte) {
	journal, number, _ = bytes.Cut(key, []byte{0})
	return journal, number
}

// unbalanced gives the entries that do not balance, by line, and how many there are.
func (v *Validator) unbalanced(most int) []EntryTotal {
	type kept struct {
		key string
		*entry
	}
	var list []kept
	for key, e := range v.unsettled {
		if !e.broken {
			list = append(list, kept{key, e})
		}
	}
	slices.SortFunc(list, func(a, b kept) int { return a.line - b.line })
	var out []EntryTotal
	for _, k := range list {
		journal, num := names([]byte(k.key))
		if !v.again(entryUnbalanced, noField, k.line) {
			v.first(entryUnbalanced, noField, k.line, 0, quoted("entry", num), quoted("journal", journal),
				money("debit", k.debit), money("credit", k.credit), money("difference", k.difference()))
		}
		if len(out) < most {
			out = append(out, EntryTotal{Journal: decode(journal), Number: decode(num), Line: k.line, Debit: k.debit, Credit: k.credit})
		}
	}
	return out
}
