package main

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// listValues says in a description what each value of an enum means.
func (i *image) listValues(schema *object, name string) {
	enum := i.enum(name)
	if enum == nil || schema == nil {
		return
	}
	var b strings.Builder
	b.WriteString(schema.str("description"))
	for n := range enum.Values().Len() {
		value := enum.Values().Get(n)
		if text := i.comments[string(value.FullName())]; text != "" {
			b.WriteString("\n- `" + string(value.Name()) + "`: " + text)
		}
	}
	schema.set("description", b.String())
}

// openAndClose tells requests from answers. An answer may have values and fields that a client of today does not know:
// its enums are open. A request that has them is refused.
func openAndClose(doc *object, operations []*operation) {
	sent, answered := map[string]bool{}, map[string]bool{}
	for _, op := range operations {
		reach(doc, op.get("parameters"), sent)
		reach(doc, op.get("requestBody"), sent)
		reach(doc, op.get("responses"), answered)
	}
	schemas := doc.child("components", "schemas")
	for _, name := range slices.Clone(schemas.keys) {
		schema := schemas.child(name)
		if schema.str("type") != "object" || schema.has("additionalProperties") {
			continue
		}
		if answered[schemaPrefix+name] {
			references(schema, func(holder *object, ref string) {
				if full := strings.TrimPrefix(ref, schemaPrefix); schemas.child(full).has("enum") || schemas.child(full).has(extensible) {
					holder.set("$ref", schemaPrefix+open(schemas, full, sent[ref]))
				}
			})
		} else if sent[schemaPrefix+name] {
			schema.set("additionalProperties", false)
		}
	}
	prune(doc)
}

// extensible is the name under which the values of an open enum are listed. To a generator the schema is a string:
// openapi-generator makes an empty object of anyOf: [enum, string] in OpenAPI 3.1.
const extensible = "x-extensible-enum"

// open describes an enum that may be any other text, too, and returns its name: another one where requests have it closed.
func open(schemas *object, name string, closed bool) string {
	schema, out := schemas.child(name), name
	if closed {
		at := strings.LastIndex(name, ".") + 1
		out = name[:at] + "Any" + name[at:]
	}
	if schema.has("enum") {
		schemas.set(out, newObject("type", "string", "description", schema.str("description"), extensible, schema.list("enum")))
	}
	return out
}

var (
	notEqual = regexp.MustCompile(`^this != (\d+)$`)
	oneOfSet = regexp.MustCompile(`^this in \[([\d, ]+)\]$`)
)

// limitEnum lists the values that a rule leaves, where it leaves out any.
func limitEnum(schema *object, field protoreflect.FieldDescriptor, rules protoreflect.Message) {
	allowed := map[string]bool{}
	values := field.Enum().Values()
	for n := range values.Len() {
		allowed[plainText(values.Get(n).Number())] = true
	}
	keep := func(listed []string, stay bool) {
		for number := range allowed {
			if slices.Contains(listed, number) != stay {
				delete(allowed, number)
			}
		}
	}
	listOf := func(name protoreflect.Name) (out []string) {
		list := get(rules, name).List()
		for n := range list.Len() {
			out = append(out, plainText(list.Get(n).Interface()))
		}
		return out
	}
	if in := listOf("in"); len(in) > 0 {
		keep(in, true)
	}
	keep(listOf("not_in"), false)
	for _, expression := range ownRules(rules) {
		if found := notEqual.FindStringSubmatch(expression); found != nil {
			keep(found[1:], false)
		}
		if found := oneOfSet.FindStringSubmatch(expression); found != nil {
			keep(strings.Split(strings.ReplaceAll(found[1], " ", ""), ","), true)
		}
	}
	if len(allowed) == values.Len() {
		return
	}
	var names []any
	for n := range values.Len() {
		if allowed[plainText(values.Get(n).Number())] {
			names = append(names, string(values.Get(n).Name()))
		}
	}
	schema.delete("$ref")
	schema.set("type", "string")
	schema.set("enum", names)
}
