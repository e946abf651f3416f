package loopsim

// An Agence is an office of the practice, under Loop's own names.
type Agence struct {
	Code, Libelle, Siret, Numvoie, Email string
}

// officeResource is GET /AgenceCabinet (loop-api: C 4.1): the members whose type is known; extension and the rest of the
// address were cut. The envelope is [I].
func officeResource() *resource {
	return &resource{
		path:     "/AgenceCabinet",
		envelope: EnvelopeData,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"code", kindText},
			{"libelle", kindText},
			{"siret", kindText},
			{"numvoie", kindText},
			{"email", kindText},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.cabinet.Agences))
			for i, a := range c.cabinet.Agences {
				rows[i] = []cell{
					text(d.objectID("agence", a.Code)),
					text(d.revisionID("agence", a.Code)),
					text(a.Code),
					text(a.Libelle),
					optional(a.Siret),
					optional(a.Numvoie),
					optional(a.Email),
				}
			}
			return rows
		},
	}
}
