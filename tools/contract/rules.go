package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	fieldRules    = "buf.validate.field"
	messageRules  = "buf.validate.message"
	oneofRules    = "buf.validate.oneof"
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
	return ok && (get(rules.Message(), "required").Bool() || refusesUnset(field, rules.Message()))
}

// refusesUnset: the value that an enum has when it is not given is none that its rules leave.
func refusesUnset(field protoreflect.FieldDescriptor, rules protoreflect.Message) bool {
	if field.Enum() == nil || field.IsList() || field.HasPresence() {
		return false
	}
	left := newObject()
	limitBy(left, field, rules)
	return left.has("enum") && !slices.Contains(left.list("enum"), any(string(field.Enum().Values().Get(0).Name())))
}

// limit copies the rules of a field into the schema of its values.
func (i *image) limit(schema *object, field protoreflect.FieldDescriptor) {
	if schema == nil {
		return
	}
	if rules, ok := option(field, fieldRules); ok {
		limitBy(schema, field, rules.Message())
		limitByCEL(schema, field, rules.Message())
	}
	if field.Kind() == protoreflect.StringKind && !field.IsList() && strings.Contains(i.comment(field), "`YYYY-MM-DD`") {
		schema.set("format", "date")
		schema.delete("maxLength")
		schema.delete("pattern")
	}
}

var maskPaths = regexp.MustCompile(`\bpath in \['([a-z_', ]+)'\]`)

// limitByCEL reads what is said of one field alone: lengths, and the paths of a mask.
func limitByCEL(schema *object, field protoreflect.FieldDescriptor, rules protoreflect.Message) {
	list := get(rules, "cel").List()
	for n := range list.Len() {
		expression := get(list.Get(n).Message(), "expression").String()
		if field.Kind() == protoreflect.StringKind && !field.IsList() {
			limitText(schema, expression)
		}
		found := maskPaths.FindStringSubmatch(expression)
		if found == nil || field.Message() == nil || field.Message().FullName() != "google.protobuf.FieldMask" {
			continue
		}
		var paths []string
		for path := range strings.SplitSeq(found[1], "', '") {
			if masked := field.ContainingMessage().Fields().ByName(protoreflect.Name(path)); masked != nil {
				paths = append(paths, masked.JSONName())
			}
		}
		one := "(" + strings.Join(paths, "|") + ")"
		schema.set("pattern", "^"+one+"(,"+one+")*$")
	}
}

// limitBy takes a buf.validate.FieldRules.
func limitBy(schema *object, field protoreflect.FieldDescriptor, rules protoreflect.Message) {
	ignore := get(rules, "ignore").Enum()
	kind := rules.WhichOneof(rules.Descriptor().Oneofs().ByName("type"))
	if kind == nil || ignore == ignoreAlways {
		return
	}
	typed := rules.Get(kind).Message()
	if kind.Name() == "enum" && field.Enum() != nil {
		limitEnum(schema, field, typed)
	}
	if schema.has("$ref") {
		return
	}
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
		limitNumber(schema, typed)
	case "repeated":
		copyKeywords(schema, typed)
		limitElements(schema.child("items"), field, typed, "items")
	case "map":
		copyKeywords(schema, typed)
		for _, expression := range ownRules(typed) {
			limitPairs(schema, expression)
		}
		limitElements(schema.child("additionalProperties"), field.MapValue(), typed, "values")
		keys := newObject()
		if limitElements(keys, field.MapKey(), typed, "keys"); len(keys.keys) > 0 {
			schema.set("propertyNames", keys)
		}
	case "duration":
		for _, expression := range ownRules(typed) {
			if most := longest.FindStringSubmatch(expression); most != nil {
				schema.set("pattern", durationsUpTo(most[1]))
			}
		}
	}
	// Not 64-bit integers, bytes or instants: they are strings in JSON, and their limits are not.
}

// longest finds the bound of a duration that may be 0.
var longest = regexp.MustCompile(`^this >= duration\('0s'\) && this <= duration\('([1-9][0-9]*)s'\)$`)

