package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"buf.build/go/protovalidate"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream replaces the server in the process: it records what the gateway asks of it.
type upstream struct {
	// answer fills the reply of a unary call; nil leaves it empty.
	answer func(ctx context.Context, reply proto.Message) error
	// next gives the messages of a stream; nil is a stream without any.
	next func(ctx context.Context, reply proto.Message) error
	// opened, if not nil, receives each stream.
	opened func(ctx context.Context)

	mu       sync.Mutex
	requests []proto.Message
	headers  []metadata.MD
}

func (u *upstream) note(ctx context.Context, request any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	header, _ := metadata.FromOutgoingContext(ctx)
	u.requests = append(u.requests, proto.Clone(request.(proto.Message)))
	u.headers = append(u.headers, header)
}

func (u *upstream) Invoke(ctx context.Context, _ string, request, reply any, _ ...grpc.CallOption) error {
	u.note(ctx, request)
	if u.answer == nil {
		return nil
	}
	return u.answer(ctx, reply.(proto.Message))
}

func (u *upstream) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	if u.opened != nil {
		u.opened(ctx)
	}
	return &upstreamStream{upstream: u, ctx: ctx}, nil
}

type upstreamStream struct {
	grpc.ClientStream
	upstream *upstream
	ctx      context.Context
}

func (s *upstreamStream) SendMsg(request any) error {
	s.upstream.note(s.ctx, request)
	return nil
}

func (s *upstreamStream) RecvMsg(reply any) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if s.upstream.next == nil {
		return io.EOF
	}
	return s.upstream.next(s.ctx, reply.(proto.Message))
}

func (*upstreamStream) CloseSend() error             { return nil }
func (*upstreamStream) Header() (metadata.MD, error) { return metadata.MD{}, nil }
func (*upstreamStream) Trailer() metadata.MD         { return nil }

// calls are the requests that reached the upstream.
func (u *upstream) calls() []proto.Message {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]proto.Message(nil), u.requests...)
}

// front is a gateway on a listener.
type front struct {
	*httptest.Server
	*upstream
	log *testkit.Log
}

func serve(t *testing.T, u *upstream, tune func(*Config), tuneServer func(*httptest.Server)) *front {
	t.Helper()
	f := &front{upstream: u, log: &testkit.Log{}}
	validator, err := protovalidate.New()
	testkit.OK(t, err)
	cfg := Config{
		Conn: u, MaxBody: 1 << 20, Site: &site.Config{OpenAPI: []byte(`{"openapi":"3.1.0"}`)}, Ready: func() error { return nil },
		Log:   slog.New(slog.NewJSONHandler(f.log, nil)),
		Check: func(request proto.Message) error { return interceptor.CheckShape(validator, request) },
	}
	if tune != nil {
		tune(&cfg)
	}
	handler, err := New(cfg)
	testkit.OK(t, err)
	f.Server = httptest.NewUnstartedServer(handler)
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	if tuneServer == nil {
		f.Start()
	} else {
		tuneServer(f.Server)
	}
	client := f.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(f.Close)
	return f
}

// answer is what a caller got.
type answer struct {
	*http.Response
	text string
	// Of an error:
	status  *rpcstatus.Status
	reason  string
	fields  []string
	message string
}

func (f *front) do(t *testing.T, verb, path, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(t.Context(), verb, f.URL+path, reader)
	testkit.OK(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := f.Client().Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	testkit.OK(t, err)
	got := answer{Response: response, text: string(text)}
	if response.StatusCode >= 400 && verb != http.MethodHead {
		var line struct{ Error json.RawMessage }
		if json.Unmarshal(text, &line) == nil && line.Error != nil { // a stream that failed before its first message
			text = line.Error
		}
		got.status = &rpcstatus.Status{}
		var top struct{ Reason string }
		if err := errors.Join(json.Unmarshal(text, &top), protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, got.status)); err != nil {
			t.Fatalf("%s %s: HTTP %d, not a google.rpc.Status: %s", verb, path, response.StatusCode, text)
		}
		got.message = got.status.GetMessage()
		for _, packed := range got.status.GetDetails() {
			detail, err := packed.UnmarshalNew()
			testkit.OK(t, err)
			switch d := detail.(type) {
			case *errdetails.ErrorInfo:
				if got.reason = d.GetReason(); got.reason != top.Reason {
					t.Errorf("%s %s: the reason at the top is %q: %s", verb, path, top.Reason, text)
				}
			case *errdetails.BadRequest:
				for _, v := range d.GetFieldViolations() {
					got.fields = append(got.fields, v.GetField())
				}
			}
		}
	}
	return got
}

var errOdd = errors.New("odd: secret internals")
