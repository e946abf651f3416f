package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// Reference is what is known of a dossier. A nil index is not compared with.
type Reference struct {
	Journals     *Index[cegidclient.Journal]
	Accounts     *Index[cegidclient.Account]
	ThirdParties *Index[cegidclient.ThirdParty]
	Sections     *Index[cegidclient.Section]
}

// Index finds reference data by code. It does not change and may be shared and kept.
type Index[T any] struct {
	byCode map[string][]*T
	codes  []indexed // sorted, each once
}

// indexed is a code and its form for searches, made once.
type indexed struct {
	code   string
	normal []rune
}

// IndexJournals indexes journals by code.
func IndexJournals(items []cegidclient.Journal) *Index[cegidclient.Journal] {
	return newIndex(items, func(j *cegidclient.Journal) *string { return j.Code })
}

// IndexAccounts indexes accounts by number.
func IndexAccounts(items []cegidclient.Account) *Index[cegidclient.Account] {
	return newIndex(items, func(a *cegidclient.Account) *string { return a.Number })
}

// IndexThirdParties indexes third parties of all kinds by code. Several may have one code.
func IndexThirdParties(items []cegidclient.ThirdParty) *Index[cegidclient.ThirdParty] {
	return newIndex(items, func(p *cegidclient.ThirdParty) *string { return p.Code })
}

// IndexSections indexes analytic sections by code. Several may have one code, on different axes.
func IndexSections(items []cegidclient.Section) *Index[cegidclient.Section] {
	return newIndex(items, func(s *cegidclient.Section) *string { return s.Code })
}

func newIndex[T any](items []T, code func(*T) *string) *Index[T] {
	x := &Index[T]{byCode: make(map[string][]*T, len(items)), codes: make([]indexed, 0, len(items))}
	for i := range items {
		c := code(&items[i])
		if c == nil || *c == "" {
			continue
		}
		if _, twice := x.byCode[*c]; !twice {
			x.codes = append(x.codes, indexed{*c, normal(*c)})
		}
		x.byCode[*c] = append(x.byCode[*c], &items[i])
	}
	slices.SortFunc(x.codes, func(a, b indexed) int { return strings.Compare(a.code, b.code) })
	return x
}

// Against compares an import with the dossier that it goes into. It repeats nothing that [Entries] finds.
func Against(in cegidclient.EntryImport, ref Reference) []Finding {
	p := &preflight{in: &in, ref: ref, near: map[nearKey][]string{}}
	for i := range in.Entries {
		p.entry(i)
	}
	return p.list
}

type preflight struct {
	found
	in   *cegidclient.EntryImport
	ref  Reference
	near map[nearKey][]string // one search per unknown code
}

type nearKey struct{ kind, code string }

// maxSearches bounds the work on an import that knows nothing of its dossier; the codes beyond get no suggestions.
const maxSearches = 100

func (p *preflight) suggest(f *Finding, kind, code string, codes []indexed) {
	key := nearKey{kind, code}
	got, done := p.near[key]
	if !done {
		if len(p.near) < maxSearches {
			got = nearest(code, codes)
		}
		p.near[key] = got
	}
	f.Suggestions = slices.Clone(got)
}

func (p *preflight) entry(i int) {
	e := &p.in.Entries[i]
	path := fmt.Sprintf("entries[%d]", i)
	p.journal(path+".journal", e.Journal)
	p.meant(path, e)
	for j := range e.Lines {
		l := &e.Lines[j]
		at := fmt.Sprintf("%s.lines[%d]", path, j)
		account := p.account(at, l)
		party := p.thirdParty(at+".third_party", l.ThirdParty)
		p.placed(at+".third_party", l, party)
		p.letterable(at, l, account, party)
		for k := range l.Analytics {
			p.section(fmt.Sprintf("%s.analytics[%d].section", at, k), l.Analytics[k].Section)
		}
	}
}

func (p *preflight) journal(field, code string) {
	x := p.ref.Journals
	if x == nil || code == "" || strings.EqualFold(strings.TrimSpace(code), reservedJournal) {
		return
	}
	switch found := x.byCode[code]; {
	case found == nil:
		rule := journalUnknown
		if p.in.Options.CreateJournals {
			rule = journalToCreate
		}
		p.suggest(p.add(rule, field, quoted("value", code)), "journal", code, x.codes)
	case all(found, func(j *cegidclient.Journal) bool { return is(j.Closed, true) }):
		p.add(journalClosed, field, quoted("value", code))
	}
}

// account gives the account when it is known.
func (p *preflight) account(at string, l *cegidclient.EntryLine) *cegidclient.Account {
	x := p.ref.Accounts
	if x == nil || l.Account == "" {
		return nil
	}
	found := x.byCode[l.Account]
	if found == nil {
		rule := accountUnknown
		switch {
		case p.in.Options.CreateAccounts:
			rule = accountToCreate
		case p.in.Options.DefaultAccountID != "": // serves where accounts may not be created (loop-api: A 2.2)
			rule = accountDefaulted
		}
		p.suggest(p.add(rule, at+".account", quoted("value", l.Account)), "account", l.Account, x.codes)
		return nil
	}
	a := found[0]
	if is(a.Closed, true) {
		p.add(accountClosed, at+".account", quoted("value", l.Account))
	}
	if len(l.Analytics) > 0 && is(a.Analytic, false) {
		p.add(accountNotAnalytic, at+".analytics", quoted("value", l.Account))
	}
	return a
}

// thirdParty gives the third parties of that code; nil for none that is known.
func (p *preflight) thirdParty(field, code string) []*cegidclient.ThirdParty {
	x := p.ref.ThirdParties
	if x == nil || code == "" {
		return nil
	}
	found := x.byCode[code]
	switch {
	case found == nil:
		rule := thirdPartyUnknown
		if p.in.Options.CreateThirdParties {
			rule = thirdPartyToCreate
		}
		p.suggest(p.add(rule, field, quoted("value", code)), "third party", code, x.codes)
	case all(found, func(t *cegidclient.ThirdParty) bool { return is(t.Active, false) }):
		p.add(thirdPartyInactive, field, quoted("value", code))
	}
	return found
}

// placed: suppliers are on 401 and customers on 411 (PCG, art. 944-40 and 944-41). Others may be on either.
func (p *preflight) placed(field string, l *cegidclient.EntryLine, party []*cegidclient.ThirdParty) {
	supplier, customer := text{"supplier", "fournisseur"}, text{"customer", "client"}
	var wrong cegidclient.ThirdPartyKind
	is, other := supplier, customer
	switch {
	case strings.HasPrefix(l.Account, "401"):
		wrong, is, other = cegidclient.ThirdPartyCustomer, customer, supplier
	case strings.HasPrefix(l.Account, "411"):
		wrong = cegidclient.ThirdPartySupplier
	default:
		return
	}
	if len(party) > 0 && all(party, func(t *cegidclient.ThirdParty) bool { return t.Kind == wrong }) {
		p.add(thirdPartyMisplaced, field, quoted("value", l.ThirdParty), quoted("account", l.Account), arg{"kind", is}, arg{"other", other})
	}
}

// meant looks at entries of journals whose kind only the dossier tells.
func (p *preflight) meant(path string, e *cegidclient.Entry) {
	if p.ref.Journals == nil || JournalKindOf(e.Journal, e.JournalLabel) != OtherJournal {
		return
	}
	found := p.ref.Journals.byCode[e.Journal]
	if len(found) == 0 || found[0].Type == nil {
		return
	}
	var kind JournalKind
	switch *found[0].Type {
	case cegidclient.JournalTypePurchase:
		kind = PurchaseJournal
	case cegidclient.JournalTypeSale:
		kind = SaleJournal
	default:
		return
	}
	var m Meaning
	m.Begin(kind, yearOf(e.Date))
	for j := range e.Lines {
		debit, ok := parseCents(cmp.Or(e.Lines[j].Debit, "0"))
		credit, valid := parseCents(cmp.Or(e.Lines[j].Credit, "0"))
		if !ok || !valid {
			return
		}
		m.Line(j, e.Lines[j].Account, debit-credit)
	}
	p.swapped(path, e, &m)
}

// letterable: a code is imported only when the account or the third party can be lettered (loop-api: A 2.5). What is not
// known, or not said, counts as letterable.
func (p *preflight) letterable(at string, l *cegidclient.EntryLine, account *cegidclient.Account, party []*cegidclient.ThirdParty) {
	if l.LetteringCode == "" || account == nil || !is(account.Letterable, false) {
		return
	}
	if l.ThirdParty == "" || len(party) > 0 && all(party, func(t *cegidclient.ThirdParty) bool { return is(t.Letterable, false) }) {
		p.add(letteringIgnored, at+".lettering_code", quoted("account", l.Account))
	}
}

// section looks for the section on any axis: Loop shows the axis of a section by its id and a description, not by the
// code that an import names it with (loop-api: R 5).
func (p *preflight) section(field, code string) {
	x := p.ref.Sections
	if x == nil || code == "" {
		return
	}
	switch found := x.byCode[code]; {
	case found == nil:
		p.suggest(p.add(sectionUnknown, field, quoted("value", code)), "section", code, x.codes)
	case all(found, func(s *cegidclient.Section) bool { return is(s.Closed, true) }):
		p.add(sectionClosed, field, quoted("value", code))
	}
}

// is: what Loop does not say is neither.
func is(b *bool, want bool) bool { return b != nil && *b == want }

func all[T any](items []*T, is func(*T) bool) bool {
	return !slices.ContainsFunc(items, func(item *T) bool { return !is(item) })
}
