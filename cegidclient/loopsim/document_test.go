package loopsim_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// store hands in a document as practice demo, into CEGID001 unless the query says otherwise.
func (w *world) store(file string, query url.Values, edits ...edit) (reply, error) {
	w.t.Helper()
	q := url.Values{"context": {"CEGID001"}, "filename": {"facture.pdf"}}
	for name, values := range query {
		q[name] = values
	}
	body := func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(file))), int64(len(file))
		r.Header.Set("Content-Type", "application/pdf")
	}
	return w.try(w.request(http.MethodPost, "/storeDocument", q, append([]edit{body}, edits...)...))
}

func TestADocumentIsStoredAsItCame(t *testing.T) {
	w := start(t)
	got, err := w.store("%PDF-1.7 …", url.Values{"uploadMode": {"E-mail"}, "uploadAuthor": {"a@example.test"}, "transaction": {"PURCHASE"}})
	must(t, err)
	o := got.object(t)
	sum := sha256.Sum256([]byte("%PDF-1.7 …"))
	want := loopsim.DocumentRecord{
		Seq: 1, Practice: "demo", Dossier: "CEGID001", FileName: "facture.pdf", ContentType: "application/pdf", Transaction: "PURCHASE",
		UploadMode: "E-mail", UploadAuthor: "a@example.test", Bytes: 12, Digest: hex.EncodeToString(sum[:]), Outcome: loopsim.DocumentStored,
		Robot: true, Status: 200,
	}
	record := w.Documents()[0]
	want.ID, want.Time = record.ID, record.Time
	if record != want || o["objectId"] != record.ID || o["simulated"] != true {
		t.Errorf("%+v, answered %v", record, o)
	}
	if got := jsonLines[loopsim.DocumentRecord](t, w.admin(http.MethodGet, "/_sim/documents?digest="+record.Digest, "")); len(got) != 1 || got[0].ID != record.ID {
		t.Errorf("%+v", got)
	}
	for query, n := range map[string]int{"": 1, "?outcome=lost": 0, "?dossier=CEGID001&practice=demo&fileName=facture.pdf": 1, "?after=1": 0, "?limit=1": 1} {
		if got := jsonLines[loopsim.DocumentRecord](t, w.admin(http.MethodGet, "/_sim/documents"+query, "")); len(got) != n {
			t.Errorf("%s: %d documents, want %d", query, len(got), n)
		}
	}
	wantStatus(t, w.admin(http.MethodGet, "/_sim/documents?file=x", ""), http.StatusBadRequest)
	if page := w.admin(http.MethodGet, "/_sim/", ""); !strings.Contains(string(page.body), "facture.pdf") {
		t.Error("the inspection page does not show it")
	}
	w.Reset()
	if n := len(w.Documents()); n != 0 {
		t.Errorf("%d documents after a reset", n)
	}
}

