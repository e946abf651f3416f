package conformance

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/policy"
)

// failing is a service behind the real interceptors whose every call fails.
type failing struct {
	looppb.UnimplementedReferenceDataServiceServer
	fail  func(ctx context.Context) error
	calls atomic.Int64
}

func (f *failing) ListAccounts(ctx context.Context, _ *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	f.calls.Add(1)
	return nil, f.fail(ctx)
}

func (f *failing) StreamAccounts(_ *looppb.StreamAccountsRequest, stream grpc.ServerStreamingServer[looppb.StreamAccountsResponse]) error {
	f.calls.Add(1)
	return f.fail(stream.Context())
}

// serveFailing returns the address of a failing service.
func serveFailing(t *testing.T, f *failing) string {
	t.Helper()
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	access := map[string]policy.Access{}
	for method := range contract.Methods() {
		access["/"+string(method.Parent().FullName())+"/"+string(method.Name())] = policy.Access{Right: policy.Read}
	}
	log, grants := slog.New(slog.DiscardHandler), policy.AllowAll("anybody", "")
	server := grpc.NewServer(interceptor.ServerOptions(interceptor.Chain(interceptor.Config{
		Log: log, Lines: interceptor.NewLines(log, false, nil, prometheus.NewRegistry()), Audit: log, Refusals: interceptor.NewRefusals(log, prometheus.NewRegistry()), Metrics: interceptor.NewMetrics(prometheus.NewRegistry()), Callers: interceptor.Identities{Policy: grants},
		Access: access, Validator: validator, Limits: interceptor.NewLimits(grants),
		Deadlines: interceptor.Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute},
		Draining:  context.Background(), Shutdown: context.Background(),
	}))...)
	looppb.RegisterReferenceDataServiceServer(server, f)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// configuredAttempts is what the published service config says of a method.
func configuredAttempts(t *testing.T, method string) int64 {
	t.Helper()
	var config struct {
		MethodConfig []struct {
			Name        []struct{ Service, Method string }
			RetryPolicy struct{ MaxAttempts int64 }
		}
	}
	if err := json.Unmarshal([]byte(gen.ServiceConfig), &config); err != nil {
		t.Fatal(err)
	}
	for _, each := range config.MethodConfig {
		for _, name := range each.Name {
			if name.Service == "cegid.loop.v1.ReferenceDataService" && name.Method == method {
				return each.RetryPolicy.MaxAttempts
			}
		}
	}
	t.Fatalf("the service config does not know %s", method)
	return 0
}

// TestThePublishedServiceConfigRetries: a channel repeats UNAVAILABLE as often as it is configured to, since nothing of
// ours travels in a header, and does not where this service has repeated the call already.
func TestThePublishedServiceConfigRetries(t *testing.T) {
	const all = 0 // as many as are configured
	for _, c := range []struct {
		name string
		fail func(ctx context.Context) error
		code codes.Code
		want int64
	}{
		{
			name: "shutting down", code: codes.Unavailable, want: all,
			fail: func(context.Context) error {
				return apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "shutting down")
			},
		},
		{
			name: "Loop is down, after this service's own attempts", code: codes.Unavailable, want: 1,
			fail: func(context.Context) error { return &cegidclient.Error{Kind: cegidclient.KindUnavailable} },
		},
		{
			name: "a header, which this service never sends", code: codes.Unavailable, want: 1,
			fail: func(ctx context.Context) error {
				_ = grpc.SendHeader(ctx, metadata.Pairs("x", "y"))
				return apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "shutting down")
			},
		},
		{
			name: "an unknown outcome", code: codes.Unknown, want: 1,
			fail: func(context.Context) error {
				return apierror.New(codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN, "unknown")
			},
		},
		{
			name: "a quota", code: codes.ResourceExhausted, want: 1,
			fail: func(context.Context) error { return &cegidclient.Error{Kind: cegidclient.KindThrottled} },
		},
	} {
		for _, method := range []string{"ListAccounts", "StreamAccounts"} {
			t.Run(c.name+"/"+method, func(t *testing.T) {
				t.Parallel()
				f := &failing{fail: c.fail}
				conn, err := grpc.NewClient(serveFailing(t, f), grpc.WithTransportCredentials(insecureCredentials()), grpc.WithDefaultServiceConfig(gen.ServiceConfig))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				client := looppb.NewReferenceDataServiceClient(conn)
				if method == "ListAccounts" {
					_, err = client.ListAccounts(authorized(t.Context()), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001"})
				} else {
					var stream grpc.ServerStreamingClient[looppb.StreamAccountsResponse]
					if stream, err = client.StreamAccounts(authorized(t.Context()), &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "CEGID001"}); err == nil {
						_, err = stream.Recv()
					}
				}
				if status.Code(err) != c.code {
					t.Fatalf("got %v; want %s", err, c.code)
				}
				want := c.want
				if want == all {
					want = configuredAttempts(t, method)
				}
				if calls := f.calls.Load(); calls != want {
					t.Errorf("the channel called %d times; want %d", calls, want)
				}
			})
		}
	}
}

// TestThePublishedServiceConfigDoesNotMultiplyCallsToLoop: three attempts of ours, once.
func TestThePublishedServiceConfigDoesNotMultiplyCallsToLoop(t *testing.T) {
	h := start(t, nil)
	conn, err := grpc.NewClient(h.conn.Target(), grpc.WithTransportCredentials(insecureCredentials()), grpc.WithDefaultServiceConfig(gen.ServiceConfig))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 503})
	client := looppb.NewReferenceDataServiceClient(conn)
	_, err = client.ListAccounts(authorized(t.Context()), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001"})
	if status.Code(err) != codes.Unavailable || h.Simulator.Count("/compte") != 3 {
		t.Errorf("%v after %d calls to Loop; want UNAVAILABLE after 3", err, h.Simulator.Count("/compte"))
	}
}

// TestTheServiceConfigKnowsEveryMethod: one that it left out would have no retries, and nobody would see it.
func TestTheServiceConfigKnowsEveryMethod(t *testing.T) {
	var config struct {
		MethodConfig []struct {
			Name []struct{ Service, Method string }
		}
	}
	if err := json.Unmarshal([]byte(gen.ServiceConfig), &config); err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, each := range config.MethodConfig {
		for _, name := range each.Name {
			known = append(known, name.Service+"."+name.Method)
		}
	}
	for method := range contract.Methods() {
		if name := string(method.FullName()); !slices.Contains(known, name) {
			t.Errorf("%s is not in the service config", name)
		}
	}
}
