package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"cegid.internal/gateway/examples"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/strictyaml"
)

// file is one of those that serve reads, with its schema and its published example.
type file struct {
	name    string
	raw     map[string]any // the schema
	schema  *jsonschema.Schema
	example string
	// read returns what the server makes of a document, which is not the example.
	read func(t testing.TB, document string) (any, error)
}

func files(t *testing.T) []file {
	t.Helper()
	return []file{
		newFile(t, "gateway.yaml", config.Keys(), examples.Gateway, func(t testing.TB, document string) (any, error) {
			return load(t, exampleFolder(t), document)
		}),
		newFile(t, "partner.yaml", config.PracticeKeys(), examples.Practice, func(t testing.TB, document string) (any, error) {
			dir := exampleFolder(t)
			write(t, dir, "practices/partner.yaml", document)
			return load(t, dir, string(examples.Gateway))
		}),
		newFile(t, "policy.yaml", policy.Keys(), examples.Policy, func(t testing.TB, document string) (any, error) {
			return policy.Load(write(t, t.TempDir(), "policy.yaml", document), policy.Installation{
				Practices: []string{"demo", "partner"}, Issuers: []string{"https://login.example.com/realms/corp"}, Certificates: true, Limits: policy.DefaultLimits(),
			})
		}),
	}
}

func newFile(t *testing.T, name string, keys strictyaml.Key, example []byte, read func(testing.TB, string) (any, error)) file {
	t.Helper()
	f := file{name: name, example: string(example), read: read}
	text := keys.Schema(name)
	testkit.OK(t, json.Unmarshal(text, &f.raw))
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	testkit.OK(t, err)
	compiler := jsonschema.NewCompiler()
	testkit.OK(t, compiler.AddResource(name, resource))
	if f.schema, err = compiler.Compile(name); err != nil { // checks it against the meta-schema
		t.Fatal(err)
	}
	return f
}

// validate says what the schema thinks of a document.
func (f file) validate(t testing.TB, document string) error {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(document))
	testkit.OK(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	testkit.OK(t, err)
	return f.schema.Validate(value)
}

// place is a key of a schema; item 0 stands for each item of a list.
type place struct {
	path   []any // string or 0
	schema map[string]any
}

func (p place) String() string {
	text := ""
	for _, step := range p.path {
		if step == 0 {
			text += "[]"
		} else {
			text += fmt.Sprint(".", step)
		}
	}
	return strings.TrimPrefix(text, ".")
}

// places returns every key and item of a schema, the file itself first.
func places(schema map[string]any, path ...any) []place {
	all := []place{{path, schema}}
	if choices, ok := schema["oneOf"].([]any); ok && schema["properties"] == nil { // or off
		schema = choices[len(choices)-1].(map[string]any)
		all[0].schema = schema
	}
	if items, ok := schema["items"].(map[string]any); ok {
		all = append(all, places(items, append(slices.Clone(path), 0)...)...)
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		all = append(all, places(properties[name].(map[string]any), append(slices.Clone(path), name)...)...)
	}
	return all
}

// with returns a document with a value at a place, which it makes if need be.
func with(t testing.TB, document string, path []any, value any) string {
	t.Helper()
	var root any
	testkit.OK(t, yaml.Unmarshal([]byte(document), &root))
	var set func(at any, path []any) any
	set = func(at any, path []any) any {
		if len(path) == 0 {
			return value
		}
		if path[0] == 0 {
			list, _ := at.([]any)
			if len(list) == 0 {
				list = []any{nil}
			}
			list[0] = set(list[0], path[1:])
			return list
		}
		fields, ok := at.(map[string]any)
		if !ok {
			fields = map[string]any{}
		}
		if set := set(fields[path[0].(string)], path[1:]); set == (remove{}) {
			delete(fields, path[0].(string))
		} else {
			fields[path[0].(string)] = set
		}
		return fields
	}
	out, err := yaml.Marshal(set(root, path))
	testkit.OK(t, err)
	return string(out)
}

