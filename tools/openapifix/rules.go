package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	fieldRules    = "buf.validate.field"
	predefined    = "buf.validate.predefined"
	fieldBehavior = "google.api.field_behavior"

	behaviorRequired  = 2 // google.api.FieldBehavior.REQUIRED
	ignoreIfZeroValue = 1 // buf.validate.Ignore
	ignoreAlways      = 3
	zeroValuePattern  = "^$|"
)

// keywords maps rules of protovalidate to JSON Schema. A rule that is not listed stays unsaid in the document and
// is still enforced by the server. Enums list their values in their own component, so defined_only needs nothing.
var keywords = map[protoreflect.Name]string{
	"const": "const", "in": "enum",
	"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum",
	"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern",
	"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems",
	"min_pairs": "minProperties", "max_pairs": "maxProperties",
}

var formats = map[protoreflect.Name]string{
	"email": "email", "hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6",
	"uri": "uri", "uri_ref": "uri-reference", "uuid": "uuid",
}

// required says whether a request without the field is refused.
func required(field protoreflect.FieldDescriptor) bool {
	if behaviors, ok := option(field, fieldBehavior); ok {
		for i := range behaviors.List().Len() {
			if behaviors.List().Get(i).Enum() == behaviorRequired {
				return true
			}
		}
	}
	rules, ok := option(field, fieldRules)
	return ok && get(rules.Message(), "required").Bool()
}

// limit copies the rules of a field into the schema of its values.
func limit(schema *object, field protoreflect.FieldDescriptor) {
	if rules, ok := option(field, fieldRules); ok && schema != nil {
		limitBy(schema, rules.Message())
	}
}

// limitBy takes a buf.validate.FieldRules.
func limitBy(schema *object, rules protoreflect.Message) {
	ignore := get(rules, "ignore").Enum()
	kind := rules.WhichOneof(rules.Descriptor().Oneofs().ByName("type"))
	if kind == nil || ignore == ignoreAlways || schema.has("$ref") {
		return
	}
	typed := rules.Get(kind).Message()
	switch kind.Name() {
	case "string":
		limitString(schema, typed)
		if pattern := schema.str("pattern"); ignore == ignoreIfZeroValue && pattern != "" {
			schema.set("pattern", zeroValuePattern+pattern)
		}
		if ignore == ignoreIfZeroValue {
			schema.delete("minLength")
		}
	case "int32", "sint32", "sfixed32", "uint32", "fixed32", "float", "double", "bool":
		copyKeywords(schema, typed)
	case "repeated":
		copyKeywords(schema, typed)
		limitElements(schema.child("items"), typed, "items")
	case "map":
		copyKeywords(schema, typed)
		limitElements(schema.child("additionalProperties"), typed, "values")
		keys := newObject()
		if limitElements(keys, typed, "keys"); len(keys.keys) > 0 {
			schema.set("propertyNames", keys)
		}
	}
	// Not 64-bit integers, bytes, durations or instants: they are strings in JSON, and their limits are not.
}

func limitElements(schema *object, rules protoreflect.Message, name protoreflect.Name) {
	if field := rules.Descriptor().Fields().ByName(name); schema != nil && rules.Has(field) {
		limitBy(schema, rules.Get(field).Message())
	}
}

func limitString(schema *object, rules protoreflect.Message) {
	copyKeywords(schema, rules)
	if n := get(rules, "len").Uint(); n > 0 {
		schema.set("minLength", number(n))
		schema.set("maxLength", number(n))
	}
	if n := get(rules, "max_bytes").Uint(); n > 0 { // no shorter in bytes than in characters
		schema.setDefault("maxLength", number(n))
	}
	fields := rules.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if format := formats[field.Name()]; format != "" && rules.Has(field) && rules.Get(field).Bool() {
			schema.set("format", format)
		}
	}
	var own []protoreflect.FieldDescriptor
	rules.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.IsExtension() && field.Kind() == protoreflect.BoolKind && value.Bool() {
			own = append(own, field)
		}
		return true
	})
	slices.SortFunc(own, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	for _, field := range own {
		limitPredefined(schema, field)
	}
	if !portable(schema.str("pattern")) {
		schema.delete("pattern")
	}
}

func copyKeywords(schema *object, rules protoreflect.Message) {
	fields := rules.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		keyword := keywords[field.Name()]
		if keyword == "" || !rules.Has(field) || field.Message() != nil && !field.IsList() {
			continue
		}
		value := rules.Get(field)
		if !field.IsList() {
			schema.set(keyword, plain(value))
			continue
		}
		var list []any
		for i := range value.List().Len() {
			list = append(list, plain(value.List().Get(i)))
		}
		schema.set(keyword, list)
	}
}

var (
	matches = regexp.MustCompile(`(!?)this\.matches\('((?:[^'\\]|\\.)*)'\)`)
	sizes   = regexp.MustCompile(`this\.size\(\) (>=|<=) (\d+)`)
	bounds  = regexp.MustCompile(`^\^(?:\[(?:[^\]\\]|\\.)*\]|\\?.)\{(\d+)(?:,(\d+))?\}\$$`)
	celText = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`)
)

// limitPredefined reads the pattern, and the lengths that it implies, from the CEL expression of one of the
// project's own rules, so that the rule is written once. Only terms of a conjunction can be copied; a negated one
// has no counterpart that readers of the document would understand.
func limitPredefined(schema *object, rule protoreflect.FieldDescriptor) {
	rules, ok := option(rule, predefined)
	if !ok {
		return
	}
	list := get(rules.Message(), "cel").List()
	for i := range list.Len() {
		expression := get(list.Get(i).Message(), "expression").String()
		if rest := matches.ReplaceAllString(expression, ""); strings.Contains(rest, "||") || strings.Contains(rest, "?") {
			continue
		}
		for _, term := range sizes.FindAllStringSubmatch(expression, -1) {
			schema.setDefault(map[string]string{">=": "minLength", "<=": "maxLength"}[term[1]], json.Number(term[2]))
		}
		for _, term := range matches.FindAllStringSubmatch(expression, -1) {
			pattern := celText.Replace(term[2])
			if term[1] == "!" || !portable(pattern) {
				continue
			}
			schema.setDefault("pattern", pattern)
			if size := bounds.FindStringSubmatch(pattern); size != nil {
				schema.setDefault("minLength", json.Number(size[1]))
				if size[2] == "" {
					size[2] = size[1]
				}
				schema.setDefault("maxLength", json.Number(size[2]))
			}
		}
	}
}

// re2Only matches what RE2 knows and the ECMAScript patterns of JSON Schema do not.
var re2Only = regexp.MustCompile(`\(\?[a-zA-Z-]+[:)]|\(\?P<|\\[AzQCa]|\\[pP][A-Z]|\[\[:`)

func portable(pattern string) bool { return pattern != "" && !re2Only.MatchString(pattern) }

// option reads an extension option by name: the descriptors come from data, so there is no Go variable for it.
func option(d protoreflect.Descriptor, name protoreflect.FullName) (found protoreflect.Value, ok bool) {
	d.Options().ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.FullName() == name {
			found, ok = value, true
		}
		return !ok
	})
	return found, ok
}

func get(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(name))
}

func number(n uint64) json.Number { return json.Number(strconv.FormatUint(n, 10)) }

func plain(v protoreflect.Value) any { return v.Interface() }
