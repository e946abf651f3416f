package textfile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// MaxPlaces is the number of lines that a finding names.
const MaxPlaces = 10

// Text is a sentence or a value in both languages.
type Text struct{ English, French string }

// Arg fills a {placeholder} of a sentence.
type Arg struct {
	Name  string
	Value Text
}

// Plain is a value that is the same in both languages.
func Plain(name, value string) Arg { return Arg{name, Text{value, value}} }

// Number is a whole number.
func Number(name string, n int) Arg { return Plain(name, strconv.Itoa(n)) }

// Quoted is a value of the file's, bounded and on one line.
func Quoted(name, value string) Arg {
	const most = 60
	runes := make([]rune, 0, most+1)
	for _, r := range value {
		if len(runes) == most {
			runes = append(runes, '…')
			break
		}
		if unicode.IsControl(r) {
			r = ' '
		}
		runes = append(runes, r)
	}
	return Plain(name, string(runes))
}

// Money is an amount with two decimals, after a point or a comma.
func Money(name string, c Cents) Arg {
	en := c.String()
	return Arg{name, Text{en, strings.Replace(en, ".", ",", 1)}}
}

// Arg is a date in each language's order.
func (d Date) Arg(name string) Arg {
	en := d.String()
	if en == "" {
		return Plain(name, "?")
	}
	return Arg{name, Text{en, en[8:10] + "/" + en[5:7] + "/" + en[:4]}}
}

// Sum is what was found at one place or at many; its sentences, Line and Column are those of the first.
type Sum struct {
	Code, Field         int
	Line, Column, Count int
	Lines               []int // the first ones
	Sentence            Text
}

// Sums are findings, summed up by code and field, both counted from 0.
type Sums struct {
	rows [][]*Sum
}

// Again counts a finding that is there already; it is what keeps a file with a million of them cheap.
func (s *Sums) Again(code, field, line int) bool {
	if code >= len(s.rows) || field >= len(s.rows[code]) {
		return false
	}
	sum := s.rows[code][field]
	if sum == nil {
		return false
	}
	sum.Count++
	if len(sum.Lines) < MaxPlaces && line > 0 && sum.Lines[len(sum.Lines)-1] != line {
		sum.Lines = append(sum.Lines, line)
	}
	return true
}

// First states a finding; only after Again said that it is new.
func (s *Sums) First(code, field, line, column int, sentence Text, args ...Arg) *Sum {
	for code >= len(s.rows) {
		s.rows = append(s.rows, nil)
	}
	if n := field + 1 - len(s.rows[code]); n > 0 {
		s.rows[code] = append(s.rows[code], make([]*Sum, n)...)
	}
	sum := &Sum{Code: code, Field: field, Line: line, Column: column, Count: 1, Sentence: Text{
		fill(sentence.English, args, func(t Text) string { return t.English }),
		fill(sentence.French, args, func(t Text) string { return t.French }),
	}}
	if line > 0 {
		sum.Lines = []int{line}
	}
	s.rows[code][field] = sum
	return sum
}

// List gives the sums by place, those on the whole file last. The caller owns it.
func (s *Sums) List() (out []Sum) {
	for _, row := range s.rows {
		for _, sum := range row {
			if sum != nil {
				one := *sum
				one.Lines = slices.Clone(sum.Lines)
				out = append(out, one)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Sum) int {
		// As unsigned, 0-1 is the largest line.
		return cmp.Or(cmp.Compare(uint(a.Line-1), uint(b.Line-1)), a.Column-b.Column)
	})
	return out
}

// fill replaces all placeholders in one go, so that a value cannot hold one.
func fill(template string, args []Arg, in func(Text) string) string {
	pairs := make([]string, 0, 2*len(args))
	for _, a := range args {
		pairs = append(pairs, "{"+a.Name+"}", in(a.Value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
