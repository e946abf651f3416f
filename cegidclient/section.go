package cegidclient

// The fields of an analytic section, for filters and orders.
const (
	SectionObjectID   Field = "objectId"
	SectionRevisionID Field = "revisionId"
	SectionLabel      Field = "description"
	SectionCode       Field = "code"
	SectionClosed     Field = "ferme"
)

// Section is a section of an analytic axis (Loop: section; loop-api: R 4.1). A nil field was absent, null or
// unreadable; Unmapped tells which.
type Section struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Label is a plain string here, unlike the description of accounts and journals.
	Label *string `loop:"description"`
	// Code can contain '@': Loop's own waiting section does.
	Code   *string `loop:"code,required"`
	Closed *bool   `loop:"ferme"`
	// Axis that the section belongs to. Loop describes it by a string or by an array; both are read.
	Axis *Ref `loop:"axe,either"`

	Unmapped Unmapped
}
