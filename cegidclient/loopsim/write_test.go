package loopsim_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// write sends a body to practice demo, dossier CEGID001.
func (w *world) write(method, path, body string, edits ...edit) reply {
	w.t.Helper()
	r := w.request(method, path, url.Values{"codeDossier": {"CEGID001"}}, edits...)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return w.do(r)
}

func TestVATCodesAreWrittenAsTheExampleShows(t *testing.T) {
	w := start(t)
	got := w.get("/tva", url.Values{"filter": {`code=="N20"`}})
	row := got.rows(t)[0]
	want := `[{"objectId":"` + row["objectId"].(string) + `","revisionId":"` + row["revisionId"].(string) + `","code":"N20","description":"TVA 20 %","regime":1,"collecte":{}}]`
	if string(got.body) != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	if n := len(w.get("/tva", nil).rows(t)); n != 8 {
		t.Errorf("%d VAT codes", n)
	}
}

func TestEstablishmentsAreThoseOfTheCompany(t *testing.T) {
	w := start(t)
	rows := w.get("/etablissementComplet", nil).rows(t)
	types := map[any]int{}
	for _, row := range rows {
		types[row["type"]]++
		if len(row) != 7 || row["nature"] != 2.0 || row["raisonsociale"] != "BOULANGERIE EXEMPLE" || row["name"] != "" {
			t.Errorf("%v", row)
		}
	}
	if len(rows) != 2 || types[1.0] != 1 || types[2.0] != 1 {
		t.Errorf("%v", rows)
	}
}

