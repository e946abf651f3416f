package inprocess_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/inprocess"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const maxRequest = 1 << 20

// way is a server with the real interceptors, and how it is reached.
type way struct {
	conn      grpc.ClientConnInterface
	graceful  func()
	stop      func()
	log       *lockedBuffer
	registry  *prometheus.Registry
	events    *events
	waiting   chan struct{} // a handler waits for its context, or for more
	more      chan struct{}
	cancelled chan struct{} // its context ended
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// events are the names of what a stats.Handler is told.
type events struct {
	mu    sync.Mutex
	names []string
}

func (*events) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*events) HandleConn(context.Context, stats.ConnStats)                       {}
func (e *events) TagRPC(ctx context.Context, of *stats.RPCTagInfo) context.Context {
	e.note("TagRPC " + of.FullMethodName)
	return context.WithValue(ctx, tagged{}, "tagged")
}

type tagged struct{}

func (e *events) HandleRPC(ctx context.Context, of stats.RPCStats) {
	switch each := of.(type) {
	case *stats.InPayload:
		e.note(fmt.Sprintf("InPayload of %d bytes", each.Length))
	case *stats.OutPayload:
		e.note(fmt.Sprintf("OutPayload of %d bytes", each.Length))
	case *stats.End:
		e.note(fmt.Sprintf("End %v %v", ctx.Value(tagged{}), status.Code(each.Error)))
	case *stats.Begin:
		e.note(fmt.Sprintf("Begin %t %t", each.IsClientStream, each.IsServerStream))
	case *stats.InHeader:
		e.note("InHeader " + strings.Join(each.Header.Get("x-note"), ","))
	default:
		e.note(strings.TrimPrefix(fmt.Sprintf("%T", of), "*stats."))
	}
}

func (e *events) note(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names = append(e.names, name)
}

// taken are the events so far, without their order: grpc-go tells of a message when it is on the wire.
func (e *events) taken() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := e.names
	e.names = nil
	return slices.Sorted(slices.Values(names))
}

// scripted is a service that does what the filter of a request says.
type scripted struct {
	looppb.UnimplementedReferenceDataServiceServer
	looppb.UnimplementedDocumentServiceServer
	way *way
}

type callersOwn struct{}

func (s *scripted) ListAccounts(ctx context.Context, in *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	switch in.GetFilter() {
	case "heads":
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-head", "one"))
		_ = grpc.SendHeader(ctx, metadata.Pairs("x-head", "two", "x-bin", "z"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "three", "x-raw-bin", "\x00\xff"))
		if err := grpc.SetHeader(ctx, metadata.Pairs("x-late", "four")); err == nil {
			return nil, errors.New("a header was set after it was sent")
		}
	case "seen":
		from, _ := peer.FromContext(ctx)
		deadline, has := ctx.Deadline()
		method, _ := grpc.Method(ctx)
		incoming, _ := metadata.FromIncomingContext(ctx)
		_, outgoing := metadata.FromOutgoingContext(ctx)
		said := fmt.Sprint(ctx.Value(callersOwn{}), from != nil, has && time.Until(deadline) < time.Minute, method, incoming.Get("x-note"), incoming.Get("grpc-timeout"),
			fmt.Sprintf("%x", incoming.Get("x-raw-bin")), outgoing, interceptor.HandedOver(ctx))
		return &looppb.ListAccountsResponse{NextPageToken: said}, nil
	case "status":
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-head", "one"))
		return nil, apierror.Error{
			Code: codes.NotFound, Reason: looppb.ErrorReason_ERROR_REASON_PRACTICE_UNKNOWN, Message: "nothing, « né »", RetryAfter: time.Second,
			Violations: []apierror.Violation{{Field: "practice", Description: "of nobody"}}, Help: []string{"ask"},
		}.Err()
	case "plain":
		return nil, errors.New("canary")
	case "panic":
		panic("canary")
	case "nothing":
		return nil, nil
	case "wait":
		s.way.waiting <- struct{}{}
		select {
		case <-ctx.Done():
			s.way.cancelled <- struct{}{}
			return nil, ctx.Err()
		case <-s.way.more:
		}
	case "keep what is sent": // a caller's message is the handler's
		in.Dossier = "changed"
	}
	return &looppb.ListAccountsResponse{Accounts: []*looppb.Account{{Number: "1", Label: proto.String("é")}, {Unmapped: map[string]string{"a": "1"}}}, NextPageToken: in.GetDossier()}, nil
}

