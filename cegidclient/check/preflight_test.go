package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cegid.internal/gateway/cegidclient"
)

func dossier() Reference {
	yes, no := true, false
	account := func(number string, analytic, letterable, closed *bool) cegidclient.Account {
		return cegidclient.Account{Number: &number, Analytic: analytic, Letterable: letterable, Closed: closed}
	}
	party := func(code string, kind cegidclient.ThirdPartyKind, active, letterable *bool) cegidclient.ThirdParty {
		return cegidclient.ThirdParty{Code: &code, Kind: kind, Active: active, Letterable: letterable}
	}
	journal := func(code string, closed *bool) cegidclient.Journal {
		return cegidclient.Journal{Code: &code, Closed: closed}
	}
	section := func(code string, closed *bool) cegidclient.Section {
		return cegidclient.Section{Code: &code, Closed: closed}
	}
	return Reference{
		Journals: IndexJournals([]cegidclient.Journal{journal("ACH", &no), journal("VTE", nil), journal("BQ1", &no), journal("OD", &no), journal("AN", &no), journal("OLD", &yes), {}, {Code: new("60"), Type: new(cegidclient.JournalTypePurchase)}}),
		Accounts: IndexAccounts([]cegidclient.Account{
			account("60700000", &yes, &no, &no), account("60710000", &yes, &no, &no), account("44566000", &no, &no, &no), account("40100000", &no, &no, &no), account("51200000", nil, nil, nil),
			account("41100000", &no, &yes, nil), account("60999999", &yes, &no, &yes),
		}),
		ThirdParties: map[cegidclient.ThirdPartyKind]*Index[cegidclient.ThirdParty]{
			cegidclient.ThirdPartySupplier: IndexThirdParties([]cegidclient.ThirdParty{
				party("FEXEMPLE", cegidclient.ThirdPartySupplier, &yes, &yes), party("FVIEUX", cegidclient.ThirdPartySupplier, &no, &no),
				party("DOUBLE", cegidclient.ThirdPartySupplier, &no, &no),
			}),
			cegidclient.ThirdPartyCustomer: IndexThirdParties([]cegidclient.ThirdParty{
				party("CEXEMPLE", cegidclient.ThirdPartyCustomer, nil, nil), party("DOUBLE", cegidclient.ThirdPartyCustomer, &yes, &no),
			}),
		},
		Sections: IndexSections([]cegidclient.Section{section("ATN", &no), section("ATS", nil), section("P1", &no), section("P0", &yes)}),
	}
}

