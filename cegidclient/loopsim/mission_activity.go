package loopsim

import "slices"

// An ActiviteMission is an activity of an engagement letter, under Loop's own names.
type ActiviteMission struct {
	LettreMissionID                 string // uuid
	Libelle                         string
	ActiviteCabinet, ActiviteClient bool
	Unite                           int64 // hundredths of an hour
	Frequence, Calage, Decalage     int
	DateFreq                        string // AAAA-MM-JJ, or empty
	Quantite, DatePrevObligation    int
}

// activityResource is GET /giActivitesMission (loop-api: C 4.5). Its first member takes the place of an objectId, which
// the page does not list.
func activityResource() *resource {
	return &resource{
		path: "/giActivitesMission",
		columns: []column{
			{"lettreMissionId", kindText},
			{"Libelle", kindText}, // the capital is the page's
			{"activiteCabinet", kindBool},
			{"activiteClient", kindBool},
			{"unite", kindAmount},
			{"frequence", kindCode},
			{"dateFreq", kindDate},
			{"calage", kindCode},
			{"decalage", kindCode},
			{"quantite", kindEnum},
			{"datePrevObligation", kindCode},
		},
		rows: func(_ *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.cabinet.Activites))
			for i, a := range c.cabinet.Activites {
				rows[i] = []cell{
					text(a.LettreMissionID),
					text(a.Libelle),
					boolean(a.ActiviteCabinet),
					boolean(a.ActiviteClient),
					euro(a.Unite),
					enum(a.Frequence),
					optional(instant(a.DateFreq)),
					enum(a.Calage),
					enum(a.Decalage),
					enum(a.Quantite),
					enum(a.DatePrevObligation),
				}
			}
			return rows
		},
	}
}

// activitiesOperation: the filter is mandatory, on one letter (C 4.5); the answer without it is [I].
func activitiesOperation() operation {
	res := activityResource()
	op := cabinetOperation(res)
	op.serve = func(x *exchange) answer {
		conditions, err := parseFilter(x.query.Get("filter"), res.columns)
		if err != nil || !slices.ContainsFunc(conditions, func(c condition) bool {
			return res.columns[c.column].name == "lettreMissionId" && (c.op == "==" || c.op == "===") && isUUID(c.literal)
		}) {
			return x.queryRefused("Un filtre sur « lettreMissionId » est obligatoire.")
		}
		return x.serveList(res)
	}
	return op
}
