package sandbox

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheSandboxSaysWhatItIs: and where, and warns when others can reach it.
func TestTheSandboxSaysWhatItIs(t *testing.T) {
	for _, c := range []struct {
		name, host, token string
		says, not         []string
	}{
		{"on this machine", "127.0.0.1", "", []string{"SANDBOX", "ANY bearer token passes", "Bearer anything"}, []string{"Warning"}},
		{"with a token", "127.0.0.1", "mine", []string{"SANDBOX", "--token", "Bearer mine"}, []string{"ANY", "Warning"}},
		{"on every address", "0.0.0.0", "", []string{"Warning: it listens beyond this machine"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := New(Config{Host: c.host, Token: c.token, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := s.Welcome(&out, c.token); err != nil {
				t.Error(err)
			}
			for _, each := range c.says {
				if !strings.Contains(out.String(), each) {
					t.Errorf("it does not say %q: %s", each, out.String())
				}
			}
			for _, each := range c.not {
				if strings.Contains(out.String(), each) {
					t.Errorf("it says %q: %s", each, out.String())
				}
			}
			// The simulator and the metrics stay on this machine, wherever the service listens.
			_, _, operations := s.Server.Addresses()
			for _, address := range []string{s.SimulatorAddress, operations.String()} {
				if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
					t.Errorf("%s is not on loopback", address)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAPortThatIsTakenStopsTheSandbox: and everything taken before is given back.
func TestAPortThatIsTakenStopsTheSandbox(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	for name, cfg := range map[string]Config{
		"gRPC": {GRPCPort: port}, "REST": {HTTPPort: port}, "operations": {OperationsPort: port}, "simulator": {SimulatorPort: port},
	} {
		cfg.Host, cfg.Log = "127.0.0.1", slog.New(slog.DiscardHandler)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "listener") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheSandboxStopsWithoutADrain: no balancer has to notice, and whoever tries something does not wait the 10 s of serve.
func TestTheSandboxStopsWithoutADrain(t *testing.T) {
	const ofServe = 10 * time.Second
	stops := func(drain time.Duration) time.Duration {
		s, err := New(Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Drain: drain})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		return time.Since(began)
	}
	const asked = 200 * time.Millisecond
	if took := stops(asked); took < asked {
		t.Errorf("with a drain of %s it stops in %s", asked, took)
	}
	for range 3 { // a busy machine may be slow once
		if stops(0) < ofServe {
			return
		}
	}
	t.Error("it takes as long to stop as with a drain")
}
