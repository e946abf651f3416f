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
	return newList(resource{
		path:     "/engagement",
		cabinet:  true,
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
	}, func(d *dossier, e Engagement) []cell {
		return []cell{
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
	}, func() []Engagement {
		return []Engagement{
			{"ENG0042", "Tenue et révision 2026", "LYON", "COLLAB01", "BOULANGERIE EXEMPLE", "CEGID001", "2026-01-01", ""},
			{"ENG0043", "Bilan 2025", "PARIS", "COLLAB02", "MENUISERIE EXEMPLE", "CEGID003", "2025-01-01", "2025-12-31"},
		}
	})
}
