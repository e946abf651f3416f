package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bare is that of a service without practices, whose callers are all let in.
func bare(t *testing.T) Config {
	t.Helper()
	writes, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = writes.Close() })
	settings := config.Default()
	settings.Listen = config.Listen{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0", Operations: "127.0.0.1:0"}
	settings.Deadlines = config.Deadlines{UnaryDefault: 10 * time.Second, UnaryMax: 10 * time.Second, StreamDefault: 10 * time.Second, StreamMax: 10 * time.Second}
	settings.Shutdown = config.Shutdown{Grace: 5 * time.Second}
	return Config{
		Settings:  Settings{settings, policy.AllowAll("anybody", "")},
		Practices: tenant.NewPractices(), Ledger: writes,
		Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}
}

// TestCloseStopsTheServerInThisProcess: else a goroutine that has run a call would wait for ever for another.
func TestCloseStopsTheServerInThisProcess(t *testing.T) {
	s, err := New(bare(t))
	testkit.OK(t, err)
	ask := func() error {
		return s.inProcess.Invoke(t.Context(), "/grpc.health.v1.Health/Check", &grpc_health_v1.HealthCheckRequest{}, &grpc_health_v1.HealthCheckResponse{})
	}
	testkit.OK(t, ask())
	s.Close()
	if err := ask(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "has stopped") {
		t.Errorf("a call after the end: %v", err)
	}
}

func run(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := New(cfg)
	testkit.OK(t, err)
	serve(t, s)
	return s
}

func serve(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("the service ended with", err)
		}
	})
}

// TestACallThatFindsNoPlaceIsNoted: one over HTTP that ends before the interceptors have it.
func TestACallThatFindsNoPlaceIsNoted(t *testing.T) {
	s := run(t, bare(t))
	gone, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer x", "x-request-id", "r-1"))
	cancel()
	method := looppb.ImportService_GetImport_FullMethodName
	if err := s.inProcess.Invoke(gone, method, &looppb.GetImportRequest{}, &looppb.GetImportResponse{}); status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
	got := s.recent.Find("anybody", "r-1")
	if len(got) != 1 || "/"+got[0].Method != method || got[0].Code != codes.Canceled || got[0].Transport != "rest" {
		t.Errorf("%+v", got)
	}
}

// series counts what a registry would answer.
// series are those that calls make. The ledger's own steps make theirs when each is first taken, by callers or not.
func series(t *testing.T, registry *prometheus.Registry) map[string]bool {
	t.Helper()
	families, err := registry.Gather()
	testkit.OK(t, err)
	all := map[string]bool{}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "ledger_step_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			all[fmt.Sprint(family.GetName(), metric.GetLabel())] = true
		}
	}
	return all
}

// TestInventedNamesMakeNoSeries: what callers make up, with a token or without, is counted as one.
func TestInventedNamesMakeNoSeries(t *testing.T) {
	cfg := bare(t)
	s := run(t, cfg)
	grpcAddress, httpAddress, _ := s.Addresses()
	conn, err := grpc.NewClient(grpcAddress.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	testkit.OK(t, err)
	defer func() { _ = conn.Close() }()
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()

	invent := func(i int) {
		t.Helper()
		for _, ctx := range []context.Context{t.Context(), metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer x")} {
			for _, method := range []string{
				fmt.Sprintf("/cegid.loop.v1.ReferenceDataService/List%d", i), fmt.Sprintf("/made.up.Service%d/Do", i), fmt.Sprintf("/nonsense%d/", i),
				fmt.Sprintf("/grpc.health.v1.Health/Check%d", i), fmt.Sprintf("/grpc.reflection.v1.Service%d/Do", i),
			} {
				if err := conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}); err == nil || status.Code(err) == codes.Unavailable {
					t.Fatalf("%s: %v", method, err)
				}
			}
		}
		for _, path := range []string{"/v1/%d", "/v1/practices/p%d/dossiers/d/accounts", "/v1/practices/p/dossiers/d%d/accounts:stream", "/%d"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+httpAddress.String()+fmt.Sprintf(path, i), nil)
			testkit.OK(t, err)
			request.Header.Set("Authorization", "Bearer x")
			response, err := web.Do(request)
			testkit.OK(t, err)
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
	invent(0)
	before := series(t, cfg.Registry)
	for i := range 20 {
		invent(i + 1)
	}
	if len(before) == 0 {
		t.Error("no series were there before")
	}
	for name := range series(t, cfg.Registry) {
		if !before[name] {
			t.Errorf("callers make up names that stay: %s", name)
		}
	}
}

func TestProfilesAreForThisMachine(t *testing.T) {
	handler := run(t, bare(t)).operationsHandler()
	for _, c := range []struct {
		name, peer string
		want       int
	}{
		{"a peer on this machine", "127.0.0.1:5000", http.StatusOK},
		{"another loopback address", "127.8.8.8:5000", http.StatusOK},
		{"a peer on this machine over IPv6", "[::1]:5000", http.StatusOK},
		{"a mapped loopback address", "[::ffff:127.0.0.1]:5000", http.StatusOK},
		{"a peer elsewhere", "10.0.0.7:5000", http.StatusForbidden},
		{"a peer elsewhere over IPv6", "[2001:db8::1]:5000", http.StatusForbidden},
		{"a mapped address elsewhere", "[::ffff:10.0.0.7]:5000", http.StatusForbidden},
		{"a peer without a port", "127.0.0.1", http.StatusForbidden},
		{"a peer that is no address", "localhost:5000", http.StatusForbidden},
		{"no peer", "", http.StatusForbidden},
	} {
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap", "/debug/pprof/symbol", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=0.1"} {
			if c.want == http.StatusOK && strings.Contains(path, "seconds") {
				continue // it would take its time
			}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			request.RemoteAddr, request.Host = c.peer, "127.0.0.1:9091"
			request.Header.Set("X-Forwarded-For", "127.0.0.1")
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != c.want {
				t.Errorf("%s, %s: HTTP %d; want %d", c.name, path, answer.Code, c.want)
			}
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		request.RemoteAddr = c.peer
		answer := httptest.NewRecorder()
		if handler.ServeHTTP(answer, request); answer.Code != http.StatusOK {
			t.Errorf("%s: /metrics answers HTTP %d", c.name, answer.Code)
		}
		request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, TrustClockPath, nil)
		request.RemoteAddr = c.peer
		answer = httptest.NewRecorder()
		if handler.ServeHTTP(answer, request); answer.Code != c.want {
			t.Errorf("%s: the clock is trusted with HTTP %d", c.name, answer.Code)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site") // a page in a browser here
		answer = httptest.NewRecorder()
		if handler.ServeHTTP(answer, request); answer.Code != http.StatusForbidden {
			t.Errorf("%s, from a page: HTTP %d", c.name, answer.Code)
		}
		request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/cmdline", nil)
		request.RemoteAddr = c.peer
		answer = httptest.NewRecorder()
		if handler.ServeHTTP(answer, request); answer.Code == http.StatusOK {
			t.Errorf("%s: the command line is shown", c.name)
		}
	}
}

// TestAListenerThatIsTakenStopsTheStart: and gives back what was taken before.
func TestAListenerThatIsTakenStopsTheStart(t *testing.T) {
	first := run(t, bare(t))
	_, taken, _ := first.Addresses()
	cfg := bare(t)
	cfg.Config.Listen.Operations = taken.String()
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "operations listener") {
		t.Errorf("got %v", err)
	}
}
