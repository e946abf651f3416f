package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const folder = "../../../" + pagesFolder

// TestThePagesAreWhatTheContractAndTheSandboxSay: every example on them is called here, over gRPC and REST, and its answer
// compared; .ci/run runs the command lines that they print.
func TestThePagesAreWhatTheContractAndTheSandboxSay(t *testing.T) {
	pages, err := makePages(t.Context())
	testkit.OK(t, err)
	committed, err := filepath.Glob(filepath.Join(folder, "*"))
	testkit.OK(t, err)
	for _, path := range committed {
		if _, made := pages[filepath.Base(path)]; !made {
			t.Errorf("%s is nobody's page", path)
		}
	}
	for name, page := range pages {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		want, got := strings.Split(string(raw), "\n"), strings.Split(page, "\n")
		for i := range max(len(want), len(got)) {
			if i >= len(want) || i >= len(got) || want[i] != got[i] {
				t.Errorf("%s:%d is out of date; run: go run ./server/internal/reference\n- %s\n+ %s", name, i+1, at(want, i), at(got, i))
				break
			}
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(the end)"
}

var (
	anchor  = regexp.MustCompile(`\]\(([a-zA-Z-]*(?:\.md)?)#([a-z0-9-]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (?:\[(\w+)\]\(.*\)|(.*))$`)
)

// TestEveryLinkOfThePagesLeadsSomewhere also holds the comments to naming types that are on the page.
func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	pages, err := os.ReadDir(folder)
	testkit.OK(t, err)
	text, anchors := map[string]string{}, map[string]bool{}
	for _, each := range pages {
		raw, err := os.ReadFile(filepath.Join(folder, each.Name()))
		testkit.OK(t, err)
		text[each.Name()] = string(raw)
		for _, found := range heading.FindAllStringSubmatch(string(raw), -1) {
			name := each.Name() + "#" + strings.ReplaceAll(strings.ToLower(found[1]+found[2]), " ", "-")
			if anchors[name] {
				t.Errorf("two headings make %s", name)
			}
			anchors[name] = true
		}
	}
	links := 0
	for name, page := range text {
		for _, found := range anchor.FindAllStringSubmatch(page, -1) {
			target := found[1]
			if target == "" {
				target = name
			}
			if links++; !anchors[target+"#"+found[2]] {
				t.Errorf("%s links to %s#%s, which is not there", name, target, found[2])
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were looked at", links)
	}
}

// TestEveryReasonIsExplainedAndCanHappen: one that is on no page belongs to an RPC that nobody has said it of.
func TestEveryReasonIsExplainedAndCanHappen(t *testing.T) {
	r, err := newReference()
	testkit.OK(t, err)
	possible := slices.Concat(everyCall, noRPC)
	for method := range contract.Methods() {
		possible = append(possible, r.errorsOf(method)...)
	}
	for _, reason := range reasons() {
		if isFinding(reason) {
			continue
		}
		if _, ok := r.meaningOf(reason); !ok {
			t.Errorf("the comment of %s does not read \"CODE. What happened.\"", reason)
		}
		if !slices.Contains(possible, reason) {
			t.Errorf("no RPC fails for %s: say in errorsOf which does", apierror.ReasonName(reason))
		}
	}
}

// failingCase is a case of the corpus that ends in an error of ours.
type failingCase struct {
	file, Name, Call string
	Error            *struct {
		Code, Reason, Retry string
		HTTP                int
	}
}

func failingCases(t *testing.T) (out []failingCase) {
	t.Helper()
	files, err := filepath.Glob("../conformance/testdata/corpus/*/*.yaml")
	testkit.OK(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		testkit.OK(t, err)
		var cases []failingCase
		if err := yaml.Unmarshal(raw, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range cases {
			if c.Error != nil && c.Call != "" && c.Error.Reason != "" {
				c.file = file
				out = append(out, c)
			}
		}
	}
	if len(out) < 50 {
		t.Errorf("only %d failures were found", len(out))
	}
	return out
}

// TestEveryFailureInTheCorpusIsOnItsPage: what the conformance tests have seen an RPC answer, its page must tell, with the
// code and the HTTP status that they have seen.
func TestEveryFailureInTheCorpusIsOnItsPage(t *testing.T) {
	r, err := newReference()
	testkit.OK(t, err)
	for _, c := range failingCases(t) {
		method := methodNamed(t, c.Call)
		reason := looppb.ErrorReason(looppb.ErrorReason_value["ERROR_REASON_"+c.Error.Reason])
		if isFinding(reason) {
			if !findsFaults(method) {
				t.Errorf("%s: %q: %s answers a finding, which its page does not tell", c.file, c.Name, c.Call)
			}
			continue
		}
		if !slices.Contains(everyCall, reason) && !slices.Contains(r.errorsOf(method), reason) {
			t.Errorf("%s: %q: %s fails for %s, which its page does not tell: see errorsOf", c.file, c.Name, c.Call, c.Error.Reason)
		}
		m, _ := r.meaningOf(reason)
		if code := strings.ToUpper(snake(m.Code.String())); code != c.Error.Code && !strings.EqualFold(m.Code.String(), c.Error.Code) {
			t.Errorf("%s: %q: %s is %s there and %s in the comment of the reason", c.file, c.Name, c.Error.Reason, c.Error.Code, code)
		}
		if c.Error.HTTP != 0 && c.Error.HTTP != m.HTTP && (c.Error.HTTP != 200 || !method.IsStreamingServer()) {
			t.Errorf("%s: %q: %s is HTTP %d there and %d on the page", c.file, c.Name, c.Error.Reason, c.Error.HTTP, m.HTTP)
		}
	}
}

// TestEveryRPCHasAnExampleAndNothingElseHas says what to do before anything is called.
func TestEveryRPCHasAnExampleAndNothingElseHas(t *testing.T) {
	examples, err := readExamples()
	testkit.OK(t, err)
	for method := range contract.Methods() {
		example, ok := examples[contract.Name(method)]
		if !ok {
			t.Errorf("%s has no example: add one to examples.json, then go run ./server/internal/reference", contract.Name(method))
		}
		if verb, _ := routeOf(method); verb == "" && example.HTTP == nil && method.IsStreamingClient() {
			t.Errorf("%s has no route in the contract: say under http how it is called over REST", contract.Name(method))
		}
	}
}

func methodNamed(t *testing.T, name string) protoreflect.MethodDescriptor {
	t.Helper()
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(contract.Package.Append(protoreflect.Name(name)))
	testkit.OK(t, err)
	return found.(protoreflect.MethodDescriptor)
}
