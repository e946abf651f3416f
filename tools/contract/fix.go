package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	refPrefix    = "#/components/"
	schemaPrefix = refPrefix + "schemas/"
	httpBody     = "google.api.HttpBody"
	statusSchema = "google.rpc.Status"
)

// operation is one HTTP binding of a method.
type operation struct {
	*object
	verb, path string
	method     protoreflect.MethodDescriptor
	// input is what the caller says: of an upload, its first message.
	input protoreflect.MessageDescriptor
}

// fix applies every cure to doc, with the paths and components of extra.
func fix(doc *object, image *image, extra *object, about about) error {
	if err := merge(doc, extra); err != nil {
		return err
	}
	schemas := doc.child("components", "schemas")
	if schemas == nil || !schemas.has(statusSchema) {
		return errors.New("the generator no longer describes google.rpc.Status")
	}
	operations, err := operations(doc, image)
	if err != nil {
		return err
	}
	for _, op := range operations {
		op.describe()
		op.fixParameters(image)
		op.fixRequestBody(image, schemas)
		op.fixResponse(schemas)
	}
	for _, name := range schemas.keys {
		if message := image.message(name); message != nil {
			image.fixMessage(schemas.child(name), message)
		}
		image.listValues(schemas.child(name), name)
	}
	if err := describeErrors(doc, operations, image, about.reasons); err != nil {
		return err
	}
	if err := addExamples(operations, about.examples); err != nil {
		return err
	}
	openAndClose(doc, operations)
	image.wordForREST(doc)
	return shorten(doc)
}

var httpMethods = []string{"get", "put", "post", "delete", "patch"}

func operations(doc *object, image *image) ([]*operation, error) {
	var out []*operation
	paths := doc.child("paths")
	if paths == nil {
		return nil, nil
	}
	for _, path := range paths.keys {
		for _, verb := range httpMethods {
			found := paths.child(path, verb)
			if found == nil {
				continue
			}
			method, err := image.method(found.str("operationId"))
			if err != nil {
				return nil, err
			}
			op := &operation{object: found, verb: verb, path: path, method: method, input: method.Input()}
			if metadata := method.Input().Fields().ByName("metadata"); method.IsStreamingClient() && metadata != nil {
				op.input = metadata.Message()
			}
			out = append(out, op)
		}
	}
	return out, nil
}

// body is the schema of a JSON body, nil where there is none; of a component that it refers to, that.
func (op *operation) body(schemas *object) *object {
	schema := op.child("requestBody", "content", "application/json", "schema")
	if name, ok := strings.CutPrefix(schema.str("$ref"), schemaPrefix); ok {
		return schemas.child(name)
	}
	return schema
}

// describe moves what a comment of one line says of Loop from the summary, which the generator makes of it, into the description.
func (op *operation) describe() {
	if summary, loops, found := strings.Cut(op.str("summary"), " (Loop: "); found && !op.has("description") {
		op.set("summary", summary)
		op.set("description", "(Loop: "+loops)
	}
}

func (op *operation) fixParameters(image *image) {
	for _, p := range op.list("parameters") {
		param := p.(*object)
		field := fieldAt(op.input, param.str("name"))
		if field == nil || param.str("in") == "header" {
			continue // one of several wildcards of a field, or a map's entry
		}
		image.limit(param.child("schema"), field)
		if text := image.comment(field); text != "" {
			param.set("description", text)
		}
		if others := exclusive(field); others != "" {
			param.set("description", strings.TrimSpace(param.str("description")+" "+others))
		}
		if param.str("in") == "path" || required(field) && !op.keyReplaces(field) {
			param.set("required", true)
		}
	}
	if field := op.keyed(); field != nil {
		op.declareKey(image, field)
	}
	for _, rule := range image.sentences(op.input) {
		op.set("description", strings.TrimSpace(op.str("description")+" Rule: "+rule+"."))
	}
}

// keyed is the field that the header Idempotency-Key may say, nil where it means nothing: in a read, and where the path
// has said it.
func (op *operation) keyed() protoreflect.FieldDescriptor {
	field := op.input.Fields().ByName("request_id")
	if op.verb == "get" || field == nil || strings.Contains(op.path, "{request_id}") {
		return nil
	}
	return field
}

func (op *operation) keyReplaces(field protoreflect.FieldDescriptor) bool {
	return op.keyed() != nil && field.FullName() == op.keyed().FullName()
}

