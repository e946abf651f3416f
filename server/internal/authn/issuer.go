// Package authn finds out who calls: by a JWT of an OpenID Connect issuer, or by a client certificate. It knows
// identities, not callers: the policy, which also has the tokens of its own, says which caller an identity belongs to.
package authn

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	jsonexp "github.com/go-json-experiment/json"
)

// Errors of Verify.
var (
	// ErrRefused: the token is not good, for a reason that its bearer is not told. Why tells it to the operator.
	ErrRefused = errors.New("authn: the token is not valid here")
	// ErrUnavailable: the issuer's keys cannot be fetched, so that the answer is unknown.
	ErrUnavailable = errors.New("authn: the keys of the token's issuer cannot be fetched")
)

const (
	// Skew is how far the clocks of issuer and server may be apart.
	Skew = time.Minute
	// RetryAfter is when it makes sense to try again what ended with ErrUnavailable.
	RetryAfter = keysPause
	// maxToken bounds a JWT before anything of it is read.
	maxToken = 16 << 10
)

// algorithms are asymmetric, all of them: with HMAC a public key would be a secret to sign with, and "none" signs nothing.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA,
}

// types are those of tokens that say who their bearer is. Others, such as one that ends a session, are signed with the
// same keys for the same audience (RFC 8725 § 3.11).
var types = []string{"JWT", "JOSE", "at+jwt", "application/at+jwt", "application/jwt"}

// registered are the claims that the library looks for in any letter case.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "at_hash", "cnf", "_claim_names", "_claim_sources"}

// refusal is an ErrRefused that says why, in one of a few words that hold nothing of the token.
type refusal string

func (r refusal) Error() string { return ErrRefused.Error() + ": " + string(r) }

func (refusal) Is(target error) bool { return target == ErrRefused }

// Why says why a token was refused, in one of a few words.
func Why(err error) string {
	if why, ok := errors.AsType[refusal](err); ok {
		return string(why)
	}
	return "invalid"
}

// Issuer verifies the JWTs of one OpenID Connect issuer. It is safe for concurrent use.
type Issuer struct {
	url, audience string
	checks        oidc.Config
	keys          *keySet
}

// IssuerConfig is what an Issuer needs.
type IssuerConfig struct {
	// URL is the issuer, exactly as its tokens name it; https unless AllowPlainHTTP.
	URL string
	// Audience that tokens must be for.
	Audience string
	// AllowPlainHTTP lets an issuer on the loopback interface be asked without TLS.
	AllowPlainHTTP bool
	// Transport asks the issuer; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Log is told when the keys cannot be fetched, and when they can again; nil is none.
	Log *slog.Logger
}

// NewIssuer returns the verifier of an issuer's tokens for an audience. It fetches nothing: that begins with the first
// token.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	if cfg.URL == "" || cfg.Audience == "" {
		return nil, errors.New("authn: issuer and audience must be given")
	}
	var names []string
	for _, algorithm := range algorithms {
		names = append(names, string(algorithm))
	}
	return &Issuer{url: cfg.URL, audience: cfg.Audience, keys: newKeySet(cfg), checks: oidc.Config{
		ClientID: cfg.Audience, SupportedSigningAlgs: names,
		Now: func() time.Time { return time.Now().Add(-Skew) }, // for the expiry
	}}, nil
}

// URL is the issuer, as its tokens name it.
func (i *Issuer) URL() string { return i.url }

// Keys says when its keys were fetched, zero before the first time, and whether the last attempt to get newer ones failed.
func (i *Issuer) Keys() (fetched time.Time, failed bool) {
	now := i.keys.now()
	return now.fetched, now.failed
}

// Check fetches the keys, and says why that is not possible.
func (i *Issuer) Check(ctx context.Context) error {
	_, err := i.keys.read(ctx)
	return err
}

// Verify returns the claims of a token. Errors: ErrRefused, ErrUnavailable, or that of ctx.
func (i *Issuer) Verify(ctx context.Context, token string) (map[string]any, error) {
	if len(token) > maxToken {
		return nil, refusal("too large")
	}
	payload, err := i.keys.VerifySignature(ctx, token)
	if err != nil {
		return nil, err
	}
	return i.check(ctx, token, payload)
}

