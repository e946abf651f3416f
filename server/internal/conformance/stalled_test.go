package conformance

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/sandbox"
)

// mostForAStalledReader is how many of the large dossier's 100 pages Loop gives to a reader that takes none: four ahead,
// and what the buffers between here and there hold, whatever the reader's library is.
const mostForAStalledReader = 32

// still waits until a count does not change, longer than a busy machine takes for a page.
func still(count func() int) int {
	last, since := count(), time.Now()
	for time.Since(since) < time.Second {
		time.Sleep(50 * time.Millisecond)
		if now := count(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// TestAReaderThatNeverReadsHoldsLoopBack: with clients as they come, unlike those with fixed windows.
func TestAReaderThatNeverReadsHoldsLoopBack(t *testing.T) {
	for _, c := range []struct {
		name string
		open func(t *testing.T, h *harness)
	}{
		{"over REST, with a small buffer", func(t *testing.T, h *harness) { openREST(t, h, 4<<10) }},
		{"over gRPC, after one message", func(t *testing.T, h *harness) {
			conn, err := grpc.NewClient(h.conn.Target(), grpc.WithTransportCredentials(insecureCredentials()))
			testkit.OK(t, err)
			ctx, cancel := context.WithCancel(authorized(context.Background()))
			t.Cleanup(func() { cancel(); _ = conn.Close() })
			stream, err := looppb.NewReferenceDataServiceClient(conn).StreamAccounts(ctx,
				&looppb.StreamAccountsRequest{Practice: "partner", Dossier: loopsim.SandboxLargeDossier})
			testkit.OK(t, err)
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			c.open(t, h)
			waitFor(t, func() bool { return h.Simulator.Count("/compte") > 0 })
			calls := still(func() int { return h.Simulator.Count("/compte") })
			if calls > mostForAStalledReader {
				t.Errorf("Loop gave %d pages to a reader that does not read; want at most %d", calls, mostForAStalledReader)
			}
			if peak := h.Simulator.InFlightPeak("/compte"); peak > 4 {
				t.Errorf("%d pages were asked for at once; want at most 4", peak)
			}
			t.Logf("%d pages", calls)
		})
	}
}

// openREST asks for the large dossier and does not read the answer.
func openREST(t *testing.T, h *harness, buffer int) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.rest, "http://"))
	testkit.OK(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	testkit.OK(t, conn.(*net.TCPConn).SetReadBuffer(buffer))
	if _, err := fmt.Fprintf(conn, "GET /v1/practices/partner/dossiers/%s/accounts:stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer everything\r\n\r\n", loopsim.SandboxLargeDossier); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestAStalledReaderDoesNotHoldUpTheEnd: nor does one whose body never arrives.
func TestAStalledReaderDoesNotHoldUpTheEnd(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) { cfg.Grace = 200 * time.Millisecond })
	openREST(t, h, 4<<10)
	for _, token := range []string{"", "Authorization: Bearer everything\r\n"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.rest, "http://"))
		testkit.OK(t, err)
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "POST /v1/practices/demo/dossiers/CEGID001/imports HTTP/1.1\r\nHost: x\r\n"+token+"Content-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { return h.Simulator.Count("/compte") > 0 })
	ended := make(chan error, 1)
	go func() { ended <- h.stop() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second): // far less than the limits of body and answer
		t.Fatal("the service does not end")
	}
}
