package loopsim

// Values of an establishment's type (loop-api: R 7.1).
const (
	establishmentMainAndOffice = 1
	establishmentSecondary     = 2
)

// establishmentResource is GET /etablissementComplet (loop-api: R 7.1), as far as its table was seen: SIRET and address, which
// presumably follow, have no known name. The first establishment is the main one and the registered office.
func establishmentResource() *resource {
	return &resource{
		path: "/etablissementComplet",
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"type", kindEnum},
			{"nature", kindEnum},
			{"prenom", kindText},
			{"name", kindText},
			{"raisonsociale", kindText},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.Establishments))
			for i, siret := range c.Establishments {
				kind := establishmentSecondary
				if i == 0 {
					kind = establishmentMainAndOffice
				}
				rows[i] = []cell{
					text(d.objectID("etablissement", siret)),
					text(d.revisionID("etablissement", siret)),
					enum(kind),
					enum(2), // a legal person
					text(""),
					text(""),
					text(c.Company.RaisonSociale),
				}
			}
			return rows
		},
	}
}
