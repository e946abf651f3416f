// Package authntest is an OpenID Connect issuer for tests.
package authntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer issues tokens for an audience and publishes the keys that verify them, as a server or, with no network at all,
// as the transport of its clients.
type Issuer struct {
	URL, Audience string

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
	now  string // id of the key that signs
	down bool
}

// New returns an issuer of that URL with a key.
func New(t *testing.T, url, audience string) *Issuer {
	t.Helper()
	i := &Issuer{URL: url, Audience: audience, keys: map[string]*ecdsa.PrivateKey{}}
	i.Rotate(t)
	return i
}

// Serve returns an issuer that listens on loopback until the test ends.
func Serve(t *testing.T, audience string) *Issuer {
	t.Helper()
	i := New(t, "", audience)
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Rotate makes another key that signs from now on; the ones before are still published.
func (i *Issuer) Rotate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = rand.Text()
	i.keys[i.now] = key
}

// SetDown lets it answer nothing but errors.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Token is good for five minutes, for the issuer's audience, with these claims besides or instead.
func (i *Issuer) Token(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": i.URL, "aud": i.Audience, "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.keys[i.now]}, (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", i.now))
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

// PublicKey verifies what is signed now.
func (i *Issuer) PublicKey() *ecdsa.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &i.keys[i.now].PublicKey
}

func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	default:
		var set jose.JSONWebKeySet
		for id, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"})
		}
		_ = json.NewEncoder(w).Encode(set)
	}
}

// RoundTrip implements http.RoundTripper.
func (i *Issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), nil
}
