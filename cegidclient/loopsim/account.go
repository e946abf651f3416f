package loopsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// An Account is a general account (Loop: compte), under Loop's own names.
type Account struct {
	Numero        string // 8 digits in the samples
	Libelle       string
	Type          int // 1 to 7; their meaning is not given (R 2.1)
	Collectif     bool
	Lettrable     bool
	Pointable     bool
	Centralisable bool
	Analytique    bool
	Ferme         bool
	Contrepartie  string // numero of the contra account, "" for none
}

// accountResource is GET /compte (loop-api: R 2.1): members, types and order of the sample. compteBanque and tva are in the
// table but absent from the sample, so they are absent here.
func accountResource() *resource {
	return newList(resource{
		path:  "/compte",
		check: checkAccounts,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"description", kindLabels},
			{"numero", kindText},
			{"libelle", kindText},
			{"type", kindEnum},
			{"collectif", kindBool},
			{"lettrable", kindBool},
			{"pointable", kindBool},
			{"centralisable", kindBool},
			{"analytique", kindBool},
			{"ferme", kindBool},
			{"compteContrepartie", kindRef},
		},
	}, func(d *dossier, a Account) []cell {
		return []cell{
			text(d.objectID("compte", a.Numero)),
			text(d.revisionID("compte", a.Numero)),
			text(a.Numero),
			text(a.Numero),
			text(a.Libelle),
			enum(a.Type),
			boolean(a.Collectif),
			boolean(a.Lettrable),
			boolean(a.Pointable),
			boolean(a.Centralisable),
			boolean(a.Analytique),
			boolean(a.Ferme),
			d.accountRef(a.Contrepartie),
		}
	}, chart)
}

func (a Account) code() string { return a.Numero }

func checkAccounts(c Content) error {
	return firstError(
		unique(c, "account", Account.code),
		contraAccounts(c, func(a Account) (contra, of string) { return a.Contrepartie, "account " + a.Numero }),
	)
}

// accountCreation is POST /compte (loop-api: R 2.2), of which no more is known than that it exists: route, body, answer, what
// is required and what is refused are [I].
func accountCreation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/compte"},
		serve: func(x *exchange) answer { return x.serveWrite(accountResource(), x.dossier.addAccount) },
	}
}

func (d *dossier) addAccount(in fields) (row []cell, only []string, refusal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.contentLocked()
	in.knows("numero", "libelle", "type", "collectif", "lettrable", "pointable", "centralisable", "analytique", "ferme", "compteContrepartie")
	a := Account{
		Numero: in.text("numero"), Libelle: in.text("libelle"), Collectif: in.boolean("collectif"), Lettrable: in.boolean("lettrable"),
		Pointable: in.boolean("pointable"), Centralisable: in.boolean("centralisable"), Analytique: in.boolean("analytique"),
		Ferme:        in.boolean("ferme"),
		Contrepartie: in.account("compteContrepartie", d, c),
	}
	a.Type = in.enum("type", 7, accountType(a.Numero))
	if slices.ContainsFunc(Rows[Account](*c), func(other Account) bool { return other.Numero == a.Numero }) {
		in.refuse("numero", "le compte %s existe déjà.", clip(a.Numero, 40))
	}
	if in.refusal() != "" {
		return nil, nil, in.refusal()
	}
	added := With(Content{}, a)
	d.addLocked(&added)
	return accountResource().rows(d, &added)[0], nil, ""
}

// accountType follows the class of an account, which agrees with the one sample; its real meaning is not given (R 2.1) [I].
func accountType(numero string) int {
	if numero != "" && '1' <= numero[0] && numero[0] <= '7' {
		return int(numero[0] - '0')
	}
	return 1
}

// accountRef refers to an account by its number; its description repeats that of the account (R 1.7).
func (d *dossier) accountRef(numero string) cell {
	if numero == "" {
		return ref("", "")
	}
	return ref(d.objectID("compte", numero), numero)
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
