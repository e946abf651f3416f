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
	return &resource{
		path: "/section",
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"description", kindText},
			{"code", kindText},
			{"ferme", kindBool},
			{"axe", kindPlainRef},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.Sections))
			for i, s := range c.Sections {
				rows[i] = []cell{
					text(d.objectID("section", s.key())),
					text(d.revisionID("section", s.key())),
					text(s.Description),
					text(s.Code),
					boolean(s.Ferme),
					ref(d.objectID("axe", s.Axe), s.Axe),
				}
			}
			return rows
		},
	}
}

func (s Section) key() string { return sectionKey(s.Axe, s.Code) }

func sectionKey(axis, code string) string { return axis + "\x00" + code }