// declareKey describes the header by the rules of the field.
func (op *operation) declareKey(image *image, field protoreflect.FieldDescriptor) {
	schema := newObject("type", "string")
	image.limit(schema, field)
	if bare, ok := strings.CutPrefix(strings.TrimPrefix(schema.str("pattern"), zeroValuePattern), "^"); ok {
		bare = strings.TrimSuffix(bare, "$")
		schema.set("pattern", `^(?:`+bare+`|"`+strings.ReplaceAll(bare, "$)", `"$)`)+`")$`)
		if most, err := schema.integer("maxLength"); err == nil {
			schema.set("maxLength", json.Number(strconv.FormatInt(most+2, 10)))
		}
	}
	text := "The same as `requestId`, which need not be given then. Quotation marks around it do not count."
	if !required(field) {
		text = "The same as `requestId`. Quotation marks around it do not count."
	}
	header := newObject("name", "Idempotency-Key", "in", "header", "description", text, "schema", schema)
	parameters := op.list("parameters")
	at := slices.IndexFunc(parameters, func(p any) bool { return p.(*object).str("in") != "path" })
	if at < 0 {
		at = len(parameters)
	}
	op.set("parameters", slices.Insert(parameters, at, any(header)))
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

func (op *operation) fixRequestBody(image *image, schemas *object) {
	body := op.child("requestBody")
	schema := body.child("content", "application/json", "schema")
	switch {
	case schema.str("$ref") == schemaPrefix+httpBody:
		body.set("content", bytesContent())
		return
	case schema.has("properties"): // the request without its path parameters; other bodies refer to a component
		image.fixMessage(schema, op.input)
		name := strings.TrimSuffix(string(op.input.FullName()), "Request") + "Body"
		if text := image.comments[string(op.input.FullName())]; text != "" {
			schema.set("description", text)
		}
		schemas.set(name, schema)
		body.child("content", "application/json").set("schema", newObject("$ref", schemaPrefix+name))
	}
	if schema = op.body(schemas); schema == nil {
		return
	}
	if field := op.keyed(); field != nil {
		drop(schema, "required", field.JSONName())
	}
	// Without any body the service reads an empty request.
	if body.set("required", true); !schema.has("required") && !demandsOne(op.input) {
		body.delete("required")
	}
}

// drop takes a value out of a list, and with the last one the list.
func drop(schema *object, key, value string) {
	left := slices.DeleteFunc(slices.Clone(schema.list(key)), func(v any) bool { return v == value })
	if schema.set(key, left); len(left) == 0 {
		schema.delete(key)
	}
}

func (op *operation) fixResponse(schemas *object) {
	ok := op.child("responses", "200")
	content := ok.child("content")
	schema := content.child("application/json", "schema")
	if schema.has("properties") { // of a route that was described by hand
		name := string(op.method.Output().FullName())
		schema.setDefault("description", ok.str("description"))
		schemas.set(name, schema)
		schema = newObject("$ref", schemaPrefix+name)
		content.child("application/json").set("schema", schema)
	}
	switch {
	case op.method.Output().FullName() == httpBody: // also when streamed: the gateway then writes the pieces as they are
		ok.set("content", bytesContent())
	case op.method.IsStreamingServer():
		name := strings.TrimSuffix(string(op.method.Output().FullName()), "Response") + "Line"
		schemas.set(name, newObject(
			"type", "object",
			"description", "One line. `error` comes alone, in the last line, when the stream breaks off.",
			"properties", newObject("result", schema, "error", newObject("$ref", schemaPrefix+statusSchema)),
		))
		lines := newObject("application/x-ndjson", newObject("schema", newObject("$ref", schemaPrefix+name)))
		for _, other := range content.keys {
			if other != "application/json" {
				lines.set(other, content.get(other))
			}
		}
		if op.method.Output().Name() == serverSentEvents {
			lines.set("text/event-stream", newObject("schema", newObject(
				"type", "string",
				"description", "Server-Sent Events, for a caller that accepts nothing else. `data` is one event as JSON, `id` its id, which "+
					"`Last-Event-ID` gives back. An event of the type `status` comes last, when the stream breaks off.",
			)))
		}
		ok.set("content", lines)
	}
}

// serverSentEvents is what the gateway writes as Server-Sent Events, too.
const serverSentEvents = "StreamEventsResponse"

func bytesContent() *object {
	return newObject("*/*", newObject("schema", newObject("type", "string", "format", "binary")))
}

// fixMessage copies the limits of a message's fields and puts the fields in the contract's order.
func (i *image) fixMessage(schema *object, message protoreflect.MessageDescriptor) {
	properties := schema.child("properties")
	if properties == nil {
		return
	}
	ordered := newObject()
	need := schema.list("required")
	for n := range message.Fields().Len() {
		field := message.Fields().Get(n)
		name := field.JSONName()
		property := properties.child(name)
		if property == nil {
			continue
		}
		i.limit(property, field)
		if text := i.comment(field); text != "" {
			property.set("description", text)
		}
		if others := exclusive(field); others != "" {
			property.set("description", strings.TrimSpace(property.str("description")+" "+others))
		}
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
	// The generator says a oneof by alternatives beside the properties, for which many client generators drop the
	// properties.
	schema.delete("oneOf")
	schema.delete("allOf")
	exclude(schema, message)
}

// exclusive says which fields a field excludes.
func exclusive(field protoreflect.FieldDescriptor) string {
	group := field.ContainingOneof()
	if group == nil || group.IsSynthetic() {
		return ""
	}
	var others []string
	for n := range group.Fields().Len() {
		if other := group.Fields().Get(n); other.Number() != field.Number() {
			others = append(others, "`"+other.JSONName()+"`")
		}
	}
	if len(others) == 0 {
		return ""
	}
	return "Excludes " + strings.Join(others, ", ") + "."
}

// exclude limits the number of properties where all of them exclude each other. Other exclusions are in words alone: what
// JSON Schema has for them, generators drop or make types of.
func exclude(schema *object, message protoreflect.MessageDescriptor) {
	properties := schema.child("properties")
	for n := range message.Oneofs().Len() {
		group := message.Oneofs().Get(n)
		of := 0
		for m := range group.Fields().Len() {
			if properties.has(group.Fields().Get(m).JSONName()) {
				of++
			}
		}
		if group.IsSynthetic() || of < len(properties.keys) {
			continue
		}
		schema.set("maxProperties", number(1))
		if demanded(group) {
			schema.set("minProperties", number(1))
		}
	}
}

// demandsOne: a request without any field is refused.
func demandsOne(message protoreflect.MessageDescriptor) bool {
	for n := range message.Oneofs().Len() {
		if demanded(message.Oneofs().Get(n)) {
			return true
		}
	}
	return len(demandedByRule(message)) > 0
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

var component = regexp.MustCompile(`^#/components/([^/]+)/([^/]+)$`)

// references calls visit with each reference of a value, and the object that holds it.
func references(value any, visit func(holder *object, ref string)) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			references(item, visit)
		}
	case *object:
		for _, key := range v.keys {
			if ref, ok := v.values[key].(string); ok && key == "$ref" {
				visit(v, ref)
				continue
			}
			references(v.values[key], visit)
		}
	}
}

