// Command reference makes docs/reference: a page per service, from the contract, its comments, the inventory of Loop's
// operations and examples.json, whose calls it makes against a sandbox over gRPC and REST to print what they answer.
//
//	go run ./server/internal/reference
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/gen"
	"cegid.internal/gateway/server/internal/contract"
)

// Index is the name of the page that leads to the others.
const Index = "README.md"

//go:embed examples.json
var examplesJSON []byte

// Example is a call of an RPC.
type Example struct {
	// Request in JSON, by proto names; a list of the messages where the client streams.
	Request json.RawMessage `json:"request"`
	// REST is another request for REST, where the first call leaves something behind that the same one would meet.
	REST json.RawMessage `json:"rest"`
	// HTTP is the call over REST where the contract has no route for it.
	HTTP *rawHTTP `json:"http"`
	// After names the RPCs whose examples are called first, so that the answer is settled.
	After []string `json:"after"`
	// Fails is a call over gRPC that is made first, and the reason that it ends with: it leaves behind what the example is about.
	Fails *failing `json:"fails"`
	// Note is said above the example.
	Note string `json:"note"`
}

// failing is a call that does not succeed.
type failing struct {
	RPC     string          `json:"rpc"`
	Request json.RawMessage `json:"request"`
	Reason  string          `json:"reason"`
}

// rawHTTP is a route made by hand.
type rawHTTP struct {
	// Route is the route as a template: POST /v1/….
	Route string `json:"route"`
	// Path with its query, and the rest of one call of it.
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// readExamples returns those of examples.json, by Service.Method, and those of lists.
func readExamples() (map[string]Example, error) {
	var out map[string]Example
	dec := json.NewDecoder(strings.NewReader(string(examplesJSON)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("examples.json: %w", err)
	}
	for _, name := range sortedKeys(out) {
		if found, err := protoregistry.GlobalFiles.FindDescriptorByName(contract.Package.Append(protoreflect.Name(name))); err != nil {
			return nil, fmt.Errorf("examples.json: the contract has no %s", name)
		} else if _, isMethod := found.(protoreflect.MethodDescriptor); !isMethod {
			return nil, fmt.Errorf("examples.json: %s is no RPC", name)
		}
	}
	for method := range contract.Methods() {
		if _, given := out[contract.Name(method)]; !given && isList(method) {
			out[contract.Name(method)] = Example{Request: ofList(method)}
		}
	}
	return out, nil
}

// isList says whether a method lists or streams what Loop lists.
func isList(method protoreflect.MethodDescriptor) bool {
	name := string(method.Name())
	return len(contract.Wraps(method)) > 0 && (strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Stream"))
}

// ofList asks for the first item of the sandbox: the example of a list that examples.json does not name.
func ofList(method protoreflect.MethodDescriptor) json.RawMessage {
	request := `{"practice": "demo"`
	for _, field := range []struct{ name, value string }{{"dossier", `"CEGID001"`}, {"page_size", "1"}} {
		if method.Input().Fields().ByName(protoreflect.Name(field.name)) != nil {
			request += fmt.Sprintf(", %q: %s", field.name, field.value)
		}
	}
	return json.RawMessage(request + "}")
}

// makePages returns the pages by their names. What changes from run to run is in them in one fixed form.
func makePages(ctx context.Context) (map[string]string, error) {
	r, err := newReference()
	if err != nil {
		return nil, err
	}
	pages := map[string]string{Index: r.index(), findingsPage: fileFindings()}
	for _, service := range contract.Services() {
		calls, err := run(ctx, service, r.examples)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", service.Name(), err)
		}
		pages[pageOf(service)] = r.page(service, calls)
	}
	all, err := requests(r.examples)
	if err != nil {
		return nil, err
	}
	pages[Collection] = collection(all)
	return pages, nil
}

type reference struct {
	comments   map[string]string
	examples   map[string]Example
	operations map[string][]cegidclient.Operation // by RPC
}

func newReference() (*reference, error) {
	r := &reference{operations: map[string][]cegidclient.Operation{}}
	if err := json.Unmarshal(gen.Comments, &r.comments); err != nil {
		return nil, fmt.Errorf("the comments of the contract: %w", err)
	}
	var err error
	if r.examples, err = readExamples(); err != nil {
		return nil, err
	}
	for _, operation := range cegidclient.Operations() {
		for _, rpc := range contract.RPCs(operation.ID) {
			r.operations[rpc] = append(r.operations[rpc], operation)
		}
	}
	return r, nil
}

// pageOf is reference-data.md for ReferenceDataService.
func pageOf(service protoreflect.ServiceDescriptor) string {
	var b strings.Builder
	for i, letter := range strings.TrimSuffix(string(service.Name()), "Service") {
		if unicode.IsUpper(letter) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(letter))
	}
	return b.String() + ".md"
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
