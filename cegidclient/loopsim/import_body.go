package loopsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Lengths at which Loop cuts without a word (loop-api: A 2.3, A 10.6).
const (
	maxLabel          = 35
	maxThirdPartyCode = 17
)

// A submission is the body of an importJson as it was read (loop-api: A 2.1). Its three complaints are kept apart, since
// they come at three moments; of each, the first one counts.
type submission struct {
	malformed bool   // no JSON
	noPayload string // refused before the dossier is known
	refusal   string // refused at once (A 2.9)
	late      string // found by the import itself

	dossier    string
	sirets     []string // all of one company
	siretLines []int    // where each was met, 0 for the body
	from, to   string   // days of the context, "" without
	options    importOptions
	lines      []importLine
	rest       []importLine // of a long file: looked at, and not booked
	file       *fileSource  // nil for importJson
	references []string
	refPieces  []string
	unknown    []string // members that no page shows
	magic      magic
}

// importOptions are those of A 2.2 that have an effect here.
type importOptions struct {
	separator      string
	multiPeriod    bool
	failUnbalanced bool
	balance        bool
	newJournals    bool
	newAccounts    bool
	newTiers       bool
	defaultJournal string
	defaultAccount string
}

// An importLine is one of data.ecritures (A 2.3), or of a file. Amounts are in cents.
type importLine struct {
	number                                                   int    // of a file's line
	entry                                                    string // of a file: what lines of one entry share
	journal, journalLabel, account, accountLabel, thirdParty string
	label, reference, refPiece, comment                      string
	date, dueDate, operationDate, documentDate               string // AAAA-MM-JJ
	lettering, lot, parent, origin, siret                    string
	debit, credit                                            amount
	paymentMode, lineType, movementType                      int
	anyJournal                                               bool // AN is a journal like others
	attached                                                 bool
	splits                                                   []importSplit
}

type amount struct {
	cents          int64
	currency       string
	currencyAmount string // JSON number
}

type importSplit struct {
	axis, section string
	cents         int64
}

// root reads the object that a body is, or notes what it is instead.
func (sub *submission) root(body []byte) (root object, ok bool) {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		sub.noPayload = "Aucune donnée reçue : l'appel est-il bien un POST ?"
	case !json.Valid(body):
		sub.malformed = true
	default:
		if root, ok = asObject(body); !ok {
			sub.noPayload = "Aucune donnée reçue : un objet JSON est attendu."
		}
	}
	return root, ok
}

// readSubmission reads a body, whatever it is.
func readSubmission(body []byte) *submission {
	// the defaults that A 2.2 states; the others are false [I]
	sub := &submission{options: importOptions{separator: ".", balance: true, newTiers: true}}
	root, ok := sub.root(body)
	if !ok {
		return sub
	}
	sub.dossier, _ = asText(root["codeIbs"])
	if sub.dossier == "" { // by analogy with importPerso (A 3.4) [I]
		sub.noPayload = "Le code du dossier (« codeIbs ») manque."
	}
	sub.note(root, "", "codeIbs", "SIRET", "data")
	sub.siret(root["SIRET"], 0)
	data, ok := asObject(root["data"])
	if !ok {
		sub.refuse("Aucune donnée reçue : « data » manque.")
		return sub
	}
	sub.note(data, "data.", "contexte", "options", "ecritures")
	sub.readOptions(data["options"])
	sub.readContext(data["contexte"])
	sub.readLines(data["ecritures"])
	slices.Sort(sub.unknown)
	sub.unknown = slices.Compact(sub.unknown)
	return sub
}

func (sub *submission) refuse(format string, args ...any) {
	if sub.refusal == "" {
		sub.refusal = fmt.Sprintf(format, args...)
	}
}

func (sub *submission) fail(format string, args ...any) {
	if sub.late == "" {
		sub.late = fmt.Sprintf(format, args...)
	}
}

const maxUnknown = 50

