package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// reasons tell for which each RPC fails.
type reasons struct {
	// Status is the HTTP status of each reason, Retry those of answers that may say when to come back.
	Status map[string]int `json:"status"`
	Retry  []int          `json:"retry"`
	// Every are the reasons for which any call fails, Calls those of each RPC besides: {"ShopService.FindOrders": ["TEXT_INVALID"]}.
	Every []string            `json:"every"`
	Calls map[string][]string `json:"calls"`
	// Findings are the codes of the accounting checks, Checked the RPCs that fail for them.
	Findings []string `json:"findings"`
	Checked  []string `json:"checked"`
	// Lists are the requests of lists that the examples do not name.
	Lists map[string]json.RawMessage `json:"lists"`
	// Enum is the full name of the enum of all reasons, Prefix what its values have before them.
	Enum   string `json:"enum"`
	Prefix string `json:"prefix"`
}

// of are the reasons of a method by HTTP status.
func (r *reasons) of(method protoreflect.MethodDescriptor) map[string][]string {
	name := fmt.Sprintf("%s.%s", method.Parent().Name(), method.Name())
	all := slices.Concat(r.Every, r.Calls[name])
	if slices.Contains(r.Checked, name) {
		all = append(all, r.Findings...)
	}
	slices.Sort(all)
	out := map[string][]string{}
	for _, reason := range slices.Compact(all) {
		status := strconv.Itoa(r.Status[reason])
		out[status] = append(out[status], reason)
	}
	return out
}

// retries says whether answers of a status may say when to come back.
func (r *reasons) retries(status string) bool {
	return slices.ContainsFunc(r.Retry, func(code int) bool { return strconv.Itoa(code) == status })
}

// titles are what HTTP calls the statuses, in a sentence.
var titles = map[string]string{
	"400": "The request, or what it asks for, is refused.", "401": "The credentials belong to no known caller.", "403": "It is not allowed.",
	"404": "There is no such thing.", "405": "The path takes other methods.", "409": "It contradicts what is there.",
	"413": "The file is too large.", "415": "The body is of another type than the operation takes.", "429": "Too much at once: wait.",
	"499": "The caller gave up.", "500": "It is unknown whether it was done, or this service is at fault.",
	"502": "Loop does not answer as it should.", "503": "Something does not answer for now: try again.", "504": "The time allowed is over.",
}

// describeErrors gives each operation the statuses that it fails with, and their reasons. Answers that several operations
// share are among the components.
func describeErrors(doc *object, operations []*operation, image *image, reasons reasons) error {
	schemas := doc.child("components", "schemas")
	reason, err := image.reasonSchema(schemas, reasons)
	if err != nil {
		return err
	}
	describeStatus(schemas, reason)
	headers := doc.make("components").make("headers")
	for name, text := range map[string]string{
		"X-Request-Id":     "Id of the request: the caller's own, if it sent one. The log has it.",
		"Retry-After":      "Seconds until it is worth trying again.",
		"Allow":            "The methods that the path takes.",
		"WWW-Authenticate": "How to say who calls.",
	} {
		schema := newObject("type", "string")
		if name == "Retry-After" {
			schema = newObject("type", "integer", "minimum", number(1))
		}
		headers.set(name, newObject("description", text, "schema", schema))
	}
	headers.set("Idempotent-Replayed", newObject(
		"description", "`true` where the id was known: nothing was sent, and this is what became of the first call. Errors may say it, too.",
		"schema", newObject("type", "string", "enum", []any{"true"}),
	))
	slices.Sort(headers.keys)
	shared := doc.make("components").make("responses")
	uses := map[string]int{}
	for _, op := range operations {
		op.child("responses", "200").set("headers", op.headersOf("200", reasons))
		responses := op.make("responses")
		responses.delete("default")
		of := reasons.of(op.method)
		if !op.has("requestBody") {
			delete(of, "415")
		}
		for _, status := range sortedKeys(of) {
			name := reasons.nameOf(status, of[status])
			if status == unsure && op.replays() {
				name += "-REPLAYED"
			}
			uses[name]++
			shared.set(name, op.failure(status, of[status], reasons))
			responses.set(status, newObject("$ref", refPrefix+"responses/"+name))
		}
	}
	slices.Sort(shared.keys)
	for _, op := range operations { // what one operation alone answers is with it
		responses := op.child("responses")
		for _, status := range responses.keys {
			if name := strings.TrimPrefix(responses.child(status).str("$ref"), refPrefix+"responses/"); uses[name] == 1 {
				responses.set(status, shared.get(name))
			}
		}
	}
	return nil
}

func sortedKeys(m map[string][]string) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// nameOf tells answers of a status apart by what not every call fails with.
func (r *reasons) nameOf(status string, list []string) string {
	var own []string
	findings := false
	for _, reason := range list {
		switch {
		case slices.Contains(r.Every, reason):
		case slices.Contains(r.Findings, reason):
			findings = true
		default:
			own = append(own, reason)
		}
	}
	if findings {
		own = append(own, "FINDINGS")
	}
	return strings.Join(append([]string{"Error" + status}, own...), "-")
}

// unsure is the status of a write whose outcome is unknown. A repeat is told so again.
const unsure = "500"

// replays says whether a repeat of the call is answered with what became of the first one.
func (op *operation) replays() bool { return op.method.Output().Fields().ByName("replayed") != nil }

