package loopsim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func jsonLines[T any](t *testing.T, got reply) []T {
	t.Helper()
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "application/x-ndjson") {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	var all []T
	for line := range bytes.Lines(got.body) {
		var one T
		must(t, json.Unmarshal(line, &one))
		all = append(all, one)
	}
	return all
}

func TestImportsAndEntriesOverHTTP(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(0, 0))
	id := w.post(purchase("FA-1").body()).accepted(t)
	w.post(purchase("FA-2").set("refPiece", "P-2").body()).accepted(t)
	w.post(purchase("SIM-REFUSE").body())
	for query, want := range map[string]int{
		"": 3, "?dossier=CEGID001": 3, "?dossier=CEGID003": 0, "?refPiece=P-2": 1, "?reference=FA-2": 1, "?refPiece=FA-2": 0, "?outcome=refused": 1,
		"?practice=demo&outcome=booked": 2, "?id=" + id: 1, "?after=1": 2, "?after=1&limit=1": 1, "?limit=2": 2, "?dossier=": 0,
	} {
		if got := jsonLines[loopsim.ImportRecord](t, w.admin(http.MethodGet, "/_sim/imports"+query, "")); len(got) != want {
			t.Errorf("%s: %d imports, want %d", query, len(got), want)
		}
	}
	for query, want := range map[string]int{
		"?dossier=CEGID001": 2, "?dossier=CEGID003": 0, "?dossier=CEGID001&practice=partner": 0, "?dossier=CEGID001&refPiece=P-2": 1,
		"?dossier=CEGID001&reference=FA-1": 1, "?dossier=CEGID001&import=" + id: 1,
	} {
		if got := jsonLines[loopsim.BookedEntry](t, w.admin(http.MethodGet, "/_sim/entries"+query, "")); len(got) != want {
			t.Errorf("%s: %d entries, want %d", query, len(got), want)
		}
	}
	for _, path := range []string{"/_sim/entries", "/_sim/entries?dosier=CEGID001", "/_sim/imports?dosier=x", "/_sim/imports?after=x", "/_sim/imports?limit=-1", "/_sim/imports?dossier=a&dossier=b", "/_sim/imports?%zz"} {
		wantStatus(t, w.admin(http.MethodGet, path, ""), http.StatusBadRequest)
	}
	first := jsonLines[loopsim.ImportRecord](t, w.admin(http.MethodGet, "/_sim/imports?limit=1", ""))[0]
	if r := w.record(0); first.ID != r.ID || first.Digest != r.Digest || !first.Time.Equal(r.Time) || first.Outcome != r.Outcome || len(first.Entries) != 1 {
		t.Errorf("%+v is not %+v", first, r)
	}
}

func TestImportSettingsOverHTTP(t *testing.T) {
	w := start(t)
	got := w.admin(http.MethodPost, "/_sim/imports/mode", `{"statusAsText":true,"waiting":"1h"}`)
	if o := got.object(t); got.status != 200 || o["statusAsText"] != true || o["lateAccess"] != false || o["waiting"] != "1h0m0s" || o["running"] != "150ms" {
		t.Errorf("%d %s", got.status, got.body)
	}
	id := w.post(purchase("FA-1").body()).accepted(t)
	if got := w.importStatus(id); string(got.body) != `{"status":"1"}` {
		t.Errorf("%s", got.body)
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/imports/finish", ""), http.StatusNoContent)
	if got := w.importStatus(id); string(got.body) != `{"status":"3"}` {
		t.Errorf("%s", got.body)
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/imports/mode", `{"late":true}`), http.StatusBadRequest)
}

func TestChanceAndAfterOverHTTP(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(0, 0))
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", `{"kind":"status","status":503,"after":true,"probability":1,"seed":7,"route":"/importJson"}`), http.StatusCreated)
	wantStatus(t, w.post(purchase("FA-1").body()), 503)
	if f := w.Faults()[0].Fault; len(w.entries("CEGID001")) != 1 || !f.After || f.Probability != 1 || f.Seed != 7 {
		t.Errorf("%+v", f)
	}
	for _, body := range []string{`{"kind":"hang","probability":1.5}`, `{"kind":"hang","probability":-1}`, `{"kind":"cut-before","after":true}`} {
		wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", body), http.StatusBadRequest)
	}
}

func TestImportsAreShownEscaped(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(0, 0))
	w.post(purchase("<b>FA</b>").set("libelle", "<script>x</script>").body()).accepted(t)
	d := purchase("FA-2")
	d.root["codeIbs"] = "<i>"
	w.post(d.body())
	html := string(w.admin(http.MethodGet, "/_sim/", "").body)
	for _, s := range []string{"<script", "<b>", "<i>"} {
		if strings.Contains(html, s) {
			t.Errorf("the page contains %s", s)
		}
	}
	for _, s := range []string{"&lt;b&gt;FA", "&lt;script&gt;", "&lt;i&gt;", "1 booked", "1 not processed", "120.00"} {
		if !strings.Contains(html, s) {
			t.Errorf("the page lacks %s", s)
		}
	}
}

func TestTenThousandImportsAreCountedAndShown(t *testing.T) {
	sim := loopsim.NewSandbox(loopsim.WithImportDelays(time.Hour, time.Hour), loopsim.WithRequestLog(0))
	defer sim.Close()
	const n = 10_000
	body := purchase("FA-N").body()
	for i := range n {
		direct(t, sim, http.MethodPost, "/importJson", strings.ReplaceAll(body, "FA-N", fmt.Sprint("FA-", i)))
	}
	w := &world{Simulator: sim, t: t}
	sim.FinishImports()
	var state struct {
		Imports struct {
			Total, Booked, Pending, Entries int
			Latest, LatestEntries           []any
		}
	}
	page := func(path string) []byte {
		recorder := httptest.NewRecorder()
		sim.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return recorder.Body.Bytes()
	}
	must(t, json.Unmarshal(page("/_sim/state"), &state))
	if s := state.Imports; s.Total != n || s.Booked != n || s.Pending != 0 || s.Entries != n || len(s.Latest) != 100 || len(s.LatestEntries) != 50 {
		t.Errorf("%d of %d booked, %d entries", s.Booked, s.Total, s.Entries)
	}
	if lines := bytes.Count(page("/_sim/imports"), []byte("\n")); lines != n {
		t.Errorf("%d records", lines)
	}
	if lines := bytes.Count(page("/_sim/entries?dossier=CEGID001"), []byte("\n")); lines != n || len(w.entries("CEGID001")) != n {
		t.Errorf("%d entries", lines)
	}
	if got := direct(t, sim, http.MethodGet, "/EcritureComptable?codeDossier=CEGID001&filter=codeLettrage%3D%3Dnull%26%26refPiece%3D%3D%22FA-9999%22", ""); len(got.rows(t)) != 3 {
		t.Errorf("%s", got.body)
	}
}
