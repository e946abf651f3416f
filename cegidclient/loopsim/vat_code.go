package loopsim

// A VATCode is a VAT code (Loop: tva), under Loop's own names.
type VATCode struct {
	Code        string
	Description string // the label: a VAT code has no libelle in the part that was seen (R 8.1)
	Regime      int    // 1 to 8
}

// vatCodeResource is GET /tva (loop-api: R 8.1). description is a plain string, as in the table; the values inside of collecte
// and all that follows it were not seen, so that the first is empty and the rest absent.
func vatCodeResource() *resource {
	return &resource{
		path: "/tva",
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"code", kindText},
			{"description", kindText},
			{"regime", kindEnum},
			{"collecte", kindRaw},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			rows := make([][]cell, len(c.VATCodes))
			for i, v := range c.VATCodes {
				rows[i] = []cell{
					text(d.objectID("tva", v.Code)),
					text(d.revisionID("tva", v.Code)),
					text(v.Code),
					text(v.Description),
					enum(v.Regime),
					text("{}"),
				}
			}
			return rows
		},
	}
}
