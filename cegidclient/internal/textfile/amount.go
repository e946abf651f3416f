package textfile

// Cents is an amount in hundredths of a euro.
type Cents int64

// String writes two decimals after a point: 1234.50, -0.05.
func (c Cents) String() string {
	var b [24]byte
	i := len(b)
	u := uint64(c)
	if c < 0 {
		u = -u
	}
	for n := 0; n < 3 || u > 0; n++ {
		if n == 2 {
			i--
			b[i] = '.'
		}
		i--
		b[i] = byte('0' + u%10)
		u /= 10
	}
	if c < 0 {
		i--
		b[i] = '-'
	}
	return string(b[i:])
}

const MaxCents = 999_999_999_999_999 // 13 digits and 2 decimals, as in package check

// Shape is what is to be said of an amount as written.
type Shape uint16

const (
	Blank Shape = 1 << iota
	Invalid
	Ambiguous // a point before three digits
	Precise   // parts of a cent
	TooLarge
	Zeros     // more than two decimals, zero beyond
	Point     // decimal point
	Thousands // separators of thousands
	SignLast
	Negative

	Unreadable = Invalid | Ambiguous | Precise | TooLarge
)

// ParseAmount reads an amount into cents. Whatever can be understood in one way only is read, with its shape; the cents
// of what is unreadable are zero. The loop takes what the law asks for: digits, a comma, at most two decimals.
func ParseAmount(s []byte) (Cents, Shape) {
	var value int64
	decimals, digits := -1, 0
	i, minus := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i, minus = 1, s[0] == '-'
	}
	if len(s) > 16+i {
		return parseOddAmount(s)
	}
	for ; i < len(s); i++ {
		d := s[i] - '0'
		switch {
		case d <= 9:
			value = value*10 + int64(d)
			digits++
			if decimals >= 0 {
				decimals++
			}
		case s[i] == ',' && decimals < 0:
			decimals = 0
		default:
			return parseOddAmount(s)
		}
	}
	switch decimals {
	case -1, 0:
		value *= 100
	case 1:
		value *= 10
	case 2:
	default:
		return parseOddAmount(s)
	}
	if value > MaxCents || digits == 0 {
		return parseOddAmount(s)
	}
	if minus && value != 0 {
		return Cents(-value), Negative
	}
	return Cents(value), 0
}

// parseOddAmount reads what is not written as the law asks.
func parseOddAmount(s []byte) (Cents, Shape) {
	var how Shape
	var digits [40]byte // with the marks that are left
	kept, commas, points := 0, 0, 0
	minus, signs := false, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
		case c == ',':
			commas++
		case c == '.':
			points++
		case (c == '-' || c == '+') && (i == 0 || i == len(s)-1):
			signs++
			minus = minus || c == '-'
			if i > 0 {
				how |= SignLast
			}
			continue
		case c == 0xc2 && i+1 < len(s) && s[i+1] == 0xa0: // no-break space
			i++
			how |= Thousands
			continue
		case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] == 0xaf: // narrow no-break space
			i += 2
			how |= Thousands
			continue
		case c == ' ' || c == 0xa0 || c == '\'':
			how |= Thousands
			continue
		default:
			return 0, Invalid
		}
		if kept == len(digits) {
			return 0, Invalid
		}
		digits[kept] = c
		kept++
	}
	text := digits[:kept]
	if kept == commas+points || signs > 1 {
		if len(s) == 0 {
			return 0, Blank
		}
		return 0, Invalid
	}

	// The decimal mark is the last one, and there only once.
	mark := -1
	for i := range text {
		if text[i] == ',' || text[i] == '.' {
			mark = i
		}
	}
	if mark >= 0 && (text[mark] == ',' && commas > 1 || text[mark] == '.' && points > 1) {
		if commas > 0 && points > 0 {
			return 0, Invalid
		}
		mark = -1 // 1.234.567
	}
	if commas+points > 1 {
		how |= Thousands
	}
	if mark >= 0 && text[mark] == '.' {
		how |= Point
		if mark > 0 && mark <= 3 && kept-mark-1 == 3 && points == 1 && commas == 0 {
			return 0, Ambiguous
		}
	}
	if how&Thousands != 0 && !grouped(text, mark) {
		return 0, Invalid
	}

	var value int64
	decimals := 0
	for i, c := range text {
		switch {
		case c == ',' || c == '.':
		case mark >= 0 && i > mark && decimals == 2:
			if c != '0' {
				return 0, how | Precise
			}
			how |= Zeros
		default:
			value = value*10 + int64(c-'0')
			if mark >= 0 && i > mark {
				decimals++
			}
			if value > MaxCents {
				return 0, how | TooLarge
			}
		}
	}
	for ; decimals < 2; decimals++ {
		value *= 10
	}
	if value > MaxCents {
		return 0, how | TooLarge
	}
	if minus && value != 0 {
		how |= Negative
		value = -value
	}
	return Cents(value), how
}

// grouped tells whether marks of thousands stand before each three digits. Blanks are taken out before: wherever they
// were, what is left has one meaning.
func grouped(text []byte, mark int) bool {
	end := len(text)
	if mark >= 0 {
		end = mark
	}
	run := 0
	for i := end - 1; i >= 0; i-- {
		if text[i] >= '0' && text[i] <= '9' {
			run++
			continue
		}
		if run != 3 {
			return false
		}
		run = 0
	}
	return run > 0
}

// CurrencyAmount tells how an amount in a currency is written; it is never computed with, and may have any decimals.
func CurrencyAmount(s []byte) (how Shape, zero bool) {
	c, how := ParseAmount(s)
	how &^= Zeros
	if how&(Precise|TooLarge) != 0 {
		return how &^ (Precise | TooLarge), false
	}
	return how, c == 0 && how&Unreadable == 0
}

// Balance is what debits and credits add up to, exactly or not at all.
type Balance struct {
	Debit, Credit Cents
	Overflow      bool
}

// maxTotal leaves room for a difference of two totals.
const maxTotal = 1<<62 - 1

func (b *Balance) Add(debit, credit Cents) {
	d, c := b.Debit+debit, b.Credit+credit
	if max(d, -d, c, -c) > maxTotal {
		b.Overflow = true
		return
	}
	b.Debit, b.Credit = d, c
}

func (b *Balance) Difference() Cents {
	d := b.Debit - b.Credit
	return max(d, -d)
}
