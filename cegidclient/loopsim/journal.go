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
	return newList(resource{
		path:  "/journal",
		check: checkJournals,
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
	}, func(d *dossier, j Journal) []cell {
		return []cell{
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
	}, journals)
}

func (j Journal) code() string { return j.Code }

func checkJournals(c Content) error {
	return firstError(
		unique(c, "journal", Journal.code),
		contraAccounts(c, func(j Journal) (contra, of string) { return j.Contrepartie, "journal " + j.Code }),
	)
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
	in.knows("code", "libelle", "type", "compteContrepartie", "typeContrepartie", "repriseDateOp", "bordereau", "ferme", "accesClient",
		"saisieLibelle")
	j := Journal{
		Code: in.text("code"), Libelle: in.text("libelle"), Type: in.enum("type", JournalVente, 0),
		Contrepartie:     in.account("compteContrepartie", d, c),
		TypeContrepartie: in.enum("typeContrepartie", 3, 1), RepriseDateOp: in.boolean("repriseDateOp"), Bordereau: in.boolean("bordereau"),
		Ferme: in.boolean("ferme"), AccesClient: in.boolean("accesClient"), SaisieLibelle: in.enum("saisieLibelle", 9, 2),
	}
	switch {
	case j.Type == 0:
		in.refuse("type", "ce champ est obligatoire.")
	case j.Code == "AN":
		in.refuse("code", "le journal AN est réservé.")
	case slices.ContainsFunc(Rows[Journal](*c), func(other Journal) bool { return other.Code == j.Code }):
		in.refuse("code", "le journal %s existe déjà.", clip(j.Code, 40))
	}
	if in.refusal() != "" {
		return nil, nil, in.refusal()
	}
	added := With(Content{}, j)
	d.addLocked(&added)
	return journalResource().rows(d, &added)[0], nil, ""
}

// journals: AN is reserved by Loop (loop-api: R 3.1).
func journals() []Journal {
	return []Journal{
		{Code: "ACH", Libelle: "Journal des achats", Type: JournalAchat, TypeContrepartie: 1, Bordereau: true, SaisieLibelle: 2},
		{Code: "VTE", Libelle: "Journal des ventes", Type: JournalVente, TypeContrepartie: 1, Bordereau: true, SaisieLibelle: 2},
		{
			Code: "BQ1", Libelle: "Banque – compte principal", Type: JournalBanque, Contrepartie: "51200000", TypeContrepartie: 3,
			RepriseDateOp: true, SaisieLibelle: 2,
		},
		{Code: "OD", Libelle: "Opérations diverses", Type: JournalOD, TypeContrepartie: 1, SaisieLibelle: 2},
		{Code: "AN", Libelle: "À-nouveaux", Type: JournalANouveau, TypeContrepartie: 1, SaisieLibelle: 2},
	}
}
