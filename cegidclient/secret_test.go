package cegidclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// canaries stand for secrets; the public half of a key may be told, but is not printed of our own accord.
var canaries = []string{"canary+Secret", "canarySub", "sig=canarySAS", "canaryDossier="}

func wantNoCanary(t *testing.T, where, text string, more ...string) {
	t.Helper()
	for _, c := range append(more, canaries...) {
		if strings.Contains(text, c) {
			t.Errorf("%s shows %q: %s", where, c, text)
		}
	}
}

// prints gives a value in all the ways in which it can end up in a log.
func prints(t *testing.T, v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	fmt.Fprintln(&b, mustJSON(t, v))
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "v", v, slog.Group("g", "v", v))
	}
	return b.String()
}

func TestNoSecretIsEverPrinted(t *testing.T) {
	cfg, _ := testConfig(reply(200, `[]`))
	c, err := New(cfg)
	testkit.OK(t, err)
	credentials, err := cfg.Credentials.Credentials(t.Context(), KeyStandard)
	testkit.OK(t, err)
	type holder struct{ hidden Secret } // fmt reaches unexported fields without calling methods
	p := &pair{apiKey: credentials.APIKey, subscriptionKey: credentials.SubscriptionKeys[0]}
	for name, v := range map[string]any{
		"Secret": credentials.APIKey, "*Secret": &credentials.APIKey, "Credentials": credentials, "source": cfg.Credentials,
		"Config": cfg, "*Config": &cfg, "Client": c, "Client value": *c, "holder": holder{credentials.APIKey},
		"holders": []holder{{credentials.APIKey}}, "map": map[string]Secret{"k": credentials.APIKey}, "pair": *p, "Call": Call{pair: p},
		"context": context.WithValue(t.Context(), pairKey{}, p),
	} {
		wantNoCanary(t, name, prints(t, v), "canaryKeyId")
	}
}

func TestThePublicHalfEndsAtTheFirstColon(t *testing.T) {
	for value, want := range map[string]string{"": "", "key": "", "key:secret": "key", "key:sec:ret": "key", ":secret": "", "key:": "key"} {
		if got := NewSecret(value).PublicHalf(); got != want {
			t.Errorf("%q: %q; want %q", value, got, want)
		}
	}
}

func TestNoErrorShowsASecretThatTheServerEchoes(t *testing.T) {
	echo := func(r *http.Request) string {
		return fmt.Sprintf("key %s sub %s at https://x.blob.core.windows.net/c/f.tra?sv=1&sig=canarySAS%%2F for https://h/p?canaryDossier=%s",
			r.Header.Get("X-Apikey"), r.Header.Get("Ocp-Apim-Subscription-Key"), r.URL.Query().Get("codeDossier"))
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Apikey") != testAPIKey {
				t.Errorf("x-apikey arrived as %q", r.Header.Get("X-Apikey"))
			}
			w.Header().Set("Location", "https://elsewhere.example/?sig=canarySAS")
			reply(code, mustJSON(t, map[string]any{
				"statusCode": code, "code": r.Header.Get("X-Apikey"), "message": echo(r), "stack": echo(r),
				"requestId": r.Header.Get("Ocp-Apim-Subscription-Key"), "error": map[string]string{"message": echo(r)},
			}))(w, r)
		}
	}
	handlers := map[string]http.HandlerFunc{
		"200 with error": func(w http.ResponseWriter, r *http.Request) {
			reply(200, mustJSON(t, map[string]any{"error": map[string]string{"instanceId": "i", "message": echo(r)}}))(w, r)
		},
		"nonsense": func(w http.ResponseWriter, r *http.Request) { reply(200, "["+echo(r))(w, r) },
		"HTML":     func(w http.ResponseWriter, r *http.Request) { reply(200, "<html>"+echo(r))(w, r) },
		"echoed as a content type": func(w http.ResponseWriter, r *http.Request) {
			reply(400, "{}", "Content-Type", "text/"+testSub)(w, r)
		},
		"connection": func(_ http.ResponseWriter, r *http.Request) {
			panic(errors.New("malformed HTTP response \"" + echo(r) + "\""))
		},
	}
	for _, code := range []int{302, 400, 401, 403, 404, 409, 429, 500} {
		handlers[fmt.Sprint(code)] = status(code)
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			c, _ := testClient(t, h, func(cfg *Config) { cfg.Retry.Attempts = 1 })
			err := readOnce(t.Context(), c)
			if err == nil {
				t.Fatal("no error")
			}
			wantNoCanary(t, "error", prints(t, err)+err.Error())
			if e, ok := asError(err); !ok || e.Dossier != "D1" || strings.Contains(err.Error(), "D1") {
				t.Errorf("the dossier belongs into its field only: %v", err)
			}
		})
	}
}

func TestTheErrorOfACredentialSourceIsNotPrinted(t *testing.T) {
	cause := errors.New("cannot parse canaryKeyId:canary+Secret")
	c, w := testClient(t, reply(200, `[]`), func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) { return Credentials{}, cause })
	})
	err := readOnce(t.Context(), c)
	wantNoCanary(t, "error", prints(t, err), "canaryKeyId")
	if !errors.Is(err, ErrConfiguration) || !errors.Is(err, cause) || w.requests.Load() != 0 {
		t.Error(err, w.requests.Load())
	}
}

type sourceFunc func() (Credentials, error)

func (f sourceFunc) Credentials(context.Context, KeyKind) (Credentials, error) { return f() }
