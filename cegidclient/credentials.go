package cegidclient

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// KeyKind is the kind of API key that an operation needs or that a practice holds (loop-api: C 1.2).
type KeyKind int

// The kinds, the weaker first: an Advanced key opens what a Standard key opens.
const (
	// KeyUnspecified is the need of an operation whose page names no kind: any key is tried.
	KeyUnspecified KeyKind = iota
	// KeyStandard is the free key (P04448) that partners may hold.
	KeyStandard
	// KeyAdvanced is the billable key (P04454) of the practice itself, for practice-level operations.
	KeyAdvanced
)

func (k KeyKind) String() string {
	switch k {
	case KeyStandard:
		return "standard"
	case KeyAdvanced:
		return "advanced"
	default:
		return "unspecified"
	}
}

// Credentials are what one attempt sends to Loop.
type Credentials struct {
	Kind KeyKind
	// APIKey is Loop's "key:clientSecret". It is sent as it is: the secret half may hold '+', '/', '=' or
	// further colons and is never URL-encoded (loop-api: C 7.1).
	APIKey Secret
	// SubscriptionKeys are the gateway's keys, primary then secondary (loop-api: C 1.3).
	SubscriptionKeys []Secret
}

// CredentialSource gives the credentials of one attempt. It is asked before every attempt, so that a rotated
// secret works without a restart: it must be cheap. need is the weakest key that suffices.
//
// A source that holds no sufficient key returns [MissingKey]; Loop is then not called. Any other error becomes
// [KindConfiguration].
type CredentialSource interface {
	Credentials(ctx context.Context, need KeyKind) (Credentials, error)
}

// MissingKey is the error of a [CredentialSource] that holds no key of the kind needed.
func MissingKey(need KeyKind) *Error {
	if need == KeyAdvanced {
		return &Error{Kind: KindAdvancedKeyRequired, detail: "the operation needs an Advanced API key and the practice has none"}
	}
	return &Error{Kind: KindConfiguration, detail: "the practice has no API key"}
}

// StaticCredentials is a source over fixed secrets. Either key may be zero; the weaker one that suffices is used.
func StaticCredentials(standard, advanced Secret, subscriptionKeys ...Secret) CredentialSource {
	return staticCredentials{standard: standard, advanced: advanced, subscriptionKeys: subscriptionKeys}
}

type staticCredentials struct {
	standard, advanced Secret
	subscriptionKeys   []Secret
}

func (s staticCredentials) Credentials(_ context.Context, need KeyKind) (Credentials, error) {
	switch {
	case need != KeyAdvanced && !s.standard.IsZero():
		return Credentials{Kind: KeyStandard, APIKey: s.standard, SubscriptionKeys: s.subscriptionKeys}, nil
	case !s.advanced.IsZero():
		return Credentials{Kind: KeyAdvanced, APIKey: s.advanced, SubscriptionKeys: s.subscriptionKeys}, nil
	default:
		return Credentials{}, MissingKey(need)
	}
}

// pair is the two secrets of one attempt, with the digests that replace the subscription keys in memory.
type pair struct {
	apiKey, subscriptionKey Secret
	subscriptionKeys        []Secret
	subscription            digest // of the key chosen
	set                     digest // of all subscription keys of the source
	index, count            int
	redactor                *redactor // takes them out of what Loop answers
}

type digest [sha256.Size]byte

func digestOf(secrets ...Secret) digest {
	h := sha256.New()
	var length [8]byte
	for _, s := range secrets {
		v := s.Reveal()
		binary.BigEndian.PutUint64(length[:], uint64(len(v)))
		h.Write(length[:])
		h.Write([]byte(v))
	}
	return digest(h.Sum(nil))
}

// Identity names a client and the secrets that it sends now.
type Identity [sha256.Size]byte

func identityOf(ctx context.Context, source CredentialSource, practice, base string) (Identity, error) {
	all := []Secret{NewSecret(practice), NewSecret(base)}
	for _, kind := range []KeyKind{KeyStandard, KeyAdvanced} {
		held, err := source.Credentials(ctx, kind)
		if e, ours := asError(err); err != nil && (!ours || e.Kind != MissingKey(kind).Kind) {
			return Identity{}, err
		}
		all = append(append(all, held.APIKey), held.SubscriptionKeys...)
	}
	return Identity(digestOf(all...)), nil
}

// secrets are what an answer must not repeat: of the API key the half that is one, and all subscription keys, those included
// that this attempt did not use.
func (p *pair) secrets() []string {
	secret := p.apiKey.Reveal()
	if _, half, ok := strings.Cut(secret, ":"); ok {
		secret = half
	}
	all := []string{secret}
	for _, key := range p.subscriptionKeys {
		all = append(all, key.Reveal())
	}
	return all
}

// keyring asks the source and remembers which subscription key the gateway accepts, until the keys change.
type keyring struct {
	source CredentialSource

	mu     sync.Mutex
	set    digest
	choice int
	known  map[KeyKind]pairs // by the kind of key that the source gave
}

