package cegidclient

import "context"

// The fields of a journal, for filters and orders.
const (
	JournalObjectID             Field = "objectId"
	JournalRevisionID           Field = "revisionId"
	JournalCode                 Field = "code"
	JournalLabel                Field = "libelle"
	JournalTypeCode             Field = "type"
	JournalContraAccountMode    Field = "typeContrepartie"
	JournalCarriesOperationDate Field = "repriseDateOp"
	JournalSlip                 Field = "bordereau"
	JournalClosed               Field = "ferme"
	JournalClientAccess         Field = "accesClient"
	JournalLabelEntryMode       Field = "saisieLibelle"
)

// The types of a journal (loop-api: R 3.1). An older page of Loop's stops at 7.
const (
	JournalTypePurchase           Code = "1" // Achat
	JournalTypeMiscellaneous      Code = "2" // OD
	JournalTypeOpening            Code = "3" // À-nouveau
	JournalTypeBank               Code = "4" // Banque
	JournalTypeCash               Code = "5" // Caisse
	JournalTypeExchangeDifference Code = "6" // Écart de change
	JournalTypeAdjustment         Code = "7" // Régularisation
	JournalTypeSale               Code = "8" // Vente
)

// How a journal places the contra account (loop-api: R 3.1).
const (
	ContraAccountFree       Code = "1" // Libre
	ContraAccountPerEntry   Code = "2" // À l'écriture
	ContraAccountPerJournal Code = "3" // Pied de journal
)

// Journal is a journal of a dossier (Loop: journal; loop-api: R 3.1). A nil field was absent, null or unreadable;
// Unmapped tells which.
type Journal struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Description repeats the code, for display.
	Description *string `loop:"description,list"`
	Code        *string `loop:"code,required"`
	Label       *string `loop:"libelle"`
	// Type is one of the JournalType constants, or a value that Loop has added since.
	Type          *Code `loop:"type"`
	ContraAccount *Ref  `loop:"compteContrepartie"`
	// ContraAccountMode is one of the ContraAccount constants.
	ContraAccountMode *Code `loop:"typeContrepartie"`
	// CarriesOperationDate: carries over the operation date, by its name (inferred).
	CarriesOperationDate *bool `loop:"repriseDateOp"`
	Slip                 *bool `loop:"bordereau"`
	Closed               *bool `loop:"ferme"`
	// ClientAccess: open to the client, by its name (inferred).
	ClientAccess *bool `loop:"accesClient"`
	// LabelEntryMode: Loop does not say what the values mean.
	LabelEntryMode *Code `loop:"saisieLibelle"`

	Unmapped Unmapped
}

// JournalService reads and creates the journals of a dossier.
type JournalService struct {
	Lister[Journal]
	creator creator[Journal]
}

func newJournalService(c *Client) *JournalService {
	s := &JournalService{Lister: newLister[Journal](c, "list_journals", JournalCode)}
	s.creator = newCreator(&s.Lister, "create_journal", "code")
	return s
}

// Get reads the journal of that code (Loop: GET /journal, filtered; loop-api: R 3.1). Without one the error is a
// [KindNotFound].
func (s *JournalService) Get(ctx context.Context, dossier, code string) (*Journal, error) {
	return s.get(ctx, dossier, "code", code)
}

// Create makes a journal, if there is none of its code (Loop: POST /journal; loop-api: R 3.2). The body is inferred, hence
// [Config.Unverified]. Code, Label and Type are needed, ObjectID and RevisionID are Loop's to give, and Unmapped holds further
// fields of Loop's as JSON.
//
// It looks first, sends once, and looks again when the answer is lost: the call may be repeated as it is.
func (s *JournalService) Create(ctx context.Context, dossier string, journal Journal) (*Written[Journal], error) {
	return s.creator.create(ctx, dossier, &journal)
}
