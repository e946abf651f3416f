package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/restname"
	"cegid.internal/gateway/server/internal/sandbox"
	"cegid.internal/gateway/server/internal/wording"
)

// corpusCase is one case of testdata/corpus. Either call and request, or rest, say what is called.
type corpusCase struct {
	Name string `yaml:"name"`
	// Call is Service.Method; Request its fields, by their proto names.
	Call    string         `yaml:"call"`
	Request map[string]any `yaml:"request"`
	// File is what is uploaded, where Request is what is said of it.
	File *fileCase `yaml:"file"`
	// REST is a request that only HTTP can make.
	REST *restCase `yaml:"rest"`
	// GRPC: REST has no way to say it.
	GRPC bool `yaml:"grpc"`
	// Streams: the method's Stream twin answers the same, in one message.
	Streams bool `yaml:"streams"`
	// Exempt is the head of a file, in place of a first case.
	Exempt []exemption `yaml:"exempt"`
	// Covers names what the case shows of minimum, where the case does not say it by itself.
	Covers []string `yaml:"covers"`
	// As is the caller's token; by default that of a caller who may do everything. "-" sends none.
	As string `yaml:"as"`

	// Faults are posted to the simulator as they are; Shape is how it writes its lists; Sim changes its world.
	Faults []map[string]any `yaml:"faults"`
	Shape  *shapeCase       `yaml:"shape"`
	Sim    *simCase         `yaml:"sim"`

	// Answer is matched against the answer: objects by the members given, lists one by one, "*" by anything, "~re" by
	// a regular expression. Of a stream, against the list of its messages.
	Answer any        `yaml:"answer"`
	Error  *errorCase `yaml:"error"`
	// HTTP is what HTTP alone says of the answer to a request of REST. Of what it does not say, answer and error do.
	HTTP *httpCase `yaml:"http"`
	// Calls is how often each route of Loop was called, or a method of it: POST /compte.
	Calls map[string]int `yaml:"calls"`
}

func (c *corpusCase) hangs() bool {
	return slices.ContainsFunc(c.Faults, func(f map[string]any) bool { return f["kind"] == string(loopsim.FaultHang) })
}

type restCase struct {
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Body    string            `yaml:"body"`
	Headers map[string]string `yaml:"headers"`
}

// httpCase is matched against an answer: headers by "*" for anything, "" for none, and else exactly.
type httpCase struct {
	Status  int               `yaml:"status"`
	Headers map[string]string `yaml:"headers"`
	// Empty: there is no body.
	Empty bool `yaml:"empty"`
}

type shapeCase struct {
	Route            string   `yaml:"route"`
	Envelope         string   `yaml:"envelope"`
	NumbersAsStrings bool     `yaml:"numbers_as_strings"`
	MemberCase       string   `yaml:"member_case"`
	EnumValue        int      `yaml:"enum_value"`
	ExtraField       bool     `yaml:"extra_field"`
	References       string   `yaml:"references"`
	FlatDescription  bool     `yaml:"flat_description"`
	Listed           bool     `yaml:"listed_description"`
	Omit             []string `yaml:"omit"`
}

type simCase struct {
	// Detach takes the dossier off every key of the practice; Deactivate the keys out of LoopHub.
	Detach     *struct{ Practice, Dossier string } `yaml:"detach"`
	Deactivate string                              `yaml:"deactivate"`
	// SubscriptionKeys replaces what the gateway accepts.
	SubscriptionKeys []string `yaml:"subscription_keys"`
	// NothingUnverified: the operator has enabled no unverified operation.
	NothingUnverified bool `yaml:"nothing_unverified"`
	// EmptyDossier adds a dossier without content.
	EmptyDossier *struct{ Practice, Dossier string } `yaml:"empty_dossier"`
}

