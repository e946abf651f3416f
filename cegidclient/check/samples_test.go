package check_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/tra"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/internal/testkit/tragen"
)

// judgements are the rules that can be wrong of sound books.
var judgements = []string{
	"DATE_IMPLAUSIBLE", "ENTRY_DATE_IMPLAUSIBLE", "EURO_RATE_DIFFERS", "CURRENCY_RATE_DIFFERS", "CURRENCY_AMOUNT_ZERO", "CURRENCIES_MIXED", "THIRD_PARTY_MISSING",
	"THIRD_PARTY_UNEXPECTED", "THIRD_PARTY_MISPLACED", "LABEL_MIGHT_BE_CUT", "REFERENCE_UNSEARCHABLE", "VAT_RATE_UNKNOWN", "SIDES_SWAPPED",
}

// TestFalseAlarmsOnTheProjectsBooks states how often each of these rules finds something in books that are sound, or unsound
// in other ways: never. The sandbox's own books are in package loopsim.
func TestFalseAlarmsOnTheProjectsBooks(t *testing.T) {
	read := func(path string) []byte {
		content, err := os.ReadFile(path)
		testkit.OK(t, err)
		return content
	}
	ofFEC := func(content []byte) ([]check.Finding, int) {
		v := fec.NewValidator(fec.Options{})
		_, _ = v.Write(content)
		r := v.Close()
		return r.Findings, r.Lines
	}
	ofTRA := func(content []byte) ([]check.Finding, int) {
		v := tra.NewValidator(tra.Options{})
		_, _ = v.Write(content)
		r := v.Close()
		return r.Findings, r.Lines
	}
	ofEntries := func(content []byte) ([]check.Finding, int) {
		var in cegidclient.EntryImport
		// Names without underscores are those of the struct, in any letter case.
		content = regexp.MustCompile(`"[a-z_]+":`).ReplaceAllFunc(content, func(name []byte) []byte { return bytes.ReplaceAll(name, []byte("_"), nil) })
		testkit.OK(t, json.Unmarshal(content, &in))
		found, totals := check.Entries(in)
		return found, totals.Lines
	}
	for _, c := range []struct {
		name    string
		judge   func([]byte) ([]check.Finding, int)
		content []byte
		lines   int
		want    map[string]int
	}{
		{"examples/123456782FEC20261231.txt", ofFEC, read("../../examples/123456782FEC20261231.txt"), 5, nil},
		{"examples/purchase.json", ofEntries, read("../../examples/purchase.json"), 3, nil},
		{"examples/sale.json", ofEntries, read("../../examples/sale.json"), 2, nil},
		{"a FEC on a cash basis", ofFEC, read("../fec/testdata/cash_basis.txt"), 4, nil},
		{"a FEC of a spreadsheet", ofFEC, read("../fec/testdata/spreadsheet.txt"), 11, nil},
		{"a FEC that is not validated", ofFEC, read("../fec/testdata/unvalidated.txt"), 5, nil},
		{"a FEC of a year", ofFEC, fecgen.Bytes(fecgen.Options{Size: 4 << 20}), 34_000, nil},
		{"a FEC of a year in one column", ofFEC, fecgen.Bytes(fecgen.Options{Size: 4 << 20, Signed: true, Seed: 7}), 34_000, nil},
		{"a FEC sorted by account", ofFEC, fecgen.Bytes(fecgen.Options{Size: 4 << 20, ByLedger: 40}), 34_000, nil},
		{"a TRA", ofTRA, read("../tra/testdata/example.tra"), 3, nil},
		{"a TRA of an old version", ofTRA, read("../tra/testdata/old_version.tra"), 4, nil},
		{"a TRA of a till", ofTRA, read("../tra/testdata/till.tra"), 6, nil},
		{"a TRA of a year", ofTRA, tragen.Bytes(tragen.Options{Size: 8 << 20}), 8_000, nil},
	} {
		found, lines := c.judge(c.content)
		got := map[string]int{}
		for _, f := range found {
			if slices.Contains(judgements, f.Code) {
				got[f.Code] += max(f.Count, 1)
			}
		}
		if !maps.Equal(got, c.want) || lines < c.lines {
			t.Errorf("%s, %d lines: %v, want %v", c.name, lines, got, c.want)
		}
		t.Logf("%s: %d lines", c.name, lines)
	}
}
