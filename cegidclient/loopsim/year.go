package loopsim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// openYear is the fiscal year of a [Template] that takes entries.
const openYear = 2026

// BookedYear is what [Simulator.BookYear] has booked.
type BookedYear struct {
	Year    int `json:"year"`
	Entries int `json:"entries"`
	Lines   int `json:"lines"`
}

// BookYear books a year of a small trading company into a dossier: sales and purchases with VAT, payments that letter them, rent,
// wages, VAT returns, depreciation. It asks for the accounts, journals and third parties of a [Template]. The same dossier and year
// make the same books. The error is ErrUnknown, ErrInvalid, or ErrExists when the year is there already.
func (s *Simulator) BookYear(practice, code string, year int) (BookedYear, error) {
	if year < 2000 || year > 2100 {
		return BookedYear{}, fmt.Errorf("year %d: between 2000 and 2100: %w", year, ErrInvalid)
	}
	s.mu.RLock()
	p := s.world.practices[practice]
	var d *dossier
	if p != nil {
		d = p.dossiers[code]
	}
	s.mu.RUnlock()
	if d == nil {
		return BookedYear{}, fmt.Errorf("dossier %q of practice %q: %w", code, practice, ErrUnknown)
	}
	entries := booksOf(practice, code, year)
	d.mu.Lock()
	defer d.mu.Unlock()
	content := d.contentLocked()
	for _, e := range entries {
		if !slices.ContainsFunc(Rows[Journal](*content), func(j Journal) bool { return j.Code == e.Journal }) {
			return BookedYear{}, fmt.Errorf("the dossier has no journal %s: %w", e.Journal, ErrInvalid)
		}
		for _, l := range e.Lines {
			if !slices.ContainsFunc(Rows[Account](*content), func(a Account) bool { return a.Numero == l.Compte }) {
				return BookedYear{}, fmt.Errorf("the dossier has no account %s: %w", l.Compte, ErrInvalid)
			}
			if l.Tiers != "" && !slices.ContainsFunc(Rows[ThirdParty](*content), func(t ThirdParty) bool { return t.Code == l.Tiers }) {
				return BookedYear{}, fmt.Errorf("the dossier has no third party %s: %w", l.Tiers, ErrInvalid)
			}
		}
	}
	if _, there := d.books.pieces[entries[0].RefPiece]; there {
		return BookedYear{}, fmt.Errorf("the year %d of the dossier is booked already: %w", year, ErrExists)
	}
	out := BookedYear{Year: year, Entries: len(entries)}
	for i, e := range entries {
		d.books.add(e.booked(d, year*100_000+i)) // apart from the numbers of other entries
		out.Lines += len(e.Lines)
	}
	return out, nil
}

// ledger writes the entries of a year.
type ledger struct {
	year    int
	chance  *rand.Rand
	entries []Entry
	// What is open, by third party: paid or received later.
	open []invoice
	// Of the month: what the company owes the state.
	collected, deductible int64
	letters               int
}

type invoice struct {
	due                   time.Time
	account, party, piece string
	amount                int64 // positive: to be received; negative: to be paid
	letter                string
}

// booksOf are the entries of a year by date. They are drawn from the dossier and the year, and nothing else.
func booksOf(practice, code string, year int) []Entry {
	sum := digest("year", practice, code, strconv.Itoa(year))
	l := &ledger{year: year, chance: rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))}
	day := func(month, n int) time.Time { return time.Date(year, time.Month(month), n, 0, 0, 0, 0, time.UTC) }
	l.add("OD", day(1, 1), fmt.Sprintf("CAP-%d", year), "Apport en capital", // the first entry, by which the year is known again
		EntryLine{Compte: "51200000", Debit: 40_000_00}, EntryLine{Compte: "10100000", Credit: 40_000_00})
	l.invoice("ACH", "FEXEMPLE", "40400000", "21830000", "44562000", "Matériel informatique", day(1, 6),
		fmt.Sprintf("IMMO-%d", year), -6_000_00, 30)
	for month := 1; month <= 12; month++ {
		last := day(month+1, 0).Day()
		on := func() time.Time { return day(month, 1+l.chance.IntN(last)) }
		for n := 1; n <= 22+l.chance.IntN(8); n++ {
			customer := []string{"CEXEMPLE", "CNORD", "CMARTIN"}[l.chance.IntN(3)]
			account, label := "70700000", "Vente de marchandises"
			if l.chance.IntN(3) == 0 {
				account, label = "70600000", "Prestation de services"
			}
			l.invoice("VTE", customer, "41100000", account, "44571000", label, on(),
				fmt.Sprintf("FC-%d-%02d-%03d", year, month, n), 300_00+l.chance.Int64N(1_700_00), 15+15*l.chance.IntN(3))
		}
		for n := 1; n <= 7+l.chance.IntN(4); n++ {
			supplier := []string{"FEXEMPLE", "FDUPONT"}[l.chance.IntN(2)]
			account, label := "60700000", "Achat de marchandises"
			if l.chance.IntN(4) == 0 {
				account, label = "60640000", "Fournitures administratives"
			}
			l.invoice("ACH", supplier, "40100000", account, "44566000", label, on(),
				fmt.Sprintf("FF-%d-%02d-%03d", year, month, n), -(200_00 + l.chance.Int64N(1_000_00)), 30)
		}
		l.invoice("ACH", "FELEC", "40100000", "60610000", "44566000", "Électricité", day(month, 8),
			fmt.Sprintf("EL-%d-%02d", year, month), -(180_00 + l.chance.Int64N(90_00)), 20)
		l.invoice("ACH", "FEXEMPLE", "40100000", "61320000", "44566000", "Loyer", day(month, 1),
			fmt.Sprintf("LOY-%d-%02d", year, month), -1_200_00, 5)
		l.add("BQ1", day(month, last), fmt.Sprintf("FRB-%d-%02d", year, month), "Frais bancaires",
			EntryLine{Compte: "62700000", Debit: 24_50}, EntryLine{Compte: "51200000", Credit: 24_50})
		l.wages(month, day(month, last))
		l.vat(month, day(month, last), day(month, last).AddDate(0, 0, 20))
	}
	l.add("OD", day(12, 31), fmt.Sprintf("AMO-%d", year), "Dotation aux amortissements",
		EntryLine{Compte: "68112000", Debit: 2_000_00}, EntryLine{Compte: "28183000", Credit: 2_000_00})
	l.pay(day(12, 31))
	slices.SortStableFunc(l.entries[1:], func(a, b Entry) int { return cmp.Compare(a.Date, b.Date) })
	return l.entries
}