// reach adds to found what value refers to, directly or through other components.
func reach(doc *object, value any, found map[string]bool) {
	references(value, func(_ *object, ref string) {
		part := component.FindStringSubmatch(ref)
		if part == nil || found[ref] {
			return
		}
		found[ref] = true
		reach(doc, doc.child("components", part[1]).get(part[2]), found)
	})
}

// prune drops components that nothing refers to, directly or through others.
func prune(doc *object) {
	components := doc.child("components")
	used := map[string]bool{}
	for _, key := range doc.keys {
		if key != "components" {
			reach(doc, doc.values[key], used)
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

// shorten drops the packages from the names of schemas: they become types in many languages.
func shorten(doc *object) error {
	schemas := doc.child("components", "schemas")
	renamed := newObject()
	for _, name := range schemas.keys {
		short := name[strings.LastIndex(name, ".")+1:]
		if renamed.has(short) {
			return fmt.Errorf("two schemas are called %s", short)
		}
		renamed.set(short, schemas.get(name))
	}
	slices.Sort(renamed.keys)
	doc.child("components").set("schemas", renamed)
	references(doc, func(holder *object, ref string) {
		if name, ok := strings.CutPrefix(ref, schemaPrefix); ok {
			holder.set("$ref", schemaPrefix+name[strings.LastIndex(name, ".")+1:])
		}
	})
	return nil
}
