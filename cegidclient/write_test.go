package cegidclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatBecameOfAWrite(t *testing.T) {
	const (
		html    = `<!DOCTYPE html><html><body>Maintenance</body></html>`
		refusal = `{"error":{"instanceId":"inst-2","message":"contexte manquant"}}`
		service = `{"statusCode":400,"code":"X","message":"non","id":"inst-1","requestId":"req-1"}`
	)
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		outcome WriteOutcome
		kind    Kind
	}{
		{"an id", 200, acceptedBody, WriteAccepted, 0},
		{"an id with a 202", 202, acceptedBody, WriteAccepted, 0},
		{"an id in another letter case", 200, `{"AccountingImportRequestID":"a"}`, WriteAccepted, 0},
		{"an id beside a null error", 200, `{"error":null,"accountingImportRequestId":"a"}`, WriteAccepted, 0},
		{"an id in an envelope", 200, `{"data":{"accountingImportRequestId":"a"}}`, WriteAccepted, 0},
		{"an id in a list", 200, `[{"accountingImportRequestId":"a"}]`, WriteAccepted, 0},
		{"a refusal", 200, refusal, WriteRefused, KindRefused},
		{"a refusal in words", 200, `{"error":"contexte manquant"}`, WriteRefused, KindRefused},
		{"a refusal without words", 200, `{"error":{}}`, WriteUncertain, KindOutcomeUnknown},
		{"an error, and an id below", 200, `{"data":{"accountingImportRequestId":"a"},"error":{"message":"non"}}`, WriteUncertain, KindOutcomeUnknown},
		{"a refusal in an envelope", 200, `{"data":` + refusal + `}`, WriteRefused, KindRefused},
		{"an id and an error", 200, `{"accountingImportRequestId":"a","error":{"message":"non"}}`, WriteUncertain, KindOutcomeUnknown},
		{"neither id nor error", 200, `{}`, WriteUncertain, KindOutcomeUnknown},
		{"an empty id", 200, `{"accountingImportRequestId":" "}`, WriteUncertain, KindOutcomeUnknown},
		{"an id that is an object", 200, `{"accountingImportRequestId":{}}`, WriteUncertain, KindOutcomeUnknown},
		{"an id without end", 200, `{"accountingImportRequestId":"` + strings.Repeat("a", 201) + `"}`, WriteUncertain, KindOutcomeUnknown},
		{"an error that says nothing", 200, `{"error":false}`, WriteUncertain, KindOutcomeUnknown},
		{"two ids in a list", 200, `[{"accountingImportRequestId":"a"},{"accountingImportRequestId":"b"}]`, WriteUncertain, KindOutcomeUnknown},
		{"an id, and something behind it", 200, acceptedBody + `{}`, WriteUncertain, KindOutcomeUnknown},
		{"half an answer", 200, acceptedBody[:20], WriteUncertain, KindOutcomeUnknown},
		{"an empty answer", 200, ``, WriteUncertain, KindOutcomeUnknown},
		{"nothing at all", 204, ``, WriteUncertain, KindOutcomeUnknown},
		{"a web page", 200, html, WriteUncertain, KindOutcomeUnknown},
		{"nonsense", 200, `ok`, WriteUncertain, KindOutcomeUnknown},
		{"a redirect", 302, ``, WriteUncertain, KindOutcomeUnknown},
		{"a redirect that keeps the method", 307, ``, WriteUncertain, KindOutcomeUnknown},
		{"400 with Loop's object", 400, service, WriteUncertain, KindOutcomeUnknown},
		{"400 with a refusal of an import", 400, refusal, WriteUncertain, KindOutcomeUnknown},
		{"409", 409, service, WriteUncertain, KindOutcomeUnknown},
		{"422", 422, ``, WriteUncertain, KindOutcomeUnknown},
		{"408", 408, ``, WriteUncertain, KindOutcomeUnknown},
		{"500", 500, service, WriteUncertain, KindOutcomeUnknown},
		{"502 with a web page", 502, html, WriteUncertain, KindOutcomeUnknown},
		{"503 with a delay", 503, ``, WriteUncertain, KindOutcomeUnknown},
		{"504", 504, ``, WriteUncertain, KindOutcomeUnknown},
		{"401", 401, `{"statusCode":401,"message":"invalid subscription key"}`, WriteNotSent, KindCredentialRejected},
		{"403", 403, service, WriteNotSent, KindDossierNotShared},
		{"403 of the quota", 403, `{"statusCode":403,"message":"quota"}`, WriteNotSent, KindThrottled},
		{"403 with a web page", 403, html, WriteNotSent, KindBadResponse},
		{"404", 404, `{}`, WriteNotSent, KindNotFound},
		{"404 of the gateway", 404, `{"statusCode":404,"message":"Resource not found"}`, WriteNotSent, KindRouteUnknown},
		{"413", 413, html, WriteNotSent, KindRefused},
		{"429", 429, ``, WriteNotSent, KindThrottled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := new(recorder)
			var headers []string
			if tc.status == 429 || tc.status == 503 {
				headers = []string{"Retry-After", "7"}
			}
			c, w := testClient(t, reply(tc.status, tc.body, headers...), func(cfg *Config) {
				cfg.Observer = o
				cfg.Credentials = StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub), NewSecret(testSub2))
			})
			id, err := c.Imports.Submit(t.Context(), "D1", purchase())
			if got := OutcomeOf(err); got != tc.outcome {
				t.Errorf("%s: %v", got, err)
			}
			if w.requests.Load() != 1 {
				t.Errorf("%d requests", w.requests.Load())
			}
			name := "ok"
			if tc.kind != 0 {
				name = tc.kind.String()
			}
			if len(o.calls) != 1 || o.calls[0].Outcome != name {
				t.Errorf("observed %+v", o.calls)
			}
			if tc.kind == 0 {
				if err != nil || id == "" {
					t.Error(id, err)
				}
				return
			}
			e, ok := err.(*Error)
			if !ok || e.Kind != tc.kind || e.HTTPStatus != tc.status || e.Sent != MaybeSent || e.Local || e.Attempts != 1 || e.Operation != "import_entries" || e.Dossier != "D1" || id != "" {
				t.Fatalf("%#v", err)
			}
			if tc.body == refusal && (e.Message != "contexte manquant" || e.InstanceID != "inst-2") || tc.body == service && e.RequestID != "req-1" || e.Evidence.HTML != (tc.body == html) {
				t.Errorf("%#v", e)
			}
			if tc.kind == KindOutcomeUnknown && e.RetryAfter != 0 {
				t.Error("invites to send it again")
			}
			if got := OutcomeOf(fmt.Errorf("wrapped: %w", err)); got != tc.outcome {
				t.Errorf("wrapped it is %s", got)
			}
		})
	}
}

