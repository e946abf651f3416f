package loopsim

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

// accountRef refers to an account by its number; its description repeats that of the account (R 1.7).
func (d *dossier) accountRef(numero string) cell {
	if numero == "" {
		return ref("", "")
	}
	return ref(d.objectID("compte", numero), numero)
}
