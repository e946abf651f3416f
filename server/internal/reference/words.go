package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var loopNote = regexp.MustCompile(`\s*\(Loop: ([^()]*(?:\([^()]*\)[^()]*)*)\)`)

// said is the comment above something, with Loop's name taken out.
func (r *reference) said(d protoreflect.Descriptor) (text, loop string) {
	text = r.comments[string(d.FullName())]
	if found := loopNote.FindStringSubmatch(text); found != nil {
		loop = found[1]
		text = strings.TrimSpace(strings.Replace(text, found[0], "", 1))
	}
	return text, loop
}

// rulesOf says in words what a field must be, as far as it is simple.
func rulesOf(field protoreflect.FieldDescriptor) string {
	var words []string
	behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	if rules.GetRequired() || slices.Contains(behaviors, annotations.FieldBehavior_REQUIRED) {
		words = append(words, "required")
	}
	return strings.Join(append(words, worded(rules)...), "; ")
}

// inWords are the rules of protovalidate that have words here. Another is shown under its own name.
var inWords = map[protoreflect.Name]string{
	"min_len": "at least %v characters", "max_len": "at most %v characters", "len": "%v characters",
	"min_bytes": "at least %v bytes", "max_bytes": "at most %v bytes",
	"min_items": "at least %v", "max_items": "at most %v", "min_pairs": "at least %v", "max_pairs": "at most %v",
	"gte": "%v or more", "lte": "%v or less", "gt": "more than %v", "lt": "less than %v",
	"pattern": "`%v`", "const": "`%v`",
}

// flags are rules that are on or off.
var flags = map[protoreflect.Name]string{
	"uuid": "a UUID", "email": "an e-mail address", "uri": "a URL", "unique": "each once",
	"defined_only": "", // the type says which values there are
}

func worded(rules *validate.FieldRules) []string {
	m := rules.ProtoReflect()
	if !m.IsValid() {
		return nil
	}
	kind := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if kind == nil {
		return nil
	}
	var words []string
	typed := m.Get(kind).Message()
	var set []protoreflect.FieldDescriptor
	typed.Range(func(rule protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		set = append(set, rule)
		return true
	})
	slices.SortFunc(set, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	for _, rule := range set {
		value := typed.Get(rule)
		words = append(words, wordsOf(rule, value)...)
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

func wordsOf(rule protoreflect.FieldDescriptor, value protoreflect.Value) []string {
	switch {
	case rule.IsExtension():
		return []string{ownRule(rule)}
	case rule.Name() == "items", rule.Name() == "values":
		if inner, ok := value.Message().Interface().(*validate.FieldRules); ok {
			var words []string
			for _, text := range worded(inner) {
				words = append(words, "each "+text)
			}
			return words
		}
	case rule.Name() == "in", rule.Name() == "not_in":
		var list []string
		for i := range value.List().Len() {
			list = append(list, fmt.Sprintf("`%v`", value.List().Get(i).Interface()))
		}
		if rule.Name() == "not_in" {
			return []string{"none of " + strings.Join(list, ", ")}
		}
		return []string{"one of " + strings.Join(list, ", ")}
	}
	if words, ok := inWords[rule.Name()]; ok && rule.Message() == nil {
		return []string{fmt.Sprintf(words, value.Interface())}
	}
	if words, ok := flags[rule.Name()]; ok {
		return []string{words}
	}
	return []string{strings.ReplaceAll(string(rule.Name()), "_", " ")}
}

// ownRule is what one of the project's own rules asks for: its message, from the colon on.
func ownRule(rule protoreflect.FieldDescriptor) string {
	predefined, _ := proto.GetExtension(rule.Options(), validate.E_Predefined).(*validate.PredefinedRules)
	if len(predefined.GetCel()) == 0 {
		return string(rule.Name())
	}
	message := predefined.GetCel()[0].GetMessage()
	if _, what, ok := strings.Cut(message, ": "); ok {
		return what
	}
	return strings.TrimPrefix(message, "give ")
}

// wellKnown are types of protobuf that JSON writes as one value.
var wellKnown = map[protoreflect.FullName]string{
	"google.protobuf.Timestamp": "Timestamp, in JSON `\"2026-03-31T12:00:00Z\"`",
	"google.protobuf.Duration":  "Duration, in JSON `\"1.5s\"`",
	"google.protobuf.FieldMask": "FieldMask, in JSON `\"siren,legalForm\"`",
}

// typeOf names a field's type, a message or enum of the contract with a link to its place on the page.
func typeOf(field protoreflect.FieldDescriptor) string {
	name := func(f protoreflect.FieldDescriptor) string {
		switch {
		case f.Message() != nil:
			if words, ok := wellKnown[f.Message().FullName()]; ok {
				return words
			}
			return link(f.Message())
		case f.Enum() != nil:
			return link(f.Enum())
		default:
			return f.Kind().String()
		}
	}
	switch {
	case field.IsMap():
		return fmt.Sprintf("map of %s to %s", field.MapKey().Kind(), name(field.MapValue()))
	case field.IsList():
		return "list of " + name(field)
	case field.HasOptionalKeyword():
		return "optional " + name(field)
	case field.ContainingOneof() != nil:
		return fmt.Sprintf("%s, one of `%s`", name(field), field.ContainingOneof().Name())
	default:
		return name(field)
	}
}

func link(d protoreflect.Descriptor) string {
	return fmt.Sprintf("[%s](#%s)", d.Name(), strings.ToLower(string(d.Name())))
}

func fieldsOf(m protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	out := make([]protoreflect.FieldDescriptor, m.Fields().Len())
	for i := range out {
		out[i] = m.Fields().Get(i)
	}
	return out
}
