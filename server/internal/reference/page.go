package main

import (
	"fmt"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
)

const madeBy = "<!-- Made by: go run ./server/internal/reference -->\n"

// text is a page being written.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) row(cells ...string) {
	for i := range cells {
		cells[i] = strings.ReplaceAll(strings.ReplaceAll(cells[i], "|", `\|`), "\n\n", " ")
	}
	t.line("| %s |", strings.Join(cells, " | "))
}

func (t *text) table(titles ...string) {
	t.row(slices.Clone(titles)...)
	t.line("|%s", strings.Repeat(" --- |", len(titles)))
}

// index is the page that leads to the others.
func (r *reference) index() string {
	var t text
	t.WriteString(madeBy)
	t.line(`# Reference

Each service has a page, with all of its calls: what a call needs and answers, its right, its errors, and an example with what the sandbox answers to it. To try one: ` + "`go run ./server sandbox`" + `, then paste.

- **gRPC**: any client of [the protos](../../gen/bundle/cegid/loop/v1); the token is sent as the metadata ` + "`authorization: Bearer …`" + `.
- **REST**: the same messages as JSON, the token as the header ` + "`Authorization`" + `.
- **An error** has a ` + "`reason`" + `: [all of them](#errors).

## How to read a page

- **JSON**: fields are in lowerCamelCase; the names of the protos are accepted too. What is in the path is not repeated. A field without *optional* is left out when it holds its default: ` + "`false`, `0`, `\"\"`" + `, an empty list.
- **Streams** over REST are a JSON object a line: ` + "`{\"result\": …}`" + `, and where one fails a last ` + "`{\"error\": …}`" + `; one that fails before its first line is answered as any other call that fails.
- *Loop's name* is what the field or operation is called at Loop. Data from Loop that has no field here comes in ` + "`unmapped`" + `.
- *Confidence* says how well Loop's operation is known: **documented** (its page was readable for all that a call needs), **partly documented** (a needed part was not visible) or **inferred**.`)
	for _, service := range contract.Services() {
		about, _ := r.said(service)
		t.line("\n## [%s](%s)\n\n%s\n", service.Name(), pageOf(service), about)
		r.methodTable(&t, service, pageOf(service))
	}

	t.line(`
## Errors

An error is a ` + "`google.rpc.Status`" + `; its ` + "`ErrorInfo`" + ` carries one of these as ` + "`reason`" + ` and ` + "`" + apierror.Domain + "`" + ` as domain. Switch on the reason; treat one that you do not know by its code.

### Every call

Any call can fail for one of these reasons.
`)
	r.reasonTable(&t, func(reason looppb.ErrorReason) bool { return slices.Contains(everyCall, reason) })
	t.line("\nA call that reaches no RPC fails for one of these.\n")
	r.reasonTable(&t, func(reason looppb.ErrorReason) bool { return slices.Contains(noRPC, reason) })
	t.line("\n### Some calls\n\nThe page of each service says which of its calls can fail for one of these.\n")
	r.reasonTable(&t, func(reason looppb.ErrorReason) bool {
		return !slices.Contains(everyCall, reason) && !slices.Contains(noRPC, reason) && !isFinding(reason)
	})
	t.line(`
### Findings

What the checks of this service find, in entries above all. The code of an *error* is a violation's ` + "`reason`" + `, and the first one the call's, which is INVALID_ARGUMENT (of ENTRY_ALREADY_IMPORTED alone, ALREADY_EXISTS); each comes with a sentence in French. Warnings and notices stop nothing. ValidateEntries answers them all. Those in files have [a page of their own](` + findingsPage + `).
`)
	t.table("code", "severity", "what it says")
	for _, finding := range check.Codes() {
		t.row("`"+finding.Code+"`", finding.Severity.String(), finding.Message)
	}

	t.line("\n## Loop's operations\n\nAll that Loop is known or said to offer, wrapped here or not. " +
		"[The notes on Loop's API](../loop-api/README.md) say what is known of each, section by section.\n")
	t.table("Loop", "what it does", "key", "confidence", "notes", "RPCs", "not known")
	for _, operation := range cegidclient.Operations() {
		var rpcs []string
		for _, rpc := range contract.RPCs(operation.ID) {
			service, method, _ := strings.Cut(rpc, ".")
			for _, candidate := range contract.Services() {
				if string(candidate.Name()) == service {
					rpcs = append(rpcs, fmt.Sprintf("[%s](%s#%s)", method, pageOf(candidate), strings.ToLower(method)))
				}
			}
		}
		t.row(routeAtLoop(operation), operation.Title, keyOf(operation), string(operation.Confidence),
			fmt.Sprintf("[%s](../loop-api/%s.md)", operation.Reference, notes[operation.Reference[:1]]), strings.Join(rpcs, ", "), operation.Unknown)
	}
	return t.String()
}

// notes are the pages of the notes on Loop's API, by the letter of their sections.
var notes = map[string]string{"A": "accounting", "C": "cabinet", "R": "reference-data"}

