package cegidclient

// The fields of an engagement, for filters and orders.
const (
	EngagementObjectID        Field = "objectId"
	EngagementRevisionID      Field = "revisionId"
	EngagementCode            Field = "codeIBS"
	EngagementDescription     Field = "description"
	EngagementProfitCenter    Field = "profitCenter"
	EngagementPersonInCharge  Field = "maitreDossier"
	EngagementClientDossier   Field = "entite"
	EngagementClientDossierID Field = "entiteIbsId"
	EngagementStartDate       Field = "dateDebut"
	EngagementEndDate         Field = "dateFin"
)

// Engagement is an engagement of the practice with a client (Loop: engagement; loop-api: C 4.4). A nil field was absent,
// null or unreadable; Unmapped tells which. What follows the end date on Loop's page was not seen and is in Unmapped only.
type Engagement struct {
	// ObjectID is the identity: no other field is known to be unique.
	ObjectID *string `loop:"objectId,required"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// Code is the engagement's number or a dossier's code: Loop's page says the one and shows the other.
	Code            *string `loop:"codeIBS"`
	Description     *string `loop:"description"`
	ProfitCenter    *string `loop:"profitCenter"`
	PersonInCharge  *string `loop:"maitreDossier"`
	ClientDossier   *string `loop:"entite"`
	ClientDossierID *string `loop:"entiteIbsId"`
	// StartDate and EndDate: the form of Loop's dates is not shown for them.
	StartDate *Date `loop:"dateDebut"`
	EndDate   *Date `loop:"dateFin"`

	Unmapped Unmapped
}
