package loopsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Notes play the routes that no RPC wraps: Loop has no such thing, and their names say so. Tests of what passes
// through a raw call need a read, a write, and a read of the practice itself.

type note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

func noteOperations() []operation {
	return []operation{
		{Route: Route{Method: http.MethodGet, Path: "/simNotes"}, serve: (*exchange).serveNotes},
		{Route: Route{Method: http.MethodPost, Path: "/simNotes"}, serve: (*exchange).serveNewNote},
		{Route: Route{Method: http.MethodGet, Path: "/simCabinetNotes"}, cabinet: true, serve: (*exchange).serveNotes},
	}
}

// serveNotes answers the notes of a dossier, the first take of them; the practice itself has none.
func (x *exchange) serveNotes() answer {
	notes := []note{}
	if x.dossier != nil {
		x.dossier.mu.RLock()
		notes = append(notes, x.dossier.notes...)
		x.dossier.mu.RUnlock()
	}
	if take := x.query.Get("take"); take != "" {
		n, err := strconv.Atoi(take)
		if err != nil || n < 0 {
			return x.queryRefused("Le paramètre « take » n'est pas un nombre.")
		}
		notes = notes[:min(n, len(notes))]
	}
	return jsonAnswer(http.StatusOK, encode(map[string]any{"data": notes}))
}

// serveNewNote adds a note; a text that begins with SIM-REFUSE is refused in a 200, as imports are, one that begins with
// SIM-EMPTY is answered without content.
func (x *exchange) serveNewNote() answer {
	var in struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(x.body, &in) != nil || in.Text == "" {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBodyRefused, "Une note a un texte.")
	}
	if strings.HasPrefix(in.Text, "SIM-REFUSE") {
		return x.sim.refusalAnswer("Note refusée à la demande (SIM-REFUSE).")
	}
	added := note{x.sim.nextUUID("note"), in.Text}
	x.dossier.mu.Lock()
	x.dossier.notes = append(x.dossier.notes, added)
	x.dossier.mu.Unlock()
	if strings.HasPrefix(in.Text, "SIM-EMPTY") {
		return answer{status: http.StatusNoContent}
	}
	return jsonAnswer(http.StatusCreated, encode(added))
}
