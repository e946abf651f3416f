package cegidclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestARawReadIsRetriedAndPassedOnAsItCame(t *testing.T) {
	var got *http.Request
	client, wire := testClient(t, script(reply(503, ``), func(w http.ResponseWriter, r *http.Request) {
		got = r
		reply(200, `{"data":[{"n":1.10,"n":"é"}]} `)(w, r)
	}))
	answer, err := client.Raw.Call(t.Context(), RawCall{
		Method: "GET", Path: "/someRoute", Key: KeyStandard, Dossier: "CEGID003", Query: map[string]string{"take": "5", "filter": `a == "b&c"`},
	})
	if err != nil || answer.Status != 200 || answer.Body != `{"data":[{"n":1.10,"n":"é"}]} ` {
		t.Fatalf("%+v, %v", answer, err)
	}
	if !strings.HasSuffix(got.URL.Path, "/someRoute") || got.URL.RawQuery != "codeDossier=CEGID003&filter=a%20%3D%3D%20%22b%26c%22&take=5" || wire.requests.Load() != 2 {
		t.Errorf("%s, %d requests", got.URL, wire.requests.Load())
	}
	if _, err := client.Raw.Call(t.Context(), RawCall{Method: "GET", Path: "/x", Key: KeyAdvanced}); !errors.Is(err, ErrAdvancedKeyRequired) {
		t.Error(err)
	}
}

func TestARawWriteIsSentOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		outcome WriteOutcome
		kind    Kind
	}{
		{"an object", 200, `{"id":1}`, WriteAccepted, 0},
		{"an empty object", 200, `{}`, WriteAccepted, 0},
		{"a list", 201, `[]`, WriteAccepted, 0},
		{"nothing, and said so", 204, ``, WriteAccepted, 0},
		{"nothing", 200, ``, WriteUncertain, KindOutcomeUnknown},
		{"a refusal", 200, `{"error":{"message":"non"}}`, WriteRefused, KindRefused},
		{"a refusal beside something done", 200, `{"success":[1],"error":{"message":"non"}}`, WriteUncertain, KindOutcomeUnknown},
		{"errors, and no success", 200, `{"success":[],"errors":[{"message":"non"}]}`, WriteRefused, KindRefused},
		{"errors beside a success", 200, `{"success":[1],"errors":[{"message":"non"}]}`, WriteUncertain, KindOutcomeUnknown},
		{"a success without errors", 200, `{"success":[1],"errors":[]}`, WriteAccepted, 0},
		{"a web page", 200, `<html>`, WriteUncertain, KindOutcomeUnknown},
		{"no JSON", 200, `ok`, WriteUncertain, KindOutcomeUnknown},
		{"JSON that is no UTF-8", 200, "\"\xff\"", WriteUncertain, KindOutcomeUnknown},
		{"503", 503, ``, WriteUncertain, KindOutcomeUnknown},
		{"403", 403, `{"code":"X","message":"non"}`, WriteNotSent, KindDossierNotShared},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var sent string
			client, wire := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = r.Method + " " + string(body)
				reply(tc.status, tc.body)(w, r)
			})
			answer, err := client.Raw.Call(t.Context(), RawCall{Method: "PUT", Path: "/x", Key: KeyStandard, Dossier: "CEGID003", Body: []byte(`{"a":1}`)})
			if got := OutcomeOf(err); got != tc.outcome || (answer != nil) != (err == nil) || tc.kind != 0 && !errors.Is(err, tc.kind) {
				t.Fatalf("%s: %+v, %v", got, answer, err)
			}
			if answer != nil && (answer.Status != tc.status || answer.Body != tc.body) {
				t.Errorf("%+v", answer)
			}
			if sent != `PUT {"a":1}` || wire.requests.Load() != 1 {
				t.Errorf("%q, %d requests", sent, wire.requests.Load())
			}
		})
	}
}

func TestARawReadThatFails(t *testing.T) {
	for body, kind := range map[string]Kind{
		`{"error":{"message":"non"},"data":[]}`: KindRefused, `<html>`: KindBadResponse, `ok`: KindBadResponse, ``: KindBadResponse, `{} {}`: KindBadResponse,
		`{"error":false}`: 0, `null`: 0, `"x"`: 0,
	} {
		client, wire := testClient(t, reply(200, body))
		_, err := client.Raw.Call(t.Context(), RawCall{Method: "GET", Path: "/x", Key: KeyStandard})
		if kind == 0 && err != nil || kind != 0 && !errors.Is(err, kind) || wire.requests.Load() != 1 {
			t.Errorf("%s: %v, %d requests", body, err, wire.requests.Load())
		}
	}
}

func TestRawCallsThatAreNotMade(t *testing.T) {
	client, wire := testClient(t, reply(200, `{}`))
	for name, c := range map[string]RawCall{
		"no method":            {Path: "/x"},
		"a method of no use":   {Method: "TRACE", Path: "/x"},
		"a lower-case method":  {Method: "get", Path: "/x"},
		"a read with a body":   {Method: "GET", Path: "/x", Body: []byte(`{}`)},
		"a dossier in passing": {Method: "GET", Path: "/x", Query: map[string]string{"CODEdossier": "OTHER"}},
	} {
		c.Key = KeyStandard
		if _, err := client.Raw.Call(t.Context(), c); !errors.Is(err, ErrInvalidArgument) || OutcomeOf(err) != WriteNotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{
		"", "x", "/", "//x", "/x/", "/x//y", "/..", "/x/../y", "/./x", "/x.", "/.x", "/x..y", "/x%2fy", "/x\\y", "/x?y", "/x#y", "/x;y", "/x y", "/x\n", "/é",
		"https://example.test/x", "/x:y", "/x@y", "/" + strings.Repeat("x", 200),
	} {
		if _, err := client.Raw.Call(t.Context(), RawCall{Method: "GET", Path: path, Key: KeyStandard}); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{"/x", "/someRoute", "/a/b-c/d_e.json"} {
		if !ValidRawPath(path) {
			t.Errorf("%q is refused", path)
		}
	}
	if n := wire.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAnOwnerOfALedgerSendsNoRawWriteWithoutIt(t *testing.T) {
	client, wire := testClient(t, reply(200, `{}`), func(cfg *Config) { cfg.RequireHookForWrites = true })
	write := RawCall{Method: "DELETE", Path: "/x", Key: KeyStandard}
	if _, err := client.Raw.Call(t.Context(), write); !errors.Is(err, ErrConfiguration) {
		t.Error(err)
	}
	hooked := WithBeforeSend(t.Context(), func(context.Context, *Call) error { return nil })
	if _, err := client.Raw.Call(hooked, write); err != nil {
		t.Error(err)
	}
	if _, err := client.Raw.Call(t.Context(), RawCall{Method: "GET", Path: "/x", Key: KeyStandard}); err != nil || wire.requests.Load() != 2 {
		t.Errorf("%v, %d requests", err, wire.requests.Load())
	}
}