type errorCase struct {
	Code   string `yaml:"code"`
	Reason string `yaml:"reason"`
	HTTP   int    `yaml:"http"`
	// Field of the first violation, and what its description or the message says, as a regular expression: both by the names
	// of gRPC, unless the case is of REST alone.
	Field string `yaml:"field"`
	Says  string `yaml:"says"`
	// French is what Loop says, in French, or its gateway in English, which is quoted then; Ours what this service says in
	// French: each as a regular expression.
	French string `yaml:"french"`
	Ours   string `yaml:"ours"`
	Retry  string `yaml:"retry"` // as a duration; "some" for any
	// Finding: the violation is an accounting finding, with its own code, which of a file's is not the reason, and a sentence
	// in French.
	Finding bool              `yaml:"finding"`
	Headers map[string]string `yaml:"headers"`
}

// corpus are the cases by their file.
func corpus(t *testing.T) map[string][]corpusCase {
	cases, _ := corpusAndExemptions(t)
	return cases
}

// corpusAndExemptions are the cases by their file, and what the heads of the files excuse.
func corpusAndExemptions(t *testing.T) (map[string][]corpusCase, []exemption) {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	out := map[string][]corpusCase{}
	var exemptions []exemption
	for _, file := range files {
		text, err := os.ReadFile(file)
		testkit.OK(t, err)
		var cases []corpusCase
		if err := yaml.UnmarshalWithOptions(text, &cases, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		head := cases[0].Exempt
		if head != nil {
			cases = cases[1:]
		}
		for _, c := range cases {
			if c.Streams {
				cases = append(cases, c.stream())
			}
		}
		for _, each := range head {
			exemptions = append(exemptions, each.ofFile(cases))
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/corpus/"), ".yaml")
		out[name] = cases
	}
	return out, exemptions
}

// stream is the case for the Stream twin of a List method.
func (c corpusCase) stream() corpusCase {
	c.Name += ", as a stream"
	c.Call = strings.Replace(c.Call, ".List", ".Stream", 1)
	c.Request = maps.Clone(c.Request)
	delete(c.Request, "page_size")
	c.Calls = nil // a stream asks for one page more, unless something fails
	answer, _ := c.Answer.(map[string]any)
	if answer == nil {
		return c
	}
	answer = maps.Clone(answer)
	delete(answer, "nextPageToken")
	c.Answer = []any{answer}
	for _, items := range answer {
		if items == nil {
			c.Answer = []any{}
		}
	}
	return c
}

func TestCorpus(t *testing.T) {
	for file, cases := range corpus(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			shared := start(t, nil)
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					on := func() *harness {
						if c.Faults == nil && c.Sim == nil {
							shared.t = t
							if c.Shape != nil {
								shared.Simulator.Reset() // for each transport: a write leaves something behind
								t.Cleanup(shared.Simulator.Reset)
							}
							return shared
						}
						return start(t, func(cfg *sandbox.Config) { // its own: breakers, gates and learnt caps outlast a case
							if c.hangs() {
								cfg.Tune = impatient
							}
							if c.Sim != nil && c.Sim.NothingUnverified {
								cfg.Tune = func(client *cegidclient.Config) {
									quick(client)
									client.Unverified = nil
								}
							}
						})
					}
					runCase(t, c, on)
				})
			}
		})
	}
}

func runCase(t *testing.T, c corpusCase, on func() *harness) {
	token := c.As
	switch token {
	case "":
		token = "everything"
	case "-":
		token = ""
	}
	if c.REST != nil {
		h := on()
		c.prepare(t, h)
		if c.HTTP != nil {
			c.HTTP.check(t, h, c.REST.request(t, h), token)
			if c.Answer == nil && c.Error == nil {
				return
			}
		}
		got := h.overREST(c.REST.request(t, h), token)
		c.check(t, h, "REST", got, false)
		return
	}
	m := method(t, c.Call)
	request := c.request(t, m)

	h := on()
	c.prepare(t, h)
	overGRPC := h.overGRPC(t.Context(), m, token, request)
	checkSaid(t, "gRPC", m.Output(), overGRPC.Messages)
	c.check(t, h, "gRPC", overGRPC, m.IsStreamingServer())

	if c.GRPC {
		return
	}
	h = on()
	c.prepare(t, h)
	overREST := h.overREST(h.restRequest(t.Context(), m, request), token)
	checkSaid(t, "REST", m.Output(), overREST.Messages)
	c.check(t, h, "REST", overREST, m.IsStreamingServer())

	same(t, overGRPC, overREST)
}

