package check

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
)

// labelLength looks at a label that may be too long.
func (c *checker) labelLength(field, label string) {
	n := utf8.RuneCountInString(label)
	switch units := UTF16Units(label); {
	case n > MaxLabelLength:
		c.add(labelTooLong, field, number("count", n), number("most", MaxLabelLength))
	case units > MaxLabelLength:
		c.add(labelMightBeCut, field, number("count", n), number("units", units), number("most", MaxLabelLength))
	}
}

// converted compares a line with its amount in a currency, of which units are ten-thousandths. Which way the rate goes is not
// documented: a TRA's is what one unit is in euro (loop-api: A 9), banks quote what one euro is in the currency. Only what fits
// neither is told. A rate of few digits is off by less than half a percent.
func (c *checker) converted(path string, l *cegidclient.EntryLine, units, cents int64) {
	if units == 0 {
		if cents != 0 {
			c.add(currencyAmountZero, path+".currency_amount", money("amount", cents), quoted("currency", l.Currency))
		}
		return
	}
	rate, err := strconv.ParseFloat(l.CurrencyRate, 64)
	if err != nil || !isRate(l.CurrencyRate) {
		return
	}
	const percent, cent = 0.005, 1 + 1e-6
	amount, units64 := float64(cents), float64(units)/100 // cents of each
	for _, computed := range [...]float64{units64 * rate, units64 / rate} {
		if off := math.Abs(computed - amount); off <= cent || off <= percent*amount {
			return
		}
	}
	c.add(currencyRateDiffers, path+".currency_rate", decimal("value", quoted("", l.CurrencyAmount).value.en), quoted("currency", l.Currency),
		decimal("rate", quoted("", l.CurrencyRate).value.en), about("computed", units64*rate), about("inverse", units64/rate),
		money("amount", cents))
}

// about is an amount of cents that was computed, and may be beyond all amounts.
func about(name string, cents float64) arg {
	if cents >= maxCents {
		return plain(name, "…")
	}
	return money(name, int64(math.Round(cents)))
}

// oneCurrency gives the foreign currency of an entry so far, and warns of a second one: an entry has one beside the euro, in which
// books are kept (Code de commerce, art. L123-22; PCG, art. 112-4).
func (c *checker) oneCurrency(path, sofar, currency string) string {
	switch {
	case !foreign(currency) || currency == sofar || sofar == several:
		return sofar
	case sofar == "":
		return currency
	}
	c.add(currenciesMixed, path, quoted("currency", sofar), quoted("other", currency))
	return several
}

// foreign tells whether a text is the code of a currency that is not the euro.
func foreign(currency string) bool { return isCurrency(currency) && currency != "EUR" }

// isCurrency looks at the shape of an ISO 4217 code.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// several currencies were said.
const several = "*"

// yearOf reads the year of a date; of what is none it is 0.
func yearOf(date string) int {
	if len(date) != len(time.DateOnly) {
		return 0
	}
	year, _ := strconv.Atoi(date[:4])
	return year
}

// reverses tells whether an entry says that it is a credit note or a reversal.
func reverses(e *cegidclient.Entry) bool {
	if e.ParentEntry != "" || e.OriginEntry != "" || SaysCredit(e.Reference) || SaysCredit(e.DocumentReference) {
		return true
	}
	return slices.ContainsFunc(e.Lines, func(l cegidclient.EntryLine) bool { return SaysCredit(l.Label) || SaysCredit(l.Comment) })
}

func (f *found) vat(path string, e *cegidclient.Entry, m *Meaning) {
	for _, t := range m.Taxes() {
		side := "debit"
		if e.Lines[t.Place].Debit == "" {
			side = "credit"
		}
		f.add(vatRateUnknown, fmt.Sprintf("%s.lines[%d].%s", path, t.Place, side), money("amount", t.Amount), money("base", t.Base),
			decimal("percent", Percent(t.Amount, t.Base)), decimal("rate", RateText(t.Rate)), money("expected", t.Expected))
	}
}

// RateText writes a rate of hundredths of a percent: 5.5.
func RateText(rate int) string {
	return strings.TrimSuffix(strings.TrimRight(formatCents(int64(rate)), "0"), ".")
}

// decimal is a number with a point in English and a comma in French.
func decimal(name, value string) arg {
	en, fr := Decimal(value)
	return arg{name, text{en, fr}}
}

// Decimal writes a number with a point in English and a comma in French.
func Decimal(number string) (english, french string) {
	return number, strings.Replace(number, ".", ",", 1)
}

func (f *found) swapped(path string, e *cegidclient.Entry, m *Meaning) {
	party, other, swapped := m.Swapped()
	if !swapped || reverses(e) {
		return
	}
	en, fr := SwappedText(m.kind, formatCents(party), formatCents(other))
	f.add(sidesSwapped, path, arg{"what", text{en, fr}})
}

// SwappedText says which sides are swapped, with the figures.
func SwappedText(kind JournalKind, party, other string) (english, french string) {
	comma := func(amount string) string { return strings.Replace(amount, ".", ",", 1) }
	if kind == SaleJournal {
		return "The entry debits " + other + " on accounts of class 7 and credits " + party + " on 411",
			"L'écriture débite " + comma(other) + " sur des comptes de classe 7 et crédite " + comma(party) + " en 411"
	}
	return "The entry credits " + other + " on accounts of class 6 and debits " + party + " on 401",
		"L'écriture crédite " + comma(other) + " sur des comptes de classe 6 et débite " + comma(party) + " en 401"
}

// Ignorable tells whether a code of entries may be ignored.
func Ignorable(code string) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Code == code && r.Ignorable() })
}

// Without leaves out the findings of some codes.
func Without(findings []Finding, codes []string) []Finding {
	if len(codes) == 0 {
		return findings
	}
	var out []Finding
	for _, f := range findings {
		if !slices.Contains(codes, f.Code) {
			out = append(out, f)
		}
	}
	return out
}
