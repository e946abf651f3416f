package rawdoor

import (
	"errors"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
)

func TestWhatAnRPCWrapsCannotBeListed(t *testing.T) {
	for _, each := range cegidclient.Operations() {
		if each.Path == "" {
			continue
		}
		err := CheckRoute(each.Method, each.Path)
		if refused := each.Wrapped || each.ID == "add_offer"; (err != nil) != refused {
			t.Errorf("%s: %v", each.ID, err)
		}
		for _, other := range []string{strings.ToLower(each.Path), strings.ToUpper(each.Path)} {
			if (CheckRoute(each.Method, other) != nil) != (err != nil) {
				t.Errorf("%s as %s: another verdict", each.ID, other)
			}
		}
	}
	if err := CheckRoute("GET", "/compte"); err == nil || !strings.Contains(err.Error(), "list_accounts") {
		t.Errorf("a wrapped route: %v", err)
	}
	for _, path := range []string{"", "compte", "/compte/", "//compte", "/./compte", "/x/../compte", "/compte%2f", "/compte;x", "/compte?x", "/compte.", "https://x/compte", "/cömpte"} {
		if err := CheckRoute("GET", path); err == nil || !strings.Contains(err.Error(), "path of a route") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestParametersThatNoCallerMayGive(t *testing.T) {
	for name, fine := range map[string]bool{
		"take": true, "accountingImportRequestId": true, "x_1": true,
		"": false, "1x": false, "a b": false, "a[]": false, "a.b": false, "é": false, strings.Repeat("x", 65): false, "codeDo\u017f\u017fier": false,
		"codeDossier": false, "CODEDOSSIER": false, "code_dossier": false, "dossiers": false, "codeIbs": false, "codeIBS": false, "context": false,
		"Context": false, "entite_id": false, "subscription_key": false, "subscriptionKey": false, "x_apikey": false,
	} {
		if err := CheckParameter(name); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestADoorOpensForWhatIsListed(t *testing.T) {
	if New().Open() {
		t.Error("an empty door is open")
	}
	d := New(Route{Method: "GET", Path: "/someRoute"}, Route{Method: "POST", Path: "/someRoute", Scope: Practice})
	for method, paths := range map[string][]string{"GET": {"/someRoute"}, "POST": {"/someRoute"}} {
		for _, path := range paths {
			if r, ok := d.Find(method, path); !ok || r.Write() != (method == "POST") {
				t.Errorf("%s %s: %+v, %t", method, path, r, ok)
			}
		}
	}
	for _, c := range [][2]string{{"PUT", "/someRoute"}, {"GET", "/importhistory"}, {"GET", "/someRoute/"}, {"get", "/someRoute"}, {"", ""}} {
		if _, ok := d.Find(c[0], c[1]); ok {
			t.Errorf("%v passes", c)
		}
	}
	for scope, want := range map[Scope]string{Dossier: "D1", Practice: "cabinet"} {
		if got := (Route{Scope: scope}).CodeDossier("D1"); got != want {
			t.Errorf("%d: %q", scope, got)
		}
	}
	if got := (Route{Scope: Unscoped}).CodeDossier(""); got != "" {
		t.Errorf("unscoped: %q", got)
	}
}

// TestABodyNamesItsOwnDossierAlone is written from the view of who may use dossier MINE and wants OTHER.
func TestABodyNamesItsOwnDossierAlone(t *testing.T) {
	for _, body := range []string{
		`{}`, `[]`, `{"codeDossier":"MINE"}`, `{"codeIbs":"MINE","data":{"context":"MINE"}}`, `[{"CODEIBS":"MINE"},{"x":1}]`,
		`{"dossiers":["MINE","MINE"],"after":{"x":"OTHER"}}`, `{"data":{"codeDossier":"MINE"},"libelle":"OTHER","n":1.50,"ok":true,"nothing":null}`,
		`{"texte":"[urgent] {voir}"}`, `{"texte":"{\"codeDossier\":\"MINE\"}"}`, ` {"a":[[1,2],[{}]]} `, `{"a":"codeDossier"}`, `{"contexte":{"from":"x"}}`,
	} {
		if err := CheckBody(body, "MINE"); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{
		`{"codeDossier":"OTHER"}`, `{"codeIbs":"OTHER"}`, `{"context":"OTHER"}`, `{"CodeIBS":"OTHER"}`, `{"CODEDOSSIER":"OTHER"}`, `{"code_dossier":"OTHER"}`,
		`{"code-dossier":"OTHER"}`, `{" codeDossier ":"OTHER"}`, `{"codeDossier\u0000":"OTHER"}`, `{"code\u200bDossier":"OTHER"}`, `{"codeDo\u017fsier":"OTHER"}`,
		`{"\u0063odeDossier":"OTHER"}`, `{"dossier":"OTHER"}`, `{"dossierId":"OTHER"}`, `{"entite_id":"7f0b2f6e-0d6c-4c11-9a55-0f5b8a7e2d10"}`, `{"entiteId":"x"}`,
		`{"data":{"deep":[{"deeper":{"codeIbs":"OTHER"}}]}}`, `[[{"context":"OTHER"}]]`, `{"__proto__":{"codeDossier":"OTHER"}}`,
		`{"dossiers":["MINE","OTHER"]}`, `{"dossiers":["OTHER"]}`, `{"dossiers":[]}`, `{"dossiers":[["OTHER"]]}`, `{"dossiers":[["MINE"]]}`, `{"dossiers":[{"code":"OTHER"}]}`,
		`{"dossier":{"code":"OTHER"}}`, `{"dossier":{}}`, `{"codeDossier":null}`, `{"codeDossier":1}`, `{"codeDossier":true}`, `{"codeDossier":""}`, `{"codeDossier":"*"}`,
		`{"codeDossier":"cabinet"}`, `{"codeDossier":"mine"}`, `{"codeDossier":"MINE "}`, `{"codeDossier":"MINE,OTHER"}`,
		`{"codeDossier":"MINE","context":"OTHER"}`, `{"codeDossier":["MINE",null]}`,
		`{"texte":"{\"codeDossier\":\"OTHER\"}"}`, `{"texte":" [{\"codeIbs\":\"OTHER\"}] rest"}`, `["{\"a\":\"{\\\"codeIbs\\\":\\\"OTHER\\\"}\"}"]`,
		`{"codeDossier":"MINE","x":{"dossier":"MINE","y":[{"z":1,"codeibs":"OTHER"}]}}`,
	} {
		if err := CheckBody(body, "MINE"); !errors.Is(err, ErrOtherDossier) {
			t.Errorf("%s: %v", body, err)
		}
		if err := CheckBody(body, ""); err != nil {
			t.Errorf("for the whole practice, %s: %v", body, err)
		}
	}
	for _, body := range []string{
		``, ` `, `x`, `"x"`, `1`, `null`, `{`, `{"a":}`, `{} {}`, `{}x`, `[1,]`, `{'codeDossier':'OTHER'}`, `{codeDossier:"OTHER"}`, "{\"a\":\"\xff\"}", "\xef\xbb\xbf{}",
		`{"codeDossier":"MINE","codeDossier":"OTHER"}`, `{"codeDossier":"MINE","\u0063odeDossier":"OTHER"}`, `{"a":{"b":1,"b":2}}`, `/**/{}`,
		strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000),
	} {
		for _, dossier := range []string{"MINE", ""} {
			if err := CheckBody(body, dossier); !errors.Is(err, ErrNotJSON) {
				t.Errorf("%.60q for %q: %v", body, dossier, err)
			}
		}
	}
}

func TestAQueryNamesNoDossier(t *testing.T) {
	r := Route{Query: []string{"take", "filter"}}
	for name, c := range map[string]struct {
		query map[string]string
		want  error
	}{
		"nothing":                        {nil, nil},
		"what is listed":                 {map[string]string{"take": "5", "filter": `code == "MINE" && libelle != null`}, nil},
		"what is not listed":             {map[string]string{"skip": "5"}, ErrParameter},
		"in another letter case":         {map[string]string{"Take": "5"}, ErrParameter},
		"the dossier":                    {map[string]string{"codeDossier": "MINE"}, ErrParameter},
		"a filter that names a dossier":  {map[string]string{"filter": `codeDossier == "OTHER"`}, ErrOtherDossier},
		"a filter that spells it out":    {map[string]string{"filter": `this["code" + "IBS"] == "OTHER"`}, ErrOtherDossier},
		"JSON that names another":        {map[string]string{"filter": `{"dossier":"OTHER"}`}, ErrOtherDossier},
		"JSON that names nothing":        {map[string]string{"filter": `{"code":"ACH"}`}, nil},
		"a text that begins like a list": {map[string]string{"filter": `[code] == "ACH"`}, nil},
	} {
		if _, err := r.CheckQuery(c.query, "MINE"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.CheckQuery(map[string]string{"filter": `codeIBS == "OTHER"`}, ""); err != nil {
		t.Errorf("for the whole practice: %v", err)
	}
}

// FuzzABodyThatPassesNamesNoOtherDossier: by a second reading, with another decoder.
func FuzzABodyThatPassesNamesNoOtherDossier(f *testing.F) {
	for _, seed := range []string{`{"codeDossier":"OTHER"}`, `{"a":[{"context":"MINE"}]}`, `{"dossiers":["MINE"]}`, `{"x":"{\"codeIbs\":\"OTHER\"}"}`, `[[],{}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if CheckBody(body, "MINE") != nil {
			return
		}
		if found := otherDossier(t, body); found != "" {
			t.Errorf("%q names %s", body, found)
		}
	})
}
