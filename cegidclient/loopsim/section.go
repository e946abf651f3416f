package loopsim

// A Section is an analytic section (Loop: section), under Loop's own names. Its code is unique in its axis.
type Section struct {
	Code        string
	Description string // the label: a section has no libelle (R 4.1)
	Axe         string // code of the axis
	Ferme       bool
}

// sectionResource is GET /section (loop-api: R 4.1): description is a plain string, not an array. Whether that of the axis
// is one too was cut from the sample; Shape.ListedDescription is the other reading. That the axis is described by its code
// is [I].
func sectionResource() *resource {
	return newList(resource{
		path:  "/section",
		check: func(c Content) error { return unique(c, "section", Section.key) },
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"description", kindText},
			{"code", kindText},
			{"ferme", kindBool},
			{"axe", kindPlainRef},
		},
	}, func(d *dossier, s Section) []cell {
		return []cell{
			text(d.objectID("section", s.key())),
			text(d.revisionID("section", s.key())),
			text(s.Description),
			text(s.Code),
			boolean(s.Ferme),
			ref(d.objectID("axe", s.Axe), s.Axe),
		}
	}, sections)
}

// key is empty for a section that lacks a part of it.
func (s Section) key() string {
	if s.Code == "" || s.Axe == "" {
		return ""
	}
	return sectionKey(s.Axe, s.Code)
}

func sectionKey(axis, code string) string { return axis + "\x00" + code }

// sections: the waiting section of an axis is Loop's own; its code is that of the sample (loop-api: R 4.1).
func sections() []Section {
	return []Section{
		{Code: "ATN", Description: "ATELIER NORD", Axe: "CENTRE"},
		{Code: "ATS", Description: "ATELIER SUD", Axe: "CENTRE"},
		{Code: "ADM", Description: "ADMINISTRATION", Axe: "CENTRE"},
		{Code: "COM", Description: "COMMERCIAL", Axe: "CENTRE"},
		{Code: "ATE", Description: "ATELIER EST (ANCIEN)", Axe: "CENTRE", Ferme: true},
		{Code: "SECA@AXE", Description: "SECTION D'ATTENTE", Axe: "CENTRE"},
	}
}
