package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/restname"
	"cegid.internal/gateway/server/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Callers of the test policy; the token of each is its name.
const testPolicy = `
callers:
  - {name: everything, token_hashes: ["%s"]}
  - {name: reader, token_hashes: ["%s"]}
  - {name: stranger, token_hashes: ["%s"]}
  - {name: raw, token_hashes: ["%s"]}
  - {name: clerk, token_hashes: ["%s"]}
  - {name: operator, token_hashes: ["%s"]}
  - {name: overseer, token_hashes: ["%s"]}
grants:
  - {caller: everything, practices: ["*"], dossiers: ["*"], rights: [read, write, practice, raw, administer]}
  - {caller: reader, practices: [demo], dossiers: [CEGID001, "D*"], rights: [read]}
  - {caller: stranger, practices: [partner], dossiers: [DOSSIER_TEST], rights: [write]}
  - {caller: raw, practices: [demo], dossiers: [CEGID001, "D*"], rights: [raw]}
  - {caller: clerk, practices: [partner], dossiers: ["D*"], rights: [read, write]}
  - {caller: clerk, practices: [partner], dossiers: [BIG00001], rights: [read, administer]}
  - {caller: operator, practices: ["*"], dossiers: ["*"], rights: [operate]}
  - {caller: overseer, practices: ["*"], dossiers: ["*"], rights: [operate, administer]}
`

// harness is a whole service, its simulator, and a client of each transport.
type harness struct {
	*sandbox.Sandbox
	t    *testing.T
	conn *grpc.ClientConn
	rest string
	web  *http.Client
	log  *testkit.Log
	stop func() error
}

// quick makes retries fast enough for tests; the rules stay.
func quick(cfg *cegidclient.Config) {
	cfg.Retry = cegidclient.RetryPolicy{
		BaseDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond, ThrottledDelay: 2 * time.Millisecond,
	}
}

// impatient also gives up an attempt soon, for faults that never answer. Not for others: a busy machine is slow.
func impatient(cfg *cegidclient.Config) {
	quick(cfg)
	cfg.Retry.AttemptTimeout = attemptTimeout
}

// impatientWriter also gives up a write soon.
func impatientWriter(cfg *cegidclient.Config) {
	impatient(cfg)
	cfg.Retry.SubmissionTimeout = attemptTimeout
}

