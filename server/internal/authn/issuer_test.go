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
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"cegid.internal/gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const audience = "loop-gateway"

// issuer is a small OpenID Connect issuer, whose keys and health the test decides. It is its own transport.
type issuer struct {
	url     string
	mu      sync.Mutex
	keys    map[string]any // private, by id
	keysAt  string
	down    atomic.Bool
	slow    atomic.Int64 // nanoseconds
	fetches atomic.Int64
	log     strings.Builder // of who asks
	// publish changes what is published of a key.
	publish func(*jose.JSONWebKey)
}

func newIssuer(t *testing.T, ids ...string) *issuer {
	t.Helper()
	i := &issuer{url: "https://issuer.example", keys: map[string]any{}, keysAt: "https://issuer.example/keys", publish: func(*jose.JSONWebKey) {}}
	for _, id := range ids {
		i.add(t, id)
	}
	return i
}

// RoundTrip answers as the issuer does.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch {
	case i.down.Load():
		http.Error(w, "down", http.StatusServiceUnavailable)
	case r.URL.String() == i.url+"/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.keysAt})
	case r.URL.String() == i.url+"/redirected":
		http.Redirect(w, r, "http://issuer.example/keys", http.StatusFound)
	case r.URL.String() == i.url+"/endless":
		_, _ = w.WriteString(`{"keys": [` + strings.Repeat(" ", 2*maxAnswer) + "]}")
	case r.URL.Path == "/keys":
		i.fetches.Add(1)
		select {
		case <-time.After(time.Duration(i.slow.Load())):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		set := jose.JSONWebKeySet{}
		for id, private := range i.keys {
			key := jose.JSONWebKey{Key: private.(crypto.Signer).Public(), KeyID: id, Use: "sig"}
			i.publish(&key)
			set.Keys = append(set.Keys, key)
		}
		_ = json.NewEncoder(w).Encode(set)
	default:
		http.NotFound(w, r)
	}
	return w.Result(), nil
}

