package tra

import (
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

// ponder looks at what a line of the ledger means, and adds it to its entry. Amounts in a currency alone are not looked at.
func (v *Validator) ponder(m *movement, a *account) {
	if v.sense.Implausible(m.date) && m.date >= 1900_01_01 && m.date < 2100_01_01 { // else it was said
		v.report(entryDateImplausible, fDate, v.line, func() []textfile.Arg {
			return args(m.date.Arg("date"), textfile.Number("years", check.MostYears))
		})
	}
	if m.kind != 'X' && a.collective == unsaid && check.NeedsThirdParty(string(m.general)) { // else it was said
		v.with(thirdPartyMissing, fAuxiliary, m.general)
	}
	if textfile.Doubtful(m.reference) && check.UnsearchableReference(string(m.reference)) {
		v.report(referenceUnsearchable, fReference, v.line, func() []textfile.Arg {
			return args(quoted("value", m.reference), textfile.Number("most", check.MaxSearchedReference))
		})
	}
	if !m.known || m.unit != euro {
		v.sense.Spoil()
	}
	var label []byte
	account, cents := string(m.general), m.debit-m.credit
	if v.sense.OtherSide(account, cents) {
		label = v.text.cell(fLabel)
	}
	v.sense.Add(v.line, account, cents, label, m.reference)
}

// conclude judges the current entry, once it is left.
func (v *Validator) conclude() {
	for _, told := range v.sense.Conclude() {
		c := vatRateUnknown
		if told.Swapped {
			c = sidesSwapped
		}
		v.report(c, noField, told.Line, func() []textfile.Arg { return told.Args })
	}
}
