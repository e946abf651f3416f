package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	refPrefix = "#/components/"
	httpBody  = "google.api.HttpBody"
	statusRef = refPrefix + "schemas/google.rpc.Status"
)

// fix applies every cure to doc, then adds the paths and components of extra.
func fix(doc *object, image *image, extra *object) error {
	for _, op := range operations(doc) {
		method, err := image.method(op.str("operationId"))
		if err != nil {
			return err
		}
		fixParameters(op, method.Input())
		fixRequestBody(op, method.Input())
		fixResponse(op, method)
	}
	schemas := doc.child("components", "schemas")
	if schemas == nil || !schemas.has("google.rpc.Status") {
		return errors.New("the generator no longer describes google.rpc.Status")
	}
	for _, name := range schemas.keys {
		if message := image.message(name); message != nil {
			fixMessage(schemas.child(name), message)
		}
	}
	if err := merge(doc, extra); err != nil {
		return err
	}
	describeErrors(doc)
	prune(doc)
	return nil
}

var httpMethods = []string{"get", "put", "post", "delete", "patch"}

func operations(doc *object) []*object {
	var out []*object
	paths := doc.child("paths")
	if paths == nil {
		return nil
	}
	for _, path := range paths.keys {
		for _, method := range httpMethods {
			if op := paths.child(path, method); op != nil {
				out = append(out, op)
			}
		}
	}
	return out
}

func fixParameters(op *object, input protoreflect.MessageDescriptor) {
	for _, p := range op.list("parameters") {
		param := p.(*object)
		field := fieldAt(input, param.str("name"))
		if field == nil {
			continue // one of several wildcards of a field, or a map's entry
		}
		limit(param.child("schema"), field)
		if param.str("in") == "path" || required(field) {
			param.set("required", true)
		}
	}
}

// fieldAt follows a dotted path of JSON or proto names.
func fieldAt(message protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil
		}
		if field = message.Fields().ByJSONName(name); field == nil {
			field = message.Fields().ByName(protoreflect.Name(name))
		}
		if field == nil {
			return nil
		}
		message = field.Message()
	}
	return field
}

func fixRequestBody(op *object, input protoreflect.MessageDescriptor) {
	body := op.child("requestBody")
	schema := body.child("content", "application/json", "schema")
	switch {
	case schema.str("$ref") == refPrefix+"schemas/"+httpBody:
		body.set("content", bytesContent())
	case schema.has("properties"): // the request without its path parameters; other bodies refer to a component
		fixMessage(schema, input)
	}
}

func fixResponse(op *object, method protoreflect.MethodDescriptor) {
	ok := op.child("responses", "200")
	schema := ok.child("content", "application/json", "schema")
	switch {
	case method.Output().FullName() == httpBody: // also when streamed: the gateway then writes the pieces as they are
		ok.set("content", bytesContent())
	case method.IsStreamingServer():
		line := newObject(
			"type", "object",
			"description", "One line. `error` comes alone, in the last line, when the stream breaks off.",
			"properties", newObject("result", schema, "error", newObject("$ref", statusRef)),
		)
		ok.set("content", newObject("application/x-ndjson", newObject("schema", line)))
	}
}

func bytesContent() *object {
	return newObject("*/*", newObject("schema", newObject("type", "string", "format", "binary")))
}

// fixMessage copies the limits of a message's fields and puts the fields in the contract's order.
func fixMessage(schema *object, message protoreflect.MessageDescriptor) {
	properties := schema.child("properties")
	if properties == nil {
		return
	}
	ordered := newObject()
	need := schema.list("required")
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		name := field.JSONName()
		property := properties.child(name)
		if property == nil {
			continue
		}
		limit(property, field)
		ordered.set(name, property)
		if required(field) && !slices.Contains(need, any(name)) {
			need = append(need, name)
		}
	}
	for _, name := range properties.keys {
		ordered.setDefault(name, properties.get(name))
	}
	schema.set("properties", ordered)
	if len(need) > 0 {
		schema.set("required", need)
	}
	// Members of a oneof are repeated in alternatives.
	for _, alternatives := range []*object{schema, newObject("oneOf", flatten(schema.list("allOf")))} {
		for _, alternative := range alternatives.list("oneOf") {
			properties := alternative.(*object).child("properties")
			if properties == nil {
				continue
			}
			for _, name := range properties.keys {
				if field := message.Fields().ByJSONName(name); field != nil {
					limit(properties.child(name), field)
				}
			}
		}
	}
}

func flatten(groups []any) []any {
	var out []any
	for _, group := range groups {
		out = append(out, group.(*object).list("oneOf")...)
	}
	return out
}

// merge adds the paths and components of extra; an operation or component that is there already is an error.
func merge(doc, extra *object) error {
	for _, section := range extra.keys {
		if section != "paths" && section != "components" {
			return fmt.Errorf("extra: only paths and components can be added, not %q", section)
		}
		for _, outer := range extra.child(section).keys {
			added := extra.child(section, outer)
			target := doc.make(section).make(outer)
			for _, inner := range added.keys {
				if target.has(inner) {
					return fmt.Errorf("extra: %s %s %s is already described", section, outer, inner)
				}
				target.set(inner, added.get(inner))
			}
		}
	}
	return nil
}

// describeErrors gives every operation the same error responses: linters and many client generators look for the
// ranges, not for the default that the generator writes.
func describeErrors(doc *object) {
	doc.make("components").make("responses").set("Error", newObject(
		"description", "The call failed. The ErrorInfo among `details` says why; RetryInfo says when to try again.",
		"content", newObject("application/json", newObject("schema", newObject("$ref", statusRef))),
	))
	for _, op := range operations(doc) {
		responses := op.make("responses")
		responses.delete("default")
		for _, codes := range []string{"4XX", "5XX"} {
			responses.setDefault(codes, newObject("$ref", refPrefix+"responses/Error"))
		}
	}
}

var component = regexp.MustCompile(`^#/components/([^/]+)/([^/]+)$`)

// prune drops components that nothing refers to, directly or through others.
func prune(doc *object) {
	components := doc.child("components")
	used := map[string]bool{}
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, value := range v {
				visit(value)
			}
		case *object:
			for _, key := range v.keys {
				ref, isText := v.values[key].(string)
				if key != "$ref" || !isText || used[ref] {
					visit(v.values[key])
					continue
				}
				used[ref] = true
				if part := component.FindStringSubmatch(ref); part != nil {
					visit(components.child(part[1]).get(part[2]))
				}
			}
		}
	}
	for _, key := range doc.keys {
		if key != "components" {
			visit(doc.values[key])
		}
	}
	for _, kind := range slices.Clone(components.keys) {
		if kind == "securitySchemes" {
			continue // named by security requirements, not by $ref
		}
		group := components.child(kind)
		for _, name := range slices.Clone(group.keys) {
			if !used[refPrefix+kind+"/"+name] {
				group.delete(name)
			}
		}
		if len(group.keys) == 0 {
			components.delete(kind)
		}
	}
}