func TestAWriteThatWasHeldBackHereWasNotSent(t *testing.T) {
	gate := NewGate()
	for _, tc := range []struct {
		name   string
		adjust func(*Config)
		kind   Kind
	}{
		{"no key", func(cfg *Config) { cfg.Credentials = StaticCredentials(Secret{}, Secret{}, NewSecret(testSub)) }, KindConfiguration},
		{"a secret that fits no header", func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret("a\nb"), Secret{}, NewSecret(testSub))
		}, KindConfiguration},
		{"the gate", func(cfg *Config) { cfg.Gate = gate }, KindThrottled},
		{"no hook of the call's own", func(cfg *Config) { cfg.RequireHookForWrites = true }, KindConfiguration},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, w := testClient(t, reply(200, acceptedBody), tc.adjust)
			gate.remember(gateKey{subscription: markOf(digestOf(NewSecret(testSub))), practice: "demo"}, time.Minute, time.Now())
			_, err := c.Imports.Submit(t.Context(), "D1", purchase())
			if e, _ := asError(err); e == nil || e.Kind != tc.kind || e.Sent != NotSent || OutcomeOf(err) != WriteNotSent || w.requests.Load() != 0 {
				t.Errorf("%#v", err)
			}
		})
	}
	t.Run("the open breaker", func(t *testing.T) {
		c, w := testClient(t, reply(503, ``), func(cfg *Config) { cfg.Breaker.Failures = 1 })
		for _, want := range []WriteOutcome{WriteUncertain, WriteNotSent} {
			if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); OutcomeOf(err) != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if w.requests.Load() != 1 {
			t.Errorf("%d requests", w.requests.Load())
		}
	})
	t.Run("the hook", func(t *testing.T) {
		mine := errors.New("ledger closed")
		c, w := testClient(t, reply(200, acceptedBody), func(cfg *Config) { cfg.BeforeSend = func(context.Context, *Call) error { return mine } })
		if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); err != mine || OutcomeOf(err) != WriteNotSent || w.requests.Load() != 0 {
			t.Error(err)
		}
	})
}

