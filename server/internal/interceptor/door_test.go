package interceptor

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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit/authntest"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/policy"
)

func doorOf(t *testing.T) *Door {
	return NewDoor(Identities{Policy: limited(t, "")}, func(context.Context) []string { return nil }, nil)
}

// TestTheOldestArrivalGivesWay: among strangers, or a caller's own, and to nobody else.
func TestTheOldestArrivalGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := doorOf(t)
		enter := func(ctx context.Context) context.Context {
			ctx, err := d.tap(ctx, &tap.Info{FullMethodName: "/s/Read"})
			if err != nil {
				t.Fatal(err)
			}
			return ctx
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		known := enter(as(ctx, "quiet"))
		here := enter(ctx)
		arrived(here)
		first, second := enter(ctx), enter(ctx)
		for range strangersAtOnce - 2 {
			enter(ctx)
		}
		if first.Err() != nil {
			t.Error("the first gave way before anybody needed its place")
		}
		enter(ctx)
		if first.Err() == nil || second.Err() != nil {
			t.Errorf("the oldest: %v, the next: %v", first.Err(), second.Err())
		}
		if known.Err() != nil || here.Err() != nil {
			t.Errorf("a caller, or one who had arrived, gave way: %v, %v", known.Err(), here.Err())
		}
		time.Sleep(arrivalLimit + time.Second)
		if known.Err() == nil || second.Err() == nil || here.Err() != nil {
			t.Errorf("after the limit: a caller's %v, a stranger's %v, one that had arrived %v", known.Err(), second.Err(), here.Err())
		}
		synctest.Wait()
		for caller, queue := range d.arriving {
			if queue.Len() > 0 {
				t.Errorf("%d arrivals of %q are left", queue.Len(), caller)
			}
		}
	})
}

// reader is a service that tells what it was asked.
type reader struct {
	looppb.UnimplementedReferenceDataServiceServer
	asked atomic.Bool
}

func (r *reader) ListAccounts(context.Context, *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	r.asked.Store(true)
	return &looppb.ListAccountsResponse{}, nil
}

func (r *reader) StreamAccounts(*looppb.StreamAccountsRequest, grpc.ServerStreamingServer[looppb.StreamAccountsResponse]) error {
	r.asked.Store(true)
	return nil
}

// raw is a codec for messages as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (raw) Unmarshal([]byte, any) error   { return nil }
func (raw) Name() string                  { return "proto" }

// TestMessagesThatCannotBeRead: whose fault it is, and that nobody makes anything of a stranger's.
func TestMessagesThatCannotBeRead(t *testing.T) {
	var log strings.Builder
	written := slog.New(slog.NewJSONHandler(&log, nil))
	grants := limited(t, "")
	method, streamed := looppb.ReferenceDataService_ListAccounts_FullMethodName, looppb.ReferenceDataService_StreamAccounts_FullMethodName
	minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
	door := NewDoor(Identities{Policy: grants}, func(context.Context) []string { return nil }, nil)
	chain := Chain(Config{
		Log: written, Lines: NewLines(written, false, nil, prometheus.NewRegistry()), Audit: written, Refusals: NewRefusals(written, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: minute, Limits: NewLimits(grants),
		Callers: door.Callers(), Access: map[string]policy.Access{method: {Right: policy.Read}, streamed: {Right: policy.Read}}, Validator: anything{},
		Draining: t.Context(), Shutdown: t.Context(),
	})
	server := grpc.NewServer(append(ServerOptions(chain), append(door.Options(), grpc.MaxRecvMsgSize(1<<20))...)...)
	service := &reader{}
	looppb.RegisterReferenceDataServiceServer(door.Guard(server), service)
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	good, err := proto.Marshal(someRequest)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token string
		message     []byte
		want        codes.Code
		reason      looppb.ErrorReason
	}{
		{"a good one", "quiet", good, codes.OK, 0},
		{"a good one of a stranger", "stranger", good, codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		{"a bad one", "quiet", []byte{0x0a, 2, 0xff, 0xfe}, codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED},
		{"a bad one of a stranger", "stranger", []byte{0xff}, codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		{"one that is too large", "quiet", bytes.Repeat([]byte{0x0a}, 2<<20), codes.ResourceExhausted, 0},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+c.token)
		service.asked.Store(false)
		err := conn.Invoke(ctx, method, c.message, nil, grpc.ForceCodec(raw{}))
		if status.Code(err) != c.want || apierror.ReasonOf(err) != c.reason || service.asked.Load() != (c.want == codes.OK) {
			t.Errorf("%s: %v; asked %v", c.name, err, service.asked.Load())
		}
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, streamed, grpc.ForceCodec(raw{}))
		if err == nil {
			_ = stream.SendMsg(c.message) // its answer may be on its way
			_ = stream.CloseSend()
			err = stream.RecvMsg(nil)
		}
		if c.want == codes.OK && errors.Is(err, io.EOF) {
			err = nil
		}
		if status.Code(err) != c.want || apierror.ReasonOf(err) != c.reason {
			t.Errorf("%s, on a stream: %v", c.name, err)
		}
	}
	server.GracefulStop()
	if strings.Contains(log.String(), "unmapped error") {
		t.Errorf("it passes for a fault of this service: %s", log.String())
	}
}

