package cegidclient

import (
	"cmp"
	"fmt"
	"strings"
)

// What an import means where the caller has left something out, or written it in one of several ways. The body that is sent
// and whatever tells imports apart both read it here, so that they cannot disagree.

// Context gives the first and last day that are sent: those that were set, or the first or last date of the entries. Both are
// empty where none is sent: for several periods, unless one was set. ISO dates sort as texts.
func (in *EntryImport) Context() (start, end string) {
	o := &in.Options
	if o.MultiPeriod && o.ContextStart == "" && o.ContextEnd == "" {
		return "", ""
	}
	for i := range in.Entries {
		date := in.Entries[i].Date
		if start == "" || date < start {
			start = date
		}
		end = max(end, date)
	}
	return cmp.Or(o.ContextStart, start), cmp.Or(o.ContextEnd, end)
}

// TreatsOpeningBalances tells what [ImportOptions.OpeningBalances] means.
func (o *ImportOptions) TreatsOpeningBalances() bool {
	return o.OpeningBalances == nil || *o.OpeningBalances
}

// Movement is the movement type: general unless the entry says another. The body repeats what the entry says, as Loop's
// example leaves it out (loop-api: A 2.8).
func (e *Entry) Movement() MovementType { return cmp.Or(e.MovementType, MovementGeneral) }

// Type is the line type: general unless the line says another. As for [Entry.Movement], the body repeats what it says.
func (l *EntryLine) Type() LineType { return cmp.Or(l.LineType, LineGeneral) }

const euro = "EUR"

// InCurrency gives the currency of a line, the amount in it, and the rate to the euro: euro, the line's own amount and 1
// unless it says otherwise. Of another currency, what it does not say is empty.
func (l *EntryLine) InCurrency() (currency, amount, rate string) {
	currency, amount, rate = cmp.Or(l.Currency, euro), l.CurrencyAmount, l.CurrencyRate
	if currency == euro {
		amount, rate = cmp.Or(amount, l.Debit, l.Credit), cmp.Or(rate, "1.0")
	}
	return currency, amount, rate
}

// FirstAnalytics is the path of the first breakdown, such as entries[0].lines[2].analytics; empty without any.
func (in *EntryImport) FirstAnalytics() string {
	for i := range in.Entries {
		for j := range in.Entries[i].Lines {
			if len(in.Entries[i].Lines[j].Analytics) > 0 {
				return fmt.Sprintf("entries[%d].lines[%d].analytics", i, j)
			}
		}
	}
	return ""
}

// CanonicalNumber writes equal decimal numbers alike: 007.50 as 7.5. Whatever is none stays as it is.
func CanonicalNumber(number string) string {
	whole, decimals, _ := strings.Cut(number, ".")
	if strings.Trim(whole+decimals, "0123456789") != "" || whole == "" {
		return number
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if decimals = strings.TrimRight(decimals, "0"); decimals != "" {
		whole += "." + decimals
	}
	return whole
}