func TestACallersEndIsNotSentBeforeAndUncertainAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, hang, func(cfg *Config) {
			cfg.Limits.Concurrency = MinConcurrency // one for writes
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := c.Imports.Submit(ctx, "D1", purchase())
			first <- err
		}()
		synctest.Wait()
		waiting, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		_, err := c.Imports.Submit(waiting, "D1", purchase()) // waits for its turn
		if e, _ := asError(err); !errors.Is(err, context.Canceled) || e.Kind != KindInterrupted || OutcomeOf(err) != WriteNotSent {
			t.Errorf("%#v", err)
		}
		cancel()
		err = <-first
		if e, _ := asError(err); e == nil || e.Kind != KindOutcomeUnknown || e.Sent != MaybeSent || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the caller left") {
			t.Errorf("%#v", err)
		}
		if w.requests.Load() != 1 {
			t.Errorf("%d requests", w.requests.Load())
		}
	})
}

// TestAWriteIsBegunOnlyWithTheTimeForItsEnd: neither the wait, nor the hooks, nor a short deadline take the time of the call.
func TestAWriteIsBegunOnlyWithTheTimeForItsEnd(t *testing.T) {
	for _, tc := range []struct {
		name    string
		left    time.Duration
		hook    time.Duration
		hooked  bool
		outcome WriteOutcome
	}{
		{name: "all the time", left: time.Minute, hooked: true, outcome: WriteAccepted},
		{name: "a moment too little", left: time.Minute - time.Millisecond, outcome: WriteNotSent},
		{name: "the hook takes what there is more", left: 70 * time.Second, hook: 10 * time.Second, hooked: true, outcome: WriteAccepted},
		{name: "the hook takes too much", left: 70 * time.Second, hook: 11 * time.Second, hooked: true, outcome: WriteNotSent},
	} {
		for what, submit := range map[string]func(context.Context, *Client) error{
			"entries": func(ctx context.Context, c *Client) error {
				_, err := c.Imports.Submit(ctx, "D1", purchase())
				return err
			},
			"a file": func(ctx context.Context, c *Client) error {
				_, err := c.Files.ImportFEC(ctx, "D1", FileImport{URI: "x"})
				return err
			},
			"a raw one": func(ctx context.Context, c *Client) error {
				_, err := c.Raw.Call(ctx, RawCall{Method: "POST", Path: "/x", Body: []byte(`{}`)})
				return err
			},
			"a document": func(ctx context.Context, c *Client) error {
				_, err := c.Documents.Store(ctx, "D1", Document{FileName: "a.pdf", ContentType: DocumentPDF, Content: strings.NewReader("x"), Size: 1})
				return err
			},
		} {
			t.Run(tc.name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, w := testClient(t, reply(200, acceptedBody))
					ctx, cancel := context.WithTimeout(t.Context(), tc.left)
					defer cancel()
					hooked := false
					err := submit(WithBeforeSend(ctx, func(context.Context, *Call) error {
						hooked = true
						time.Sleep(tc.hook)
						return nil
					}), c)
					if OutcomeOf(err) != tc.outcome || hooked != tc.hooked || w.requests.Load() != map[bool]int32{true: 1}[err == nil] {
						t.Errorf("%v, hooked %v, %d requests", err, hooked, w.requests.Load())
					}
					if e, _ := asError(err); err != nil && (e.Kind != KindBusy || !e.Local || e.RetryAfter <= 0 || e.Sent != NotSent) {
						t.Errorf("%#v", err)
					}
				})
			})
		}
	}
}