func start(t *testing.T, tune func(*sandbox.Config)) *harness {
	t.Helper()
	h := &harness{t: t, log: &testkit.Log{}}
	cfg := sandbox.Config{
		Host: "127.0.0.1", Log: slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Policy: loadPolicy(t), Tune: quick, Grace: time.Second, Origins: []string{"https://app.example.com"},
		NoRepeatAfter429: true, // faults show as they come; TestAfterA429AWriteIsSentAgain is of the repeats
	}
	if tune != nil {
		tune(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.Sandbox = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	h.stop = sync.OnceValue(func() error { cancel(); return <-done })

	grpcAddress, httpAddress, _ := s.Server.Addresses()
	h.rest = "http://" + httpAddress.String()
	h.web = &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	h.conn, err = grpc.NewClient(grpcAddress.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.web.CloseIdleConnections()
		_ = h.conn.Close()
		if err := h.stop(); err != nil {
			t.Error("the service ended with", err)
		}
	})
	return h
}

func loadPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf(testPolicy, policy.HashToken("everything"), policy.HashToken("reader"), policy.HashToken("stranger"), policy.HashToken("raw"), policy.HashToken("clerk"), policy.HashToken("operator"), policy.HashToken("overseer"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path, policy.Installation{Practices: []string{"demo", "partner"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// names is the rule by which REST names what gRPC names otherwise.
var names = restname.OfContract()

// outcome is what a caller sees, whichever way the call took.
type outcome struct {
	// Messages of the answer: one, or those of a stream.
	Messages []any
	Err      *failure
}

// failure is an error as the contract shapes it.
type failure struct {
	Code       string
	Reason     string
	Domain     string
	Message    string
	Metadata   map[string]string
	Violations []violation
	Retry      time.Duration
	Help       []string
	Local      *errdetails.LocalizedMessage // Loop's own words
	HTTP       int                          // REST alone
	Header     http.Header                  // REST alone
	Trailer    metadata.MD                  // gRPC alone
	// asREST is the failure as a caller of REST is to see it; gRPC alone.
	asREST *failure
	// ownClock: the client's own deadline ended the call before the server's error arrived.
	ownClock bool
}

type violation struct{ Field, Description, Reason, French, Locale string }

func failureOf(s *status.Status) *failure {
	f := &failure{Code: codeName(int32(s.Code())), Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			f.Reason, f.Domain, f.Metadata = d.GetReason(), d.GetDomain(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				f.Violations = append(f.Violations, violation{v.GetField(), v.GetDescription(), v.GetReason(), v.GetLocalizedMessage().GetMessage(), v.GetLocalizedMessage().GetLocale()})
			}
		case *errdetails.RetryInfo:
			f.Retry = d.GetRetryDelay().AsDuration()
		case *errdetails.Help:
			for _, link := range d.GetLinks() {
				f.Help = append(f.Help, link.GetDescription())
			}
		case *errdetails.LocalizedMessage:
			f.Local = d
		}
	}
	return f
}

// codeName is the code as the protocol spells it.
func codeName(code int32) string {
	names := []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(code) < len(names) {
		return names[code]
	}
	return strconv.Itoa(int(code))
}

// method finds a method of the contract by its short name, Service.Method.
func method(t *testing.T, name string) protoreflect.MethodDescriptor {
	t.Helper()
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("cegid.loop.v1." + name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return found.(protoreflect.MethodDescriptor)
}

func newMessage(t *testing.T, descriptor protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	found, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return found.New().Interface()
}

// overGRPC makes a call over gRPC. Its answers come as the JSON that REST would give.
func (h *harness) overGRPC(ctx context.Context, m protoreflect.MethodDescriptor, token string, request proto.Message) outcome {
	h.t.Helper()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	path := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
	var out outcome
	var trailer metadata.MD
	keep := func(response proto.Message) {
		text, err := protojson.Marshal(names.Answer(response))
		if err != nil {
			h.t.Fatal(err)
		}
		out.Messages = append(out.Messages, decode(h.t, text))
	}
	var err error
	if file, ok := request.(uploading); ok {
		err = h.uploadGRPC(ctx, m, file, &trailer, keep)
	} else if !m.IsStreamingServer() {
		response := newMessage(h.t, m.Output())
		if err = h.conn.Invoke(ctx, path, request, response, grpc.Trailer(&trailer)); err == nil {
			keep(response)
		}
	} else {
		err = h.streamGRPC(ctx, m, path, request, &trailer, keep)
	}
	if err != nil {
		out.Err = failureOf(status.Convert(err))
		out.Err.Trailer = trailer
		inREST := names.Error(err)
		if m.IsStreamingClient() {
			inREST = restname.OfUpload(inREST)
		}
		out.Err.asREST = failureOf(status.Convert(inREST))
		out.Err.asREST.Message = strings.Replace(out.Err.asREST.Message, "the metadata `authorization:", "the header `Authorization:", 1)
		_, timed := ctx.Deadline()
		out.Err.ownClock = timed && out.Err.Reason == ""
	}
	return out
}

func (h *harness) streamGRPC(ctx context.Context, m protoreflect.MethodDescriptor, path string, request proto.Message, trailer *metadata.MD, keep func(proto.Message)) error {
	stream, err := h.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path, grpc.Trailer(trailer))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		response := newMessage(h.t, m.Output())
		if err := stream.RecvMsg(response); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		keep(response)
	}
}

// restRequest writes a request as the contract's HTTP rule says.
func (h *harness) restRequest(ctx context.Context, m protoreflect.MethodDescriptor, request proto.Message) *http.Request {
	h.t.Helper()
	if file, ok := request.(uploading); ok {
		return h.uploadREST(ctx, m, file)
	}
	rule := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	verb, template, body := http.MethodGet, rule.GetGet(), rule.GetBody()
	switch {
	case rule.GetPost() != "":
		verb, template = http.MethodPost, rule.GetPost()
	case rule.GetPatch() != "":
		verb, template = http.MethodPatch, rule.GetPatch()
	}
	text, err := protojson.Marshal(request)
	if err != nil {
		h.t.Fatal(err)
	}
	fields := decode(h.t, text).(map[string]any)
	path := template
	for i := range request.ProtoReflect().Descriptor().Fields().Len() {
		field := request.ProtoReflect().Descriptor().Fields().Get(i)
		if variable := "{" + string(field.Name()) + "}"; strings.Contains(path, variable) {
			value, _ := fields[field.JSONName()].(string)
			path = strings.Replace(path, variable, url.PathEscape(value), 1)
			delete(fields, field.JSONName())
		}
	}
	var reader io.Reader
	if body != "" {
		encoded, err := json.Marshal(fields)
		if err != nil {
			h.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	} else if len(fields) > 0 {
		query := url.Values{}
		for name, value := range fields {
			parameter(query, name, value)
		}
		path += "?" + query.Encode()
	}
	out, err := http.NewRequestWithContext(ctx, verb, h.rest+path, reader)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// overREST makes a call over REST.
func (h *harness) overREST(request *http.Request, token string) outcome {
	h.t.Helper()
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if deadline, ok := request.Context().Deadline(); ok {
		request.Header.Set("Grpc-Timeout", strconv.FormatInt(time.Until(deadline).Milliseconds(), 10)+"m")
		request = request.WithContext(context.WithoutCancel(request.Context())) // the server's error, not this client's
	}
	response, err := h.web.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var out outcome
	fail := func(text []byte) {
		var s rpcstatus.Status
		var top struct{ Reason string }
		if err := errors.Join(json.Unmarshal(text, &top), protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, &s)); err != nil {
			h.t.Fatalf("HTTP %d, not a google.rpc.Status: %s", response.StatusCode, text)
		}
		out.Err = failureOf(status.FromProto(&s))
		if top.Reason != out.Err.Reason {
			h.t.Errorf("the reason at the top of the error is %q: %s", top.Reason, text)
		}
		out.Err.HTTP, out.Err.Header = response.StatusCode, response.Header
	}
	if response.Header.Get("Content-Type") == "application/x-ndjson" {
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var line struct{ Result, Error json.RawMessage }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				h.t.Fatalf("not a line of JSON: %s", lines.Text())
			}
			if line.Error != nil {
				fail(line.Error)
				continue
			}
			out.Messages = append(out.Messages, decode(h.t, line.Result))
		}
		if err := lines.Err(); err != nil {
			h.t.Fatal(err)
		}
		return out
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		out.Messages = []any{decode(h.t, text)}
	default:
		var line struct{ Error json.RawMessage }
		if json.Unmarshal(text, &line) == nil && line.Error != nil { // a stream that failed before its first message
			text = line.Error
		}
		fail(text)
	}
	return out
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("not JSON: %s", text)
	}
	return out
}

// volatile are the fields that no two calls share.
var volatile = []string{"checkTime", "replayed", "duration", "createTime", "updateTime", "nextPollTime", "loopRequestId", "loopIds", "expireTime"}

// withoutVolatile is a copy without what changes from call to call.
func withoutVolatile(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for name, inner := range out {
			out[name] = withoutVolatile(inner)
			if slices.Contains(volatile, name) {
				delete(out, name)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			out = append(out, withoutVolatile(inner))
		}
		return out
	}
	return value
}

func protoString(s string) protoreflect.Value { return protoreflect.ValueOfString(s) }

func insecureCredentials() credentials.TransportCredentials { return insecure.NewCredentials() }

func writeAny(out io.Writer, value any) {
	_, _ = fmt.Fprintf(out, "%+v\n", value)
}

// requestOf is a small request of a method that reads a dossier.
func requestOf(t *testing.T, m protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	request := newMessage(t, m.Input())
	set := func(name protoreflect.Name, value protoreflect.Value) {
		if field := m.Input().Fields().ByName(name); field != nil {
			request.ProtoReflect().Set(field, value)
		}
	}
	set("practice", protoString("demo"))
	set("dossier", protoString("CEGID001"))
	set("page_size", protoreflect.ValueOfInt32(1)) // a full page: one call
	return request
}

// parameter adds a field to a query; of a list, each of its values.
func parameter(query url.Values, name string, value any) {
	list, repeated := value.([]any)
	if !repeated {
		list = []any{value}
	}
	for _, each := range list {
		query.Add(name, fmt.Sprint(each))
	}
}
