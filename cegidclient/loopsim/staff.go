package loopsim

import (
	"encoding/json"
	"net/http"
	"slices"
)

// A Collaborateur is a staff member of the practice, under Loop's own names.
type Collaborateur struct {
	Identifiant, Prenom string
	Login               string   // Microsoft login; not among the members that the list shows
	Dossiers            []string // codes of those in the portfolio
}

// staffResource is GET /CollaborateurCabinet (loop-api: C 4.3): what follows prenom was cut.
func staffResource() *resource {
	return &resource{
		path: "/CollaborateurCabinet",
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"identifiant", kindText},
			{"prenom", kindText},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.cabinet.Personnel))
			for i, s := range c.cabinet.Personnel {
				rows[i] = []cell{
					text(d.objectID("collaborateur", s.Identifiant)),
					text(d.revisionID("collaborateur", s.Identifiant)),
					text(s.Identifiant),
					text(s.Prenom),
				}
			}
			return rows
		},
	}
}

// staffAccessOperation is POST /checkCollaborateurAccess (loop-api: C 4.6). That it needs an Advanced key is [I].
func staffAccessOperation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/checkCollaborateurAccess"}, cabinet: true, unbound: true,
		serve: (*exchange).serveStaffAccess,
	}
}

// serveStaffAccess: a login that is unknown is an error, a dossier outside of the portfolio is not (C 4.6). What another
// domain than the key's answers is [I].
func (x *exchange) serveStaffAccess() answer {
	var asked struct {
		Domain      string `json:"domain"`
		CodeDossier string `json:"codeDossier"`
		Login       string `json:"login"`
	}
	if json.Unmarshal(x.body, &asked) != nil || asked.Domain == "" || asked.CodeDossier == "" || asked.Login == "" {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBodyRefused, "Les champs « domain », « codeDossier » et « login » sont obligatoires.")
	}
	cabinet := x.dossier.content().cabinet
	if asked.Domain != cabinet.Domain {
		return x.sim.serviceAnswer(http.StatusForbidden, codeDomainRefused, "La clé d'API n'est pas celle de ce domaine.")
	}
	i := slices.IndexFunc(cabinet.Personnel, func(c Collaborateur) bool { return c.Login == asked.Login })
	if i < 0 {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBadLogin, "Le collaborateur est inconnu.")
	}
	return jsonAnswer(http.StatusOK, encode(struct {
		AccessAllowed bool `json:"accessAllowed"`
	}{slices.Contains(cabinet.Personnel[i].Dossiers, asked.CodeDossier)}))
}
