package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// document is the OpenAPI document, as far as tests look at it.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Example  any
			Schema   map[string]any
		}
		RequestBody struct {
			Required bool
			Content  map[string]struct {
				Example any
				Schema  map[string]any
			}
		}
		Responses map[string]response
	}
	Components struct {
		Responses map[string]response
		Schemas   map[string]map[string]any
	}
}

type response struct {
	Ref     string         `json:"$ref"`
	Reasons []string       `json:"x-reasons"`
	Headers map[string]any `json:"headers"`
}

func openAPI(t *testing.T) *document {
	t.Helper()
	out := &document{}
	testkit.OK(t, json.Unmarshal(gen.OpenAPI, out))
	return out
}

// response is how the document has an RPC answer with a status.
func (d *document) response(rpc, status string) (response, bool) {
	id := strings.Replace(rpc, ".", "_", 1)
	for _, path := range d.Paths {
		for _, operation := range path {
			if operation.OperationID != id {
				continue
			}
			found, ok := operation.Responses[status]
			if name, shared := strings.CutPrefix(found.Ref, "#/components/responses/"); shared {
				found, ok = d.Components.Responses[name], true
			}
			return found, ok
		}
	}
	return response{}, false
}

func TestTheReasonsForTheDocumentAreThoseOfThePages(t *testing.T) {
	r, err := newReference()
	testkit.OK(t, err)
	found, err := r.failures()
	testkit.OK(t, err)
	text, err := found.text()
	testkit.OK(t, err)
	committed, err := os.ReadFile(reasonsFile)
	testkit.OK(t, err)
	if string(committed) != text {
		t.Errorf("%s is out of date; run: go run ./server/internal/reference && tools/generate.sh", reasonsFile)
	}
}

// TestEveryFailureInTheCorpusIsInTheDocument: with its status, its reason, and the header that says when to come back.
func TestEveryFailureInTheCorpusIsInTheDocument(t *testing.T) {
	doc := openAPI(t)
	r, err := newReference()
	testkit.OK(t, err)
	for _, c := range failingCases(t) {
		status, err := r.statusOf(looppb.ErrorReason(looppb.ErrorReason_value["ERROR_REASON_"+c.Error.Reason]))
		testkit.OK(t, err)
		answer, ok := doc.response(c.Call, strconv.Itoa(status))
		if !ok || !slices.Contains(answer.Reasons, c.Error.Reason) {
			t.Errorf("%s: %q: %s answers %d %s, and the document has %v: go run ./server/internal/reference && tools/generate.sh", c.file, c.Name, c.Call, status, c.Error.Reason, answer.Reasons)
		}
		if _, says := answer.Headers["Retry-After"]; c.Error.Retry != "" && !says {
			t.Errorf("%s: %q: %s answers %d with Retry-After, which the document does not tell", c.file, c.Name, c.Call, status)
		}
		if _, says := answer.Headers["X-Request-Id"]; !says {
			t.Errorf("%s: %d has no X-Request-Id in the document", c.Call, status)
		}
	}
}

// TestTheDocumentIsOneThatGeneratorsSurvive holds the shapes that client generators were seen to drop or die of.
func TestTheDocumentIsOneThatGeneratorsSurvive(t *testing.T) {
	var whole any
	testkit.OK(t, json.Unmarshal(gen.OpenAPI, &whole))
	asIn := regexp.MustCompile(`^As in \w+\.`)
	enums := 0
	var walk func(where string, value any)
	walk = func(where string, value any) {
		switch v := value.(type) {
		case []any:
			for i, each := range v {
				walk(fmt.Sprintf("%s/%d", where, i), each)
			}
		case map[string]any:
			if v["properties"] != nil && (v["oneOf"] != nil || v["allOf"] != nil || v["anyOf"] != nil) {
				t.Errorf("%s has alternatives beside its properties", where)
			}
			if v["style"] == "deepObject" {
				t.Errorf("%s: openapi-generator writes Java of it that does not compile", where)
			}
			if text, ok := v["description"].(string); ok && asIn.MatchString(text) {
				t.Errorf("%s: %q says nothing", where, text)
			}
			for name := range v {
				if strings.Contains(name, "XX") && strings.Contains(where, "responses") {
					t.Errorf("%s has a range of statuses", where)
				}
			}
			for name, each := range v {
				walk(where+"/"+name, each)
			}
		}
	}
	walk("", whole)
	doc := openAPI(t)
	for name := range doc.answered() {
		schema := doc.Components.Schemas[name]
		if schema["enum"] != nil {
			t.Errorf("%s of answers is a closed enum: a client would die of a new value", name)
		}
		if schema["x-extensible-enum"] != nil {
			enums++
		}
		properties, _ := schema["properties"].(map[string]any)
		for field, property := range properties {
			p := property.(map[string]any)
			if items, ok := p["items"].(map[string]any); ok {
				p = items
			}
			if p["enum"] != nil {
				t.Errorf("%s.%s of an answer is a closed enum: a client would die of a new value", name, field)
			}
		}
	}
	if enums < 10 {
		t.Errorf("only %d open enums", enums)
	}
}