func (r *reference) reasonTable(t *text, wanted func(looppb.ErrorReason) bool) {
	t.table("reason", "code", "HTTP", "what happened")
	for _, reason := range reasons() {
		if m, ok := r.meaningOf(reason); ok && wanted(reason) {
			t.row("`"+apierror.ReasonName(reason)+"`", strings.ToUpper(snake(m.Code.String())), fmt.Sprint(m.HTTP), m.Text)
		}
	}
}

// snake is INVALID_ARGUMENT's InvalidArgument, in lower case.
func snake(camel string) string {
	var b strings.Builder
	for i, letter := range camel {
		if i > 0 && 'A' <= letter && letter <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(letter)
	}
	return b.String()
}

// methodTable lists the RPCs of a service; page is where their sections are, "" for the same page.
func (r *reference) methodTable(t *text, service protoreflect.ServiceDescriptor, page string) {
	t.table("RPC", "REST", "what it does")
	for method := range contract.Methods(service) {
		about, _ := r.said(method)
		first, _, _ := strings.Cut(about, "\n\n")
		t.row(fmt.Sprintf("[%s](%s#%s)", method.Name(), page, strings.ToLower(string(method.Name()))), r.routeText(method), first)
	}
}

func (r *reference) routeText(method protoreflect.MethodDescriptor) string {
	verb, path := routeOf(method)
	if verb == "" {
		if byHand := r.examples[contract.Name(method)].HTTP; byHand != nil {
			return "`" + byHand.Route + "`"
		}
		return "none"
	}
	return "`" + verb + " " + path + "`"
}

// page is the page of a service.
func (r *reference) page(service protoreflect.ServiceDescriptor, calls map[protoreflect.Name]call) string {
	var t text
	t.WriteString(madeBy)
	about, _ := r.said(service)
	t.line("# %s\n\n%s\n", service.Name(), about)
	t.line("Call it over gRPC as `%s`, or over REST: [the calls](#calls). Each has an example that you can paste while "+
		"`go run ./server sandbox` runs, and what is answered to it. [All services](%s), [all errors](%s#errors).\n\n## Calls\n",
		service.FullName(), Index, Index)
	r.methodTable(&t, service, "")
	var queue []protoreflect.Descriptor
	for method := range contract.Methods(service) {
		t.line("")
		r.method(&t, method, calls[method.Name()])
		queue = append(queue, refersTo(method.Input())...)
		queue = append(queue, refersTo(method.Output())...)
	}
	r.types(&t, queue)
	return t.String()
}

func (r *reference) method(t *text, method protoreflect.MethodDescriptor, made call) {
	about, loop := r.said(method)
	t.line("## %s\n\n%s\n", method.Name(), about)
	t.line("| | |\n| --- | --- |")
	t.row("gRPC", fmt.Sprintf("`%s/%s`", method.Parent().FullName(), method.Name()))
	t.row("REST", r.routeText(method))
	access, _ := proto.GetExtension(method.Options(), looppb.E_Access).(*looppb.Access)
	right, _ := r.said(access.GetRight().Descriptor().Values().ByNumber(access.GetRight().Number()))
	t.row("right", fmt.Sprintf("`%s`: %s", strings.ToLower(strings.TrimPrefix(access.GetRight().String(), "RIGHT_")), right))
	t.row("repeating it", repeating(method))
	operations := r.operations[contract.Name(method)]
	for _, o := range operations {
		t.row("Loop", loopText(o))
	}
	switch {
	case len(operations) > 0:
	case loop != "":
		t.row("Loop", "wraps no operation of its own; calls `"+loop+"`")
	case reachesLoop[contract.Name(method)]:
		t.row("Loop", "wraps no operation of its own; calls those that it needs")
	default:
		t.row("Loop", "is not called")
	}

	t.line("\n**Request**: `%s`%s\n", method.Input().Name(), streamed(method.IsStreamingClient()))
	r.fields(t, method.Input(), true)
	if rules, _ := proto.GetExtension(method.Input().Options(), validate.E_Message).(*validate.MessageRules); len(rules.GetCel()) > 0 {
		t.line("")
		for _, rule := range rules.GetCel() {
			t.line("- Rule: %s.", rule.GetMessage())
		}
	}
	t.line("\n**Answer**: `%s`%s\n", method.Output().Name(), streamed(method.IsStreamingServer()))
	r.fields(t, method.Output(), false)

	var errors []string
	for _, reason := range r.errorsOf(method) {
		errors = append(errors, "`"+apierror.ReasonName(reason)+"`")
	}
	line := fmt.Sprintf("\n**Errors**: those of [every call](%s#every-call)", Index)
	if len(errors) > 0 {
		line += fmt.Sprintf("; [these](%s#some-calls): %s", Index, strings.Join(errors, ", "))
	}
	if findsFaults(method) {
		line += fmt.Sprintf("; [findings](%s#findings)", Index)
	}
	t.line("%s.\n\n**Example**\n", line)
	if note := r.examples[contract.Name(method)].Note; note != "" {
		t.line("%s\n", note)
	}
	if len(r.examples[contract.Name(method)].After) > 0 {
		t.line("Once what came before is settled:\n")
	}
	t.line("```console")
	for _, before := range made.before {
		t.line("$ %s", before)
	}
	t.line("$ %s\n%s```", made.grpc, made.grpcOut)
	if made.rest != "" {
		t.line("\n```console\n$ %s\n%s```", made.rest, made.restOut)
	}
}

