package cegidclient

// The fields of an account, for filters and orders.
const (
	AccountObjectID      Field = "objectId"
	AccountRevisionID    Field = "revisionId"
	AccountNumber        Field = "numero"
	AccountLabel         Field = "libelle"
	AccountTypeCode      Field = "type"
	AccountCollective    Field = "collectif"
	AccountLetterable    Field = "lettrable"
	AccountReconcilable  Field = "pointable"
	AccountCentralizable Field = "centralisable"
	AccountAnalytic      Field = "analytique"
	AccountClosed        Field = "ferme"
)

// Account is an account of a dossier's chart (Loop: compte; loop-api: R 2.1). A nil field was absent, null or
// unreadable; Unmapped tells which.
type Account struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Description repeats the number, for display.
	Description *string `loop:"description,list"`
	// Number is the account number, 8 digits in Loop's sample.
	Number *string `loop:"numero,required"`
	Label  *string `loop:"libelle"`
	// Type is 1 to 7; Loop does not say what the values mean.
	Type *Code `loop:"type"`
	// Collective: a control account.
	Collective *bool `loop:"collectif"`
	// Letterable: its lines can be matched.
	Letterable *bool `loop:"lettrable"`
	// Reconcilable: its lines can be ticked off (pointage).
	Reconcilable  *bool `loop:"pointable"`
	Centralizable *bool `loop:"centralisable"`
	// Analytic: it takes an analytic breakdown.
	Analytic *bool `loop:"analytique"`
	Closed   *bool `loop:"ferme"`
	// ContraAccount is the automatic contra account.
	ContraAccount *Ref `loop:"compteContrepartie"`
	// BankAccount and VAT are absent from Loop's sample and declared as strings; that they may be references is
	// inferred. Anything but an object is in Unmapped only.
	BankAccount *Ref `loop:"compteBanque"`
	VAT         *Ref `loop:"tva"`

	Unmapped Unmapped
}

// AccountService reads the accounts of a dossier.
type AccountService struct {
	Lister[Account]
}

func newAccountService(c *Client) *AccountService {
	return &AccountService{newLister[Account](c, "list_accounts", AccountNumber)}
}
