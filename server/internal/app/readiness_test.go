package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

func TestReadinessFollowsTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		var health [][2]bool
		var ping atomic.Pointer[func(context.Context) error]
		answers := func(now func(context.Context) error) { ping.Store(&now) }
		r := &readiness{
			ping:    func(ctx context.Context) error { return (*ping.Load())(ctx) },
			changed: func(reads, writes bool) { health = append(health, [2]bool{reads, writes}) },
			log:     slog.New(slog.NewTextHandler(&said, nil)),
		}
		well := func(context.Context) error { return nil }
		answers(well)
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		expect := func(when string, want error) {
			t.Helper()
			synctest.Wait()
			if got := r.whyNoWrites(); !errors.Is(got, want) {
				t.Errorf("%s: %v; want %v", when, got, want)
			}
		}
		expect("before it serves", errStarting)
		r.set(func(r *readiness) { r.serving = true })
		go r.watch(ctx)
		time.Sleep(3*time.Second + time.Millisecond)
		expect("while all is well", nil)

		answers(func(context.Context) error { return io.ErrUnexpectedEOF })
		time.Sleep(time.Second)
		expect("while the ledger fails", errLedger)
		if err := r.why(); err != nil {
			t.Errorf("reads need no ledger: %v", err)
		}
		answers(well)
		time.Sleep(time.Second)
		expect("when it answers again", nil)

		stuck := make(chan struct{})
		answers(func(context.Context) error { <-stuck; return nil }) // as a disk that hangs, whatever the context
		time.Sleep(5 * time.Second)
		expect("while the ledger may just be busy", nil)
		time.Sleep(time.Second)
		expect("while the ledger hangs", errLedger)
		answers(well)
		close(stuck)
		expect("when it moves again", nil)

		r.set(func(r *readiness) { r.draining = true })
		expect("at the end", errDraining)
		down := [2]bool{true, false}
		if want := [][2]bool{{true, true}, down, {true, true}, down, {true, true}, {}}; !reflect.DeepEqual(health, want) {
			t.Errorf("told of %v; want %v", health, want)
		}
		if text := said.String(); strings.Count(text, "writes are refused: the ledger does not answer") != 2 || strings.Count(text, "writes are taken again") != 2 ||
			!strings.Contains(text, "unexpected EOF") {
			t.Errorf("the log: %s", text)
		}
	})
}

// TestProbesTellWhetherTheLedgerAnswers: over HTTP and gRPC, while the service goes on serving, and as a metric.
func TestProbesTellWhetherTheLedgerAnswers(t *testing.T) {
	cfg := bare(t)
	lost, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	testkit.OK(t, lost.Close())
	s, err := New(cfg)
	testkit.OK(t, err)
	var down atomic.Bool
	answering := s.readiness.ping
	s.readiness.ping = func(ctx context.Context) error {
		if down.Load() {
			return lost.Ping(ctx)
		}
		return answering(ctx)
	}
	serve(t, s)
	grpcAddress, httpAddress, _ := s.Addresses()
	conn, err := grpc.NewClient(grpcAddress.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	testkit.OK(t, err)
	defer func() { _ = conn.Close() }()
	probe := func(path string) (int, string) {
		response, err := http.Get("http://" + httpAddress.String() + path)
		testkit.OK(t, err)
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	eventually := func(code int, says string, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			gotCode, text := probe("/readyz")
			state, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "cegid.loop.v1.ImportService"})
			if err == nil && gotCode == code && strings.Contains(text, says) && state.GetStatus() == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("HTTP %d %q, %v, %v; want %d %q, %v", gotCode, text, state, err, code, says, want)
			}
		}
	}
	eventually(http.StatusOK, "ready", grpc_health_v1.HealthCheckResponse_SERVING)
	down.Store(true)
	eventually(http.StatusOK, "ready for reads; writes are refused: the ledger does not answer", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if code, text := probe("/readyz?service=writes"); code != http.StatusServiceUnavailable || !strings.Contains(text, "the ledger does not answer") {
		t.Errorf("of writes: HTTP %d %s", code, text)
	}
	for _, service := range []string{"", "cegid.loop.v1.ReferenceDataService"} {
		state, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || state.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, state, err)
		}
	}
	if code, text := probe("/healthz"); code != http.StatusOK {
		t.Errorf("the process counts as dead: HTTP %d %s", code, text)
	}
	down.Store(false)
	eventually(http.StatusOK, "ready", grpc_health_v1.HealthCheckResponse_SERVING)
}

// firstAccept tells when a listener is asked for its first connection.
type firstAccept struct {
	net.Listener
	asked func()
}

func (f firstAccept) Accept() (net.Conn, error) {
	f.asked()
	return f.Listener.Accept()
}

// TestTheFirstToAskIsToldThatItServes: else a probe in the first moment is told about services that do not exist.
func TestTheFirstToAskIsToldThatItServes(t *testing.T) {
	s, err := New(bare(t))
	testkit.OK(t, err)
	asked := make(chan struct{})
	s.grpcListener = firstAccept{s.grpcListener, sync.OnceFunc(func() { close(asked) })}
	tell := s.readiness.changed
	s.readiness.changed = func(ready, writes bool) {
		if ready {
			select {
			case <-asked:
				t.Error("connections are taken before the service says that it serves")
			case <-time.After(100 * time.Millisecond):
			}
		}
		tell(ready, writes)
	}
	serve(t, s)
	<-asked // it does take them afterwards
}