// durationsUpTo matches durations as JSON has them, without zeros before, up to so many seconds: shorter numbers, those of the same
// length that are less from one digit on, and the bound itself.
func durationsUpTo(seconds string) string {
	less := []string{"0"}
	if len(seconds) > 1 {
		less = append(less, fmt.Sprintf("[1-9][0-9]{0,%d}", len(seconds)-2))
	}
	for i, digit := range seconds {
		least := '0'
		if i == 0 {
			least = '1'
		}
		if digit > least {
			less = append(less, fmt.Sprintf("%s[%c-%c][0-9]{%d}", seconds[:i], least, digit-1, len(seconds)-1-i))
		}
	}
	return fmt.Sprintf(`^((%s)(\.[0-9]{1,9})?|%s(\.0{1,9})?)s$`, strings.Join(less, "|"), seconds)
}

func limitElements(schema *object, elements protoreflect.FieldDescriptor, rules protoreflect.Message, name protoreflect.Name) {
	if field := rules.Descriptor().Fields().ByName(name); schema != nil && rules.Has(field) {
		limitBy(schema, elements, rules.Get(field).Message())
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
	for _, expression := range ownRules(rules) {
		limitText(schema, expression)
	}
	if !portable(schema.str("pattern")) {
		schema.delete("pattern")
	}
}

// ownRules are the CEL expressions of the project's own rules that are set, so that each is written once.
func ownRules(rules protoreflect.Message) []string {
	var own []protoreflect.FieldDescriptor
	rules.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.IsExtension() && field.Kind() == protoreflect.BoolKind && value.Bool() {
			own = append(own, field)
		}
		return true
	})
	slices.SortFunc(own, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	var out []string
	for _, field := range own {
		if rules, ok := option(field, predefined); ok {
			list := get(rules.Message(), "cel").List()
			for i := range list.Len() {
				out = append(out, get(list.Get(i).Message(), "expression").String())
			}
		}
	}
	return out
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
	orNothing = regexp.MustCompile(`^this == '' \|\| `)
	differs   = regexp.MustCompile(`^this != '([^'\\]+)'$`)
	matches   = regexp.MustCompile(`^(!?)this\.matches\('((?:[^'\\]|\\.)*)'\)$`)
	sizes     = regexp.MustCompile(`^(?:bytes\(this\)|this)\.size\(\) (>=|<=) (\d+)$`)
	compared  = regexp.MustCompile(`^this (>=|<=) (-?\d+)$`)
	bounds    = regexp.MustCompile(`^\^(?:\[(?:[^\]\\]|\\.)*\]|\\?.)\{(\d+)(?:,(\d+))?\}\$$`)
	oneClass  = regexp.MustCompile(`^\[[^\]\\^]*(?:\\.[^\]\\]*)*\]$`)
	celText   = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`)
)

// limitText reads the pattern, and the lengths that it implies, from one of the project's own rules. Only terms of a
// conjunction can be copied.
func limitText(schema *object, expression string) {
	optional := orNothing.MatchString(expression)
	var must, mustNot []string
	for term := range strings.SplitSeq(orNothing.ReplaceAllString(expression, ""), " && ") {
		if found := sizes.FindStringSubmatch(term); found != nil {
			schema.setDefault(map[string]string{">=": "minLength", "<=": "maxLength"}[found[1]], json.Number(found[2]))
		}
		if term == "this.isEmail()" {
			schema.set("format", "email")
		}
		if found := differs.FindStringSubmatch(term); found != nil {
			mustNot = append(mustNot, "^"+regexp.QuoteMeta(found[1])+"$")
		}
		found := matches.FindStringSubmatch(term)
		if found == nil {
			continue
		}
		pattern := portably(celText.Replace(found[2]))
		switch {
		case !portable(pattern):
		case found[1] == "!":
			mustNot = append(mustNot, pattern)
		default:
			must = append(must, pattern)
			if size := bounds.FindStringSubmatch(pattern); size != nil && !optional {
				schema.setDefault("minLength", json.Number(size[1]))
				if size[2] == "" {
					size[2] = size[1]
				}
				schema.setDefault("maxLength", json.Number(size[2]))
			}
		}
	}
	if pattern := combined(must, mustNot); pattern != "" {
		if optional {
			pattern = zeroValuePattern + pattern
		}
		schema.setDefault("pattern", pattern)
	}
}

var eachPair = regexp.MustCompile(`^this\.size\(\) <= (\d+) && this\.all\((\w+), (.+)\)$`)

// limitPairs reads how many pairs a map may have from one of the project's own rules, and what their names and values are.
func limitPairs(schema *object, expression string) {
	found := eachPair.FindStringSubmatch(expression)
	if found == nil {
		return
	}
	schema.setDefault("maxProperties", json.Number(found[1]))
	var names, values []string
	for term := range strings.SplitSeq(found[3], " && ") {
		if value := strings.Replace(term, "this["+found[2]+"].", "this.", 1); value != term {
			values = append(values, value)
		} else {
			names = append(names, strings.Replace(term, found[2]+".", "this.", 1))
		}
	}
	name := newObject()
	if limitText(name, strings.Join(names, " && ")); len(name.keys) > 0 {
		schema.setDefault("propertyNames", name)
	}
	if value := schema.child("additionalProperties"); value != nil {
		limitText(value, strings.Join(values, " && "))
	}
}

// limitNumber reads the bounds of a number from the project's own rules.
func limitNumber(schema *object, rules protoreflect.Message) {
	for _, expression := range ownRules(rules) {
		for term := range strings.SplitSeq(expression, " && ") {
			if found := compared.FindStringSubmatch(term); found != nil {
				schema.setDefault(map[string]string{">=": "minimum", "<=": "maximum"}[found[1]], json.Number(found[2]))
			}
		}
	}
}

// combined is one pattern for all that a text must match and must not.
func combined(must, mustNot []string) string {
	if len(must) == 1 && len(mustNot) == 0 {
		return must[0]
	}
	if len(must) == 0 && len(mustNot) == 1 && oneClass.MatchString(mustNot[0]) {
		return "^[^" + mustNot[0][1:len(mustNot[0])-1] + "]*$"
	}
	var b strings.Builder
	for _, pattern := range mustNot {
		for _, alternative := range alternatives(pattern) {
			b.WriteString("(?!" + fromStart(alternative) + ")")
		}
	}
	last := ""
	for i, pattern := range must {
		if i == len(must)-1 && strings.HasPrefix(pattern, "^") {
			last = pattern[1:]
			continue
		}
		b.WriteString("(?=" + fromStart(pattern) + ")")
	}
	if b.Len() == 0 && last == "" {
		return ""
	}
	return "^" + b.String() + last
}

// fromStart is a pattern that is tried at the start of a text alone.
func fromStart(pattern string) string {
	if anchored, ok := strings.CutPrefix(pattern, "^"); ok {
		return anchored
	}
	return `[\s\S]*` + pattern
}

// alternatives splits a pattern at those | that are in no class and no group.
func alternatives(pattern string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')':
			depth--
		case c == '|' && depth == 0:
			out = append(out, pattern[start:i])
			start = i + 1
		}
	}
	return append(out, pattern[start:])
}

var category = regexp.MustCompile(`^\\p\{(\w+)\}`)

// ranges are the characters of Unicode's categories that are met in practice; all of them would fill a page.
var ranges = map[string]string{
	"C":  `\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff9-\uffff`,
	"Z":  `\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`,
	"Zl": `\u2028`, "Zp": `\u2029`,
}

// portably writes what RE2 knows, and the ECMAScript patterns of JSON Schema do not, in other words: categories of
// Unicode as ranges, and (?i) as both cases of each letter.
func portably(pattern string) string {
	pattern, fold := strings.CutPrefix(pattern, "(?i)")
	var b strings.Builder
	class := false
	for len(pattern) > 0 {
		size := 1
		switch c := pattern[0]; {
		case category.MatchString(pattern):
			found := category.FindStringSubmatch(pattern)
			listed, known := ranges[found[1]]
			if !known {
				return "" // no counterpart
			}
			if !class {
				listed = "[" + listed + "]"
			}
			b.WriteString(listed)
			pattern = pattern[len(found[0]):]
			continue
		case c == '\\':
			size = min(2, len(pattern))
		case c == '[':
			class = true
		case c == ']':
			class = false
		case fold && class && unicode.IsLetter(rune(c)):
			return "" // a range, perhaps
		case fold && unicode.IsLetter(rune(c)):
			b.WriteString("[" + strings.ToUpper(string(c)) + strings.ToLower(string(c)) + "]")
			pattern = pattern[1:]
			continue
		}
		b.WriteString(pattern[:size])
		pattern = pattern[size:]
	}
	return b.String()
}

// re2Only matches what RE2 knows and the ECMAScript patterns of JSON Schema do not.
var re2Only = regexp.MustCompile(`\(\?[a-zA-Z-]+[:)]|\(\?P<|\\[AzQCa]|\\[pP][A-Z{]|\[\[:`)

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

func plainText(v any) string { return fmt.Sprint(v) }
