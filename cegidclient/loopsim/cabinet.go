package loopsim

import "slices"

// A Cabinet is what a practice holds of itself, under Loop's own names (loop-api: C 4).
type Cabinet struct {
	Domain      string // the firm's code (C 1.5)
	Agences     []Agence
	Groupes     []Groupe
	Personnel   []Collaborateur
	Engagements []Engagement
	Activites   []ActiviteMission
	Abonnements []string // subscriptions to the change feed (A 6)
}

func (c Cabinet) clone() Cabinet {
	c.Agences, c.Groupes, c.Personnel = slices.Clone(c.Agences), slices.Clone(c.Groupes), slices.Clone(c.Personnel)
	c.Engagements, c.Activites, c.Abonnements = slices.Clone(c.Engagements), slices.Clone(c.Activites), slices.Clone(c.Abonnements)
	return c
}

// cabinetOperation is a list of the practice itself: its rows live in the pseudo-dossier.
func cabinetOperation(res *resource) operation {
	op := listOperation(res)
	op.cabinet = true
	return op
}

// cabinet is the pseudo-dossier of a caller's practice.
func (s *Simulator) cabinet(c caller) *dossier {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.world.practices[c.practice]; p != nil {
		return p.cabinet
	}
	return nil
}

// content is what a dossier holds; the caller leaves it as it is.
func (d *dossier) content() Content {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *d.contentLocked()
}
