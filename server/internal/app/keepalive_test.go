package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"cegid.internal/gateway/internal/testkit"
)

// TestWhoPingsTooOftenIsCutOff, and who pings as callers are told, or somewhat sooner by its way, is not; without calls, too.
func TestWhoPingsTooOftenIsCutOff(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		cut   bool
	}{
		{10 * time.Second, false}, // as docs/operate/access.md says
		{5*time.Second + 100*time.Millisecond, false},
		{5*time.Second - 100*time.Millisecond, true},
		{time.Second, true},
	} {
		t.Run(c.every.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(bare(t))
				testkit.OK(t, err)
				defer s.Close()
				l := bufconn.Listen(connectionBuffer)
				served := make(chan error, 1)
				go func() { served <- s.public.Serve(l) }()
				defer func() {
					s.public.Stop()
					if err := <-served; err != nil {
						t.Error(err)
					}
				}()
				conn, err := l.Dial()
				testkit.OK(t, err)
				defer func() { _ = conn.Close() }()
				said := make(chan string, 1)
				framer := http2.NewFramer(conn, conn)
				if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
					t.Fatal(err)
				}
				testkit.OK(t, framer.WriteSettings())
				go func() { said <- lastWord(conn) }()
				begun := time.Now()
				for n := range 60 {
					time.Sleep(c.every)
					if framer.WritePing(false, [8]byte{byte(n)}) != nil {
						break
					}
				}
				synctest.Wait()
				select {
				case word := <-said:
					if !c.cut || !strings.Contains(word, "too_many_pings") {
						t.Errorf("it was cut off after %s: %s", time.Since(begun), word)
					}
				default:
					if c.cut {
						t.Errorf("it was not cut off within %s", time.Since(begun))
					}
				}
			})
		})
	}
}

// TestAnOldConnectionLetsItsStreamsEnd: it takes no new calls, and one that was begun has all the time that the longest may take.
func TestAnOldConnectionLetsItsStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := bare(t)
		cfg.Config.Listen.ConnectionAge, cfg.Config.Deadlines.StreamMax = 30*time.Minute, time.Hour
		s, err := New(cfg)
		testkit.OK(t, err)
		defer s.Close()
		l := bufconn.Listen(connectionBuffer)
		served := make(chan error, 1)
		go func() { served <- s.public.Serve(l) }()
		defer func() {
			s.public.Stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		}()
		dialed := 0
		conn, err := grpc.NewClient("passthrough:///old", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			dialed++
			return l.DialContext(ctx)
		}))
		testkit.OK(t, err)
		defer func() { _ = conn.Close() }()
		health := grpc_health_v1.NewHealthClient(conn)
		stream, err := health.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		testkit.OK(t, err)
		begun := time.Now()
		ended := make(chan time.Duration, 1)
		go func() {
			for {
				if _, err := stream.Recv(); err != nil {
					ended <- time.Since(begun)
					return
				}
			}
		}()
		call := func() {
			t.Helper()
			if _, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(26 * time.Minute) // a tenth less is the least
		if call(); dialed != 1 {
			t.Errorf("after 26 min there were %d connections", dialed)
		}
		time.Sleep(8 * time.Minute)
		if call(); dialed != 2 {
			t.Errorf("after 34 min there were %d connections; want another", dialed)
		}
		if most := <-ended; most < 27*time.Minute+time.Hour+time.Minute {
			t.Errorf("a stream on it ended after %s", most)
		}
	})
}

// lastWord reads what the server says until it goes away, or the connection ends.
func lastWord(conn net.Conn) string {
	framer := http2.NewFramer(io.Discard, conn)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err.Error()
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			return fmt.Sprintf("%s %s", away.ErrCode, away.DebugData())
		}
	}
}
