package loopsim_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestAccountsAreWrittenAsTheSampleShows(t *testing.T) {
	w := start(t)
	got := w.get("/compte", url.Values{"filter": {`numero=="60630000"`}})
	row := got.rows(t)[0]
	id, revision := row["objectId"].(string), row["revisionId"].(string)
	want := `[{"objectId":"` + id + `","revisionId":"` + revision + `","description":["60630000"],"numero":"60630000",` +
		`"libelle":"Fournitures d'entretien et petit équipement","type":6,"collectif":false,"lettrable":false,"pointable":false,` +
		`"centralisable":false,"analytique":true,"ferme":false,"compteContrepartie":{"objectId":null,"description":[""]}}]`
	if string(got.body) != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("objectId %q", id)
	}
	if !regexp.MustCompile(`^0x[0-9A-F]{16}$`).MatchString(revision) {
		t.Errorf("revisionId %q", revision)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %q", ct)
	}
}

func TestJournalsAreWrittenAsTheSampleShows(t *testing.T) {
	w := start(t)
	rows := w.get("/journal", url.Values{"sort": {"code"}}).rows(t)
	if got, want := column(rows, "code"), []string{"ACH", "AN", "BQ1", "OD", "VTE"}; !slices.Equal(got, want) {
		t.Fatalf("codes %v, want %v", got, want)
	}
	for i, want := range []float64{1, 3, 4, 2, 8} {
		if rows[i]["type"] != want {
			t.Errorf("type of %v is %v, want %v", rows[i]["code"], rows[i]["type"], want)
		}
	}
	bank := w.get("/compte", url.Values{"filter": {`numero=="51200000"`}}).rows(t)[0]
	contra := rows[2]["compteContrepartie"].(map[string]any)
	if contra["objectId"] != bank["objectId"] || contra["description"].([]any)[0] != "51200000" {
		t.Errorf("the contra account of BQ1 is %v, want a reference to %v", contra, bank["objectId"])
	}
	for name, want := range map[string]any{"typeContrepartie": 3.0, "repriseDateOp": true, "bordereau": false, "ferme": false, "accesClient": false, "saisieLibelle": 2.0} {
		if rows[2][name] != want {
			t.Errorf("%s is %v, want %v", name, rows[2][name], want)
		}
	}
}

func TestTheSandboxWorldIsTheSameAtEachStart(t *testing.T) {
	a, b := start(t), start(t)
	query := url.Values{"sort": {"numero"}}
	if x, y := a.get("/compte", query), b.get("/compte", query); string(x.body) != string(y.body) {
		t.Error("two simulators answer differently")
	}
	one := a.get("/compte", query).rows(t)[0]["objectId"]
	other := a.get("/compte", url.Values{"sort": {"numero"}, "codeDossier": {"CEGID003"}}).rows(t)[0]["objectId"]
	if one == other {
		t.Error("two dossiers share an identifier")
	}
}

func TestTheChartOfAccountsIsBelievable(t *testing.T) {
	chart := loopsim.Rows[loopsim.Account](loopsim.Template())
	if n := len(chart); n < 40 || n > 60 {
		t.Errorf("%d accounts", n)
	}
	flags := make(map[string]loopsim.Account)
	for _, a := range chart {
		if !regexp.MustCompile(`^[1-7][0-9]{7}$`).MatchString(a.Numero) {
			t.Errorf("number %q", a.Numero)
		}
		if a.Type < 1 || a.Type > 7 {
			t.Errorf("type %d of %s", a.Type, a.Numero)
		}
		flags[a.Numero] = a
	}
	if s := flags["40100000"]; !s.Collectif || !s.Lettrable || s.Analytique {
		t.Errorf("suppliers: %+v", s)
	}
	if !flags["51200000"].Pointable || !flags["60700000"].Analytique || !flags["67120000"].Ferme {
		t.Error("flags of bank, purchases or the closed account")
	}
	seen := make(map[string]bool)
	for _, a := range loopsim.LargeChart(10_000) {
		if len(a.Numero) != 8 || seen[a.Numero] {
			t.Fatalf("number %q is given twice or has not 8 digits", a.Numero)
		}
		seen[a.Numero] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("%d accounts in the large chart", len(seen))
	}
}

