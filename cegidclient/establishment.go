package cegidclient

// The fields of an establishment, for filters and orders.
const (
	EstablishmentObjectID    Field = "objectId"
	EstablishmentRevisionID  Field = "revisionId"
	EstablishmentTypeCode    Field = "type"
	EstablishmentNature      Field = "nature"
	EstablishmentFirstName   Field = "prenom"
	EstablishmentLastName    Field = "name"
	EstablishmentCompanyName Field = "raisonsociale"
)

// The types of an establishment (loop-api: R 7.1).
const (
	EstablishmentMainAndRegisteredOffice Code = "1"
	EstablishmentSecondary               Code = "2"
	EstablishmentMain                    Code = "3"
	EstablishmentRegisteredOffice        Code = "4"
)

// Establishment is an establishment of a dossier's company (Loop: etablissementComplet; loop-api: R 7.1). A nil field was
// absent, null or unreadable; Unmapped tells which. Loop's table is cut: all that follows the company name, SIRET and
// address presumably, is in Unmapped only.
type Establishment struct {
	// ObjectID is the identity: Loop shows no code.
	ObjectID *string `loop:"objectId,required"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Type is one of the Establishment constants.
	Type *Code `loop:"type"`
	// Nature is one of the Nature constants of third parties.
	Nature    *Code   `loop:"nature"`
	FirstName *string `loop:"prenom"`
	// LastName is spelt name here, nom on third parties.
	LastName *string `loop:"name"`
	// CompanyName is all lower case here, unlike on third parties.
	CompanyName *string `loop:"raisonsociale"`

	Unmapped Unmapped
}
