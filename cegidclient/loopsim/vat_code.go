package loopsim

import "fmt"

// A VATCode is a VAT code (Loop: tva), under Loop's own names.
type VATCode struct {
	Code        string
	Description string // the label: a VAT code has no libelle in the part that was seen (R 8.1)
	Regime      int    // 1 to 8
}

// vatCodeResource is GET /tva (loop-api: R 8.1). description is a plain string, as in the table; the values inside of collecte
// and all that follows it were not seen, so that the first is empty and the rest absent.
func vatCodeResource() *resource {
	return newList(resource{
		path:  "/tva",
		check: checkVATCodes,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"code", kindText},
			{"description", kindText},
			{"regime", kindEnum},
			{"collecte", kindRaw},
		},
	}, func(d *dossier, v VATCode) []cell {
		return []cell{
			text(d.objectID("tva", v.Code)),
			text(d.revisionID("tva", v.Code)),
			text(v.Code),
			text(v.Description),
			enum(v.Regime),
			text("{}"),
		}
	}, vatCodes)
}

func checkVATCodes(c Content) error {
	for _, v := range Rows[VATCode](c) {
		if v.Regime < 1 || v.Regime > 8 {
			return fmt.Errorf("VAT code %q is of regime %d: %w", v.Code, v.Regime, ErrInvalid)
		}
	}
	return unique(c, "VAT code", func(v VATCode) string { return v.Code })
}

// vatCodes: the first is that of the example (loop-api: R 8.1); the codes of the others are made alike.
func vatCodes() []VATCode {
	return []VATCode{
		{Code: "N20", Description: "TVA 20 %", Regime: 1},
		{Code: "N10", Description: "TVA 10 %", Regime: 1},
		{Code: "N055", Description: "TVA 5,5 %", Regime: 1},
		{Code: "EXO", Description: "Exonéré", Regime: 2},
		{Code: "ICB", Description: "Biens intra-communautaires", Regime: 3},
		{Code: "EXP", Description: "Export", Regime: 4},
		{Code: "STR", Description: "Sous-traitance", Regime: 7},
		{Code: "ICP", Description: "Prestations intra-communautaires", Regime: 8},
	}
}
