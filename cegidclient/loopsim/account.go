package loopsim

import (
	"net/http"
	"slices"
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
	return &resource{
		path: "/compte",
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
		rows: func(d *dossier, c *Content) [][]cell {
			accounts := c.Accounts
			rows := make([][]cell, len(accounts))
			for i, a := range accounts {
				rows[i] = []cell{
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
			}
			return rows
		},
	}
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
		Pointable: in.boolean("pointable"), Centralisable: in.boolean("centralisable"), Analytique: in.boolean("analytique"), Ferme: in.boolean("ferme"),
		Contrepartie: in.account("compteContrepartie", d, c),
	}
	a.Type = in.enum("type", 7, accountType(a.Numero))
	if slices.ContainsFunc(c.Accounts, func(other Account) bool { return other.Numero == a.Numero }) {
		in.refuse("numero", "le compte %s existe déjà.", clip(a.Numero, 40))
	}
	if in.refusal() != "" {
		return nil, nil, in.refusal()
	}
	added := Content{Accounts: []Account{a}}
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