// remove as a value takes the key away.
type remove struct{}

func TestExamplesMeetTheirSchemas(t *testing.T) {
	for _, f := range files(t) {
		if err := f.validate(t, f.example); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if _, err := f.read(t, f.example); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

func TestExamplesHaveEveryKeyOfTheSchemaAndNoOther(t *testing.T) {
	var practice []string
	for _, f := range files(t) {
		var known, shown []string
		for _, p := range places(f.raw) {
			if len(p.path) > 0 && p.path[len(p.path)-1] != 0 {
				known = append(known, p.String())
			}
		}
		var walk func(at any, path string)
		walk = func(at any, path string) {
			switch at := at.(type) {
			case []any:
				for _, item := range at {
					walk(item, path+"[]")
				}
			case map[string]any:
				for name, value := range at {
					shown = append(shown, strings.TrimPrefix(path+"."+name, "."))
					walk(value, path+"."+name)
				}
			}
		}
		var document any
		testkit.OK(t, yaml.Unmarshal([]byte(f.example), &document))
		walk(document, "")
		switch f.name {
		case "gateway.yaml":
			// The example says off; the other way is in its comment.
			if !strings.Contains(f.example, "{certificate: tls.crt, key: tls.key, client_authorities: clients.pem}") {
				t.Error("the example does not show certificate, key and authorities")
			}
			if !strings.Contains(f.example, "# minimum: 1.3 ") {
				t.Error("the example does not show the oldest version of TLS")
			}
			// It says a file; the other way is in its comment.
			if !strings.Contains(f.example, `{postgres: "${file:secrets/ledger}"}`) {
				t.Error("the example does not show a ledger on PostgreSQL")
			}
			if !strings.Contains(f.example, "  # stream: stderr") {
				t.Error("the example does not show a stream of the audit")
			}
			shown = append(shown, "tls.certificate", "tls.key", "tls.client_authorities", "tls.minimum", "ledger.postgres", "audit.stream")
			for _, key := range shown {
				if name, ok := strings.CutPrefix(key, "practices[]."); ok {
					practice = append(practice, name)
				}
			}
			// A practice shows the other way in a file of its own.
			shown = append(shown, "practices[].subscription_keys", "practices[].subscription_keys.primary", "practices[].subscription_keys.secondary")
		case "policy.yaml": // in a comment, since the example of gateway.yaml has no authorities
			if !strings.Contains(f.example, `# certificates: ["spiffe://`) {
				t.Error("the example does not show certificates")
			}
			shown = append(shown, "callers[].certificates")
		case "partner.yaml": // shows what the practice in gateway.yaml does not
			if !slices.Contains(shown, "subscription_keys.primary") {
				t.Error("no example shows a practice's own subscription keys")
			}
			shown = append(append(shown, practice...), "subscription_keys.secondary")
		}
		for _, list := range []*[]string{&known, &shown} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
		if !reflect.DeepEqual(known, shown) {
			t.Errorf("%s: the schema has\n%v\nand the example\n%v", f.name, known, shown)
		}
	}
}

// TestDefaultsOfTheSchemaAreThoseOfTheServer: writing a default changes nothing, and writing something else does.
func TestDefaultsOfTheSchemaAreThoseOfTheServer(t *testing.T) {
	f := files(t)[0]
	dir := folder(t)
	minimal := minimal + "oidc: [{issuer: https://login.example.com, audience: gateway}]\n" // an item for its keys' defaults
	plain, err := load(t, dir, minimal)
	testkit.OK(t, err)
	defaults := 0
	for _, p := range places(f.raw) {
		otherwise, ok := p.schema["default"]
		if !ok || p.String() == "raw[].write" { // goes with the method: config_test.go has those cases
			continue
		}
		minimal, plain := minimal, plain
		if p.path[0] == "tls" {
			certificate(t, dir, "tls")
			minimal = strings.Replace(minimal, "tls: off", "tls: {certificate: tls.crt, key: tls.key}", 1)
			if plain, err = load(t, dir, minimal); err != nil {
				t.Fatal(err)
			}
		}
		if p.path[0] == "raw" {
			minimal += "raw: [{method: GET, path: /x}]\n"
			if plain, err = load(t, dir, minimal); err != nil {
				t.Fatal(err)
			}
		}
		defaults++
		if number, ok := otherwise.(float64); ok && number == float64(int(number)) {
			otherwise = int(number) // the encoder would write 3.0
		}
		document := with(t, minimal, p.path, otherwise)
		if err := f.validate(t, document); err != nil {
			t.Errorf("the schema refuses its own default of %s: %v", p, err)
		}
		if got, err := load(t, dir, document); err != nil || !reflect.DeepEqual(got, plain) {
			t.Errorf("%s: the schema's default %v makes\n%+v\n%v\nand leaving it out\n%+v", p, otherwise, got, err, plain)
		}
		different := false
		base, plain := minimal, plain
		if p.String() == "replicas" { // of which a file has one
			write(t, dir, "dsn", "host=localhost dbname=ledger sslmode=disable")
			base = strings.Replace(minimal, "ledger: ledger.db", "ledger: {postgres: '${file:dsn}'}", 1)
			if plain, err = load(t, dir, base); err != nil {
				t.Fatal(err)
			}
		}
		for _, other := range []any{1, 1.3, 2, 5, 88, 2000, true, false, "77ms", "59m", "warn", "stdout", ":1", "https://elsewhere", "cabinet", "advanced", "strict", 2 << 30} {
			got, err := load(t, dir, with(t, base, p.path, other))
			different = different || err == nil && !reflect.DeepEqual(got, plain)
		}
		if !different {
			t.Errorf("%s has no effect", p)
		}
	}
	if defaults < 20 {
		t.Errorf("there are %d defaults", defaults)
	}
}

// TestWhatTheSchemaRefusesTheServerRefuses: at every key, whatever kind it has.
func TestWhatTheSchemaRefusesTheServerRefuses(t *testing.T) {
	for _, f := range files(t) {
		for _, p := range places(f.raw) {
			refuse, accept := samples(p.schema)
			example := f.example
			switch p.String() {
			case "ledger": // a text may be there
				refuse = slices.DeleteFunc(refuse, func(value any) bool { return value == "x" })
			case "replicas": // of which a file has one
				example = with(t, example, []any{"ledger"}, map[string]any{"postgres": "${file:secrets/ledger}"})
				accept = slices.DeleteFunc(accept, func(value any) bool { n, is := value.(int); return is && n > 2 }) // of which the practices have places
			}
			if len(p.path) > 0 {
				for _, value := range refuse {
					document := with(t, f.example, p.path, value)
					if err := f.validate(t, document); err == nil {
						t.Errorf("%s: the schema accepts %v at %q", f.name, value, p)
					}
					if _, err := f.read(t, document); err == nil {
						t.Errorf("%s: the server accepts %v at %q", f.name, value, p)
					}
				}
			}
			for _, value := range accept {
				document := with(t, example, p.path, value)
				if err := f.validate(t, document); err != nil {
					t.Errorf("%s: the schema refuses %v at %q: %v", f.name, value, p, err)
				}
				if _, err := f.read(t, document); err != nil {
					t.Errorf("%s: the server refuses %v at %q: %v", f.name, value, p, err)
				}
			}
			if p.schema["properties"] == nil {
				continue
			}
			// A mapping: without what it needs, and with what it does not know.
			required, _ := p.schema["required"].([]any)
			for _, name := range append(required, "unknown") {
				value := any(remove{})
				if name == "unknown" {
					value = "x"
				}
				if parent := p.String(); parent == "tls" || strings.HasSuffix(parent, "subscription_keys") && name != "unknown" {
					continue // the example has none: config_test.go has those cases
				}
				document := with(t, f.example, append(slices.Clone(p.path), name), value)
				if err := f.validate(t, document); err == nil {
					t.Errorf("%s: the schema accepts %q with %v for %s", f.name, p, value, name)
				}
				if _, err := f.read(t, document); err == nil {
					t.Errorf("%s: the server accepts %q with %v for %s", f.name, p, value, name)
				}
			}
		}
	}
}

// samples of what a schema refuses, and of the last that it accepts.
func samples(schema map[string]any) (refuse, accept []any) {
	for _, kind := range []string{"minimum", "maximum"} {
		bound, ok := schema[kind].(float64)
		if !ok || schema["type"] != "integer" && schema["type"] != "number" {
			continue
		}
		beyond := bound + 1
		if kind == "minimum" {
			beyond = bound - 1
		}
		refuse = append(refuse, int(beyond))
		if whole := int(bound); float64(whole) == bound {
			accept = append(accept, whole)
		} else {
			accept = append(accept, bound)
		}
	}
	if not, ok := schema["not"].(map[string]any); ok {
		refuse = append(refuse, not["enum"].([]any)...)
	}
	if schema["minItems"] != nil {
		refuse = append(refuse, []any{})
	}
	switch {
	case schema["properties"] != nil:
		return append(refuse, "x", []any{"x"}), accept
	case schema["type"] == "array":
		return append(refuse, "x", map[string]any{"a": "b"}), accept
	case schema["enum"] != nil:
		refuse = append(refuse, "x", "")
	case schema["type"] == "boolean":
		refuse = append(refuse, "yes", 1)
	case schema["pattern"] != nil && schema["type"] == "string" && strings.Contains(fmt.Sprint(schema["pattern"]), "ms|s|m|h"):
		refuse = append(refuse, "1", 1, "-1s", "1 s", "s", "1d", "")
	case schema["type"] == "integer", schema["type"] == "number":
		refuse = append(refuse, "x", "")
	case schema["pattern"] != nil && !strings.Contains(fmt.Sprint(schema["pattern"]), `[\s\S]`):
		refuse = append(refuse, " ", "", "a\nb")
	}
	return append(refuse, []any{"x"}, map[string]any{"a": "b"}), accept
}

// TestDurationsHaveTheBoundsThatAreWritten: a schema cannot compare them, and says so in words.
func TestDurationsHaveTheBoundsThatAreWritten(t *testing.T) {
	f := files(t)[0]
	checked := 0
	for _, p := range places(f.raw) {
		words := fmt.Sprint(p.schema["description"])
		if !strings.Contains(fmt.Sprint(p.schema["pattern"]), "ms|s|m|h") {
			continue
		}
		checked++
		bounds := strings.SplitN(strings.TrimSuffix(words[strings.LastIndex(words, " From ")+len(" From "):], "."), " to ", 2)
		for _, beyond := range []string{bounds[1] + "1ns", "-1ns"} {
			if _, err := f.read(t, with(t, f.example, p.path, beyond)); err == nil || !strings.Contains(err.Error(), p.String()+": must be a duration") {
				t.Errorf("%s at %s: %v", p, beyond, err)
			}
		}
		for _, within := range bounds {
			_, err := f.read(t, with(t, f.example, p.path, within))
			if err != nil && !strings.Contains(err.Error(), "is longer than") && !strings.Contains(err.Error(), "is shorter than") { // another key is in the way
				t.Errorf("%s at %s: %v", p, within, err)
			}
		}
	}
	if checked < 15 {
		t.Errorf("there are %d durations", checked)
	}
}

func exampleFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"subscription-primary": "a", "subscription-secondary": "b", "demo-standard": "a:b", "demo-advanced": "c:d+/=:1", "partner-standard": "e:f", "partner-subscription": "c",
		"ledger": "host=localhost dbname=ledger sslmode=disable",
	} {
		write(t, dir, filepath.Join("secrets", name), text+"\n")
	}
	write(t, dir, "policy.yaml", string(examples.Policy))
	write(t, dir, "practices/partner.yaml", string(examples.Practice))
	return dir
}