func (s *scripted) StreamAccounts(in *looppb.StreamAccountsRequest, stream grpc.ServerStreamingServer[looppb.StreamAccountsResponse]) error {
	send := func(number string) error {
		return stream.Send(&looppb.StreamAccountsResponse{Accounts: []*looppb.Account{{Number: number}}})
	}
	switch in.GetFilter() {
	case "three":
		_ = stream.SetHeader(metadata.Pairs("x-head", "one"))
		stream.SetTrailer(metadata.Pairs("x-tail", "three"))
		return errors.Join(send("1"), send("2"), send("3"))
	case "an error alone":
		_ = stream.SetHeader(metadata.Pairs("x-head", "one"))
		return apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, "gone")
	case "one and an error":
		_ = send("1")
		return apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, "gone")
	case "panic":
		_ = send("1")
		panic("canary")
	case "wait":
		_ = send("1")
		s.way.waiting <- struct{}{}
		<-stream.Context().Done()
		s.way.cancelled <- struct{}{}
		return stream.Context().Err()
	}
	return nil
}

func (s *scripted) StoreDocument(stream grpc.ClientStreamingServer[looppb.StoreDocumentRequest, looppb.StoreDocumentResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	size := 0
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		size += len(piece.GetData())
		if string(piece.GetData()) == "thanks" {
			break
		}
		if string(piece.GetData()) == "enough" {
			return apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "enough")
		}
	}
	return stream.SendAndClose(&looppb.StoreDocumentResponse{Document: &looppb.Document{RequestId: fmt.Sprint(first.GetMetadata().GetRequestId(), size)}})
}

// ways are both: over a connection in memory, and in the process. limit is how long a unary call may take.
func ways(t *testing.T, limit time.Duration) map[string]*way {
	t.Helper()
	out := map[string]*way{}
	for _, name := range []string{"over a connection", "in the process"} {
		w := &way{log: &lockedBuffer{}, registry: prometheus.NewRegistry(), events: &events{}, waiting: make(chan struct{}, 1), more: make(chan struct{}), cancelled: make(chan struct{}, 1)}
		door, chain := chainOf(t, w, limit)
		service := &scripted{way: w}
		register := func(registrar grpc.ServiceRegistrar) {
			looppb.RegisterReferenceDataServiceServer(registrar, service)
			looppb.RegisterDocumentServiceServer(registrar, service)
		}
		if name == "in the process" {
			unary, stream := interceptor.Around(chain)
			server := inprocess.New(inprocess.Config{Unary: unary, Stream: stream, MaxRequest: maxRequest, MaxCalls: 4, Stats: []stats.Handler{w.events}})
			register(door.Guard(server))
			w.conn, w.graceful, w.stop = server, server.GracefulStop, server.Stop
		} else {
			server := grpc.NewServer(append(interceptor.ServerOptions(chain), grpc.MaxRecvMsgSize(maxRequest), grpc.MaxConcurrentStreams(4), grpc.StatsHandler(w.events))...)
			register(door.Guard(server))
			listener := bufconn.Listen(64 << 10)
			go func() { _ = server.Serve(listener) }()
			conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			w.conn, w.graceful, w.stop = conn, server.GracefulStop, server.Stop
		}
		t.Cleanup(w.stop)
		out[name] = w
	}
	return out
}

