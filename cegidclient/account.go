package cegidclient

import "context"

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

// AccountService reads and creates the accounts of a dossier.
type AccountService struct {
	Lister[Account]
	creator creator[Account]
}

func newAccountService(c *Client) *AccountService {
	s := &AccountService{Lister: newLister[Account](c, "list_accounts", AccountNumber)}
	s.creator = newCreator(&s.Lister, "create_account", "number")
	return s
}

// Get reads the account of that number (Loop: GET /compte, filtered; loop-api: R 2.1). Without one the error is a
// [KindNotFound].
func (s *AccountService) Get(ctx context.Context, dossier, number string) (*Account, error) {
	return s.get(ctx, dossier, "number", number)
}

// Create makes an account, if there is none of its number (Loop: POST /compte; loop-api: R 2.2). Route and body are
// inferred, hence [Config.Unverified]. Number and Label are needed, ObjectID and RevisionID are Loop's to give, and Unmapped
// holds further fields of Loop's as JSON.
//
// It looks first, sends once, and looks again when the answer is lost: the call may be repeated as it is.
func (s *AccountService) Create(ctx context.Context, dossier string, account Account) (*Written[Account], error) {
	return s.creator.create(ctx, dossier, &account)
}
