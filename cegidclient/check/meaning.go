package check

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// JournalKind is what a journal is for.
type JournalKind uint8

// The kinds that matter here.
const (
	OtherJournal JournalKind = iota
	PurchaseJournal
	SaleJournal
)

// JournalKindOf guesses the kind of a journal by its label, or by a code as most programs give it: AC, ACH, HA; VE, VT, VTE. A
// journal that it does not know is another.
func JournalKindOf(code, label string) JournalKind {
	label, code = fold(label), fold(strings.TrimSpace(code))
	switch {
	case strings.Contains(label, "achat"):
		return PurchaseJournal
	case strings.Contains(label, "vente"):
		return SaleJournal
	case label != "":
		return OtherJournal
	case strings.HasPrefix(code, "ac"), strings.HasPrefix(code, "ha"):
		return PurchaseJournal
	case strings.HasPrefix(code, "ve"), strings.HasPrefix(code, "vt"):
		return SaleJournal
	}
	return OtherJournal
}

// Meaning tells what the lines of one entry say together: whether its VAT fits its base, and whether its sides are swapped. It
// takes them one by one, in bounded memory, and holds no text; Begin makes it ready for the next entry.
type Meaning struct {
	kind  JournalKind
	rated bool // the rates below hold at its date

	bases            [maxBases]int64 // debit, or credit below zero
	baseCount        int
	base, baseWeight int64 // their sum, and that of their amounts
	taxes            [maxTaxes]Tax
	taxCount         int
	settles          bool // VAT is declared here, not charged

	excused         bool  // something in it says that it is a credit note, or money moves
	parties, others int64 // on 401 or 411, and on class 6 or 7, as far as the journal is concerned
	agreeable       bool  // a line is on the usual side
	tooLarge        bool
}

const (
	maxBases = 6
	maxTaxes = 8
	// maxMeant keeps all that is computed here far from overflow: 100 billion euro.
	maxMeant = 10_000_000_000_000
)

// Tax is a line of VAT that fits no legal rate.
type Tax struct {
	// Place is what [Meaning.Line] was told.
	Place int
	// Amount is that of the line, Base what it may have been computed on, in cents without a sign; Expected what the nearest
	// rate gives, and Rate that one in hundredths of a percent.
	Amount, Base, Expected int64
	Rate                   int

	signed    int64
	collected bool
}

// vatRates are those of the Code général des impôts, in hundredths of a percent: 20 (art. 278), 10 (art. 278 bis, 279), 5.5
// (art. 278-0 bis) and 2.1 (art. 281 quater to 281 octies, 298 septies); in Guadeloupe, Martinique and Réunion 8.5 and 2.1
// (art. 296), 1.75 and 1.05 (art. 296 ter); in Corsica 0.9, too (art. 297). The 13 % of some fuels in Corsica are left out:
// elsewhere they are a mistake.
var vatRates = [...]int{2000, 1000, 850, 550, 210, 175, 105, 90}

// Rates that are tried where one line of VAT may be that of several bases: those of two lines, and of more.
var (
	allRates   = [...]int{0, 2000, 1000, 850, 550, 210, 175, 105, 90}
	mixedRates = [...]int{0, 2000, 1000, 550}
)

// ratesSince is when 20 and 10 % came, for 19.6 and 7 (loi n° 2012-1510, art. 68). Earlier entries are not looked at.
const ratesSince = 2014

// Begin starts an entry of a journal, dated in a year.
func (m *Meaning) Begin(kind JournalKind, year int) {
	*m = Meaning{kind: kind, rated: year >= ratesSince}
}

// Excuse is for what says that an entry is meant as written: a text that names a credit note, or the entry that it reverses.
func (m *Meaning) Excuse() { m.excused = true }

// Line takes a line: where it is, its account, and its debit, or its credit below zero, in cents.
func (m *Meaning) Line(place int, account string, cents int64) {
	if len(account) < 3 || cents == 0 {
		return
	}
	m.tooLarge = m.tooLarge || cents > maxMeant || cents < -maxMeant
	switch account[0] {
	case '2', '6', '7':
		m.onBase(cents)
		m.sides(account, cents)
	case '4':
		m.onParty(place, account, cents)
	case '5':
		m.excused = true // a refund is paid
	}
}

func (m *Meaning) onParty(place int, account string, cents int64) {
	switch account[:3] {
	case "401", "411":
		m.sides(account, cents)
	case "409", "419":
		m.onBase(cents) // an advance is invoiced, or taken off an invoice
		m.excused = true
	case "445":
		switch {
		case strings.HasPrefix(account, "4455"), strings.HasPrefix(account, "44567"), strings.HasPrefix(account, "44583"):
			m.settles = true
		case strings.HasPrefix(account, "4456"), strings.HasPrefix(account, "4457"):
			if m.taxCount < maxTaxes {
				m.taxes[m.taxCount] = Tax{Place: place, Amount: max(cents, -cents), signed: cents, collected: account[3] == '7'}
			}
			m.taxCount++
		}
	}
}

func (m *Meaning) onBase(cents int64) {
	if m.baseCount < maxBases {
		m.bases[m.baseCount] = cents
	}
	m.baseCount++
	m.base += cents
	m.baseWeight += max(cents, -cents)
	m.tooLarge = m.tooLarge || m.baseWeight > maxMeant
}

// sides notes on which side the accounts of the journal are. Rebates, refunds and allowances have accounts of their own, 609
// and 709 (PCG, art. 946-60 and 947-70).
func (m *Meaning) sides(account string, cents int64) {
	if m.kind == SaleJournal {
		cents = -cents
	}
	party, other := "401", byte('6')
	if m.kind == SaleJournal {
		party, other = "411", '7'
	}
	switch {
	case strings.HasPrefix(account, "609"), strings.HasPrefix(account, "709"):
		m.excused = true
	case account[:3] == party:
		m.parties += cents
		m.agreeable = m.agreeable || cents < 0
	case account[0] == other:
		m.others += cents
		m.agreeable = m.agreeable || cents > 0
	}
}