func (op *operation) headersOf(status string, reasons reasons) *object {
	ref := func(name string) *object { return newObject("$ref", refPrefix+"headers/"+name) }
	out := newObject("X-Request-Id", ref("X-Request-Id"))
	if reasons.retries(status) {
		out.set("Retry-After", ref("Retry-After"))
	}
	switch status {
	case "200", unsure:
		if op.replays() {
			out.set("Idempotent-Replayed", ref("Idempotent-Replayed"))
		}
	case "401":
		out.set("WWW-Authenticate", ref("WWW-Authenticate"))
	case "405":
		out.set("Allow", ref("Allow"))
	}
	return out
}

func (op *operation) failure(status string, list []string, reasons reasons) *object {
	var said []string
	var all []any
	findings := false
	for _, reason := range list {
		all = append(all, reason)
		if slices.Contains(reasons.Findings, reason) {
			findings = true
			continue
		}
		said = append(said, "`"+reason+"`")
	}
	text := titles[status]
	if text == "" {
		text = "The call failed."
	}
	if findings {
		said = append(said, "or what the accounting checks found, as `ENTRY_UNBALANCED`")
	}
	return newObject(
		"description", text+" "+strings.Join(said, ", ")+".",
		"headers", op.headersOf(status, reasons),
		"content", newObject("application/json", newObject("schema", newObject("$ref", schemaPrefix+statusSchema))),
		"x-reasons", all,
	)
}

// reasonSchema describes the enum of all reasons as errors spell them, and returns its name.
func (i *image) reasonSchema(schemas *object, reasons reasons) (string, error) {
	if reasons.Enum == "" {
		return "", nil
	}
	enum := i.enum(reasons.Enum)
	if enum == nil {
		return "", fmt.Errorf("the contract has no enum %s", reasons.Enum)
	}
	var names []any
	var b strings.Builder
	b.WriteString(i.comments[reasons.Enum])
	for n := range enum.Values().Len() {
		value := enum.Values().Get(n)
		if value.Number() == 0 {
			continue
		}
		name := strings.TrimPrefix(string(value.Name()), reasons.Prefix)
		names = append(names, name)
		b.WriteString("\n- `" + name + "`: " + i.comments[string(value.FullName())])
	}
	schemas.set(reasons.Enum, newObject("type", "string", "description", b.String(), "enum", names))
	return reasons.Enum, nil
}

// describeStatus says what errors hold: one shape for all details, since generators cannot tell them apart by @type.
func describeStatus(schemas *object, reason string) {
	text := func(description string) *object { return newObject("type", "string", "description", description) }
	why := text("Why it failed. Values are added over time: treat one that you do not know by the HTTP status.")
	if reason != "" {
		why = newObject("$ref", schemaPrefix+reason, "description", why.str("description"))
	}
	const detail, violation, link = "google.rpc.ErrorDetail", "google.rpc.FieldViolation", "google.rpc.HelpLink"
	localized := "google.rpc.LocalizedMessage"
	schemas.set(localized, newObject("type", "object", "description", "A sentence in another language.", "properties", newObject(
		"locale", text("Its language: `fr`."), "message", text("The sentence."),
	)))
	schemas.set(violation, newObject("type", "object", "description", "A field that is wrong.", "properties", newObject(
		"field", text("Path of the field: `entries[0].lines[2].account`."),
		"description", text("What is wrong, and what to do."),
		"reason", text("Code of what an accounting check found."),
		"localizedMessage", newObject("$ref", schemaPrefix+localized, "description", "The same for the accountant."),
	)))
	schemas.set(link, newObject("type", "object", "description", "What to do.", "properties", newObject(
		"description", text("A sentence."), "url", text("A link, if any."),
	)))
	schemas.set(detail, newObject(
		"type", "object", "description", "A detail of an error. Its `@type` says which of the fields it has.", "properties", newObject(
			"@type", text("`type.googleapis.com/google.rpc.ErrorInfo` (reason, domain, metadata), `….BadRequest` (fieldViolations), `….RetryInfo` "+
				"(retryDelay), `….Help` (links) or `….LocalizedMessage` (locale, message)."),
			"reason", why,
			"domain", text("Whose reason it is: this service's."),
			"metadata", newObject("type", "object", "description", "What else is known.", "additionalProperties", newObject("type", "string")),
			"fieldViolations", newObject("type", "array", "description", "The fields that are wrong, ten at most.", "items",
				newObject("$ref", schemaPrefix+violation)),
			"retryDelay", text("How long to wait before another try, in seconds: `1.5s`."),
			"links", newObject("type", "array", "description", "What to do.", "items", newObject("$ref", schemaPrefix+link)),
			"locale", text("Language of `message`: `fr`, or `en` where the gateway before Loop wrote it."),
			"message", text("Loop's own words."),
		),
		"additionalProperties", true,
	))
	status := schemas.child(statusSchema)
	properties := newObject(
		"code", newObject("type", "integer", "format", "int32", "description", "The gRPC status code."),
		"message", text("What happened and what to do, in English."),
		"reason", why,
		"details", newObject("type", "array", "description", "One of a kind. The first says the reason.", "items",
			newObject("$ref", schemaPrefix+detail)),
	)
	status.set("description", "An error. Switch on its reason, which is also in the detail `ErrorInfo`.")
	status.set("properties", properties)
}
