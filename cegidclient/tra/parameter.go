package tra

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// What the description knows (loop-api: A 9.2, 9.6).
var (
	recordNames = strings.Fields("PS1 PS2 PS3 PS4 PS5 EXO ETB MDP MDR DEV REG TVA SSA SAT NSA SPA SOU CRR CRI RUP CGN CAE JAL RIB BQC BQE " +
		"EXB EXL CON VEN VAE VAD YTC ARS RRL PTL CTL XTL FBG FBJ FBS CTI CCI CPJ RAM RAD CVP CHA SDC SDM ICS MDT RCA DIC SMA")
	journalNatures = strings.Fields("ACH ANA ANO BQE CAI CLO ECC EXT OD ODA REG VTE")
	journalModes   = []string{"", "-", "BOR", "LIB"}
	accountNatures = strings.Fields("BQE CAI CHA COC COD COF COS DIV EXT IMO PRO TIC TID")
	collectives    = []string{"COC", "COD", "COF", "COS"}
	partyNatures   = strings.Fields("AUC AUD CLI DIV FOU SAL")
	yearStates     = strings.Fields("OUV CDE CPR NON")
	axes           = []string{"A1", "A2", "A3", "A4", "A5"}
)

// known tells whether the description has such a record; TLx means several.
func known(name string) bool {
	return slices.Contains(recordNames, name) || strings.HasPrefix(name, "TL")
}

// maxRecordNames bounds the names that are counted; what follows *** may be anything.
const maxRecordNames = 512

// parameter reads a line that begins with ***.
func (v *Validator) parameter() {
	before := v.found.Errors
	raw := v.text.cut(4, 3)
	name := v.text.decode(raw)
	var key [3]byte
	copy(key[:], raw)
	if _, ok := v.records[key]; ok || len(v.records) < maxRecordNames {
		v.records[key]++
	}
	if !known(name) {
		v.with(recordUnknown, noField, v.text.cut(1, 6))
	}
	if v.movements > v.piece.before {
		v.with(recordLate, noField, v.text.cut(1, 6))
	}
	var record any
	switch name {
	case "JAL":
		r := new(Journal)
		v.described(r, layouts.journal)
		v.journalRecord(r)
		record = r
	case "CGN":
		r := new(Account)
		v.described(r, layouts.account)
		v.accountRecord(r)
		record = r
	case "CAE":
		r := new(ThirdParty)
		v.described(r, layouts.party)
		v.partyRecord(r)
		record = r
	case "SAT", "NSA":
		r := new(Section)
		v.described(r, layouts.section)
		if (name == "NSA") != v.header.NewAnalytics {
			v.report(recordAnalytics, noField, v.line, func() []textfile.Arg { return args(textfile.Plain("value", name)) })
		}
		v.listed(valueUnknown, fSectionAxis, r.Axis, axes)
		record = r
	case "EXO":
		r := new(FiscalYear)
		v.described(r, layouts.year)
		v.yearRecord(r)
		record = r
	case "ETB":
		r := new(Establishment)
		v.described(r, layouts.place)
		v.siret(fPlaceSIRET, r.SIRET)
		record = r
	case "RIB":
		r := new(BankAccount)
		v.described(r, layouts.bank)
		record = r
	default:
		record = &Parameter{Name: name, Text: v.text.decode(v.text.cut(7, MaxLineLength))}
	}
	v.handOut(record, before)
}

var (
	fJournalCode   = named("JAL.code")
	fJournalNature = named("JAL.nature")
	fCounterpart   = named("JAL.counterpart")
	fJournalAxis   = named("JAL.axis")
	fMode          = named("JAL.mode")
	fAccountCode   = named("CGN.code")
	fAccountNature = named("CGN.nature")
	fMatchable     = named("CGN.matchable")
	fCollective    = named("CGN.collective")
	fPartyCode     = named("CAE.code")
	fPartyNature   = named("CAE.nature")
	fPartyAccount  = named("CAE.collective")
	fPartySIRET    = named("CAE.siret")
	fSectionAxis   = named("section.axis")
	fYearEnd       = named("EXO.end")
	fYearState     = named("EXO.state")
	fPlaceSIRET    = named("ETB.siret")
)

// described reads a record of known layout, whose first field names it.
func (v *Validator) described(record any, of layout) {
	v.text.fill(of, record)
	v.fields(of)
	if code := of[0]; len(v.text.cell(code)) == 0 {
		v.state(fieldRequired, code)
	}
}

// repeated reports that a code was described before.
func (v *Validator) repeated(f *field, name, code string) {
	v.report(recordRepeated, f, v.line, func() []textfile.Arg {
		return args(textfile.Plain("value", name), quoted("code", []byte(code)))
	})
}