// note collects the members that no page shows: Loop seems to pass them over [I], and a misspelt one would never be seen.
func (sub *submission) note(o object, prefix string, known ...string) {
	for name := range o {
		if len(sub.unknown) < maxUnknown && !slices.Contains(known, name) {
			sub.unknown = append(sub.unknown, clip(prefix+name, 60))
		}
	}
}

func (sub *submission) readOptions(raw json.RawMessage) {
	if absent(raw) {
		return
	}
	o, ok := asObject(raw)
	if !ok {
		sub.fail("Les options ne sont pas un objet.")
		return
	}
	sub.note(o, "data.options.", "separatorDecimal", "formatDate", "multiPeriode", "failOnUnbalanced", "balanceAuto", "createNewJournaux",
		"createNewComptes", "createNewTiers", "defaultJournalId", "defaultCompte", "comptesRules", "sortLines", "newFolio", "aNouveaux",
		"createPieceRef")
	boolean := func(name string, into *bool) {
		if raw := o[name]; !absent(raw) && json.Unmarshal(raw, into) != nil {
			sub.fail("L'option « %s » n'est pas un booléen.", name)
		}
	}
	boolean("multiPeriode", &sub.options.multiPeriod)
	boolean("failOnUnbalanced", &sub.options.failUnbalanced)
	boolean("balanceAuto", &sub.options.balance)
	boolean("createNewJournaux", &sub.options.newJournals)
	boolean("createNewComptes", &sub.options.newAccounts)
	boolean("createNewTiers", &sub.options.newTiers)
	var ignored bool
	for _, name := range []string{"sortLines", "newFolio", "aNouveaux", "createPieceRef"} {
		boolean(name, &ignored)
	}
	str := func(name string) string {
		s, ok := asText(o[name])
		if !ok {
			sub.fail("L'option « %s » n'est pas un texte.", name)
		}
		return s
	}
	sub.options.defaultJournal, sub.options.defaultAccount = str("defaultJournalId"), str("defaultCompte")
	if s := str("separatorDecimal"); s != "" {
		sub.options.separator = s
		if s != "." && s != "," { // [I]
			sub.fail("Le séparateur décimal « %s » n'est pas pris en charge.", clip(s, 10))
		}
	}
	// the two that are printed; others [I]
	if s := str("formatDate"); s != "" && s != "YYYY-MM-DDTHH:mm:ss.SSSZ" && s != "AAAA-MM-JJThh:mm:ss.nnnZ" {
		sub.fail("Le format de date « %s » n'est pas pris en charge.", clip(s, 40))
	}
	if !absent(o["comptesRules"]) && string(o["comptesRules"]) != "[]" { // their shape is not documented
		sub.fail("L'option « comptesRules » n'est pas prise en charge.")
	}
}

// readContext: A 2.1, A 2.9.
func (sub *submission) readContext(raw json.RawMessage) {
	o, ok := asObject(raw)
	if !ok {
		if !sub.options.multiPeriod {
			sub.refuse("Le contexte est obligatoire hors mode multi-période.")
		}
		return
	}
	sub.note(o, "data.contexte.", "from", "to")
	for name, day := range map[string]*string{"from": &sub.from, "to": &sub.to} {
		if *day, ok = isoDay(o[name]); !ok {
			sub.refuse("Les dates du contexte doivent s'écrire AAAA-MM-JJThh:mm:ss.nnnZ.")
		}
	}
}

