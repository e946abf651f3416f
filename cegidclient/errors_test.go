package cegidclient

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTheTableOfRefusals(t *testing.T) {
	const (
		html     = `<!DOCTYPE html><html><body>Maintenance</body></html>`
		service  = `{"statusCode":400,"code":"CollaborateurBadLogin","message":"login inconnu","name":"MicroserviceError[X]","stack":"at server.js:1","error":null,"id":"inst-1","requestId":"req-1"}`
		quota    = `{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 01:00:00."}`
		noRoute  = `{ "statusCode": 404, "message": "Resource not found" }`
		noSub    = `{ "statusCode": 401, "message": "Access denied due to missing subscription key." }`
		imported = `{"error":{"instanceId":"inst-2","message":"dossier inconnu"}}`
	)
	for _, tc := range []struct {
		name       string
		status     int
		body       string
		retryAfter string
		practice   bool
		kind       Kind
		wording    Wording
	}{
		{"200 with JSON", 200, `[]`, "", false, 0, ""},
		{"200 with a web page", 200, html, "", false, KindBadResponse, ""},
		{"a redirect", 302, ``, "", false, KindBadResponse, ""},
		{"304", 304, ``, "", false, KindBadResponse, ""},
		{"400 with Loop's object", 400, service, "", false, KindRefused, ""},
		{"400 with an import's object", 400, imported, "", false, KindRefused, ""},
		{"400 with a web page", 400, html, "", false, KindBadResponse, ""},
		{"400 with nothing", 400, ``, "", false, KindBadResponse, ""},
		{"401 of the gateway", 401, noSub, "", false, KindCredentialRejected, WordingSubscriptionKey},
		{"401 of Loop", 401, service, "", false, KindCredentialRejected, ""},
		{"401 with nothing", 401, ``, "", false, KindCredentialRejected, ""},
		{"403 on a dossier", 403, service, "", false, KindDossierNotShared, ""},
		{"403 on a dossier with nothing", 403, ``, "", false, KindDossierNotShared, ""},
		{"403 on the practice", 403, service, "", true, KindCredentialRejected, ""},
		{"403 with quota wording", 403, quota, "", false, KindThrottled, WordingQuota},
		{"403 with quota wording and a delay", 403, quota, "3600", true, KindThrottled, WordingQuota},
		{"403 with a web page", 403, html, "", false, KindBadResponse, ""},
		{"404 of the gateway", 404, noRoute, "", false, KindRouteUnknown, WordingResourceNotFound},
		{"404 of Loop", 404, service, "", false, KindNotFound, ""},
		{"404 with nothing", 404, ``, "", false, KindNotFound, ""},
		{"404 with a web page", 404, html, "", false, KindBadResponse, ""},
		{"409 with Loop's object", 409, service, "", false, KindRefused, ""},
		{"413 with text", 413, `too large`, "", false, KindRefused, ""},
		{"413 with a web page", 413, html, "", false, KindRefused, ""},
		{"429", 429, `{"statusCode":429,"message":"Rate limit is exceeded."}`, "7", false, KindThrottled, WordingRateLimit},
		{"429 with a web page", 429, html, "", false, KindThrottled, ""},
		{"500 with Loop's object", 500, service, "", false, KindUnavailable, ""},
		{"502 with a web page", 502, html, "", false, KindUnavailable, ""},
		{"503 with a delay", 503, ``, "3", false, KindUnavailable, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Content-Type", "application/json; charset=utf-8")
			if tc.retryAfter != "" {
				h.Set("Retry-After", tc.retryAfter)
			}
			e := refusal(answer{status: tc.status, header: h, body: []byte(tc.body), practice: tc.practice}, time.Now())
			if tc.kind == 0 {
				if e != nil {
					t.Fatal(e)
				}
				return
			}
			if e == nil || e.Kind != tc.kind || e.Evidence.Wording != tc.wording || e.HTTPStatus != tc.status {
				t.Fatalf("%#v", e)
			}
			if (tc.retryAfter != "") != (e.RetryAfter > 0) || e.Evidence.HTML != (tc.body == html) || e.Evidence.ContentType != "application/json" {
				t.Errorf("%#v", e)
			}
			if tc.body == service && (e.Code != "CollaborateurBadLogin" || e.Message != "login inconnu" || e.RequestID != "req-1" || e.InstanceID != "inst-1") {
				t.Errorf("%#v", e)
			}
			if tc.body == imported && (e.Message != "dossier inconnu" || e.InstanceID != "inst-2") {
				t.Errorf("%#v", e)
			}
			if strings.Contains(e.Error(), "server.js") {
				t.Error("the stack is shown")
			}
		})
	}
}

func TestEveryKindHasAName(t *testing.T) {
	names := map[string]bool{}
	for k := KindRefused; k <= KindUnverified; k++ {
		if s := k.String(); s == "unknown" || names[s] {
			t.Errorf("kind %d is called %q", k, s)
		} else {
			names[s] = true
		}
		if !errors.Is(&Error{Kind: k}, k) || errors.Is(&Error{Kind: k + 1}, k) {
			t.Errorf("errors.Is fails on %v", k)
		}
	}
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-7": 0, "1.5": 0, "soon": 0,
		"99999999999999999999":          maxRetryAfter,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:30 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}

func TestVendorTextIsCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"no payload (was it a POST?)":     "no payload (was it a POST?)",
		"line\nbreak\x00":                 "line break",
		"see https://h/p?a=1&sig=x, then": "see https://h/p?… then",
		`bad "https://h/p?sig=x" given`:   `bad "https://h/p?…" given`,
		"Quoi ? Le dossier a=b":           "Quoi ? Le dossier a=b",
		strings.Repeat("é", 600):          strings.Repeat("é", 500) + "…",
		"\xff":                            "\uFFFD",
	} {
		if got := cleanVendorText(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestLoopsSideSpeaksTwoLanguages(t *testing.T) {
	for message, want := range map[string]string{
		"Access denied due to invalid subscription key. Make sure to provide a valid key.": "en", "Rate limit is exceeded. Try again in 58 seconds.": "en",
		"Out of call volume quota. Quota will be replenished in 02:10:09.": "en", "Resource not found": "en", "Internal server error": "en",
		"Service Unavailable": "en", "Bad Gateway.": "en", "Utilisateur inconnu.": "fr", "The account does not exist.": "en",
		"Invalid API key": "en", "Missing required field: codeDossier": "en", "Le journal est clos.": "fr",
		"Le champ due_date est inconnu": "fr", "La somme due manque, soit 12 ares": "fr", "Quota dépassé": "fr", "Le service est indisponible": "fr", "": "fr",
	} {
		if got := LanguageOf(message); got != want {
			t.Errorf("%q is said to be %q; want %q", message, got, want)
		}
	}
}
