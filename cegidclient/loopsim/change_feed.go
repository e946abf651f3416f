package loopsim

import (
	"encoding/json"
	"net/http"
	"slices"
)

// EntityID is the uuid of a dossier in the change feed, which is another identifier than its code (loop-api: A 0).
func EntityID(practice, dossier string) string { return derivedUUID(practice, dossier, "entite") }

// An Abonnement is a subscription of the practice to the change feed, by its id (loop-api: A 6).
type Abonnement string

// maxReplayDays is the limit that the page states (A 6).
const maxReplayDays = 20

// replayOperation is POST /partialInit (loop-api: A 6).
func replayOperation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/partialInit"}, unbound: true,
		list:  holding(resource{cabinet: true}, func() []Abonnement { return []Abonnement{SandboxSubscription} }),
		serve: (*exchange).serveReplay,
	}
}

// serveReplay only says that it has started, which is all that Loop says; nothing is sent anywhere. Its refusals are [I]:
// none is documented. numberOfDays is called required and has a default: both are borne.
func (x *exchange) serveReplay() answer {
	asked := struct {
		Key            string `json:"key"`
		SubscriptionID string `json:"subscriptionId"`
		NumberOfDays   int    `json:"numberOfDays"`
	}{NumberOfDays: 1}
	if json.Unmarshal(x.body, &asked) != nil || asked.Key == "" || asked.SubscriptionID == "" || asked.NumberOfDays < 1 ||
		asked.NumberOfDays > maxReplayDays {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBodyRefused,
			"Les champs « key », « subscriptionId » et « numberOfDays » (1 à 20) sont attendus.")
	}
	p, d := x.sim.practiceOf(x.who), x.sim.entity(x.who, asked.Key)
	if p == nil || d == nil || !slices.Contains(rowsOf[Abonnement](p.cabinet), Abonnement(asked.SubscriptionID)) {
		return x.sim.serviceAnswer(http.StatusBadRequest, codeReplayRefused, "L'entité ou l'abonnement est inconnu.")
	}
	return jsonAnswer(http.StatusOK, encode(struct {
		Message string `json:"message"`
		Domain  string `json:"domain"`
		CodeIbs string `json:"codeIbs"`
	}{"La réinitialisation partielle a démarré.", p.domain, d.code}))
}

// entity finds a dossier that the caller's key may touch by its uuid.
func (s *Simulator) entity(c caller, id string) *dossier {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.world.practices[c.practice]
	if p == nil || p.keys[c.kind] == nil {
		return nil
	}
	for code, d := range p.dossiers {
		if p.keys[c.kind].attached[code] && EntityID(p.name, code) == id {
			return d
		}
	}
	return nil
}
