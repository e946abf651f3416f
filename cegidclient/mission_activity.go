package cegidclient

// The fields of an activity, for filters and orders.
const (
	ActivityEngagementLetterID Field = "lettreMissionId"
	// ActivityLabel is spelt with a capital, as Loop prints it.
	ActivityLabel Field = "Libelle"
)

// How often an activity is due (loop-api: C 4.5).
const (
	FrequencyMonthly    Code = "1"
	FrequencyQuarterly  Code = "2"
	FrequencyHalfYearly Code = "3"
	FrequencyYearly     Code = "4"
	FrequencyOnce       Code = "5"
)

// From when an activity's due dates are counted (loop-api: C 4.5).
const (
	TimingFiscalYear      Code = "1"
	TimingCalendarYear    Code = "2"
	TimingAfterFiscalYear Code = "3"
)

// MissionActivity is an activity of an engagement letter (Loop: giActivitesMission; loop-api: C 4.5). A nil field was
// absent, null or unreadable; Unmapped tells which. What follows the due day on Loop's page was not seen and is in
// Unmapped only.
type MissionActivity struct {
	// EngagementLetterID is a UUID.
	EngagementLetterID *string `loop:"lettreMissionId,required"`
	Label              *string `loop:"Libelle"`
	DoneByPractice     *bool   `loop:"activiteCabinet"`
	DoneByClient       *bool   `loop:"activiteClient"`
	// Hours for one occurrence.
	Hours *Decimal `loop:"unite"`
	// Frequency is one of the Frequency constants, or a value that Loop has added since.
	Frequency *Code `loop:"frequence,quoted"`
	// DueDate is that of an activity that is due once.
	DueDate *Date `loop:"dateFreq"`
	// Timing is one of the Timing constants.
	Timing *Code `loop:"calage,quoted"`
	// OffsetMonths is 1 to 18.
	OffsetMonths *Code  `loop:"decalage,quoted"`
	Quantity     *int32 `loop:"quantite"`
	// DueDay is the day of the month, 1 to 31.
	DueDay *Code `loop:"datePrevObligation,quoted"`

	Unmapped Unmapped
}

func newActivities(c *Client) *Lister[MissionActivity] {
	// Nothing of an activity is known to be unique. The letter, the same for all, keeps the sort one that Loop surely takes.
	l := newLister[MissionActivity](c, "list_engagement_activities", ActivityEngagementLetterID)
	l.needs = ActivityEngagementLetterID
	return &l
}
