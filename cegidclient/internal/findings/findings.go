// Package findings counts what the reader of a format finds, by the rules of its catalogue: a rule that is broken often is
// one finding, and a cause hides its effects.
package findings

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// set is one of rules.
type set [2]uint64

func (s *set) add(rule int)      { s[rule>>6] |= 1 << (rule & 63) }
func (s *set) has(rule int) bool { return s[rule>>6]&(1<<(rule&63)) != 0 }
func (s *set) meets(o *set) bool { return s[0]&o[0]|s[1]&o[1] != 0 }

// Field is a field's name in the format, and what it is called in a sentence.
type Field struct {
	Name string
	textfile.Text
}

// Catalogue is the rules of a format and the names of its fields, both known by their index. It does not change.
type Catalogue struct {
	rules  []filecheck.Rule
	fields []Field
	// By rule, those that hide it on a line and in the file.
	onLine, inFile []set
	spoils         set
}

// New makes a catalogue. A name that there is not is a mistake of the program's.
func New(rules []filecheck.Rule, fields []Field) *Catalogue {
	c := &Catalogue{rules: rules, fields: fields, onLine: make([]set, len(rules)), inFile: make([]set, len(rules))}
	index := map[string]int{}
	for i, r := range rules {
		index[r.Code] = i
	}
	for i, r := range rules {
		for _, hidden := range []struct {
			codes []string
			by    []set
		}{{r.HidesOnLine, c.onLine}, {r.HidesInFile, c.inFile}} {
			for _, code := range hidden.codes {
				j, known := index[code]
				if !known {
					panic("findings: " + r.Code + " hides " + code + ", which there is not")
				}
				hidden.by[j].add(i)
			}
		}
		if r.SpoilsEntry {
			c.spoils.add(i)
		}
	}
	return c
}

// Found are the findings of one file.
type Found struct {
	*Catalogue
	// Model says how much a rule matters that depends on what is not known of Loop.
	Model filecheck.LoopModel
	// Errors counts those of severity error, each time.
	Errors int
	// Place, if set, is told each place. Those of a rule that another one hides in the whole file are told, too.
	Place func(rule, field, line, column int)

	rows  [][]*sum
	found set // in the file
	line  set // on the line that is being read
}

// sum is what was found of a rule in one field.
type sum struct {
	rule, field         int
	line, column, count int
	fields              int   // that are found together
	lines               []int // the first ones
	args                []textfile.Arg
}

// NextLine forgets what was found on the line before.
func (f *Found) NextLine() { f.line = set{} }

// Spoilt tells whether what was found on the line leaves the balance of its entry unsaid.
func (f *Found) Spoilt() bool { return f.line.meets(&f.spoils) }

// Has tells whether a rule was broken.
func (f *Found) Has(rule int) bool { return f.found.has(rule) }

// OnLine tells whether a rule was broken on the line that is being read.
func (f *Found) OnLine(rule int) bool { return f.line.has(rule) }

func (f *Found) severity(rule int) check.Severity {
	r := &f.rules[rule]
	if r.Strict && f.Model == filecheck.Strict {
		return check.Error
	}
	return r.Severity
}

// Again counts a finding, and tells whether there is nothing to state: it is there already, or its cause is.
func (f *Found) Again(rule, field, line, column int) bool {
	if f.onLine[rule].meets(&f.line) {
		return true
	}
	if f.severity(rule) == check.Error {
		f.Errors++
	}
	f.line.add(rule)
	if f.Place != nil {
		f.Place(rule, field, line, column)
	}
	if rule >= len(f.rows) || field >= len(f.rows[rule]) {
		return false
	}
	s := f.rows[rule][field]
	if s == nil {
		return false
	}
	s.count++
	if len(s.lines) < textfile.MaxPlaces && line > 0 && s.lines[len(s.lines)-1] != line {
		s.lines = append(s.lines, line)
	}
	return true
}

// First states a finding; only after Again said that it is new.
func (f *Found) First(rule, field, line, column int, args ...textfile.Arg) {
	for rule >= len(f.rows) {
		f.rows = append(f.rows, nil)
	}
	if n := field + 1 - len(f.rows[rule]); n > 0 {
		f.rows[rule] = append(f.rows[rule], make([]*sum, n)...)
	}
	s := &sum{rule: rule, field: field, line: line, column: column, count: 1, args: args}
	if line > 0 {
		s.lines = []int{line}
	}
	f.rows[rule][field] = s
	f.found.add(rule)
}

