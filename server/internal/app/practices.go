package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/service"
)

// CountAttempt notes an attempt on Loop in the record of the inbound call that caused it.
func CountAttempt(ctx context.Context, event cegidclient.AttemptEvent) {
	interceptor.CallFrom(ctx).AddAttempt(event.Duration)
}

// Tenants keeps the service's practices in step with a configuration. Its methods are for one goroutine; the
// practices themselves are for all.
type Tenants struct {
	practices *service.Practices
	// gate is shared and outlives the clients: quotas belong to the subscription key, which practices may have in common.
	gate     *cegidclient.Gate
	observer cegidclient.Observer
	notify   func(practice string, ref secret.Ref, err error)

	imports config.Imports // of the start, as the importer's
	loop    config.Loop
	open    map[string]tenant
}

type tenant struct {
	config   config.Practice
	practice *service.Practice
}

// NewTenants opens the practices of a configuration. notify, which may be nil, is told of each secret that was rotated
// or cannot be read again, as secret.Notify is.
func NewTenants(cfg *config.Config, observer cegidclient.Observer, notify func(practice string, ref secret.Ref, err error)) (*Tenants, error) {
	t := &Tenants{practices: service.NewPractices(), gate: cegidclient.NewGate(), observer: observer, notify: notify, imports: cfg.Imports}
	if _, _, err := t.Apply(cfg); err != nil {
		return nil, err
	}
	return t, nil
}

// Practices are the same ones always; what they hold changes with Apply.
func (t *Tenants) Practices() *service.Practices { return t.practices }

// Apply puts the practices of a configuration in the place of those before, all of them or, with an error, none. A
// practice whose configuration did not change keeps its client, and what that has learnt. It returns the names of
// those that are new or other than before, and of those that are gone.
func (t *Tenants) Apply(cfg *config.Config) (changed, removed []string, err error) {
	open := map[string]tenant{}
	var practices []*service.Practice
	var problems []error
	for _, each := range cfg.Practices {
		now, known := t.open[each.Name]
		if !known || !reflect.DeepEqual(now.config, each) || !sameCalls(t.loop, cfg.Loop) {
			practice, err := t.practice(each, cfg.Loop)
			if err != nil {
				problems = append(problems, fmt.Errorf("practice %s: %w", each.Name, err))
				continue
			}
			now, changed = tenant{each, practice}, append(changed, each.Name)
		}
		open[each.Name] = now
		practices = append(practices, now.practice)
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	t.practices.Replace(practices...)
	for name, before := range t.open {
		if open[name].practice != before.practice {
			before.practice.Client.Close() // idle connections alone: calls under way end as they began
		}
		if _, still := open[name]; !still {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	t.loop, t.open = cfg.Loop, open
	return changed, removed, nil
}

// sameCalls compares all but the subscription keys, which each practice's configuration holds.
func sameCalls(a, b config.Loop) bool {
	a.SubscriptionKeys, b.SubscriptionKeys = nil, nil
	return reflect.DeepEqual(a, b)
}

func (t *Tenants) practice(from config.Practice, loop config.Loop) (*service.Practice, error) {
	var notify secret.Notify
	if t.notify != nil {
		notify = func(ref secret.Ref, err error) { t.notify(from.Name, ref, err) }
	}
	keyring, err := secret.NewKeyring(from.Keys, notify)
	if err != nil {
		return nil, err
	}
	calls := loop.Calls
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL:        loop.BaseURL,
		AllowPlainHTTP: loop.AllowPlainHTTP,
		Practice:       from.Name,
		Credentials:    keyring,
		Gate:           t.gate,
		Limits: cegidclient.Limits{
			Concurrency: from.Limits.Concurrency, Wait: t.imports.WaitLimit, RatePerSecond: from.Limits.RequestsPerSecond, SuccessBody: int64(calls.MaxAnswer), PageSize: calls.PageSize,
		},
		Retry: cegidclient.RetryPolicy{
			Attempts: calls.Attempts, AttemptTimeout: calls.AttemptTimeout, SubmissionTimeout: t.imports.CallLimit, BaseDelay: calls.BaseDelay, MaxDelay: calls.MaxDelay,
			ThrottledDelay: calls.ThrottledDelay, MaxRetryAfter: calls.MaxRetryAfter, Budget: float64(calls.RetryBudget),
		},
		Breaker:  cegidclient.BreakerPolicy{Failures: calls.BreakerFailures, OpenFor: calls.BreakerPause},
		Observer: t.observer,
		// Nothing is booked that the ledger does not know of.
		RequireHookForWrites: true,
		Unverified:           from.UnverifiedOperations,
		TRANames:             cegidclient.TRANames(loop.TRANames),
	})
	if err != nil {
		return nil, err
	}
	practice := &service.Practice{
		Name: from.Name, Domain: from.Domain, Client: client, Unverified: from.UnverifiedOperations, PlainLinks: loop.AllowPlainHTTP,
		SecretProblem: keyring.LastError, Secrets: keyring.Statuses,
		HasStandard: keyring.Has(cegidclient.KeyStandard), HasAdvanced: keyring.Has(cegidclient.KeyAdvanced),
	}
	for _, dossier := range from.Dossiers {
		practice.Dossiers = append(practice.Dossiers, service.Dossier{Code: dossier.Code, Name: dossier.Name})
	}
	return practice, nil
}