// same compares what callers of the two transports see.
func same(t *testing.T, overGRPC, overREST outcome) {
	t.Helper()
	if a, b := withoutVolatile(overGRPC.Messages), withoutVolatile(overREST.Messages); !reflect.DeepEqual(a, b) {
		t.Errorf("gRPC and REST answer differently:\n%v\n%v", a, b)
	}
	a, b := overGRPC.Err, overREST.Err
	if (a == nil) != (b == nil) {
		t.Fatalf("gRPC fails with %+v, REST with %+v", a, b)
	}
	if a == nil {
		return
	}
	x, y := *a.asREST, *b
	y.Header, y.HTTP = nil, 0
	for _, f := range []*failure{&x, &y} { // ids and waits that no two calls share
		delete(f.Metadata, "replayed")
		delete(f.Metadata, "requestId")
		delete(f.Metadata, "instanceId")
		f.Retry = f.Retry.Round(5 * time.Second)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("gRPC and REST fail differently:\n%+v\n%+v", x, y)
	}
}

func (r *restCase) request(t *testing.T, h *harness) *http.Request {
	t.Helper()
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, h.rest+r.Path, body)
	testkit.OK(t, err)
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	return request
}

// prepare brings the simulator into the state that the case wants.
func (c *corpusCase) prepare(t *testing.T, h *harness) {
	t.Helper()
	h.Simulator.ResetCounters()
	for _, fault := range c.Faults {
		text, err := json.Marshal(fault)
		testkit.OK(t, err)
		response, err := h.web.Post("http://"+h.SimulatorAddress+"/_sim/faults", "application/json", bytes.NewReader(text))
		testkit.OK(t, err)
		answer, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode >= 300 {
			t.Fatalf("the simulator refuses the fault: %s", answer)
		}
	}
	if s := c.Shape; s != nil {
		h.Simulator.SetShape(s.Route, s.shape(t))
	}
	if c.Sim == nil {
		return
	}
	must := func(err error) {
		t.Helper()
		testkit.OK(t, err)
	}
	kindOf := map[string]loopsim.KeyKind{"demo": loopsim.Advanced, "partner": loopsim.Standard}
	if d := c.Sim.Detach; d != nil {
		must(h.Simulator.SetAttached(d.Practice, kindOf[d.Practice], d.Dossier, false))
	}
	if c.Sim.Deactivate != "" {
		must(h.Simulator.SetActivated(c.Sim.Deactivate, kindOf[c.Sim.Deactivate], false))
	}
	if keys := c.Sim.SubscriptionKeys; keys != nil {
		h.Simulator.SetSubscriptionKeys(keys[0], keys[1])
	}
	if d := c.Sim.EmptyDossier; d != nil {
		must(h.Simulator.AddDossier(d.Practice, d.Dossier, loopsim.Content{}))
	}
}

func (s *shapeCase) shape(t *testing.T) loopsim.Shape {
	t.Helper()
	pick := func(name string, of map[string]int) int {
		value, ok := of[name]
		if !ok && name != "" {
			t.Fatalf("shape: %q is none of %v", name, of)
		}
		return value
	}
	return loopsim.Shape{
		Envelope:         loopsim.Envelope(pick(s.Envelope, map[string]int{"array": int(loopsim.EnvelopeArray), "data": int(loopsim.EnvelopeData)})),
		NumbersAsStrings: s.NumbersAsStrings,
		MemberCase:       loopsim.MemberCase(pick(s.MemberCase, map[string]int{"lower": int(loopsim.MemberCaseLower), "upper first": int(loopsim.MemberCaseUpperFirst)})),
		EnumValue:        s.EnumValue,
		ExtraField:       s.ExtraField,
		References: loopsim.References(pick(s.References, map[string]int{
			"null": int(loopsim.ReferencesNull), "empty": int(loopsim.ReferencesEmpty), "omitted": int(loopsim.ReferencesOmitted),
		})),
		FlatDescription:   s.FlatDescription,
		ListedDescription: s.Listed,
		Omit:              s.Omit,
	}
}

