package cegidclient

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"
)

// advanced gives a client the Advanced key that the practice's own operations need.
func advanced(cfg *Config) {
	cfg.Credentials = StaticCredentials(Secret{}, NewSecret(testAPIKey), NewSecret(testSub))
}

func TestTheDocumentedPracticeIsReadWhole(t *testing.T) {
	office, err := decodeOne[Office](t, `{"objectId":"a0a5","revisionId":"0x1","code":"LYON","libelle":"Bureau de Lyon","siret":"12345678200028","numvoie":"12","email":"lyon@cabinet.example"}`)
	if err != nil || office.Unmapped != nil || *office.Code != "LYON" || *office.Label != "Bureau de Lyon" || *office.SIRET != "12345678200028" || *office.StreetNumber != "12" || *office.Email != "lyon@cabinet.example" {
		t.Errorf("%+v, %v", office, err)
	}
	group, err := decodeOne[WorkGroup](t, `{"objectId":"263c","revisionId":"0x2","code":"SOCIAL","description":"Pôle social","agence":"LYON"}`)
	if err != nil || group.Unmapped != nil || *group.Label != "Pôle social" || *group.Office != "LYON" {
		t.Errorf("%+v, %v", group, err)
	}
	member, err := decodeOne[StaffMember](t, `{"objectId":"8967","revisionId":"0x3","identifiant":"COLLAB01","prenom":"PRENOM","nom":"NOM"}`)
	if err != nil || *member.Identifier != "COLLAB01" || *member.FirstName != "PRENOM" || !maps.Equal(member.Unmapped, Unmapped{"nom": `"NOM"`}) {
		t.Errorf("%+v, %v", member, err)
	}
	engagement, err := decodeOne[Engagement](t, `{"objectId":"5b1c","revisionId":"0x4","codeIBS":"ENG0042","description":"Tenue","profitCenter":"LYON","maitreDossier":"COLLAB01",
		"entite":"BOULANGERIE","entiteIbsId":"D000123","dateDebut":"2026-01-01T00:00:00.000Z","dateFin":null}`)
	if err != nil || *engagement.StartDate != "2026-01-01" || engagement.EndDate != nil || !maps.Equal(engagement.Unmapped, Unmapped{"dateFin": "null"}) ||
		*engagement.Code != "ENG0042" || *engagement.PersonInCharge != "COLLAB01" || *engagement.ClientDossier != "BOULANGERIE" || *engagement.ClientDossierID != "D000123" {
		t.Errorf("%+v, %v", engagement, err)
	}
	activity, err := decodeOne[MissionActivity](t, `{"lettreMissionId":"7e8a","Libelle":"Déclaration de TVA","activiteCabinet":true,"activiteClient":false,"unite":1.50,
		"frequence":"1","dateFreq":"2026-04-30T00:00:00.000Z","calage":"2","decalage":"18","quantite":12,"datePrevObligation":"31"}`)
	if err != nil || activity.Unmapped != nil || *activity.Label != "Déclaration de TVA" || !*activity.DoneByPractice || *activity.DoneByClient || *activity.Hours != "1.50" ||
		*activity.Frequency != FrequencyMonthly || *activity.DueDate != "2026-04-30" || *activity.Timing != TimingCalendarYear || *activity.OffsetMonths != "18" ||
		*activity.Quantity != 12 || *activity.DueDay != "31" {
		t.Errorf("%+v, %v", activity, err)
	}
}

