package authn

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const audience = "loop-gateway"

// issuer is a small OpenID Connect issuer, whose keys and health the test decides.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    map[string]any // private, by id
	down    atomic.Bool
	fetches atomic.Int64
}

func newIssuer(t *testing.T, ids ...string) *issuer {
	t.Helper()
	i := &issuer{keys: map[string]any{}}
	for _, id := range ids {
		i.add(t, id)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		set := jose.JSONWebKeySet{}
		for id, private := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: private.(crypto.Signer).Public(), KeyID: id, Use: "sig"})
		}
		_ = json.NewEncoder(w).Encode(set)
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) add(t *testing.T, id string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = private
}

func (i *issuer) remove(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.keys, id)
}

func (i *issuer) key(id string) any {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[id]
}

// claims of a token that is good now, with changes; nil takes one out.
func (i *issuer) claims(changes map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "aud": audience, "sub": "billing", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (i *issuer) token(t *testing.T, id string, changes map[string]any) string {
	t.Helper()
	return sign(t, jose.ES256, i.key(id), id, i.claims(changes))
}

func verifier(t *testing.T, url string) *Issuer {
	t.Helper()
	v, err := NewIssuer(url, audience, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return v
}

func TestWhichTokensPass(t *testing.T) {
	i, other := newIssuer(t, "one"), newIssuer(t, "one")
	v := Issuers{verifier(t, i.URL)}
	public, err := x509.MarshalPKIXPublicKey(i.key("one").(*ecdsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	unsigned := func(header string, claims map[string]any) string {
		payload, _ := json.Marshal(claims)
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	}
	hs256 := func(key []byte) string {
		text := unsigned(`{"alg":"HS256","kid":"one"}`, i.claims(nil))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := i.token(t, "one", nil)
	for _, c := range []struct {
		name, token string
		passes      bool
	}{
		{"a good one", good, true},
		{"one for several audiences", i.token(t, "one", map[string]any{"aud": []string{"elsewhere", audience}}), true},
		{"one without a key id", sign(t, jose.ES256, i.key("one"), "", i.claims(nil)), true},
		{"one that expired within the skew", i.token(t, "one", map[string]any{"exp": in(-30 * time.Second)}), true},
		{"one that expired", i.token(t, "one", map[string]any{"exp": in(-2 * time.Minute)}), false},
		{"one that never expires", i.token(t, "one", map[string]any{"exp": nil}), false},
		{"one that is not good yet", i.token(t, "one", map[string]any{"nbf": in(time.Hour)}), false},
		{"one from the future", i.token(t, "one", map[string]any{"iat": in(time.Hour), "nbf": nil}), false},
		{"another audience", i.token(t, "one", map[string]any{"aud": "elsewhere"}), false},
		{"no audience", i.token(t, "one", map[string]any{"aud": nil}), false},
		{"an audience that begins alike", i.token(t, "one", map[string]any{"aud": audience + "-test"}), false},
		{"another issuer's", other.token(t, "one", nil), false},
		{"another issuer's key under this issuer's name", sign(t, jose.ES256, other.key("one"), "one", i.claims(nil)), false},
		{"a key that the issuer does not have", sign(t, jose.RS256, rsaKey, "two", i.claims(nil)), false},
		{"alg none", unsigned(`{"alg":"none"}`, i.claims(nil)) + ".", false},
		{"alg None", unsigned(`{"alg":"None","kid":"one"}`, i.claims(nil)) + ".", false},
		{"HS256 with the public key", hs256(public), false},
		{"HS256 with nothing", hs256(nil), false},
		{"a key in the header", unsigned(`{"alg":"ES256","jwk":{"kty":"EC"}}`, i.claims(nil)) + ".AAAA", false},
		{"no signature", good[:strings.LastIndex(good, ".")+1], false},
		{"a changed payload", strings.Replace(good, ".", ".e30", 1), false},
		{"an encrypted one", good + ".x.y", false},
		{"an enormous one", good + strings.Repeat("A", 64<<10), false},
		{"nothing", "", false},
		{"three dots", "...", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, claims, err := v.Verify(t.Context(), c.token)
			switch {
			case c.passes && (err != nil || claims["sub"] != "billing"):
				t.Errorf("%v, %v", claims, err)
			case !c.passes && !errors.Is(err, ErrRefused):
				t.Errorf("%v, %v; want it refused", claims, err)
			}
		})
	}
}

func TestKeysAreRotated(t *testing.T) {
	i := newIssuer(t, "one")
	v := verifier(t, i.URL)
	passes := func(token string) error { _, err := v.Verify(t.Context(), token); return err }
	old := i.token(t, "one", nil)
	if err := passes(old); err != nil {
		t.Fatal(err)
	}
	i.add(t, "two")
	v.keys.tried = time.Now().Add(-keysPause)
	if err := passes(i.token(t, "two", nil)); err != nil {
		t.Errorf("a new key: %v", err)
	}
	i.remove("one")
	if err := passes(old); err != nil {
		t.Errorf("a key that was withdrawn a moment ago: %v", err)
	}
	v.keys.fetched, v.keys.tried = time.Now().Add(-keysFor), time.Now().Add(-keysFor)
	if err := passes(old); !errors.Is(err, ErrRefused) {
		t.Errorf("a key that was withdrawn long ago: %v", err)
	}
}

func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	i, other := newIssuer(t, "one"), newIssuer(t, "made-up")
	v := verifier(t, i.URL)
	for range 50 {
		token := sign(t, jose.ES256, other.key("made-up"), rand.Text(), i.claims(nil))
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrRefused) {
			t.Fatalf("%v; want it refused", err)
		}
	}
	if n := i.fetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestAnIssuerThatIsDown(t *testing.T) {
	i := newIssuer(t, "one")
	v := verifier(t, i.URL)
	token := i.token(t, "one", nil)
	i.down.Store(true)
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) {
		t.Errorf("before any keys: %v; want %v", err, ErrUnavailable)
	}
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a moment later: %v; want %v", err, ErrUnavailable)
	}
	i.down.Store(false)
	v.keys.tried = time.Time{}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("after it came back: %v", err)
	}
	i.down.Store(true)
	v.keys.fetched, v.keys.tried = time.Now().Add(-time.Hour), time.Time{}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("with keys of an hour ago: %v", err)
	}
	v.keys.fetched, v.keys.tried = time.Now().Add(-2*keysAtMost), time.Time{}
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) {
		t.Errorf("with keys of two days ago: %v; want %v", err, ErrUnavailable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, token); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
}

func TestHalfAnIssuerIsRefused(t *testing.T) {
	for _, c := range [][2]string{{"", audience}, {"https://issuer.example", ""}} {
		if _, err := NewIssuer(c[0], c[1], nil); err == nil {
			t.Errorf("%q is taken", c)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, seed := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xIn0.AA"} {
		f.Add(seed)
	}
	v, err := NewIssuer("http://127.0.0.1:1", audience, &http.Client{Transport: nowhere{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, claims, err := (Issuers{v}).Verify(t.Context(), token); err == nil {
			t.Errorf("%q passes, as %v", token, claims)
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }
