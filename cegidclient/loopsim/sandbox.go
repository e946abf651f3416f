package loopsim

import (
	"fmt"
	"slices"
	"strings"
)

// The sandbox world: what the keys open. The values are fakes and open nothing else.
const (
	SandboxSubscriptionPrimary   = "sandbox-subscription-primary"
	SandboxSubscriptionSecondary = "sandbox-subscription-secondary"

	SandboxDemo       = "demo"
	SandboxDemoAPIKey = "sandbox-demo-advanced:sandbox-demo-secret" // Advanced

	SandboxPartner       = "partner"
	SandboxPartnerAPIKey = "sandbox-partner-standard:sandbox-partner-secret" // Standard

	SandboxLargeDossier  = "BIG00001" // of practice partner
	SandboxLargeAccounts = 10_000
)

// sandboxWorld has the dossier codes of Cegid's own samples (loop-api: R 1.3).
func sandboxWorld() *world {
	w := newWorld()
	w.subscriptions[Primary] = SandboxSubscriptionPrimary
	w.subscriptions[Secondary] = SandboxSubscriptionSecondary
	large := func() Content {
		c := Template()
		c.Accounts = LargeChart(SandboxLargeAccounts)
		return c
	}
	err := firstError(
		w.addPractice(Practice{Name: SandboxDemo, AdvancedAPIKey: SandboxDemoAPIKey}),
		w.addDossier(SandboxDemo, "CEGID001", Template),
		w.addDossier(SandboxDemo, "CEGID003", Template),
		w.addPractice(Practice{Name: SandboxPartner, StandardAPIKey: SandboxPartnerAPIKey}),
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

// Template returns the content of an ordinary dossier: a French chart of accounts on 8 digits and five journals. The caller
// owns it.
func Template() Content {
	return Content{Accounts: chart(), Journals: journals()}
}

// LargeChart returns a chart of n accounts, or of the template's when n is smaller: those of the template, then numbered
// sub-accounts of their roots.
func LargeChart(n int) []Account {
	accounts := chart()
	var roots []Account
	for _, a := range accounts {
		same := func(r Account) bool { return r.Numero[:3] == a.Numero[:3] }
		if !a.Ferme && !slices.ContainsFunc(roots, same) {
			roots = append(roots, a)
		}
	}
	taken := make(map[string]bool, n)
	for _, a := range accounts {
		taken[a.Numero] = true
	}
	accounts = slices.Grow(accounts, max(0, n-len(accounts)))
	for i := 0; len(accounts) < n; i++ {
		a := roots[i%len(roots)]
		serial := i/len(roots) + 1
		a.Numero = fmt.Sprintf("%s%05d", a.Numero[:3], serial)
		a.Libelle = fmt.Sprintf("%s – n° %d", a.Libelle, serial)
		a.Contrepartie = ""
		if !taken[a.Numero] {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// chart: the flags are sensible for French bookkeeping, not Loop's defaults. Type follows the class, which agrees with the
// one sample, 60100000 of type 6; its real meaning is not given (R 2.1) [I].
func chart() []Account {
	list := []struct{ numero, libelle, flags string }{
		// c collectif, l lettrable, p pointable, z centralisable, a analytique, f fermé
		{"10100000", "Capital", ""},
		{"10610000", "Réserve légale", ""},
		{"10680000", "Autres réserves", ""},
		{"11000000", "Report à nouveau (solde créditeur)", ""},
		{"12000000", "Résultat de l'exercice (bénéfice)", ""},
		{"16400000", "Emprunts auprès des établissements de crédit", "p"},
		{"20500000", "Concessions, brevets, licences et logiciels", ""},
		{"21540000", "Matériel industriel", ""},
		{"21820000", "Matériel de transport", ""},
		{"21830000", "Matériel de bureau et informatique", ""},
		{"28183000", "Amortissements du matériel de bureau et informatique", ""},
		{"27500000", "Dépôts et cautionnements versés", "l"},
		{"37000000", "Stocks de marchandises", ""},
		{"40100000", "Fournisseurs", "clz"},
		{"40400000", "Fournisseurs d'immobilisations", "clz"},
		{"40810000", "Fournisseurs – factures non parvenues", "l"},
		{"41100000", "Clients", "clz"},
		{"41600000", "Clients douteux ou litigieux", "clz"},
		{"41810000", "Clients – factures à établir", "l"},
		{"42100000", "Personnel – rémunérations dues", "clz"},
		{"43100000", "Sécurité sociale", "l"},
		{"43700000", "Autres organismes sociaux", "l"},
		{"44551000", "TVA à décaisser", "l"},
		{"44562000", "TVA sur immobilisations", "p"},
		{"44566000", "TVA déductible sur autres biens et services", "p"},
		{"44571000", "TVA collectée", "p"},
		{"45500000", "Associés – comptes courants", "l"},
		{"46700000", "Autres comptes débiteurs ou créditeurs", "clz"},
		{"47100000", "Compte d'attente", "lp"},
		{"48600000", "Charges constatées d'avance", ""},
		{"51200000", "Banque", "p"},
		{"53000000", "Caisse", "p"},
		{"58000000", "Virements internes", "lp"},
		{"60100000", "Achats stockés – matières premières", "a"},
		{"60610000", "Fournitures non stockables (eau, énergie…)", "a"},
		{"60630000", "Fournitures d'entretien et petit équipement", "a"},
		{"60640000", "Fournitures administratives", "a"},
		{"60700000", "Achats de marchandises", "a"},
		{"61320000", "Locations immobilières", "a"},
		{"61520000", "Entretien et réparations sur biens immobiliers", "a"},
		{"61600000", "Primes d'assurance", "a"},
		{"62260000", "Honoraires", "a"},
		{"62510000", "Voyages et déplacements", "a"},
		{"62600000", "Frais postaux et de télécommunications", "a"},
		{"62700000", "Services bancaires et assimilés", ""},
		{"63511000", "Cotisation foncière des entreprises", ""},
		{"64110000", "Salaires et appointements", "a"},
		{"64510000", "Cotisations à l'Urssaf", "a"},
		{"66110000", "Intérêts des emprunts et dettes", ""},
		{"67120000", "Pénalités et amendes (ancien compte)", "f"},
		{"68112000", "Dotations aux amortissements des immobilisations corporelles", ""},
		{"69500000", "Impôts sur les bénéfices", ""},
		{"70600000", "Prestations de services", "a"},
		{"70700000", "Ventes de marchandises", "a"},
		{"70850000", "Ports et frais accessoires facturés", "a"},
		{"75800000", "Produits divers de gestion courante", ""},
	}
	accounts := make([]Account, len(list))
	for i, a := range list {
		has := func(flag string) bool { return strings.Contains(a.flags, flag) }
		accounts[i] = Account{
			Numero: a.numero, Libelle: a.libelle, Type: int(a.numero[0] - '0'),
			Collectif: has("c"), Lettrable: has("l"), Pointable: has("p"), Centralisable: has("z"), Analytique: has("a"), Ferme: has("f"),
		}
	}
	return accounts
}

// journals: AN is reserved by Loop (loop-api: R 3.1).
func journals() []Journal {
	return []Journal{
		{Code: "ACH", Libelle: "Journal des achats", Type: JournalAchat, TypeContrepartie: 1, Bordereau: true, SaisieLibelle: 2},
		{Code: "VTE", Libelle: "Journal des ventes", Type: JournalVente, TypeContrepartie: 1, Bordereau: true, SaisieLibelle: 2},
		{
			Code: "BQ1", Libelle: "Banque – compte principal", Type: JournalBanque, Contrepartie: "51200000", TypeContrepartie: 3,
			RepriseDateOp: true, SaisieLibelle: 2,
		},
		{Code: "OD", Libelle: "Opérations diverses", Type: JournalOD, TypeContrepartie: 1, SaisieLibelle: 2},
		{Code: "AN", Libelle: "À-nouveaux", Type: JournalANouveau, TypeContrepartie: 1, SaisieLibelle: 2},
	}
}
