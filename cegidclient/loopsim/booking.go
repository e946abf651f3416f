package loopsim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/fec"
)

// waitingAccount takes the difference of an entry that Loop balances by itself (loop-api: A 2.2); which account it takes is
// not said [I].
const waitingAccount = "47100000"

// A FiscalYear is a fiscal year of a dossier; without any, 2026 alone is open. Loop shows none (R 9): only the dates of an import
// meet it (A 2.2).
type FiscalYear struct {
	From, To string // AAAA-MM-JJ, both included
	Closed   bool
}

func fiscalYears() *resource {
	return holding(resource{check: checkFiscalYears}, func() []FiscalYear {
		return []FiscalYear{{From: "2025-01-01", To: "2025-12-31", Closed: true}, {From: "2026-01-01", To: "2026-12-31"}}
	})
}

func checkFiscalYears(c Content) error {
	for _, y := range Rows[FiscalYear](c) {
		if !validDay(y.From) || !validDay(y.To) || y.From > y.To {
			return fmt.Errorf("fiscal year from %q to %q: %w", y.From, y.To, ErrInvalid)
		}
	}
	return nil
}

// An index finds the objects of a dossier by code.
type index struct {
	accounts     map[string]int // position in the content
	journals     map[string]int
	thirdParties map[string]int
	sections     map[string]int // by sectionKey
	axes         map[string]bool
}

func newIndex(c *Content) *index {
	x := &index{
		accounts: make(map[string]int, len(Rows[Account](*c))), journals: make(map[string]int), thirdParties: make(map[string]int),
		sections: make(map[string]int), axes: make(map[string]bool),
	}
	for i, a := range Rows[Account](*c) {
		x.accounts[a.Numero] = i
	}
	for i, j := range Rows[Journal](*c) {
		x.journals[j.Code] = i
	}
	for i, t := range Rows[ThirdParty](*c) {
		x.thirdParties[t.Code] = i
	}
	for i, s := range Rows[Section](*c) {
		x.sections[s.key()], x.axes[s.Axe] = i, true
	}
	return x
}

// A booking carries out one import: everything is found out before anything changes, so that an import that fails books and
// creates nothing. That Loop does so too is [I].
type booking struct {
	sub      *submission
	dossier  *dossier // locked
	content  *Content
	index    *index
	creation Content // what it adds
	created  map[string]bool
	lines    []BookedLine // one for each line of the submission, then those that balance
	journals []string
	failure  string
}

// book returns the entries, or why there are none.
func (d *dossier) book(sub *submission, request string, next func(kind string) string, seq func() uint64) ([]*BookedEntry, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.retired {
		return nil, "Le dossier n'existe plus."
	}
	b := &booking{sub: sub, dossier: d, content: d.contentLocked(), created: make(map[string]bool)}
	if d.index == nil {
		d.index = newIndex(b.content)
	}
	b.index = d.index
	if sub.late != "" {
		return nil, sub.late
	}
	for i := range sub.lines {
		b.resolve(i+1, &sub.lines[i])
	}
	for i := range sub.rest {
		b.resolve(0, &sub.rest[i])
	}
	b.lines, b.journals = b.lines[:len(sub.lines)], b.journals[:len(sub.lines)]
	b.letter(next)
	groups := b.group()
	if b.failure != "" {
		return nil, b.failure
	}
	d.addLocked(&b.creation)
	entries := make([]*BookedEntry, len(groups))
	for i, g := range groups {
		e := &BookedEntry{
			ID: next("ecriture"), Seq: seq(), Practice: d.practice, Dossier: d.code, Import: request,
			Journal: g.journal, Date: g.date, Reference: g.reference, RefPiece: g.refPiece, Lines: make([]BookedLine, len(g.lines)),
		}
		for k, at := range g.lines {
			l := b.lines[at]
			l.ID, l.Debit, l.Credit = next("ligne"), formatEuro(l.debit), formatEuro(l.credit)
			e.Lines[k] = l
		}
		d.books.add(e)
		entries[i] = e
	}
	return entries, ""
}

func formatEuro(cents int64) string { return fec.Cents(cents).String() }

func (b *booking) fail(format string, args ...any) {
	if b.failure == "" {
		b.failure = fmt.Sprintf(format, args...)
	}
}

// resolve finds what a line names. That a closed or inactive object fails the import is [I].
func (b *booking) resolve(n int, line *importLine) {
	if line.number > 0 {
		n = line.number
	}
	l := BookedLine{
		Label: line.label, SIRET: line.siret, Attached: line.attached, source: *line, debit: line.debit.cents, credit: line.credit.cents,
	}
	b.date(n, line.date)
	b.journals = append(b.journals, b.journal(n, line))
	l.Account = b.account(n, line)
	l.ThirdParty = b.thirdParty(line, n)
	l.Analytics = b.analytics(n, line, l.Account)
	b.lines = append(b.lines, l)
}