// TestPartsAreCounted: those that take memory, wherever they are.
func TestPartsAreCounted(t *testing.T) {
	codec := boundedCodec()
	line := &looppb.EntryLine{Account: "60700000", Label: strings.Repeat("x", 35)}
	const ofLine, ofEntry = 1 + 23, 1 + 12
	entry := func(lines int) *looppb.Entry {
		e := &looppb.Entry{Journal: "ACH"}
		for range lines {
			e.Lines = append(e.Lines, line)
		}
		return e
	}
	for _, c := range []struct {
		name    string
		request *looppb.ImportEntriesRequest
		want    error
	}{
		{"an ordinary import", &looppb.ImportEntriesRequest{Entries: []*looppb.Entry{entry(5000)}}, nil},
		{"as many as may be", &looppb.ImportEntriesRequest{Entries: []*looppb.Entry{entry((MaxParts - ofEntry) / ofLine)}}, nil},
		{"one more", &looppb.ImportEntriesRequest{Entries: []*looppb.Entry{entry((MaxParts-ofEntry)/ofLine + 1)}}, errTooMany},
		{"in two entries", &looppb.ImportEntriesRequest{Entries: []*looppb.Entry{entry(MaxParts / ofLine / 2), entry(MaxParts/ofLine/2 + 1)}}, errTooMany},
		{"empty lines in few bytes", &looppb.ImportEntriesRequest{Entries: []*looppb.Entry{{Lines: slices.Repeat([]*looppb.EntryLine{{}}, MaxParts/ofLine)}}}, errTooMany},
		{"the largest there is, with 18 splits to a line", &looppb.ImportEntriesRequest{Entries: slices.Repeat([]*looppb.Entry{{
			Lines: slices.Repeat([]*looppb.EntryLine{{Account: "6", Analytics: slices.Repeat([]*looppb.AnalyticSplit{{Axis: "1"}}, 18)}}, 5),
		}}, 1000)}, nil},
		{"one large text", &looppb.ImportEntriesRequest{RequestId: strings.Repeat("x", 1<<20)}, nil},
	} {
		text, err := proto.Marshal(c.request)
		if err != nil {
			t.Fatal(err)
		}
		into := &looppb.ImportEntriesRequest{}
		if err := codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(text)}, into); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		} else if err == nil && !proto.Equal(into, c.request) {
			t.Errorf("%s: it arrived otherwise", c.name)
		}
		// The same without bytes in between.
		inside := &carrier{into: &looppb.ImportEntriesRequest{}}
		if inside.Receive(proto.Clone(c.request), len(text)); !errors.Is(inside.err, c.want) {
			t.Errorf("%s, in the process: %v; want %v", c.name, inside.err, c.want)
		} else if inside.err == nil && (!proto.Equal(inside.into.(proto.Message), c.request) || inside.bytes != len(text)) {
			t.Errorf("%s, in the process: it arrived otherwise", c.name)
		} else if over := (&carrier{into: &looppb.ImportEntriesRequest{}}); inside.err == nil {
			if err := over.take(mem.BufferSlice{mem.SliceBuffer(text)}, codec.(bounded).unmarshal); err != nil || over.parts != inside.parts {
				t.Errorf("%s: %d parts in the process, %d over a connection; %v", c.name, inside.parts, over.parts, err)
			}
		}
	}
}