func (sub *submission) readLines(raw json.RawMessage) {
	var lines []json.RawMessage
	switch {
	case absent(raw) || string(raw) == "[]":
		sub.refuse("La liste des écritures est vide.")
		return
	case json.Unmarshal(raw, &lines) != nil:
		sub.refuse("Les écritures doivent former un tableau.")
		return
	case len(lines) == 0:
		sub.refuse("La liste des écritures est vide.")
		return
	case len(lines) < 2:
		sub.refuse("Deux lignes au moins sont attendues.")
	}
	references, refPieces := make(map[string]bool), make(map[string]bool)
	sub.lines = make([]importLine, len(lines))
	for i, raw := range lines {
		r := lineReader{sub: sub, number: i + 1}
		var ok bool
		if r.object, ok = asObject(raw); !ok {
			sub.refuse("La ligne %d n'est pas un objet.", i+1) // [I]
			continue
		}
		line := r.read()
		sub.lines[i] = line
		for _, ref := range []struct {
			text string
			seen map[string]bool
			list *[]string
		}{{line.reference, references, &sub.references}, {line.refPiece, refPieces, &sub.refPieces}} {
			if ref.text == "" || ref.seen[ref.text] {
				continue
			}
			ref.seen[ref.text] = true
			*ref.list = append(*ref.list, ref.text)
			sub.magic.add(ref.text)
		}
	}
}

// siret checks one of A 2.7 by the rules of A 2.9; line 0 is the body itself.
func (sub *submission) siret(raw json.RawMessage, line int) string {
	s, ok := asText(raw)
	if ok && s == "" {
		return ""
	}
	if !ok || !validSIRET(s) {
		sub.refuse("SIRET incorrect (14 chiffres et clé de contrôle attendus), ligne %d", line)
		return ""
	}
	if len(sub.sirets) > 0 && s[:9] != sub.sirets[0][:9] {
		sub.refuse("Les SIRET donnés sont ceux de plusieurs sociétés.")
	}
	if !slices.Contains(sub.sirets, s) {
		sub.sirets, sub.siretLines = append(sub.sirets, s), append(sub.siretLines, line)
	}
	return s
}

// A lineReader reads one line. That a member of the wrong type fails the import late is [I].
type lineReader struct {
	sub    *submission
	object object
	number int
}

func (r *lineReader) read() importLine {
	for name := range r.object {
		if !lineMember(name) && len(r.sub.unknown) < maxUnknown {
			r.sub.unknown = append(r.sub.unknown, clip("data.ecritures[]."+name, 60))
		}
	}
	line := importLine{
		journal: r.text("journal"), journalLabel: r.text("journalLib"), account: r.text("compte"), accountLabel: r.text("compteLib"),
		thirdParty: cut(r.text("tiers"), maxThirdPartyCode), label: cut(r.text("libelle"), maxLabel),
		reference: r.text("reference"), refPiece: r.text("refPiece"), comment: r.text("commentaire"),
		dueDate: r.day("dateEcheance"), operationDate: r.day("dateOperation"), lettering: r.text("codeLettrage"),
		lot: r.uuid("lot"), parent: r.uuid("ecritureMere"), origin: r.uuid("ecritureOrigine"), siret: r.sub.siret(r.object["SIRET"], r.number),
		debit: r.amount("debit"), credit: r.amount("credit"),
		paymentMode: r.code("modePaiement", 11, 1), lineType: r.code("type", 7, 1), movementType: r.code("typeMouvement", 7, 1),
	}
	r.uuid("codePointage")
	r.day("datePointage")
	r.day("dateLettrage")
	if lot := r.code("typeLot", 4, 0); lot == 3 { // A 2.3: there is none
		r.fail("la valeur de « typeLot » est inconnue")
	}
	if line.date = r.day("date"); line.date == "" {
		r.fail("la date manque")
	}
	if line.debit.cents != 0 && line.credit.cents != 0 { // the unused side is at 0 in the sample (A 2.3) [I]
		r.fail("débit et crédit sont tous deux remplis")
	}
	r.instants(&line)
	r.attachment(&line)
	r.analytics(&line)
	return line
}

func (r *lineReader) fail(format string, args ...any) {
	r.sub.fail("Ligne %d : %s.", r.number, fmt.Sprintf(format, args...))
}

func (r *lineReader) text(name string) string {
	s, ok := asText(r.object[name])
	if !ok {
		r.fail("« %s » n'est pas un texte", name)
	}
	return s
}

func (r *lineReader) uuid(name string) string {
	s := r.text(name)
	if s != "" && !isUUID(s) {
		r.fail("« %s » n'est pas un uuid", name)
	}
	return s
}

