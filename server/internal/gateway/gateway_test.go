package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/strictjson"
)

const (
	accounts   = "/v1/practices/demo/dossiers/CEGID001/accounts"
	imports    = "/v1/practices/demo/dossiers/CEGID001/imports"
	connection = "/v1/practices/demo/dossiers/CEGID001:checkConnection"
	entries    = "/v1/practices/demo/dossiers/CEGID001/entries"
	identity   = "/v1/practices/demo/dossiers/CEGID001/legalIdentity"
)

// TestRequestsThatCannotBeRead: each is refused with the field that is wrong, and none reaches the service.
func TestRequestsThatCannotBeRead(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	for _, c := range []struct {
		name, verb, path, body string
		fields                 []string
		says                   string
	}{
		{name: "a path that is not UTF-8", path: "/v1/practices/demo/dossiers/%FF%FE/accounts", fields: []string{"dossier"}, says: "UTF-8"},
		{name: "a practice that is not UTF-8", path: "/v1/practices/%C3%28/dossiers/CEGID001/accounts", fields: []string{"practice"}, says: "UTF-8"},
		{name: "a surrogate in the path", path: "/v1/practices/demo/dossiers/%ED%A0%80/accounts", fields: []string{"dossier"}, says: "UTF-8"},
		{name: "a query that is not UTF-8", path: accounts + "?filter=%FF", fields: []string{"filter"}, says: "UTF-8"},
		{name: "a token that is not UTF-8", path: accounts + "?pageToken=%E9t%E9", fields: []string{"pageToken"}, says: "UTF-8"},
		{name: "the name of a parameter that is not UTF-8", path: accounts + "?%FF=1", fields: []string{"\uFFFD"}, says: "no parameter"},
		{name: "two spellings of one parameter", path: accounts + "?pageSize=1&page_size=1", fields: []string{"pageSize"}, says: "more than once"},
		{name: "one spelling twice", path: accounts + "?page_size=1&page_size=2", fields: []string{"pageSize"}, says: "more than once"},
		{name: "a parameter that stands in the path", path: accounts + "?practice=partner", fields: []string{"practice"}, says: "leave it out of the query"},
		{name: "a parameter inside a text", path: accounts + "?filter.x=1", fields: []string{"filter.x"}, says: "no parameter"},
		{name: "a query with a semicolon", path: accounts + "?pageSize=1;filter=x", fields: []string{"(query)"}, says: "cannot be read"},
		{name: "two parameters of which one is wanted", path: entries + "?lettering=LETTERING_STATE_LETTERED&originId=x", fields: []string{"lettering", "originId"}, says: "give one of lettering, letteringId, originId"},
		{name: "a mask for everything", verb: "PATCH", path: identity, body: `{"updateMask": "*"}`, fields: []string{"updateMask"}, says: "fields one by one"},
		{name: "a body with another after it", verb: "POST", path: connection, body: `{} {"keyKind": "KEY_KIND_ADVANCED"}`, fields: []string{"(body)"}, says: "one JSON object, and nothing after it (line 1, column 4)"},
		{name: "a body with something after it", verb: "POST", path: connection, body: `{}x`, fields: []string{"(body)"}, says: "one JSON object"},
		{name: "a body that is an array", verb: "POST", path: connection, body: `[]`, fields: []string{"(body)"}, says: "one JSON object"},
		{name: "a body that is cut", verb: "POST", path: connection, body: `{"keyKind": `, fields: []string{"keyKind"}, says: "is cut"},
		{name: "a body that is not UTF-8", verb: "POST", path: imports, body: "{\"requestId\": \"\xff\"}", fields: []string{"requestId"}, says: "unexpected byte 0xff"},
		{name: "a field twice in a body", verb: "POST", path: imports, body: `{"requestId": "a", "request_id": "b"}`, fields: []string{"requestId"}, says: "given twice"},
		{name: "a practice in the body", verb: "POST", path: connection, body: `{"practice": "partner"}`, fields: []string{"practice"}, says: "leave it out of the body"},
		{name: "the practice of the path in the body", verb: "POST", path: connection, body: `{"practice": "demo"}`, fields: []string{"practice"}, says: "leave it out of the body"},
		{name: "a dossier in the body", verb: "POST", path: imports, body: `{"dossier": "CEGID003"}`, fields: []string{"dossier"}, says: "leave it out of the body"},
		{name: "an unknown field deep in a body", verb: "POST", path: imports, body: `{"entries": [{"lines": [{"debitt": "1"}]}]}`, fields: []string{"entries[0].lines[0].debitt"}, says: "do you mean debit? (line 1, column 26)"},
		{name: "an amount that is a number", verb: "POST", path: imports, body: `{"entries": [{"lines": [{"debit": 1.5}]}]}`, fields: []string{"entries[0].lines[0].debit"}, says: `as text, \"1.5\" (line 1, column 35)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := f.do(t, cmp.Or(c.verb, http.MethodGet), c.path, c.body)
			if got.StatusCode != http.StatusBadRequest || got.reason != "REQUEST_MALFORMED" || !slices.Equal(got.fields, c.fields) || !strings.Contains(got.text, c.says) {
				t.Errorf("HTTP %d %s, fields %q; want 400 REQUEST_MALFORMED, fields %q, saying %q: %s", got.StatusCode, got.reason, got.fields, c.fields, c.says, got.text)
			}
			if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Request-Id") == "" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the headers are %v", got.Header)
			}
			if strings.Contains(got.text, "proto:") || strings.Contains(got.text, "protojson") {
				t.Errorf("the answer speaks of the parser: %s", got.text)
			}
		})
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("the service was called all the same: %v", calls)
	}
}

func TestABodyThatIsTooLarge(t *testing.T) {
	f := serve(t, &upstream{}, func(c *Config) { c.MaxBody = 100 }, nil)
	got := f.do(t, http.MethodPost, imports, `{"requestId": "`+strings.Repeat("x", 200)+`"}`)
	if got.StatusCode != http.StatusBadRequest || got.reason != "REQUEST_MALFORMED" || !strings.Contains(got.message, "larger") || len(f.calls()) > 0 {
		t.Errorf("HTTP %d %s", got.StatusCode, got.text)
	}
}

// TestValuesOfABodyAreCounted: what is in texts is none.
func TestValuesOfABodyAreCounted(t *testing.T) {
	body := func(lines string) string { return `{"entries": [{"lines": [` + lines + `]}]}` }
	const mostLines = (interceptor.MaxParts - 13) / 24
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"few bytes that take much memory", body(strings.Repeat("{},", maxObjects-10) + "{}"), strictjson.ErrTooMany},
		{"one line more than may be", body(strings.Repeat("{},", mostLines) + "{}"), strictjson.ErrTooMany},
		{"as many as may be", body(strings.Repeat("{},", mostLines-1) + "{}"), nil},
		{"one text of braces", `{"requestId": "` + strings.Repeat("{", 2*maxParts) + `"}`, nil},
		{"one text of quotation marks", `{"requestId": "` + strings.Repeat(`\",`, 2*maxParts) + `"}`, nil},
		{"after a text that ends in a backslash", `{"requestId": "\\", "entries": [` + strings.Repeat("{},", maxParts) + `{}]}`, strictjson.ErrTooMany},
		{"the largest import, each field given and each line split in 18", largest(t, 18), nil},
	} {
		request := &looppb.ImportEntriesRequest{}
		if err := strictjson.Read([]byte(c.body), request, nil, newBounds()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
	}
}

// largest is an import of 1,000 entries with 5,000 lines, which the service takes.
func largest(t *testing.T, splits int) string {
	t.Helper()
	fill := func(message proto.Message) {
		fields := message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if field := fields.Get(i); field.Kind() == protoreflect.StringKind && !field.IsList() {
				message.ProtoReflect().Set(field, protoreflect.ValueOfString("1"))
			}
		}
	}
	line, entry, split := &looppb.EntryLine{}, &looppb.Entry{}, &looppb.AnalyticSplit{}
	fill(line)
	fill(entry)
	fill(split)
	line.Analytics = slices.Repeat([]*looppb.AnalyticSplit{split}, splits)
	entry.Lines = slices.Repeat([]*looppb.EntryLine{line}, 5)
	request := &looppb.ImportEntriesRequest{Entries: slices.Repeat([]*looppb.Entry{entry}, 1000)}
	text, err := protojson.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFewBytesThatTakeMuchMemoryAreRefused: their text does not tell.
func TestFewBytesThatTakeMuchMemoryAreRefused(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	got := f.do(t, http.MethodPost, imports, `{"requestId": "a", "entries": [{"lines": [`+strings.Repeat("{},", maxObjects-10)+`{}]}]}`)
	if got.StatusCode != http.StatusBadRequest || got.reason != "REQUEST_MALFORMED" || !strings.Contains(got.message, "more values") || len(f.calls()) > 0 {
		t.Errorf("HTTP %d %s", got.StatusCode, got.text)
	}
}

// TestAStrangersBodyIsNotRead: the service is asked nothing but what the path says.
func TestAStrangersBodyIsNotRead(t *testing.T) {
	var asked []string
	f := serve(t, &upstream{}, func(cfg *Config) {
		cfg.Arrive = func(ctx context.Context, _, most int64, _ func()) (int64, func(), bool, error) {
			token := metadata.ValueFromIncomingContext(ctx, "authorization")
			asked = append(asked, strings.Join(token, " and "))
			return most, func() {}, len(token) == 1 && token[0] == "Bearer known", nil
		}
	}, nil)
	for token, want := range map[string]looppb.KeyKind{"known": looppb.KeyKind_KEY_KIND_ADVANCED, "unknown": looppb.KeyKind_KEY_KIND_UNSPECIFIED} {
		got := f.do(t, http.MethodPost, connection, `{"keyKind": "KEY_KIND_ADVANCED"}`, "Authorization", "Bearer "+token)
		calls := f.calls()
		last, ok := calls[len(calls)-1].(*looppb.CheckConnectionRequest)
		if got.StatusCode != http.StatusOK || !ok || last.GetPractice() != "demo" || last.GetKeyKind() != want {
			t.Errorf("%s: HTTP %d %s, %v", token, got.StatusCode, got.text, calls)
		}
	}
	if len(asked) != 2 {
		t.Errorf("it was asked about %q", asked)
	}
	if got := f.do(t, http.MethodPost, connection, "x", "Authorization", "Bearer known", "Content-Encoding", "gzip"); got.StatusCode != http.StatusUnsupportedMediaType || got.reason != "MEDIA_TYPE_UNSUPPORTED" ||
		got.Header.Get("Accept-Encoding") != "identity" || !slices.Equal(got.fields, []string{"Content-Encoding"}) {
		t.Errorf("a body that is encoded: HTTP %d %s", got.StatusCode, got.text)
	}
}

func TestIdempotencyKeyIsTheRequestID(t *testing.T) {
	const key = "Idempotency-Key"
	for _, c := range []struct {
		name, verb, path, body string
		headers                []string
		want                   string
		refused                bool
	}{
		{name: "it fills what the body leaves out", path: imports, body: `{}`, headers: []string{key, "FA-1"}, want: "FA-1"},
		{name: "it fills what stands empty in the body", path: imports, body: `{"requestId": ""}`, headers: []string{key, "FA-1"}, want: "FA-1"},
		{name: "it may repeat the body", path: imports, body: `{"requestId": "FA-1"}`, headers: []string{key, "FA-1"}, want: "FA-1"},
		{name: "without it the body speaks", path: imports, body: `{"requestId": "FA-1"}`, want: "FA-1"},
		{name: "it may not contradict the body", path: imports, body: `{"requestId": "FA-2"}`, headers: []string{key, "FA-1"}, refused: true},
		{name: "an empty one contradicts the body", path: imports, body: `{"requestId": "FA-2"}`, headers: []string{key, ""}, refused: true},
		{name: "two are one too many", path: imports, body: `{}`, headers: []string{key, "FA-1", key, "FA-2"}, refused: true},
		{name: "the same twice is one too many", path: imports, body: `{}`, headers: []string{key, "FA-1", key, "FA-1"}, refused: true},
		{name: "two are refused beside a body that has one", path: imports, body: `{"requestId": "FA-1"}`, headers: []string{key, "FA-1", key, "FA-1"}, refused: true},
		{name: "quotation marks around it are not part of it", path: imports, body: `{}`, headers: []string{key, `"Q-1"`}, want: "Q-1"},
		{name: "quoted, it may repeat the body", path: imports, body: `{"requestId": "Q-1"}`, headers: []string{key, `"Q-1"`}, want: "Q-1"},
		{name: "it is text", path: imports, body: `{}`, headers: []string{key, "\xff"}, refused: true},
		{name: "a read that has no id ignores it", verb: http.MethodGet, path: accounts, headers: []string{key, "FA-1", key, "FA-2"}},
		{name: "a read of an import by its id ignores it", verb: http.MethodGet, path: "/v1/practices/demo/dossiers/CEGID001/imports/FA-1", headers: []string{key, "FA-2"}, want: "FA-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := serve(t, &upstream{}, nil, nil)
			verb := c.verb
			if verb == "" {
				verb = http.MethodPost
			}
			got := f.do(t, verb, c.path, c.body, c.headers...)
			calls := f.calls()
			if c.refused {
				if got.StatusCode != http.StatusBadRequest || got.reason != "FIELD_INVALID" || !slices.Equal(got.fields, []string{"requestId"}) || len(calls) > 0 {
					t.Errorf("HTTP %d %s, %d calls", got.StatusCode, got.text, len(calls))
				}
				return
			}
			if got.StatusCode != http.StatusOK || len(calls) != 1 {
				t.Fatalf("HTTP %d %s, %d calls", got.StatusCode, got.text, len(calls))
			}
			if named, ok := calls[0].(interface{ GetRequestId() string }); ok && named.GetRequestId() != c.want {
				t.Errorf("the request id is %q; want %q", named.GetRequestId(), c.want)
			}
		})
	}
}

// TestWhatTheGatewayMasksIsLogged: the caller gets an id, the log has the error under it.
func TestWhatTheGatewayMasksIsLogged(t *testing.T) {
	for _, each := range []struct{ name, path string }{{"a unary call", accounts}, {"a stream", accounts + ":stream"}} {
		t.Run(each.name, func(t *testing.T) {
			fail := func(context.Context, proto.Message) error { return errOdd }
			f := serve(t, &upstream{answer: fail, next: fail}, nil, nil)
			got := f.do(t, http.MethodGet, each.path, "", "X-Request-Id", "my-call.7")
			if got.StatusCode != http.StatusInternalServerError || !strings.Contains(got.text, "my-call.7") || strings.Contains(got.text, "odd") {
				t.Errorf("HTTP %d %s", got.StatusCode, got.text)
			}
			if log := f.log.String(); !strings.Contains(log, `"request_id":"my-call.7"`) || !strings.Contains(log, "odd: secret internals") {
				t.Errorf("the log does not have it: %s", log)
			}
		})
	}
}

// TestErrorsOfTheConnectionHaveAReason: those that no interceptor made.
func TestErrorsOfTheConnectionHaveAReason(t *testing.T) {
	for code, want := range map[codes.Code]struct {
		http   int
		reason string
	}{
		codes.Unavailable:       {http.StatusServiceUnavailable, "SHUTTING_DOWN"},
		codes.DeadlineExceeded:  {http.StatusGatewayTimeout, "DEADLINE_EXCEEDED"},
		codes.ResourceExhausted: {http.StatusTooManyRequests, "CALLER_LIMIT"},
		codes.Unimplemented:     {http.StatusNotFound, "METHOD_UNKNOWN"},
	} {
		f := serve(t, &upstream{answer: func(context.Context, proto.Message) error { return status.Error(code, "secret internals") }}, nil, nil)
		got := f.do(t, http.MethodGet, accounts, "")
		if got.StatusCode != want.http || got.reason != want.reason || strings.Contains(got.text, "secret") {
			t.Errorf("%s: HTTP %d %s; want %d %s", code, got.StatusCode, got.text, want.http, want.reason)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	for _, c := range []struct {
		name, verb, path string
		code             int
		reason, allow    string
	}{
		{"an unknown path below /v1", "GET", "/v1/nothing", 404, "METHOD_UNKNOWN", ""},
		{"the root of the API", "GET", "/v1/", 404, "METHOD_UNKNOWN", ""},
		{"an unknown path elsewhere", "GET", "/nothing", 404, "METHOD_UNKNOWN", ""},
		{"an unknown verb of a path", "GET", accounts + ":everything", 404, "METHOD_UNKNOWN", ""},
		{"a segment too many", "GET", accounts + "/1/2", 404, "METHOD_UNKNOWN", ""},
		{"a path with two leading slashes", "GET", "//v1/practices/demo/operations", 404, "METHOD_UNKNOWN", ""},
		{"the wrong case", "GET", strings.ToUpper(accounts), 404, "METHOD_UNKNOWN", ""},
		{"HEAD of a list", "HEAD", accounts, 200, "", ""},
		{"HEAD of what is written only", "HEAD", imports + ":validate", 405, "", "POST"},
		{"POST of a page", "POST", "/openapi.json", 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD"},
		{"DELETE of the root", "DELETE", "/", 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD"},
		{"HEAD of an unknown path", "HEAD", "/v1/nothing", 404, "", ""},
		{"HEAD of a probe", "HEAD", "/healthz", 200, "", ""},
		{"OPTIONS of a list", "OPTIONS", accounts, 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD, POST"},
		{"PUT of imports", "PUT", imports, 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD, POST"},
		{"DELETE of an import", "DELETE", imports + "/FA-1", 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD"},
		{"an unknown verb", "BREW", accounts, 405, "HTTP_METHOD_NOT_ALLOWED", "GET, HEAD, POST"},
		{"a trailing slash", "GET", accounts + "/", 400, "FIELD_INVALID", ""},
		{"a slash within a dossier, encoded", "GET", "/v1/practices/demo/dossiers/A%2FB/accounts", 200, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := f.do(t, c.verb, c.path, "")
			if got.StatusCode != c.code || got.reason != c.reason || got.Header.Get("Allow") != c.allow {
				t.Errorf("HTTP %d %q, Allow %q; want %d %q, Allow %q: %s", got.StatusCode, got.reason, got.Header.Get("Allow"), c.code, c.reason, c.allow, got.text)
			}
			if c.verb == "HEAD" && got.text != "" {
				t.Errorf("HEAD has a body: %s", got.text)
			}
		})
	}
	calls := f.calls()
	if last := calls[len(calls)-1].(*looppb.ListAccountsRequest); last.GetDossier() != "A/B" {
		t.Errorf("the dossier arrived as %q", last.GetDossier())
	}
}

func TestContentTypes(t *testing.T) {
	sent := false
	f := serve(t, &upstream{next: func(_ context.Context, reply proto.Message) error {
		if sent {
			return status.Error(codes.Internal, "odd")
		}
		sent = true
		reply.(*looppb.StreamAccountsResponse).Accounts = []*looppb.Account{{Number: "60700000"}}
		return nil
	}}, nil, nil)
	for _, accept := range []string{"", "text/html", "application/x-protobuf", "application/xml;q=0.9"} {
		if got := f.do(t, http.MethodGet, accounts, "", "Accept", accept); got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || got.text != "{}" {
			t.Errorf("Accept %q: HTTP %d %s %s", accept, got.StatusCode, got.Header.Get("Content-Type"), got.text)
		}
	}
	for _, sent := range []string{"", "application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "application/octet-stream"} {
		if got := f.do(t, http.MethodPost, connection, `{"keyKind": "KEY_KIND_ADVANCED"}`, "Content-Type", sent); got.StatusCode != 200 {
			t.Errorf("Content-Type %q: HTTP %d %s", sent, got.StatusCode, got.text)
		}
	}
	got := f.do(t, http.MethodGet, accounts+":stream", "")
	lines := strings.Split(strings.TrimSpace(got.text), "\n")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/x-ndjson" || len(lines) != 2 ||
		!strings.HasPrefix(lines[0], `{"result":`) || !strings.HasPrefix(lines[1], `{"error":`) || strings.Contains(got.text, "odd") {
		t.Errorf("a stream that fails: HTTP %d %s %s", got.StatusCode, got.Header.Get("Content-Type"), got.text)
	}
	for path, want := range map[string]string{"/openapi.json": "application/json", "/healthz": "text/plain; charset=utf-8", "/docs/api/": "text/html; charset=utf-8", "/": "text/html; charset=utf-8"} {
		if got := f.do(t, http.MethodGet, path, ""); got.StatusCode != 200 || got.Header.Get("Content-Type") != want {
			t.Errorf("%s: HTTP %d %s", path, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
}

// TestWithoutDocumentsThereIsTheAPIAlone, and what probes ask.
func TestWithoutDocumentsThereIsTheAPIAlone(t *testing.T) {
	f := serve(t, &upstream{}, func(cfg *Config) { cfg.Site = nil }, nil)
	for _, path := range []string{"/", "/docs", "/docs/", "/docs/api/", "/docs/search?q=x", "/openapi.json", "/protos/", "/protos/bundle.zip"} {
		if got := f.do(t, http.MethodGet, path, ""); got.StatusCode != http.StatusNotFound || got.reason == "" {
			t.Errorf("%s: HTTP %d %s", path, got.StatusCode, got.text)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", accounts} {
		if got := f.do(t, http.MethodGet, path, ""); got.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d %s", path, got.StatusCode, got.text)
		}
	}
}

// TestAStreamThatFailsAtOnce: nothing of a stream was answered, so that the error is one as any other call's.
func TestAStreamThatFailsAtOnce(t *testing.T) {
	f := serve(t, &upstream{
		answer: func(context.Context, proto.Message) error { return apierror.FromContext(context.DeadlineExceeded) },
		next:   func(context.Context, proto.Message) error { return apierror.FromContext(context.DeadlineExceeded) },
	}, nil, nil)
	stream, call := f.do(t, http.MethodGet, accounts+":stream", ""), f.do(t, http.MethodGet, accounts, "")
	if stream.StatusCode != http.StatusGatewayTimeout || stream.Header.Get("Content-Type") != "application/json" || stream.ContentLength != int64(len(stream.text)) || !strings.HasPrefix(stream.text, `{"code":4`) {
		t.Errorf("HTTP %d %v %s", stream.StatusCode, stream.Header, stream.text)
	}
	var one, other any
	if json.Unmarshal([]byte(stream.text), &one) != nil || json.Unmarshal([]byte(call.text), &other) != nil || !reflect.DeepEqual(one, other) {
		t.Errorf("the stream says %s, the call %s", stream.text, call.text)
	}
}

// TestAStreamWithoutMessages: an empty answer is an empty stream, labelled as one.
func TestAStreamWithoutMessages(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	got := f.do(t, http.MethodGet, accounts+":stream", "")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/x-ndjson" || got.text != "" {
		t.Errorf("HTTP %d %s %q", got.StatusCode, got.Header.Get("Content-Type"), got.text)
	}
}

// TestHeadersThatGoThrough: only those on the list reach the service.
func TestHeadersThatGoThrough(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	f.do(t, http.MethodGet, accounts, "",
		"Authorization", "Bearer t", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate", "a=b", "X-Request-Id", "id-1",
		"Grpc-Metadata-X-User-Id", "admin", "Grpc-Metadata-Authorization", "Bearer other", "X-User-Id", "admin", "Cookie", "a=b",
		"X-Forwarded-Client-Cert", "admin", "Grpcgateway-Authorization", "Bearer other", "X-Forwarded-For", "1.2.3.4",
		"Grpc-Metadata-X-Loop-Http-Peer", "1.2.3.4:5", "X-Loop-Http-Peer", "1.2.3.4:5", "User-Agent", "mine")
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, values := range f.headers[0] {
		switch name {
		case "authorization", "traceparent", "tracestate", "x-request-id":
			if len(values) != 1 || strings.Contains(values[0], "other") {
				t.Errorf("%s arrived as %q", name, values)
			}
		case "x-loop-http-peer", "x-loop-http-user-agent": // where it comes from, as the gateway sees it
			if len(values) != 1 || values[0] != "mine" && !strings.HasPrefix(values[0], "127.0.0.1:") {
				t.Errorf("%s arrived as %q", name, values)
			}
		case "x-forwarded-for", "x-forwarded-host": // grpc-gateway's own; nobody reads them
		case "grpcgateway-authorization": // a copy of the first that grpc-gateway makes
			if !slices.Equal(values, []string{"Bearer t"}) {
				t.Errorf("%s arrived as %q", name, values)
			}
		default:
			t.Errorf("%s went through: %q", name, values)
		}
	}
}
