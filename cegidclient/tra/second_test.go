package tra

import (
	"math/big"
	"os"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit/tragen"
)

// second is a reader of a clean TRA in one byte a character that shares nothing with this package but the positions.
func second(t *testing.T, text string) (lines int, entries map[string]bool, debit, credit map[string]*big.Rat) {
	t.Helper()
	entries, debit, credit = map[string]bool{}, map[string]*big.Rat{}, map[string]*big.Rat{}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "***") || !strings.Contains(" XH", line[30:31]) {
			continue
		}
		lines++
		number := ""
		if len(line) > 159 {
			number = strings.TrimSpace(line[151:159])
		}
		if number == "" {
			number = "by reference " + line[48:83]
		}
		entries[line[:13]+number] = true
		to := map[byte]map[string]*big.Rat{'D': debit, 'C': credit}[line[129]]
		value, ok := new(big.Rat).SetString(strings.Replace(strings.TrimSpace(line[130:150]), ",", ".", 1))
		if !ok {
			t.Fatalf("%q", line)
		}
		for _, of := range []string{"", strings.TrimSpace(line[:3])} {
			for _, each := range []map[string]*big.Rat{debit, credit} {
				if each[of] == nil {
					each[of] = new(big.Rat)
				}
			}
			to[of].Add(to[of], value)
		}
	}
	return lines, entries, debit, credit
}

// TestASecondReaderAddsUpTheSame: positions and exact fractions, over a sample and what is generated.
func TestASecondReaderAddsUpTheSame(t *testing.T) {
	sample, err := os.ReadFile("testdata/example.tra")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"example.tra": string(sample), "generated": string(tragen.Bytes(tragen.Options{Size: 200_000, Seed: 3}))} {
		r := NewValidator(Options{})
		if _, err := r.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		got := r.Close()
		lines, entries, debit, credit := second(t, text)
		if got.HasErrors() || got.Lines != lines || got.Entries != len(entries) || len(got.Journals) != len(debit)-1 {
			t.Errorf("%s: %d lines, %d entries, %d journals; the second reader has %d, %d, %d", name, got.Lines, got.Entries, len(got.Journals), lines, len(entries), len(debit)-1)
		}
		totals := map[string][2]string{"": {got.Debit.String(), got.Credit.String()}}
		for _, j := range got.Journals {
			totals[j.Code] = [2]string{j.Debit.String(), j.Credit.String()}
		}
		for journal, total := range totals {
			if d, c := debit[journal], credit[journal]; d == nil || d.FloatString(2) != total[0] || c.FloatString(2) != total[1] {
				t.Errorf("%s, journal %q: %v; the second reader has %s and %s", name, journal, total, d, c)
			}
		}
	}
}
