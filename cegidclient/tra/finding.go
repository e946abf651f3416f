package tra

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/findings"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// Finding is what was found; see package check. Its field is a field's name in the format's description, such as
// DATECOMPTABLE, or JAL.nature where that names none; its column is the position where the field begins, in characters.
type Finding = check.Finding

// Ignorable tells whether a caller may have the findings of a code left out: warnings and notices. Errors stay.
func Ignorable(code string) bool {
	return slices.ContainsFunc(rules[:], func(r Rule) bool { return r.Code == code && r.Severity != check.Error })
}

// reports are what was found so far.
type reports struct{ found findings.Found }

// report states a finding on a line, with what fills its sentences besides the field's name; the arguments are only made
// for the first of its kind.
func (f *reports) report(c code, on *field, line int, args func() []textfile.Arg) {
	if f.found.Again(int(c), on.index, line, on.at) {
		return
	}
	var all []textfile.Arg
	if args != nil {
		all = args()
	}
	f.found.First(int(c), on.index, line, on.at, all...)
}

func args(a ...textfile.Arg) []textfile.Arg { return a }

// quoted is a value of the file's, bounded.
func quoted(name string, value []byte) textfile.Arg {
	const most = 256 // more than is quoted
	return textfile.Quoted(name, decode(textfile.Cut(value, most)))
}

// state states a finding on a field of the line, or on the whole line.
func (v *Validator) state(c code, f *field) { v.report(c, f, v.line, nil) }

// with states a finding with the value of the field.
func (v *Validator) with(c code, f *field, value []byte) {
	v.report(c, f, v.line, func() []textfile.Arg { return args(quoted("value", value)) })
}

// among states that a value is none of those that there are.
func (v *Validator) among(c code, f *field, value []byte, values ...string) {
	v.report(c, f, v.line, func() []textfile.Arg {
		return args(quoted("value", value), textfile.Plain("values", strings.Join(values, ", ")))
	})
}

// fieldMeanings are what fields are called in a sentence, where their names do not say it.
var fieldMeanings = map[string]textfile.Text{
	"JOURNAL": {English: "journal", French: "code journal"}, "DATECOMPTABLE": {English: "accounting date", French: "date comptable"},
	"TYPE PIECE": {English: "kind of the document", French: "type de pièce"}, "GENERAL": {English: "account", French: "compte général"},
	"TYPE CPTE":  {English: "kind of the line", French: "type de compte"},
	"AUXILIAIRE": {English: "third party or section", French: "auxiliaire ou section"},
	"REFINTERNE": {English: "reference", French: "référence interne"}, "LIBELLE": {English: "label", French: "libellé"},
	"MODEPAIE": {English: "mode of the payment", French: "mode de paiement"}, "ECHEANCE": {English: "due date", French: "échéance"},
	"SENS": {English: "side", French: "sens"}, "MONTANT1": {English: "amount", French: "montant"},
	"TYPE ECRITURE": {English: "type of the entry", French: "type d'écriture"},
	"NUMEROPIECE":   {English: "number of the document", French: "numéro de pièce"}, "DEVISE": {English: "currency", French: "devise"},
	"TAUXDEV": {English: "rate", French: "taux"}, "CODEMONTANT": {English: "what the amounts are", French: "nature des montants"},
	"AXE": {English: "axis", French: "axe"}, "DATECREATION": {English: "date of creation", French: "date de création"},
	"ECRANOUVEAU": {English: "opening", French: "à-nouveau"}, "TVAENCAISSEMENT": {English: "VAT on payments", French: "TVA sur encaissements"},
	"LETTRAGE":     {English: "lettering code", French: "code lettrage"},
	"ETATLETTRAGE": {English: "state of the lettering", French: "état du lettrage"},
}

// catalogue is the same for all files.
var catalogue = func() *findings.Catalogue {
	fields := make([]findings.Field, len(layouts.all))
	for i, f := range layouts.all {
		fields[i] = findings.Field{Name: f.name, Text: textfile.Text{English: f.name, French: f.name}}
		if m, ok := fieldMeanings[f.name]; ok {
			fields[i].English, fields[i].French = f.name+" ("+m.English+")", f.name+" ("+m.French+")"
		}
	}
	return findings.New(rules[:], fields)
}()
