package loopsim

// A Groupe is a work group of the practice, under Loop's own names.
type Groupe struct {
	Code, Description string
	Agence            string // code of its office
}

// workGroupResource is GET /groupe (loop-api: C 4.2), in the one envelope that its page shows.
func workGroupResource() *resource {
	return &resource{
		path:     "/groupe",
		envelope: EnvelopeData,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"code", kindText},
			{"description", kindText},
			{"agence", kindText},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.cabinet.Groupes))
			for i, g := range c.cabinet.Groupes {
				rows[i] = []cell{
					text(d.objectID("groupe", g.Code)),
					text(d.revisionID("groupe", g.Code)),
					text(g.Code),
					text(g.Description),
					optional(g.Agence),
				}
			}
			return rows
		},
	}
}