// TestARefusalThatNamesAnImportIsNoRefusal: whatever the status says, somebody has taken it.
func TestARefusalThatNamesAnImportIsNoRefusal(t *testing.T) {
	long := strings.Repeat("x", 65<<10)
	for _, tc := range []struct {
		name, body string
		headers    []string
		uncertain  bool
		id         string
	}{
		{name: "an id", body: `{"accountingImportRequestId":"7f0b"}`, uncertain: true, id: "7f0b"},
		{name: "an id in another letter case, deep inside", body: `{"data":[{"AccountingImportRequestID": "7f0b"}],"statusCode":429}`, uncertain: true, id: "7f0b"},
		{name: "an id under an escaped name", body: `{"accountingImportReque\u0073tId":"7f0b"}`, uncertain: true, id: "7f0b"},
		{name: "an id beside an error", body: `{"error":{"code":"X","message":"non"},"accountingImportRequestId":"7f0b"}`, uncertain: true, id: "7f0b"},
		{name: "an id that is a number", body: `{"accountingImportRequestId":12}`, uncertain: true, id: "12"},
		{name: "an id of an odd form", body: `{"accountingImportRequestId":{"id":"7f0b"}}`, uncertain: true, id: "of an unknown form"},
		{name: "half of an id", body: `{"accountingImportRequestId":"7f`, uncertain: true, id: "of an unknown form"},
		{name: "an id in a header", body: `{}`, headers: []string{"Location", "/getImportStatus?accountingImportRequestId=7f0b"}, uncertain: true, id: "of an unknown form"},
		{name: "more than is read", body: `{"message":"` + long + `"}`, uncertain: true},
		{name: "no id", body: `{"statusCode":429,"message":"Rate limit is exceeded"}`},
		{name: "a null", body: `{"accountingImportRequestId":null}`},
		{name: "an empty one", body: `{"accountingImportRequestId":" "}`},
		{name: "a word in a sentence", body: `{"message":"accountingImportRequestId missing"}`},
		{name: "nothing", body: ``},
		{name: "a web page", body: `<html>no</html>`},
	} {
		for _, status := range []int{401, 403, 404, 413, 429} {
			t.Run(fmt.Sprintf("%d with %s", status, tc.name), func(t *testing.T) {
				c, w := testClient(t, reply(status, tc.body, tc.headers...))
				_, err := c.Imports.Submit(t.Context(), "D1", purchase())
				e, _ := asError(err)
				want := WriteNotSent
				if tc.uncertain {
					want = WriteUncertain
				}
				if OutcomeOf(err) != want || (e.Kind == KindOutcomeUnknown) != tc.uncertain || e.LoopRequestID != tc.id || e.HTTPStatus != status || w.requests.Load() != 1 {
					t.Errorf("%s, %#v", OutcomeOf(err), err)
				}
				if tc.uncertain && e.RetryAfter != 0 {
					t.Error("invites to send it again")
				}
			})
		}
	}
}

