package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// keysFor is how long keys are used before they are fetched again: a key that the issuer withdrew is good for so long.
	keysFor = 10 * time.Minute
	// keysAtMost is how long keys are used while the issuer cannot be reached.
	keysAtMost = 24 * time.Hour
	// keysPause is the shortest pause between two fetches: made-up key ids must not make us flood the issuer.
	keysPause = 5 * time.Second
	// waitersAtMost tokens of an issuer wait for the next fetch because their key is not known: it may have been published just
	// now. Others are told to come back, and none of them delays a token whose key is known.
	waitersAtMost = 16
	// fetchLimit bounds the time of one fetch, maxAnswer each of its answers.
	fetchLimit = 5 * time.Second
	maxAnswer  = 1 << 20
)

// keySet keeps an issuer's keys. What the library offers keeps a withdrawn key for ever, and asks the issuer for each
// unknown one.
type keySet struct {
	issuer string
	client *http.Client
	log    *slog.Logger

	mu       sync.Mutex
	state    keys
	tried    time.Time
	fetching chan struct{} // closed when the fetch under way has ended; nil without one
	waiting  int           // tokens, for a fetch that has not begun
}

// keys are what is known of an issuer's.
type keys struct {
	keys    []jose.JSONWebKey
	fetched time.Time
	begun   time.Time // the last attempt to get newer ones, whose answer may be as old
	failed  bool      // that attempt
}

func newKeySet(cfg IssuerConfig) *keySet {
	transport := cfg.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &keySet{issuer: cfg.URL, log: log, client: &http.Client{Timeout: fetchLimit, Transport: guarded{transport, cfg.AllowPlainHTTP}}}
}

// VerifySignature returns the payload of a token of the issuer's. Keys that are old, or do not verify it, are fetched
// again first, unless that has just been tried. Errors: ErrRefused, ErrUnavailable, or that of ctx.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, refusal("malformed")
	}
	if !knownType(parsed) {
		return nil, refusal("of another type")
	}
	came := time.Now()
	now := k.now()
	switch age := time.Since(now.fetched); {
	case age < keysFor:
		if payload, ok := verify(parsed, now.keys); ok {
			return payload, nil
		}
	case now.failed && age < keysAtMost: // the issuer is in trouble, and its callers are not to wait for it
		if payload, ok := verify(parsed, now.keys); ok {
			k.renew()
			return payload, nil
		}
	}
	if done := k.renew(); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	now = k.now()
	if time.Since(now.fetched) < keysAtMost {
		if payload, ok := verify(parsed, now.keys); ok {
			return payload, nil
		}
	}
	if now.failed {
		return nil, ErrUnavailable // it may have a newer key
	}
	if now.begun.Before(came) && !now.has(parsed.Signatures[0].Protected.KeyID) {
		return k.verifyByNext(ctx, parsed, came)
	}
	return nil, refusal("not signed by the issuer")
}

// verifyByNext waits for keys that were asked for after a token came: its issuer may have published the token's key after all that
// is at hand was asked for.
func (k *keySet) verifyByNext(ctx context.Context, token *jose.JSONWebSignature, came time.Time) ([]byte, error) {
	k.mu.Lock()
	if k.waiting >= waitersAtMost {
		k.mu.Unlock()
		return nil, ErrUnavailable
	}
	k.waiting++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.waiting--
	}()
	for {
		k.mu.Lock()
		pause := keysPause - time.Since(k.tried)
		k.mu.Unlock()
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
			return nil, ErrUnavailable
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		if done := k.renew(); done != nil {
			select {
			case <-done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		now := k.now()
		switch payload, ok := verify(token, now.keys); {
		case ok:
			return payload, nil
		case now.failed:
			return nil, ErrUnavailable
		case !now.begun.Before(came):
			return nil, refusal("not signed by the issuer")
		}
	}
}

// has says whether a key goes by an id.
func (k keys) has(id string) bool {
	return id != "" && slices.ContainsFunc(k.keys, func(key jose.JSONWebKey) bool { return key.KeyID == id })
}

// verifyAtOnce returns the payload of a token that the keys at hand verify, if they are as fresh as VerifySignature has them.
func (k *keySet) verifyAtOnce(token string) ([]byte, bool) {
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	now := k.now()
	if err != nil || !knownType(parsed) || time.Since(now.fetched) >= keysFor {
		return nil, false
	}
	return verify(parsed, now.keys)
}

// verify returns the payload of a token that one of the keys has signed.
func verify(token *jose.JSONWebSignature, keys []jose.JSONWebKey) (payload []byte, ok bool) {
	header := token.Signatures[0].Protected
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && header.KeyID != key.KeyID || key.Use == "enc" || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := token.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

func knownType(token *jose.JSONWebSignature) bool {
	given, found := token.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]
	text, _ := given.(string)
	return !found || slices.ContainsFunc(types, func(known string) bool { return strings.EqualFold(text, known) })
}

func (k *keySet) now() keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// renew begins to fetch the keys, unless somebody does so already or has just done so. The channel, if there is one, is
// closed at the end. No caller's end is the fetch's, for others wait for it.
func (k *keySet) renew() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fetching == nil && time.Since(k.tried) >= keysPause {
		done := make(chan struct{})
		k.fetching = done
		begun := time.Now()
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
			defer cancel()
			fresh, err := k.read(ctx)
			k.mu.Lock()
			defer k.mu.Unlock()
			switch before := k.state.failed; {
			case err != nil && !before:
				k.log.Error("the keys of an issuer cannot be fetched; those before are used for a day", "issuer", k.issuer, "error", err.Error())
			case err == nil && before:
				k.log.Info("the keys of an issuer can be fetched again", "issuer", k.issuer)
			}
			k.tried, k.fetching, k.state.begun, k.state.failed = time.Now(), nil, begun, err != nil
			if err == nil {
				k.state.keys, k.state.fetched = fresh, k.tried
			}
		}()
	}
	return k.fetching
}

func (k *keySet) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.issuer)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, errors.New("there is an issuer of another name; names are exact, to the slash at their end")
	case err != nil:
		return nil, fmt.Errorf("there is no OpenID Connect configuration below this URL%s", network(err))
	}
	var where struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, errors.New("its configuration cannot be read")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.Keys, http.NoBody)
	if err != nil {
		return nil, errors.New("its configuration names no place of its keys")
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("its keys cannot be fetched%s", network(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its keys cannot be fetched: HTTP %d", response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, errors.New("its keys cannot be read to their end")
	}
	return parseKeys(body)
}

// network is what went wrong on the way, without the URL; an answer that is not as it should be is not repeated.
func network(err error) string {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return ": " + failed.Err.Error()
	}
	return ""
}

// parseKeys leaves out what it does not understand (RFC 7517 § 5) and what is no public key.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("its keys are no JSON Web Key Set")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no keys that can be used")
	}
	return keys, nil
}

// guarded sends no request in plaintext, wherever a configuration or a redirection leads: who answers there would choose the
// keys that we believe. And it reads no answer without end.
type guarded struct {
	http.RoundTripper
	allowPlainHTTP bool
}

func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && (request.URL.Scheme != "http" || !g.allowPlainHTTP || !Loopback(request.URL.Hostname())) {
		return nil, errors.New("issuers are asked over https alone")
	}
	response, err := g.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}

// Loopback tells whether a host is this machine, whatever a name server says.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