func chainOf(t *testing.T, w *way, limit time.Duration) (*interceptor.Door, []interceptor.Named) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("callers:\n  - {name: quiet, token_hashes: [%q]}\n  - {name: certified, certificates: [billing.corp.example]}\n"+
		"grants: [{callers: [quiet, certified], practices: [\"*\"], dossiers: [\"*\"], rights: [read, write]}]\n", policy.HashToken("quiet"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	grants, err := policy.Load(path, policy.Installation{Certificates: true})
	if err != nil {
		t.Fatal(err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	door := interceptor.NewDoor(interceptor.Identities{Policy: grants, OverHTTP: true}, interceptor.HandedOver, nil)
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	return door, interceptor.Chain(interceptor.Config{
		Log: log, Lines: interceptor.NewLines(log, false, nil, prometheus.NewRegistry()), Audit: log,
		Refusals: interceptor.NewRefusals(log, prometheus.NewRegistry()), Metrics: interceptor.NewMetrics(w.registry),
		Deadlines: interceptor.Deadlines{UnaryDefault: limit, UnaryMax: limit, StreamDefault: time.Minute, StreamMax: time.Minute},
		Callers:   door.Callers(), Limits: interceptor.NewLimits(grants), Validator: validator, Draining: t.Context(), Shutdown: t.Context(),
		Access: map[string]policy.Access{
			looppb.ReferenceDataService_ListAccounts_FullMethodName: {Right: policy.Read}, looppb.ReferenceDataService_StreamAccounts_FullMethodName: {Right: policy.Read},
			looppb.DocumentService_StoreDocument_FullMethodName: {Right: policy.Write},
		},
	})
}

// seen is all that a caller and an operator see of a call.
type seen struct {
	Answers         []string
	Code            codes.Code
	Message         string
	Details         []string
	Header, Trailer map[string][]string
	Logged          []string
	Counted         []string
	Events          []string
}

func (s *seen) answer(m proto.Message) {
	text, _ := protojson.MarshalOptions{}.Marshal(m)
	var compact bytes.Buffer
	_ = json.Compact(&compact, text)
	s.Answers = append(s.Answers, compact.String())
}

func (s *seen) failed(err error) {
	said := status.Convert(err)
	s.Code, s.Message = said.Code(), said.Message()
	for _, each := range said.Proto().GetDetails() {
		s.Details = append(s.Details, fmt.Sprintf("%s %x", each.GetTypeUrl(), each.GetValue()))
	}
}

func (s *seen) heads(header, trailer metadata.MD) {
	keep := func(md metadata.MD) map[string][]string {
		out := map[string][]string{}
		for key, values := range md {
			if strings.HasPrefix(key, "x-") || key == "grpc-retry-pushback-ms" {
				out[key] = values
			}
		}
		return out
	}
	s.Header, s.Trailer = keep(header), keep(trailer)
}

// operators adds what the log, the metrics and the statistics say since they were last looked at, once the call has ended there, too.
func (s *seen) operators(t *testing.T, w *way) {
	t.Helper()
	for range 2000 {
		w.events.mu.Lock()
		ended := slices.ContainsFunc(w.events.names, func(name string) bool { return strings.HasPrefix(name, "End") })
		w.events.mu.Unlock()
		if ended {
			break
		}
		time.Sleep(5 * time.Millisecond) // grpc-go tells of the end after the caller has its answer
	}
	w.log.mu.Lock()
	for line := range strings.Lines(w.log.Buffer.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"time", "seconds", "stack"} {
			delete(fields, name)
		}
		text, _ := json.Marshal(fields)
		s.Logged = append(s.Logged, string(text))
	}
	w.log.Buffer.Reset()
	w.log.mu.Unlock()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, each := range family.GetMetric() {
			if each.GetCounter() != nil {
				counted := each.GetCounter().GetValue()
				if strings.HasSuffix(family.GetName(), "_seconds_total") && counted > 0 {
					counted = 1 // no two calls take as long
				}
				s.Counted = append(s.Counted, fmt.Sprint(family.GetName(), each.GetLabel(), counted))
			} else {
				s.Counted = append(s.Counted, fmt.Sprint(family.GetName(), each.GetLabel(), each.GetHistogram().GetSampleCount()))
			}
		}
	}
	slices.Sort(s.Counted)
	s.Events = w.events.taken()
}

func asQuiet(t *testing.T) context.Context {
	ctx := context.WithValue(t.Context(), callersOwn{}, "the caller's own")
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer quiet", "x-request-id", "id-1", "x-note", "a", "x-note", "b", "x-raw-bin", "\x00\xff", "grpc-timeout", "1n")
}

func list(t *testing.T, ctx context.Context, w *way, request *looppb.ListAccountsRequest) (out seen) {
	t.Helper()
	var header, trailer metadata.MD
	answer, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, request, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		out.failed(err)
	} else {
		out.answer(answer)
	}
	out.heads(header, trailer)
	out.operators(t, w)
	return out
}

func stream(t *testing.T, ctx context.Context, w *way, request *looppb.StreamAccountsRequest) (out seen) {
	t.Helper()
	s, err := looppb.NewReferenceDataServiceClient(w.conn).StreamAccounts(ctx, request)
	if err != nil {
		out.failed(err)
		return out
	}
	header, _ := s.Header()
	for {
		answer, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			out.failed(err)
			break
		}
		out.answer(answer)
	}
	out.heads(header, s.Trailer())
	out.operators(t, w)
	return out
}

