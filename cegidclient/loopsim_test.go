package cegidclient_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

func simulated(t *testing.T, adjust ...func(*cegidclient.Config)) (*cegidclient.Client, *loopsim.Simulator) {
	t.Helper()
	sim := loopsim.NewSandbox()
	srv := httptest.NewServer(sim)
	cfg := cegidclient.Config{
		BaseURL: srv.URL + "/loop-api-publiques", AllowPlainHTTP: true, Practice: "partner",
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret(loopsim.SandboxPartnerAPIKey), cegidclient.Secret{},
			cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary)),
		Retry: cegidclient.RetryPolicy{BaseDelay: time.Millisecond, ThrottledDelay: time.Millisecond, AttemptTimeout: time.Second},
	}
	for _, f := range adjust {
		f(&cfg)
	}
	client, err := cegidclient.New(cfg)
	testkit.OK(t, err)
	t.Cleanup(func() {
		client.Close()
		sim.Close()
		srv.Close()
	})
	return client, sim
}

func TestTheSimulatorsLargeDossierIsReadExactlyOnce(t *testing.T) {
	for _, take := range []int{100, 1000} {
		client, sim := simulated(t)
		seen := map[string]bool{}
		for a, err := range client.Accounts.All(t.Context(), loopsim.SandboxLargeDossier, cegidclient.ListOptions{Take: take}) {
			testkit.OK(t, err)
			if seen[*a.Number] || a.Unmapped != nil {
				t.Fatalf("%s again, or unmapped %v", *a.Number, a.Unmapped)
			}
			seen[*a.Number] = true
		}
		if len(seen) != loopsim.SandboxLargeAccounts {
			t.Errorf("take %d: %d accounts", take, len(seen))
		}
		if n, most := sim.Count("/compte"), loopsim.SandboxLargeAccounts/min(take, 100)+10; n > most {
			t.Errorf("take %d: %d requests", take, n)
		}
		if n := sim.InFlightPeak("/compte"); n > 4 {
			t.Errorf("take %d: %d requests at once", take, n)
		}
	}
}

func TestEveryShapeOfTheSimulatorIsUnderstood(t *testing.T) {
	for name, shape := range map[string]loopsim.Shape{
		"documented":         {},
		"in data":            {Envelope: loopsim.EnvelopeData},
		"numbers as texts":   {NumbersAsStrings: true},
		"lower case":         {MemberCase: loopsim.MemberCaseLower},
		"upper first":        {MemberCase: loopsim.MemberCaseUpperFirst},
		"an extra field":     {ExtraField: true},
		"null references":    {References: loopsim.ReferencesNull},
		"no references":      {References: loopsim.ReferencesOmitted},
		"flat descriptions":  {FlatDescription: true},
		"everything at once": {Envelope: loopsim.EnvelopeData, NumbersAsStrings: true, MemberCase: loopsim.MemberCaseLower, ExtraField: true, FlatDescription: true},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := simulated(t)
			sim.SetShape("/journal", shape)
			page, err := client.Journals.List(t.Context(), "DOSSIER_TEST", cegidclient.ListOptions{Filter: cegidclient.Equal(cegidclient.JournalCode, "VTE")})
			if err != nil || len(page.Items) != 1 || !page.End {
				t.Fatal(page, err)
			}
			j := page.Items[0]
			if *j.Code != "VTE" || *j.Type != cegidclient.JournalTypeSale || j.Closed == nil || *j.Description != "VTE" || *j.ObjectID == "" {
				t.Errorf("%+v", j)
			}
		})
	}
	client, sim := simulated(t)
	sim.SetShape("/journal", loopsim.Shape{Omit: []string{"code"}})
	_, err := client.Journals.List(t.Context(), "DOSSIER_TEST", cegidclient.ListOptions{})
	if e, ok := errors.AsType[*cegidclient.Error](err); !ok || e.Kind != cegidclient.KindBadResponse || e.Field != "code" {
		t.Error(err)
	}
}

func TestTheSimulatorsFaultsAndHowOftenTheyAreMet(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fault    loopsim.Fault
		kind     cegidclient.Kind // 0: the call succeeds
		requests int
	}{
		{"two outages", loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503, Times: 2}, 0, 3},
		{"an outage for ever", loopsim.Fault{Kind: loopsim.FaultStatus, Status: 500}, cegidclient.KindUnavailable, 3},
		{"throttled once", loopsim.Fault{Kind: loopsim.FaultStatus, Status: 429, RetryAfter: time.Second, Times: 1}, 0, 2},
		{"a web page", loopsim.Fault{Kind: loopsim.FaultHTML}, cegidclient.KindBadResponse, 1},
		{"nonsense", loopsim.Fault{Kind: loopsim.FaultNonsense}, cegidclient.KindBadResponse, 1},
		{"a cut body", loopsim.Fault{Kind: loopsim.FaultTruncated, Times: 1}, 0, 2},
		{"a cut chunked body", loopsim.Fault{Kind: loopsim.FaultTruncatedChunked, Times: 1}, 0, 2},
		{"a hanging answer", loopsim.Fault{Kind: loopsim.FaultHang, Times: 1}, 0, 2},
		{"a refusal in a 200", loopsim.Fault{Kind: loopsim.FaultErrorIn200}, cegidclient.KindRefused, 1},
		{"a redirect", loopsim.Fault{Kind: loopsim.FaultStatus, Status: 302}, cegidclient.KindBadResponse, 1},
		{"a connection cut for ever", loopsim.Fault{Kind: loopsim.FaultCutBefore}, cegidclient.KindUnavailable, 3},
		{"an answer lost", loopsim.Fault{Kind: loopsim.FaultCutAfter, Times: 1}, 0, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, sim := simulated(t)
			sim.Inject(tc.fault)
			_, err := client.Accounts.List(t.Context(), "DOSSIER_TEST", cegidclient.ListOptions{Take: 1})
			e, _ := errors.AsType[*cegidclient.Error](err)
			if (tc.kind == 0) != (err == nil) || e != nil && e.Kind != tc.kind {
				t.Errorf("%v", err)
			}
			if n := sim.Count("/compte"); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
		})
	}
}

func TestTheSimulatorsAccessRulesGiveTheirOwnDiagnosis(t *testing.T) {
	client, _ := simulated(t)
	if _, err := client.Probe(t.Context(), "DOSSIER_TEST", cegidclient.KeyStandard); err != nil {
		t.Error(err)
	}
	_, err := client.Probe(t.Context(), "DOSSIER_TEST", cegidclient.KeyAdvanced)
	if !errors.Is(err, cegidclient.ErrAdvancedKeyRequired) {
		t.Error(err)
	}
	bad, _ := simulated(t, func(cfg *cegidclient.Config) {
		cfg.Credentials = cegidclient.StaticCredentials(cegidclient.NewSecret(loopsim.SandboxPartnerAPIKey), cegidclient.Secret{}, cegidclient.NewSecret("wrong"))
	})
	_, err = bad.Probe(t.Context(), "DOSSIER_TEST", cegidclient.KeyStandard)
	e, ok := errors.AsType[*cegidclient.Error](err)
	if !ok || e.Kind != cegidclient.KindCredentialRejected || e.Evidence.Wording != cegidclient.WordingSubscriptionKey {
		t.Errorf("%+v", e)
	}
	_, err = client.Probe(t.Context(), "CEGID001", cegidclient.KeyStandard) // of the other practice
	e, ok = errors.AsType[*cegidclient.Error](err)
	if !ok || e.Kind != cegidclient.KindDossierNotShared || e.RequestID == "" {
		t.Errorf("%+v", e)
	}
}