var preflights = []struct {
	name        string
	change      change
	want        []string
	suggestions []string // of the first finding
}{
	{"all is known", func(*cegidclient.EntryImport) {}, nil, nil},
	{"a customer on 401", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[2].ThirdParty = "CEXEMPLE" }, []string{"THIRD_PARTY_MISPLACED entries[0].lines[2].third_party"}, nil},
	{"a supplier on 411", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].Account = "41100000" }, []string{"THIRD_PARTY_MISPLACED entries[1].lines[0].third_party"}, nil},
	{"one who is both", func(in *cegidclient.EntryImport) {
		in.Entries[0].Lines[2].LetteringCode = ""
		in.Entries[0].Lines[2].ThirdParty, in.Entries[1].Lines[0].ThirdParty, in.Entries[1].Lines[0].Account = "DOUBLE", "DOUBLE", "41100000"
	}, nil, nil},
	{"a supplier elsewhere", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "CEXEMPLE" }), nil, nil},
	{"a purchase swapped, in a journal that only the dossier knows", func(in *cegidclient.EntryImport) { in.Entries[0].Journal = "60"; swap(&in.Entries[0]) }, []string{"SIDES_SWAPPED entries[0]"}, nil},
	{"a purchase swapped, which Entries finds", entry(swap), nil, nil},
	{"a purchase in that journal", entry(func(e *cegidclient.Entry) { e.Journal = "60" }), nil, nil},
	{"a purchase swapped, in a journal of another kind", func(in *cegidclient.EntryImport) { in.Entries[0].Journal = "OD"; swap(&in.Entries[0]) }, nil, nil},
	{"an unknown journal", entry(func(e *cegidclient.Entry) { e.Journal = "AHC" }), []string{"JOURNAL_UNKNOWN entries[0].journal"}, []string{"ACH"}},
	{"a journal in lower case", entry(func(e *cegidclient.Entry) { e.Journal = "ach" }), []string{"JOURNAL_UNKNOWN entries[0].journal"}, []string{"ACH"}},
	{"a journal to be created", func(in *cegidclient.EntryImport) { in.Entries[0].Journal, in.Options.CreateJournals = "NEUF", true }, []string{"JOURNAL_TO_CREATE entries[0].journal"}, nil},
	{"Loop's journal, which Entries finds", entry(func(e *cegidclient.Entry) { e.Journal = "an" }), nil, nil},
	{"a closed journal", entry(func(e *cegidclient.Entry) { e.Journal = "OLD" }), []string{"JOURNAL_CLOSED entries[0].journal"}, nil},
	{"an account cut short", line(func(l *cegidclient.EntryLine) { l.Account = "607" }), []string{"ACCOUNT_UNKNOWN entries[0].lines[1].account"}, []string{"60700000", "60710000"}},
	{"a mistyped account", line(func(l *cegidclient.EntryLine) { l.Account = "44565000" }), []string{"ACCOUNT_UNKNOWN entries[0].lines[1].account"}, []string{"44566000"}},
	{"an account to be created", func(in *cegidclient.EntryImport) {
		in.Entries[0].Lines[1].Account, in.Options.CreateAccounts = "44567000", true
	}, []string{"ACCOUNT_TO_CREATE entries[0].lines[1].account"}, []string{"44566000"}},
	{"an account with a default", func(in *cegidclient.EntryImport) {
		in.Entries[0].Lines[1].Account, in.Options.DefaultAccountID = "99", "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90"
	}, []string{"ACCOUNT_DEFAULTED entries[0].lines[1].account"}, nil},
	{"a closed account", line(func(l *cegidclient.EntryLine) { l.Account = "60999999" }), []string{"ACCOUNT_CLOSED entries[0].lines[1].account"}, nil},
	{"a breakdown on an account that takes none", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Account = "44566000" }, []string{"ACCOUNT_NOT_ANALYTIC entries[0].lines[0].analytics"}, nil},
	{"a breakdown on an account of which nothing is said", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Account = "51200000" }, nil, nil},
	{"an unknown third party", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "FEXEMPLE1" }), []string{"THIRD_PARTY_UNKNOWN entries[0].lines[1].third_party"}, []string{"FEXEMPLE", "CEXEMPLE"}},
	{"a third party to be created", func(in *cegidclient.EntryImport) {
		in.Entries[0].Lines[1].ThirdParty, in.Options.CreateThirdParties = "NOUVEAU", true
	}, []string{"THIRD_PARTY_TO_CREATE entries[0].lines[1].third_party"}, nil},
	{"an inactive third party", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "FVIEUX" }), []string{"THIRD_PARTY_INACTIVE entries[0].lines[1].third_party"}, nil},
	{"a third party that is active as a customer", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "DOUBLE" }), nil, nil},
	{"a lettering that Loop leaves out", line(func(l *cegidclient.EntryLine) { l.LetteringCode = "ZZ" }), []string{"LETTERING_IGNORED entries[0].lines[1].lettering_code"}, nil},
	{"a lettering on a third party that takes none", line(func(l *cegidclient.EntryLine) { l.LetteringCode, l.ThirdParty = "ZZ", "DOUBLE" }), []string{"LETTERING_IGNORED entries[0].lines[1].lettering_code"}, nil},
	{"a lettering on an account that takes it", line(func(l *cegidclient.EntryLine) { l.LetteringCode, l.Account = "ZZ", "41100000" }), nil, nil},
	{"an unknown section", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Analytics[0].Section = "ATM" }, []string{"SECTION_UNKNOWN entries[0].lines[0].analytics[0].section"}, []string{"ATN", "ATS"}},
	{"a closed section", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Analytics[0].Section = "P0" }, []string{"SECTION_CLOSED entries[0].lines[0].analytics[0].section"}, nil},
	{"what is empty, which Entries finds", func(in *cegidclient.EntryImport) {
		in.Entries[0].Journal, in.Entries[0].Lines[0].Account, in.Entries[0].Lines[0].Analytics[0].Section = "", "", ""
	}, nil, nil},
}