func store(t *testing.T, ctx context.Context, w *way, pieces ...string) (out seen) {
	t.Helper()
	s, err := looppb.NewDocumentServiceClient(w.conn).StoreDocument(ctx)
	if err != nil {
		out.failed(err)
		return out
	}
	about := &looppb.DocumentMetadata{Practice: "demo", Dossier: "D1", RequestId: "id", FileName: "a.pdf", ContentType: "application/pdf"}
	err = s.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: about}})
	for _, each := range pieces {
		if err == nil {
			err = s.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: []byte(each)}})
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("sending: %v", err)
	}
	answer, err := s.CloseAndRecv()
	if err != nil {
		out.failed(err)
	} else {
		out.answer(answer)
	}
	out.heads(nil, s.Trailer())
	out.operators(t, w)
	return out
}

// TestBothWaysAreTheSame: a call in the process is what one over a connection is, for its caller, its handler and its operator.
func TestBothWaysAreTheSame(t *testing.T) {
	long := strings.Repeat("x", maxRequest)
	request := func(filter string) *looppb.ListAccountsRequest {
		return &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: filter}
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w *way) seen
		want codes.Code
	}{
		{"an answer", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("")) }, codes.OK},
		{"headers and trailers", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("heads")) }, codes.OK},
		{"what a handler sees", func(t *testing.T, w *way) seen {
			ctx, cancel := context.WithTimeout(asQuiet(t), 50*time.Second)
			defer cancel()
			return list(t, ctx, w, request("seen"))
		}, codes.OK},
		{"who has a certificate", func(t *testing.T, w *way) seen {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "x-loop-client-certificate-bin", "billing.corp.example", "x-request-id", "id-1")
			return list(t, ctx, w, request("seen"))
		}, codes.OK},
		{"an error with details", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("status")) }, codes.NotFound},
		{"an error of nobody's", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("plain")) }, codes.Internal},
		{"a panic", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("panic")) }, codes.Internal},
		{"an answer of nothing", func(t *testing.T, w *way) seen { return list(t, asQuiet(t), w, request("nothing")) }, codes.OK},
		{"a deadline", func(t *testing.T, w *way) seen { // of the server's: at the caller's own, grpc-go may answer before the server does
			out := list(t, asQuiet(t), w, request("wait"))
			<-w.waiting
			<-w.cancelled
			out.Message, out.Details, out.Trailer = "", nil, nil // its own words or the server's: which come first, depends on the machine
			return out
		}, codes.DeadlineExceeded},
		{"a deadline of the caller's", func(t *testing.T, w *way) seen {
			ctx, cancel := context.WithTimeout(asQuiet(t), 300*time.Millisecond)
			defer cancel()
			_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, request("wait"))
			return seen{Code: status.Code(err)}
		}, codes.DeadlineExceeded},
		{"a deadline in the past", func(t *testing.T, w *way) seen {
			ctx, cancel := context.WithDeadline(asQuiet(t), time.Now().Add(-time.Second))
			defer cancel()
			_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, request(""))
			return seen{Code: status.Code(err)}
		}, codes.DeadlineExceeded},
		{"a stranger", func(t *testing.T, w *way) seen {
			return list(t, metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer guess", "x-request-id", "id-1"), w, request(""))
		}, codes.Unauthenticated},
		{"a wrong shape", func(t *testing.T, w *way) seen {
			return list(t, asQuiet(t), w, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", PageSize: -1})
		}, codes.InvalidArgument},
		{"a method of nobody's", func(t *testing.T, w *way) seen {
			err := w.conn.Invoke(asQuiet(t), "/cegid.loop.v1.ReferenceDataService/Nothing", request(""), &looppb.ListAccountsResponse{})
			return seen{Code: status.Code(err)}
		}, codes.Unimplemented},
		// grpc-go itself refuses these over a connection, and tells no operator; the gateway words both the same.
		{"more bytes than there may be", func(t *testing.T, w *way) seen { return seen{Code: list(t, asQuiet(t), w, request(long)).Code} }, codes.ResourceExhausted},
		{"a stranger's many bytes", func(t *testing.T, w *way) seen {
			return list(t, metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "id-1"), w, request(long))
		}, codes.Unauthenticated},
		{"a stream", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "three"})
		}, codes.OK},
		{"a stream without a message", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"})
		}, codes.OK},
		{"a stream that fails", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "one and an error"})
		}, codes.Unavailable},
		{"a stream that fails before its first message", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "an error alone"})
		}, codes.Unavailable},
		{"a stream that panics", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "panic"})
		}, codes.Internal},
		{"a stranger's stream", func(t *testing.T, w *way) seen {
			return stream(t, metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "id-1"), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "three"})
		}, codes.Unauthenticated},
		{"a stream of a wrong shape", func(t *testing.T, w *way) seen {
			return stream(t, asQuiet(t), w, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: strings.Repeat("x", 2000)})
		}, codes.InvalidArgument},
		{"a stream whose reader leaves", func(t *testing.T, w *way) seen {
			ctx, cancel := context.WithCancel(asQuiet(t))
			s, err := looppb.NewReferenceDataServiceClient(w.conn).StreamAccounts(ctx, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "wait"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Recv(); err != nil {
				t.Fatal(err)
			}
			<-w.waiting
			cancel()
			<-w.cancelled
			_, err = s.Recv()
			return seen{Code: status.Code(err)}
		}, codes.Canceled},
		{"an upload", func(t *testing.T, w *way) seen { return store(t, asQuiet(t), w, "one", "two") }, codes.OK},
		{"an upload that is answered before its end", func(t *testing.T, w *way) seen {
			ctx, cancel := context.WithTimeout(asQuiet(t), 50*time.Second)
			defer cancel()
			return store(t, ctx, w, "one", "thanks", "more", "and more")
		}, codes.OK},
		{"an upload that is refused under way", func(t *testing.T, w *way) seen { return store(t, asQuiet(t), w, "one", "enough") }, codes.InvalidArgument},
		{"a stranger's upload", func(t *testing.T, w *way) seen {
			return store(t, metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "id-1"), w)
		}, codes.Unauthenticated},
		{"a piece that is too large", func(t *testing.T, w *way) seen { return seen{Code: store(t, asQuiet(t), w, long).Code} }, codes.ResourceExhausted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if c.name == "a deadline" {
				limit = 300 * time.Millisecond
			}
			both := ways(t, limit)
			wire, inside := c.run(t, both["over a connection"]), c.run(t, both["in the process"])
			if wire.Code != c.want {
				t.Errorf("over a connection: %v %s; want %v", wire.Code, wire.Message, c.want)
			}
			want, _ := json.MarshalIndent(wire, "", " ")
			got, _ := json.MarshalIndent(inside, "", " ")
			if !bytes.Equal(got, want) {
				t.Errorf("in the process:\n%s\nover a connection:\n%s", got, want)
			}
		})
	}
}

