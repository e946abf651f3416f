package check

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Severity says how much a finding matters.
type Severity int

// The severities, in the order of the contract's.
const (
	// Notice is worth knowing: something was or will be done about it.
	Notice Severity = iota + 1
	// Warning is probably a mistake, and does not stop an import.
	Warning
	// Error stops an import.
	Error
)

// String gives the stable name.
func (s Severity) String() string {
	switch s {
	case Notice:
		return "notice"
	case Warning:
		return "warning"
	case Error:
		return "error"
	default:
		return "unknown"
	}
}

// Finding is what a check found, in entries or in a file of them. Its JSON is kept in ledgers: names stay.
//
// Of a file, a rule that is broken ten thousand times in one field is one finding: its sentences, Line and Column are those of
// the first place.
type Finding struct {
	// Code is one of the package's [Codes]: this one's, or those of a file's format.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Field is the path in the contract's names: entries[0].lines[2].third_party, options.context_start. Of a file, it is the
	// field's name in its format, or empty.
	Field string `json:"field,omitempty"`
	// Message and French say what is wrong and what to do. They never hold an attachment's address, which can be a secret.
	Message string `json:"message,omitempty"`
	French  string `json:"message_fr,omitempty"`
	// Suggestions are values to use instead, the nearest first.
	Suggestions []string `json:"suggestions,omitempty"`
	// Grounds say who objects, of a file.
	Grounds Ground `json:"grounds,omitzero"`
	// Line counts from 1, the file's first one; 0 means the whole file. Column is where the field begins, from 1; 0 means the
	// whole line.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Count is the number of times, at least 1 of a file.
	Count int `json:"count,omitempty"`
	// Lines are the first lines where it was found, at most ten.
	Lines []int `json:"lines,omitempty"`
}

// MarshalText writes the stable name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a stable name; one that this version does not know is none.
func (s *Severity) UnmarshalText(text []byte) error {
	*s = 0
	for _, severity := range [...]Severity{Notice, Warning, Error} {
		if severity.String() == string(text) {
			*s = severity
		}
	}
	return nil
}

// HasErrors reports whether a finding stops the import.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// Ordered puts findings together: errors before warnings before notices, each as they come.
func Ordered(lists ...[]Finding) []Finding {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Finding) int { return int(b.Severity - a.Severity) })
	return all
}

// found collects findings.
type found struct {
	list []Finding
}

// text is a sentence or a value in both languages.
type text struct{ en, fr string }

// arg fills a {placeholder} of a sentence.
type arg struct {
	name  string
	value text
}

// quoted is a value of the caller's, bounded, for both languages.
func quoted(name, value string) arg {
	value = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(value, "\uFFFD"))
	const most = 60
	if utf8.RuneCountInString(value) > most {
		value = string([]rune(value)[:most]) + "…"
	}
	return plain(name, value)
}

func plain(name, value string) arg { return arg{name, text{value, value}} }

// money writes cents with two decimals, after a point or a comma.
func money(name string, cents int64) arg {
	en := formatCents(cents)
	return arg{name, text{en, strings.Replace(en, ".", ",", 1)}}
}

// day writes a valid date in each language's order.
func day(name, date string) arg {
	return arg{name, text{date, date[8:10] + "/" + date[5:7] + "/" + date[:4]}}
}

func (f *found) add(code, field string, args ...arg) *Finding {
	r := ruleOf(code)
	f.list = append(f.list, Finding{Code: code, Severity: r.Severity, Field: field})
	added := &f.list[len(f.list)-1]
	added.say(text{r.Message, r.French}, args)
	return added
}

// say fills in the sentences of a finding.
func (f *Finding) say(sentence text, args []arg) {
	f.Message = fill(sentence.en, args, func(t text) string { return t.en })
	f.French = fill(sentence.fr, args, func(t text) string { return t.fr })
}

// fill replaces all placeholders in one go, so that a value cannot hold one.
func fill(template string, args []arg, in func(text) string) string {
	if len(args) == 0 {
		return template
	}
	pairs := make([]string, 0, 2*len(args))
	for _, a := range args {
		pairs = append(pairs, "{"+a.name+"}", in(a.value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

func ruleOf(code string) Rule {
	for i := range rules {
		if rules[i].Code == code {
			return rules[i]
		}
	}
	return Rule{Code: code, Severity: Error, Message: code, French: code} // a test shows that this is never needed
}