func TestNumbersAndQuotedCodesAreReadTolerantlyAndKeptRaw(t *testing.T) {
	for _, tc := range []struct {
		name, member string
		see          func(MissionActivity) string
		want         string
		raw          string // "" when nothing is kept
	}{
		{"a code as a number", `"frequence":1`, func(a MissionActivity) string { return show(a.Frequency) }, "1", `1`},
		{"a code by name", `"frequence":"mensuelle"`, func(a MissionActivity) string { return show(a.Frequency) }, "nil", `"mensuelle"`},
		{"a code of the future", `"frequence":"9"`, func(a MissionActivity) string { return show(a.Frequency) }, "9", ""},
		{"a decimal without decimals", `"unite":2`, func(a MissionActivity) string { return show(a.Hours) }, "2", ""},
		{"a decimal of many digits", `"unite":-0.10000000000000000001`, func(a MissionActivity) string { return show(a.Hours) }, "-0.10000000000000000001", ""},
		{"a decimal as a text", `"unite":"1.5"`, func(a MissionActivity) string { return show(a.Hours) }, "1.5", `"1.5"`},
		{"a decimal with a comma", `"unite":"1,5"`, func(a MissionActivity) string { return show(a.Hours) }, "nil", `"1,5"`},
		{"a decimal with an exponent", `"unite":1e3`, func(a MissionActivity) string { return show(a.Hours) }, "nil", `1e3`},
		{"no decimal", `"unite":null`, func(a MissionActivity) string { return show(a.Hours) }, "nil", `null`},
		{"an integer as a text", `"quantite":"12"`, func(a MissionActivity) string { return show(a.Quantity) }, "12", `"12"`},
		{"an integer with decimals", `"quantite":12.0`, func(a MissionActivity) string { return show(a.Quantity) }, "nil", `12.0`},
		{"an integer beyond 32 bits", `"quantite":2147483648`, func(a MissionActivity) string { return show(a.Quantity) }, "nil", `2147483648`},
		{"less than nothing", `"quantite":-0`, func(a MissionActivity) string { return show(a.Quantity) }, "0", `-0`},
		{"a list of integers", `"quantite":[12]`, func(a MissionActivity) string { return show(a.Quantity) }, "nil", `[12]`},
		{"a label in the other case", `"libelle":"TVA"`, func(a MissionActivity) string { return show(a.Label) }, "TVA", `"TVA"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := decodeOne[MissionActivity](t, `{"lettreMissionId":"l",`+tc.member+`}`)
			if err != nil {
				t.Fatal(err)
			}
			var kept string
			for _, raw := range a.Unmapped {
				kept = raw
			}
			if got := tc.see(a); got != tc.want || kept != tc.raw {
				t.Errorf("%s, kept %s", got, kept)
			}
		})
	}
}

func TestNothingOfAPracticeIsLost(t *testing.T) {
	t.Run("office", losesNothing[Office])
	t.Run("work group", losesNothing[WorkGroup])
	t.Run("staff member", losesNothing[StaffMember])
	t.Run("engagement", losesNothing[Engagement])
	t.Run("activity", losesNothing[MissionActivity])
}

func TestThePracticesOwnListsAskForThePracticeItself(t *testing.T) {
	var query string
	c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Path + "?" + r.URL.RawQuery
		reply(200, `{"data":[]}`)(w, r)
	}, advanced)
	const letter = "7e8a3295-ec43-4161-a2dc-d0c85d9e56bf"
	of := ListOptions{Filter: Equal(ActivityEngagementLetterID, letter)}
	for want, list := range map[string]func() error{
		"/AgenceCabinet?codeDossier=cabinet&skip=0&sort=code&take=101": func() error { _, err := c.Offices.List(t.Context(), PracticeDossier, ListOptions{}); return err },
		"/groupe?codeDossier=cabinet&skip=0&sort=code&take=101":        func() error { _, err := c.WorkGroups.List(t.Context(), PracticeDossier, ListOptions{}); return err },
		"/CollaborateurCabinet?codeDossier=cabinet&skip=0&sort=identifiant&take=101": func() error {
			_, err := c.Staff.List(t.Context(), PracticeDossier, ListOptions{})
			return err
		},
		"/engagement?codeDossier=cabinet&skip=0&sort=objectId&take=101": func() error { _, err := c.Engagements.List(t.Context(), PracticeDossier, ListOptions{}); return err },
		"/giActivitesMission?codeDossier=cabinet&filter=lettreMissionId%3D%3D%22" + letter + "%22&skip=0&sort=lettreMissionId&take=101": func() error {
			_, err := c.Activities.List(t.Context(), PracticeDossier, of)
			return err
		},
	} {
		if err := list(); err != nil || query != "/loop-api-publiques"+want {
			t.Errorf("%s, %v; want %s", query, err, want)
		}
	}
	before := w.requests.Load()
	_, err := c.Offices.List(t.Context(), "D1", ListOptions{})
	if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != "dossier" {
		t.Errorf("a dossier's offices: %v", err)
	}
	for name, f := range map[string]Filter{"none": {}, "a label": Equal(ActivityLabel, "TVA"), "all but one letter": NotEqual(ActivityEngagementLetterID, letter), "no letter": IsNull(ActivityEngagementLetterID)} {
		_, err := c.Activities.List(t.Context(), PracticeDossier, ListOptions{Filter: f})
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != "filter" {
			t.Errorf("activities filtered by %s: %v", name, err)
		}
	}
	if w.requests.Load() != before {
		t.Error("Loop was asked")
	}
	standard, w := testClient(t, reply(200, `[]`))
	if _, err := standard.Offices.List(t.Context(), PracticeDossier, ListOptions{}); !errors.Is(err, ErrAdvancedKeyRequired) || w.requests.Load() != 0 {
		t.Error(err)
	}
}

func TestAccessIsAskedForAndRead(t *testing.T) {
	ask := StaffAccessQuery{Domain: "CABINETEXEMPLE", Dossier: "D000123", Login: "jean@cabinet.example"}
	var body map[string]string
	c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = nil
		if err := json.Unmarshal(text, &body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %s", r.Method, r.Header.Get("Content-Type"), text)
		}
		reply(200, `{"accessAllowed":true}`)(w, r)
	}, advanced)
	got, err := c.Staff.CheckAccess(t.Context(), ask)
	if err != nil || !*got.Allowed || got.Unmapped != nil || !maps.Equal(body, map[string]string{"domain": "CABINETEXEMPLE", "codeDossier": "D000123", "login": "jean@cabinet.example"}) {
		t.Errorf("%+v, %v, %v", got, err, body)
	}
	asked := w.requests.Load()
	for field, q := range map[string]StaffAccessQuery{"domain": {Dossier: "D", Login: "l"}, "dossier": {Domain: "d", Dossier: "CABINET", Login: "l"}, "login": {Domain: "d", Dossier: "D"}} {
		_, err := c.Staff.CheckAccess(t.Context(), q)
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if w.requests.Load() != asked {
		t.Error("Loop was asked")
	}
	for _, tc := range []struct {
		name, body string
		status     int
		allowed    bool
		kind       Kind
		requests   int32
	}{
		{"no", `{"accessAllowed":false}`, 200, false, 0, 1},
		{"in words", `{"AccessAllowed":"true","depuis":"2026"}`, 200, true, 0, 1},
		{"in an envelope", `{"data":[{"accessAllowed":true}]}`, 200, true, 0, 1},
		{"nothing", `{}`, 200, false, KindBadResponse, 1},
		{"perhaps", `{"accessAllowed":null}`, 200, false, KindBadResponse, 1},
		{"twice", `[{"accessAllowed":true},{"accessAllowed":false}]`, 200, false, KindBadResponse, 1},
		{"none", `[]`, 200, false, KindBadResponse, 1},
		{"an error in a 200", `{"error":{"message":"non"}}`, 200, false, KindRefused, 1},
		{"a login that Loop does not know", `{"statusCode":400,"code":"CollaborateurBadLogin","message":"inconnu"}`, 400, false, KindRefused, 1},
		{"a dossier that the key may not touch", `{"statusCode":403,"code":"X","message":"non"}`, 403, false, KindDossierNotShared, 1},
		{"a Loop that is down is asked again: it is a question", `{}`, 503, false, KindUnavailable, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, w := testClient(t, reply(tc.status, tc.body), advanced)
			got, err := c.Staff.CheckAccess(t.Context(), ask)
			e, _ := asError(err)
			switch {
			case w.requests.Load() != tc.requests:
				t.Errorf("%d requests", w.requests.Load())
			case tc.kind == 0 && (err != nil || *got.Allowed != tc.allowed):
				t.Errorf("%+v, %v", got, err)
			case tc.kind != 0 && (e == nil || e.Kind != tc.kind):
				t.Errorf("%v", err)
			case tc.status == 400 && e.Code != "CollaborateurBadLogin":
				t.Errorf("%+v", e)
			}
		})
	}
}