func TestADocumentForAnotherDossierIsLostWithoutAWord(t *testing.T) {
	w := start(t)
	for _, dossier := range []string{"NOWHERE", "DOSSIER_TEST", "cegid001"} { // unknown, of another practice, another letter case
		got, err := w.store("%PDF-", url.Values{"context": {dossier}})
		must(t, err)
		wantStatus(t, got, http.StatusOK)
	}
	for _, d := range w.Documents() {
		if d.Outcome != loopsim.DocumentLost || d.ID == "" {
			t.Errorf("%+v", d)
		}
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	w := start(t)
	for name, c := range map[string]struct {
		file   string
		query  url.Values
		edits  []edit
		status int
	}{
		"no dossier":              {"x", url.Values{"context": {""}}, nil, 400},
		"no name":                 {"x", url.Values{"filename": {""}}, nil, 400},
		"an unknown mode":         {"x", url.Values{"uploadMode": {"api"}}, nil, 400},
		"an unknown transaction":  {"x", url.Values{"transaction": {"BUY"}}, nil, 400},
		"a parameter given twice": {"x", url.Values{"context": {"CEGID001", "CEGID003"}}, nil, 400},
		"an empty document":       {"", nil, nil, 400},
		"more than 50 MB":         {strings.Repeat("x", 50<<20+1), nil, nil, 413},
		"without an API key":      {"x", nil, []edit{header("x-apikey", "")}, 401},
		"at the document's wish":  {"x", url.Values{"filename": {"SIM-REFUSE-1.pdf"}}, nil, 200},
	} {
		got, err := w.store(c.file, c.query, c.edits...)
		must(t, err)
		if got.status != c.status || c.status == 200 && got.object(t)["error"] == nil {
			t.Errorf("%s: %d %.200s", name, got.status, got.body)
		}
	}
	for _, d := range w.Documents() {
		if d.ID != "" || d.Outcome != loopsim.DocumentRefused && d.Outcome != loopsim.DocumentNotProcessed {
			t.Errorf("%+v", d)
		}
	}
}

func TestAFileNameAsksForAMishap(t *testing.T) {
	w := start(t)
	for name, c := range map[string]struct {
		status  int // 0: no answer
		outcome loopsim.DocumentOutcome
	}{
		"SIM-LOST-ANSWER.pdf":  {0, loopsim.DocumentStored},
		"SIM-CUT-BEFORE.pdf":   {0, loopsim.DocumentNotProcessed},
		"SIM-503.pdf":          {503, loopsim.DocumentNotProcessed},
		"SIM-503-BOOKED-7.pdf": {503, loopsim.DocumentStored},
		"SIM-429.pdf":          {429, loopsim.DocumentNotProcessed},
		"SIM-SLOW-1ms.pdf":     {200, loopsim.DocumentStored},
		"SIM-STUCK.pdf":        {200, loopsim.DocumentStored},
	} {
		before := len(w.Documents())
		got, err := w.store("%PDF-", url.Values{"filename": {name}})
		if (err != nil) != (c.status == 0) || got.status != c.status {
			t.Errorf("%s: %d, %v", name, got.status, err)
		}
		if all := w.Documents(); len(all) != before+1 || all[before].Outcome != c.outcome || all[before].Status != c.status {
			t.Errorf("%s: %+v", name, all[before:])
		}
	}
}

func TestNotesAreARouteForTests(t *testing.T) {
	w := start(t)
	text := func(s string) edit {
		return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(s)) }
	}
	post := func(body string) reply {
		return w.do(w.request(http.MethodPost, "/simNotes", url.Values{"codeDossier": {"CEGID001"}}, text(body)))
	}
	for i := range 3 {
		wantStatus(t, post(fmt.Sprintf(`{"text":"note %d"}`, i)), http.StatusCreated)
	}
	wantStatus(t, post(`{"text":"SIM-EMPTY"}`), http.StatusNoContent)
	wantStatus(t, post(`{}`), http.StatusBadRequest)
	if got := post(`{"text":"SIM-REFUSE"}`); got.object(t)["error"] == nil {
		t.Errorf("%s", got.body)
	}
	notes := func(dossier string, query url.Values) int {
		query.Set("codeDossier", dossier)
		return len(w.do(w.request(http.MethodGet, "/simNotes", query)).object(t)["data"].([]any))
	}
	if n := notes("CEGID001", url.Values{}); n != 4 {
		t.Errorf("%d notes", n)
	}
	if n := notes("CEGID001", url.Values{"take": {"2"}}); n != 2 {
		t.Errorf("%d notes of 2", n)
	}
	if n := notes("CEGID003", url.Values{}); n != 0 {
		t.Errorf("%d notes in another dossier", n)
	}
	wantStatus(t, w.do(w.request(http.MethodGet, "/simCabinetNotes", url.Values{"codeDossier": {"cabinet"}})), http.StatusOK)
	wantStatus(t, w.do(w.request(http.MethodGet, "/simCabinetNotes", url.Values{"codeDossier": {"cabinet"}}, asPartner)), http.StatusForbidden)
	wantStatus(t, w.do(w.request(http.MethodGet, "/simNotes", url.Values{"codeDossier": {"CEGID001"}, "take": {"x"}})), http.StatusBadRequest)
}
