package cegidclient

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestDoRefusesWhatCannotBeSent(t *testing.T) {
	c, w := testClient(t, reply(200, `[]`))
	for name, call := range map[string]*Call{
		"nothing":          nil,
		"no operation":     {},
		"an unknown route": {Operation: operation(t, "list_key_dossiers")},
		"a query in it":    {Operation: &Operation{ID: "x", Method: "GET", Path: "/a?b=c", Resend: ResendAlways}},
		"a way up":         {Operation: &Operation{ID: "x", Method: "GET", Path: "/../admin", Resend: ResendAlways}},
		"a strange method": {Operation: &Operation{ID: "x", Method: "G T", Path: "/a", Resend: ResendAlways}},
	} {
		if _, err := c.Do(t.Context(), call); !errors.Is(err, ErrInvalidArgument) || w.requests.Load() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProbeMakesOneAttemptAndReturnsTheEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		kind Kind
	}{
		"fine":           {reply(200, okList), 0},
		"no accounts":    {reply(200, `[]`), 0},
		"bad key":        {reply(401, `{"statusCode":401,"message":"Access denied due to invalid subscription key."}`), KindCredentialRejected},
		"not shared":     {reply(403, `{}`), KindDossierNotShared},
		"down":           {reply(503, ``), KindUnavailable},
		"refused in 200": {reply(200, `{"error":{"message":"non"}}`), KindRefused},
	} {
		c, w := testClient(t, tc.h, func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret("a:b"), NewSecret("c:d"), NewSecret(testSub), NewSecret(testSub2))
		})
		err := c.Probe(t.Context(), "D1", KeyAdvanced)
		if e, _ := asError(err); (tc.kind == 0) != (err == nil) || e != nil && (e.Kind != tc.kind || e.HTTPStatus == 0) || w.requests.Load() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, w.requests.Load())
		}
	}
}

func TestTheBaseURLMustBePlainHTTPS(t *testing.T) {
	for url, says := range map[string]string{
		"": "", "https://api.cegid.com/loop": "", "http://api.cegid.com": "set AllowPlainHTTP", "ftp://api.cegid.com": "must be https",
		"https://u:p@api.cegid.com": "have no place", "https://api.cegid.com/?k=v": "have no place",
		"api.cegid.com": "absolute", "https://": "absolute", "https://a b": "absolute",
	} {
		cfg, _ := testConfig(reply(200, `[]`))
		cfg.BaseURL = url
		_, err := New(cfg)
		if (err == nil) != (says == "") || err != nil && (!errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v", url, err)
		}
	}
	cfg, _ := testConfig(reply(200, `[]`))
	cfg.BaseURL, cfg.AllowPlainHTTP = "http://127.0.0.1:1", true
	if _, err := New(cfg); err != nil {
		t.Error(err)
	}
	cfg.Credentials = nil
	if _, err := New(cfg); !errors.Is(err, ErrConfiguration) {
		t.Error(err)
	}
}
