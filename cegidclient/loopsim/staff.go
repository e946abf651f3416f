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
	return newList(resource{
		path:    "/CollaborateurCabinet",
		cabinet: true,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"identifiant", kindText},
			{"prenom", kindText},
		},
	}, func(d *dossier, s Collaborateur) []cell {
		return []cell{
			text(d.objectID("collaborateur", s.Identifiant)),
			text(d.revisionID("collaborateur", s.Identifiant)),
			text(s.Identifiant),
			text(s.Prenom),
		}
	}, func() []Collaborateur {
		return []Collaborateur{
			{"COLLAB01", "Claire", SandboxLogin, []string{"CEGID001"}},
			{"COLLAB02", "Élie", "elie@cabinet.example", []string{"CEGID001", "CEGID003"}},
			{"COLLAB03", "Inès", "ines@cabinet.example", nil},
		}
	})
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
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBodyRefused,
			"Les champs « domain », « codeDossier » et « login » sont obligatoires.")
	}
	if p := x.sim.practiceOf(x.who); p == nil || asked.Domain != p.domain {
		return x.sim.serviceAnswer(http.StatusForbidden, codeDomainRefused, "La clé d'API n'est pas celle de ce domaine.")
	}
	staff := rowsOf[Collaborateur](x.dossier)
	i := slices.IndexFunc(staff, func(c Collaborateur) bool { return c.Login == asked.Login })
	if i < 0 {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBadLogin, "Le collaborateur est inconnu.")
	}
	return jsonAnswer(http.StatusOK, encode(struct {
		AccessAllowed bool `json:"accessAllowed"`
	}{slices.Contains(staff[i].Dossiers, asked.CodeDossier)}))
}
