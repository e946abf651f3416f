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
	"testing/iotest"
	"time"

	"cegid.internal/gateway/internal/testkit"
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
	testkit.OK(t, readOnce(t.Context(), c))
	if got.Method != "GET" || got.URL.Path != "/loop/compte" || len(body) != 0 {
		t.Error(got.Method, got.URL)
	}
	for name, want := range map[string]string{
		"x-apikey": testAPIKey, "Ocp-Apim-Subscription-Key": testSub, "Accept": "application/json",
		"Content-Type": "application/json", "User-Agent": "cegidclient",
	} {
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
		testkit.OK(t, readOnce(t.Context(), c))
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
	if e == nil || e.Kind != KindOutcomeUnknown || e.Sent != MaybeSent || e.HTTPStatus != 0 || requests.Load() != 1 {
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
		testkit.OK(t, readOnce(t.Context(), c))
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

// TestABodyIsReadToItsEndWhateverItsLengthIsSaidToBe: a transport of the caller's own may say nothing of it, or say it wrongly.
func TestABodyIsReadToItsEndWhateverItsLengthIsSaidToBe(t *testing.T) {
	const text = "0123456789"
	for name, of := range map[string]struct {
		said, limit int64
		body        io.Reader
		want        string
		wrong       error
	}{
		"said":                            {10, 100, strings.NewReader(text), text, nil},
		"not said":                        {-1, 100, strings.NewReader(text), text, nil},
		"left out":                        {0, 100, strings.NewReader(text), text, nil},
		"said too short":                  {4, 100, strings.NewReader(text), text, nil},
		"too short by one":                {9, 100, strings.NewReader(text), text, nil},
		"cut":                             {12, 100, strings.NewReader(text), text, io.ErrUnexpectedEOF},
		"as long as allowed":              {10, 10, strings.NewReader(text), text, nil},
		"over the cap":                    {10, 9, strings.NewReader(text), "", errOverCap},
		"over the cap, and not said":      {-1, 9, strings.NewReader(text), "", errOverCap},
		"over the cap, said too short":    {4, 9, strings.NewReader(text), "", errOverCap},
		"broken off":                      {12, 100, io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrClosedPipe)), text, io.ErrClosedPipe},
		"in pieces":                       {10, 100, iotest.OneByteReader(strings.NewReader(text)), text, nil},
		"the end comes with the last one": {10, 100, iotest.DataErrReader(strings.NewReader(text)), text, nil},
	} {
		body, err := readBody(&http.Response{ContentLength: of.said, Body: io.NopCloser(of.body)}, of.limit)
		if string(body) != of.want || !errors.Is(err, of.wrong) {
			t.Errorf("%s: %q, %v; want %q, %v", name, body, err, of.want, of.wrong)
		}
	}
}
