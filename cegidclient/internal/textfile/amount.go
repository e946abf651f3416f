package textfile

import "bytes"

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
	if len(s) == 0 {
		return 0, Blank
	}
	n, how := scanNumber(s)
	if how == Invalid {
		return 0, Invalid
	}
	mark, more := n.decimalMark()
	if how |= more; how&(Invalid|Ambiguous) != 0 {
		return 0, more
	}
	if how&Thousands != 0 && !grouped(n.text(), mark) {
		return 0, Invalid
	}
	value, more := n.value(mark)
	if how |= more; how&(Precise|TooLarge) != 0 {
		return 0, how
	}
	if n.minus && value != 0 {
		how |= Negative
		value = -value
	}
	return Cents(value), how
}

// oddNumber is what a number consists of, without blanks and sign.
type oddNumber struct {
	buffer               [40]byte // digits and marks
	kept, commas, points int
	minus                bool
}

func (n *oddNumber) text() []byte { return n.buffer[:n.kept] }

// scanNumber takes a text apart, or says that it is Invalid.
func scanNumber(s []byte) (n oddNumber, how Shape) {
	signs := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch blank := blankAt(s[i:]); {
		case blank > 0:
			i += blank - 1
			how |= Thousands
			continue
		case c >= '0' && c <= '9':
		case c == ',':
			n.commas++
		case c == '.':
			n.points++
		case (c == '-' || c == '+') && (i == 0 || i == len(s)-1):
			signs++
			n.minus = n.minus || c == '-'
			if i > 0 {
				how |= SignLast
			}
			continue
		default:
			return n, Invalid
		}
		if n.kept == len(n.buffer) {
			return n, Invalid
		}
		n.buffer[n.kept] = c
		n.kept++
	}
	if n.kept == n.commas+n.points || signs > 1 {
		return n, Invalid
	}
	return n, how
}

// blankAt is how many bytes the mark of thousands has with which s begins, other than a comma or a point: a blank, a no-break
// space in ISO 8859 or UTF-8, a narrow one, an apostrophe; 0 if there is none.
func blankAt(s []byte) int {
	switch c := s[0]; {
	case c == ' ' || c == 0xa0 || c == '\'':
		return 1
	case c == 0xc2 && len(s) > 1 && s[1] == 0xa0:
		return 2
	case c == 0xe2 && len(s) > 2 && s[1] == 0x80 && s[2] == 0xaf:
		return 3
	}
	return 0
}

// decimalMark is the place of the last mark where it is there only once, or -1.
func (n *oddNumber) decimalMark() (mark int, how Shape) {
	text := n.text()
	mark = bytes.LastIndexAny(text, ",.")
	if mark >= 0 && (text[mark] == ',' && n.commas > 1 || text[mark] == '.' && n.points > 1) {
		if n.commas > 0 && n.points > 0 {
			return 0, Invalid
		}
		mark = -1 // 1.234.567
	}
	if n.commas+n.points > 1 {
		how |= Thousands
	}
	if mark >= 0 && text[mark] == '.' {
		how |= Point
		if mark > 0 && mark <= 3 && n.kept-mark-1 == 3 && n.points == 1 && n.commas == 0 {
			return 0, Ambiguous
		}
	}
	return mark, how
}

// value is the number in cents, without its sign.
func (n *oddNumber) value(mark int) (value int64, how Shape) {
	decimals := 0
	for i, c := range n.text() {
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
	return value, how
}

// grouped tells whether marks of thousands are before each three digits. Blanks are taken out before: wherever they
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
