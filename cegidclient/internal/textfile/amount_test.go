package textfile

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
		how  Shape
	}{
		{"", 0, Blank},
		{"0", 0, 0},
		{"-0,00", 0, 0},
		{"1234,5", 123_450, 0},
		{"9999999999999,99", MaxCents, 0},
		{"-9999999999999,99", -MaxCents, Negative},
		{"00000000000000001,00", 100, 0},
		{"10000000000000", 0, TooLarge},
		{"999999999999999999999999999999", 0, TooLarge},
		{strings.Repeat("9", 50), 0, Invalid},
		{",", 0, Invalid},
		{"-", 0, Invalid},
		{"-,", 0, Invalid},
		{"+-1", 0, Invalid},
		{"-1-", 0, Invalid},
		{"1-1", 0, Invalid},
		{"1,2,3", 0, Invalid},
		{"1.2.3,4", 0, Invalid},
		{"1,2,3.4", 0, Invalid},
		{"1,234,56", 0, Invalid},
		{"12 euros", 0, Invalid},
		{"1e3", 0, Invalid},
		{"٣", 0, Invalid},
		{"0x10", 0, Invalid},
		{"1.5", 150, Point},
		{"-1.5", -150, Point | Negative},
		{"1234.567", 0, Point | Precise},
		{"1234.560", 123_456, Point | Zeros},
		{"123.456", 0, Point | Ambiguous},
		{"1234,500", 123_450, Zeros},
		{"1234,501", 0, Precise},
		{"1,50-", -150, SignLast | Negative},
		{"1,50+", 150, SignLast},
		{"1 234,50", 123_450, Thousands},
		{"1\u00a0234,50", 123_450, Thousands},
		{"1\u202f234,50", 123_450, Thousands},
		{"1\xa0234,50", 123_450, Thousands},
		{"1'234,50", 123_450, Thousands},
		{"1.234,50", 123_450, Thousands},
		{"1,234.50", 123_450, Thousands | Point},
		{"1.234.567", 123_456_700, Thousands},
		{"1,234,567", 123_456_700, Thousands},
	} {
		got, how := ParseAmount([]byte(c.text))
		if c.how&Unreadable != 0 { // what else there is to say then does not matter
			how &= Unreadable
			c.how &= Unreadable
		}
		if got != c.want || how != c.how {
			t.Errorf("%q is %d with %b, want %d with %b", c.text, got, how, c.want, c.how)
		}
	}
}

// legal is what the law asks for, and what is not beyond 13 digits but for zeros before them.
var legal = regexp.MustCompile(`^[-+]?(0{0,20}[0-9]{1,13}(,[0-9]{0,2})?|,[0-9]{1,2})$`)

// TestAmountsAreReadExactly compares with numbers that have no limit.
func TestAmountsAreReadExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{1,13}(,[0-9]{0,2})?`),
			rapid.StringMatching(`[-+]?[0-9]{0,5}([., ']?[0-9]{3}){0,4}[.,]?[0-9]{0,5}[-+]?`),
			rapid.String(),
		).Draw(t, "amount")
		cents, how := ParseAmount([]byte(s))
		if (how&^Negative == 0) != legal.MatchString(s) {
			t.Fatalf("%q: %b", s, how)
		}
		if how&(Unreadable|Blank) != 0 {
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