// Recount says how often something was found that was stated once.
func (f *Found) Recount(rule, field, count int) { f.rows[rule][field].count = count }

// Drop takes back what was found of a rule: another reading of the file explains it.
func (f *Found) Drop(rule int) {
	if rule < len(f.rows) {
		f.rows[rule] = nil
	}
	f.found[rule>>6] &^= 1 << (rule & 63)
}

// Hidden tells whether something that was found in the file hides a rule.
func (f *Found) Hidden(rule int) bool { return f.inFile[rule].meets(&f.found) }

// Code is the name of a rule, and FieldName that of a field.
func (f *Found) Code(rule int) string       { return f.rules[rule].Code }
func (f *Found) FieldName(field int) string { return f.fields[field].Name }

// List gives the findings: errors first, then by place, those on the whole file last. The caller owns it.
func (f *Found) List() (out []check.Finding) {
	for rule, row := range f.rows {
		if f.Hidden(rule) {
			continue
		}
		var sums []*sum
		for _, s := range row {
			if s != nil {
				sums = append(sums, s)
			}
		}
		if f.rules[rule].Together && len(sums) > 1 {
			out = append(out, f.together(sums))
			continue
		}
		for _, s := range sums {
			out = append(out, f.finding(s, f.fields[s.field].Text))
		}
	}
	slices.SortStableFunc(out, func(a, b check.Finding) int {
		// As unsigned, 0-1 is the largest line.
		return cmp.Or(int(b.Severity-a.Severity), cmp.Compare(uint(a.Line-1), uint(b.Line-1)), a.Column-b.Column)
	})
	return out
}

// together makes one finding of those in several fields.
func (f *Found) together(sums []*sum) check.Finding {
	first := slices.MinFunc(sums, func(a, b *sum) int {
		return cmp.Or(cmp.Compare(uint(a.line-1), uint(b.line-1)), a.column-b.column)
	})
	whole := *first
	whole.count, whole.lines = 0, nil
	var fields, english, french []string
	for _, s := range sums {
		whole.count += s.count
		whole.lines = append(whole.lines, s.lines...)
		if name := f.fields[s.field]; name.Name != "" {
			fields, english, french = append(fields, name.Name), append(english, name.English), append(french, name.French)
		}
	}
	slices.Sort(whole.lines)
	whole.lines = slices.Compact(whole.lines)
	if whole.lines = whole.lines[:min(len(whole.lines), textfile.MaxPlaces)]; len(whole.lines) == 1 {
		whole.fields = len(fields)
	}
	out := f.finding(&whole, textfile.Text{English: listed(english, " and "), French: listed(french, " et ")})
	out.Field = strings.Join(fields, ", ")
	return out
}

func (f *Found) finding(s *sum, field textfile.Text) check.Finding {
	r := &f.rules[s.rule]
	args := append(slices.Clone(s.args), textfile.Arg{Name: "field", Value: field}, textfile.Number("times", s.count))
	text := textfile.Fill(textfile.Text{English: r.Message, French: r.French}, args)
	where := places(s)
	return check.Finding{
		Code: r.Code, Severity: f.severity(s.rule), Field: f.fields[s.field].Name,
		Message: text.English + where.English, French: text.French + where.French,
		Grounds: r.Grounds, Line: s.line, Column: s.column, Count: s.count, Lines: slices.Clone(s.lines),
	}
}

// places says how often something was found, and where first.
func places(s *sum) (t textfile.Text) {
	if s.count < 2 || len(s.lines) == 0 || s.fields == s.count {
		return t // or each field that is named has it once
	}
	count := textfile.Count(s.count)
	var numbers []string
	for _, line := range s.lines {
		numbers = append(numbers, strconv.Itoa(line))
	}
	english, french := listed(numbers, " and "), listed(numbers, " et ")
	end := "."
	if s.count > len(numbers) && len(numbers) == textfile.MaxPlaces {
		english, end = strings.Join(numbers, ", "), "…"
		french = english
	}
	in, dans := ": lines ", " : lignes "
	if len(numbers) == 1 {
		in, dans = ", first in line ", ", d'abord ligne "
	}
	return textfile.Text{English: " " + count.English + " times" + in + english + end, French: " " + count.French + " fois" + dans + french +
		end}
}

func listed(words []string, and string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + and + words[last]
}

// Listed tells whether findings of a code are in the list.
func (f *Found) Listed(code string) bool {
	rule := slices.IndexFunc(f.rules, func(r filecheck.Rule) bool { return r.Code == code })
	return rule >= 0 && f.Has(rule) && !f.Hidden(rule)
}
