package loopsim

// The sandbox world: what the keys open. The values are fakes and open nothing else.
const (
	SandboxSubscriptionPrimary   = "sandbox-subscription-primary"
	SandboxSubscriptionSecondary = "sandbox-subscription-secondary"

	SandboxDemo       = "demo"
	SandboxDemoAPIKey = "sandbox-demo-advanced:sandbox-demo-secret" // Advanced

	SandboxDemoDomain = "CABINETEXEMPLE"
	SandboxLetter     = "7e8a3295-ec43-4161-a2dc-d0c85d9e56bf" // an engagement letter of practice demo
	SandboxLogin      = "claire@cabinet.example"               // of a staff member whose portfolio holds CEGID001 alone

	SandboxPartner       = "partner"
	SandboxPartnerAPIKey = "sandbox-partner-standard:sandbox-partner-secret" // Standard
	SandboxPartnerDomain = "PARTENAIREEXEMPLE"

	SandboxSubscription = "1234567890123" // to the change feed, of both practices

	SandboxLargeDossier  = "BIG00001" // of practice partner
	SandboxLargeAccounts = 10_000

	SandboxBookedDossier = "CEGID003" // of practice demo: the year 2026 is booked, of which [SandboxOrigin] is one document
	SandboxOrigin        = "142ae28e-0000-4000-8000-000000000001"

	// Establishments of each dossier, main one first.
	SandboxSIRET       = "12345678200010"
	SandboxSecondSIRET = "12345678200028"
)

// sandboxWorld has the dossier codes of Cegid's own samples (loop-api: R 1.3).
func sandboxWorld() *world {
	w := newWorld()
	w.subscriptions[Primary] = SandboxSubscriptionPrimary
	w.subscriptions[Secondary] = SandboxSubscriptionSecondary
	large := func() Content {
		return With(Template(), LargeChart(SandboxLargeAccounts)...)
	}
	of := func(raisonSociale, form string) func() Content {
		return func() Content {
			c := Template()
			company(&c).RaisonSociale, company(&c).FormeJuridique = raisonSociale, form
			return c
		}
	}
	booked := func() Content {
		return With(of("MENUISERIE EXEMPLE", "SA")(), entries()...)
	}
	err := firstError(
		w.addPractice(Practice{Name: SandboxDemo, AdvancedAPIKey: SandboxDemoAPIKey, Domain: SandboxDemoDomain, Cabinet: sample(true)}),
		w.addDossier(SandboxDemo, "CEGID001", of("BOULANGERIE EXEMPLE", "SARL")),
		w.addDossier(SandboxDemo, SandboxBookedDossier, booked),
		w.addPractice(Practice{
			Name: SandboxPartner, StandardAPIKey: SandboxPartnerAPIKey, Domain: SandboxPartnerDomain,
			Cabinet: With(Content{}, Abonnement(SandboxSubscription)),
		}),
		w.addDossier(SandboxPartner, "DOSSIER_TEST", Template),
		w.addDossier(SandboxPartner, SandboxLargeDossier, large),
	)
	if err != nil {
		panic("loopsim: sandbox world: " + err.Error()) // constants that contradict each other
	}
	return w
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Template returns the content of an ordinary dossier: a French chart of accounts on 8 digits, five journals, third parties,
// sections and VAT codes, a company with two establishments, fiscal year 2026 open after a closed 2025. The caller owns it.
func Template() Content { return sample(false) }
