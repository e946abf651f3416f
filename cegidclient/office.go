package cegidclient

// The fields of an office, for filters and orders.
const (
	OfficeObjectID     Field = "objectId"
	OfficeRevisionID   Field = "revisionId"
	OfficeCode         Field = "code"
	OfficeLabel        Field = "libelle"
	OfficeSIRET        Field = "siret"
	OfficeStreetNumber Field = "numvoie"
	OfficeEmail        Field = "email"
)

// Office is an office of the practice (Loop: AgenceCabinet; loop-api: C 4.1). A nil field was absent, null or unreadable;
// Unmapped tells which. What Loop's page was seen to list without its type, and the address that follows, is in Unmapped
// only.
type Office struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	Code       *string `loop:"code,required"`
	Label      *string `loop:"libelle"`
	// SIRET is lower case here, unlike that of third parties.
	SIRET        *string `loop:"siret"`
	StreetNumber *string `loop:"numvoie"`
	Email        *string `loop:"email"`

	Unmapped Unmapped
}
