package loopsim

// An Agence is an office of the practice, under Loop's own names.
type Agence struct {
	Code, Libelle, Siret, Numvoie, Email string
}

// officeResource is GET /AgenceCabinet (loop-api: C 4.1): the members whose type is known; extension and the rest of the
// address were cut. The envelope is [I].
func officeResource() *resource {
	return newList(resource{
		path:     "/AgenceCabinet",
		cabinet:  true,
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
	}, func(d *dossier, a Agence) []cell {
		return []cell{
			text(d.objectID("agence", a.Code)),
			text(d.revisionID("agence", a.Code)),
			text(a.Code),
			text(a.Libelle),
			optional(a.Siret),
			optional(a.Numvoie),
			optional(a.Email),
		}
	}, func() []Agence {
		return []Agence{
			{"LYON", "Bureau de Lyon", SandboxSecondSIRET, "12", "lyon@cabinet.example"},
			{"PARIS", "Bureau de Paris", SandboxSIRET, "3", "paris@cabinet.example"},
		}
	})
}
