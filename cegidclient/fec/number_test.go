package fec

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAmountsAreReadInTheOneWayThatTheyCanBe(t *testing.T) {
	for _, c := range []struct {
		text string
		want Cents
		how  shape
	}{
		{"", 0, blank},
		{"0", 0, 0},
		{"-0,00", 0, 0},
		{"1234,5", 123_450, 0},
		{"9999999999999,99", maxCents, 0},
		{"-9999999999999,99", -maxCents, negative},
		{"00000000000000001,00", 100, 0},
		{"10000000000000", 0, tooLarge},
		{"999999999999999999999999999999", 0, tooLarge},
		{strings.Repeat("9", 50), 0, invalid},
		{",", 0, invalid},
		{"-", 0, invalid},
		{"-,", 0, invalid},
		{"+-1", 0, invalid},
		{"-1-", 0, invalid},
		{"1-1", 0, invalid},
		{"1,2,3", 0, invalid},
		{"1.2.3,4", 0, invalid},
		{"1,2,3.4", 0, invalid},
		{"1,234,56", 0, invalid},
		{"12 euros", 0, invalid},
		{"1e3", 0, invalid},
		{"٣", 0, invalid},
		{"0x10", 0, invalid},
		{"1.5", 150, point},
		{"-1.5", -150, point | negative},
		{"1234.567", 0, point | precise},
		{"1234.560", 123_456, point | zeros},
		{"123.456", 0, point | ambiguous},
		{"1234,500", 123_450, zeros},
		{"1234,501", 0, precise},
		{"1,50-", -150, signLast | negative},
		{"1,50+", 150, signLast},
		{"1 234,50", 123_450, thousands},
		{"1\u00a0234,50", 123_450, thousands},
		{"1\u202f234,50", 123_450, thousands},
		{"1\xa0234,50", 123_450, thousands},
		{"1'234,50", 123_450, thousands},
		{"1.234,50", 123_450, thousands},
		{"1,234.50", 123_450, thousands | point},
		{"1.234.567", 123_456_700, thousands},
		{"1,234,567", 123_456_700, thousands},
	} {
		got, how := parseAmount([]byte(c.text))
		if c.how&unreadable != 0 { // what else there is to say then does not matter
			how &= unreadable
			c.how &= unreadable
		}
		if got != c.want || how != c.how {
			t.Errorf("%q is %d with %b, want %d with %b", c.text, got, how, c.want, c.how)
		}
	}
}

var legal = regexp.MustCompile(`^[-+]?([0-9]{1,13}(,[0-9]{0,2})?|,[0-9]{1,2})$`)

// TestAmountsAreReadExactly compares with numbers that have no limit.
func TestAmountsAreReadExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{1,13}(,[0-9]{0,2})?`),
			rapid.StringMatching(`[-+]?[0-9]{0,5}([., ']?[0-9]{3}){0,4}[.,]?[0-9]{0,5}[-+]?`),
			rapid.String(),
		).Draw(t, "amount")
		cents, how := parseAmount([]byte(s))
		if (how&^negative == 0) != legal.MatchString(s) && !regexp.MustCompile(`^[-+]?0{2,}`).MatchString(s) {
			t.Fatalf("%q: %b", s, how)
		}
		if how&(unreadable|blank) != 0 {
			if cents != 0 {
				t.Fatalf("%q is %d", s, cents)
			}
			return
		}
		plain := strings.NewReplacer(" ", "", "'", "", "\u00a0", "", "\u202f", "", "+", "").Replace(s)
		if strings.HasSuffix(plain, "-") {
			plain = "-" + strings.TrimSuffix(plain, "-")
		}
		mark := max(strings.LastIndexByte(plain, ','), strings.LastIndexByte(plain, '.'))
		if mark >= 0 && strings.Count(plain, plain[mark:mark+1]) == 1 {
			plain = strings.NewReplacer(",", "", ".", "").Replace(plain[:mark]) + "." + plain[mark+1:]
		} else {
			plain = strings.NewReplacer(",", "", ".", "").Replace(plain)
		}
		want, ok := new(big.Rat).SetString(strings.TrimSuffix(plain, "."))
		if !ok || new(big.Rat).SetFrac64(int64(cents), 100).Cmp(want) != 0 {
			t.Fatalf("%q is %d, want %v", s, cents, want)
		}
		if got := cents.String(); got != want.FloatString(2) {
			t.Fatalf("%d is written %s", cents, got)
		}
	})
}

func TestDatesAreReadInTheOneWayThatTheyCanBe(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		how  dateShape
	}{
		{"20260315", "2026-03-15", dateGood},
		{"20280229", "2028-02-29", dateGood},
		{"20000229", "2000-02-29", dateGood},
		{"00010101", "0001-01-01", dateGood},
		{"19000229", "", dateNoDay},
		{"20260229", "", dateNoDay},
		{"20260431", "", dateNoDay},
		{"20260001", "", dateNoDay},
		{"20260100", "", dateNoDay},
		{"20261301", "", dateNone},
		{"20260132", "", dateNone},
		{"31122026", "2026-12-31", dateOtherForm},
		{"2026-03-15", "2026-03-15", dateOtherForm},
		{"2026/3/5", "2026-03-05", dateOtherForm},
		{"15/03/2026", "2026-03-15", dateOtherForm},
		{"15.03.2026", "2026-03-15", dateOtherForm},
		{"2026-03-15T00:00:00Z", "2026-03-15", dateOtherForm},
		{"20260315 12:00", "2026-03-15", dateOtherForm},
		{"03/15/2026", "", dateNone}, // as in the United States: not guessed
		{"15/03/26", "", dateNone},
		{"15-03", "", dateNone},
		{"15-03-2026-1", "", dateNone},
		{"-15032026", "", dateNone},
		{"2026-03-", "", dateNone},
		{"2026-03-15Tx", "", dateNone},
		{"46096", "", dateNone}, // a day's number in a spreadsheet
		{"202603151", "", dateNone},
		{"2026031", "", dateNone},
		{"mars", "", dateNone},
		{"", "", dateNone},
		{"00000000", "", dateOfZeros},
		{"0000-00-00", "", dateOfZeros},
		{"0", "", dateOfZeros},
	} {
		got, how := parseDate([]byte(c.text))
		if got.String() != c.want || how != c.how {
			t.Errorf("%q is %q with %d, want %q with %d", c.text, got, how, c.want, c.how)
		}
	}
}