// answered are the schemas that answers hold.
func (d *document) answered() map[string]bool {
	out := map[string]bool{}
	var walk func(value any)
	walk = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			if ref, _ := v["$ref"].(string); strings.HasPrefix(ref, "#/components/schemas/") {
				if name := ref[strings.LastIndex(ref, "/")+1:]; !out[name] {
					out[name] = true
					walk(d.Components.Schemas[name])
				}
			}
			for _, each := range v {
				walk(each)
			}
		}
	}
	var raw struct {
		Paths      map[string]map[string]struct{ Responses any }
		Components struct{ Responses any }
	}
	if err := json.Unmarshal(gen.OpenAPI, &raw); err != nil {
		panic(err) // it was read already
	}
	for _, path := range raw.Paths {
		for _, operation := range path {
			walk(operation.Responses)
		}
	}
	walk(raw.Components.Responses)
	return out
}

func TestTheHeaderOfRepeatedWritesIsDeclared(t *testing.T) {
	r, err := newReference()
	testkit.OK(t, err)
	declared := 0
	for path, verbs := range openAPI(t).Paths {
		for verb, operation := range verbs {
			method := methodNamed(t, strings.Replace(operation.OperationID, "_", ".", 1))
			takes := verb != "get" && asks(method, "request_id") && !strings.Contains(path, "{request_id}")
			has := false
			for _, parameter := range operation.Parameters {
				if parameter.Name == "Idempotency-Key" {
					has = true
					pattern := regexp.MustCompile(withoutLookahead(parameter.Schema["pattern"].(string)))
					for _, key := range []string{"Q-1", `"Q-1"`} {
						if !pattern.MatchString(key) {
							t.Errorf("%s: the document refuses %s", operation.OperationID, key)
						}
					}
				}
			}
			if takes != has {
				t.Errorf("%s: takes Idempotency-Key: %t; declares it: %t", operation.OperationID, takes, has)
			}
			if has {
				declared++
			}
			for _, status := range []string{"200", "500"} {
				answer, _ := openAPI(t).response(strings.Replace(operation.OperationID, "_", ".", 1), status)
				if _, says := answer.Headers["Idempotent-Replayed"]; says != (method.Output().Fields().ByName("replayed") != nil) {
					t.Errorf("%s: HTTP %s says Idempotent-Replayed: %t", operation.OperationID, status, says)
				}
			}
			for _, content := range operation.RequestBody.Content {
				name, _ := content.Schema["$ref"].(string)
				body := openAPI(t).Components.Schemas[name[strings.LastIndex(name, "/")+1:]]
				if need, _ := body["required"].([]any); has && slices.Contains(need, any("requestId")) {
					t.Errorf("%s: requestId is required although the header may say it", operation.OperationID)
				}
			}
		}
	}
	if declared < 4 || len(r.examples) == 0 {
		t.Errorf("only %d operations declare it", declared)
	}
}

var lookahead = regexp.MustCompile(`\(\?![^()]*\)`)

// withoutLookahead is a pattern that Go can read.
func withoutLookahead(pattern string) string { return lookahead.ReplaceAllString(pattern, "") }