func TestTheHookOfACallRunsAfterTheOwners(t *testing.T) {
	var trail []string
	c, w := testClient(t, reply(200, acceptedBody), func(cfg *Config) {
		cfg.RequireHookForWrites = true
		cfg.BeforeSend = func(context.Context, *Call) error { trail = append(trail, "owner"); return nil }
	})
	ctx := WithBeforeSend(t.Context(), func(_ context.Context, call *Call) error {
		trail = append(trail, call.Operation.ID+" on "+call.Dossier)
		return nil
	})
	if _, err := c.Imports.Submit(ctx, "D1", purchase()); err != nil || strings.Join(trail, ", ") != "owner, import_entries on D1" {
		t.Error(trail, err)
	}
	mine := errors.New("not now")
	_, err := c.Imports.Submit(WithBeforeSend(ctx, func(context.Context, *Call) error { return mine }), "D1", purchase())
	if err != mine || w.requests.Load() != 1 {
		t.Error(err, w.requests.Load())
	}
	if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); !errors.Is(err, ErrConfiguration) {
		t.Error(err)
	}
	if _, err := c.Imports.Status(t.Context(), "x"); errors.Is(err, ErrConfiguration) {
		t.Error("a read needs no hook:", err)
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for o := WriteUncertain; o <= WriteNotSent; o++ {
		names[o.String()] = true
	}
	if len(names) != 4 || WriteOutcome(0) != WriteUncertain {
		t.Error(names)
	}
}

// rawLoop answers connections by hand and counts those that carried a request line.
type rawLoop struct {
	url                   string
	connections, requests atomic.Int32
	stop                  func() // returns once the last connection has been served
}

func newRawLoop(t *testing.T, serve func(conn *net.TCPConn, request func() bool)) *rawLoop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &rawLoop{url: "http://" + listener.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.connections.Add(1)
			r := bufio.NewReader(conn)
			serve(conn.(*net.TCPConn), func() bool {
				req, err := http.ReadRequest(r)
				if err != nil {
					return false
				}
				l.requests.Add(1)
				_, err = io.Copy(io.Discard, req.Body)
				return err == nil
			})
			_ = conn.Close()
		}
	}()
	l.stop = func() {
		_ = listener.Close()
		<-done
	}
	t.Cleanup(l.stop)
	return l
}