func TestWhatAgainstFinds(t *testing.T) {
	for _, tc := range preflights {
		t.Run(tc.name, func(t *testing.T) {
			in := good()
			tc.change(&in)
			got := Against(in, dossier())
			if !slices.Equal(codes(got), tc.want) {
				t.Fatalf("found %q, want %q", codes(got), tc.want)
			}
			if len(got) > 0 && !slices.Equal(got[0].Suggestions, tc.suggestions) {
				t.Errorf("suggests %q, want %q", got[0].Suggestions, tc.suggestions)
			}
		})
	}
	in := good()
	in.Entries[0].Journal, in.Entries[0].Lines[0].Account = "X", "Y"
	if got := Against(in, Reference{}); got != nil {
		t.Errorf("compared with nothing, it finds %+v", got)
	}
}

func TestTheNearestCodesComeFirst(t *testing.T) {
	index := func(codes ...string) []indexed {
		accounts := make([]cegidclient.Account, len(codes))
		for i := range codes {
			accounts[i].Number = &codes[i]
		}
		return IndexAccounts(accounts).codes
	}
	for _, tc := range []struct {
		wanted string
		codes  []string
		want   string
	}{
		{"607", []string{"60710000", "60700000", "6070", "60720000"}, "6070 60700000 60710000"},
		{"60700000", []string{"607", "6070", "60700001"}, "6070 607 60700001"},
		{"0401", []string{"401", "402"}, "401"},
		{" fexemple", []string{"FEXEMPL", "FEXEMPLE", "FEXEMPLES"}, "FEXEMPLE FEXEMPLES FEXEMPL"},
		{"FEXMEPLE", []string{"FEXEMPLE", "FAUTRE"}, "FEXEMPLE"},
		{"DUPONT", []string{"DUPONTSARL", "DUPOND", "DURAND"}, "DUPOND DUPONTSARL"},
		{"VT", []string{"VTE", "ACH", "VTX", "OD"}, "VTE VTX"},
		{"A", []string{"B", "AB"}, ""},
		{"", []string{"A"}, ""},
		{"ÉTÉ1", []string{"été2", "ETE1"}, "été2"},
		{"000", []string{"0000", "1"}, "0000"},
	} {
		if got := strings.Join(nearest(tc.wanted, index(tc.codes...)), " "); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.wanted, got, tc.want)
		}
	}
}

func TestTheSearchForNearCodesIsBounded(t *testing.T) {
	var accounts []cegidclient.Account
	for i := range 2_000 {
		number := fmt.Sprintf("%08d", 60000000+i)
		accounts = append(accounts, cegidclient.Account{Number: &number})
	}
	in := good()
	in.Entries[0].Lines = nil
	for i := range MaxLines {
		in.Entries[0].Lines = append(in.Entries[0].Lines, cegidclient.EntryLine{Account: fmt.Sprintf("%08d", 60010000+i)})
	}
	suggested := 0
	for _, f := range Against(in, Reference{Accounts: IndexAccounts(accounts)}) {
		if f.Suggestions != nil {
			suggested++
		}
	}
	if suggested == 0 || suggested > maxSearches {
		t.Errorf("%d codes were looked for", suggested)
	}
}

func BenchmarkNearest(b *testing.B) {
	var accounts []cegidclient.Account
	for i := range 10_000 {
		number := fmt.Sprintf("%08d", 60000000+i*7)
		accounts = append(accounts, cegidclient.Account{Number: &number})
	}
	x := IndexAccounts(accounts)
	b.ReportAllocs()
	for b.Loop() {
		nearest("60712345", x.codes)
	}
}

func TestTyposAreCountedAsTheWholeTableWould(t *testing.T) {
	// The plain algorithm, without a band.
	whole := func(a, b []rune) int {
		d := make([][]int, len(a)+1)
		for i := range d {
			d[i] = make([]int, len(b)+1)
			for j := range d[i] {
				switch {
				case i == 0 || j == 0:
					d[i][j] = i + j
				default:
					change := 1
					if a[i-1] == b[j-1] {
						change = 0
					}
					d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+change)
					if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
						d[i][j] = min(d[i][j], d[i-2][j-2]+1)
					}
				}
			}
		}
		return d[len(a)][len(b)]
	}
	var rows [3][]int
	word := rapid.StringMatching(`[abc]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := []rune(word.Draw(t, "a")), []rune(word.Draw(t, "b"))
		if len(a)-len(b) > maxTypos || len(b)-len(a) > maxTypos {
			return
		}
		want, got := whole(a, b), typos(a, b, &rows)
		if want != got && (want <= maxTypos || got <= maxTypos) {
			t.Fatalf("%q and %q: %d, want %d", string(a), string(b), got, want)
		}
	})
}
