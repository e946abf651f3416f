package loopsim

// Values of a journal's type (loop-api: R 3.1).
const (
	JournalAchat          = 1
	JournalOD             = 2
	JournalANouveau       = 3
	JournalBanque         = 4
	JournalCaisse         = 5
	JournalEcartChange    = 6
	JournalRegularisation = 7
	JournalVente          = 8
)

// A Journal is a journal (Loop: journal), under Loop's own names.
type Journal struct {
	Code             string
	Libelle          string
	Type             int // JournalAchat …
	Contrepartie     string
	TypeContrepartie int // 1 libre, 2 à l'écriture, 3 pied de journal
	RepriseDateOp    bool
	Bordereau        bool
	Ferme            bool
	AccesClient      bool
	SaisieLibelle    int // 2 in the sample; values not given (R 3.1)
}

// journalResource is GET /journal (loop-api: R 3.1): members, types and order of the sample.
func journalResource() *resource {
	return &resource{
		path: "/journal",
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"description", kindLabels},
			{"code", kindText},
			{"libelle", kindText},
			{"type", kindEnum},
			{"compteContrepartie", kindRef},
			{"typeContrepartie", kindEnum},
			{"repriseDateOp", kindBool},
			{"bordereau", kindBool},
			{"ferme", kindBool},
			{"accesClient", kindBool},
			{"saisieLibelle", kindEnum},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			journals := c.Journals
			rows := make([][]cell, len(journals))
			for i, j := range journals {
				rows[i] = []cell{
					text(d.objectID("journal", j.Code)),
					text(d.revisionID("journal", j.Code)),
					text(j.Code),
					text(j.Code),
					text(j.Libelle),
					enum(j.Type),
					d.accountRef(j.Contrepartie),
					enum(j.TypeContrepartie),
					boolean(j.RepriseDateOp),
					boolean(j.Bordereau),
					boolean(j.Ferme),
					boolean(j.AccesClient),
					enum(j.SaisieLibelle),
				}
			}
			return rows
		},
	}
}
