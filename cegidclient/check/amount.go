package check

import (
	"strings"
)

// Amounts are whole numbers of cents (or of ten-thousandths, for currencies) in int64. An amount is below 10^15 cents:
// 13 digits and 2 decimals. The sum of the most lines that an import takes, 5,000, is below 5·10^18, and int64 ends
// above 9.2·10^18: sums and differences of lines cannot overflow. The number of parts of a line is not bounded here, so
// their sum saturates, see addParts. An amount in a currency is below 10^17 and is never added.
const (
	amountDigits     = 13
	amountDecimals   = 2
	currencyDecimals = 4
	maxCents         = 999_999_999_999_999
)

// parseDecimal reads digits with up to so many decimals after a point, scaled to an integer. "007" is 7; a sign, an
// exponent, a bare point or any other character is refused.
func parseDecimal(s string, decimals int) (value int64, ok bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if len(whole) < 1 || len(whole) > amountDigits || point && (fraction == "" || len(fraction) > decimals) {
		return 0, false
	}
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			c := part[i]
			if c < '0' || c > '9' {
				return 0, false
			}
			value = value*10 + int64(c-'0')
		}
	}
	for range decimals - len(fraction) {
		value *= 10
	}
	return value, true
}

func parseCents(s string) (int64, bool) { return parseDecimal(s, amountDecimals) }

// isRate accepts a decimal number above zero, of any scale: it is sent as a text and never computed with.
func isRate(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(fraction)) && strings.Trim(whole+fraction, "0") != ""
}

func formatCents(cents int64) string {
	if cents < 0 {
		return "-" + formatCents(-cents)
	}
	const digits = "0123456789"
	var b [24]byte
	i := len(b)
	for n := 0; n < 3 || cents > 0; n++ {
		if n == amountDecimals {
			i--
			b[i] = '.'
		}
		i--
		b[i] = digits[cents%10]
		cents /= 10
	}
	return string(b[i:])
}

// addParts adds parts of one line. Beyond the largest amount of a line it stays one above it: unequal to any line.
func addParts(sum, part int64) int64 { return min(sum+part, maxCents+1) }

// other is the other side.
var otherSide = map[string]text{
	"debit":  {"credit", "crédit"},
	"credit": {"debit", "débit"},
}

// adviceFor says what to write instead of something that is not an amount, and the value where it is plain.
func adviceFor(value, side string) (advice text, suggestion string) {
	s := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\u00a0', '\u202f', '\'', '’', '€':
			return -1
		}
		return r
	}, value)
	s = strings.TrimPrefix(strings.TrimSuffix(s, "EUR"), "EUR")
	bare := strings.TrimLeft(strings.TrimSuffix(s, "-"), "+-−")
	negative := strings.ContainsAny(s, "-−") && len(bare) < len(s)
	if bare != "" {
		bare = withPoint(bare)
	}
	_, ok := parseCents(bare)
	other, sided := otherSide[side]
	switch {
	case ok && negative && sided:
		return text{
			"Amounts have no sign: write " + bare + " on the " + other.en + " side instead.",
			"Les montants n'ont pas de signe : écrivez " + bare + " au " + other.fr + ".",
		}, ""
	case ok && !negative:
		return text{"Write " + bare + ".", "Écrivez " + bare + "."}, bare
	default:
		return text{
			"Write up to 13 digits, with up to two decimals after a point, without a sign, a separator or an exponent, such as 1234.50.",
			"Écrivez 13 chiffres au plus, avec deux décimales au plus après un point, sans signe, séparateur ni exposant, par exemple 1234.50.",
		}, ""
	}
}

// withPoint turns the comma of a French amount into a point, and takes thousands separators out where both signs are
// there. One lone separator before exactly three digits could be either: it is left alone.
func withPoint(s string) string {
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	switch {
	case comma >= 0 && point >= 0 && comma > point:
		return strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
	case comma >= 0 && point >= 0:
		return strings.ReplaceAll(s, ",", "")
	case comma >= 0 && strings.Count(s, ",") == 1 && len(s)-comma-1 <= amountDecimals:
		return strings.Replace(s, ",", ".", 1)
	default:
		return s
	}
}
