package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

func bySubscription(accepted *atomic.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Ocp-Apim-Subscription-Key") == accepted.Load() {
			reply(200, okList)(w, r)
			return
		}
		reply(401, `{"statusCode":401,"message":"Access denied due to invalid subscription key."}`)(w, r)
	}
}

func TestTheOtherSubscriptionKeyIsTriedOnceAndRemembered(t *testing.T) {
	var accepted atomic.Value
	accepted.Store(testSub2)
	keys := []Secret{NewSecret(testSub), NewSecret(testSub2)}
	c, w := testClient(t, bySubscription(&accepted), func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret(testAPIKey), SubscriptionKeys: keys}, nil
		})
	})
	step := func(what string, want int32, wantErr Kind) {
		t.Helper()
		w.requests.Store(0)
		err := readOnce(t.Context(), c)
		if e, _ := asError(err); (wantErr == 0) != (err == nil) || err != nil && e.Kind != wantErr {
			t.Errorf("%s: %v", what, err)
		}
		if n := w.requests.Load(); n != want {
			t.Errorf("%s: %d requests, want %d", what, n, want)
		}
	}
	write := func(what string, want Kind) {
		t.Helper()
		w.requests.Store(0)
		_, err := c.Do(t.Context(), &Call{Operation: operation(t, "import_entries"), Dossier: "D", Body: []byte("{}")})
		if e, _ := asError(err); (want == 0) != (err == nil) || e != nil && e.Kind != want || w.requests.Load() != 1 {
			t.Errorf("%s: %v after %d requests", what, err, w.requests.Load())
		}
	}
	rejected := func(what string, want int64) {
		t.Helper()
		if got := c.Brakes().Rejections; got != want {
			t.Errorf("%s: %d calls in a row were turned away, want %d", what, got, want)
		}
	}
	write("a write is sent once, whatever the key", KindCredentialRejected)
	rejected("the other key may be accepted", 0)
	write("the next one begins with the other key", 0)
	accepted.Store(testSub)
	step("the primary is tried", 2, 0)
	step("the primary is remembered", 1, 0)
	accepted.Store(testSub2)
	step("and the secondary again", 2, 0)
	write("a write uses the key that worked", 0)
	accepted.Store(testSub)
	step("back to the primary", 2, 0)
	accepted.Store("neither")
	step("neither: no more than two", 2, KindCredentialRejected)
	step("and again", 2, KindCredentialRejected)
	rejected("both were tried, twice", 2)
	accepted.Store("new")
	keys = []Secret{NewSecret("new"), NewSecret(testSub2)}
	step("changed secrets start with the primary", 1, 0)
	rejected("a key is accepted", 0)
}

func TestARotatedSecretIsReadPerAttempt(t *testing.T) {
	var current atomic.Value
	current.Store("old:1")
	var seen []string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("X-Apikey"))
		if current.Swap("new:1") == "old:1" {
			reply(503, ``)(w, r)
			return
		}
		reply(200, okList)(w, r)
	}, func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret(current.Load().(string)), SubscriptionKeys: []Secret{NewSecret("s")}}, nil
		})
	})
	if err := readOnce(t.Context(), c); err != nil || !slices.Equal(seen, []string{"old:1", "new:1"}) {
		t.Error(seen, err)
	}
}

// TestARotationInPlaceIsSeen: a source may keep one slice, and change what is in it.
func TestARotationInPlaceIsSeen(t *testing.T) {
	keys := []Secret{NewSecret("old")}
	var seen []string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Ocp-Apim-Subscription-Key"))
		reply(200, okList)(w, r)
	}, func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret("a:1"), SubscriptionKeys: keys}, nil
		})
	})
	testkit.OK(t, readOnce(t.Context(), c))
	keys[0] = NewSecret("new")
	testkit.OK(t, readOnce(t.Context(), c))
	if !slices.Equal(seen, []string{"old", "new"}) {
		t.Errorf("Loop saw %v", seen)
	}
}

func TestSecretsGoToTheOriginOfTheBaseURLOnly(t *testing.T) {
	p := &pair{apiKey: NewSecret(testAPIKey), subscriptionKey: NewSecret(testSub)}
	for url, want := range map[string]bool{
		"https://api.cegid.com/loop-api-publiques/compte": true,
		"https://API.cegid.com:443/x":                     true,
		"http://api.cegid.com/x":                          false,
		"https://api.cegid.com:8443/x":                    false,
		"https://api.cegid.com.evil.example/x":            false,
		"https://store.blob.core.windows.net/c/f?sig=1":   false,
	} {
		seen := false
		base := &wire{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = r.Header.Get("X-Apikey") != "" || r.Header.Get("Ocp-Apim-Subscription-Key") != ""
		})}
		rt := credentialTransport{base: base, scheme: "https", origin: "api.cegid.com:443"}
		req := httptest.NewRequest("GET", url, nil).WithContext(context.WithValue(t.Context(), pairKey{}, p))
		if _, err := rt.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if seen != want {
			t.Errorf("%s: secrets sent %t", url, seen)
		}
	}
}

func TestTheWeakerKeyThatSufficesIsUsed(t *testing.T) {
	standard, advanced := NewSecret("s:1"), NewSecret("a:1")
	for name, tc := range map[string]struct {
		source CredentialSource
		need   KeyKind
		want   string
		kind   Kind
	}{
		"standard for standard":          {StaticCredentials(standard, advanced), KeyStandard, "s:1", 0},
		"standard when nothing is said":  {StaticCredentials(standard, advanced), KeyUnspecified, "s:1", 0},
		"advanced for advanced":          {StaticCredentials(standard, advanced), KeyAdvanced, "a:1", 0},
		"advanced when it is the only":   {StaticCredentials(Secret{}, advanced), KeyStandard, "a:1", 0},
		"no advanced key":                {StaticCredentials(standard, Secret{}), KeyAdvanced, "", KindAdvancedKeyRequired},
		"no key at all":                  {StaticCredentials(Secret{}, Secret{}), KeyStandard, "", KindConfiguration},
		"no key at all, advanced needed": {StaticCredentials(Secret{}, Secret{}), KeyAdvanced, "", KindAdvancedKeyRequired},
	} {
		got, err := tc.source.Credentials(t.Context(), tc.need)
		if e, _ := asError(err); tc.kind != 0 && (e == nil || e.Kind != tc.kind) || tc.kind == 0 && err != nil || got.APIKey.Reveal() != tc.want {
			t.Errorf("%s: %q, %v", name, got.APIKey.Reveal(), err)
		}
	}
}

func TestAnAdvancedKeyIsMissedBeforeAnyCall(t *testing.T) {
	c, w := testClient(t, reply(200, `[]`))
	_, err := c.Do(t.Context(), &Call{Operation: operation(t, "list_offices"), Dossier: "cabinet"})
	if !errors.Is(err, ErrAdvancedKeyRequired) || w.requests.Load() != 0 {
		t.Error(err, w.requests.Load())
	}
}

func TestASecretThatNoHeaderCarriesIsAConfigurationFault(t *testing.T) {
	for _, bad := range []string{"key:secret\n", "key:sec\x00ret", " key:secret"} {
		c, w := testClient(t, reply(200, `[]`), func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret(bad), Secret{}, NewSecret(testSub))
		})
		if err := readOnce(t.Context(), c); !errors.Is(err, ErrConfiguration) || w.requests.Load() != 0 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