// date: inside the context, if there is one [I], and in an open fiscal year: the last one, or any with multiPeriode (A 2.2).
func (b *booking) date(n int, day string) {
	if b.sub.from != "" && (day < b.sub.from || day > b.sub.to) {
		b.fail("Ligne %d : la date %s est hors du contexte.", n, day)
	}
	years := Rows[FiscalYear](*b.content)
	if len(years) == 0 {
		years = []FiscalYear{{From: "2026-01-01", To: "2026-12-31"}}
	}
	var open []FiscalYear
	for _, y := range years {
		if !y.Closed {
			open = append(open, y)
		}
	}
	slices.SortFunc(open, func(a, b FiscalYear) int { return strings.Compare(a.From, b.From) })
	if !b.sub.options.multiPeriod && len(open) > 1 {
		open = open[len(open)-1:]
	}
	if !slices.ContainsFunc(open, func(y FiscalYear) bool { return y.From <= day && day <= y.To }) {
		b.fail("Ligne %d : la date %s est hors d'un exercice ouvert.", n, day)
	}
}

func (b *booking) journal(n int, line *importLine) string {
	code := line.journal
	if code == "AN" && !line.anyJournal { // A 2.3; of files nothing is said
		b.fail("Ligne %d : le journal AN est réservé.", n)
	}
	if i, ok := b.index.journals[code]; ok {
		if Rows[Journal](*b.content)[i].Ferme {
			b.fail("Ligne %d : le journal %s est fermé.", n, code)
		}
		return code
	}
	if code != "" && b.sub.options.newJournals {
		if b.first("journal", code) {
			label := line.journalLabel
			if label == "" {
				label = code
			}
			add(&b.creation, Journal{Code: code, Libelle: label, Type: JournalOD, TypeContrepartie: 1, SaisieLibelle: 2})
		}
		return code
	}
	if id := b.sub.options.defaultJournal; id != "" {
		for _, j := range Rows[Journal](*b.content) {
			if b.dossier.objectID("journal", j.Code) == id {
				return j.Code
			}
		}
	}
	b.fail("Ligne %d : le journal « %s » est inconnu.", n, clip(code, 40))
	return code
}

func (b *booking) account(n int, line *importLine) string {
	numero := line.account
	if i, ok := b.index.accounts[numero]; ok {
		if Rows[Account](*b.content)[i].Ferme {
			b.fail("Ligne %d : le compte %s est fermé.", n, numero)
		}
		return numero
	}
	if numero != "" && b.sub.options.newAccounts {
		b.createAccount(numero, line.accountLabel)
		return numero
	}
	if id := b.sub.options.defaultAccount; id != "" {
		for _, a := range Rows[Account](*b.content) {
			if b.dossier.objectID("compte", a.Numero) == id {
				return a.Numero
			}
		}
	}
	b.fail("Ligne %d : le compte « %s » est inconnu.", n, clip(numero, 40))
	return numero
}

func (b *booking) createAccount(numero, label string) {
	if !b.first("compte", numero) {
		return
	}
	if label == "" {
		label = numero
	}
	add(&b.creation, Account{Numero: numero, Libelle: label, Type: accountType(numero)})
}

// thirdParty: an unknown one is created, or becomes the waiting one without a word (A 2.2, A 10.5). Of which kind a created
// one is, its account says [I].
func (b *booking) thirdParty(line *importLine, n int) string {
	code := line.thirdParty
	if code == "" {
		return ""
	}
	if i, ok := b.index.thirdParties[code]; ok {
		if !Rows[ThirdParty](*b.content)[i].Actif {
			b.fail("Ligne %d : le tiers %s n'est plus actif.", n, code)
		}
		return code
	}
	t := ThirdParty{Code: code, Type: ThirdPartyDivers, Nature: 2, NomUsuel: code, RaisonSociale: code, Lettrable: true, Actif: true}
	if !b.sub.options.newTiers {
		if _, ok := b.index.thirdParties[WaitingThirdParty]; ok {
			return WaitingThirdParty
		}
		t.Code, t.NomUsuel, t.RaisonSociale = WaitingThirdParty, "Attente", "TIERS D'ATTENTE"
	} else {
		switch {
		case strings.HasPrefix(line.account, "41"):
			t.Type, t.Nature = ThirdPartyClient, 0
		case strings.HasPrefix(line.account, "40"):
			t.Type = ThirdPartyFournisseur
		case strings.HasPrefix(line.account, "42"):
			t.Type, t.Nature = ThirdPartySalarie, 1
		}
	}
	if b.first("tiers", t.Code) {
		add(&b.creation, t)
	}
	return t.Code
}

// analytics: the account must take a breakdown, the axis must be there, an unknown section is created (A 2.4). That the parts
// of an axis add up to the line is [I].
func (b *booking) analytics(n int, line *importLine, numero string) []BookedSplit {
	if len(line.splits) == 0 {
		return nil
	}
	if i, ok := b.index.accounts[numero]; ok && !Rows[Account](*b.content)[i].Analytique {
		b.fail("Ligne %d : le compte %s ne se ventile pas.", n, numero)
	}
	var splits []BookedSplit
	sums := make(map[string]int64)
	for _, s := range line.splits {
		sums[s.axis] += s.cents
		splits = append(splits, BookedSplit{s.axis, s.section, formatEuro(s.cents)})
		if !b.index.axes[s.axis] {
			b.fail("Ligne %d : l'axe « %s » est inconnu.", n, clip(s.axis, 40))
			continue
		}
		if i, ok := b.index.sections[sectionKey(s.axis, s.section)]; ok {
			if Rows[Section](*b.content)[i].Ferme {
				b.fail("Ligne %d : la section %s est fermée.", n, s.section)
			}
		} else if b.first("section", sectionKey(s.axis, s.section)) {
			add(&b.creation, Section{Code: s.section, Description: s.section, Axe: s.axis})
		}
	}
	for _, sum := range sums {
		if sum != line.debit.cents+line.credit.cents {
			b.fail("Ligne %d : la ventilation ne fait pas le montant de la ligne.", n)
		}
	}
	return splits
}

