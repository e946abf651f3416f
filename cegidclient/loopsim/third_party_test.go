package loopsim_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestThirdPartiesHaveARoutePerKind(t *testing.T) {
	w := start(t)
	for path, want := range map[string]struct {
		kind   float64
		codes  string
		nature bool
	}{
		"/tiersClient":      {loopsim.ThirdPartyClient, "CANCIEN CEXEMPLE CMARTIN CNORD", false},
		"/tiersFournisseur": {loopsim.ThirdPartyFournisseur, "FANCIEN FDUPONT FELEC FEXEMPLE", true},
		"/tiersSalarie":     {loopsim.ThirdPartySalarie, "SBERNARD SPETIT", true},
		"/tiersDivers":      {loopsim.ThirdPartyDivers, "ATTENTE DURSSAF", true},
	} {
		rows := w.get(path, url.Values{"sort": {"code"}}).rows(t)
		if got := strings.Join(column(rows, "code"), " "); got != want.codes {
			t.Errorf("%s: %s", path, got)
		}
		for _, row := range rows {
			if _, has := row["nature"]; row["type"] != want.kind || has != want.nature || row["actif"] != !strings.HasSuffix(row["code"].(string), "ANCIEN") {
				t.Errorf("%s: %v", path, row)
			}
		}
	}
}

func TestACustomerIsWrittenAsTheExampleShows(t *testing.T) {
	w := start(t)
	got := w.get("/tiersClient", url.Values{"filter": {`code=="CEXEMPLE"`}})
	row := got.rows(t)[0]
	account := w.get("/compte", url.Values{"filter": {`numero=="41100000"`}}).rows(t)[0]["objectId"].(string)
	want := `[{"objectId":"` + row["objectId"].(string) + `","revisionId":"` + row["revisionId"].(string) + `","code":"CEXEMPLE","type":0,"prenom":"","nom":"",` +
		`"raisonSociale":"EXEMPLE SARL","nomUsuel":"Exemple","lettrable":true,"compteContrepartie":{"objectId":"` + account + `","description":["41100000"]},` +
		`"SIRET":"90000000100017","telephone":"0100000000","fax":"","email":"compta@example.test","siteWeb":"","adr":{},"rib":[],"actif":true,"validation":1,"soumisTva":true}]`
	if string(got.body) != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
}

func TestSectionsAreWrittenAsTheSampleShows(t *testing.T) {
	w := start(t)
	rows := w.get("/section", url.Values{"sort": {"code"}}).rows(t)
	if got := column(rows, "code"); !slices.Equal(got, []string{"ADM", "ATE", "ATN", "ATS", "COM", "SECA@AXE"}) {
		t.Errorf("%v", got)
	}
	one := url.Values{"filter": {`description=="ATELIER NORD"`}}
	got := w.get("/section", one)
	row := got.rows(t)[0]
	ids := strings.NewReplacer(row["objectId"].(string), "ID", row["revisionId"].(string), "REV", row["axe"].(map[string]any)["objectId"].(string), "AXE")
	if s := ids.Replace(string(got.body)); s != `[{"objectId":"ID","revisionId":"REV","description":"ATELIER NORD","code":"ATN","ferme":false,"axe":{"objectId":"AXE","description":"CENTRE"}}]` {
		t.Errorf("%s", s)
	}
	w.SetShape("/section", loopsim.Shape{ListedDescription: true, Omit: []string{"objectId", "revisionId", "ferme"}})
	if s := ids.Replace(string(w.get("/section", one).body)); s != `[{"description":"ATELIER NORD","code":"ATN","axe":{"objectId":"AXE","description":["CENTRE"]}}]` {
		t.Errorf("%s", s)
	}
}

func TestImpossibleContentsAreRefused(t *testing.T) {
	var none loopsim.Content
	third := func(c loopsim.ThirdParty) loopsim.Content {
		return loopsim.With(none, c, loopsim.ThirdParty{Code: "A", Type: 4})
	}
	for name, content := range map[string]loopsim.Content{
		"a third party twice":                   third(loopsim.ThirdParty{Code: "A"}),
		"a third party without code":            third(loopsim.ThirdParty{}),
		"a code that is too long":               third(loopsim.ThirdParty{Code: strings.Repeat("A", 18)}),
		"a type without route":                  third(loopsim.ThirdParty{Code: "B", Type: 3}),
		"an unknown contra account":             third(loopsim.ThirdParty{Code: "B", Contrepartie: "1"}),
		"a section twice in an axis":            loopsim.With(none, loopsim.Section{Code: "A", Axe: "X"}, loopsim.Section{Code: "A", Axe: "X"}),
		"a section without axis":                loopsim.With(none, loopsim.Section{Code: "A"}),
		"an establishment that is no SIRET":     loopsim.With(none, loopsim.Establishment("12345678200011")),
		"establishments of two companies":       loopsim.With(none, loopsim.Establishment(loopsim.SandboxSIRET), "90000000100017"),
		"a fiscal year that ends before itself": loopsim.With(none, loopsim.FiscalYear{From: "2026-12-31", To: "2026-01-01"}),
		"a fiscal year without a day":           loopsim.With(none, loopsim.FiscalYear{From: "2026", To: "2027"}),
	} {
		t.Run(name, func(t *testing.T) {
			if err := start(t).AddDossier("demo", "T1", content); !errors.Is(err, loopsim.ErrInvalid) && !errors.Is(err, loopsim.ErrUnknown) {
				t.Errorf("got %v", err)
			}
		})
	}
	must(t, start(t).AddDossier("demo", "T1", loopsim.Template()))
}
