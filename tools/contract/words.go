package main

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var asIn = regexp.MustCompile(`^As in (\w+)\.$`)

// comment is what the contract says of a field. Where that is "As in OtherRequest.", it is what is said there.
func (i *image) comment(field protoreflect.FieldDescriptor) string {
	text := i.comments[string(field.FullName())]
	if found := asIn.FindStringSubmatch(text); found != nil {
		other := field.ParentFile().Package().Append(protoreflect.Name(found[1])).Append(field.Name())
		return i.comments[string(other)]
	}
	return text
}

var (
	snakeWord  = regexp.MustCompile(`\b[a-z]+(?:_[a-z0-9]+)+\b`)
	expression = regexp.MustCompile(`^AIP-(?:132|160) `)
)

// wordForREST writes the names of fields in descriptions as JSON has them. Not in those of filters and orders, which are
// written in the contract's own names.
func (i *image) wordForREST(value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			i.wordForREST(item)
		}
	case *object:
		for _, key := range v.keys {
			text, ok := v.values[key].(string)
			if !ok {
				i.wordForREST(v.values[key])
				continue
			}
			if key != "description" && key != "summary" || expression.MatchString(text) {
				continue
			}
			v.set(key, snakeWord.ReplaceAllStringFunc(text, func(word string) string {
				if name, known := i.jsonNames[word]; known {
					return name
				}
				return word
			}))
		}
	}
}

// sentences are the rules of a message as a whole.
func (i *image) sentences(message protoreflect.MessageDescriptor) []string {
	var out []string
	rules, ok := option(message, messageRules)
	if !ok {
		return nil
	}
	list := get(rules.Message(), "cel").List()
	for n := range list.Len() {
		out = append(out, get(list.Get(n).Message(), "message").String())
	}
	return out
}

var isThere = regexp.MustCompile(`^has\(this\.([a-z_0-9]+)\)$`)

// demandedByRule are the groups of fields of which a message needs one, as "has(this.a) || has(this.b)" demands.
func demandedByRule(message protoreflect.MessageDescriptor) [][]protoreflect.FieldDescriptor {
	rules, ok := option(message, messageRules)
	if !ok {
		return nil
	}
	var out [][]protoreflect.FieldDescriptor
	list := get(rules.Message(), "cel").List()
rules:
	for n := range list.Len() {
		var group []protoreflect.FieldDescriptor
		for term := range strings.SplitSeq(get(list.Get(n).Message(), "expression").String(), " || ") {
			found := isThere.FindStringSubmatch(term)
			if found == nil {
				continue rules
			}
			group = append(group, message.Fields().ByName(protoreflect.Name(found[1])))
		}
		out = append(out, group)
	}
	return out
}

// demanded: one of the group must be given.
func demanded(group protoreflect.OneofDescriptor) bool {
	rules, ok := option(group, oneofRules)
	return ok && get(rules.Message(), "required").Bool()
}
