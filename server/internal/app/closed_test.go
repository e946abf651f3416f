package app

import (
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
)

// TestWhatIsClosedAnswersNobody: each by itself, and probes go on at the listener of operations.
func TestWhatIsClosedAnswersNobody(t *testing.T) {
	for _, c := range []struct {
		name   string
		closed config.Closed
	}{
		{"nothing", config.Closed{}},
		{"documentation", config.Closed{Docs: true}},
		{"reflection", config.Closed{Reflection: true}},
		{"health", config.Closed{Health: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := bare(t)
			cfg.Config.Closed = c.closed
			rpc, rest, operations := run(t, cfg).Addresses()
			web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for _, page := range []struct {
				base, path string
				closed     bool
			}{
				{rest.String(), "/docs/", c.closed.Docs},
				{rest.String(), "/docs", c.closed.Docs},
				{rest.String(), "/", c.closed.Docs},
				{rest.String(), "/openapi.json", c.closed.Docs},
				{rest.String(), "/protos/cegid/loop/v1/account.proto", c.closed.Docs},
				{rest.String(), "/healthz", c.closed.Health},
				{rest.String(), "/readyz", c.closed.Health},
				{operations.String(), "/healthz", false},
				{operations.String(), "/readyz", false},
				{operations.String(), "/readyz?service=writes", false},
			} {
				answer, err := web.Get("http://" + page.base + page.path)
				testkit.OK(t, err)
				_ = answer.Body.Close()
				want := http.StatusOK
				if page.closed {
					want = http.StatusNotFound
				}
				if answer.StatusCode != want {
					t.Errorf("%s: HTTP %d; want %d", page.path, answer.StatusCode, want)
				}
			}
			conn, err := grpc.NewClient(rpc.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			testkit.OK(t, err)
			defer func() { _ = conn.Close() }()
			code := func(closed bool) codes.Code {
				if closed {
					return codes.Unimplemented
				}
				return codes.OK
			}
			_, err = grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			if got := status.Code(err); got != code(c.closed.Health) {
				t.Errorf("health: %v", err)
			}
			stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
			testkit.OK(t, err)
			_ = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}) // Recv tells
			if _, err = stream.Recv(); status.Code(err) != code(c.closed.Reflection) {
				t.Errorf("reflection: %v", err)
			}
			_ = stream.CloseSend()
		})
	}
}
