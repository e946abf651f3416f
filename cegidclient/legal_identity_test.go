package cegidclient

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

func identity(revision, siren, form string) string {
	return `{"objectId":"6f5e","revisionId":"` + revision + `","siren":"` + siren + `","formeJuridique":"` + form + `"}`
}

func TestALegalIdentityIsReadInEveryEnvelope(t *testing.T) {
	bare := identity("0x0000000000010C3E", "900000001", "SA")
	for name, body := range map[string]string{"bare": bare, "in a list": "[" + bare + "]", "in data": `{"data":[` + bare + `]}`} {
		var query string
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			query = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery
			reply(200, body)(w, r)
		})
		got, err := c.LegalIdentity.Get(t.Context(), "CEGID001")
		if err != nil || *got.SIREN != "900000001" || *got.LegalForm != "SA" || *got.RevisionID != "0x0000000000010C3E" || got.Unmapped != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if query != "GET /loop-api-publiques/DossierComplet?codeDossier=CEGID001" {
			t.Error(query)
		}
	}
	for name, body := range map[string]string{"none": "[]", "two": "[" + bare + "," + bare + "]", "without identity": `{"siren":"900000001"}`, "a text": `"x"`} {
		c, _ := testClient(t, reply(200, body))
		if _, err := c.LegalIdentity.Get(t.Context(), "D"); !errors.Is(err, ErrBadResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := testClient(t, reply(200, `{"error":{"message":"Non."}}`))
	if _, err := c.LegalIdentity.Get(t.Context(), "D"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if _, err := c.LegalIdentity.Get(t.Context(), "cabinet"); !errors.Is(err, ErrInvalidArgument) {
		t.Error(err)
	}
	got, err := decodeOne[LegalIdentity](t, `{"objectId":"o","siren":900000001,"capital":1000.00}`)
	if want := (Unmapped{"siren": "900000001", "capital": "1000.00"}); err != nil || *got.SIREN != "900000001" || !maps.Equal(got.Unmapped, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatBecomesOfAChangeOfTheLegalIdentity(t *testing.T) {
	old, changed := identity("0x1", "900000001", "SA"), identity("0x2", "900000001", "SARL")
	ok := func(row string) http.HandlerFunc { return reply(200, `{"success":[`+row+`],"errors":[]}`) }
	for _, tc := range []struct {
		name     string
		before   string
		put      http.HandlerFunc
		after    string
		kind     Kind
		says     string
		readBack bool
		puts     int
		gets     int
		siren    string // of the answer
	}{
		{"Loop shows it", old, ok(changed), changed, 0, "", false, 1, 1, "900000001"},
		{"Loop echoes what was sent, and no more", old, ok(`{"objectId":"6f5e","revisionId":"0x2","formeJuridique":"SARL"}`), changed, 0, "", false, 1, 1, "900000001"},
		{"Loop shows the old revision", old, ok(identity("0x1", "900000001", "SARL")), changed, 0, "", true, 1, 2, "900000001"},
		{"Loop shows another object", old, ok(strings.Replace(changed, "6f5e", "7777", 1)), changed, 0, "", true, 1, 2, "900000001"},
		{"the answer is lost, and it did it", old, cut, changed, 0, "", true, 1, 2, "900000001"},
		{"an outage, and it did it", old, reply(503, ""), changed, 0, "", true, 1, 2, "900000001"},

		{"a stale revision", identity("0x0", "900000001", "SA"), nil, "", KindStale, "nothing was sent", false, 0, 1, ""},
		{"a stale revision, and the values are there", identity("0x0", "900000001", "SARL"), nil, "", KindStale, "asked for already", false, 0, 1, ""},
		{"no revision", `{"objectId":"6f5e","siren":""}`, nil, "", KindBadResponse, "without its revision", false, 0, 1, ""},
		{"Loop refuses", old, reply(200, `{"success":[],"errors":[{"message":"Forme inconnue."}]}`), old, KindRefused, "Forme inconnue.", false, 1, 1, ""},
		{"Loop refuses with 400", old, reply(400, `{"code":"C","message":"Forme inconnue."}`), old, KindRefused, "Forme inconnue.", false, 1, 2, ""},
		{"neither success nor error", old, reply(200, `{"success":[],"errors":[]}`), old, KindOutcomeUnknown, "does not show it", false, 1, 2, ""},
		{"the answer is lost, and nothing changed", old, cut, old, KindOutcomeUnknown, "does not show it", false, 1, 2, ""},
		{"the answer is lost, and another's change is there", old, cut, identity("0x2", "900000001", "COOP"), KindStale, "not with what was sent", false, 1, 2, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			puts, gets, sent := 0, 0, ""
			c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					puts++
					body, _ := io.ReadAll(r.Body)
					sent = string(body)
					tc.put(w, r)
					return
				}
				if gets++; puts == 0 {
					reply(200, tc.before)(w, r)
				} else {
					reply(200, tc.after)(w, r)
				}
			})
			got, err := c.LegalIdentity.Update(t.Context(), "D", LegalIdentityChange{RevisionID: "0x1", LegalForm: new("SARL")})
			switch {
			case tc.kind == 0 && (err != nil || *got.Item.LegalForm != "SARL" || *got.Item.RevisionID != "0x2" || *got.Item.SIREN != tc.siren || got.ReadBack != tc.readBack):
				t.Errorf("%+v, %v", got, err)
			case tc.kind != 0 && (!errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("%+v, %v", got, err)
			}
			if puts != tc.puts || gets != tc.gets {
				t.Errorf("%d changes, %d looks", puts, gets)
			}
			if puts == 1 && sent != `[{"objectId":"6f5e","revisionId":"0x1","formeJuridique":"SARL"}]` {
				t.Errorf("sent %s", sent)
			}
		})
	}
}

func TestAnEmptySIRENClearsItAndAnAbsentOneIsLeft(t *testing.T) {
	for _, tc := range []struct {
		change LegalIdentityChange
		sent   string
	}{
		{LegalIdentityChange{SIREN: new("")}, `[{"objectId":"6f5e","revisionId":"0x1","siren":""}]`},
		{LegalIdentityChange{SIREN: new("123456782"), LegalForm: new("SA")}, `[{"objectId":"6f5e","revisionId":"0x1","siren":"123456782","formeJuridique":"SA"}]`},
	} {
		sent := ""
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				reply(200, `{"success":`+strings.Replace(sent, "0x1", "0x2", 1)+`,"errors":[]}`)(w, r)
				return
			}
			reply(200, identity("0x1", "900000001", "SA"))(w, r)
		})
		tc.change.RevisionID = "0x1"
		got, err := c.LegalIdentity.Update(t.Context(), "D", tc.change)
		if err != nil || sent != tc.sent || *got.Item.SIREN != *tc.change.SIREN || *got.Item.LegalForm != "SA" {
			t.Errorf("sent %s: %+v, %v", sent, got, err)
		}
	}
}

func TestAChangeThatSaysTooLittleIsRefusedHere(t *testing.T) {
	c, w := testClient(t, reply(200, "[]"))
	for field, change := range map[string]LegalIdentityChange{"revision": {SIREN: new("")}, "update_mask": {RevisionID: "0x1"}} {
		_, err := c.LegalIdentity.Update(t.Context(), "D", change)
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := c.LegalIdentity.Update(t.Context(), "Cabinet", LegalIdentityChange{RevisionID: "0x1", SIREN: new("")}); !errors.Is(err, ErrInvalidArgument) {
		t.Error(err)
	}
	if w.requests.Load() != 0 {
		t.Error("Loop was asked")
	}
}
