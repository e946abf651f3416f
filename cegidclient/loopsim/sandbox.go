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
		c := Template()
		c.Accounts = LargeChart(SandboxLargeAccounts)
		return c
	}
	of := func(raisonSociale, form string) func() Content {
		return func() Content {
			c := Template()
			c.Company.RaisonSociale, c.Company.FormeJuridique = raisonSociale, form
			return c
		}
	}
	booked := func() Content {
		c := of("MENUISERIE EXEMPLE", "SA")()
		c.Entries = entries()
		return c
	}
	err := firstError(
		w.addPractice(Practice{Name: SandboxDemo, AdvancedAPIKey: SandboxDemoAPIKey, Cabinet: cabinet()}),
		w.addDossier(SandboxDemo, "CEGID001", of("BOULANGERIE EXEMPLE", "SARL")),
		w.addDossier(SandboxDemo, SandboxBookedDossier, booked),
		w.addPractice(Practice{Name: SandboxPartner, StandardAPIKey: SandboxPartnerAPIKey, Cabinet: Cabinet{Domain: SandboxPartnerDomain, Abonnements: []string{SandboxSubscription}}}),
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
func Template() Content {
	return Content{
		Accounts: chart(), Journals: journals(), Sections: sections(), ThirdParties: thirdParties(),
		VATCodes: vatCodes(), Company: Company{RaisonSociale: "SOCIÉTÉ EXEMPLE SARL", SIREN: SandboxSIRET[:9], FormeJuridique: "SARL"},
		Establishments: []string{SandboxSIRET, SandboxSecondSIRET},
		FiscalYears:    []FiscalYear{{From: "2025-01-01", To: "2025-12-31", Closed: true}, {From: "2026-01-01", To: "2026-12-31"}},
	}
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

// vatCodes: the first is that of the example (loop-api: R 8.1); the codes of the others are made alike.
func vatCodes() []VATCode {
	return []VATCode{
		{Code: "N20", Description: "TVA 20 %", Regime: 1},
		{Code: "N10", Description: "TVA 10 %", Regime: 1},
		{Code: "N055", Description: "TVA 5,5 %", Regime: 1},
		{Code: "EXO", Description: "Exonéré", Regime: 2},
		{Code: "ICB", Description: "Biens intra-communautaires", Regime: 3},
		{Code: "EXP", Description: "Export", Regime: 4},
		{Code: "STR", Description: "Sous-traitance", Regime: 7},
		{Code: "ICP", Description: "Prestations intra-communautaires", Regime: 8},
	}
}

// sections: the waiting section of an axis is Loop's own; its code is that of the sample (loop-api: R 4.1).
func sections() []Section {
	return []Section{
		{Code: "ATN", Description: "ATELIER NORD", Axe: "CENTRE"},
		{Code: "ATS", Description: "ATELIER SUD", Axe: "CENTRE"},
		{Code: "ADM", Description: "ADMINISTRATION", Axe: "CENTRE"},
		{Code: "COM", Description: "COMMERCIAL", Axe: "CENTRE"},
		{Code: "ATE", Description: "ATELIER EST (ANCIEN)", Axe: "CENTRE", Ferme: true},
		{Code: "SECA@AXE", Description: "SECTION D'ATTENTE", Axe: "CENTRE"},
	}
}

// thirdParties have no SIRET of a real company: theirs begin with 9000000, which is not given out.
func thirdParties() []ThirdParty {
	client := func(code, raison, usuel, siret string) ThirdParty {
		return ThirdParty{
			Code: code, Type: ThirdPartyClient, RaisonSociale: raison, NomUsuel: usuel, Lettrable: true, Contrepartie: "41100000",
			SIRET: siret, Telephone: "0100000000", Email: "compta@example.test", Actif: true, SoumisTVA: true,
		}
	}
	supplier := func(code, raison, usuel, siret string) ThirdParty {
		t := client(code, raison, usuel, siret)
		t.Type, t.Nature, t.Contrepartie = ThirdPartyFournisseur, 2, "40100000"
		return t
	}
	martin := client("CMARTIN", "", "Martin", "")
	martin.Prenom, martin.Nom, martin.SoumisTVA = "Jeanne", "MARTIN", false
	formerClient := client("CANCIEN", "ANCIEN CLIENT SA", "Ancien client", "90000001900027")
	formerClient.Actif = false
	dupont := supplier("FDUPONT", "", "Dupont", "90000002700012")
	dupont.Nature, dupont.Prenom, dupont.Nom = 1, "Élise", "DUPONT"
	formerSupplier := supplier("FANCIEN", "ANCIEN FOURNISSEUR SARL", "Ancien fournisseur", "90000002700020")
	formerSupplier.Actif = false
	person := func(code, prenom, nom string) ThirdParty {
		return ThirdParty{
			Code: code, Type: ThirdPartySalarie, Nature: 1, Prenom: prenom, Nom: nom, NomUsuel: prenom + " " + nom, Lettrable: true,
			Contrepartie: "42100000", Actif: true,
		}
	}
	return []ThirdParty{
		client("CEXEMPLE", "EXEMPLE SARL", "Exemple", "90000000100017"),
		martin,
		client("CNORD", "NORD & FILS SAS", "Nord et fils", "90000001900019"),
		formerClient,
		supplier("FEXEMPLE", "FOURNITURES EXEMPLE SAS", "Fournitures Exemple", "90000000100025"),
		dupont,
		supplier("FELEC", "ÉLECTRICITÉ DE L'EXEMPLE SA", "Électricité", "90000001900035"),
		formerSupplier,
		person("SBERNARD", "Luc", "BERNARD"),
		person("SPETIT", "Anne", "PETIT"),
		{Code: "DURSSAF", Type: ThirdPartyDivers, Nature: 2, RaisonSociale: "ORGANISME SOCIAL EXEMPLE", NomUsuel: "Organisme social", Lettrable: true, Contrepartie: "46700000", Actif: true},
		{Code: WaitingThirdParty, Type: ThirdPartyDivers, Nature: 2, RaisonSociale: "TIERS D'ATTENTE", NomUsuel: "Attente", Contrepartie: "46700000", Actif: true},
	}
}

// cabinet is what the practice demo holds of itself.
func cabinet() Cabinet {
	const otherLetter = "0c4b1f6e-2d0a-4f1e-9a77-5b8e2f6d3c10"
	c := Cabinet{
		Domain: SandboxDemoDomain, Abonnements: []string{SandboxSubscription},
		Agences: []Agence{
			{"LYON", "Bureau de Lyon", SandboxSecondSIRET, "12", "lyon@cabinet.example"},
			{"PARIS", "Bureau de Paris", SandboxSIRET, "3", "paris@cabinet.example"},
		},
		Groupes: []Groupe{{"COMPTA", "Pôle comptable", "PARIS"}, {"SOCIAL", "Pôle social", "LYON"}},
		Personnel: []Collaborateur{
			{"COLLAB01", "Claire", SandboxLogin, []string{"CEGID001"}},
			{"COLLAB02", "Élie", "elie@cabinet.example", []string{"CEGID001", "CEGID003"}},
			{"COLLAB03", "Inès", "ines@cabinet.example", nil},
		},
		Engagements: []Engagement{
			{"ENG0042", "Tenue et révision 2026", "LYON", "COLLAB01", "BOULANGERIE EXEMPLE", "CEGID001", "2026-01-01", ""},
			{"ENG0043", "Bilan 2025", "PARIS", "COLLAB02", "MENUISERIE EXEMPLE", "CEGID003", "2025-01-01", "2025-12-31"},
		},
	}
	activity := func(letter, label string, frequency, quantity int) ActiviteMission {
		return ActiviteMission{
			LettreMissionID: letter, Libelle: label, ActiviteCabinet: true, Unite: 150, Frequence: frequency, Calage: 2, Decalage: 1,
			Quantite: quantity, DatePrevObligation: 19,
		}
	}
	once := activity(SandboxLetter, "Changement de dirigeant", 5, 1)
	once.ActiviteClient, once.Calage, once.DateFreq = true, 1, "2026-06-30"
	c.Activites = []ActiviteMission{
		activity(SandboxLetter, "Déclaration de TVA", 1, 12), once, activity(otherLetter, "Bilan", 4, 1),
	}
	return c
}

// entries are a year's: each month two purchases and two sales, the first of each paid and lettered. More lines are left
// unlettered than Loop gives at once.
func entries() []Entry {
	var list []Entry
	for month := 1; month <= 12; month++ {
		for n := 1; n <= 2; n++ {
			day := fmt.Sprintf("2026-%02d-%02d", month, 5*n)
			amount, tax := int64(10000*month+50*n), int64(2000*month+10*n)
			packet := func(kind string) string {
				if n == 1 {
					return fmt.Sprintf("%s%02d", kind, month)
				}
				return ""
			}
			purchase, sale := fmt.Sprintf("FF-2026-%02d-%d", month, n), fmt.Sprintf("FC-2026-%02d-%d", month, n)
			list = append(list,
				Entry{Journal: "ACH", Date: day, Reference: purchase, RefPiece: purchase, Lines: []EntryLine{
					{Compte: "60700000", Libelle: "Bois et quincaillerie", Debit: amount},
					{Compte: "44566000", Libelle: "TVA 20 %", Debit: tax},
					{Compte: "40100000", Tiers: "FEXEMPLE", Libelle: "Fournitures Exemple", Credit: amount + tax, Lettrage: packet("F")},
				}},
				Entry{Journal: "VTE", Date: day, Reference: sale, RefPiece: sale, Lines: []EntryLine{
					{Compte: "41100000", Tiers: "CNORD", Libelle: "Nord et fils", Debit: 2 * (amount + tax), Lettrage: packet("C")},
					{Compte: "70600000", Libelle: "Pose de menuiseries", Credit: 2 * amount},
					{Compte: "44571000", Libelle: "TVA 20 %", Credit: 2 * tax},
				}})
			if n == 2 {
				continue
			}
			paid, received := fmt.Sprintf("VIR-2026-%02d", month), fmt.Sprintf("ENC-2026-%02d", month)
			day = fmt.Sprintf("2026-%02d-28", month)
			list = append(list,
				Entry{Journal: "BQ1", Date: day, Reference: paid, RefPiece: paid, Lines: []EntryLine{
					{Compte: "40100000", Tiers: "FEXEMPLE", Libelle: "Virement " + purchase, Debit: amount + tax, Lettrage: packet("F")},
					{Compte: "51200000", Libelle: "Virement " + purchase, Credit: amount + tax},
				}},
				Entry{Journal: "BQ1", Date: day, Reference: received, RefPiece: received, Lines: []EntryLine{
					{Compte: "51200000", Libelle: "Encaissement " + sale, Debit: 2 * (amount + tax)},
					{Compte: "41100000", Tiers: "CNORD", Libelle: "Encaissement " + sale, Credit: 2 * (amount + tax), Lettrage: packet("C")},
				}})
		}
	}
	list[0].Origine = SandboxOrigin
	return list
}