func (r *lineReader) day(name string) string {
	raw := r.object[name]
	if s, ok := asText(raw); ok && s == "" {
		return ""
	}
	day, ok := isoDay(raw)
	if !ok {
		r.fail("« %s » n'est pas une date AAAA-MM-JJThh:mm:ss.nnnZ", name)
	}
	return day
}

// code reads an enum of A 2.3, an integer or the same as text.
func (r *lineReader) code(name string, most, otherwise int) int {
	raw := r.object[name]
	if absent(raw) {
		return otherwise
	}
	s, ok := asText(raw)
	if !ok {
		s = string(raw)
	}
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		r.fail("la valeur de « %s » est inconnue", name)
		return otherwise
	}
	return n
}

// instants are checked at once, unlike the other dates (A 2.9).
func (r *lineReader) instants(line *importLine) {
	read := func(name string) (string, bool) {
		raw := r.object[name]
		if s, ok := asText(raw); ok && s == "" {
			return "", false
		}
		day, ok := isoDay(raw)
		if !ok {
			r.sub.refuse("« %s » doit s'écrire AAAA-MM-JJThh:mm:ss.nnnZ (ligne %d).", name, r.number)
		}
		return day, true
	}
	line.documentDate, _ = read("dateJustif")
	_, begins := read("debCutOff")
	_, ends := read("finCutOff")
	if begins != ends {
		r.sub.refuse("Début et fin de cut-off vont ensemble (ligne %d).", r.number)
	}
}

// attachment: A 2.6. The link is a secret, and is not kept.
func (r *lineReader) attachment(line *importLine) {
	if absent(r.object["fichier"]) {
		return
	}
	o, ok := asObject(r.object["fichier"])
	uri, text := asText(o["uri"])
	if !ok || !text || !strings.HasPrefix(uri, "https://") {
		r.fail("« fichier.uri » n'est pas un lien https")
		return
	}
	line.attached = true
}

func (r *lineReader) amount(name string) amount {
	raw := r.object[name]
	if absent(raw) {
		return amount{}
	}
	o, ok := asObject(raw)
	if !ok {
		r.fail("« %s » n'est pas un objet", name)
		return amount{}
	}
	r.sub.note(o, "data.ecritures[]."+name+".", "amount", "currency", "currencyAmount", "currencyRate")
	a := amount{cents: r.cents(o["amount"], name)}
	if a.currency, ok = asText(o["currency"]); !ok {
		r.fail("la devise de « %s » n'est pas un texte", name)
	}
	if raw := o["currencyAmount"]; !absent(raw) {
		units, ok := decimal(raw, r.sub.options.separator, 4)
		if !ok {
			r.fail("le montant en devise de « %s » est illisible", name)
		}
		a.currencyAmount = formatUnits(units, 4)
	}
	return a
}

// cents reads an amount in euro. More than two decimals, a sign and an exponent are refused [I].
func (r *lineReader) cents(raw json.RawMessage, of string) int64 {
	cents, ok := decimal(raw, r.sub.options.separator, 2)
	if !ok {
		r.fail("le montant de « %s » est illisible", of)
	}
	return cents
}

