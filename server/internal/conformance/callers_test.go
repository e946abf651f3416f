package conformance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/sandbox"
)

// withCallers starts a service of the callers noisy and quiet, whose tokens are their names.
func withCallers(t *testing.T, limitsOfNoisy string, tune func(*cegidclient.Config)) *harness {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("callers: [{name: noisy, token_hashes: [%q], limits: {%s}}, {name: quiet, token_hashes: [%q]}]\n"+
		"grants: [{callers: [noisy, quiet], practices: [demo], dossiers: [\"*\"], rights: [read]}]\n", policy.HashToken("noisy"), limitsOfNoisy, policy.HashToken("quiet"))
	testkit.OK(t, os.WriteFile(path, []byte(text), 0o600))
	grants, err := policy.Load(path, policy.Installation{Practices: []string{"demo"}, Limits: policy.DefaultLimits()})
	testkit.OK(t, err)
	return start(t, func(cfg *sandbox.Config) { cfg.Policy, cfg.Tune = grants, tune })
}

func (h *harness) read(caller string) error {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(h.t.Context(), "authorization", "Bearer "+caller), time.Minute)
	defer cancel()
	_, err := looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1})
	return err
}

// TestANoisyCallerDoesNotKeepAQuietOneFromLoop: a practice has two places towards Loop, and the one has sixty calls
// waiting for them. The other one's calls are overtaken by a handful each, and not by all.
func TestANoisyCallerDoesNotKeepAQuietOneFromLoop(t *testing.T) {
	t.Parallel()
	h := withCallers(t, "", func(cfg *cegidclient.Config) {
		quick(cfg)
		cfg.Limits.Concurrency = cegidclient.MinConcurrency // two for reads, while no write waits
	})
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 100 * time.Millisecond})
	const calls = 60
	var done atomic.Int64
	var noise sync.WaitGroup
	for range calls {
		noise.Go(func() {
			if err := h.read("noisy"); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	waitFor(t, func() bool { return done.Load() > 4 }) // all the others wait
	for range 3 {
		before := done.Load()
		if err := h.read("quiet"); err != nil {
			t.Error(err)
		}
		if overtook := done.Load() - before; overtook > 12 {
			t.Errorf("%d calls of the noisy one came before one of the quiet one", overtook)
		}
	}
	if left := calls - done.Load(); left < calls/3 {
		t.Errorf("only %d calls were left: the test proves nothing", left)
	}
	noise.Wait()
}

// TestLimitsAreOneOverBothTransports: what a caller takes over gRPC it does not have over REST, and both say when to come back.
func TestLimitsAreOneOverBothTransports(t *testing.T) {
	t.Parallel()
	h := withCallers(t, "requests_per_second: 0.01, burst: 2", quick)
	ask := func(caller string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+"/v1/practices/demo/dossiers/CEGID001/accounts?pageSize=1", http.NoBody)
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer "+caller)
		response, err := h.web.Do(request)
		testkit.OK(t, err)
		_ = response.Body.Close()
		return response
	}
	testkit.OK(t, h.read("noisy"))
	if response := ask("noisy"); response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	err := h.read("noisy")
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the third call over gRPC: %v", err)
	}
	wait := time.Duration(0)
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			wait = info.GetRetryDelay().AsDuration()
		}
	}
	if wait < 50*time.Second || wait > 100*time.Second {
		t.Errorf("it asks to wait %s", wait)
	}
	response := ask("noisy")
	if after := response.Header.Get("Retry-After"); response.StatusCode != http.StatusTooManyRequests || len(after) < 2 {
		t.Errorf("the third call over REST: %s, to wait %q", response.Status, after)
	}
	if response := ask("quiet"); response.StatusCode != http.StatusOK {
		t.Errorf("another caller: %s", response.Status)
	}
}
