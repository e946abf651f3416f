// Package listquery reads the filter and order_by of list requests: AIP-160 and AIP-132 syntax over this contract's
// field names, as far as Loop documents an equivalent, compiled to cegidclient's filters. What Loop does
// not document is refused with its position, never sent on in the hope that it works.
package listquery

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.einride.tech/aip/filtering"

	"cegid.internal/gateway/cegidclient"
)

// Field is a field of a resource that a query may name.
type Field struct {
	// Name in the contract, Loop's name behind it.
	Name string
	Loop cegidclient.Field
	// Filterable by equality, Sortable by order_by.
	Filterable, Sortable bool
}

// Fields are those of one resource.
type Fields []Field

// Problem is what is wrong with a filter or order, and where.
type Problem struct {
	// Column counts characters from 1.
	Column  int
	Message string
}

func (p *Problem) Error() string { return fmt.Sprintf("at character %d: %s", p.Column, p.Message) }

func problem(column int, format string, arguments ...any) *Problem {
	return &Problem{Column: column, Message: fmt.Sprintf(format, arguments...)}
}

// find finds a field by its name in the contract or in JSON.
func (f Fields) find(name string) (Field, bool) {
	for _, field := range f {
		if field.Name == name || inJSON(field.Name) == name {
			return field, true
		}
	}
	return Field{}, false
}

// inJSON is the name by which JSON writes a field.
func inJSON(name string) string {
	words := strings.Split(name, "_")
	for i := range words[1:] {
		words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
	}
	return strings.Join(words, "")
}

func (f Fields) names(usable func(Field) bool) string {
	var out []string
	for _, field := range f {
		if usable(field) {
			out = append(out, field.Name)
		}
	}
	return strings.Join(out, ", ")
}

// Filter compiles a filter: comparisons joined by AND.
func (f Fields) Filter(text string) (cegidclient.Filter, error) {
	if strings.TrimSpace(text) == "" {
		return cegidclient.Filter{}, nil
	}
	tokens, err := lex(text)
	if err != nil {
		return cegidclient.Filter{}, err
	}
	p := &parser{fields: f, tokens: tokens, end: utf8.RuneCountInString(text) + 1}
	var terms []cegidclient.Filter
	for {
		term, err := p.comparison()
		if err != nil {
			return cegidclient.Filter{}, err
		}
		terms = append(terms, term)
		next, more := p.next()
		switch {
		case !more:
			return cegidclient.And(terms...), nil
		case next.Type != filtering.TokenTypeAnd:
			return cegidclient.Filter{}, unsupported(next)
		}
	}
}

// lex cuts a filter into tokens; the white space between them stays, because it ends an unquoted value.
func lex(text string) ([]filtering.Token, error) {
	if before, _, multiline := strings.Cut(text, "\n"); multiline {
		return nil, problem(utf8.RuneCountInString(before)+1, "a filter is a single line")
	}
	var lexer filtering.Lexer
	lexer.Init(text)
	var tokens []filtering.Token
	for {
		token, err := lexer.Lex()
		switch {
		case errors.Is(err, io.EOF):
			return tokens, nil
		case err != nil:
			return nil, problem(int(lexer.Position().Column), "a text is not closed, or is not UTF-8")
		}
		tokens = append(tokens, token)
	}
}

type parser struct {
	fields Fields
	tokens []filtering.Token
	end    int // the column after the last character
}

// next takes the next token that is not white space.
func (p *parser) next() (filtering.Token, bool) {
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		if token.Type != filtering.TokenTypeWhitespace {
			return token, true
		}
	}
	return filtering.Token{}, false
}

func column(token filtering.Token) int { return int(token.Position.Column) }

