package loopsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func (w *world) admin(method, path, body string, edits ...edit) reply {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return reply{}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, e := range edits {
		e(r)
	}
	got, err := w.try(r)
	if err != nil {
		w.t.Error(err)
	}
	return got
}

func wantStatus(t *testing.T, got reply, status int) {
	t.Helper()
	if got.status != status {
		t.Errorf("got %d %s, want %d", got.status, got.body, status)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	w := start(t)
	got := w.admin(http.MethodPost, "/_sim/faults", `{"kind":"status","status":429,"route":"/compte","retryAfter":"3s","times":1,"header":{"X-Essai":"oui"}}`)
	wantStatus(t, got, http.StatusCreated)
	id := got.object(t)["id"].(string)
	struck := w.get("/compte", nil)
	if struck.status != 429 || struck.header.Get("Retry-After") != "3" || struck.header.Get("X-Essai") != "oui" {
		t.Errorf("%d %v", struck.status, struck.header)
	}
	if n := w.FaultHits(id); n != 1 {
		t.Errorf("%d hits", n)
	}
	wantStatus(t, w.admin(http.MethodDelete, "/_sim/faults/"+id, ""), http.StatusNoContent)
	wantStatus(t, w.admin(http.MethodDelete, "/_sim/faults/"+id, ""), http.StatusNotFound)
	w.admin(http.MethodPost, "/_sim/faults", `{"kind":"hang"}`)
	wantStatus(t, w.admin(http.MethodDelete, "/_sim/faults", ""), http.StatusNoContent)
	if len(w.Faults()) != 0 {
		t.Error("not cleared")
	}
}

func TestTheAdminInterfaceIsStrict(t *testing.T) {
	w := start(t)
	for name, tt := range map[string]struct{ body, says string }{
		"an unknown field":       {`{"kind":"hang","statut":1}`, "statut"},
		"an unknown kind":        {`{"kind":"boom"}`, "boom"},
		"a list as a duration":   {`{"kind":"latency","latency":[3]}`, "duration"},
		"a bad duration":         {`{"kind":"latency","latency":"soon"}`, "duration"},
		"a route of two methods": {`{"kind":"hang","method":"GET","route":"POST /importJson"}`, "no operation"},
		"two objects":            {`{"kind":"hang"}{"kind":"hang"}`, "one JSON object"},
		"no JSON":                {`kind`, "body"},
		"a huge body":            {`{"kind":"status","status":500,"body":"` + strings.Repeat("x", 2<<20) + `"}`, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.admin(http.MethodPost, "/_sim/faults", tt.body)
			wantStatus(t, got, http.StatusBadRequest)
			if s, _ := got.object(t)["error"].(string); !strings.Contains(s, tt.says) {
				t.Errorf("%q does not say %q", s, tt.says)
			}
		})
	}
	t.Run("another media type", func(t *testing.T) {
		wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", `{"kind":"hang"}`, header("Content-Type", "text/plain")), http.StatusBadRequest)
	})
	t.Run("an unknown path or method", func(t *testing.T) {
		wantStatus(t, w.admin(http.MethodGet, "/_sim", ""), http.StatusSeeOther)
		wantStatus(t, w.admin(http.MethodGet, "/_sim/rien", ""), http.StatusNotFound)
		wantStatus(t, w.admin(http.MethodPut, "/_sim/faults", ""), http.StatusMethodNotAllowed)
	})
	if n := len(w.Faults()); n != 0 {
		t.Errorf("%d faults were taken", n)
	}
}

func TestDossiersOverHTTP(t *testing.T) {
	w := start(t)
	own := url.Values{"codeDossier": {"T1"}}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers", `{"practice":"demo","code":"T1"}`), http.StatusCreated)
	w.get("/compte", own).rows(t)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers", `{"practice":"demo","code":"T1"}`), http.StatusConflict)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers", `{"practice":"x","code":"T1"}`), http.StatusNotFound)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers", `{"practice":"demo","code":"cabinet"}`), http.StatusBadRequest)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/T1/reset", ""), http.StatusNoContent)
	wantStatus(t, w.admin(http.MethodDelete, "/_sim/dossiers/demo/T1", ""), http.StatusNoContent)
	wantStatus(t, w.admin(http.MethodDelete, "/_sim/dossiers/demo/T1", ""), http.StatusNotFound)
	wantStatus(t, w.get("/compte", own), http.StatusForbidden)
	must(t, w.RemoveDossier("demo", "CEGID001"))
	wantStatus(t, w.admin(http.MethodPost, "/_sim/reset", ""), http.StatusNoContent)
	w.get("/compte", nil).rows(t)
}