// TestWhatCannotBeReadIsTheCallersFault: too many bytes, or a text that is no UTF-8; interceptor has the test of parts.
func TestWhatCannotBeReadIsTheCallersFault(t *testing.T) {
	w := ways(t, time.Minute)["in the process"]
	if got := list(t, asQuiet(t), w, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: strings.Repeat("x", maxRequest)}); got.Code != codes.ResourceExhausted || len(got.Logged) != 1 || !strings.Contains(got.Message, "send less at once") {
		t.Errorf("many bytes: %+v", got)
	}
	if got := list(t, asQuiet(t), w, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "\xff"}); got.Code != codes.InvalidArgument || len(got.Logged) != 1 {
		t.Errorf("no UTF-8: %+v", got)
	}
}

// TestAnEndWaitsForCalls: those under way end by themselves, and new ones are turned away.
func TestAnEndWaitsForCalls(t *testing.T) {
	for name, w := range ways(t, time.Minute) {
		answered := make(chan error, 1)
		go func() {
			_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(asQuiet(t), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "wait"})
			answered <- err
		}()
		<-w.waiting
		ended := make(chan struct{})
		go func() { w.graceful(); close(ended) }()
		for { // until the end has begun
			ctx, cancel := context.WithTimeout(asQuiet(t), 10*time.Second)
			_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"})
			cancel()
			if status.Code(err) == codes.Unavailable {
				break
			}
			if err != nil {
				t.Fatalf("%s: a new call: %v", name, err)
			}
		}
		select {
		case <-ended:
			t.Errorf("%s: it did not wait", name)
		default:
		}
		w.more <- struct{}{}
		if err := <-answered; err != nil {
			t.Errorf("%s: the call under way: %v", name, err)
		}
		<-ended
	}
}

// TestAStopEndsCalls: their contexts, and the wait of their callers.
func TestAStopEndsCalls(t *testing.T) {
	for name, w := range ways(t, time.Minute) {
		answered := make(chan error, 2)
		go func() {
			_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(asQuiet(t), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "wait"})
			answered <- err
		}()
		<-w.waiting
		w.stop()
		if err := <-answered; status.Code(err) != codes.Unavailable {
			t.Errorf("%s: the call was told %v", name, err)
		}
		<-w.cancelled
	}
}

