package fec

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
)

// maxPlaces is the number of lines that a finding names.
const maxPlaces = 10

// Finding is what was found, at one place or at many: a rule that is broken ten thousand times in one field is one
// finding. Its sentences, Line and Column are those of the first place.
type Finding struct {
	// Code is one of [Codes]; Field is a field's name in the law, such as EcritureDate, or empty.
	check.Finding
	Grounds Ground
	// Line counts from 1, the line of field names; 0 means the whole file. Column is the position of the field in the
	// line, from 1; 0 means the whole line.
	Line, Column int
	// Count is the number of times, at least 1.
	Count int
	// Lines are the first lines where it was found, at most ten.
	Lines []int
}

// text is a sentence or a value in both languages.
type text struct{ en, fr string }

// arg fills a {placeholder} of a sentence.
type arg struct {
	name  string
	value text
}

func plain(name, value string) arg { return arg{name, text{value, value}} }

func number(name string, n int) arg { return plain(name, strconv.Itoa(n)) }

// quoted is a value of the file's, bounded.
func quoted(name string, value []byte) arg {
	const most = 60
	value = cut(value, utf8.UTFMax*(most+1))
	runes := make([]rune, 0, most+1)
	for _, r := range decode(value) {
		if unicode.IsControl(r) {
			r = ' '
		}
		runes = append(runes, r)
	}
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	return plain(name, string(runes))
}

func money(name string, c Cents) arg {
	en := c.String()
	return arg{name, text{en, strings.Replace(en, ".", ",", 1)}}
}

// day writes a date in each language's order.
func (d date) arg(name string) arg {
	en := d.String()
	if en == "" {
		return plain(name, "?")
	}
	return arg{name, text{en, en[8:10] + "/" + en[5:7] + "/" + en[:4]}}
}

// findings are summed up by rule and field.
type findings struct {
	sums   [numCodes][numFields + 1]*Finding
	errors int // findings of severity error, each time counted
}

// again counts a finding that is there already; it is what keeps a file with a million of them cheap.
func (f *findings) again(c code, field Field, line int) bool {
	if rules[c].Severity == check.Error {
		f.errors++
	}
	s := f.sums[c][field]
	if s == nil {
		return false
	}
	s.Count++
	if len(s.Lines) < maxPlaces && line > 0 && s.Lines[len(s.Lines)-1] != line {
		s.Lines = append(s.Lines, line)
	}
	return true
}

// first states a finding; only after again said that it is new.
func (f *findings) first(c code, field Field, line, column int, args ...arg) *Finding {
	r := &rules[c]
	s := &Finding{Grounds: r.Grounds, Line: line, Column: column, Count: 1}
	s.Code, s.Severity, s.Field = r.Code, r.Severity, field.String()
	args = append(args, plain("field", s.Field))
	s.Message = fill(r.Message, args, func(t text) string { return t.en })
	s.French = fill(r.French, args, func(t text) string { return t.fr })
	if line > 0 {
		s.Lines = []int{line}
	}
	f.sums[c][field] = s
	return s
}

// list gives the findings by place, those on the whole file last. The caller owns it.
func (f *findings) list() (out []Finding) {
	for c := range f.sums {
		for _, s := range f.sums[c] {
			if s != nil {
				one := *s
				one.Lines = slices.Clone(s.Lines)
				out = append(out, one)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		// As unsigned, 0-1 is the largest line.
		return cmp.Or(cmp.Compare(uint(a.Line-1), uint(b.Line-1)), a.Column-b.Column)
	})
	return out
}

// fill replaces all placeholders in one go, so that a value cannot hold one.
func fill(template string, args []arg, in func(text) string) string {
	pairs := make([]string, 0, 2*len(args))
	for _, a := range args {
		pairs = append(pairs, "{"+a.name+"}", in(a.value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
