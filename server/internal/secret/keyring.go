package secret

import (
	"context"
	"errors"
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient"
)

// Keys says where the secrets of one practice are.
type Keys struct {
	// Standard and Advanced are Loop's API keys, `key:secret`; at least one.
	Standard, Advanced Ref
	// SubscriptionKeys are those of the installation or the practice's own, primary first; at least one.
	SubscriptionKeys []Ref
}

// Keyring gives a practice's credentials to the client and picks up their rotation.
type Keyring struct {
	standard, advanced *Live // nil when the practice has none
	subscription       []*Live
}

// The client asks it before every attempt.
var _ cegidclient.CredentialSource = (*Keyring)(nil)

// NewKeyring reads every secret once, and returns all that is wrong with them. notify may be nil.
func NewKeyring(keys Keys, notify Notify) (*Keyring, error) {
	var problems []error
	open := func(ref Ref, check func(cegidclient.Secret) error) *Live {
		live, err := Open(ref, check, notify)
		if err != nil {
			problems = append(problems, err)
			return nil
		}
		return live
	}

	k := &Keyring{}
	if keys.Standard.IsZero() && keys.Advanced.IsZero() {
		problems = append(problems, errors.New("the practice has no API key: refer to its standard key, its advanced key or both"))
	}
	if !keys.Standard.IsZero() {
		k.standard = open(keys.Standard, CheckAPIKey)
	}
	if !keys.Advanced.IsZero() {
		k.advanced = open(keys.Advanced, CheckAPIKey)
	}
	if len(keys.SubscriptionKeys) == 0 {
		problems = append(problems, errors.New("there is no subscription key: refer to the installation's or to one of the practice's own"))
	}
	for _, ref := range keys.SubscriptionKeys {
		k.subscription = append(k.subscription, open(ref, CheckSubscriptionKey))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return k, nil
}

// CheckAPIKey refuses what cannot be an API key of Loop's: `key:secret` in one string, split at the first colon, since
// the secret may hold further ones (loop-api: C 1.1).
func CheckAPIKey(s cegidclient.Secret) error {
	key, rest, found := strings.Cut(s.Reveal(), ":")
	if !found || key == "" || rest == "" {
		return errors.New("it is no API key: write key:secret, the two values that CegidLife displayed, with a colon between them")
	}
	return checkHeaderValue(s)
}

// CheckSubscriptionKey refuses what cannot be a subscription key.
func CheckSubscriptionKey(s cegidclient.Secret) error { return checkHeaderValue(s) }

// Both keys travel as header values; a space in one is a slip of copying.
func checkHeaderValue(s cegidclient.Secret) error {
	if strings.ContainsFunc(s.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("it holds a space or a character outside ASCII, which no key of Loop's does; copy it again")
	}
	return nil
}

// Credentials returns the weakest key that suffices, with the subscription keys. A practice without an Advanced key is
// told so by cegidclient.MissingKey when need asks for one.
func (k *Keyring) Credentials(ctx context.Context, need cegidclient.KeyKind) (cegidclient.Credentials, error) {
	if err := ctx.Err(); err != nil {
		return cegidclient.Credentials{}, err
	}
	c := cegidclient.Credentials{SubscriptionKeys: make([]cegidclient.Secret, 0, len(k.subscription))}
	switch {
	case k.standard != nil && need != cegidclient.KeyAdvanced:
		c.Kind, c.APIKey = cegidclient.KeyStandard, k.standard.Get()
	case k.advanced != nil:
		c.Kind, c.APIKey = cegidclient.KeyAdvanced, k.advanced.Get()
	default:
		return cegidclient.Credentials{}, cegidclient.MissingKey(need)
	}
	for _, live := range k.subscription {
		c.SubscriptionKeys = append(c.SubscriptionKeys, live.Get())
	}
	return c, nil
}

// Has says whether the practice has a key of that very kind; of any kind for KeyUnspecified.
func (k *Keyring) Has(kind cegidclient.KeyKind) bool {
	switch kind {
	case cegidclient.KeyStandard:
		return k.standard != nil
	case cegidclient.KeyAdvanced:
		return k.advanced != nil
	default:
		return true
	}
}

// PublicHalf returns the half of an API key that the practice's administrator sees in LoopHub; empty when the practice
// has no key of that kind.
func (k *Keyring) PublicHalf(kind cegidclient.KeyKind) string {
	switch {
	case kind == cegidclient.KeyStandard && k.standard != nil:
		return k.standard.Get().PublicHalf()
	case kind == cegidclient.KeyAdvanced && k.advanced != nil:
		return k.advanced.Get().PublicHalf()
	}
	return ""
}

// Status is the state of one secret, for metrics and checks.
type Status struct {
	// Use is `standard`, `advanced`, `primary` or `secondary`, or `postgres` of a ledger.
	Use string
	// Ref is where the secret is.
	Ref Ref
	// ChangedAt is when the present value was written, as far as this process knows: see Live.ChangedAt.
	ChangedAt time.Time
	// Err says why the last attempt to read it again failed; the value before stays in use.
	Err error
}

// Statuses returns the state of each secret.
func (k *Keyring) Statuses() []Status {
	var all []Status
	add := func(use string, live *Live) {
		if live == nil {
			return
		}
		all = append(all, live.Status(use))
	}
	add("standard", k.standard)
	add("advanced", k.advanced)
	for i, live := range k.subscription {
		use := "primary"
		if i > 0 {
			use = "secondary"
		}
		add(use, live)
	}
	return all
}

// LastError says which secrets could not be read again; nil when all could.
func (k *Keyring) LastError() error {
	var problems []error
	for _, s := range k.Statuses() {
		if s.Err != nil {
			problems = append(problems, s.Err)
		}
	}
	return errors.Join(problems...)
}
