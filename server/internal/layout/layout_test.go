// Package layout holds the directions of imports in one table (docs/architecture.md, "Rooms"), and that what documents and
// comments refer to is there.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

const (
	module   = "cegid.internal/gateway/"
	internal = module + "server/internal/"
)

// edge says that a package speaks of calls: their messages, codes and errors.
var edge = []string{
	module + "gen/", "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "github.com/grpc-ecosystem/",
	internal + "apierror", internal + "wording", internal + "interceptor", internal + "gateway", internal + "service", internal + "app",
}

// rules: what packages must not depend on, also through others; a name stands for what begins with it.
var rules = []struct {
	why      string
	packages string
	never    []string
}{
	{"the client knows HTTP and Loop, and nothing of this service", module + "cegidclient", append([]string{module + "server/"}, edge...)},
	{"the ledger speaks its own words", internal + "ledger", append([]string{internal + "submission", internal + "policy"}, edge...)},
	{"a submission is free of transport", internal + "submission", append([]string{internal + "policy", internal + "authn", internal + "config"}, edge...)},
	{"programs need no tests", module + "server", []string{module + "internal/testkit"}},
	{"nor does the client", module + "cegidclient", []string{module + "internal/testkit"}},
	{"tests of every package share it", module + "internal/testkit", []string{module + "server", module + "cegidclient"}},
	{"what raw calls may do is no matter of transport", internal + "rawdoor", edge},
	{"the policy knows rights and names", internal + "policy", append([]string{internal + "submission", internal + "ledger", internal + "config"}, edge...)},
	{"a reader of YAML knows nothing of what is configured", internal + "strictyaml", append([]string{internal + "config", internal + "policy"}, edge...)},
	{"metrics count for practices, and know no handler", internal + "telemetry", []string{internal + "service", internal + "gateway", internal + "app"}},
	{"practices need no handlers", internal + "tenant", []string{internal + "service", internal + "gateway", internal + "app", internal + "config"}},
	{"handlers convert: SQL, HTTP servers and the chain around them are others'", internal + "service", []string{
		internal + "interceptor", internal + "gateway", internal + "app", internal + "telemetry", internal + "sandbox", module + "cegidclient/loopsim",
	}},
	{"what callers are told is no matter of handlers", internal + "wording", []string{
		internal + "service", internal + "interceptor", internal + "gateway", internal + "app", internal + "policy",
	}},
	{"the chain knows no handler", internal + "interceptor", []string{internal + "service", internal + "submission", internal + "ledger", internal + "gateway"}},
	{"what carries calls knows none of them", internal + "inprocess", []string{internal + "service", internal + "interceptor", internal + "gateway", internal + "app", module + "gen/"}},
	{"what is kept has no transport", internal + "freshness", append([]string{internal + "policy", internal + "config"}, edge...)},
	{"who shares reads knows no handler", internal + "reads", []string{internal + "service", internal + "gateway", internal + "interceptor", internal + "app"}},
	{"REST is a caller like others", internal + "gateway", []string{internal + "service", internal + "submission", internal + "ledger"}},
}

// mostOfOurs is how many packages of this module service may import itself: it converts between few.
const mostOfOurs = 10

// mostLines of service, tests aside: what is more is a use case, which belongs to submission.
const mostLines = 3000

type listed struct {
	ImportPath    string
	Imports, Deps []string
}

func list(t *testing.T) map[string]listed {
	t.Helper()
	// What go list reads, a cached result of this test does not depend on; what the test looks at itself, it does.
	for _, folder := range []string{"server", "cegidclient", "internal"} {
		err := filepath.WalkDir("../../../"+folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") {
				_, err = os.Stat(path)
			}
			return err
		})
		testkit.OK(t, err)
	}
	command := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	command.Dir = "../../.."
	text, err := command.Output()
	testkit.OK(t, err)
	out := map[string]listed{}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var each listed
		if err := decoder.Decode(&each); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out[each.ImportPath] = each
	}
}

// within says whether a package is the one of a rule, or below it.
func within(name, rule string) bool {
	return name == rule || strings.HasPrefix(name, strings.TrimSuffix(rule, "/")+"/")
}

func TestImportsRunOneWay(t *testing.T) {
	all := list(t)
	for _, rule := range rules {
		count := 0
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !within(name, rule.packages) {
				continue
			}
			count++
			for _, dependency := range all[name].Deps {
				for _, never := range rule.never {
					if within(dependency, never) {
						t.Errorf("%s depends on %s: %s", name, dependency, rule.why)
					}
				}
			}
		}
		if count == 0 {
			t.Errorf("there is no package %s any more: say where it is", rule.packages)
		}
	}
}

func TestServiceKnowsFewPackages(t *testing.T) {
	var ours []string
	for _, name := range list(t)[internal+"service"].Imports {
		if strings.HasPrefix(name, module) {
			ours = append(ours, strings.TrimPrefix(name, module))
		}
		if name == "database/sql" {
			t.Error("service speaks SQL")
		}
	}
	if len(ours) > mostOfOurs || len(ours) == 0 {
		t.Errorf("service imports %d packages of ours, more than %d: %s", len(ours), mostOfOurs, strings.Join(ours, ", "))
	}
}

func TestServiceStaysSmall(t *testing.T) {
	files, err := filepath.Glob("../service/*.go")
	testkit.OK(t, err)
	lines := 0
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			testkit.OK(t, err)
			lines += bytes.Count(text, []byte("\n"))
		}
	}
	if lines > mostLines || lines == 0 {
		t.Errorf("service has %d lines, more than %d", lines, mostLines)
	}
}
