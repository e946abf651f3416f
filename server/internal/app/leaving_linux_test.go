package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// TestAListenerIsLeftWithoutLosingAnybody: a client with a connection has an answer, one without is refused.
func TestAListenerIsLeftWithoutLosingAnybody(t *testing.T) {
	t.Parallel()
	web := func(d *doors, l net.Listener) (end func()) {
		server := &http.Server{ConnState: d.ofHTTP, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		return func() { _ = server.Shutdown(t.Context()); <-served }
	}
	post := func(address string) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Post("http://"+address, "", strings.NewReader("x"))
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	remote := func(d *doors, l net.Listener) (end func()) {
		server := grpc.NewServer()
		grpc_health_v1.RegisterHealthServer(server, health.NewServer())
		served := make(chan error, 1)
		go func() { served <- server.Serve(d.ofGRPC(l)) }()
		return func() { server.GracefulStop(); <-served }
	}
	call := func(address string) error {
		var refused error
		conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(), grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
			if errors.Is(err, syscall.ECONNREFUSED) {
				refused = err
			}
			return conn, err
		}))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, err = grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if status.Code(err) == codes.Unavailable && refused != nil {
			return refused
		}
		return err
	}
	for _, each := range []struct {
		name  string
		serve func(*doors, net.Listener) func()
		call  func(string) error
	}{{"HTTP", web, post}, {"gRPC", remote, call}} {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			var answered atomic.Int64
			for range 5 {
				base, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				l := newLeavable(base.(*net.TCPListener))
				d := &doors{listeners: []*leavable{l}}
				end := each.serve(d, l)
				var callers sync.WaitGroup
				for range 16 {
					callers.Go(func() {
						for {
							switch err := each.call(l.Addr().String()); {
							case err == nil:
								answered.Add(1)
							case errors.Is(err, syscall.ECONNREFUSED):
								return
							default:
								t.Error(err)
								return
							}
						}
					})
				}
				for enough := answered.Load() + 40; answered.Load() < enough && !t.Failed(); {
					time.Sleep(time.Millisecond)
				}
				d.leave()
				end()
				callers.Wait()
			}
		})
	}
}