func TestTheLegalIdentityIsOneObjectWhoseRevisionMoves(t *testing.T) {
	w := start(t)
	now := func() (id, revision, siren, form string) {
		o := w.get("/DossierComplet", nil).object(t)
		if len(o) != 4 {
			t.Fatalf("%v", o)
		}
		return o["objectId"].(string), o["revisionId"].(string), o["siren"].(string), o["formeJuridique"].(string)
	}
	id, first, siren, form := now()
	if siren != "123456782" || form != "SARL" {
		t.Errorf("%s %s", siren, form)
	}
	element := func(revision, rest string) string {
		return `[{"objectId":"` + id + `","revisionId":"` + revision + `"` + rest + `}]`
	}
	got := w.write(http.MethodPut, "/DossierComplet", element(first, `,"formeJuridique":"SA"`))
	_, second, siren, form := now()
	if first == second || siren != "123456782" || form != "SA" {
		t.Errorf("%s, then %s %s %s", first, second, siren, form)
	}
	if want := `{"success":[{"objectId":"` + id + `","revisionId":"` + second + `","formeJuridique":"SA"}],"errors":[]}`; got.status != 200 || string(got.body) != want {
		t.Errorf("got  %d %s\nwant %s", got.status, got.body, want)
	}
	w.write(http.MethodPut, "/DossierComplet", element(second, `,"siren":""`))
	_, third, siren, _ := now()
	if siren != "" || third == second {
		t.Errorf("%s %q", third, siren)
	}
	for name, body := range map[string]string{
		"a stale revision":        element(first, `,"siren":"123456782"`),
		"another object":          strings.Replace(element(third, `,"siren":"123456782"`), id, "x", 1),
		"a SIREN that is none":    element(third, `,"siren":"123456789"`),
		"a SIREN of ten digits":   element(third, `,"siren":"1234567820"`),
		"a SIREN that is null":    element(third, `,"siren":null`),
		"an unknown form":         element(third, `,"formeJuridique":"XYZ"`),
		"an empty form":           element(third, `,"formeJuridique":""`),
		"an unknown field":        element(third, `,"capital":1`),
		"no revision":             `[{"objectId":"` + id + `","siren":""}]`,
		"something not an object": `[null]`,
	} {
		got := w.write(http.MethodPut, "/DossierComplet", body)
		if o := got.object(t); got.status != 200 || len(o["success"].([]any)) != 0 || len(o["errors"].([]any)) != 1 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for _, body := range []string{`{}`, ``, `x`, `"x"`} {
		if got := w.write(http.MethodPut, "/DossierComplet", body); got.status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
	}
	if _, revision, _, _ := now(); revision != third {
		t.Error("a refusal moved the revision")
	}
	w.SetShape("/DossierComplet", loopsim.Shape{Envelope: loopsim.EnvelopeData})
	if body := string(w.get("/DossierComplet", nil).body); !strings.HasPrefix(body, `{"data":[{"objectId":`) {
		t.Error(body)
	}
	if err := w.ResetDossier("demo", "CEGID001"); err != nil {
		t.Fatal(err)
	}
	w.SetShape("/DossierComplet", loopsim.Shape{})
	if _, revision, _, form := now(); revision != first || form != "SARL" {
		t.Errorf("after a reset: %s %s", revision, form)
	}
}

func TestAccountsAndJournalsCanBeCreated(t *testing.T) {
	w := start(t)
	for _, tc := range []struct {
		path, key, code, sent, refused string
	}{
		{
			"/compte", "numero", "60710000", `"numero":"60710000","libelle":"Achats de marchandises B","analytique":true`,
			`no number "libelle":"x"; no label "numero":"1"; there already "numero":"60700000","libelle":"x"; a type of eight "numero":"1","libelle":"x","type":8; ` +
				`a flag that is a text "numero":"1","libelle":"x","ferme":"non"; an unknown field "numero":"1","libelle":"x","objectId":"y"; ` +
				`an unknown contra account "numero":"1","libelle":"x","compteContrepartie":{"objectId":"y"}`,
		},
		{
			"/journal", "code", "VT2", `"code":"VT2","libelle":"Ventes B","type":8`,
			`no type "code":"X","libelle":"x"; there already "code":"ACH","libelle":"x","type":1; Loop's own "code":"AN2","libelle":"x","type":"1"; a label that is a number "code":"X","libelle":1,"type":1`,
		},
	} {
		one := url.Values{"filter": {tc.key + `=="` + tc.code + `"`}}
		got := w.write(http.MethodPost, tc.path, "[{"+tc.sent+"}]")
		row := w.get(tc.path, one)
		if want := `{"success":` + string(row.body) + `,"errors":[]}`; got.status != 200 || string(got.body) != want || len(row.rows(t)) != 1 {
			t.Errorf("got  %d %s\nwant %s", got.status, got.body, want)
		}
		if again := w.write(http.MethodPost, tc.path, "[{"+tc.sent+"}]").object(t); len(again["errors"].([]any)) != 1 {
			t.Errorf("created twice: %v", again)
		}
		before := len(w.get(tc.path, nil).rows(t))
		for part := range strings.SplitSeq(tc.refused, "; ") {
			name, members, _ := strings.Cut(part, ` "`)
			got := w.write(http.MethodPost, tc.path, `[{"`+members+"}]")
			if o := got.object(t); len(o["success"].([]any)) != 0 || len(o["errors"].([]any)) != 1 {
				t.Errorf("%s: %s", name, got.body)
			}
		}
		if after := len(w.get(tc.path, nil).rows(t)); after != before {
			t.Errorf("refusals made %d of %d rows", after, before)
		}
		w.SetShape(tc.path, loopsim.Shape{Envelope: loopsim.EnvelopeData, NumbersAsStrings: true})
		if body := string(w.write(http.MethodPost, tc.path, "[{"+strings.Replace(tc.sent, tc.code, "NOUVEAU", 1)+"}]").body); !strings.HasPrefix(body, `{"data":[{"objectId":`) || !strings.Contains(body, `"type":"`) {
			t.Error(body)
		}
		w.SetShape(tc.path, loopsim.Shape{})
	}
	if n := w.Count("POST /journal"); n != 7 || w.Count("/journal") <= n {
		t.Errorf("%d creations of journals counted, and %d requests", n, w.Count("/journal"))
	}
	contra := w.get("/compte", url.Values{"filter": {`numero=="51200000"`}}).rows(t)[0]["objectId"].(string)
	got := w.write(http.MethodPost, "/journal", `[{"code":"BQ2","libelle":"Banque B","type":4,"compteContrepartie":{"objectId":"`+contra+`"}}]`)
	if !strings.Contains(string(got.body), `{"objectId":"`+contra+`","description":["51200000"]}`) {
		t.Errorf("%s", got.body)
	}
}

func TestAnImportBooksOnAnAccountThatWasCreated(t *testing.T) {
	w := start(t)
	outcome := func(account string) loopsim.ImportOutcome {
		d := purchase("R")
		d.lines[0]["compte"] = account
		w.write(http.MethodPost, "/importJson", d.body())
		w.FinishImports()
		imports := w.Imports()
		return imports[len(imports)-1].Outcome
	}
	if got := outcome("60710000"); got != loopsim.ImportFailed { // which also builds the index
		t.Fatalf("%s without the account", got)
	}
	w.write(http.MethodPost, "/compte", `[{"numero":"60710000","libelle":"x"}]`)
	if got := outcome("60710000"); got != loopsim.ImportBooked {
		t.Errorf("%s: %+v", got, w.Imports())
	}
}

func TestImpossibleCompaniesAreRefused(t *testing.T) {
	w, none := start(t), loopsim.Content{}
	for name, c := range map[string]loopsim.Content{
		"a SIREN that is none": loopsim.With(none, loopsim.Company{SIREN: "123456789"}),
		"a VAT code twice":     loopsim.With(none, loopsim.VATCode{Code: "A", Regime: 1}, loopsim.VATCode{Code: "A", Regime: 1}),
		"a VAT code of none":   loopsim.With(none, loopsim.VATCode{Regime: 1}),
		"a ninth regime":       loopsim.With(none, loopsim.VATCode{Code: "A", Regime: 9}),
	} {
		if err := w.AddDossier("demo", "T1", c); !errors.Is(err, loopsim.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
