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

// Finding is what a check found.
type Finding struct {
	// Code is one of [Codes].
	Code     string
	Severity Severity
	// Field is the path in the contract's names: entries[0].lines[2].third_party, options.context_start.
	Field string
	// Message and French say what is wrong and what to do. They never hold an attachment's address, which can be a secret.
	Message, French string
	// Suggestions are values to use instead, the nearest first.
	Suggestions []string
}

// HasErrors reports whether a finding stops the import.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
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
	f.list = append(f.list, Finding{
		Code: code, Severity: r.Severity, Field: field,
		Message: fill(r.Message, args, func(t text) string { return t.en }),
		French:  fill(r.French, args, func(t text) string { return t.fr }),
	})
	return &f.list[len(f.list)-1]
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
