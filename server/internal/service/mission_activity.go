package service

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var activities = listing.List[cegidclient.MissionActivity, looppb.MissionActivity]{
	Name: "mission activities",
	Fields: listing.Fields{
		{Name: "label", Loop: cegidclient.ActivityLabel, Filterable: true, Sortable: true},
	},
	Source: func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.MissionActivity] {
		return c.Activities
	},
	Convert: missionActivity,
}

func missionActivity(a *cegidclient.MissionActivity, all bool) looppb.MissionActivity {
	return looppb.MissionActivity{
		EngagementLetterId: text(a.EngagementLetterID),
		Label:              a.Label,
		DoneByPractice:     a.DoneByPractice,
		DoneByClient:       a.DoneByClient,
		Hours:              (*string)(a.Hours),
		Frequency:          listed(activityFrequencies, a.Frequency),
		FrequencyCode:      optional(a.Frequency),
		DueDate:            (*string)(a.DueDate),
		Timing:             listed(activityTimings, a.Timing),
		TimingCode:         optional(a.Timing),
		OffsetMonthsCode:   optional(a.OffsetMonths),
		Quantity:           a.Quantity,
		DueDayCode:         optional(a.DueDay),
		Unmapped:           unmapped(a.Unmapped, all),
	}
}

// activityFrequencies are Loop's values (loop-api: C 4.5); one that is not in the list stays in frequency_code alone.
var activityFrequencies = map[cegidclient.Code]looppb.ActivityFrequency{
	cegidclient.FrequencyMonthly:    looppb.ActivityFrequency_ACTIVITY_FREQUENCY_MONTHLY,
	cegidclient.FrequencyQuarterly:  looppb.ActivityFrequency_ACTIVITY_FREQUENCY_QUARTERLY,
	cegidclient.FrequencyHalfYearly: looppb.ActivityFrequency_ACTIVITY_FREQUENCY_HALF_YEARLY,
	cegidclient.FrequencyYearly:     looppb.ActivityFrequency_ACTIVITY_FREQUENCY_YEARLY,
	cegidclient.FrequencyOnce:       looppb.ActivityFrequency_ACTIVITY_FREQUENCY_ONCE,
}

// activityTimings are Loop's values (loop-api: C 4.5).
var activityTimings = map[cegidclient.Code]looppb.ActivityTiming{
	cegidclient.TimingFiscalYear:      looppb.ActivityTiming_ACTIVITY_TIMING_FISCAL_YEAR,
	cegidclient.TimingCalendarYear:    looppb.ActivityTiming_ACTIVITY_TIMING_CALENDAR_YEAR,
	cegidclient.TimingAfterFiscalYear: looppb.ActivityTiming_ACTIVITY_TIMING_AFTER_FISCAL_YEAR,
}

// ListMissionActivities implements looppb.PracticeServiceServer.
func (s *PracticeData) ListMissionActivities(ctx context.Context,
	request *looppb.ListMissionActivitiesRequest,
) (*looppb.ListMissionActivitiesResponse, error) {
	letter := activities
	letter.Name += " " + request.GetEngagementLetterId()
	letter.Within = cegidclient.Equal(cegidclient.ActivityEngagementLetterID, request.GetEngagementLetterId())
	items, next, err := letter.Page(ctx, s.practices, request)
	return &looppb.ListMissionActivitiesResponse{MissionActivities: items, NextPageToken: next}, err
}
