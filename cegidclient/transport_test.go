package cegidclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// socketClient talks to a real server through the real transports.
func socketClient(t *testing.T, h http.Handler, adjust ...func(*Config)) (*Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, _ := testClient(t, nil, append([]func(*Config){func(cfg *Config) {
		cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP = nil, srv.URL+"/loop", true
		cfg.Retry.BaseDelay, cfg.Retry.MaxDelay = time.Millisecond, time.Millisecond
	}}, adjust...)...)
	return c, srv
}

func TestARequestLooksAsLoopPrintsIt(t *testing.T) {
	var got *http.Request
	var body []byte
	c, _ := socketClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		body, _ = io.ReadAll(r.Body)
		reply(200, okList)(w, r)
	}))
	if err := readOnce(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got.Method != "GET" || got.URL.Path != "/loop/compte" || len(body) != 0 {
		t.Error(got.Method, got.URL)
	}
	for name, want := range map[string]string{"x-apikey": testAPIKey, "Ocp-Apim-Subscription-Key": testSub, "Accept": "application/json",
		"Content-Type": "application/json", "User-Agent": "cegidclient"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	_, err := c.Do(t.Context(), &Call{Operation: operation(t, "store_document"), Dossier: "D", Body: []byte("%PDF"), ContentType: "application/pdf"})
	if err != nil || string(body) != "%PDF" || got.ContentLength != 4 || got.Header.Get("Content-Type") != "application/pdf" {
		t.Error(err, string(body), got.ContentLength)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c, _ := socketClient(t, reply(status, ``, "Location", other.URL+"/steal"))
		if err := readOnce(t.Context(), c); !errors.Is(err, ErrBadResponse) {
			t.Error(status, err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestReadsShareConnectionsAndWritesDoNot(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(reply(200, okList))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.BaseURL, cfg.AllowPlainHTTP = nil, srv.URL, true })
	for range 5 {
		if err := readOnce(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 5 reads", n)
	}
	opened.Store(0)
	for range 5 {
		if _, err := c.Do(t.Context(), &Call{Operation: operation(t, "import_entries"), Dossier: "D", Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 5 {
		t.Errorf("%d connections for 5 writes", n)
	}
}

func hijackAndClose(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestAWriteIsNeverReplayedAndKnowsWhetherItLeft(t *testing.T) {
	importOp := operation(t, "import_entries")
	var requests atomic.Int32
	c, srv := socketClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		hijackAndClose(w, r)
	}))
	_, err := c.Do(t.Context(), &Call{Operation: importOp, Dossier: "D", Body: []byte("{}")})
	e, _ := asError(err)
	if e == nil || e.Kind != KindUnavailable || e.Sent != MaybeSent || e.HTTPStatus != 0 || requests.Load() != 1 {
		t.Errorf("%#v after %d requests", err, requests.Load())
	}
	srv.Close()
	_, err = c.Do(t.Context(), &Call{Operation: importOp, Dossier: "D", Body: []byte("{}")})
	if e, _ = asError(err); e == nil || e.Kind != KindUnavailable || e.Sent != NotSent || e.Attempts != 1 {
		t.Errorf("%#v", err)
	}
	if strings.Contains(err.Error(), "loop/importJson") {
		t.Error("the error shows the URL:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Do(ctx, &Call{Operation: importOp, Dossier: "D", Body: []byte("{}")})
	if e, _ = asError(err); e == nil || !errors.Is(err, context.Canceled) || e.Sent != NotSent {
		t.Errorf("%#v", err)
	}
}

func TestAReadOnADeadConnectionIsCounted(t *testing.T) {
	// The server closes each connection after its first answer, without saying so.
	o := new(recorder)
	var n atomic.Int32
	c, _ := socketClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 2 {
			hijackAndClose(w, r)
			return
		}
		reply(200, okList)(w, r)
	}), func(cfg *Config) { cfg.Observer = o })
	for range 2 {
		if err := readOnce(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	sends := 0
	for _, a := range o.attempts {
		sends += a.Sends
	}
	if sends != int(n.Load()) || n.Load() != 3 {
		t.Errorf("%d sends noted, %d requests arrived", sends, n.Load())
	}
}

func TestACutBodyIsTriedAgain(t *testing.T) {
	var n atomic.Int32
	c, _ := socketClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write([]byte(okList))
			return
		}
		reply(200, okList)(w, r)
	}))
	if err := readOnce(t.Context(), c); err != nil || n.Load() != 3 {
		t.Error(err, n.Load())
	}
}

func TestBodiesAreCapped(t *testing.T) {
	big := bytes.Repeat([]byte(" "), 5000)
	for name, tc := range map[string]struct {
		status  int
		flush   bool // no Content-Length
		kind    Kind
		success int64
	}{
		"a success over the cap":                 {200, false, KindBadResponse, 4000},
		"a success over the cap, length unknown": {200, true, KindBadResponse, 4000},
		"a success at the cap":                   {200, true, 0, 5002},
		"a refusal over the cap":                 {400, false, KindBadResponse, 0},
		"a refusal over the cap, length unknown": {400, true, KindBadResponse, 0},
		"an outage over the cap":                 {500, true, KindUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			c, _ := socketClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte("["))
				if tc.flush {
					w.(http.Flusher).Flush()
				}
				_, _ = w.Write(append(big, ']'))
			}), func(cfg *Config) {
				cfg.Limits.SuccessBody, cfg.Limits.ErrorBody, cfg.Retry.Attempts = tc.success, 1000, 1
			})
			err := readOnce(t.Context(), c)
			if e, _ := asError(err); (tc.kind == 0) != (err == nil) || e != nil && (e.Kind != tc.kind || e.HTTPStatus != tc.status) {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestTheGateRefusesWhatLoopThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		once := func(cfg *Config) { cfg.Gate, cfg.Retry.Attempts = gate, 1 }
		c, w := testClient(t, script(reply(429, ``, "Retry-After", "300"), reply(200, okList)), once)
		same, sameWire := testClient(t, reply(200, okList), once)
		otherPractice, _ := testClient(t, reply(200, okList), once, func(cfg *Config) { cfg.Practice = "partner" })
		otherKey, _ := testClient(t, reply(200, okList), once, func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub2))
		})
		if err := readOnce(t.Context(), c); !errors.Is(err, ErrThrottled) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, shut := range []*Client{c, same} {
			e, _ := asError(readOnce(t.Context(), shut))
			if e == nil || e.Kind != KindThrottled || !e.Local || e.RetryAfter != 290*time.Second || e.Attempts != 0 || e.Sent != NotSent {
				t.Errorf("%#v", e)
			}
		}
		for _, open := range []*Client{otherPractice, otherKey} {
			if err := readOnce(t.Context(), open); err != nil {
				t.Error(err)
			}
		}
		if w.requests.Load() != 1 || sameWire.requests.Load() != 0 {
			t.Error("sent through a shut gate")
		}
		time.Sleep(20 * time.Second) // 30 s in all: the cap
		if err := readOnce(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

func TestARetryWaitsForTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		share := func(cfg *Config) { cfg.Gate = gate }
		first, _ := testClient(t, reply(429, ``, "Retry-After", "5"), share, func(cfg *Config) { cfg.Retry.Attempts = 1 })
		second, w := testClient(t, reply(200, okList), share)
		_ = readOnce(t.Context(), first)
		start := time.Now()
		if err := readOnce(t.Context(), second); err != nil || time.Since(start) != 5*time.Second || w.requests.Load() != 1 {
			t.Error(err, time.Since(start))
		}
	})
}

func TestTheRateLimitWaitsOrRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, reply(200, okList), func(cfg *Config) {
			cfg.Limits.RatePerSecond, cfg.Limits.Burst, cfg.Retry.Attempts = 2, 1, 1
		})
		start := time.Now()
		for range 5 {
			if err := readOnce(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("5 calls at 2 a second took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if e, _ := asError(readOnce(ctx, c)); e == nil || e.Kind != KindThrottled || !e.Local || e.RetryAfter != 500*time.Millisecond {
			t.Errorf("%#v", e)
		}
	})
}

func TestTheConcurrencyLimitWaitsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			reply(200, okList)(w, r)
		}, func(cfg *Config) { cfg.Limits.Concurrency = 2 })
		for range 6 {
			go func() { _ = readOnce(t.Context(), c) }()
		}
		time.Sleep(500 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := readOnce(ctx, c)
		if e, _ := asError(err); !errors.Is(err, context.DeadlineExceeded) || e.Sent != NotSent || e.Attempts != 0 {
			t.Errorf("%#v", err)
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 2 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestTheBreakerOpensOnOutagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h atomic.Value
		set := func(f http.HandlerFunc) { h.Store(f) }
		c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) { h.Load().(http.HandlerFunc)(w, r) },
			func(cfg *Config) { cfg.Retry.Attempts = 1 })
		for _, harmless := range []http.HandlerFunc{reply(400, `{}`), reply(401, `{}`), reply(404, `{}`), reply(429, ``), reply(200, `<html>`)} {
			set(harmless)
			for range 12 {
				_ = readOnce(t.Context(), c)
			}
		}
		set(hang)
		for range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_ = readOnce(ctx, c)
			cancel()
		}
		set(reply(503, ``))
		w.requests.Store(0)
		for range 10 {
			_ = readOnce(t.Context(), c)
		}
		if n := w.requests.Load(); n != 10 {
			t.Fatalf("%d requests: something harmless was counted", n)
		}
		time.Sleep(4 * time.Second)
		e, _ := asError(readOnce(t.Context(), c))
		if e == nil || e.Kind != KindUnavailable || !e.Local || e.RetryAfter != 6*time.Second || w.requests.Load() != 10 {
			t.Fatalf("%#v", e)
		}
		time.Sleep(7 * time.Second)
		set(reply(200, okList))
		for range 3 {
			if err := readOnce(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTheOpenBreakerEndsTheRetriesWithWhatLoopSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, reply(503, `{"message":"maintenance"}`), func(cfg *Config) { cfg.Breaker.Failures = 2 })
		e, _ := asError(readOnce(t.Context(), c))
		if e == nil || e.Local || e.HTTPStatus != 503 || e.Message != "maintenance" || e.RetryAfter == 0 || w.requests.Load() != 2 {
			t.Errorf("%#v", e)
		}
	})
}

func TestAPanickingHookDoesNotJamTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := true
		c, _ := testClient(t, script(reply(503, ``), reply(200, okList)), func(cfg *Config) {
			cfg.Retry.Attempts, cfg.Breaker.Failures = 1, 1
			calls := 0
			cfg.BeforeSend = func(context.Context, *Call) error {
				if calls++; calls == 2 && boom {
					panic("hook")
				}
				return nil
			}
		})
		do := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = errors.New("panicked")
				}
			}()
			_, err = c.Do(t.Context(), &Call{Operation: operation(t, "list_accounts"), Dossier: "D"})
			return err
		}
		_ = do()
		time.Sleep(11 * time.Second)
		if err := do(); err == nil || err.Error() != "panicked" {
			t.Fatal(err)
		}
		if err := do(); err != nil {
			t.Error(err)
		}
	})
}

func TestDoRefusesWhatCannotBeSent(t *testing.T) {
	c, w := testClient(t, reply(200, `[]`))
	for name, call := range map[string]*Call{
		"nothing":          nil,
		"no operation":     {},
		"an unknown route": {Operation: operation(t, "list_key_dossiers")},
		"a query in it":    {Operation: &Operation{ID: "x", Method: "GET", Path: "/a?b=c", Resend: ResendAlways}},
		"a way up":         {Operation: &Operation{ID: "x", Method: "GET", Path: "/../admin", Resend: ResendAlways}},
		"a strange method": {Operation: &Operation{ID: "x", Method: "G T", Path: "/a", Resend: ResendAlways}},
	} {
		if _, err := c.Do(t.Context(), call); !errors.Is(err, ErrInvalidArgument) || w.requests.Load() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