// stuck looks at no context.
type stuck struct {
	looppb.UnimplementedReferenceDataServiceServer
	free chan struct{}
}

func (s *stuck) ListAccounts(context.Context, *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	<-s.free
	return &looppb.ListAccountsResponse{}, nil
}

// TestAStopEndsTheWaitForAPlace, too, while its holder does not leave. The call that had none is reported.
func TestAStopEndsTheWaitForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused []string
		server, service := inprocess.New(inprocess.Config{MaxCalls: 1, Refused: func(ctx context.Context, method string, err error) {
			refused = append(refused, fmt.Sprint(method, metadata.ValueFromIncomingContext(ctx, "who"), status.Code(err)))
		}}), &stuck{free: make(chan struct{})}
		looppb.RegisterReferenceDataServiceServer(server, service)
		answered := make(chan error, 2)
		for range 2 {
			go func() {
				ctx := metadata.AppendToOutgoingContext(t.Context(), "who", "billing")
				_, err := looppb.NewReferenceDataServiceClient(server).ListAccounts(ctx, &looppb.ListAccountsRequest{})
				answered <- err
			}()
			synctest.Wait()
		}
		server.Stop()
		synctest.Wait()
		if n := len(answered); n != 2 {
			t.Errorf("%d of 2 calls learnt of the stop", n)
		}
		if got := fmt.Sprint(refused); got != "[/cegid.loop.v1.ReferenceDataService/ListAccounts[billing] Unavailable]" {
			t.Errorf("of the calls without a place it says %s", got)
		}
		close(service.free)
		for range 2 {
			if err := <-answered; status.Code(err) != codes.Unavailable {
				t.Error(err)
			}
		}
	})
}

// TestMoreCallsThanThereAreWait for their turn, no longer than their time.
func TestMoreCallsThanThereAreWait(t *testing.T) {
	for name, w := range ways(t, time.Minute) {
		client := looppb.NewReferenceDataServiceClient(w.conn)
		var done sync.WaitGroup
		for range 4 {
			done.Go(func() {
				if _, err := client.ListAccounts(asQuiet(t), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: "wait"}); err != nil {
					t.Errorf("%s: one of the first: %v", name, err)
				}
			})
			<-w.waiting
		}
		ctx, cancel := context.WithTimeout(asQuiet(t), 100*time.Millisecond)
		if _, err := client.ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: one more: %v", name, err)
		}
		cancel()
		for range 4 {
			w.more <- struct{}{}
		}
		done.Wait()
		if _, err := client.ListAccounts(asQuiet(t), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"}); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

// TestAStreamHoldsNothingAhead of its reader: the handler is held back at once.
func TestAStreamHoldsNothingAhead(t *testing.T) {
	sent := make(chan int, 100)
	server := inprocess.New(inprocess.Config{})
	looppb.RegisterReferenceDataServiceServer(server, &eager{sent: sent})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := looppb.NewReferenceDataServiceClient(server).StreamAccounts(ctx, &looppb.StreamAccountsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for want := range 3 {
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		if got := <-sent; got != want {
			t.Errorf("message %d was sent, want %d", got, want)
		}
	}
	select {
	case n := <-sent:
		t.Errorf("message %d went out before anybody read it", n)
	default:
	}
	cancel()
	server.GracefulStop()
}

// TestAMessageIsItsReadersOnceItIsThere: a handler that counts messages does not look into it any more, as the race detector would see.
func TestAMessageIsItsReadersOnceItIsThere(t *testing.T) {
	server := inprocess.New(inprocess.Config{Stats: []stats.Handler{&events{}}})
	looppb.RegisterReferenceDataServiceServer(server, &scripted{})
	s, err := looppb.NewReferenceDataServiceClient(server).StreamAccounts(t.Context(), &looppb.StreamAccountsRequest{Filter: "three"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		answer, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		answer.Accounts[0].Number += " of the reader"
	}
	server.GracefulStop()
}

// eager sends for as long as somebody takes it.
type eager struct {
	looppb.UnimplementedReferenceDataServiceServer
	sent chan int
}

func (e *eager) StreamAccounts(_ *looppb.StreamAccountsRequest, stream grpc.ServerStreamingServer[looppb.StreamAccountsResponse]) error {
	for n := 0; ; n++ {
		if err := stream.Send(&looppb.StreamAccountsResponse{}); err != nil {
			return err
		}
		e.sent <- n
	}
}
