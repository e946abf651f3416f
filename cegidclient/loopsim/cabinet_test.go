package loopsim_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// own asks practice demo for one of its own lists.
func (w *world) own(path, filter string, edits ...edit) reply {
	w.t.Helper()
	q := url.Values{"codeDossier": {"cabinet"}}
	if filter != "" {
		q.Set("filter", filter)
	}
	return w.do(w.request(http.MethodGet, path, q, edits...))
}

func (w *world) ask(path, body string, edits ...edit) reply {
	w.t.Helper()
	return w.do(w.request(http.MethodPost, path, nil, append([]edit{func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}}, edits...)...))
}

func TestThePracticeIsWrittenAsItsPagesShow(t *testing.T) {
	w := start(t)
	for _, tc := range []struct{ path, filter, want string }{
		{"/AgenceCabinet", `code=="LYON"`, `{"data":[{"objectId":"…","revisionId":"…","code":"LYON","libelle":"Bureau de Lyon","siret":"12345678200028","numvoie":"12","email":"lyon@cabinet.example"}]}`},
		{"/groupe", `agence=="LYON"`, `{"data":[{"objectId":"…","revisionId":"…","code":"SOCIAL","description":"Pôle social","agence":"LYON"}]}`},
		{"/CollaborateurCabinet", `identifiant=="COLLAB01"`, `[{"objectId":"…","revisionId":"…","identifiant":"COLLAB01","prenom":"Claire"}]`},
		{"/engagement", `codeIBS=="ENG0042"`, `{"data":[{"objectId":"…","revisionId":"…","codeIBS":"ENG0042","description":"Tenue et révision 2026","profitCenter":"LYON","maitreDossier":"COLLAB01",` +
			`"entite":"BOULANGERIE EXEMPLE","entiteIbsId":"CEGID001","dateDebut":"2026-01-01T00:00:00.000Z","dateFin":null}]}`},
		{"/giActivitesMission", `lettreMissionId=="` + loopsim.SandboxLetter + `"&&Libelle=="Déclaration de TVA"`, `[{"lettreMissionId":"` + loopsim.SandboxLetter + `","Libelle":"Déclaration de TVA",` +
			`"activiteCabinet":true,"activiteClient":false,"unite":1.5,"frequence":"1","dateFreq":null,"calage":"2","decalage":"1","quantite":12,"datePrevObligation":"19"}]`},
	} {
		got := w.own(tc.path, tc.filter)
		body := regexp.MustCompile(`"(objectId|revisionId)":"[0-9a-fA-Fx-]+"`).ReplaceAllString(string(got.body), `"$1":"…"`)
		if got.status != http.StatusOK || body != tc.want {
			t.Errorf("%s: %d\ngot  %s\nwant %s", tc.path, got.status, body, tc.want)
		}
		serviceError(t, w.own(tc.path, tc.filter, asPartner), http.StatusForbidden, "SimAdvancedKeyRequired")
	}
	w.SetShape("/giActivitesMission", loopsim.Shape{NumbersAsStrings: true})
	if row := w.own("/giActivitesMission", `lettreMissionId=="`+loopsim.SandboxLetter+`"`).rows(t)[0]; row["frequence"] == "1" || row["quantite"] == 12.0 {
		t.Errorf("%v", row)
	}
}

func TestActivitiesAreThoseOfOneLetter(t *testing.T) {
	w := start(t)
	if rows := w.own("/giActivitesMission", `lettreMissionId=="`+loopsim.SandboxLetter+`"`).rows(t); len(rows) != 2 {
		t.Errorf("%v", rows)
	}
	for _, filter := range []string{"", `Libelle=="Bilan"`, `lettreMissionId!="` + loopsim.SandboxLetter + `"`, `lettreMissionId=="x"`, `lettreMissionId!=null`, `x`} {
		refusedQuery(t, w.own("/giActivitesMission", filter))
	}
}

func TestStaffAccess(t *testing.T) {
	w := start(t)
	question := func(domain, dossier, login string) string {
		return `{"domain":"` + domain + `","codeDossier":"` + dossier + `","login":"` + login + `"}`
	}
	for dossier, want := range map[string]string{"CEGID001": "true", "CEGID003": "false", "INCONNU": "false"} {
		got := w.ask("/checkCollaborateurAccess", question(loopsim.SandboxDemoDomain, dossier, loopsim.SandboxLogin))
		if got.status != http.StatusOK || string(got.body) != `{"accessAllowed":`+want+`}` {
			t.Errorf("%s: %d %s", dossier, got.status, got.body)
		}
	}
	serviceError(t, w.ask("/checkCollaborateurAccess", question(loopsim.SandboxDemoDomain, "CEGID001", "nobody@cabinet.example")), http.StatusBadRequest, "CollaborateurBadLogin")
	serviceError(t, w.ask("/checkCollaborateurAccess", question("OTHER", "CEGID001", loopsim.SandboxLogin)), http.StatusForbidden, "SimDomainRefused")
	for _, body := range []string{``, `{`, `{"domain":1}`, question("", "CEGID001", loopsim.SandboxLogin), question(loopsim.SandboxDemoDomain, "", "x"), question(loopsim.SandboxDemoDomain, "x", "")} {
		serviceError(t, w.ask("/checkCollaborateurAccess", body), http.StatusBadRequest, "SimBodyRefused")
	}
	serviceError(t, w.ask("/checkCollaborateurAccess", question(loopsim.SandboxDemoDomain, "CEGID001", loopsim.SandboxLogin), asPartner), http.StatusForbidden, "SimAdvancedKeyRequired")
}

func TestAPracticeOfATestHasItsOwnContent(t *testing.T) {
	w := start(t)
	offices := []loopsim.Agence{{Code: "NICE"}}
	must(t, w.AddPractice(loopsim.Practice{Name: "p2", AdvancedAPIKey: "sandbox-c:d", Cabinet: loopsim.With(loopsim.Content{}, offices...)}))
	offices[0].Code = "changed behind its back"
	p2 := header("x-apikey", "sandbox-c:d")
	if got := string(w.own("/AgenceCabinet", "", p2).body); !strings.Contains(got, `"code":"NICE"`) || strings.Contains(got, "LYON") {
		t.Error(got)
	}
	if got := string(w.own("/groupe", "", p2).body); got != `{"data":[]}` {
		t.Error(got)
	}
}