// TestRefusalsBeyondABoundAreCounted: none is hidden, and the disk does not fill.
func TestRefusalsBeyondABoundAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		refusals := NewRefusals(slog.New(slog.NewJSONHandler(&log, nil)), prometheus.NewRegistry())
		note := func(caller, why string) {
			refusals.note(context.WithValue(t.Context(), callKey{}, &Call{Caller: caller}), "/s/Read", why)
		}
		count := func() (records int, of map[string]int) {
			of = map[string]int{}
			for line := range bytes.Lines(log.Bytes()) {
				var record struct {
					Caller, Why string
					More        *int
				}
				if err := json.Unmarshal(line, &record); err != nil {
					t.Fatal(err)
				}
				if records++; record.More != nil {
					of[record.Caller+record.Why] += *record.More
				} else {
					of[record.Caller+record.Why]++
				}
			}
			return records, of
		}
		for range 5000 {
			note("", "token of nobody")
		}
		note("", "no credential") // another reason, another caller: a record each, whatever the flood
		note("billing", "needs the right to write")
		time.Sleep(refusalsEvery + time.Millisecond)
		synctest.Wait()
		records, of := count()
		if of["token of nobody"] != 5000 || of["no credential"] != 1 || of["billingneeds the right to write"] != 1 || records != refusalsAtOnce+3 {
			t.Errorf("%d records, of %v", records, of)
		}
		for range 1000 {
			note("", "token of nobody")
		}
		refusals.Flush() // at the end of the server
		if _, of := count(); of["token of nobody"] != 6000 {
			t.Errorf("at the end, of %v", of)
		}
	})
}

// TestAStreamEndsWithItsToken: its bearer may not read on for as long as streams last.
func TestAStreamEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := authntest.New(t, issuerURL, "gateway")
		issuer, err := authn.NewIssuer(authn.IssuerConfig{URL: issuerURL, Audience: "gateway", Transport: i})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "policy.yaml")
		text := fmt.Sprintf("callers: [{name: billing, token_hashes: [%q], jwt: [{issuer: %q, subject: billing}]}]\n"+
			"grants: [{caller: billing, practices: [\"*\"], dossiers: [\"*\"], rights: [read]}]\n", policy.HashToken("secret"), issuerURL)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		grants, err := policy.Load(path, policy.Installation{Issuers: []string{issuerURL}})
		if err != nil {
			t.Fatal(err)
		}
		quiet := slog.New(slog.DiscardHandler)
		hour := Deadlines{UnaryDefault: time.Hour, UnaryMax: time.Hour, StreamDefault: time.Hour, StreamMax: time.Hour}
		chain := Chain(Config{
			Log: quiet, Lines: NewLines(quiet, false, nil, prometheus.NewRegistry()), Audit: quiet, Refusals: NewRefusals(quiet, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: hour, Limits: NewLimits(grants),
			Callers:   Identities{Policy: grants, Issuers: authn.Issuers{issuer}, Certified: func(context.Context) []string { return nil }},
			Access:    map[string]policy.Access{"/s/Read": {Right: policy.Read}},
			Validator: anything{}, Draining: t.Context(), Shutdown: t.Context(),
		})
		read := func(token string) (time.Duration, error) {
			start := time.Now()
			err := streaming(as(t.Context(), token), chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(_ any, stream grpc.ServerStream) error {
				if err := stream.RecvMsg(&looppb.StreamAccountsRequest{}); err != nil {
					return err
				}
				<-stream.Context().Done()
				return stream.Context().Err()
			})
			return time.Since(start), err
		}
		took, err := read(i.Token(t, map[string]any{"sub": "billing"})) // five minutes
		if status.Code(err) != codes.Unauthenticated || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN || took != 5*time.Minute+authn.Skew {
			t.Errorf("a JWT of five minutes: %v after %s", err, took)
		}
		if took, err = read("secret"); status.Code(err) != codes.DeadlineExceeded || took != time.Hour {
			t.Errorf("a token without an end: %v after %s", err, took)
		}
	})
}

