package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

const (
	// brief stands for the limits of a slow peer, patient for what only a broken service reaches.
	brief   = 300 * time.Millisecond
	patient = 20 * time.Second
)

// dial opens a connection that reads little by itself.
func dial(t *testing.T, f *front) *net.TCPConn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	testkit.OK(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	tcp := conn.(*net.TCPConn)
	testkit.OK(t, tcp.SetReadBuffer(4<<10))
	return tcp
}

// TestABodyThatNeverArrives: the caller is answered or cut off, and holds nothing any longer, wherever it knocks.
func TestABodyThatNeverArrives(t *testing.T) {
	for _, c := range []struct{ name, verb, path, header string }{
		{"of a method that reads one", "POST", imports, "Content-Length: 100"},
		{"of a method that reads one, in chunks", "POST", imports, "Transfer-Encoding: chunked"},
		{"of a method that reads none", "GET", accounts, "Content-Length: 100"},
		{"of a stream that reads none", "GET", accounts + ":stream", "Content-Length: 100"},
		{"of a query that is refused", "GET", accounts + "?fliter=x", "Content-Length: 100"},
		{"of an unknown path", "POST", "/v1/nothing", "Content-Length: 100"},
		{"of the wrong method", "PUT", imports, "Transfer-Encoding: chunked"},
		{"of a path outside of the API", "POST", "/nothing", "Content-Length: 100"},
		{"of a probe", "GET", "/healthz", "Content-Length: 100"},
		{"of a page", "GET", "/docs/api/", "Transfer-Encoding: chunked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, &upstream{}, func(cfg *Config) { cfg.BodyLimit = brief }, nil)
			conn := dial(t, f)
			if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n", c.verb, c.path, c.header); err != nil {
				t.Fatal(err)
			}
			testkit.OK(t, conn.SetReadDeadline(time.Now().Add(patient)))
			answered, err := io.ReadAll(conn) // until the service closes the connection
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the connection is still open after %s; it got %q", patient, answered)
			}
			if c.verb == "POST" && c.path == imports && !strings.HasPrefix(string(answered), "HTTP/1.1 400 ") {
				t.Errorf("the answer is %.100q; want a 400", answered)
			}
			if calls := f.calls(); c.path == imports && len(calls) > 0 {
				t.Errorf("the service was called without the body: %v", calls)
			}
		})
	}
}

// TestABodyThatArrivesInTimeEndsItsLimit: a stream outlasts the limit of its request's body.
func TestABodyThatArrivesInTimeEndsItsLimit(t *testing.T) {
	pauses := 3
	f := serve(t, &upstream{next: func(ctx context.Context, _ proto.Message) error {
		if pauses == 0 {
			return io.EOF
		}
		pauses--
		select {
		case <-time.After(brief):
			return nil
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}}, func(cfg *Config) { cfg.BodyLimit = brief }, nil)
	got := f.do(t, http.MethodGet, accounts+":stream", `{}`)
	if lines := strings.Count(got.text, `{"result"`); lines != 3 {
		t.Errorf("%d messages; want 3: %s", lines, got.text)
	}
}

// endless is a stream that ends with its reader alone; ended is closed then.
func endless(ended chan<- struct{}) *upstream {
	row := &looppb.Account{Number: "60700000", Label: proto.String(strings.Repeat("x", 200))}
	return &upstream{
		opened: func(ctx context.Context) { context.AfterFunc(ctx, func() { close(ended) }) },
		next: func(_ context.Context, reply proto.Message) error {
			out := reply.(*looppb.StreamAccountsResponse)
			for range 100 {
				out.Accounts = append(out.Accounts, row)
			}
			return nil
		},
	}
}

// TestAReaderThatDoesNotReadIsDropped: its stream ends, over HTTP/1.1 and HTTP/2.
func TestAReaderThatDoesNotReadIsDropped(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			u := endless(ended)
			var f *front
			limit := func(cfg *Config) { cfg.WriteLimit = brief }
			if protocol == "HTTP/2" {
				f = serve(t, u, limit, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
				response, err := f.Client().Get(f.URL + accounts + ":stream")
				testkit.OK(t, err)
				defer func() { _ = response.Body.Close() }()
				if response.ProtoMajor != 2 {
					t.Fatalf("it is %s", response.Proto)
				}
			} else {
				f = serve(t, u, limit, nil)
				if _, err := fmt.Fprintf(dial(t, f), "GET %s:stream HTTP/1.1\r\nHost: x\r\n\r\n", accounts); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-ended:
			case <-time.After(patient):
				t.Fatal("the stream still runs for a reader that does not read")
			}
		})
	}
}

// TestAPageThatNobodyReadsIsDropped: pages beside the API need no token, so that anybody could hold them.
func TestAPageThatNobodyReadsIsDropped(t *testing.T) {
	closed := make(chan struct{})
	f := serve(t, &upstream{}, func(cfg *Config) {
		cfg.WriteLimit = brief
		cfg.Site.OpenAPI = make([]byte, 32<<20)
	}, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(closed)
			}
		}
		s.Start()
	})
	if _, err := fmt.Fprint(dial(t, f), "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(patient):
		t.Fatal("the connection is still held")
	}
}

// TestASilentStreamIsNotCut: the limit bounds the reader, not Loop, which may take its time between two messages.
func TestASilentStreamIsNotCut(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			messages := 0
			u := &upstream{next: func(ctx context.Context, _ proto.Message) error {
				if messages++; messages == 3 {
					return io.EOF
				}
				if messages == 1 {
					return nil
				}
				select {
				case <-time.After(3 * brief):
					return nil
				case <-ctx.Done():
					return status.Error(codes.Canceled, "the reader left")
				}
			}}
			tune := func(s *httptest.Server) { s.Start() }
			if protocol == "HTTP/2" {
				tune = func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }
			}
			f := serve(t, u, func(cfg *Config) { cfg.WriteLimit = brief }, tune)
			if got := f.do(t, http.MethodGet, accounts+":stream", ""); got.text != "{\"result\":{}}\n{\"result\":{}}\n" {
				t.Errorf("it came as %q", got.text)
			}
		})
	}
}

// TestAKeptConnectionIsNotCutByAnEarlierAnswer: the limit of an answer ends with it.
func TestAKeptConnectionIsNotCutByAnEarlierAnswer(t *testing.T) {
	f := serve(t, &upstream{}, func(cfg *Config) { cfg.WriteLimit, cfg.BodyLimit = brief, brief }, nil)
	conn := dial(t, f)
	read := bufio.NewReader(conn)
	ask := func(path string, want int) {
		t.Helper()
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", path); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		response, err := http.ReadResponse(read, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err != nil || response.StatusCode != want {
			t.Fatalf("%s: HTTP %d, %v", path, response.StatusCode, err)
		}
	}
	for path, want := range map[string]int{
		"/healthz": 200, "/openapi.json": 200, "/v1/nothing": 404, "/nothing": 404, accounts + "?fliter=x": 400, "/docs": 301, accounts: 200,
	} {
		ask(accounts, 200)
		time.Sleep(2 * brief)
		ask(path, want)
	}
}