func (i *issuer) add(t *testing.T, id string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	testkit.OK(t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = private
}

func (i *issuer) remove(id string) (private any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	private = i.keys[id]
	delete(i.keys, id)
	return private
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
		"iss": i.url, "aud": audience, "sub": "billing", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func encoded(t *testing.T, claims map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(claims)
	testkit.OK(t, err)
	return text
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	t.Helper()
	return signAs(t, algorithm, key, id, "JWT", claims)
}

func signAs(t *testing.T, algorithm jose.SignatureAlgorithm, key any, id, kind string, claims map[string]any) string {
	t.Helper()
	return signBytes(t, algorithm, key, id, kind, encoded(t, claims))
}

func signText(t *testing.T, key any, payload string) string {
	t.Helper()
	return signBytes(t, jose.ES256, key, "one", "JWT", []byte(payload))
}

func signBytes(t *testing.T, algorithm jose.SignatureAlgorithm, key any, id, kind string, payload []byte) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if kind != "" {
		options = options.WithType(jose.ContentType(kind))
	}
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	testkit.OK(t, err)
	signed, err := signer.Sign(payload)
	testkit.OK(t, err)
	text, err := signed.CompactSerialize()
	testkit.OK(t, err)
	return text
}

// inJSON writes a token in the notation of JWS that is no JWT.
func inJSON(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jose.ParseSigned(token, algorithms)
	testkit.OK(t, err)
	return parsed.FullSerialize()
}

func (i *issuer) token(t *testing.T, id string, changes map[string]any) string {
	t.Helper()
	return sign(t, jose.ES256, i.key(id), id, i.claims(changes))
}

func verifier(t *testing.T, i *issuer) *Issuer {
	t.Helper()
	v, err := NewIssuer(IssuerConfig{URL: i.url, Audience: audience, Transport: i, Log: slog.New(slog.NewTextHandler(&i.log, nil))})
	testkit.OK(t, err)
	return v
}

func TestWhichTokensPass(t *testing.T) {
	i, other := newIssuer(t, "one"), newIssuer(t, "one")
	elsewhere := newIssuer(t, "one")
	elsewhere.url = "https://elsewhere.example"
	v := Issuers{verifier(t, i)}
	public, err := x509.MarshalPKIXPublicKey(i.key("one").(*ecdsa.PrivateKey).Public())
	testkit.OK(t, err)
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
	testkit.OK(t, err)
	good := i.token(t, "one", nil)
	typed := func(text string) string {
		return signAs(t, jose.ES256, i.key("one"), "one", text, i.claims(nil))
	}
	twice := func(claims string) string { // as no JSON encoder writes it
		return signText(t, i.key("one"), strings.TrimSuffix(string(encoded(t, i.claims(nil))), "}")+","+claims+"}")
	}
	for _, c := range []struct {
		name, token string
		why         string // empty for those that pass
	}{
		{"a good one", good, ""},
		{"one for several audiences", i.token(t, "one", map[string]any{"aud": []string{"elsewhere", audience}}), ""},
		{"one without a key id", sign(t, jose.ES256, i.key("one"), "", i.claims(nil)), ""},
		{"one without a type", typed(""), ""},
		{"an access token", typed("at+jwt"), ""},
		{"an access token with its whole type", typed("application/AT+JWT"), ""},
		{"one that expired within the skew", i.token(t, "one", map[string]any{"exp": in(-30 * time.Second)}), ""},
		{"one of a clock that is ahead within the skew", i.token(t, "one", map[string]any{"iat": in(30 * time.Second), "nbf": in(30 * time.Second)}), ""},
		{"one without a time of issue", i.token(t, "one", map[string]any{"iat": nil, "nbf": nil}), ""},
		{"one that ends a session", typed("logout+jwt"), "of another type"},
		{"one that proves a key", typed("dpop+jwt"), "of another type"},
		{"one that expired", i.token(t, "one", map[string]any{"exp": in(-2 * time.Minute)}), "expired"},
		{"one that never expires", i.token(t, "one", map[string]any{"exp": nil}), "expired"},
		{"one that is not good yet", i.token(t, "one", map[string]any{"nbf": in(2 * time.Minute)}), "not valid yet"},
		{"one from the future", i.token(t, "one", map[string]any{"iat": in(2 * time.Minute), "nbf": nil}), "not valid yet"},
		{"one whose time is a text", i.token(t, "one", map[string]any{"nbf": "soon"}), "not valid yet"},
		{"one that is bound to a key", i.token(t, "one", map[string]any{"cnf": map[string]string{"jkt": "x"}}), "bound to a key"},
		{"another audience", i.token(t, "one", map[string]any{"aud": "elsewhere"}), "for another audience"},
		{"no audience", i.token(t, "one", map[string]any{"aud": nil}), "for another audience"},
		{"an audience that begins alike", i.token(t, "one", map[string]any{"aud": audience + "-test"}), "for another audience"},
		{"this audience under a name in capitals", i.token(t, "one", map[string]any{"aud": "elsewhere", "AUD": audience}), "malformed"},
		{"a time under a name that folds alike", i.token(t, "one", map[string]any{"exp": in(-time.Hour), "eXp": in(time.Hour)}), "malformed"},
		{"an issuer under a name that folds alike", i.token(t, "one", map[string]any{"i\u017fs": i.url}), "malformed"},
		{"a subject that is given twice", twice(`"sub": "admin"`), "malformed"},
		{"another issuer's", elsewhere.token(t, "one", nil), "of an unknown issuer"},
		{"another issuer's key under this issuer's name", sign(t, jose.ES256, other.key("one"), "one", i.claims(nil)), "not signed by the issuer"},
		{"a key that the issuer does not have", sign(t, jose.RS256, rsaKey, "two", i.claims(nil)), "not signed by the issuer"},
		{"alg none", unsigned(`{"alg":"none"}`, i.claims(nil)) + ".", "malformed"},
		{"alg None", unsigned(`{"alg":"None","kid":"one"}`, i.claims(nil)) + ".", "malformed"},
		{"HS256 with the public key", hs256(public), "malformed"},
		{"HS256 with nothing", hs256(nil), "malformed"},
		{"a key in the header", unsigned(`{"alg":"ES256","jwk":{"kty":"EC"}}`, i.claims(nil)) + ".AAAA", "malformed"},
		{"no signature", good[:strings.LastIndex(good, ".")+1], "not signed by the issuer"},
		{"a changed payload", strings.Replace(good, ".", ".e30", 1), "malformed"},
		{"a token in another notation", inJSON(t, good), "malformed"},
		{"an encrypted one", good + ".x.y", "malformed"},
		{"an enormous one", good + strings.Repeat("A", 64<<10), "malformed"},
		{"nothing", "", "malformed"},
		{"three dots", "...", "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, claims, err := v.Verify(t.Context(), c.token)
			switch {
			case c.why == "" && (err != nil || claims["sub"] != "billing"):
				t.Errorf("%v, %v", claims, err)
			case c.why != "" && (!errors.Is(err, ErrRefused) || Why(err) != c.why || claims != nil):
				t.Errorf("%v, %v; want it refused: %s", claims, err, c.why)
			}
		})
	}
}

// TestKeysAreOfTheirUse: one for other algorithms or for encryption verifies nothing.
func TestKeysAreOfTheirUse(t *testing.T) {
	for name, publish := range map[string]func(*jose.JSONWebKey){
		"another algorithm": func(k *jose.JSONWebKey) { k.Algorithm = string(jose.ES384) },
		"encryption":        func(k *jose.JSONWebKey) { k.Use = "enc" },
		"another id":        func(k *jose.JSONWebKey) { k.KeyID = "two" },
	} {
		i := newIssuer(t, "one")
		i.publish = publish
		if _, err := verifier(t, i).Verify(t.Context(), i.token(t, "one", nil)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhereKeysComeFrom: in plaintext nobody is believed, and no answer is read without end.
func TestWhereKeysComeFrom(t *testing.T) {
	for _, c := range []struct {
		url, keysAt string
		plain, good bool
	}{
		{"https://issuer.example", "https://issuer.example/keys", false, true},
		{"https://issuer.example", "https://elsewhere.example/keys", false, true},
		{"https://issuer.example", "http://issuer.example/keys", false, false},
		{"https://issuer.example", "http://issuer.example/keys", true, false},
		{"https://issuer.example", "http://127.0.0.1/keys", false, false},
		{"https://issuer.example", "https://issuer.example/redirected", true, false},
		{"https://issuer.example", "https://issuer.example/endless", false, false},
		{"https://issuer.example", "file:///keys", true, false},
		{"http://issuer.example", "http://issuer.example/keys", true, false},
		{"http://127.0.0.1:1", "http://127.0.0.1:1/keys", false, false},
		{"http://127.0.0.1:1", "http://127.0.0.1:1/keys", true, true},
		{"http://localhost:1", "http://localhost:1/keys", true, true},
		{"http://localhost.example", "http://localhost.example/keys", true, false},
	} {
		i := newIssuer(t, "one")
		i.url, i.keysAt = c.url, c.keysAt
		v, err := NewIssuer(IssuerConfig{URL: i.url, Audience: audience, AllowPlainHTTP: c.plain, Transport: i})
		testkit.OK(t, err)
		_, err = v.Verify(t.Context(), i.token(t, "one", nil))
		if c.good && err != nil || !c.good && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestKeysAreRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "one")
		v := verifier(t, i)
		passes := func(id string) error {
			token := sign(t, jose.ES256, i.key(id), id, i.claims(nil))
			_, err := v.Verify(t.Context(), token)
			return err
		}
		testkit.OK(t, passes("one"))
		time.Sleep(keysPause)
		i.add(t, "two")
		if err := passes("two"); err != nil {
			t.Errorf("a new key: %v", err)
		}
		withdrawn := i.remove("one")
		gone := func() error {
			_, err := v.Verify(t.Context(), sign(t, jose.ES256, withdrawn, "one", i.claims(nil)))
			return err
		}
		if err := gone(); err != nil {
			t.Errorf("a key that was withdrawn a moment ago: %v", err)
		}
		time.Sleep(keysFor)
		if err := gone(); !errors.Is(err, ErrRefused) {
			t.Errorf("a key that was withdrawn long ago: %v", err)
		}
		time.Sleep(keysPause)
		i.remove("two")
		i.add(t, "two") // another key under the id of the one before
		if err := passes("two"); err != nil {
			t.Errorf("a key that took the id of another: %v", err)
		}
		time.Sleep(keysPause)
		i.remove("two")
		i.add(t, "")
		if err := passes(""); err != nil {
			t.Errorf("keys without ids: %v", err)
		}
	})
}

// TestAKeyThatWasPublishedJustNow: a stranger has just had the keys fetched; the token of the new one waits, and so do few others.
func TestAKeyThatWasPublishedJustNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, other := newIssuer(t, "one"), newIssuer(t, "made-up")
		v := verifier(t, i)
		stranger := func(ctx context.Context) error {
			_, err := v.Verify(ctx, sign(t, jose.ES256, other.key("made-up"), rand.Text(), i.claims(nil)))
			return err
		}
		begun := time.Now()
		if err := stranger(t.Context()); !errors.Is(err, ErrRefused) || time.Since(begun) > 0 {
			t.Errorf("%v after %s; want it refused by keys that were fetched for it", err, time.Since(begun))
		}
		time.Sleep(time.Second)
		i.add(t, "two")
		fresh := i.token(t, "two", nil)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		if _, err := v.Verify(short, fresh); !errors.Is(err, ErrUnavailable) || time.Since(begun) > 0 {
			t.Errorf("a call that cannot wait so long: %v after %s; want %v at once", err, time.Since(begun), ErrUnavailable)
		}
		var calls sync.WaitGroup
		calls.Go(func() {
			if _, err := v.Verify(t.Context(), fresh); err != nil || time.Since(begun) > keysPause {
				t.Errorf("the token of the new key: %v after %s", err, time.Since(begun))
			}
		})
		synctest.Wait()
		var refused, later atomic.Int32
		for range 40 {
			calls.Go(func() {
				switch err := stranger(t.Context()); {
				case errors.Is(err, ErrRefused):
					refused.Add(1)
				case errors.Is(err, ErrUnavailable):
					later.Add(1)
				}
			})
		}
		synctest.Wait()
		good := i.token(t, "one", nil)
		if _, err := v.Verify(t.Context(), good); err != nil || time.Since(begun) > 0 {
			t.Errorf("a known key beside them: %v after %s", err, time.Since(begun))
		}
		calls.Wait()
		if refused.Load() != waitersAtMost-1 || later.Load() != 40-waitersAtMost+1 {
			t.Errorf("%d strangers were refused, %d told to come back; want %d to wait beside the good one", refused.Load(), later.Load(), waitersAtMost-1)
		}
		if n := i.fetches.Load(); n != 2 {
			t.Errorf("the keys were fetched %d times; want 2", n)
		}
	})
}