// first reports whether this booking creates the object now, and not before.
func (b *booking) first(kind, code string) bool {
	key := kind + "\x00" + code
	if b.created[key] {
		return false
	}
	b.created[key] = true
	return true
}

// letter marks the packets that A 2.5 lets through: on one account, that or its third parties matchable, balanced. The others
// are booked unlettered, without a word [I].
func (b *booking) letter(next func(kind string) string) {
	packets := make(map[string][]int)
	var codes []string
	for i := range b.sub.lines {
		code := b.sub.lines[i].lettering
		if code == "" {
			continue
		}
		if packets[code] == nil {
			codes = append(codes, code)
		}
		packets[code] = append(packets[code], i)
	}
	for _, code := range codes {
		var balance int64
		sound := true
		for _, i := range packets[code] {
			l := &b.lines[i]
			balance += l.debit - l.credit
			sound = sound && l.Account == b.lines[packets[code][0]].Account && b.letterable(l)
		}
		if !sound || balance != 0 {
			continue
		}
		id := next("lettrage")
		for _, i := range packets[code] {
			b.lines[i].Lettering = id
		}
	}
}

func (b *booking) letterable(l *BookedLine) bool {
	if i, ok := b.index.accounts[l.Account]; ok && Rows[Account](*b.content)[i].Lettrable {
		return true
	}
	i, ok := b.index.thirdParties[l.ThirdParty]
	return ok && Rows[ThirdParty](*b.content)[i].Lettrable
}

type entryGroup struct {
	entryKey
	lines []int
}

type entryKey struct{ journal, date, reference, refPiece, entry string }

// group cuts the lines into entries (A 2.10) [I] and balances them as asked (A 2.2). That failOnUnbalanced goes before
// balanceAuto, and that an entry is booked as it is when both are false, is [I].
func (b *booking) group() []entryGroup {
	var groups []entryGroup
	at := make(map[entryKey]int)
	for i := range b.sub.lines {
		line := &b.sub.lines[i]
		own := entryKey{b.journals[i], line.date, line.reference, line.refPiece, line.entry}
		key := own
		if line.entry != "" { // a file says itself what is one entry, which is named as its first line
			key = entryKey{entry: line.entry}
		}
		g, ok := at[key]
		if !ok {
			g = len(groups)
			at[key] = g
			groups = append(groups, entryGroup{entryKey: own})
		}
		groups[g].lines = append(groups[g].lines, i)
	}
	for i := range groups {
		g := &groups[i]
		var balance int64
		for _, k := range g.lines {
			balance += b.lines[k].debit - b.lines[k].credit
		}
		switch {
		case balance == 0:
		case b.sub.options.failUnbalanced:
			b.fail("Écriture déséquilibrée : journal %s, date %s, référence « %s ».", g.journal, g.date, clip(g.reference, 60))
		case b.sub.options.balance:
			l := BookedLine{
				Account: waitingAccount, Label: "Équilibrage automatique",
				source: importLine{paymentMode: 1, lineType: 1, movementType: 1},
			}
			if balance > 0 {
				l.credit = balance
			} else {
				l.debit = -balance
			}
			if _, ok := b.index.accounts[waitingAccount]; !ok {
				b.createAccount(waitingAccount, "Compte d'attente")
			}
			g.lines = append(g.lines, len(b.lines))
			b.lines = append(b.lines, l)
		}
	}
	return groups
}

// addLocked adds to what the dossier holds; the tables that show it are built again when next asked for.
func (d *dossier) addLocked(creation *Content) {
	addRows(d, creation, func(x *index) map[string]int { return x.accounts }, Account.code)
	addRows(d, creation, func(x *index) map[string]int { return x.journals }, Journal.code)
	addRows(d, creation, func(x *index) map[string]int { return x.thirdParties }, ThirdParty.code)
	addRows(d, creation, func(x *index) map[string]int { return x.sections }, Section.key)
}

func addRows[R any](d *dossier, creation *Content, in func(*index) map[string]int, code func(R) string) {
	c, more := d.contentLocked(), Rows[R](*creation)
	if len(more) == 0 {
		return
	}
	if d.index != nil {
		for i, row := range more {
			in(d.index)[code(row)] = len(Rows[R](*c)) + i
		}
	}
	add(c, more...)
	maps.DeleteFunc(d.tables, func(_ string, t *table) bool { return t.of == reflect.TypeFor[R]() })
}