func (v *Validator) journalRecord(r *Journal) {
	v.listed(valueUnknown, fJournalNature, r.Nature, journalNatures)
	v.listed(valueUnknown, fMode, r.Mode, journalModes)
	switch {
	case (r.Nature == "BQE" || r.Nature == "CAI") && r.Counterpart == "":
		v.with(journalCounterpart, fCounterpart, []byte(r.Code))
	case r.Nature == "ODA" && r.Axis == "":
		v.with(journalAxis, fJournalAxis, []byte(r.Code))
	}
	if r.Code == "" {
		return
	}
	j := v.journalOf(v.text.cell(fJournalCode), fJournalCode)
	if j == &v.otherJournal {
		return
	}
	if j.described && j.in == v.piece.number {
		v.repeated(fJournalCode, "JAL", r.Code)
	}
	j.in = v.piece.number
	j.described, j.label, j.closed = true, r.Label, r.Closed1 || r.Closed2
	if j.mode = ""; r.Mode == "BOR" || r.Mode == "LIB" {
		j.mode = r.Mode
	}
	j.forbidden = nil
	for code := range strings.SplitSeq(r.Forbidden, ";") {
		if code = strings.TrimSpace(code); code != "" {
			j.forbidden = append(j.forbidden, code)
		}
	}
}

func (v *Validator) accountRecord(r *Account) {
	v.listed(valueUnknown, fAccountNature, r.Nature, accountNatures)
	collective := unsaid
	switch {
	case r.Collective, slices.Contains(collectives, r.Nature):
		collective = yes
	case v.text.char(fCollective.at) == '-', slices.Contains(accountNatures, r.Nature):
		collective = no
	}
	if flag := v.text.char(fCollective.at); flag != ' ' && slices.Contains(accountNatures, r.Nature) &&
		r.Collective != slices.Contains(collectives, r.Nature) {
		v.report(collectiveDiffers, fCollective, v.line, func() []textfile.Arg {
			return args(quoted("value", []byte(r.Code)), textfile.Plain("other", r.Nature))
		})
		collective = unsaid
	}
	if r.Matchable && r.Nature != "TIC" && r.Nature != "TID" {
		v.report(matchableNature, fMatchable, v.line, func() []textfile.Arg {
			return args(quoted("value", []byte(r.Code)), quoted("other", []byte(r.Nature)))
		})
	}
	if r.Code == "" {
		return
	}
	a := v.accountOf(v.text.cell(fAccountCode), fAccountCode)
	if a == &v.otherAccount {
		return
	}
	if a.described && a.in == v.piece.number {
		v.repeated(fAccountCode, "CGN", r.Code)
	}
	a.in = v.piece.number
	a.described, a.label, a.closed, a.collective = true, r.Label, r.Closed, collective
	a.axes = [...]bool{r.Axis1, r.Axis2, r.Axis3, r.Axis4, r.Axis5}
	for i := range a.axes {
		a.axes[i] = a.axes[i] || v.text.char(fAxes[i].at) != '-' // only - says that it is not
	}
}

var fAxes = [...]*field{named("CGN.axis_1"), named("CGN.axis_2"), named("CGN.axis_3"), named("CGN.axis_4"), named("CGN.axis_5")}

func (v *Validator) partyRecord(r *ThirdParty) {
	v.listed(valueUnknown, fPartyNature, r.Nature, partyNatures)
	v.siret(fPartySIRET, r.SIRET)
	if r.Code == "" {
		return
	}
	p, fresh := v.parties.Row(v.text.cell(fPartyCode))
	if p == nil {
		v.incomplete(fPartyCode, []byte(r.Code), textfile.MaxParties)
		return
	}
	if !fresh && p.in == v.piece.number {
		v.repeated(fPartyCode, "CAE", r.Code)
	}
	*p = party{collective: string(v.text.cell(fPartyAccount)), closed: r.Closed, in: v.piece.number}
}

func (v *Validator) yearRecord(r *FiscalYear) {
	v.listed(valueUnknown, fYearState, r.State, yearStates)
	start, _ := parseDate(v.text.cell(fYearStart))
	end, _ := parseDate(v.text.cell(fYearEnd))
	switch {
	case start != 0 && end != 0 && end < start:
		v.with(yearReversed, fYearEnd, []byte(r.Code))
	case start != 0 && end != 0 && len(v.years) < maxYears:
		v.years = append(v.years, period{start, end})
	default:
		v.yearless = true
	}
	if r.State == "OUV" {
		v.piece.openYears++
	}
}

var fYearStart = named("EXO.start")

// siret checks a number that is there.
func (v *Validator) siret(f *field, value string) {
	if value != "" && !check.IsSIRET(value) {
		v.with(siretInvalid, f, []byte(value))
	}
}