func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, other := newIssuer(t, "one"), newIssuer(t, "made-up")
		v := verifier(t, i)
		good := i.token(t, "one", nil)
		i.slow.Store(int64(time.Second))
		var calls sync.WaitGroup
		for range 60 {
			calls.Go(func() {
				token := sign(t, jose.ES256, other.key("made-up"), rand.Text(), i.claims(nil))
				if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrRefused) {
					t.Errorf("%v; want it refused", err)
				}
				start := time.Now()
				if _, err := v.Verify(t.Context(), good); err != nil || time.Since(start) > 0 {
					t.Errorf("a good token beside them: %v after %s", err, time.Since(start))
				}
			})
			time.Sleep(time.Second)
		}
		calls.Wait()
		if n := i.fetches.Load(); n > 11 { // a minute, and a fetch and a pause take six seconds
			t.Errorf("the keys were fetched %d times", n)
		}
	})
}

func TestAnIssuerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "one")
		v := verifier(t, i)
		passes := func() error {
			_, err := v.Verify(t.Context(), i.token(t, "one", nil))
			return err
		}
		i.down.Store(true)
		for _, when := range []string{"before any keys", "a moment later"} {
			if err := passes(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v; want %v", when, err, ErrUnavailable)
			}
		}
		i.down.Store(false)
		time.Sleep(keysPause)
		if err := passes(); err != nil {
			t.Errorf("after it came back: %v", err)
		}
		other := newIssuer(t, "two")
		i.down.Store(true)
		time.Sleep(time.Hour)
		for _, when := range []string{"with keys of an hour ago", "a moment later", "and again"} {
			if err := passes(); err != nil {
				t.Errorf("%s: %v", when, err)
			}
			if _, err := v.Verify(t.Context(), other.token(t, "two", nil)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s, a key that may be new: %v; want %v", when, err, ErrUnavailable)
			}
		}
		// One that does not answer at all: callers with good tokens do not wait for it.
		i.down.Store(false)
		i.slow.Store(int64(time.Hour))
		time.Sleep(keysPause)
		start := time.Now()
		if err := passes(); err != nil || time.Since(start) > 0 {
			t.Errorf("while it hangs: %v after %s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, other.token(t, "two", nil)); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("a caller who left: %v after %s", err, time.Since(start))
		}
		time.Sleep(keysAtMost)
		if err := passes(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("with keys of yesterday: %v; want %v", err, ErrUnavailable)
		}
		if lost, back := strings.Count(i.log.String(), "cannot be fetched"), strings.Count(i.log.String(), "can be fetched again"); lost != 2 || back != 1 {
			t.Errorf("two outages are logged %d times, their ends %d times: %s", lost, back, i.log.String())
		}
	})
}

