package cegidclient

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Field is Loop's name of a field, for filters and orders. Each resource declares its own as constants.
type Field string

// Filter is a condition on a list, compiled to Loop's expression (loop-api: R 1.4). The zero Filter selects all.
//
// Only what Loop documents can be said: equality and inequality of texts, "from this date on", tests for null, and
// all of these together. There is no "or" and no negation.
type Filter struct {
	terms []term
}

type term struct {
	field   Field
	op      string
	value   string
	literal literal
}

type literal uint8

const (
	literalText literal = iota
	literalDate
	literalNull
)

// fits reports whether a field of the form can be compared with the literal.
func (l literal) fits(form fieldForm) bool {
	switch l {
	case literalText:
		return form == formText
	case literalDate:
		return form == formDate
	default:
		return true
	}
}

// Equal selects items whose text field has exactly this value.
func Equal(f Field, value string) Filter { return one(f, "==", value, literalText) }

// NotEqual selects items whose text field has another value.
func NotEqual(f Field, value string) Filter { return one(f, "!=", value, literalText) }

// AtLeast selects items whose date is this day (YYYY-MM-DD) or later.
func AtLeast(f Field, date string) Filter { return one(f, ">=", date, literalDate) }

// OnDay selects items whose date is this day (YYYY-MM-DD).
func OnDay(f Field, date string) Filter { return one(f, "==", date, literalDate) }

// IsNull selects items without a value in the field. Loop documents it for accounting entries only (loop-api: A 4).
func IsNull(f Field) Filter { return one(f, "==", "null", literalNull) }

// NotNull selects items with a value in the field. Documented for accounting entries only, as [IsNull] is.
func NotNull(f Field) Filter { return one(f, "!=", "null", literalNull) }

// And selects items that meet all filters.
func And(filters ...Filter) Filter {
	var out Filter
	for _, f := range filters {
		out.terms = append(out.terms, f.terms...)
	}
	return out
}

func one(f Field, op, value string, l literal) Filter {
	return Filter{terms: []term{{field: f, op: op, value: value, literal: l}}}
}

// leavesOne reports whether the filter leaves one value of a field.
func (f Filter) leavesOne(field Field) bool {
	return slices.ContainsFunc(f.terms, func(t term) bool { return t.field == field && t.op == "==" && t.literal != literalNull })
}

// IsZero reports whether the filter selects everything.
func (f Filter) IsZero() bool { return len(f.terms) == 0 }

// Expression gives Loop's text, not yet percent-encoded. The error is an [*Error] of [KindInvalidArgument].
//
// No escaping is documented, so a value that would need it is refused: escaping by guesswork lets a value end its
// own literal and become part of the expression.
func (f Filter) Expression() (string, error) {
	var b strings.Builder
	for i, t := range f.terms {
		if !isFieldName(t.field) {
			return "", invalid("filter", "not a field name")
		}
		if i > 0 {
			b.WriteString("&&")
		}
		b.WriteString(string(t.field) + t.op)
		switch t.literal {
		case literalNull:
			b.WriteString("null")
			continue
		case literalDate:
			if _, err := time.Parse(time.DateOnly, t.value); err != nil {
				return "", invalid("filter", "the date for "+string(t.field)+" is not a day written YYYY-MM-DD")
			}
		default:
			if !fitsLiteral(t.value) {
				return "", invalid("filter", "the value for "+string(t.field)+
					` holds a quotation mark, a backslash or a control character, which Loop's filter cannot express`)
			}
		}
		b.WriteString(`"` + t.value + `"`)
	}
	return b.String(), nil
}

func fitsLiteral(v string) bool {
	if !utf8.ValidString(v) {
		return false
	}
	for _, r := range v {
		// U+2028 and U+2029 end a line in JavaScript, which the expression resembles.
		if r == '"' || r == '\\' || r == '\u2028' || r == '\u2029' || unicode.IsControl(r) {
			return false
		}
	}
	return true
}

func isFieldName(f Field) bool {
	for i, r := range f {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return f != ""
}

// Order is one key of a sort.
type Order struct {
	Field Field
	Desc  bool
}

// sortExpression gives Loop's sort text (loop-api: R 1.5), the unique key appended so that pages are disjoint.
func sortExpression(order []Order, unique Field) string {
	var parts []string
	hasUnique := false
	for _, o := range order {
		part := string(o.Field)
		if o.Desc {
			part += ":desc"
		}
		parts = append(parts, part)
		hasUnique = hasUnique || o.Field == unique
	}
	if !hasUnique {
		parts = append(parts, string(unique))
	}
	return strings.Join(parts, "&&")
}