func (p *parser) comparison() (none cegidclient.Filter, err error) {
	name, ok := p.next()
	if !ok {
		return none, problem(p.end, "a comparison is missing: write field = \"value\"")
	}
	if name.Type != filtering.TokenTypeText {
		return none, unsupported(name)
	}
	field, known := p.fields.find(name.Value)
	if !known || !field.Filterable {
		return none, problem(column(name), "%q cannot be filtered by: use %s", name.Value,
			p.fields.names(func(f Field) bool { return f.Filterable }))
	}
	operator, ok := p.next()
	if !ok {
		return none, problem(p.end, "= or != and a value must follow %s", field.Name)
	}
	compare := cegidclient.Equal
	switch operator.Type {
	case filtering.TokenTypeEquals:
	case filtering.TokenTypeNotEquals:
		compare = cegidclient.NotEqual
	default:
		return none, problem(column(operator), "%q is not supported after %s: use = or !=", operator.Value, field.Name)
	}
	value, at, err := p.value(field)
	if err != nil {
		return none, err
	}
	filter := compare(field.Loop, value)
	if _, err := filter.Expression(); err != nil {
		return none, problem(at, "the value holds a quotation mark, a backslash or a control character, which Loop offers no way to write")
	}
	return filter, nil
}

// value takes a quoted text, or an unquoted one up to the next white space.
func (p *parser) value(field Field) (value string, at int, err error) {
	first, ok := p.next()
	if !ok {
		return "", 0, problem(p.end, "a value must follow, in quotation marks")
	}
	at = column(first)
	if first.Type == filtering.TokenTypeString {
		inner := first.Value[1 : len(first.Value)-1]
		return inner, at, p.separated()
	}
	token := first
	for {
		switch token.Type {
		case filtering.TokenTypeText, filtering.TokenTypeNumber, filtering.TokenTypeMinus, filtering.TokenTypeDot:
			value += token.Value
		default:
			return "", 0, unsupported(token)
		}
		if len(p.tokens) == 0 || p.tokens[0].Type == filtering.TokenTypeWhitespace {
			break
		}
		token, p.tokens = p.tokens[0], p.tokens[1:]
	}
	switch {
	case value == "null":
		return "", 0, problem(at, "null tests on %s are not documented by Loop", field.Name)
	case strings.ContainsAny(value, "*'\""):
		return "", 0, problem(at, "quotation marks are needed around this value, and * has no special meaning to Loop")
	}
	return value, at, nil
}

// separated refuses what clings to a closed text.
func (p *parser) separated() error {
	if len(p.tokens) > 0 && p.tokens[0].Type != filtering.TokenTypeWhitespace {
		return unsupported(p.tokens[0])
	}
	return nil
}

func unsupported(token filtering.Token) *Problem {
	return problem(column(token),
		"%q is not supported here: write comparisons with = or != joined by AND, without OR, NOT, parentheses, : or *", clip(token.Value))
}

func clip(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// Order compiles an order: fields separated by commas, each with an optional asc or desc.
func (f Fields) Order(text string) ([]cegidclient.Order, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []cegidclient.Order
	at := 1
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		start := at + utf8.RuneCountInString(part) - utf8.RuneCountInString(strings.TrimLeft(part, " \t"))
		at += utf8.RuneCountInString(part) + 1
		if len(words) == 0 {
			return nil, problem(start, "a field is missing")
		}
		field, known := f.find(words[0])
		switch {
		case !known || !field.Sortable:
			return nil, problem(start, "%q cannot be sorted by: use %s", clip(words[0]), f.names(func(f Field) bool { return f.Sortable }))
		case len(words) > 2 || len(words) == 2 && words[1] != "desc" && words[1] != "asc":
			return nil, problem(start, "only desc or asc may follow %s", field.Name)
		}
		for _, earlier := range out {
			if earlier.Field == field.Loop {
				return nil, problem(start, "%s is given twice", field.Name)
			}
		}
		out = append(out, cegidclient.Order{Field: field.Loop, Desc: len(words) == 2 && words[1] == "desc"})
	}
	return out, nil
}