func streamed(stream bool) string {
	if stream {
		return ", a stream of them"
	}
	return ""
}

func repeating(method protoreflect.MethodDescriptor) string {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	has := func(name protoreflect.Name) bool { return asks(method, name) }
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return "harmless: it changes nothing"
	case descriptorpb.MethodOptions_IDEMPOTENT:
		switch {
		case has("request_id"):
			return "safe with the same `request_id`"
		case has("revision"):
			return "safe with the same `revision`"
		}
		return "safe"
	}
	return "not safe: it may do it twice"
}

func loopText(o cegidclient.Operation) string {
	words := fmt.Sprintf("%s (`%s`): %s key; %s.", routeAtLoop(o), o.ID, keyOf(o), o.Confidence)
	if o.Unverified {
		words += " Unverified: the operator must enable it."
	}
	if o.Unknown != "" {
		words += " Not known: " + strings.ToLower(o.Unknown[:1]) + o.Unknown[1:]
	}
	if o.Note != "" {
		words += " " + o.Note
	}
	return words
}

func routeAtLoop(o cegidclient.Operation) string {
	if o.Path == "" {
		return "no known route"
	}
	return "`" + o.Method + " " + o.Path + "`"
}

func keyOf(o cegidclient.Operation) string {
	if o.KeyBasis == cegidclient.KeyNotStated {
		return "kind of key not stated,"
	}
	name := o.Key.String()
	return fmt.Sprintf("%s (%s)", strings.ToUpper(name[:1])+name[1:], o.KeyBasis)
}

// fields is the table of a message's fields; rules are of interest in what callers send.
func (r *reference) fields(t *text, message protoreflect.MessageDescriptor, sent bool) {
	if message.Fields().Len() == 0 {
		t.line("No fields.")
		return
	}
	titles := []string{"field", "type", "Loop's name", "what it is"}
	if sent {
		titles = slices.Insert(titles, 2, "rules")
	}
	t.table(titles...)
	for _, field := range fieldsOf(message) {
		name := "`" + string(field.Name()) + "`"
		if field.JSONName() != string(field.Name()) {
			name += " `" + field.JSONName() + "`"
		}
		about, loop := r.said(field)
		if loop != "" {
			loop = "`" + loop + "`"
		}
		cells := []string{name, typeOf(field), loop, about}
		if sent {
			cells = slices.Insert(cells, 2, rulesOf(field))
		}
		t.row(cells...)
	}
}

// refersTo are the messages and enums of the contract that a message's fields have as types.
func refersTo(message protoreflect.MessageDescriptor) []protoreflect.Descriptor {
	var out []protoreflect.Descriptor
	for _, field := range fieldsOf(message) {
		if field.IsMap() {
			field = field.MapValue()
		}
		switch {
		case field.Message() != nil && wellKnown[field.Message().FullName()] == "":
			out = append(out, field.Message())
		case field.Enum() != nil:
			out = append(out, field.Enum())
		}
	}
	return out
}

// types writes each of the messages and enums, and those that they refer to, once: in the order of their names.
func (r *reference) types(t *text, queue []protoreflect.Descriptor) {
	known := map[protoreflect.FullName]protoreflect.Descriptor{}
	sent := map[protoreflect.FullName]bool{}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if known[next.FullName()] != nil {
			continue
		}
		known[next.FullName()] = next
		if message, ok := next.(protoreflect.MessageDescriptor); ok {
			queue = append(queue, refersTo(message)...)
			sent[next.FullName()] = slices.ContainsFunc(fieldsOf(message), func(f protoreflect.FieldDescriptor) bool { return rulesOf(f) != "" })
		}
	}
	all := make([]protoreflect.Descriptor, 0, len(known))
	for _, descriptor := range known {
		all = append(all, descriptor)
	}
	slices.SortFunc(all, func(a, b protoreflect.Descriptor) int { return strings.Compare(string(a.Name()), string(b.Name())) })
	if len(all) > 0 {
		t.line("\n## Types")
	}
	for _, descriptor := range all {
		about, _ := r.said(descriptor)
		t.line("\n### %s\n\n%s\n", descriptor.Name(), about)
		switch d := descriptor.(type) {
		case protoreflect.MessageDescriptor:
			r.fields(t, d, sent[d.FullName()])
		case protoreflect.EnumDescriptor:
			t.table("value", "what it is")
			for i := range d.Values().Len() {
				value := d.Values().Get(i)
				about, loop := r.said(value)
				if loop != "" {
					about += " Loop: `" + loop + "`."
				}
				t.row(fmt.Sprintf("`%s` %d", value.Name(), value.Number()), about)
			}
		}
	}
}
