package cegidclient

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
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

func TestProbeMakesOneAttemptForEachSubscriptionKeyAndReturnsTheEvidence(t *testing.T) {
	badKey := reply(401, `{"statusCode":401,"message":"Access denied due to invalid subscription key."}`)
	for name, tc := range map[string]struct {
		h        http.HandlerFunc
		kind     Kind
		requests int32
		key      int
	}{
		"fine":                              {reply(200, okList), 0, 1, 0},
		"no accounts":                       {reply(200, `[]`), 0, 1, 0},
		"the primary key rejected":          {script(badKey, reply(200, okList)), 0, 2, 1},
		"both keys rejected":                {badKey, KindCredentialRejected, 2, 1},
		"the primary rejected, then down":   {script(badKey, reply(503, ``)), KindUnavailable, 2, 1},
		"the primary rejected, not shared":  {script(badKey, reply(403, `{}`)), KindDossierNotShared, 2, 1},
		"the primary rejected, then no row": {script(badKey, reply(200, `{"error":{"message":"non"}}`)), KindRefused, 2, 1},
		"not shared":                        {reply(403, `{}`), KindDossierNotShared, 1, 0},
		"down":                              {reply(503, ``), KindUnavailable, 1, 0},
		"refused in 200":                    {reply(200, `{"error":{"message":"non"}}`), KindRefused, 1, 0},
	} {
		c, w := testClient(t, tc.h, func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret("a:b"), NewSecret("c:d"), NewSecret(testSub), NewSecret(testSub2))
		})
		key, err := c.Probe(t.Context(), "D1", KeyAdvanced)
		if e, _ := asError(err); (tc.kind == 0) != (err == nil) || e != nil && (e.Kind != tc.kind || e.HTTPStatus == 0) || w.requests.Load() != tc.requests {
			t.Errorf("%s: %v after %d requests", name, err, w.requests.Load())
		}
		if key != tc.key {
			t.Errorf("%s: answered to the key %d, want %d", name, key, tc.key)
		}
	}
}

// TestAProbeBeginsWithThePrimaryKey: else a primary key that has ended would not be seen while the secondary one is in use. It does
// not make reads begin with a key that is rejected.
func TestAProbeBeginsWithThePrimaryKey(t *testing.T) {
	var accepted atomic.Value
	accepted.Store(testSub2)
	c, w := testClient(t, bySubscription(&accepted), func(cfg *Config) {
		cfg.Credentials = StaticCredentials(NewSecret("a:b"), Secret{}, NewSecret(testSub), NewSecret(testSub2))
		cfg.Retry.Attempts = 1 // which is for other calls
	})
	for range 2 {
		if key, err := c.Probe(t.Context(), "D1", KeyStandard); key != 1 || err != nil {
			t.Errorf("answered to the key %d: %v", key, err)
		}
		w.requests.Store(0)
		if err := readOnce(t.Context(), c); err != nil || w.requests.Load() != 1 {
			t.Errorf("%v after %d requests", err, w.requests.Load())
		}
	}
	accepted.Store(testSub)
	if key, err := c.Probe(t.Context(), "D1", KeyStandard); key != 0 || err != nil || c.Brakes().SubscriptionKey != 0 {
		t.Errorf("answered to the key %d: %v; in use is %d", key, err, c.Brakes().SubscriptionKey)
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
