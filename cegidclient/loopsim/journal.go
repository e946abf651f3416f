package loopsim

import (
	"net/http"
	"slices"
)

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

// journalCreation is POST /journal (loop-api: R 3.2): the route is known; body, answer, what is required and what is refused
// are [I]. AN is Loop's own (R 3.1).
func journalCreation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/journal"},
		serve: func(x *exchange) answer { return x.serveWrite(journalResource(), x.dossier.addJournal) },
	}
}

func (d *dossier) addJournal(in fields) (row []cell, only []string, refusal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.contentLocked()
	in.knows("code", "libelle", "type", "compteContrepartie", "typeContrepartie", "repriseDateOp", "bordereau", "ferme", "accesClient", "saisieLibelle")
	j := Journal{
		Code: in.text("code"), Libelle: in.text("libelle"), Type: in.enum("type", JournalVente, 0), Contrepartie: in.account("compteContrepartie", d, c),
		TypeContrepartie: in.enum("typeContrepartie", 3, 1), RepriseDateOp: in.boolean("repriseDateOp"), Bordereau: in.boolean("bordereau"),
		Ferme: in.boolean("ferme"), AccesClient: in.boolean("accesClient"), SaisieLibelle: in.enum("saisieLibelle", 9, 2),
	}
	switch {
	case j.Type == 0:
		in.refuse("type", "ce champ est obligatoire.")
	case j.Code == "AN":
		in.refuse("code", "le journal AN est réservé.")
	case slices.ContainsFunc(c.Journals, func(other Journal) bool { return other.Code == j.Code }):
		in.refuse("code", "le journal %s existe déjà.", clip(j.Code, 40))
	}
	if in.refusal() != "" {
		return nil, nil, in.refusal()
	}
	added := Content{Journals: []Journal{j}}
	d.addLocked(&added)
	return journalResource().rows(d, &added)[0], nil, ""
}