func TestAnIssuerIsChecked(t *testing.T) {
	i := newIssuer(t, "one")
	check := func(cfg IssuerConfig) string {
		cfg.Audience = audience
		v, err := NewIssuer(cfg)
		testkit.OK(t, err)
		if err := v.Check(t.Context()); err != nil {
			return err.Error()
		}
		return ""
	}
	for _, c := range []struct{ url, keysAt, says string }{
		{i.url, i.url + "/keys", ""},
		{i.url + "/", i.url + "/keys", "there is an issuer of another name; names are exact, to the slash at their end"},
		{i.url + "/elsewhere", i.url + "/keys", "there is no OpenID Connect configuration below this URL"},
		{"http://issuer.example", i.url + "/keys", "there is no OpenID Connect configuration below this URL: issuers are asked over https alone"},
		{i.url, "", "its keys cannot be fetched: issuers are asked over https alone"},
		{i.url, i.url + "/nowhere", "its keys cannot be fetched: HTTP 404"},
		{i.url, i.url + "/endless", "its keys cannot be read to their end"},
		{i.url, i.url + "/.well-known/openid-configuration", "it has no keys that can be used"},
	} {
		i.keysAt = c.keysAt
		if got := check(IssuerConfig{URL: c.url, Transport: i}); got != c.says {
			t.Errorf("%s, keys at %q: %q; want %q", c.url, c.keysAt, got, c.says)
		}
	}
	if got := check(IssuerConfig{URL: i.url, Transport: nowhere{}}); got != "there is no OpenID Connect configuration below this URL: nowhere" {
		t.Errorf("without a network: %q", got)
	}
}

func TestHalfAnIssuerIsRefused(t *testing.T) {
	for _, c := range []IssuerConfig{{Audience: audience}, {URL: "https://issuer.example"}} {
		if _, err := NewIssuer(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, seed := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.AA"} {
		f.Add(seed)
	}
	v, err := NewIssuer(IssuerConfig{URL: "https://issuer.example", Audience: audience, Transport: nowhere{}})
	testkit.OK(f, err)
	f.Fuzz(func(t *testing.T, token string) {
		if _, claims, err := (Issuers{v}).Verify(t.Context(), token); err == nil {
			t.Errorf("%q passes, as %v", token, claims)
		}
	})
}

// FuzzStrict: whatever an issuer signs, the claims that the library reads are the ones that are compared here.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{`{"sub":"a"}`, `{"sub":"a","SUB":"b"}`, `{"sub":"a","sub":"b"}`, `{"\u017fub":"b"}`, `{"sub":1}`, `[]`, `{"iss":{}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		claims, err := strict([]byte(payload))
		if err != nil {
			return
		}
		var library struct {
			Issuer  string `json:"iss"`
			Subject string `json:"sub"`
		}
		if json.Unmarshal([]byte(payload), &library) != nil {
			return // which refuses the token, too
		}
		for name, got := range map[string]string{"iss": library.Issuer, "sub": library.Subject} {
			if want, _ := claims[name].(string); got != want {
				t.Errorf("%q: %s is %q to the library and %q here", payload, name, got, want)
			}
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }
