package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// Reference is what is known of a dossier. What is nil is not compared with.
type Reference struct {
	Journals *Index[cegidclient.Journal]
	Accounts *Index[cegidclient.Account]
	// ThirdParties are the lists of them that were read: all, or as many as [Reference.Lacks] asks for.
	ThirdParties map[cegidclient.ThirdPartyKind]*Index[cegidclient.ThirdParty]
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

// IndexThirdParties indexes third parties by code. Several may have one code, of different kinds.
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

// Lacks names the list of third parties to read next, until no other could change what [Against] finds. Lists that the accounts of
// lines suggest come first. Accounts are set before.
func (r Reference) Lacks(in cegidclient.EntryImport) (list cegidclient.ThirdPartyKind, lacks bool) {
	var unread []cegidclient.ThirdPartyKind
	for _, kind := range [...]cegidclient.ThirdPartyKind{
		cegidclient.ThirdPartySupplier, cegidclient.ThirdPartyCustomer, cegidclient.ThirdPartyEmployee, cegidclient.ThirdPartyOther,
	} {
		if _, read := r.ThirdParties[kind]; !read {
			unread = append(unread, kind)
		}
	}
	if len(unread) == 0 {
		return "", false
	}
	for i := range in.Entries {
		for j := range in.Entries[i].Lines {
			l := &in.Entries[i].Lines[j]
			if l.ThirdParty == "" || len(r.ThirdParties) > 0 && len(r.doubts(l)) == 0 {
				continue
			}
			if kind := kindOn(l.Account); slices.Contains(unread, kind) {
				return kind, true
			}
			list, lacks = unread[0], true
		}
	}
	return list, lacks
}

// kindOn is the kind of the third parties that an account is for (PCG, class 4), empty for none.
func kindOn(account string) cegidclient.ThirdPartyKind {
	switch account[:min(len(account), 2)] {
	case "40":
		return cegidclient.ThirdPartySupplier
	case "41":
		return cegidclient.ThirdPartyCustomer
	case "42":
		return cegidclient.ThirdPartyEmployee
	case "43", "44", "45", "46", "47":
		return cegidclient.ThirdPartyOther
	default:
		return ""
	}
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
	// parties are the codes of all third parties, once one is unknown.
	parties []indexed
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
		p.account(at, l)
		p.thirdParty(at, l)
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

// account gives the account of a number, when it is known.
func (r *Reference) account(number string) *cegidclient.Account {
	if r.Accounts == nil || len(r.Accounts.byCode[number]) == 0 {
		return nil
	}
	return r.Accounts.byCode[number][0]
}

func (p *preflight) account(at string, l *cegidclient.EntryLine) {
	if p.ref.Accounts == nil || l.Account == "" {
		return
	}
	a := p.ref.account(l.Account)
	if a == nil {
		rule := accountUnknown
		switch {
		case p.in.Options.CreateAccounts:
			rule = accountToCreate
		case p.in.Options.DefaultAccountID != "": // serves where accounts may not be created (loop-api: A 2.2)
			rule = accountDefaulted
		}
		p.suggest(p.add(rule, at+".account", quoted("value", l.Account)), "account", l.Account, p.ref.Accounts.codes)
		return
	}
	if is(a.Closed, true) {
		p.add(accountClosed, at+".account", quoted("value", l.Account))
	}
	if len(l.Analytics) > 0 && is(a.Analytic, false) {
		p.add(accountNotAnalytic, at+".analytics", quoted("value", l.Account))
	}
}

// doubts are the rules that a line breaks by its third party: none knows the code, or all who have it are wrong. So who else becomes
// known can take a doubt back, and brings none to a line that has none.
func (r *Reference) doubts(l *cegidclient.EntryLine) (rules []string) {
	var party []*cegidclient.ThirdParty
	for _, x := range r.ThirdParties {
		party = append(party, x.byCode[l.ThirdParty]...)
	}
	switch {
	case l.ThirdParty == "":
	case r.ThirdParties == nil:
		return nil
	case len(party) == 0:
		return []string{thirdPartyUnknown}
	default:
		if all(party, func(t *cegidclient.ThirdParty) bool { return is(t.Active, false) }) {
			rules = append(rules, thirdPartyInactive)
		}
		if all(party, func(t *cegidclient.ThirdParty) bool { return misplaced(t.Kind, l.Account) }) {
			rules = append(rules, thirdPartyMisplaced)
		}
	}
	// A lettering code is imported only when the account or the third party can be lettered (loop-api: A 2.5). What is not known, or
	// not said, counts as letterable.
	if account := r.account(l.Account); l.LetteringCode != "" && account != nil && is(account.Letterable, false) &&
		all(party, func(t *cegidclient.ThirdParty) bool { return is(t.Letterable, false) }) {
		rules = append(rules, letteringIgnored)
	}
	return rules
}

// misplaced: suppliers are on 401 and customers on 411 (PCG, art. 944-40 and 944-41). Others may be on either.
func misplaced(kind cegidclient.ThirdPartyKind, account string) bool {
	return kind == cegidclient.ThirdPartyCustomer && strings.HasPrefix(account, "401") ||
		kind == cegidclient.ThirdPartySupplier && strings.HasPrefix(account, "411")
}

func (p *preflight) thirdParty(at string, l *cegidclient.EntryLine) {
	for _, rule := range p.ref.doubts(l) {
		field, code := at+".third_party", quoted("value", l.ThirdParty)
		switch rule {
		case thirdPartyUnknown:
			if p.in.Options.CreateThirdParties {
				rule = thirdPartyToCreate
			}
			p.suggest(p.add(rule, field, code), "third party", l.ThirdParty, p.partyCodes())
		case thirdPartyMisplaced:
			is, other := text{"supplier", "fournisseur"}, text{"customer", "client"}
			if strings.HasPrefix(l.Account, "401") {
				is, other = other, is
			}
			p.add(rule, field, code, quoted("account", l.Account), arg{"kind", is}, arg{"other", other})
		case letteringIgnored:
			p.add(rule, at+".lettering_code", quoted("account", l.Account))
		default:
			p.add(rule, field, code)
		}
	}
}

// partyCodes are those of all lists, sorted, each once.
func (p *preflight) partyCodes() []indexed {
	if p.parties == nil {
		for _, x := range p.ref.ThirdParties {
			p.parties = append(p.parties, x.codes...)
		}
		slices.SortFunc(p.parties, func(a, b indexed) int { return strings.Compare(a.code, b.code) })
		p.parties = slices.CompactFunc(p.parties, func(a, b indexed) bool { return a.code == b.code })
	}
	return p.parties
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
