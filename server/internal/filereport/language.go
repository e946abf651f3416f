package filereport

import (
	"fmt"
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

// A Language is one that the report is written in.
type Language string

// The languages.
const (
	French  Language = "fr"
	English Language = "en"
)

// words are those of the report in a language.
type words struct {
	Language                                                  Language
	Title, Verdicts, Findings, NoFindings, Next               string
	Journals, Journal, Total, Month, Lines, Entries           string
	Debit, Credit, Accounts, Account, Label, Difference       string
	Unbalanced, Entry, Date, Line, File, Size, Encoding, More string
	Partial, Whole, Print, NoDate                             string
	Authorities                                               map[filecheck.Authority]string
	Severities                                                map[check.Severity]string
	outcomes                                                  map[filecheck.Outcome]string
	groundWords                                               map[check.Ground]string
	odd, because                                              string
	finding, line, entry                                      [2]string // one and more
	datesOf, sumsOf                                           string
	stepFine, stepErrors, stepWarnings, stepLaw, stepLoop     string
}

var texts = map[Language]*words{
	French: {
		Language: French,
		Title:    "Contrôle du fichier", Verdicts: "Verdicts", Findings: "Constats", NoFindings: "Aucun constat.", Next: "Que faire maintenant",
		Journals: "Totaux par journal et par mois", Journal: "Journal", Total: "Total", Month: "Mois", Lines: "Lignes", Entries: "Écritures",
		Debit: "Débit", Credit: "Crédit", Accounts: "Totaux par compte", Account: "Compte", Label: "Libellé", Difference: "Écart",
		Unbalanced: "Écritures déséquilibrées", Entry: "Écriture", Date: "Date", Line: "Ligne", File: "Fichier", Size: "Taille",
		Encoding: "Codage",
		More:     "et %s autres", Partial: "Des lignes ou des montants n'ont pas pu être lus : les totaux sont incomplets.",
		Whole: "Fichier entier", NoDate: "sans date",
		Authorities: map[filecheck.Authority]string{
			filecheck.OfLaw: "La forme légale (art. A47 A-1 LPF)", filecheck.OfTaxTool: "L'outil de l'administration (Test Compta Demat)",
			filecheck.OfLoop: "L'import dans Loop",
		},
		Severities: map[check.Severity]string{check.Error: "Erreur", check.Warning: "Avertissement", check.Notice: "Remarque"},
		outcomes: map[filecheck.Outcome]string{
			filecheck.NotConcerned: "non concerné", filecheck.Passes: "rien à signaler", filecheck.PassesWithReservations: "sous réserve",
			filecheck.Fails: "refus",
		},
		groundWords: map[check.Ground]string{
			check.Law: "loi", check.TaxTool: "outil de l'administration", check.Format: "format",
			check.Books: "comptabilité", check.Loop: "Loop",
		},
		odd: "inhabituel", because: " ; le plus grave : ",
		finding: [2]string{"constat", "constats"}, line: [2]string{"ligne", "lignes"}, entry: [2]string{"écriture", "écritures"},
		datesOf: ", du %s au %s", sumsOf: " ; débit %s, crédit %s",
		stepFine: "Rien à corriger : déposez le fichier.",
		stepErrors: "Corrigez d'abord les erreurs, dans le logiciel qui a produit le fichier, puis exportez-le et contrôlez-le à nouveau : " +
			"tant qu'il en reste, le fichier n'est pas envoyé à Loop.",
		stepWarnings: "Relisez les avertissements : ils n'empêchent pas l'import, mais signalent le plus souvent une méprise.",
		stepLaw:      "Le fichier peut être importé, mais ne le remettez pas tel quel à l'administration.",
		stepLoop:     "Après l'import, vérifiez dans Loop les points dont le traitement n'est pas documenté.",
	},
	English: {
		Language: English,
		Title:    "Check of the file", Verdicts: "Verdicts", Findings: "Findings", NoFindings: "Nothing was found.", Next: "What to do next",
		Journals: "Totals by journal and month", Journal: "Journal", Total: "Total", Month: "Month", Lines: "Lines", Entries: "Entries",
		Debit: "Debit", Credit: "Credit", Accounts: "Totals by account", Account: "Account", Label: "Label", Difference: "Difference",
		Unbalanced: "Entries that do not balance", Entry: "Entry", Date: "Date", Line: "Line", File: "File", Size: "Size", Encoding: "Encoding",
		More: "and %s more", Partial: "Lines or amounts could not be read: the totals are too small.", Whole: "Whole file", NoDate: "no date",
		Authorities: map[filecheck.Authority]string{
			filecheck.OfLaw: "The form of the law (art. A47 A-1 LPF)", filecheck.OfTaxTool: "The tax administration's checker (Test Compta Demat)",
			filecheck.OfLoop: "The import into Loop",
		},
		Severities: map[check.Severity]string{check.Error: "Error", check.Warning: "Warning", check.Notice: "Notice"},
		outcomes: map[filecheck.Outcome]string{
			filecheck.NotConcerned: "not concerned", filecheck.Passes: "nothing against it", filecheck.PassesWithReservations: "with reservations",
			filecheck.Fails: "refused",
		},
		groundWords: map[check.Ground]string{
			check.Law: "law", check.TaxTool: "tax administration's checker", check.Format: "format",
			check.Books: "bookkeeping", check.Loop: "Loop",
		},
		odd: "unusual", because: "; the weightiest: ",
		finding: [2]string{"finding", "findings"}, line: [2]string{"line", "lines"}, entry: [2]string{"entry", "entries"},
		datesOf: ", from %s to %s", sumsOf: "; debit %s, credit %s",
		stepFine: "There is nothing to correct: deposit the file.",
		stepErrors: "Correct the errors first, in the program that wrote the file; then export it and check it again: " +
			"as long as one is left, the file is not sent to Loop.",
		stepWarnings: "Read the warnings: they do not stop an import, and are a mistake more often than not.",
		stepLaw:      "The file can be imported, but do not hand it to the tax administration as it is.",
		stepLoop:     "After the import, look in Loop at what it is not documented to do.",
	},
}

func (t *words) sentence(f check.Finding) string {
	if t.Language == French {
		return f.French
	}
	return f.Message
}

// unbroken keeps the marks that French sets apart from ending up alone at the beginning of a line.
var unbroken = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", "« ", "«\u00a0", " »", "\u00a0»")

// shown is a sentence of a page.
func (t *words) shown(sentence string) string {
	if t.Language == French {
		return unbroken.Replace(sentence)
	}
	return sentence
}

// some is how many there are of something. In French, none is of the singular.
func (t *words) some(n int, of [2]string) string {
	word := of[1]
	if n == 1 || n == 0 && t.Language == French {
		word = of[0]
	}
	return t.count(int64(n)) + " " + word
}

func (t *words) verdict(v filecheck.Verdict) string {
	out := t.outcomes[v.Outcome]
	if v.Count > 0 {
		out += " (" + t.some(v.Count, t.finding) + t.because + v.Worst.Code + ")"
	}
	return out
}

func (t *words) grounds(f check.Finding) string {
	var names []string
	for ground := range f.Grounds.All() {
		names = append(names, t.groundWords[ground])
	}
	if len(names) == 0 {
		return t.odd
	}
	return strings.Join(names, ", ")
}

func (t *words) summary(r *Report) string {
	out := t.some(r.Lines, t.line) + ", " + t.some(r.Entries, t.entry)
	if r.FirstDate != "" {
		out += fmt.Sprintf(t.datesOf, t.day(r.FirstDate), t.day(r.LastDate))
	}
	return out + fmt.Sprintf(t.sumsOf, t.money(r.Debit), t.money(r.Credit))
}

// day writes a date as the language does.
func (t *words) day(day string) string {
	if t.Language == French && len(day) == 10 {
		return day[8:] + "/" + day[5:7] + "/" + day[:4]
	}
	return day
}

// money writes an amount with marks of thousands.
func (t *words) money(c filecheck.Cents) string {
	text := c.String()
	whole, cents, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	point := map[Language]string{French: ",", English: "."}[t.Language]
	return text[:len(text)-len(strings.TrimPrefix(text, "-"))] + t.grouped(whole) + point + cents
}

// count writes a number with marks of thousands.
func (t *words) count(n int64) string { return t.grouped(strconv.FormatInt(n, 10)) }

func (t *words) grouped(digits string) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(map[Language]string{French: "\u202f", English: ","}[t.Language])
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// steps say what to do next.
func (t *words) steps(r *Report) (steps []string) {
	count := map[check.Severity]int{}
	for _, f := range r.Findings {
		count[f.Severity]++
	}
	law := r.Outcome(filecheck.OfLaw) == filecheck.Fails || r.Outcome(filecheck.OfTaxTool) == filecheck.Fails
	if count[check.Error] > 0 {
		steps = append(steps, t.stepErrors)
	}
	if count[check.Warning] > 0 {
		steps = append(steps, t.stepWarnings)
	}
	if law && count[check.Error] == 0 {
		steps = append(steps, t.stepLaw)
	}
	if r.Outcome(filecheck.OfLoop) == filecheck.PassesWithReservations {
		steps = append(steps, t.stepLoop)
	}
	if len(steps) == 0 {
		steps = append(steps, t.stepFine)
	}
	return steps
}
