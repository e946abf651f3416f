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
	return newList(resource{
		path:    "/giActivitesMission",
		cabinet: true,
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
	}, func(_ *dossier, a ActiviteMission) []cell {
		return []cell{
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
	}, activities)
}

// activitiesOperation: the filter is mandatory, on one letter (C 4.5); the answer without it is [I].
func activitiesOperation() operation {
	res := activityResource()
	op := listOperation(res)
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

// activities are those of two letters.
func activities() []ActiviteMission {
	const otherLetter = "0c4b1f6e-2d0a-4f1e-9a77-5b8e2f6d3c10"
	activity := func(letter, label string, frequency, quantity int) ActiviteMission {
		return ActiviteMission{
			LettreMissionID: letter, Libelle: label, ActiviteCabinet: true, Unite: 150, Frequence: frequency, Calage: 2, Decalage: 1,
			Quantite: quantity, DatePrevObligation: 19,
		}
	}
	once := activity(SandboxLetter, "Changement de dirigeant", 5, 1)
	once.ActiviteClient, once.Calage, once.DateFreq = true, 1, "2026-06-30"
	return []ActiviteMission{activity(SandboxLetter, "Déclaration de TVA", 1, 12), once, activity(otherLetter, "Bilan", 4, 1)}
}
