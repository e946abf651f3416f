package tra

import (
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// Finding is what was found, at one place or at many: a rule that is broken ten thousand times in one field is one
// finding. Its sentences, Line and Column are those of the first place.
type Finding struct {
	// Code is one of [Codes]; Field is a field's name in the format's description, such as DATECOMPTABLE, or JAL.nature
	// where that names none; or empty.
	check.Finding
	Grounds Ground
	// Line counts from 1, the header; 0 means the whole file. Column is the position where the field begins, in
	// characters from 1; 0 means the whole line.
	Line, Column int
	// Count is the number of times, at least 1.
	Count int
	// Lines are the first lines where it was found, at most ten.
	Lines []int
}

// findings are summed up by rule and field.
type findings struct {
	sums   textfile.Sums
	errors int // findings of severity error, each time counted
}

// report states a finding on a line, with what fills its sentences besides the field's name; the arguments are only
// made for the first of its kind.
func (f *findings) report(c code, on *field, line int, args func() []textfile.Arg) {
	r := &rules[c]
	if r.Severity == check.Error {
		f.errors++
	}
	if f.sums.Again(int(c), on.index, line) {
		return
	}
	all := []textfile.Arg{textfile.Plain("field", on.name)}
	if args != nil {
		all = append(all, args()...)
	}
	f.sums.First(int(c), on.index, line, on.at, textfile.Text{English: r.Message, French: r.French}, all...)
}

// list gives the findings by place, those on the whole file last. The caller owns it.
func (f *findings) list() (out []Finding) {
	for _, s := range f.sums.List() {
		r := &rules[s.Code]
		one := Finding{Grounds: r.Grounds, Line: s.Line, Column: s.Column, Count: s.Count, Lines: s.Lines}
		one.Code, one.Severity, one.Field = r.Code, r.Severity, layouts.all[s.Field].name
		one.Message, one.French = s.Sentence.English, s.Sentence.French
		out = append(out, one)
	}
	return out
}

func args(a ...textfile.Arg) []textfile.Arg { return a }

// quoted is a value of the file's, bounded.
func quoted(name string, value []byte) textfile.Arg {
	const most = 256 // more than is quoted
	return textfile.Quoted(name, decode(textfile.Cut(value, most)))
}

// found states a finding on a field of the line, or on the whole line.
func (v *Validator) found(c code, f *field) { v.report(c, f, v.line, nil) }

// with states a finding with the value of the field.
func (v *Validator) with(c code, f *field, value []byte) {
	v.report(c, f, v.line, func() []textfile.Arg { return args(quoted("value", value)) })
}

// among states that a value is none of those that there are.
func (v *Validator) among(c code, f *field, value []byte, values ...string) {
	v.report(c, f, v.line, func() []textfile.Arg {
		return args(quoted("value", value), textfile.Plain("values", strings.Join(values, ", ")))
	})
}