// pairs are a pair for each subscription key, kept while the secrets stay the same: what is made of them costs more than reading an
// answer.
type pairs []*pair

// of tells whether the pairs are made of those secrets.
func (p pairs) of(c *Credentials) bool {
	return len(p) > 0 && p[0].apiKey.Reveal() == c.APIKey.Reveal() && slices.EqualFunc(p[0].subscriptionKeys, c.SubscriptionKeys,
		func(a, b Secret) bool { return a.Reveal() == b.Reveal() })
}

func newPairs(c *Credentials) pairs {
	all := make(pairs, len(c.SubscriptionKeys))
	first := pair{
		apiKey: c.APIKey, subscriptionKeys: slices.Clone(c.SubscriptionKeys), // which the source may change in place
		set: digestOf(c.SubscriptionKeys...), count: len(c.SubscriptionKeys),
	}
	first.redactor = newRedactor(first.secrets()...)
	for i, key := range c.SubscriptionKeys {
		pair := first
		pair.index, pair.subscriptionKey, pair.subscription = i, key, digestOf(key)
		all[i] = &pair
	}
	return all
}

// choice asks for one subscription key of a set, as long as the source still holds that set; or for the primary one of any set.
type choice struct {
	set     digest
	index   int
	primary bool
}

// pick reads the source once and takes the wanted subscription key, or the one that worked last.
func (k *keyring) pick(ctx context.Context, need KeyKind, wanted choice) (*pair, error) {
	c, err := k.source.Credentials(ctx, need)
	if err != nil {
		return nil, credentialError(ctx, err)
	}
	if need == KeyAdvanced && c.Kind == KeyStandard {
		return nil, MissingKey(need)
	}
	if c.APIKey.IsZero() {
		return nil, MissingKey(KeyStandard)
	}
	if len(c.SubscriptionKeys) == 0 {
		return nil, &Error{Kind: KindConfiguration, detail: "no subscription key of the gateway is configured"}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.known[c.Kind]
	if !known.of(&c) {
		known = newPairs(&c)
		if k.known == nil {
			k.known = map[KeyKind]pairs{}
		}
		k.known[c.Kind] = known
	}
	if set := known[0].set; k.set != set {
		k.set, k.choice = set, 0
	}
	p := known[k.choice]
	switch {
	case wanted.primary:
		p = known[0]
	case wanted.set == p.set:
		p = known[wanted.index]
	}
	for _, s := range []Secret{p.apiKey, p.subscriptionKey} {
		if !fitsHeader(s.Reveal()) {
			return nil, &Error{Kind: KindConfiguration, detail: "a secret is empty or holds a character that no HTTP header can carry (a " +
				"line break at its end?)"}
		}
	}
	return p, nil
}

// other is the subscription key to try when this pair's was refused.
func (p *pair) other() choice { return choice{set: p.set, index: (p.index + 1) % p.count} }

// accepted notes that the gateway took the pair's subscription key.
func (k *keyring) accepted(p *pair) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == p.set {
		k.choice = p.index
	}
}

// inUse is the place of the subscription key to begin with.
func (k *keyring) inUse() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.choice
}

// prefer makes a subscription key the one to begin with.
func (k *keyring) prefer(c choice) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == c.set {
		k.choice = c.index
	}
}

func fitsHeader(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] == 0x7f {
			return false
		}
	}
	return value != "" && strings.TrimSpace(value) == value
}

type pairKey struct{}

// credentialTransport attaches the secrets of the attempt, and only towards the origin of the base URL: a link
// that Loop hands out (a deposit on a storage host) must never see them.
type credentialTransport struct {
	base           http.RoundTripper
	scheme, origin string
}

func (t credentialTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	p, ok := req.Context().Value(pairKey{}).(*pair)
	if !ok || req.URL.Scheme != t.scheme || originOf(req.URL) != t.origin {
		return t.base.RoundTrip(req)
	}
	// Without a copy: its sender has made it for this attempt, and does not look at it again.
	req.Header.Set("Ocp-Apim-Subscription-Key", p.subscriptionKey.Reveal())
	req.Header.Set("X-Apikey", p.apiKey.Reveal())
	return t.base.RoundTrip(req)
}

// credentialError gives a source's failure its place. Its text is not repeated: a source reads secrets.
func credentialError(ctx context.Context, err error) error {
	if e, ok := asError(err); ok {
		return e
	}
	if ctx.Err() != nil {
		return &Error{Kind: KindInterrupted, err: ctx.Err()}
	}
	return &Error{Kind: KindConfiguration, detail: fmt.Sprintf("the credential source failed (%T)", err), err: hiddenError{err}}
}

// hiddenError keeps an error for errors.Is and errors.As and out of every printed text.
type hiddenError struct{ cause error }

func (hiddenError) Error() string   { return "cause withheld" }
func (h hiddenError) Unwrap() error { return h.cause }