func TestAWriteIsNeverReplayedWhateverTheConnectionDoes(t *testing.T) {
	reset := func(conn *net.TCPConn) { _ = conn.SetLinger(0) } // closing then resets
	say := func(conn *net.TCPConn, s string) { _, _ = io.WriteString(conn, s) }
	for _, tc := range []struct {
		name     string
		serve    func(conn *net.TCPConn, request func() bool)
		requests int32 // -1: none or one, whichever side is quicker
		outcomes []WriteOutcome
	}{
		{"closed at once", func(*net.TCPConn, func() bool) {}, -1, []WriteOutcome{WriteUncertain, WriteNotSent}},
		{"reset at once", func(conn *net.TCPConn, _ func() bool) { reset(conn) }, -1, []WriteOutcome{WriteUncertain, WriteNotSent}},
		{"closed before the first byte of the answer", func(_ *net.TCPConn, request func() bool) { request() }, 1, []WriteOutcome{WriteUncertain}},
		{"reset before the first byte of the answer", func(conn *net.TCPConn, request func() bool) { request(); reset(conn) }, 1, []WriteOutcome{WriteUncertain}},
		{"closed within the status line", func(conn *net.TCPConn, request func() bool) { request(); say(conn, "HTTP/1.1 2") }, 1, []WriteOutcome{WriteUncertain}},
		{"closed within the headers", func(conn *net.TCPConn, request func() bool) {
			request()
			say(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
		}, 1, []WriteOutcome{WriteUncertain}},
		{"closed within the body", func(conn *net.TCPConn, request func() bool) {
			request()
			say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+acceptedBody)
		}, 1, []WriteOutcome{WriteUncertain}},
		{"reset within a chunked body", func(conn *net.TCPConn, request func() bool) {
			request()
			say(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(acceptedBody), acceptedBody))
			reset(conn)
		}, 1, []WriteOutcome{WriteUncertain}},
		{"told to go on, then closed", func(conn *net.TCPConn, request func() bool) {
			request()
			say(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}, 1, []WriteOutcome{WriteUncertain}},
		{"another protocol", func(conn *net.TCPConn, request func() bool) { request(); say(conn, "SSH-2.0-x\r\n") }, 1, []WriteOutcome{WriteUncertain}},
		{"408 before the request, then closed", func(conn *net.TCPConn, _ func() bool) {
			say(conn, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		}, -1, []WriteOutcome{WriteUncertain, WriteNotSent}},
		{"a whole answer", func(conn *net.TCPConn, request func() bool) {
			request()
			say(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(acceptedBody), acceptedBody))
		}, 1, []WriteOutcome{WriteAccepted}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, lines := range []int{3, 9_000} { // a body within the socket's buffer, and one far over it
				loop := newRawLoop(t, tc.serve)
				o := new(recorder)
				c, _ := testClient(t, nil, func(cfg *Config) {
					cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP, cfg.Observer = nil, loop.url, true, o
				})
				in := purchase()
				for len(in.Entries)*3 < lines {
					in.Entries = append(in.Entries, in.Entries[0])
				}
				_, err := c.Imports.Submit(t.Context(), "D1", in)
				outcome := OutcomeOf(err)
				ok := false
				for _, want := range tc.outcomes {
					ok = ok || outcome == want
				}
				if !ok || loop.connections.Load() != 1 || tc.requests >= 0 && loop.requests.Load() != tc.requests {
					t.Errorf("%d lines: %s after %d requests over %d connections: %v", lines, outcome, loop.requests.Load(), loop.connections.Load(), err)
				}
				if len(o.attempts) != 1 || o.attempts[0].Sends > 1 || outcome == WriteNotSent && o.attempts[0].Sends != 0 {
					t.Errorf("%+v", o.attempts)
				}
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		loop := newRawLoop(t, nil)
		loop.stop()
		c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP = nil, loop.url, true })
		if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); OutcomeOf(err) != WriteNotSent || !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
	})
	t.Run("no TLS on the other side", func(t *testing.T) {
		loop := newRawLoop(t, func(conn *net.TCPConn, _ func() bool) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		})
		c, _ := testClient(t, nil, func(cfg *Config) {
			cfg.Transport, cfg.BaseURL = nil, strings.Replace(loop.url, "http:", "https:", 1)
		})
		if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); OutcomeOf(err) != WriteNotSent || loop.connections.Load() != 1 || loop.requests.Load() != 0 {
			t.Error(err, loop.connections.Load())
		}
	})
	t.Run("no answer in time", func(t *testing.T) {
		loop := newRawLoop(t, func(conn *net.TCPConn, request func() bool) {
			request()
			_, _ = conn.Read(make([]byte, 1)) // until the client leaves
		})
		c, _ := testClient(t, nil, func(cfg *Config) {
			cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP, cfg.Retry.SubmissionTimeout = nil, loop.url, true, 50*time.Millisecond
		})
		if _, err := c.Imports.Submit(t.Context(), "D1", purchase()); OutcomeOf(err) != WriteUncertain || loop.requests.Load() != 1 {
			t.Error(err, loop.requests.Load())
		}
	})
}

// TestACancelledWriteKnowsWhetherItLeft cancels at every moment of a call: "not sent" must never be said of a request
// that arrived.
func TestACancelledWriteKnowsWhetherItLeft(t *testing.T) {
	outcomes := map[WriteOutcome]int{}
	for i := range 300 {
		loop := newRawLoop(t, func(conn *net.TCPConn, request func() bool) {
			if request() {
				_, _ = conn.Read(make([]byte, 1))
			}
		})
		c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP = nil, loop.url, true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*3)*time.Microsecond)
		_, err := c.Imports.Submit(ctx, "D1", purchase())
		cancel()
		c.Close()
		loop.stop()
		outcome := OutcomeOf(err)
		outcomes[outcome]++
		if outcome == WriteNotSent && loop.requests.Load() != 0 || outcome == WriteAccepted {
			t.Fatalf("%s, but %d requests arrived: %v", outcome, loop.requests.Load(), err)
		}
	}
	t.Log(outcomes)
}
