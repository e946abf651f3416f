package textfile

import (
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient/check"
)

// Sense tells what the lines of the current entry mean together, as package check does, as long as they follow each other.
type Sense struct {
	First, Last Date // between which a fiscal year can be

	Kind     check.JournalKind
	meaning  check.Meaning
	line     int // the first; 0 for none
	part     bool
	balance  Cents
	currency [3]byte
	mixed    bool
}

// Plausible sets the bounds of dates.
func (s *Sense) Plausible(today time.Time) {
	s.First, s.Last = dateOf(today.AddDate(-check.MostYears, 0, 0)), dateOf(today.AddDate(check.MostYears, 0, 0))
}

func dateOf(t time.Time) Date { return Date(t.Year()*10_000 + int(t.Month())*100 + t.Day()) }

// Implausible tells whether no fiscal year can hold a day that was read.
func (s *Sense) Implausible(day Date) bool { return day != 0 && (day < s.First || day > s.Last) }

// Begin is for the first line of an entry, or of a part of it: others came before, or may have.
func (s *Sense) Begin(line int, kind check.JournalKind, day Date, part bool) {
	s.Kind, s.line, s.part, s.balance, s.currency, s.mixed = kind, line, part, 0, [3]byte{}, false
	s.meaning.Begin(kind, int(day/10_000))
}

// Spoil is for a line whose amount is not known, or not in euro.
func (s *Sense) Spoil() { s.part = true }

// Add takes a line of the entry; its label and its reference are only looked at where they may tell a credit note.
func (s *Sense) Add(line int, account string, cents Cents, label, reference []byte) {
	s.balance += cents
	s.meaning.Line(line, account, int64(cents))
	if s.OtherSide(account, cents) && (check.SaysCredit(string(label)) || check.SaysCredit(string(reference))) {
		s.meaning.Excuse()
	}
}

// OtherSide tells whether a line is where one of a credit note would be: only there the words are looked for.
func (s *Sense) OtherSide(account string, cents Cents) bool {
	switch s.Kind {
	case check.PurchaseJournal:
		return strings.HasPrefix(account, "401") && cents > 0 || strings.HasPrefix(account, "6") && cents < 0
	case check.SaleJournal:
		return strings.HasPrefix(account, "411") && cents < 0 || strings.HasPrefix(account, "7") && cents > 0
	}
	return false
}

// Mixes takes the currency of a line, three capitals, and tells once when it is the second of the entry besides the euro.
func (s *Sense) Mixes(currency []byte) bool {
	if len(currency) != 3 || string(currency) == "EUR" || s.mixed {
		return false
	}
	if s.currency == [3]byte{} {
		s.currency = [3]byte(currency)
	}
	s.mixed = s.currency != [3]byte(currency)
	return s.mixed
}

// Currency is the first of the entry besides the euro.
func (s *Sense) Currency() string { return string(s.currency[:]) }

// Told is what an entry means, at a line, with what fills its sentences: a line of VAT at a rate that there is not, or that the
// sides of the entry are swapped.
type Told struct {
	Swapped bool
	Line    int
	Args    []Arg
}

// Conclude judges an entry whose lines have all come, one after the other.
func (s *Sense) Conclude() (told []Told) {
	if s.line == 0 || s.part || s.balance != 0 {
		return nil
	}
	for _, t := range s.meaning.Taxes() {
		told = append(told, Told{Line: t.Place, Args: []Arg{
			Money("amount", Cents(t.Amount)), Money("base", Cents(t.Base)), Money("expected", Cents(t.Expected)),
			decimal("percent", check.Percent(t.Amount, t.Base)), decimal("rate", check.RateText(t.Rate)),
		}})
	}
	if party, other, swapped := s.meaning.Swapped(); swapped {
		en, fr := check.SwappedText(s.Kind, Cents(party).String(), Cents(other).String())
		told = append(told, Told{Swapped: true, Line: s.line, Args: []Arg{{Name: "what", Value: Text{English: en, French: fr}}}})
	}
	s.line = 0
	return told
}

func decimal(name, value string) Arg {
	en, fr := check.Decimal(value)
	return Arg{Name: name, Value: Text{English: en, French: fr}}
}

// Doubtful tells quickly whether a reference, whose blanks were cut off, may be one that cannot be looked up.
func Doubtful(reference []byte) bool {
	for _, c := range reference { // a few, as a rule
		if c == '"' || c == '\\' {
			return true
		}
	}
	return len(reference) > check.MaxSearchedReference
}