// TestAStreamEndsWithItsPlaceInThePolicy: what a new policy takes from new calls, it takes from those that go on.
func TestAStreamEndsWithItsPlaceInThePolicy(t *testing.T) {
	load := func(t *testing.T, callers, practices string) *policy.Policy {
		t.Helper()
		path := filepath.Join(t.TempDir(), "policy.yaml")
		text := fmt.Sprintf("callers: [%s, {name: other, token_hashes: [%q]}]\ngrants: [{callers: [billing, other], practices: [%s], dossiers: [D1], rights: [read]}]\n",
			callers, policy.HashToken("of-another"), practices)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := policy.Load(path, policy.Installation{Practices: []string{"demo", "partner"}, Issuers: []string{issuerURL}, Certificates: true})
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	const certificate, noMore = "billing.corp.example", `{name: billing, token_hashes: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}`
	byToken := fmt.Sprintf("{name: billing, token_hashes: [%q]}", policy.HashToken("secret"))
	byName := "{name: billing, certificates: [" + certificate + "]}"
	byClaim := fmt.Sprintf("{name: billing, jwt: [{issuer: %q, subject: billing}]}", issuerURL)
	for _, c := range []struct {
		name, before, after, practices, by string
		want                               codes.Code
		audited                            string
	}{
		{"a token that is withdrawn", byToken, noMore, "demo", "token", codes.Unauthenticated, errWithdrawn.Error()},
		{"a certificate that is withdrawn", byName, noMore, "demo", "certificate", codes.Unauthenticated, errWithdrawn.Error()},
		{"a subject that is withdrawn", byClaim, noMore, "demo", "jwt", codes.Unauthenticated, errWithdrawn.Error()},
		{"a token that is somebody else's by now", byToken, noMore + fmt.Sprintf(", {name: heir, token_hashes: [%q]}", policy.HashToken("secret")), "demo", "token", codes.Unauthenticated, errWithdrawn.Error()},
		{"a grant that is withdrawn", byToken, byToken, "partner", "token", codes.PermissionDenied, errNoLongerAllowed.Error()},
		{"a change that is none to it", byToken, strings.Replace(byToken, "]}", "], limits: {calls: 3}}", 1), "demo, partner", "token", codes.DeadlineExceeded, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := authntest.New(t, issuerURL, "gateway")
			synctest.Test(t, func(t *testing.T) {
				issuer, err := authn.NewIssuer(authn.IssuerConfig{URL: issuerURL, Audience: "gateway", Transport: i})
				if err != nil {
					t.Fatal(err)
				}
				grants := load(t, c.before, "demo")
				var audit strings.Builder
				quiet := slog.New(slog.DiscardHandler)
				minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
				chain := Chain(Config{
					Log: quiet, Lines: NewLines(quiet, false, nil, prometheus.NewRegistry()), Audit: quiet, Refusals: NewRefusals(slog.New(slog.NewJSONHandler(&audit, nil)), prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()),
					Deadlines: minute, Limits: NewLimits(grants),
					Callers:   Identities{Policy: grants, Issuers: authn.Issuers{issuer}, Certified: func(context.Context) []string { return []string{certificate} }},
					Access:    map[string]policy.Access{"/s/Read": {Right: policy.Read}},
					Validator: anything{}, Draining: t.Context(), Shutdown: t.Context(),
				})
				ctx := t.Context()
				switch c.by {
				case "token":
					ctx = as(ctx, "secret")
				case "jwt":
					ctx = as(ctx, i.Token(t, map[string]any{"sub": "billing"}))
				}
				time.AfterFunc(10*time.Second, func() { grants.Replace(load(t, c.after, c.practices)) })
				start := time.Now()
				err = streaming(ctx, chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(_ any, stream grpc.ServerStream) error {
					if err := stream.RecvMsg(&looppb.StreamAccountsRequest{}); err != nil {
						return err
					}
					<-stream.Context().Done()
					return stream.Context().Err()
				})
				took, want := time.Since(start), 10*time.Second
				if c.audited == "" {
					want = time.Minute
				}
				if status.Code(err) != c.want || took != want {
					t.Errorf("%v after %s; want %s after %s", err, took, c.want, want)
				}
				if said := audit.String(); c.audited == "" && said != "" || !strings.Contains(said, c.audited) || strings.Count(said, "\n") > 1 {
					t.Errorf("the audit has %q; want %q once", said, c.audited)
				}
			})
		})
	}
}