// check compares an outcome with what the case wants.
func (c *corpusCase) check(t *testing.T, h *harness, transport string, got outcome, streaming bool) {
	t.Helper()
	for route, want := range c.Calls {
		if n := h.Simulator.Count(route); n != want {
			t.Errorf("%s: Loop's %s was called %d times; want %d", transport, route, n, want)
		}
	}
	checkFindings(t, transport, got.Messages)
	if c.Error != nil {
		if got.Err == nil {
			t.Fatalf("%s: answered %v; want an error", transport, got.Messages)
		}
		c.Error.as(transport, c.File != nil).check(t, transport, got.Err)
	} else if got.Err != nil {
		t.Fatalf("%s: failed: %+v", transport, got.Err)
	}
	if c.Answer == nil {
		if c.Error == nil {
			t.Fatal("the case says neither which answer nor which error it wants")
		}
		return
	}
	var answer any = got.Messages
	if !streaming {
		answer = got.Messages[0]
	}
	if problem := mismatch("answer", plain(t, c.Answer), answer); problem != "" {
		t.Errorf("%s: %s", transport, problem)
	}
}

func (want *httpCase) check(t *testing.T, h *harness, request *http.Request, token string) {
	t.Helper()
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := h.web.Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	testkit.OK(t, err)
	if response.StatusCode != want.Status || want.Empty && len(body) > 0 {
		t.Errorf("HTTP %d %s; want %d", response.StatusCode, body, want.Status)
	}
	for name, value := range want.Headers {
		got := strings.Join(response.Header.Values(name), ", ")
		if value == "*" && got == "" || value != "*" && got != value {
			t.Errorf("%s is %q; want %q", name, got, value)
		}
	}
}

// as is the error by the names of a transport.
func (want errorCase) as(transport string, upload bool) *errorCase {
	if transport == "REST" {
		want.Field, want.Says = names.In(want.Field), names.In(want.Says)
		if upload {
			want.Field = strings.TrimPrefix(want.Field, restname.UploadPrefix)
		}
	}
	return &want
}

func (want *errorCase) check(t *testing.T, transport string, got *failure) {
	t.Helper()
	if got.Domain != "loop.cegid.internal" || got.Code != want.Code || got.Reason != want.Reason {
		t.Errorf("%s: %s %s of %q (%s); want %s %s", transport, got.Code, got.Reason, got.Domain, got.Message, want.Code, want.Reason)
	}
	said := []string{got.Message}
	field := ""
	if len(got.Violations) > 0 {
		field = got.Violations[0].Field
		said = append(said, got.Violations[0].Description)
	}
	if field != want.Field {
		t.Errorf("%s: the violation names %q; want %q", transport, field, want.Field)
	}
	for _, v := range got.Violations {
		if v.Field == "" {
			t.Errorf("%s: a violation names no field: %s", transport, v.Description)
		}
	}
	if want.Finding && (len(got.Violations) == 0 || (got.Violations[0].Reason == want.Reason) == (want.Reason == "FILE_INVALID") ||
		got.Violations[0].Reason == "" || got.Violations[0].French == "") {
		t.Errorf("%s: the violations %+v are no findings in both languages", transport, got.Violations)
	}
	if got.Message == "" || !regexp.MustCompile(want.Says).MatchString(strings.Join(said, "\n")) {
		t.Errorf("%s: says %q; want %s", transport, said, want.Says)
	}
	want.checkFrench(t, transport, got)
	got.checkLocales(t, transport)
	switch want.Retry {
	case "":
		if got.Retry != 0 {
			t.Errorf("%s: asks to wait %s; want no word of it", transport, got.Retry)
		}
	case "some":
		if got.Retry <= 0 {
			t.Errorf("%s: does not say how long to wait", transport)
		}
	default:
		if d, err := time.ParseDuration(want.Retry); err != nil || got.Retry.Round(time.Second) != d {
			t.Errorf("%s: asks to wait %s; want %s", transport, got.Retry, want.Retry)
		}
	}
	if got.HTTP == 0 {
		return
	}
	if want.HTTP != 0 && got.HTTP != want.HTTP {
		t.Errorf("%s: HTTP %d; want %d", transport, got.HTTP, want.HTTP)
	}
	if (want.Retry != "") != (got.Header.Get("Retry-After") != "") {
		t.Errorf("%s: Retry-After is %q; want it with RetryInfo and only then", transport, got.Header.Get("Retry-After"))
	}
	for name, value := range want.Headers {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %s is %q; want %q", transport, name, got.Header.Get(name), value)
		}
	}
}

