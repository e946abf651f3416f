package app

import (
	"context"
	"fmt"

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

// OpenPractices makes a client for each practice of a configuration. Their gate is shared: quotas belong to the
// subscription key, which they may have in common.
func OpenPractices(cfg *config.Config, observer cegidclient.Observer, notify secret.Notify) (*service.Practices, error) {
	gate, calls := cegidclient.NewGate(), cfg.Loop.Calls
	var practices []*service.Practice
	for _, each := range cfg.Practices {
		keyring, err := secret.NewKeyring(each.Keys, notify)
		if err != nil {
			return nil, fmt.Errorf("practice %s: %w", each.Name, err)
		}
		client, err := cegidclient.New(cegidclient.Config{
			BaseURL:        cfg.Loop.BaseURL,
			AllowPlainHTTP: cfg.Loop.AllowPlainHTTP,
			Practice:       each.Name,
			Credentials:    keyring,
			Gate:           gate,
			Limits: cegidclient.Limits{
				Concurrency: each.Limits.Concurrency, RatePerSecond: each.Limits.RequestsPerSecond, SuccessBody: int64(calls.MaxAnswer), PageSize: calls.PageSize,
			},
			Retry: cegidclient.RetryPolicy{
				Attempts: calls.Attempts, AttemptTimeout: calls.AttemptTimeout, BaseDelay: calls.BaseDelay, MaxDelay: calls.MaxDelay,
				ThrottledDelay: calls.ThrottledDelay, MaxRetryAfter: calls.MaxRetryAfter, Budget: float64(calls.RetryBudget),
			},
			Breaker:  cegidclient.BreakerPolicy{Failures: calls.BreakerFailures, OpenFor: calls.BreakerPause},
			Observer: observer,
			// Nothing is booked that the ledger does not know of.
			RequireHookForWrites: true,
			Unverified:           each.UnverifiedOperations,
		})
		if err != nil {
			return nil, fmt.Errorf("practice %s: %w", each.Name, err)
		}
		practice := &service.Practice{
			Name: each.Name, Client: client, Unverified: each.UnverifiedOperations,
			SecretProblem: keyring.LastError,
			HasStandard:   keyring.Has(cegidclient.KeyStandard), HasAdvanced: keyring.Has(cegidclient.KeyAdvanced),
		}
		for _, dossier := range each.Dossiers {
			practice.Dossiers = append(practice.Dossiers, service.Dossier{Code: dossier.Code, Name: dossier.Name})
		}
		practices = append(practices, practice)
	}
	return service.NewPractices(practices...), nil
}
