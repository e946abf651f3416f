// Package authn finds out who calls: by a token of the policy, by a JWT of an OpenID Connect issuer, or by a client
// certificate. It knows identities, not callers: the policy says which caller an identity stands for.
package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Errors of Verify.
var (
	// ErrRefused: the token is not good, for a reason that its bearer is not told.
	ErrRefused = errors.New("authn: the token is not valid here")
	// ErrUnavailable: the issuer's keys cannot be had, so that nobody knows.
	ErrUnavailable = errors.New("authn: the keys of the token's issuer cannot be fetched")
)

const (
	// Skew is how far the clocks of issuer and server may be apart.
	Skew = time.Minute
	// keysFor is how long keys are used before they are fetched again: a key that the issuer withdrew is good for so long.
	keysFor = 10 * time.Minute
	// keysAtMost is how long keys are used while the issuer cannot be reached.
	keysAtMost = 24 * time.Hour
	// keysPause is the shortest pause between two fetches: whoever makes up key ids must not make us flood the issuer.
	keysPause = 5 * time.Second
	// fetchLimit bounds one fetch, maxKeys its answer.
	fetchLimit = 5 * time.Second
	maxKeys    = 1 << 20
	// maxToken bounds a JWT before anything of it is read.
	maxToken = 16 << 10
)

// algorithms are asymmetric, all of them: with HMAC a public key would be a secret to sign with, and "none" signs nothing.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA,
}

// Issuer verifies the JWTs of one OpenID Connect issuer. It is safe for concurrent use.
type Issuer struct {
	url      string
	verifier *oidc.IDTokenVerifier
	keys     *keySet
}

// NewIssuer returns the verifier of an issuer's tokens for an audience. It fetches nothing: that begins with the first
// token. client may be nil.
func NewIssuer(url, audience string, client *http.Client) (*Issuer, error) {
	if url == "" || audience == "" {
		return nil, errors.New("authn: issuer and audience must be given")
	}
	if client == nil {
		client = &http.Client{}
	}
	bounded := *client
	bounded.Timeout = fetchLimit
	var names []string
	for _, each := range algorithms {
		names = append(names, string(each))
	}
	keys := &keySet{issuer: url, client: &bounded}
	return &Issuer{url: url, keys: keys, verifier: oidc.NewVerifier(url, keys, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: names,
		Now: func() time.Time { return time.Now().Add(-Skew) }, // for the expiry; the library allows more for nbf
	})}, nil
}

// URL is the issuer, as its tokens name it.
func (i *Issuer) URL() string { return i.url }

// Verify returns the claims of a token. Errors: ErrRefused, ErrUnavailable, or that of ctx.
func (i *Issuer) Verify(ctx context.Context, token string) (map[string]any, error) {
	if len(token) > maxToken {
		return nil, ErrRefused
	}
	var unavailable bool
	verified, err := i.verifier.Verify(context.WithValue(ctx, unavailableKey{}, &unavailable), token)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case unavailable:
		return nil, ErrUnavailable
	case err != nil:
		return nil, ErrRefused
	case verified.IssuedAt.After(time.Now().Add(Skew)):
		return nil, ErrRefused // from the future, as nbf would be
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return nil, ErrRefused
	}
	return claims, nil
}

// LooksLikeJWT tells a JWT from a token of the policy, before either is believed.
func LooksLikeJWT(token string) bool {
	return strings.Count(token, ".") == 2 && strings.HasPrefix(token, "ey")
}

// unverifiedIssuer is what a token says of its issuer, to choose who verifies it.
func unverifiedIssuer(token string) string {
	if len(token) > maxToken {
		return ""
	}
	parsed, err := jose.ParseSigned(token, algorithms)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// Issuers verifies the tokens of several issuers.
type Issuers []*Issuer

// Verify returns who issued a token, and its claims. Errors are those of Issuer.Verify.
func (is Issuers) Verify(ctx context.Context, token string) (issuer string, claims map[string]any, err error) {
	said := unverifiedIssuer(token)
	at := slices.IndexFunc(is, func(i *Issuer) bool { return i.url == said })
	if said == "" || at < 0 {
		return "", nil, ErrRefused
	}
	claims, err = is[at].Verify(ctx, token)
	return said, claims, err
}

type unavailableKey struct{}

// keySet keeps an issuer's keys. What the library offers keeps a withdrawn key for ever, and asks the issuer for each
// unknown one.
type keySet struct {
	issuer string
	client *http.Client

	fetching sync.Mutex // one at a time
	mu       sync.Mutex
	keys     []jose.JSONWebKey
	fetched  time.Time // when keys came
	tried    time.Time
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	parsed, err := jose.ParseSigned(token, algorithms)
	if err != nil {
		return nil, err
	}
	if len(parsed.Signatures) != 1 {
		return nil, errors.New("not one signature")
	}
	id := parsed.Signatures[0].Protected.KeyID
	candidates, err := k.find(ctx, id)
	if err != nil {
		if unavailable, ok := ctx.Value(unavailableKey{}).(*bool); ok {
			*unavailable = true
		}
		return nil, err
	}
	for i := range candidates {
		if payload, err := parsed.Verify(&candidates[i]); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key of the issuer verifies it")
}

// find returns the keys that may have signed, none when the issuer has no such key. An error says that nobody knows.
func (k *keySet) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	found, age, _ := k.look(id)
	if len(found) > 0 && age < keysFor {
		return found, nil
	}
	if len(found) > 0 && age < keysAtMost {
		if !k.fetching.TryLock() {
			return found, nil // somebody else is at it, and these are good for now
		}
	} else {
		k.fetching.Lock() // bounded as each fetch is: those behind find its result
	}
	defer k.fetching.Unlock()
	found, age, pause := k.look(id)
	if len(found) > 0 && age < keysFor {
		return found, nil
	}
	var err error
	if pause >= keysPause {
		err = k.fetch(ctx)
		found, age, _ = k.look(id)
	}
	switch {
	case len(found) > 0 && age < keysAtMost:
		return found, nil
	case err != nil:
		return nil, err
	case age >= keysAtMost:
		return nil, errors.New("the issuer could not be reached a moment ago")
	}
	return nil, nil
}

// look returns the keys of an id, all of them for a token that names none, and how old they and the last try are.
func (k *keySet) look(id string) (found []jose.JSONWebKey, age, sinceTry time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if (id == "" || key.KeyID == id) && key.Use != "enc" {
			found = append(found, key)
		}
	}
	return found, time.Since(k.fetched), time.Since(k.tried)
}

func (k *keySet) fetch(ctx context.Context) error {
	// The caller's deadline is not the fetch's, whose result others wait for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
	defer cancel()
	keys, err := k.read(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = time.Now()
	if err == nil {
		k.keys, k.fetched = keys, k.tried
	}
	return err
}

func (k *keySet) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.issuer)
	if err != nil {
		return nil, errors.New("the issuer's configuration cannot be read")
	}
	var where struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, errors.New("the issuer's configuration cannot be read")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.Keys, http.NoBody)
	if err != nil {
		return nil, errors.New("the issuer's configuration names no place of its keys")
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, errors.New("the issuer's keys cannot be fetched")
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeys))
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the issuer's keys cannot be fetched: HTTP %d", response.StatusCode)
	}
	return parseKeys(body)
}

// parseKeys leaves out what it does not understand (RFC 7517 § 5) and what is no public key.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("the issuer's keys are not a JSON Web Key Set")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer has no keys that can be used")
	}
	return keys, nil
}
