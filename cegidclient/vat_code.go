package cegidclient

// The fields of a VAT code, for filters and orders.
const (
	VATCodeObjectID   Field = "objectId"
	VATCodeRevisionID Field = "revisionId"
	VATCodeCode       Field = "code"
	VATCodeLabel      Field = "description"
	VATCodeRegime     Field = "regime"
)

// The regimes of a VAT code (loop-api: R 8.1). Loop prints 8 right after 3.
const (
	VATRegimeNormal                   Code = "1" // Normal
	VATRegimeExempt                   Code = "2" // Exonéré
	VATRegimeReverseChargeEUGoods     Code = "3" // Autoliquidation biens intra-communautaire
	VATRegimeExport                   Code = "4" // Export
	VATRegimeCorsica                  Code = "5" // Corse
	VATRegimeOverseas                 Code = "6" // DOM
	VATRegimeReverseChargeSubcontract Code = "7" // Auto-liquidation sous-traitance
	VATRegimeReverseChargeEUServices  Code = "8" // Autoliquidation prestations intra-communautaire
)

// VATCode is a VAT code of a dossier (Loop: tva; loop-api: R 8.1). A nil field was absent, null or unreadable; Unmapped
// tells which. Loop's table is cut: the collected side (collecte), whose inside was not seen, and all that follows, the
// rate among it, are in Unmapped only.
type VATCode struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	Code       *string `loop:"code,required"`
	// Label is declared a plain string, as on sections; a list of one is read too.
	Label *string `loop:"description"`
	// Regime is one of the VATRegime constants. Loop declares a string; that it is an integer, as its other enums are, is
	// inferred.
	Regime *Code `loop:"regime"`

	Unmapped Unmapped
}