// Swapped tells whether a purchase is booked as a sale would be: charges credited and the supplier debited, or revenue debited
// and the customer credited, with nothing that says that it is a credit note. By the PCG (art. 944-40, 944-41, 946 and 947)
// the sides are the other ones. The amounts are those of the third parties, and of the charges or the revenue, in cents.
func (m *Meaning) Swapped() (party, other int64, swapped bool) {
	if m.kind == OtherJournal || m.excused || m.agreeable || m.tooLarge || m.parties <= 0 || m.others >= 0 {
		return 0, 0, false
	}
	return m.parties, -m.others, true
}

// Taxes gives the lines of VAT whose amount fits none of the legal rates of its base, within 0.02 for each line of the base.
// The base are the lines of classes 2, 6 and 7, and advances: any one of them, all, or some at one rate and some at another.
// Beyond six lines only what is more than the highest rate of all of them is told.
func (m *Meaning) Taxes() (out []Tax) {
	if !m.rated || m.settles || m.tooLarge || m.baseCount == 0 || m.taxCount == 0 || m.taxCount > maxTaxes {
		return nil
	}
	var sums [2]int64 // of deductible and of collected VAT
	for _, t := range m.taxes[:m.taxCount] {
		sums[which(t.collected)] += t.signed
	}
	for _, t := range m.taxes[:m.taxCount] {
		sum := sums[which(t.collected)]
		if m.fits(t.Amount) || sum != t.signed && m.fits(max(sum, -sum)) {
			continue
		}
		t.Base = max(m.base, -m.base)
		if t.Base == 0 {
			t.Base = m.baseWeight
		}
		t.Rate = nearestRate(t.Amount, t.Base)
		t.Expected = (t.Base*int64(t.Rate) + 5000) / 10_000
		out = append(out, t)
	}
	return out
}

func which(collected bool) int {
	if collected {
		return 1
	}
	return 0
}

const toleratedPerLine = 2 * 10_000 // cents, by hundredths of a percent

func (m *Meaning) fits(tax int64) bool {
	scaled, tolerated := tax*10_000, toleratedPerLine*int64(m.baseCount)
	if atARate(scaled, m.base, tolerated) {
		return true
	}
	if m.baseCount > maxBases {
		return scaled <= m.baseWeight*int64(vatRates[0])+tolerated
	}
	bases := m.bases[:m.baseCount]
	for _, b := range bases {
		if atARate(scaled, b, toleratedPerLine) {
			return true
		}
	}
	rates := mixedRates[:]
	if len(bases) <= 2 {
		rates = allRates[:]
	}
	return len(bases) > 1 && (mixed(scaled, bases, rates, tolerated) || mixed(-scaled, bases, rates, tolerated))
}

// atARate tells whether one of the rates makes the tax, which is scaled as the rates are.
func atARate(scaled, base, tolerated int64) bool {
	base = max(base, -base)
	for _, rate := range vatRates {
		if off := scaled - base*int64(rate); -tolerated <= off && off <= tolerated {
			return true
		}
	}
	return false
}

// mixed tells whether the bases make the tax, each at a rate of its own.
func mixed(left int64, bases []int64, rates []int, tolerated int64) bool {
	if len(bases) == 0 {
		return -tolerated <= left && left <= tolerated
	}
	for _, rate := range rates {
		if mixed(left-bases[0]*int64(rate), bases[1:], rates, tolerated) {
			return true
		}
	}
	return false
}

func nearestRate(tax, base int64) int {
	best := vatRates[0]
	for _, rate := range vatRates[1:] {
		if distanceTo(tax, base, rate) < distanceTo(tax, base, best) {
			best = rate
		}
	}
	return best
}

func distanceTo(tax, base int64, rate int) int64 {
	off := tax*10_000 - base*int64(rate)
	return max(off, -off)
}

// Percent is a rate that an amount has of a base, such as 12.50; both are in cents.
func Percent(amount, base int64) string { return formatCents((amount*10_000 + base/2) / base) }

// creditWords are those by which a credit note or a reversal is known, without accents and in small letters.
var creditWords = [...]string{
	"avoir", "extourn", "annul", "rembours", "ristourne", "rabais", "remise", "rrr", "contrepass", "contre-pass", "retour", "regul", "rectif",
	"credit note", "creditnote", "refund", "reversal", "revers", "cancel",
}

// SaysCredit tells whether a label or a reference names a credit note or a reversal: a word of those, or a number such as AV-12
// or NC2026-003.
func SaysCredit(text string) bool {
	folded := fold(text)
	for _, word := range creditWords {
		if strings.Contains(folded, word) {
			return true
		}
	}
	for part := range strings.FieldsFuncSeq(folded, func(r rune) bool { return !unicode.IsLetter(r) }) {
		switch part {
		case "av", "avr", "nc", "cn":
			return true
		}
	}
	return false
}

// fold writes small letters without the accents that French has.
func fold(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < utf8.RuneSelf && (s[i] < 'A' || s[i] > 'Z')
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); r {
		case 'à', 'â', 'ä':
			return 'a'
		case 'é', 'è', 'ê', 'ë':
			return 'e'
		case 'î', 'ï':
			return 'i'
		case 'ô', 'ö':
			return 'o'
		case 'ù', 'û', 'ü':
			return 'u'
		case 'ç':
			return 'c'
		}
		return r
	}, s)
}
