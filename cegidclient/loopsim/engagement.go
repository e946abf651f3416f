package loopsim

// An Engagement is an engagement of the practice, under Loop's own names.
type Engagement struct {
	CodeIBS, Description, ProfitCenter string
	MaitreDossier                      string // identifiant of the staff member in charge
	Entite, EntiteIbsID                string
	DateDebut, DateFin                 string // AAAA-MM-JJ; DateFin may be empty
}

// engagementResource is GET /engagement (loop-api: C 4.4). Envelope and form of the dates are [I].
func engagementResource() *resource {
	return &resource{
		path:     "/engagement",
		envelope: EnvelopeData,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"codeIBS", kindText},
			{"description", kindText},
			{"profitCenter", kindText},
			{"maitreDossier", kindText},
			{"entite", kindText},
			{"entiteIbsId", kindText},
			{"dateDebut", kindDate},
			{"dateFin", kindDate},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.cabinet.Engagements))
			for i, e := range c.cabinet.Engagements {
				rows[i] = []cell{
					text(d.objectID("engagement", e.CodeIBS)),
					text(d.revisionID("engagement", e.CodeIBS)),
					text(e.CodeIBS),
					text(e.Description),
					text(e.ProfitCenter),
					text(e.MaitreDossier),
					text(e.Entite),
					text(e.EntiteIbsID),
					optional(instant(e.DateDebut)),
					optional(instant(e.DateFin)),
				}
			}
			return rows
		},
	}
}
