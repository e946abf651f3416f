package fec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// limits are cases too large to be written down.
var limits = []struct {
	name  string
	want  []string
	lines int
	line  func(i int, c []string)
}{
	{"too many journals", []string{"TOTALS_INCOMPLETE"}, 2 * (MaxJournals + 1), func(i int, c []string) {
		c[JournalCode], c[EcritureNum] = fmt.Sprint("J", i/2), "1"
	}},
	{"too many accounts", []string{"TOTALS_INCOMPLETE"}, MaxAccounts + 2, func(i int, c []string) {
		c[CompteNum], c[CompteLib] = fmt.Sprint(100000+i), "x"
	}},
	{"too many third parties", []string{"TOTALS_INCOMPLETE"}, textfile.MaxParties + 2, func(i int, c []string) {
		c[CompteNum], c[CompteLib], c[CompAuxNum], c[CompAuxLib] = "40100000", "Fournisseurs", fmt.Sprint("T", i), "x"
	}},
	{"a code that is too long", []string{"TOTALS_INCOMPLETE"}, 2, func(_ int, c []string) {
		c[CompteNum] = strings.Repeat("1", textfile.MaxCode+1)
	}},
	{"too many numbers far from each other", []string{"SEQUENCE_UNCHECKED"}, 2 * maxPages, func(i int, c []string) {
		c[EcritureNum] = fmt.Sprint(i / 2 * 5000)
	}},
	{"too many sequences", []string{"SEQUENCE_UNCHECKED"}, 2 * maxSequences, func(i int, c []string) {
		c[EcritureNum] = fmt.Sprintf("%d-1", i/2)
	}},
	{"too many entries that are open at once", []string{"ENTRIES_UNFOLLOWED"}, 2 * (MaxOpenEntries + 1), func(i int, c []string) {
		half := i / (MaxOpenEntries + 1)
		c[EcritureNum], c[Debit], c[Credit] = fmt.Sprint(i-half*(MaxOpenEntries+1)), []string{"1,00", "0,00"}[half], []string{"0,00", "1,00"}[half]
	}},
	{"amounts beyond what can be added", []string{"TOTAL_TOO_LARGE"}, 10_000, func(_ int, c []string) {
		if c[Debit] = "9999999999999,99"; c[Credit] != "0,00" {
			c[Debit], c[Credit] = "0,00", c[Debit]
		}
	}},
}

func TestEachLimitIsReportedWhenItIsPassed(t *testing.T) {
	for _, l := range limits {
		t.Run(l.name, func(t *testing.T) {
			base := good()
			grid := base[:1:1]
			for i := range l.lines {
				c := slices.Clone(base[1+i%2])
				c[EcritureNum] = fmt.Sprint(i/2 + 1)
				c[Debit], c[Credit] = "1,00", "0,00"
				if i%2 == 1 {
					c[Debit], c[Credit], c[CompteNum], c[CompteLib] = "0,00", "1,00", "47100000", "Attente"
				}
				l.line(i, c)
				grid = append(grid, c)
			}
			r := validate(written(grid), Options{})
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.Code)
			}
			slices.Sort(got)
			if !slices.Equal(got, l.want) || r.Lines != l.lines {
				t.Errorf("%q, %d lines", shorts(r.Findings), r.Lines)
			}
			if len(r.Journals) > MaxJournals || len(r.Accounts) > MaxAccounts {
				t.Error(len(r.Journals), len(r.Accounts))
			}
			sane(t, r)
		})
	}
}
