package loopsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a simulator behind a server, with a client that follows no redirect and does not keep connections.
type world struct {
	*loopsim.Simulator
	t      *testing.T
	url    string
	client *http.Client
}

func start(t *testing.T, opts ...loopsim.Option) *world {
	t.Helper()
	sim := loopsim.NewSandbox(opts...)
	server := httptest.NewServer(sim)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		sim.Close()
		server.Close()
	})
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &world{Simulator: sim, t: t, url: server.URL, client: client}
}

// edit changes a request before it is sent.
type edit func(*http.Request)

func header(name, value string) edit {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}

func asPartner(r *http.Request) { r.Header.Set("x-apikey", loopsim.SandboxPartnerAPIKey) }

func (w *world) request(method, path string, query url.Values, edits ...edit) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+w.BasePath()+path+"?"+query.Encode(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Ocp-Apim-Subscription-Key", loopsim.SandboxSubscriptionPrimary)
	r.Header.Set("x-apikey", loopsim.SandboxDemoAPIKey)
	for _, e := range edits {
		e(r)
	}
	return r
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (w *world) try(r *http.Request) (reply, error) {
	resp, err := w.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, body}, err
}

func (w *world) do(r *http.Request) reply {
	w.t.Helper()
	got, err := w.try(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// get asks practice demo for a list of dossier CEGID001 unless the query or the edits say otherwise.
func (w *world) get(path string, query url.Values, edits ...edit) reply {
	w.t.Helper()
	q := url.Values{"codeDossier": {"CEGID001"}}
	for name, values := range query {
		q[name] = values
	}
	return w.do(w.request(http.MethodGet, path, q, edits...))
}

func (r reply) rows(t *testing.T) []map[string]any {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	var rows []map[string]any
	if err := json.Unmarshal(r.body, &rows); err != nil {
		t.Fatalf("%v: %.200s", err, r.body)
	}
	return rows
}

func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(r.body, &o); err != nil {
		t.Fatalf("%v: %.200s", err, r.body)
	}
	return o
}

func column(rows []map[string]any, name string) []string {
	var values []string
	for _, row := range rows {
		values = append(values, row[name].(string))
	}
	return values
}
