package fec

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/findings"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

const maxPlaces = textfile.MaxPlaces

// Finding is what was found; see package check. Its column is the position of a field in the line.
type Finding = check.Finding

// Ignorable tells whether a caller may have the findings of a code left out: warnings and notices. Errors stay.
func Ignorable(code string) bool {
	return slices.ContainsFunc(rules[:], func(r Rule) bool { return r.Code == code && r.Severity != check.Error })
}

func plain(name, value string) textfile.Arg { return textfile.Plain(name, value) }

func number(name string, n int) textfile.Arg { return textfile.Number(name, n) }

// quoted is a value of the file's, bounded.
func quoted(name string, value []byte) textfile.Arg {
	const most = 256 // more than is quoted
	return textfile.Quoted(name, decode(textfile.Cut(value, most)))
}

func money(name string, c Cents) textfile.Arg { return textfile.Money(name, c) }

// reports are what was found so far.
type reports struct{ found findings.Found }

// again counts a finding, and tells whether there is nothing to state.
func (f *reports) again(c code, field Field, line, column int) bool {
	return f.found.Again(int(c), int(field), line, column)
}

// first states a finding; only after again said that it is new.
func (f *reports) first(c code, field Field, line, column int, args ...textfile.Arg) {
	f.found.First(int(c), int(field), line, column, args...)
}

// state does both, for what is found once.
func (f *reports) state(c code, field Field, line, column int, args ...textfile.Arg) {
	if !f.again(c, field, line, column) {
		f.first(c, field, line, column, args...)
	}
}

func (f *reports) has(c code) bool { return f.found.Has(int(c)) }

// fieldTexts are the fields' names, and what they are called in a sentence.
var fieldTexts = func() (out [numFields + 1]findings.Field) {
	for f, name := range fieldNames {
		out[f] = findings.Field{Name: name}
		if Field(f) != noField {
			out[f].English, out[f].French = meaning(name, fieldMeanings[f].English), meaning(name, fieldMeanings[f].French)
		}
	}
	return out
}()

// meaning explains a name that does not explain itself.
func meaning(name, of string) string {
	if strings.EqualFold(name, of) {
		return name
	}
	return name + " (" + of + ")"
}

var fieldMeanings = [numFields]textfile.Text{
	JournalCode:  {English: "code of the journal", French: "code du journal"},
	JournalLib:   {English: "title of the journal", French: "libellé du journal"},
	EcritureNum:  {English: "number of the entry", French: "numéro de l'écriture"},
	EcritureDate: {English: "date of the entry", French: "date de l'écriture"},
	CompteNum:    {English: "account", French: "numéro de compte"}, CompteLib: {English: "title of the account", French: "libellé du compte"},
	CompAuxNum:  {English: "code of the third party", French: "compte auxiliaire"},
	CompAuxLib:  {English: "name of the third party", French: "libellé auxiliaire"},
	PieceRef:    {English: "reference of the document", French: "référence de la pièce"},
	PieceDate:   {English: "date of the document", French: "date de la pièce"},
	EcritureLib: {English: "label", French: "libellé de l'écriture"},
	Debit:       {English: "debit", French: "débit"}, Credit: {English: "credit", French: "crédit"},
	EcritureLet: {English: "lettering code", French: "lettrage"}, DateLet: {English: "date of the lettering", French: "date de lettrage"},
	ValidDate:     {English: "date of the validation", French: "date de validation"},
	Montantdevise: {English: "amount in the currency", French: "montant en devise"}, Idevise: {English: "currency", French: "devise"},
	DateRglt: {English: "date of the payment", French: "date de règlement"},
	ModeRglt: {English: "mode of the payment", French: "mode de règlement"},
	NatOp:    {English: "kind of the operation", French: "nature de l'opération"}, IdClient: {English: "customer", French: "client"},
	Montant: {English: "amount", French: "montant"}, Sens: {English: "side", French: "sens"},
}
