package contract

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// oneAccount is the smallest question about a dossier.
func oneAccount(dossier string) url.Values {
	return url.Values{"codeDossier": {dossier}, "take": {"1"}}
}

func accessProbes() []probe {
	return []probe{
		{
			id: "access.unknown_dossier", operation: "list_accounts", question: "What does a dossier that does not exist answer?",
			assumed: "HTTP 403", reference: "C 1.2",
			run: func(ctx context.Context, s *session) outcome {
				a := s.get(ctx, s.client, operation("list_accounts"), oneAccount("LOOPCONTRACT"+rand.Text()[:6]))
				return judged(a.status == 403, s.withObject(a.told(), a))
			},
		},
		{
			id: "access.unattached_dossier", operation: "list_accounts", question: "What does a dossier that is not attached to the key answer?",
			assumed: "HTTP 403", reference: "C 1.2",
			needs: func(cfg Config) string {
				if cfg.Unattached == "" {
					return "no dossier was given that is not attached"
				}
				return ""
			},
			run: func(ctx context.Context, s *session) outcome {
				a := s.get(ctx, s.client, operation("list_accounts"), oneAccount(s.cfg.Unattached))
				return judged(a.status == 403, s.withObject(a.told(), a))
			},
		},
		{
			id: "access.literal_cabinet", operation: "list_accounts", question: "Does /compte take codeDossier=cabinet, as its newer page says?",
			assumed: "no, a dossier's code", reference: "README, disagreements",
			run: func(ctx context.Context, s *session) outcome {
				a := s.get(ctx, s.client, operation("list_accounts"), oneAccount(cegidclient.PracticeDossier))
				rows, _ := a.rows()
				return judged(!a.ok() || len(rows) == 0, s.withObjectUnless(a.ok(), a.told(), a).with("rows", count(len(rows))))
			},
		},
		{
			id: "access.advanced_key_on_dossier", operation: "list_accounts", question: "Does an Advanced key open what a Standard key opens?",
			assumed: "yes", reference: "C 1.2", needs: needsAdvanced,
			run: func(ctx context.Context, s *session) outcome {
				op := operation("list_accounts")
				op.Key = cegidclient.KeyAdvanced
				a := s.get(ctx, s.client, op, oneAccount(s.cfg.Dossier))
				return judged(a.ok(), s.withObjectUnless(a.ok(), a.told(), a))
			},
		},
		{
			id: "access.standard_key_on_practice", operation: "list_offices", question: "What does a practice-level route answer to a Standard key?",
			assumed: "HTTP 401 or 403", reference: "C 7.14", needs: needsStandard,
			run: func(ctx context.Context, s *session) outcome {
				op := operation("list_offices")
				op.Key = cegidclient.KeyStandard
				a := s.get(ctx, s.client, op, oneAccount(cegidclient.PracticeDossier))
				return judged(a.status == 401 || a.status == 403, s.withObjectUnless(a.ok(), a.told(), a))
			},
		},
		{
			id: "gateway.unknown_route", question: "What does the gateway answer to a route that it does not have?",
			assumed: "HTTP 404, worded \"Resource not found\"", reference: "C 3.1",
			run: func(ctx context.Context, s *session) outcome {
				op := operation("list_accounts")
				op.Path = "/loopContractNoSuchRoute"
				a := s.get(ctx, s.client, op, oneAccount(s.cfg.Dossier))
				return judged(a.err != nil && a.err.Kind == cegidclient.KindRouteUnknown, s.withObject(a.told(), a))
			},
		},
		{
			id: "gateway.letter_case", operation: "list_accounts", question: "Does the gateway ignore the letter case of a route?",
			assumed: "not known: the printed spelling is sent", reference: "C 2",
			run: func(ctx context.Context, s *session) outcome {
				op := operation("list_accounts")
				op.Path = strings.ToUpper(op.Path)
				a := s.get(ctx, s.client, op, oneAccount(s.cfg.Dossier))
				return judged(!a.ok(), a.told())
			},
		},
	}
}

// badKeyProbes knock once each with a key that is wrong.
func badKeyProbes() []probe {
	return []probe{
		{
			id: "keys.wrong_subscription_key", question: "What does a wrong subscription key answer?",
			assumed: "HTTP 401, worded by the gateway", reference: "C 3.1", needs: needsBadKeys,
			run: func(ctx context.Context, s *session) outcome {
				return s.knock(ctx, s.cfg.key(), cegidclient.NewSecret(strings.ToLower(rand.Text())), func(a *answer) bool {
					return a.status == 401 && a.err.Evidence.Wording == cegidclient.WordingSubscriptionKey
				})
			},
		},
		{
			id: "keys.unknown_api_key", question: "What does an API key that does not exist answer?",
			assumed: "HTTP 401, not worded by the gateway", reference: "C 1.2", needs: needsBadKeys,
			run: func(ctx context.Context, s *session) outcome {
				wrong := cegidclient.NewSecret("loop-contract-" + rand.Text() + ":" + rand.Text())
				return s.knock(ctx, wrong, s.cfg.SubscriptionKeys[0], func(a *answer) bool {
					return a.status == 401 && a.err.Evidence.Wording == cegidclient.WordingNone
				})
			},
		},
		{
			id: "keys.wrong_secret", question: "What does the right API key with a wrong secret answer?",
			assumed: "HTTP 401, as for a key that does not exist", reference: "C 1.2", needs: needsBadKeys,
			run: func(ctx context.Context, s *session) outcome {
				public, _, _ := strings.Cut(s.cfg.key().Reveal(), ":")
				return s.knock(ctx, cegidclient.NewSecret(public+":"+rand.Text()), s.cfg.SubscriptionKeys[0], func(a *answer) bool {
					return a.status == 401 && a.err.Evidence.Wording == cegidclient.WordingNone
				})
			},
		},
	}
}

// key is the one that reading a dossier uses.
func (cfg Config) key() cegidclient.Secret {
	if cfg.Standard.IsZero() {
		return cfg.Advanced
	}
	return cfg.Standard
}

// knock makes one attempt with other keys.
func (s *session) knock(ctx context.Context, apiKey, subscription cegidclient.Secret, assumed func(*answer) bool) outcome {
	client, err := s.open(apiKey, cegidclient.Secret{}, subscription)
	if err != nil {
		return open("no client could be built", nil)
	}
	defer client.Close()
	op := operation("list_accounts")
	op.Resend = cegidclient.ResendNever // whatever comes back, it is not sent again
	a := s.get(ctx, client, op, oneAccount(s.cfg.Dossier))
	if a.err == nil {
		return judged(false, a.told())
	}
	return judged(assumed(a), s.withObject(a.told(), a))
}

// gatewayProbes look at what all answers have shown.
func gatewayProbes() []probe {
	limits := []string{"ratelimit", "rate-limit", "quota", "retry-after"}
	return []probe{{
		id: "gateway.headers", question: "Which headers do answers carry, and does one tell a limit?", assumed: "none tells a limit",
		reference: "C 3.1",
		run: func(_ context.Context, s *session) outcome {
			var all, telling []string
			for name := range s.headers {
				all = append(all, name)
				if slices.ContainsFunc(limits, func(part string) bool { return strings.Contains(strings.ToLower(name), part) }) {
					telling = append(telling, name)
				}
			}
			return judged(len(telling) == 0, Seen{"headers": s.vocab.names(all), "telling a limit": s.vocab.names(telling)})
		},
	}}
}
