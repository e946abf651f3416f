package cegidclient

// The fields of a work group, for filters and orders.
const (
	WorkGroupObjectID   Field = "objectId"
	WorkGroupRevisionID Field = "revisionId"
	WorkGroupCode       Field = "code"
	WorkGroupLabel      Field = "description"
	WorkGroupOffice     Field = "agence"
)

// WorkGroup is a work group of the practice (Loop: groupe; loop-api: C 4.2). A nil field was absent, null or unreadable;
// Unmapped tells which.
type WorkGroup struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	Code       *string `loop:"code,required"`
	// Label is a plain string, unlike the description of accounts and journals.
	Label *string `loop:"description"`
	// Office is the code of an office, not a reference.
	Office *string `loop:"agence"`

	Unmapped Unmapped
}
