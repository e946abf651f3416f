package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/tenant"
)

// OfCall notes what calls to Loop came to in the record of the inbound call that caused them.
type OfCall struct{}

// CallDone implements cegidclient.Observer: what is understood of an answer may be more than its attempt knows.
func (OfCall) CallDone(ctx context.Context, event cegidclient.CallEvent) {
	if event.Attempts > 0 {
		interceptor.CallFrom(ctx).SetLoopSaid(interceptor.LoopSaid{Status: event.Status, Code: event.Said.Code, RequestID: event.Said.RequestID})
	}
}

// TurnDone implements cegidclient.Observer.
func (OfCall) TurnDone(ctx context.Context, event cegidclient.TurnEvent) {
	interceptor.CallFrom(ctx).AddTurn(event.Duration)
}

// AttemptDone implements cegidclient.Observer.
func (OfCall) AttemptDone(ctx context.Context, event cegidclient.AttemptEvent) {
	interceptor.CallFrom(ctx).AddAttempt(event.Duration)
}

// Tenants keeps the service's practices in step with a configuration. Its methods are for one goroutine; the
// practices themselves are for all.
type Tenants struct {
	practices *tenant.Practices
	// gate is shared and outlives the clients: quotas belong to the subscription key, which practices may have in common.
	gate *cegidclient.Gate
	// freshness is shared, too, and follows them all.
	freshness *freshness.Store
	observer  cegidclient.Observer
	notify    func(practice string, ref secret.Ref, err error)
	breaker   func(practice string, turn cegidclient.BreakerTurn)

	imports  config.Imports // of the start, as the sender's
	loop     config.Loop
	replicas int
	open     map[string]served
	// keeping is read by the ledger at any time.
	keeping atomic.Pointer[keeping]
}

// keeping is how long the ledger keeps each practice, and what is of none.
type keeping struct {
	practices map[string]ledger.Keeping
	others    ledger.Keeping
}

type served struct {
	config   config.Practice
	practice *tenant.Practice
	key      string // the public half of that for imports
}

// NewTenants opens the practices of a configuration. notify receives each secret that was rotated or cannot be read again, as
// secret.Notify is. breaker receives each circuit breaker that opens or closes. Both may be nil.
func NewTenants(
	cfg *config.Config, observer cegidclient.Observer,
	notify func(practice string, ref secret.Ref, err error), breaker func(practice string, turn cegidclient.BreakerTurn),
) (*Tenants, error) {
	t := &Tenants{
		practices: tenant.NewPractices(), gate: cegidclient.NewGate(), observer: observer,
		notify: notify, breaker: breaker, imports: cfg.Imports,
	}
	t.freshness = freshness.New(freshness.Config{Books: t.practices.Books})
	if _, _, err := t.Apply(cfg); err != nil {
		return nil, err
	}
	return t, nil
}

// Gate is the way to Loop of all practices.
func (t *Tenants) Gate() *cegidclient.Gate { return t.gate }

// Freshness keeps what Loop answers to all practices.
func (t *Tenants) Freshness() *freshness.Store { return t.freshness }

// Practices are the same ones always; what they hold changes with Apply.
func (t *Tenants) Practices() *tenant.Practices { return t.practices }

