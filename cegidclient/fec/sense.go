package fec

import (
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// shared is a rule of package check, which files have, too; as is another code, where this package has its own of that name.
func shared(code, as string, grounds Ground) Rule {
	r := check.RuleOf(code)
	return Rule{Code: as, Severity: r.Severity, Grounds: grounds, Message: r.Message, French: r.French}
}

// notice is a rule that matters less in a file: of its many references, a search has others to go by.
func notice(r Rule) Rule {
	r.Severity = check.Notice
	return r
}

// hiding is a rule with its effects in the file.
func hiding(r Rule, codes ...string) Rule {
	r.HidesInFile = codes
	return r
}

// hidingOnLine is a rule with its effects on a line.
func hidingOnLine(r Rule, codes ...string) Rule {
	r.HidesOnLine = codes
	return r
}

// ponder looks at what a line means, and adds it to its entry.
func (v *Validator) ponder(c *cells, m *movement, a *account) {
	// else it was said
	if v.sense.Implausible(m.date) && m.date >= 1900_01_01 && m.date < 2100_01_01 &&
		!v.again(entryDateImplausible, EcritureDate, v.line, v.at1(EcritureDate)) {
		v.first(entryDateImplausible, EcritureDate, v.line, v.at1(EcritureDate), m.date.Arg("date"), number("years", check.MostYears))
	}
	reference, label := c[PieceRef], c[EcritureLib]
	account, partied := a.Code, a.partied
	if a == &v.otherAccount {
		account = string(c[CompteNum])
		partied = check.NeedsThirdParty(account)
	}
	if partied && len(c[CompAuxNum]) == 0 {
		v.report(thirdPartyMissing, CompAuxNum, c[CompteNum])
	}
	if textfile.Doubtful(reference) && utf8.Valid(reference) && check.UnsearchableReference(string(reference)) &&
		!v.again(referenceUnsearchable, PieceRef, v.line, v.at1(PieceRef)) {
		v.first(referenceUnsearchable, PieceRef, v.line, v.at1(PieceRef), quoted("value", reference), number("most", check.MaxSearchedReference))
	}
	if len(label) > check.MaxLabelLength && utf8.Valid(label) && check.LabelMightBeCut(string(label)) &&
		!v.again(labelMightBeCut, EcritureLib, v.line, v.at1(EcritureLib)) {
		v.first(labelMightBeCut, EcritureLib, v.line, v.at1(EcritureLib), number("count", utf8.RuneCount(label)),
			number("units", check.UTF16Units(string(label))), number("most", check.MaxLabelLength))
	}
	if !m.known {
		v.sense.Spoil()
	}
	v.sense.Add(v.line, account, m.debit-m.credit, label, reference)
	if currency := c[Idevise]; isCurrency(currency) && v.sense.Mixes(currency) && !v.again(currenciesMixed, Idevise, v.line, v.at1(Idevise)) {
		v.first(currenciesMixed, Idevise, v.line, v.at1(Idevise), plain("currency", v.sense.Currency()), plain("other", string(currency)))
	}
}

// conclude judges the current entry, once it is left.
func (v *Validator) conclude() {
	for _, told := range v.sense.Conclude() {
		c := vatRateUnknown
		if told.Swapped {
			c = sidesSwapped
		}
		if !v.again(c, noField, told.Line, 0) {
			v.first(c, noField, told.Line, 0, told.Args...)
		}
	}
}