func (l *ledger) add(journal string, on time.Time, piece, label string, lines ...EntryLine) {
	for i := range lines {
		lines[i].Libelle = cmp.Or(lines[i].Libelle, label)
	}
	l.entries = append(l.entries, Entry{Journal: journal, Date: on.Format(time.DateOnly), Reference: piece, RefPiece: piece, Lines: lines})
}

// invoice books one at 20 % of VAT. net is in cents, negative for what the company owes.
func (l *ledger) invoice(journal, party, collective, account, vat, label string, on time.Time, piece string, net int64, days int) {
	tax := (max(net, -net)*20 + 50) / 100
	if net < 0 {
		tax = -tax
	}
	l.letters++
	letter := fmt.Sprintf("Y%d-%d", l.year, l.letters)
	due := on.AddDate(0, 0, days)
	if due.Year() > l.year {
		letter = "" // open at the end of the year
	}
	if net > 0 {
		l.collected += tax
		l.add(journal, on, piece, label, EntryLine{Compte: collective, Tiers: party, Debit: net + tax, Lettrage: letter},
			EntryLine{Compte: account, Credit: net}, EntryLine{Compte: vat, Credit: tax})
	} else {
		l.deductible -= tax
		l.add(journal, on, piece, label, EntryLine{Compte: account, Debit: -net}, EntryLine{Compte: vat, Debit: -tax},
			EntryLine{Compte: collective, Tiers: party, Credit: -net - tax, Lettrage: letter})
	}
	l.open = append(l.open, invoice{due, collective, party, piece, net + tax, letter})
}

// wages of two people, paid at the end of the month, and what goes to Urssaf with them.
func (l *ledger) wages(month int, on time.Time) {
	for i, who := range []string{"SBERNARD", "SPETIT"} {
		gross := int64(2_300_00 + 250_00*i)
		net, charges := gross*78/100, gross*42/100
		piece := fmt.Sprintf("SAL-%d-%02d-%d", l.year, month, i+1)
		letter := fmt.Sprintf("S%d-%02d-%d", l.year, month, i+1)
		l.add("OD", on, piece, "Salaire",
			EntryLine{Compte: "64110000", Debit: gross}, EntryLine{Compte: "64510000", Debit: charges},
			EntryLine{Compte: "42100000", Tiers: who, Credit: net, Lettrage: letter}, EntryLine{Compte: "43100000", Credit: gross - net + charges})
		l.add("BQ1", on, "VIR-"+piece, "Virement du salaire",
			EntryLine{Compte: "42100000", Tiers: who, Debit: net, Lettrage: letter}, EntryLine{Compte: "51200000", Credit: net})
		l.add("BQ1", on, "URS-"+piece, "Prélèvement Urssaf",
			EntryLine{Compte: "43100000", Debit: gross - net + charges}, EntryLine{Compte: "51200000", Credit: gross - net + charges})
	}
}

// vat books the return of a month, which is paid in the next one.
func (l *ledger) vat(month int, on, paid time.Time) {
	due := l.collected - l.deductible
	piece := fmt.Sprintf("TVA-%d-%02d", l.year, month)
	lines := []EntryLine{{Compte: "44571000", Debit: l.collected}}
	if assets := int64(1_200_00); month == 1 { // of the equipment
		lines = append(lines, EntryLine{Compte: "44562000", Credit: assets}, EntryLine{Compte: "44566000", Credit: l.deductible - assets})
	} else {
		lines = append(lines, EntryLine{Compte: "44566000", Credit: l.deductible})
	}
	lines = append(lines, EntryLine{Compte: "44551000", Credit: due})
	l.add("OD", on, piece, "Déclaration de TVA", lines...)
	if paid.Year() == l.year {
		l.add("BQ1", paid, "VIR-"+piece, "Paiement de la TVA",
			EntryLine{Compte: "44551000", Debit: due}, EntryLine{Compte: "51200000", Credit: due})
	}
	l.collected, l.deductible = 0, 0
}

// pay books the payments of all invoices that are due in the year.
func (l *ledger) pay(end time.Time) {
	for _, invoice := range l.open {
		if invoice.due.After(end) {
			continue
		}
		if invoice.amount > 0 {
			l.add("BQ1", invoice.due, "ENC-"+invoice.piece, "Encaissement "+invoice.piece,
				EntryLine{Compte: "51200000", Debit: invoice.amount},
				EntryLine{Compte: invoice.account, Tiers: invoice.party, Credit: invoice.amount, Lettrage: invoice.letter})
		} else {
			l.add("BQ1", invoice.due, "VIR-"+invoice.piece, "Virement "+invoice.piece,
				EntryLine{Compte: invoice.account, Tiers: invoice.party, Debit: -invoice.amount, Lettrage: invoice.letter},
				EntryLine{Compte: "51200000", Credit: -invoice.amount})
		}
	}
}
