package fec

import (
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

const maxPlaces = textfile.MaxPlaces

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

func plain(name, value string) textfile.Arg { return textfile.Plain(name, value) }

func number(name string, n int) textfile.Arg { return textfile.Number(name, n) }

// quoted is a value of the file's, bounded.
func quoted(name string, value []byte) textfile.Arg {
	const most = 256 // more than is quoted
	return textfile.Quoted(name, decode(textfile.Cut(value, most)))
}

func money(name string, c Cents) textfile.Arg { return textfile.Money(name, c) }

// findings are summed up by rule and field.
type findings struct {
	sums   textfile.Sums
	errors int // findings of severity error, each time counted
}

// again counts a finding that is there already.
func (f *findings) again(c code, field Field, line int) bool {
	if rules[c].Severity == check.Error {
		f.errors++
	}
	return f.sums.Again(int(c), int(field), line)
}

// first states a finding; only after again said that it is new.
func (f *findings) first(c code, field Field, line, column int, args ...textfile.Arg) *textfile.Sum {
	r := &rules[c]
	return f.sums.First(int(c), int(field), line, column, textfile.Text{English: r.Message, French: r.French}, append(args, plain("field", field.String()))...)
}

// list gives the findings by place, those on the whole file last. The caller owns it.
func (f *findings) list() (out []Finding) {
	for _, s := range f.sums.List() {
		r := &rules[s.Code]
		one := Finding{Grounds: r.Grounds, Line: s.Line, Column: s.Column, Count: s.Count, Lines: s.Lines}
		one.Code, one.Severity, one.Field = r.Code, r.Severity, Field(s.Field).String()
		one.Message, one.French = s.Sentence.English, s.Sentence.French
		out = append(out, one)
	}
	return out
}