// analytics reads both spellings that axeAna[codeAxe] allows. The inside of an item is not documented (A 2.4): a section and
// an amount, or the debit and credit of a line, are what this simulator takes [I].
func (r *lineReader) analytics(line *importLine) {
	axes := make(object)
	if raw := r.object["axeAna"]; !absent(raw) {
		o, ok := asObject(raw)
		if !ok {
			r.fail("« axeAna » n'est pas un objet")
		}
		for axis, items := range o {
			axes[axis] = items
		}
	}
	for name, items := range r.object {
		if axis, ok := axisMember(name); ok {
			axes[axis] = items
		}
	}
	names := make([]string, 0, len(axes))
	for axis := range axes {
		names = append(names, axis)
	}
	slices.Sort(names)
	for _, axis := range names {
		var items []json.RawMessage
		if json.Unmarshal(axes[axis], &items) != nil {
			r.fail("la ventilation de l'axe « %s » n'est pas un tableau", clip(axis, 40))
			continue
		}
		for _, raw := range items {
			o, _ := asObject(raw)
			section, ok := asText(o["section"])
			if section == "" || !ok {
				r.fail("une ventilation de l'axe « %s » n'a pas de section", clip(axis, 40))
				continue
			}
			split := importSplit{axis: axis, section: section}
			if absent(o["amount"]) {
				sides := lineReader{sub: r.sub, object: o, number: r.number}
				split.cents = sides.amount("debit").cents + sides.amount("credit").cents
			} else {
				split.cents = r.cents(o["amount"], "axeAna")
			}
			line.splits = append(line.splits, split)
		}
	}
}

// axisMember takes the axis out of the other spelling of A 2.4: a member named axeAna[CENTRE].
func axisMember(name string) (string, bool) {
	axis, ok := strings.CutPrefix(name, "axeAna[")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(axis, "]")
}

func lineMember(name string) bool {
	switch name {
	case "date", "journal", "journalLib", "compte", "compteLib", "tiers", "libelle", "reference", "refPiece", "commentaire", "debit", "credit",
		"dateJustif", "debCutOff", "finCutOff", "dateOperation", "dateEcheance", "datePointage", "codePointage", "codeLettrage", "dateLettrage",
		"modePaiement", "typeMouvement", "type", "lot", "typeLot", "ecritureMere", "ecritureOrigine", "SIRET", "fichier", "axeAna":
		return true
	}
	_, ok := axisMember(name)
	return ok
}

// An object keeps the letter case of its members, which encoding/json does not do for a struct.
type object map[string]json.RawMessage

func asObject(raw json.RawMessage) (object, bool) {
	var o object
	err := json.Unmarshal(raw, &o)
	return o, err == nil && o != nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// asText reads a text; none and null are "".
func asText(raw json.RawMessage) (string, bool) {
	if absent(raw) {
		return "", true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// isoDay takes the day of AAAA-MM-JJThh:mm:ss.nnnZ. That an instant is not moved to Paris first is [I].
func isoDay(raw json.RawMessage) (string, bool) {
	const form = "2006-01-02T15:04:05.000Z"
	s, ok := asText(raw)
	if !ok || len(s) != len(form) || s[19] != '.' {
		return "", false
	}
	if _, err := time.Parse(form, s); err != nil {
		return "", false
	}
	return s[:len(time.DateOnly)], true
}

func validDay(day string) bool {
	_, err := time.Parse(time.DateOnly, day)
	return err == nil
}

// decimal reads an amount, number or text, into units of 10^-places.
func decimal(raw json.RawMessage, separator string, places int) (int64, bool) {
	s := string(raw)
	if text, ok := asText(raw); ok {
		s = strings.Replace(text, separator, ".", 1)
		if separator != "." && strings.Contains(text, ".") {
			return 0, false
		}
	}
	whole, fraction, _ := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	if whole == "" || len(whole) > 13 || len(fraction) > places {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 63)
	return int64(n), err == nil
}

// formatUnits writes units of 10^-places as JSON.stringify would: 120, 120.5.
func formatUnits(units int64, places int) string {
	if units < 0 { // of a file: importJson takes no sign
		return "-" + formatUnits(-units, places)
	}
	digits := fmt.Sprintf("%0*d", places+1, units)
	whole, fraction := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// validSIRET: 14 digits, the whole of them right by Luhn (loop-api: A 2.7).
func validSIRET(s string) bool {
	return len(s) == 14 && luhnDigits(s)
}

// luhnDigits: digits alone, with a right Luhn key.
func luhnDigits(s string) bool {
	sum := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		d := int(s[i] - '0')
		if i%2 == len(s)%2 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isUUID: 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// cut shortens without a word, as Loop does.
func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit])
}
