package fec

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// second is a reader of a clean FEC that shares nothing with this package but the names of the columns.
func second(t *testing.T, text string) (lines int, entries, journals map[string]bool, debit, credit map[string]*big.Rat) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	if head, _, _ := strings.Cut(text, "\n"); strings.Contains(head, "|") {
		r.Comma = '|'
	}
	rows, err := r.ReadAll()
	testkit.OK(t, err)
	at := map[string]int{}
	for i, name := range rows[0] {
		at[strings.TrimSpace(name)] = i
	}
	entries, journals, debit, credit = map[string]bool{}, map[string]bool{}, map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, row := range rows[1:] {
		lines++
		entries[row[at["JournalCode"]]+"\x00"+row[at["EcritureNum"]]] = true
		journals[row[at["JournalCode"]]] = true
		for name, to := range map[string]map[string]*big.Rat{"Debit": debit, "Credit": credit} {
			value, ok := new(big.Rat).SetString(strings.Replace(row[at[name]], ",", ".", 1))
			if !ok {
				t.Fatalf("%q", row)
			}
			for _, of := range []string{"", row[at["CompteNum"]]} {
				if to[of] == nil {
					to[of] = new(big.Rat)
				}
				to[of].Add(to[of], value)
			}
		}
	}
	return lines, entries, journals, debit, credit
}

// TestASecondReaderAddsUpTheSame: encoding/csv and exact fractions over the project's sample files.
func TestASecondReaderAddsUpTheSame(t *testing.T) {
	texts := map[string]string{
		"usual": string(fecgen.Bytes(fecgen.Options{Size: 200_000, Seed: 3})), "pipes": string(fecgen.Bytes(fecgen.Options{Size: 100_000, Separator: '|', UTF8: true, LineEnd: "\n"})),
		"by ledger": string(fecgen.Bytes(fecgen.Options{Size: 100_000, ByLedger: 100})),
	}
	files, err := filepath.Glob("../../examples/*FEC*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		testkit.OK(t, err)
		texts[name] = string(text)
	}
	for name, text := range texts {
		r := validate(text, Options{})
		lines, entries, journals, debit, credit := second(t, text)
		if r.HasErrors() || r.Lines != lines || r.Entries != len(entries) || len(r.Journals) != len(journals) || len(r.Accounts) != len(debit)-1 {
			t.Errorf("%s: %d lines, %d entries, %d journals, %d accounts; the second reader has %d, %d, %d, %d", name, r.Lines, r.Entries, len(r.Journals), len(r.Accounts), lines, len(entries), len(journals), len(debit)-1)
		}
		for _, each := range append(r.Accounts, Total{Debit: r.Debit, Credit: r.Credit}) {
			if d, c := debit[each.Code].FloatString(2), credit[each.Code].FloatString(2); d != each.Debit.String() || c != each.Credit.String() {
				t.Errorf("%s, account %q: %s and %s; the second reader has %s and %s", name, each.Code, each.Debit, each.Credit, d, c)
			}
		}
	}
}
