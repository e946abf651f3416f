package cegidclient

// The fields of a third party, for filters and orders.
const (
	ThirdPartyObjectID     Field = "objectId"
	ThirdPartyRevisionID   Field = "revisionId"
	ThirdPartyCode         Field = "code"
	ThirdPartyTypeCode     Field = "type"
	ThirdPartyNature       Field = "nature"
	ThirdPartyFirstName    Field = "prenom"
	ThirdPartyLastName     Field = "nom"
	ThirdPartyCompanyName  Field = "raisonSociale"
	ThirdPartyUsualName    Field = "nomUsuel"
	ThirdPartyLetterable   Field = "lettrable"
	ThirdPartySIRET        Field = "SIRET"
	ThirdPartyPhone        Field = "telephone"
	ThirdPartyFax          Field = "fax"
	ThirdPartyEmail        Field = "email"
	ThirdPartyWebsite      Field = "siteWeb"
	ThirdPartyActive       Field = "actif"
	ThirdPartyValidation   Field = "validation"
	ThirdPartySubjectToVAT Field = "soumisTva"
)

// ThirdPartyKind is the kind of a third party, by the route that it came from.
type ThirdPartyKind string

// The kinds. Loop numbers them 0, 1, 2 and 4; a route for 3 was never seen (loop-api: R 6).
const (
	ThirdPartyCustomer ThirdPartyKind = "customer" // tiersClient
	ThirdPartySupplier ThirdPartyKind = "supplier" // tiersFournisseur
	ThirdPartyEmployee ThirdPartyKind = "employee" // tiersSalarie
	ThirdPartyOther    ThirdPartyKind = "other"    // tiersDivers
)

// The natures of a third party (loop-api: R 6.1).
const (
	NatureNaturalPerson Code = "1"
	NatureLegalPerson   Code = "2"
)

// ThirdParty is a third party of a dossier, an auxiliary account (Loop: tiers; loop-api: R 6.1). A nil field was
// absent, null or unreadable; Unmapped tells which. Addresses and bank details (adr, rib), whose inside Loop does not
// document, are in Unmapped only.
type ThirdParty struct {
	// Kind is the route's, not a field of Loop's.
	Kind ThirdPartyKind

	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Code is what an entry line refers to.
	Code *string `loop:"code,required"`
	// Type repeats the kind as Loop's number.
	Type *Code `loop:"type"`
	// Nature is one of the Nature constants. Loop declares a string; that it is an integer, as its other enums are, is
	// inferred. Not listed for customers.
	Nature      *Code   `loop:"nature"`
	FirstName   *string `loop:"prenom"`
	LastName    *string `loop:"nom"`
	CompanyName *string `loop:"raisonSociale"`
	UsualName   *string `loop:"nomUsuel"`
	// Letterable: its lines can be matched, whatever its account says.
	Letterable *bool `loop:"lettrable"`
	// ContraAccount is usually the control account. That it is a reference is inferred.
	ContraAccount *Ref `loop:"compteContrepartie"`
	// SIRET is upper case here, unlike on practice-level routes.
	SIRET   *string `loop:"SIRET"`
	Phone   *string `loop:"telephone"`
	Fax     *string `loop:"fax"`
	Email   *string `loop:"email"`
	Website *string `loop:"siteWeb"`
	// Active is the opposite of Closed on accounts.
	Active *bool `loop:"actif"`
	// Validation has two values, which Loop does not show.
	Validation   *Code `loop:"validation"`
	SubjectToVAT *bool `loop:"soumisTva"`

	Unmapped Unmapped
}

func newThirdParties(c *Client, operation string, kind ThirdPartyKind) *Lister[ThirdParty] {
	l := newLister[ThirdParty](c, operation, ThirdPartyCode)
	l.mark = func(t *ThirdParty) { t.Kind = kind }
	return &l
}