// Apply puts the practices of a configuration in the place of those before, all of them or, with an error, none. A
// practice whose configuration did not change keeps its client, and what that has learnt. It returns the names of
// those that are new or other than before, and of those that are gone.
func (t *Tenants) Apply(cfg *config.Config) (changed, removed []string, err error) {
	open := map[string]served{}
	var practices []*tenant.Practice
	var problems []error
	for _, practice := range cfg.Practices {
		now, known := t.open[practice.Name]
		if !known || !reflect.DeepEqual(now.config, practice) || !sameCalls(t.loop, cfg.Loop) || t.replicas != cfg.Replicas {
			if now, err = t.practice(practice, cfg.Loop, cfg.Replicas); err != nil {
				problems = append(problems, fmt.Errorf("practice %s: %w", practice.Name, err))
				continue
			}
			changed = append(changed, practice.Name)
		}
		open[practice.Name] = now
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	name := books(open)
	for _, configured := range cfg.Practices {
		now := open[configured.Name]
		if books := name(now); now.practice.Books != books { // also of one that did not change otherwise: its calls go on as before
			practice := *now.practice
			practice.Books = books
			now.practice = &practice
			open[configured.Name] = now
		}
		practices = append(practices, now.practice)
	}
	t.practices.Replace(practices...)
	for name, before := range t.open {
		if now, still := open[name]; !still || now.practice.Client != before.practice.Client {
			before.practice.Client.Close() // idle connections alone: calls under way end as they began
		}
		if _, still := open[name]; !still {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	t.loop, t.replicas, t.open = cfg.Loop, cfg.Replicas, open
	t.keep(cfg)
	return changed, removed, nil
}

func (t *Tenants) keep(cfg *config.Config) {
	kept := &keeping{map[string]ledger.Keeping{}, cfg.Retention}
	for _, practice := range cfg.Practices {
		kept.practices[practice.Name] = practice.Retention
	}
	t.keeping.Store(kept)
}

// Keeping is how long the ledger keeps a practice, also one that is gone. It is safe for concurrent use.
func (t *Tenants) Keeping(practice string) ledger.Keeping {
	kept := t.keeping.Load()
	if own, known := kept.practices[practice]; known {
		return own
	}
	return kept.others
}

// sameCalls compares all but the subscription keys, which each practice's configuration holds.
func sameCalls(a, b config.Loop) bool {
	a.SubscriptionKeys, b.SubscriptionKeys = nil, nil
	return reflect.DeepEqual(a, b)
}

func (t *Tenants) turned(practice string) func(cegidclient.BreakerTurn) {
	if t.breaker == nil {
		return nil
	}
	return func(turn cegidclient.BreakerTurn) { t.breaker(practice, turn) }
}

// LogBreaker writes a line for each circuit breaker that opens or closes.
func LogBreaker(log *slog.Logger) func(practice string, turn cegidclient.BreakerTurn) {
	return func(practice string, turn cegidclient.BreakerTurn) {
		if turn.Open {
			log.Warn("Loop seems to be down for a practice: its calls are paused, and one is tried now and then", "practice", practice, "why",
				turn.Why)
			return
		}
		log.Info("Loop answers again: calls are no longer paused", "practice", practice, "pausedFor",
			turn.OpenFor.Round(time.Millisecond).String())
	}
}

// books names the books of practices: by the domain at Loop, and without one by the API key for imports. Practices that have one
// or the other in common book into the same, also by way of a third one.
func books(open map[string]served) func(served) string {
	above := map[string]string{}
	find := func(name string) string {
		for above[name] != "" {
			name = above[name]
		}
		return name
	}
	names := func(s served) (all []string) {
		if s.config.Domain != "" {
			all = append(all, "domain "+s.config.Domain) // sorts before a key
		}
		return append(all, "key "+s.key)
	}
	for _, served := range open {
		for _, name := range names(served) {
			if a, b := find(names(served)[0]), find(name); a != b {
				above[max(a, b)] = min(a, b)
			}
		}
	}
	return func(s served) string { return find(names(s)[0]) }
}

// WarnOfIdleGrants tells which grants are on practices that are not there: they have gone, or are misspelt.
func WarnOfIdleGrants(log *slog.Logger, grants *policy.Policy) {
	if idle := grants.Idle(); len(idle) > 0 {
		log.Warn("grants are on practices that the configuration does not have, and give nothing there", "grants", idle)
	}
}

// WarnOfSameBooks tells which practices book into the same books.
func WarnOfSameBooks(log *slog.Logger, practices *tenant.Practices) {
	for _, names := range practices.SameBooks() {
		log.Warn("practices have a domain or an API key in common, and book into the same books: what is imported for one is refused for another",
			"practices", names)
	}
}

func (t *Tenants) practice(from config.Practice, loop config.Loop, replicas int) (served, error) {
	var notify secret.Notify
	if t.notify != nil {
		notify = func(ref secret.Ref, err error) { t.notify(from.Name, ref, err) }
	}
	keyring, err := secret.NewKeyring(from.Keys, notify)
	if err != nil {
		return served{}, err
	}
	calls, limits := loop.Calls, from.Limits.Of(replicas)
	settings := cegidclient.Config{
		BaseURL:        loop.BaseURL,
		AllowPlainHTTP: loop.AllowPlainHTTP,
		Practice:       from.Name,
		Credentials:    keyring,
		Gate:           t.gate,
		Limits: cegidclient.Limits{
			Concurrency: limits.Concurrency, Wait: t.imports.WaitLimit, RatePerSecond: limits.RequestsPerSecond,
			SuccessBody: int64(calls.MaxAnswer), PageSize: calls.PageSize, CapPerRoute: !calls.OneCap,
		},
		Retry: cegidclient.RetryPolicy{
			Attempts: calls.Attempts, AttemptTimeout: calls.AttemptTimeout, SubmissionTimeout: t.imports.CallLimit, BaseDelay: calls.BaseDelay,
			MaxDelay:       calls.MaxDelay,
			ThrottledDelay: calls.ThrottledDelay, MaxRetryAfter: calls.MaxRetryAfter, Budget: float64(calls.RetryBudget),
			BudgetPerSuccess: calls.RetryRefill,
		},
		Breaker: cegidclient.BreakerPolicy{
			Failures: calls.BreakerFailures, OpenFor: calls.BreakerPause, Silence: calls.BreakerSilence, Turned: t.turned(from.Name),
		},
		Observer: t.observer,
		// Nothing is booked that the ledger does not know of.
		RequireHookForWrites: true,
		Unverified:           from.UnverifiedOperations,
		TRANames:             cegidclient.TRANames(loop.TRANames),
		EntryNames:           cegidclient.EntryNames(loop.EntryNames),
	}
	t.freshness.Follow(&settings)
	client, err := cegidclient.New(settings)
	if err != nil {
		return served{}, err
	}
	practice := &tenant.Practice{
		Name: from.Name, Domain: from.Domain, Client: client, PlainLinks: loop.AllowPlainHTTP,
		SecretProblem: keyring.LastError, Secrets: keyring.Statuses,
		HasStandard: keyring.Has(cegidclient.KeyStandard), HasAdvanced: keyring.Has(cegidclient.KeyAdvanced),
	}
	for _, dossier := range from.Dossiers {
		practice.Dossiers = append(practice.Dossiers, tenant.Dossier{Code: dossier.Code, Name: dossier.Name})
	}
	key := keyring.PublicHalf(cegidclient.KeyStandard)
	return served{from, practice, cmp.Or(key, keyring.PublicHalf(cegidclient.KeyAdvanced))}, nil
}

// brakesOf is what keeps each practice from Loop, whenever it is asked.
func brakesOf(practices *tenant.Practices) func() map[string]cegidclient.Brakes {
	return func() map[string]cegidclient.Brakes {
		out := map[string]cegidclient.Brakes{}
		for _, practice := range practices.All() {
			out[practice.Name] = practice.Client.Brakes()
		}
		return out
	}
}