// check looks at what a token says whose signature is good.
func (i *Issuer) check(ctx context.Context, token string, payload []byte) (map[string]any, error) {
	claims, err := strict(payload)
	if err != nil {
		return nil, err
	}
	_, err = oidc.NewVerifier(i.url, signed(payload), &i.checks).Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case err == nil:
		return claims, nil
	case errors.As(err, &expired):
		return nil, refusal("expired")
	case !isFor(claims["aud"], i.audience):
		return nil, refusal("for another audience")
	}
	return nil, refusal("invalid")
}

// signed is a payload whose signature was verified, so that the library checks the rest: it tells neither a signature
// that is wrong from keys that cannot be had.
type signed []byte

func (s signed) VerifySignature(context.Context, string) ([]byte, error) { return s, nil }

// strict reads claims before the library does, which is lenient: names exactly as they are, and each of them once. To it,
// {"aud": "elsewhere", "AUD": "here"} is for here, and an issuer may let its users choose claims that it does not know.
func strict(payload []byte) (map[string]any, error) {
	var claims map[string]any
	if jsonexp.Unmarshal(payload, &claims) != nil {
		return nil, refusal("malformed")
	}
	for name := range claims {
		if slices.ContainsFunc(registered, func(known string) bool { return name != known && strings.EqualFold(name, known) }) {
			return nil, refusal("malformed")
		}
	}
	latest := float64(time.Now().Add(Skew).Unix())
	for _, name := range []string{"iat", "nbf"} {
		if value, given := claims[name]; given {
			if seconds, ok := value.(float64); !ok || seconds > latest {
				return nil, refusal("not valid yet")
			}
		}
	}
	if claims["cnf"] != nil { // RFC 7800: good for who proves to have a key, which nobody here checks
		return nil, refusal("bound to a key")
	}
	return claims, nil
}

// isFor tells one refusal from another; what decides is the library.
func isFor(audience any, wanted string) bool {
	several, _ := audience.([]any)
	return audience == wanted || slices.Contains(several, any(wanted))
}

// Issuers verifies the tokens of several issuers.
type Issuers []*Issuer

// Verify returns who issued a token, and its claims. Errors are those of Issuer.Verify.
func (is Issuers) Verify(ctx context.Context, token string) (issuer string, claims map[string]any, err error) {
	from, err := is.of(token)
	if err != nil {
		return "", nil, err
	}
	claims, err = from.Verify(ctx, token)
	return from.url, claims, err
}

// VerifyAtOnce is Verify with the keys that are at hand: it does not wait, and refuses what only others would verify.
func (is Issuers) VerifyAtOnce(ctx context.Context, token string) (issuer string, claims map[string]any, err error) {
	from, err := is.of(token)
	if err != nil {
		return "", nil, err
	}
	payload, ok := from.keys.verifyAtOnce(token)
	if !ok {
		return "", nil, refusal("not signed by the issuer")
	}
	claims, err = from.check(ctx, token, payload)
	return from.url, claims, err
}

// of finds who a token says that it is from.
func (is Issuers) of(token string) (*Issuer, error) {
	said := unverifiedIssuer(token)
	at := slices.IndexFunc(is, func(i *Issuer) bool { return i.url == said })
	switch {
	case said == "":
		return nil, refusal("malformed")
	case at < 0:
		return nil, refusal("of an unknown issuer")
	}
	return is[at], nil
}

// End is when a token with these claims is no longer good.
func End(claims map[string]any) time.Time {
	seconds, _ := claims["exp"].(float64)
	return time.Unix(int64(min(seconds, 1<<40)), 0).Add(Skew)
}

// LooksLikeJWT tells what may be a JWT from any other token, before either is believed.
func LooksLikeJWT(token string) bool {
	return strings.Count(token, ".") == 2 && strings.HasPrefix(token, "ey")
}

// unverifiedIssuer is what a token says of its issuer, to choose who verifies it.
func unverifiedIssuer(token string) string {
	if len(token) > maxToken {
		return ""
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms)
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
