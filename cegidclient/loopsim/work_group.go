package loopsim

// A Groupe is a work group of the practice, under Loop's own names.
type Groupe struct {
	Code, Description string
	Agence            string // code of its office
}

// workGroupResource is GET /groupe (loop-api: C 4.2), in the one envelope that its page shows.
func workGroupResource() *resource {
	return newList(resource{
		path:     "/groupe",
		cabinet:  true,
		envelope: EnvelopeData,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"code", kindText},
			{"description", kindText},
			{"agence", kindText},
		},
	}, func(d *dossier, g Groupe) []cell {
		return []cell{
			text(d.objectID("groupe", g.Code)),
			text(d.revisionID("groupe", g.Code)),
			text(g.Code),
			text(g.Description),
			optional(g.Agence),
		}
	}, func() []Groupe {
		return []Groupe{{"COMPTA", "Pôle comptable", "PARIS"}, {"SOCIAL", "Pôle social", "LYON"}}
	})
}
