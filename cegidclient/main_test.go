package cegidclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a Loop without sockets: a handler as a transport. It fires the trace that the real transport fires.
type wire struct {
	handler  http.Handler
	requests atomic.Int32
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	w.requests.Add(1)
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	rec := httptest.NewRecorder()
	done := make(chan struct{})
	var failure any
	go func() {
		defer close(done)
		defer func() { failure = recover() }()
		w.handler.ServeHTTP(rec, req)
	}()
	select {
	case <-done:
	case <-req.Context().Done():
		<-done // handlers in these tests watch the context
		return nil, req.Context().Err()
	}
	if err, ok := failure.(error); ok {
		return nil, err
	}
	res := rec.Result()
	res.Request = req
	return res, nil
}

const (
	testAPIKey = "canaryKeyId:canary+Secret/=with:colon"
	testSub    = "canarySubPrimary"
	testSub2   = "canarySubSecondary"
)

func testConfig(handler http.HandlerFunc) (Config, *wire) {
	w := &wire{handler: handler}
	return Config{
		Practice:    "demo",
		Credentials: StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub)),
		Transport:   w,
	}, w
}

func testClient(t testing.TB, handler http.HandlerFunc, adjust ...func(*Config)) (*Client, *wire) {
	t.Helper()
	cfg, w := testConfig(handler)
	for _, f := range adjust {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, w
}

func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// script answers each request with the next handler, the last one for ever.
func script(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	}
}

func accountJSON(n int) string {
	return fmt.Sprintf(`{"objectId":"id-%06d","revisionId":"0x%016X","description":["%08d"],"numero":"%08d","libelle":"Compte n° %d","type":6,"collectif":false,"lettrable":true,"pointable":false,"centralisable":false,"analytique":true,"ferme":false,"compteContrepartie":{"objectId":null,"description":[""]}}`, n, n, n, n, n)
}

// dossier serves a list of accounts as Loop does, with a hidden cap and the faults that tests turn on.
type dossier struct {
	count, cap             int
	ignoreTake, ignoreSkip bool
	mu                     sync.Mutex
	takes                  []int
	before                 func(skip int) // called before each answer
	first                  func() int     // number of the first item now
}

func (d *dossier) handler(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	skip, err1 := strconv.Atoi(q.Get("skip"))
	take, err2 := strconv.Atoi(q.Get("take"))
	if err1 != nil || err2 != nil || q.Get("sort") == "" || q.Get("codeDossier") == "" {
		reply(400, `{"statusCode":400,"code":"Test","message":"skip, take, sort and codeDossier must be sent"}`)(w, r)
		return
	}
	d.mu.Lock()
	d.takes = append(d.takes, take)
	d.mu.Unlock()
	if d.before != nil {
		d.before(skip)
	}
	first := 0
	if d.first != nil {
		first = d.first()
	}
	if d.ignoreSkip {
		skip = 0
	}
	if d.ignoreTake {
		take = d.count
	}
	if d.cap > 0 {
		take = min(take, d.cap)
	}
	var b strings.Builder
	b.WriteByte('[')
	for i := skip; i < min(skip+take, d.count-first); i++ {
		if i > skip {
			b.WriteByte(',')
		}
		b.WriteString(accountJSON(i + first))
	}
	b.WriteByte(']')
	reply(200, b.String())(w, r)
}

func (d *dossier) requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.takes)
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

// readOnce is the plainest call of a read.
func readOnce(ctx context.Context, c *Client) error {
	_, err := c.Accounts.List(ctx, "D1", ListOptions{Take: 1})
	return err
}

func operation(t testing.TB, id string) *Operation {
	t.Helper()
	op, ok := OperationByID(id)
	if !ok {
		t.Fatalf("no operation %s", id)
	}
	return &op
}