// checkFrench: what the accountant reads is Loop's where Loop wrote French, and else this service's.
func (want *errorCase) checkFrench(t *testing.T, transport string, got *failure) {
	t.Helper()
	loops, ours := got.Local.GetMessage(), ""
	if isOurs(loops) {
		ours, loops, _ = strings.Cut(loops, " Réponse de Loop : ")
	} else if len(got.Violations) > 0 {
		ours = got.Violations[0].French
	}
	if got.Local != nil && got.Local.GetLocale() != "fr" {
		t.Errorf("%s: the sentence for the accountant is not French: %v", transport, got.Local)
	}
	if !regexp.MustCompile(want.French).MatchString(loops) || want.French == "" && loops != "" {
		t.Errorf("%s: Loop's words are %q; want %q", transport, loops, want.French)
	}
	if !regexp.MustCompile(want.Ours).MatchString(ours) {
		t.Errorf("%s: our words in French are %q; want %q", transport, ours, want.Ours)
	}
	if french := cmp.Or(loops, ours); french == "" && spokenFrench[want.Reason] {
		t.Errorf("%s: nothing is said in French: %+v", transport, got)
	} else if placeholder.MatchString(french) {
		t.Errorf("%s: a value is forgotten: %s", transport, french)
	}
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// ourFrench are the sentences of the tables, as REST spells their names too, with anything for a value.
var ourFrench, spokenFrench = func() (sentences []*regexp.Regexp, reasons map[string]bool) {
	reasons = map[string]bool{}
	for _, row := range append(wording.Rows(), apierror.Rows()...) {
		parts := placeholder.Split(row.French, -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(strings.TrimSpace(parts[i]))
		}
		sentences = append(sentences, regexp.MustCompile("(?s)^"+strings.Join(parts, ".*")))
		reasons[apierror.ReasonName(row.Reason)] = true
	}
	for _, elsewhere := range []looppb.ErrorReason{ // whose errors others make too, in English
		looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED,
		looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
	} {
		delete(reasons, apierror.ReasonName(elsewhere))
	}
	return sentences, reasons
}()

func isOurs(french string) bool {
	return slices.ContainsFunc(ourFrench, func(of *regexp.Regexp) bool { return of.MatchString(french) })
}

// plain turns what YAML reads into what JSON reads.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	testkit.OK(t, err)
	return decode(t, text)
}

// mismatch says where got is not as wanted; empty when it is.
func mismatch(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v; want an object", path, got)
		}
		for name, inner := range w {
			value, present := g[name]
			if inner == nil {
				if present {
					return fmt.Sprintf("%s.%s is %v; want it absent", path, name, value)
				}
				continue
			}
			if problem := mismatch(path+"."+name, inner, value); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s has %v; want %d items", path, got, len(w))
		}
		for i := range w {
			if problem := mismatch(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		if w == "*" && got != nil {
			return ""
		}
		if pattern, is := strings.CutPrefix(w, "~"); is {
			if text, ok := got.(string); ok && regexp.MustCompile(pattern).MatchString(text) {
				return ""
			}
			return fmt.Sprintf("%s is %v; want %s", path, got, w)
		}
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s is %v; want %v", path, got, want)
	}
	return ""
}