func TestTheInspectionPageIsEscapedAndSelfContained(t *testing.T) {
	w := start(t)
	w.get("/compte", url.Values{"filter": {`<script>alert("x")</script>`}})
	must(t, w.AddDossier("demo", "<b>T1<b>", loopsim.Content{}))
	w.Inject(loopsim.Fault{Kind: loopsim.FaultHang, Dossier: "<i>", Times: 3})
	page := w.admin(http.MethodGet, "/_sim/", "")
	wantStatus(t, page, http.StatusOK)
	html := string(page.body)
	for _, s := range []string{"<script", "<b>", "<i>", "href=\"http", "action=\"http", "https://", "src=", "style="} {
		if strings.Contains(html, s) {
			t.Errorf("the page contains %s", s)
		}
	}
	for _, s := range []string{"DOSSIER_TEST", "10000", "&lt;script&gt;", "fault-1", "GET /compte", "&lt;b&gt;T1"} {
		if !strings.Contains(html, s) {
			t.Errorf("the page lacks %s", s)
		}
	}
	var state struct {
		Practices []struct {
			Name string
			Keys []struct {
				Kind     string
				Dossiers []string
			}
			Dossiers []struct {
				Code     string
				Accounts int
			}
		}
		LatestRequests []struct{ Route, Status any }
		Faults         []struct{ ID string }
	}
	must(t, json.Unmarshal(w.admin(http.MethodGet, "/_sim/state", "").body, &state))
	if len(state.Practices) != 2 || state.Practices[1].Dossiers[0].Accounts != 10_000 || len(state.LatestRequests) != 1 || len(state.Faults) != 1 {
		t.Errorf("%+v", state)
	}
}

func TestForeignPagesAreKeptOut(t *testing.T) {
	w := start(t, loopsim.WithLoopback())
	host := func(h string) edit { return func(r *http.Request) { r.Host = h } }
	t.Run("by Origin", func(t *testing.T) {
		for _, origin := range []string{"https://example.com", "null", "http://127.0.0.1:1", "x"} {
			wantStatus(t, w.admin(http.MethodGet, "/_sim/state", "", header("Origin", origin)), http.StatusForbidden)
			wantStatus(t, w.admin(http.MethodPost, "/_sim/reset", "", header("Origin", origin)), http.StatusForbidden)
		}
		wantStatus(t, w.admin(http.MethodPost, "/_sim/reset", "", header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
		wantStatus(t, w.admin(http.MethodPost, "/_sim/reset", "", header("Origin", w.url)), http.StatusNoContent)
	})
	t.Run("by Host", func(t *testing.T) {
		for _, h := range []string{"example.com", "127.0.0.1.example.com", "10.0.0.1:8089", "localhost.example.com:80"} {
			wantStatus(t, w.admin(http.MethodGet, "/_sim/state", "", host(h)), http.StatusForbidden)
			wantStatus(t, w.get("/compte", nil, host(h)), http.StatusForbidden)
		}
		for _, h := range []string{"localhost", "localhost:8089", "[::1]:8089", "[::1]", "127.0.0.2"} {
			wantStatus(t, w.admin(http.MethodGet, "/_sim/state", "", host(h)), http.StatusOK)
		}
	})
	t.Run("but any Host without the option", func(t *testing.T) {
		wantStatus(t, start(t).admin(http.MethodGet, "/_sim/state", "", host("loopsim.example.com")), http.StatusOK)
	})
}

func TestKeysAreRotatedOverHTTP(t *testing.T) {
	w := start(t)
	const next = "sandbox-next:sandbox-next-secret"
	old, new := header("x-apikey", loopsim.SandboxDemoAPIKey), header("x-apikey", next)
	opens := func(want bool, edits ...edit) {
		t.Helper()
		if got := w.get("/compte", nil, edits...); (got.status == http.StatusOK) != want {
			t.Errorf("status %d; want it to open: %t", got.status, want)
		}
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/practices/demo/keys/advanced", `{"apiKey": "`+next+`"}`), http.StatusNoContent)
	opens(true, old)
	opens(true, new)
	opens(false, header("x-apikey", "sandbox-next:sandbox-demo-secret")) // no mixture of the two
	wantStatus(t, w.admin(http.MethodPut, "/_sim/practices/demo/keys/advanced", `{"apiKey": "`+next+`"}`), http.StatusNoContent)
	opens(false, old)
	opens(true, new)
	wantStatus(t, w.admin(http.MethodPut, "/_sim/practices/demo/keys/standard", `{"apiKey": "a:b"}`), http.StatusNotFound)
	wantStatus(t, w.admin(http.MethodPut, "/_sim/practices/demo/keys/advanced", `{"apiKey": "a"}`), http.StatusBadRequest)

	wantStatus(t, w.admin(http.MethodPut, "/_sim/subscription-keys", `{"primary": "sandbox-one", "secondary": "sandbox-two"}`), http.StatusNoContent)
	opens(false, new)
	opens(true, new, header("Ocp-Apim-Subscription-Key", "sandbox-two"))
}