func TestPagingThroughTenThousandAccountsMeetsEachOnce(t *testing.T) {
	w := start(t)
	seen := make(map[string]bool)
	var last string
	pages := 0
	for skip := 0; ; pages++ {
		rows := w.get("/compte", url.Values{
			"codeDossier": {loopsim.SandboxLargeDossier}, "sort": {"numero"}, "skip": {strconv.Itoa(skip)}, "take": {"1000"},
		}, asPartner).rows(t)
		if len(rows) == 0 {
			break
		}
		if len(rows) > 100 {
			t.Fatalf("%d rows pass the hidden cap", len(rows))
		}
		for _, n := range column(rows, "numero") {
			if n <= last || seen[n] {
				t.Fatalf("%s after %s", n, last)
			}
			last, seen[n] = n, true
		}
		skip += len(rows)
	}
	if len(seen) != 10_000 || pages != 100 {
		t.Errorf("%d accounts in %d pages", len(seen), pages)
	}
}

func TestPages(t *testing.T) {
	w := start(t)
	all := column(w.get("/compte", url.Values{"sort": {"numero"}}).rows(t), "numero")
	tests := map[string]struct {
		query url.Values
		want  []string
	}{
		"take bounds the page":            {url.Values{"take": {"3"}}, all[:3]},
		"skip passes rows over":           {url.Values{"skip": {"5"}, "take": {"2"}}, all[5:7]},
		"skip counts rows after a filter": {url.Values{"filter": {`numero!="10100000"`}, "skip": {"1"}, "take": {"1"}}, all[2:3]},
		"a page past the end is empty":    {url.Values{"skip": {"5000"}}, nil},
		"take 0 is an empty page":         {url.Values{"take": {"0"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.query.Set("sort", "numero")
			got := w.get("/compte", tt.query)
			if numbers := column(got.rows(t), "numero"); !slices.Equal(numbers, tt.want) {
				t.Errorf("got %v, want %v", numbers, tt.want)
			}
		})
	}
	t.Run("an empty page is an empty array", func(t *testing.T) {
		if body := w.get("/compte", url.Values{"skip": {"5000"}}).body; string(body) != "[]" {
			t.Errorf("%s", body)
		}
	})
	t.Run("without sort the order is stable but is not that of the numbers", func(t *testing.T) {
		a := column(w.get("/compte", nil).rows(t), "numero")
		b := column(w.get("/compte", nil).rows(t), "numero")
		if !slices.Equal(a, b) || sort.StringsAreSorted(a) {
			t.Errorf("%v", a)
		}
	})
}

func TestTheHiddenCapIsConfigurable(t *testing.T) {
	w := start(t, loopsim.WithPageCap(0))
	large := url.Values{"codeDossier": {loopsim.SandboxLargeDossier}}
	if n := len(w.get("/compte", large, asPartner).rows(t)); n != loopsim.SandboxLargeAccounts {
		t.Errorf("without cap: %d rows", n)
	}
	w.SetPageCap(7)
	large.Set("take", "50")
	if n := len(w.get("/compte", large, asPartner).rows(t)); n != 7 {
		t.Errorf("with a cap of 7: %d rows", n)
	}
}

func TestSortAndSelect(t *testing.T) {
	w := start(t)
	rows := w.get("/journal", url.Values{"sort": {"typeContrepartie&&code:desc"}}).rows(t)
	if got, want := column(rows, "code"), []string{"VTE", "OD", "AN", "ACH", "BQ1"}; !slices.Equal(got, want) {
		t.Errorf("sorted: %v, want %v", got, want)
	}
	got := w.get("/journal", url.Values{"select": {"libelle,code"}, "filter": {`code=="OD"`}})
	if string(got.body) != `[{"code":"OD","libelle":"Opérations diverses"}]` {
		t.Errorf("selected: %s", got.body)
	}
	strict := start(t, loopsim.WithSelectSeparator(""))
	if got := strict.get("/journal", url.Values{"select": {"libelle,code"}}); got.status != http.StatusBadRequest {
		t.Errorf("without separator: status %d", got.status)
	}
}

func TestTheFilterLanguageIsTheDocumentedOne(t *testing.T) {
	w := start(t)
	accepted := map[string]int{
		`code=="ACH"`:     1,
		`code === "ACH"`:  1,
		`  code=="ACH"  `: 1,
		`code=="ach"`:     0,
		`code!="ACH"`:     4,
		`code != "ACH" && libelle!="À-nouveaux"`: 3,
		`code=="ACH"&&code=="VTE"`:               0,
		`code==null`:                             0,
		`code != null`:                           5,
		`libelle=="Banque – compte principal"`:   1,
		`libelle=="a && b || (c)"`:               0,
	}
	for filter, want := range accepted {
		t.Run("accepts "+filter, func(t *testing.T) {
			if rows := w.get("/journal", url.Values{"filter": {filter}}).rows(t); len(rows) != want {
				t.Errorf("%d rows, want %d", len(rows), want)
			}
		})
	}
	refused := []string{
		``, ` `, `code`, `code==`, `=="ACH"`, `code="ACH"`, `code=="ACH`, `code==ACH`, `code=='ACH'`, `code=="ACH"&&`, `&&code=="ACH"`,
		`code=="ACH"||code=="VTE"`, `(code=="ACH")`, `!code=="ACH"`, `code!=="ACH"`, `code===="ACH"`, `code<"B"`, `code<="B"`, `code>"B"`,
		`code>="B"`, `code>=null`, `code=="A\"CH"`, "code==\"A\tCH\"", "code\t==\"ACH\"", `code=="ACH" code=="VTE"`, `code=="ACH"&code=="VTE"`,
		`obj.code=="ACH"`, `inconnu=="ACH"`, `Code=="ACH"`, `ferme==false`, `ferme=="false"`, `type==1`, `type=="1"`, `description=="ACH"`,
		`compteContrepartie==null`, `compteContrepartie.objectId=="x"`, `"ACH"==code`, `code==null || code=="A"`, `code==NULL`, `code=="\xff"`,
		strings.Repeat(`code=="ACH"&&`, 64) + `code=="ACH"`, `code=="` + strings.Repeat("x", 5000) + `"`,
	}
	for _, filter := range refused {
		t.Run("refuses "+filter[:min(len(filter), 40)], func(t *testing.T) {
			refusedQuery(t, w.get("/journal", url.Values{"filter": {filter}}))
		})
	}
}

func refusedQuery(t *testing.T, got reply) {
	t.Helper()
	serviceError(t, got, http.StatusBadRequest, "SimQueryRefused")
}

func TestQueriesThatTheDocumentationDoesNotShowAreRefused(t *testing.T) {
	w := start(t)
	for _, q := range []string{
		"skip=-1", "skip=x", "skip=", `skip="10"`, "take=1.5", "take=99999999999999", "sort=", "sort=inconnu", "sort=code:asc",
		"sort=code,libelle", "sort=code && libelle", "sort=description", "sort=compteContrepartie", "select=", "select=inconnu",
		"select=code, libelle",
	} {
		t.Run(q, func(t *testing.T) {
			name, value, _ := strings.Cut(q, "=")
			refusedQuery(t, w.get("/journal", url.Values{name: {value}}))
		})
	}
	t.Run("a parameter given twice", func(t *testing.T) {
		refusedQuery(t, w.get("/journal", url.Values{"take": {"1", "2"}}))
	})
	t.Run("but an unknown parameter is ignored, as what a raw && makes", func(t *testing.T) {
		r := w.request(http.MethodGet, "/journal", nil)
		r.URL.RawQuery = "codeDossier=CEGID001&sort=code&&libelle:desc"
		if rows := w.do(r).rows(t); rows[0]["code"] != "ACH" {
			t.Errorf("first is %v", rows[0]["code"])
		}
	})
}

func TestShapes(t *testing.T) {
	tests := map[string]struct {
		shape loopsim.Shape
		want  string
	}{
		"the documented shape":      {loopsim.Shape{}, `[{"objectId":"ID","revisionId":"REV","description":["OD"],"code":"OD","libelle":"Opérations diverses","type":2,"compteContrepartie":{"objectId":null,"description":[""]},"typeContrepartie":1,"repriseDateOp":false,"bordereau":false,"ferme":false,"accesClient":false,"saisieLibelle":2}]`},
		"the data envelope":         {loopsim.Shape{Envelope: loopsim.EnvelopeData, Omit: most()}, `{"data":[{"code":"OD","type":2}]}`},
		"the array envelope":        {loopsim.Shape{Envelope: loopsim.EnvelopeArray, Omit: most()}, `[{"code":"OD","type":2}]`},
		"numbers as strings":        {loopsim.Shape{NumbersAsStrings: true, Omit: most()}, `[{"code":"OD","type":"2"}]`},
		"an unknown enum value":     {loopsim.Shape{EnumValue: 99, Omit: most()}, `[{"code":"OD","type":99}]`},
		"lower case":                {loopsim.Shape{MemberCase: loopsim.MemberCaseLower, Omit: most("compteContrepartie")}, `[{"code":"OD","type":2,"comptecontrepartie":{"objectid":null,"description":[""]}}]`},
		"upper case first":          {loopsim.Shape{MemberCase: loopsim.MemberCaseUpperFirst, Envelope: loopsim.EnvelopeData, Omit: most()}, `{"Data":[{"Code":"OD","Type":2}]}`},
		"an extra field":            {loopsim.Shape{ExtraField: true, Omit: most()}, `[{"code":"OD","type":2,"champInconnu":{"valeurs":[1,2.50,"été"]}}]`},
		"null references":           {loopsim.Shape{References: loopsim.ReferencesNull, Omit: most("compteContrepartie")}, `[{"code":"OD","type":2,"compteContrepartie":null}]`},
		"omitted references":        {loopsim.Shape{References: loopsim.ReferencesOmitted, Omit: most("compteContrepartie")}, `[{"code":"OD","type":2}]`},
		"a description as a string": {loopsim.Shape{FlatDescription: true, Omit: most("description")}, `[{"description":"OD","code":"OD","type":2}]`},
	}
	w := start(t)
	ids := strings.NewReplacer()
	for _, row := range w.get("/journal", url.Values{"filter": {`code=="OD"`}}).rows(t) {
		ids = strings.NewReplacer(row["objectId"].(string), "ID", row["revisionId"].(string), "REV")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.SetShape("/journal", tt.shape)
			got := w.get("/journal", url.Values{"filter": {`code=="OD"`}})
			if s := ids.Replace(string(got.body)); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
	t.Run("empty references", func(t *testing.T) {
		w.SetShape("/journal", loopsim.Shape{References: loopsim.ReferencesEmpty, Omit: most("compteContrepartie")})
		got := w.get("/journal", url.Values{"filter": {`code=="BQ1"`}})
		if want := `[{"code":"BQ1","type":4,"compteContrepartie":{"objectId":null,"description":[""]}}]`; string(got.body) != want {
			t.Errorf("got %s", got.body)
		}
	})
	t.Run("a shape of one route leaves the others alone", func(t *testing.T) {
		w.get("/compte", nil).rows(t)
	})
	for name, set := range map[string]func(){
		"an unknown route":  func() { w.SetShape("/comptes", loopsim.Shape{}) },
		"an unknown member": func() { w.SetShape("/journal", loopsim.Shape{Omit: []string{"numero"}}) },
	} {
		t.Run("a shape of "+name+" panics", func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			set()
		})
	}
}

// most names every member of a journal but code and type and those given.
func most(but ...string) []string {
	names := []string{
		"objectId", "revisionId", "description", "libelle", "compteContrepartie", "typeContrepartie", "repriseDateOp", "bordereau", "ferme",
		"accesClient", "saisieLibelle",
	}
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(but, n) })
}
