package service

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var activities = listing.List[cegidclient.MissionActivity, *looppb.MissionActivity]{
	Name: "mission activities",
	Fields: listing.Fields{
		{Name: "label", Loop: cegidclient.ActivityLabel, Filterable: true, Sortable: true},
	},
	Source: func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.MissionActivity] {
		return &c.Activities.Lister
	},
	Convert: missionActivity,
}

func missionActivity(a *cegidclient.MissionActivity, all bool) *looppb.MissionActivity {
	return &looppb.MissionActivity{
		EngagementLetterId: text(a.EngagementLetterID),
		Label:              a.Label,
		DoneByPractice:     a.DoneByPractice,
		DoneByClient:       a.DoneByClient,
		Hours:              (*string)(a.Hours),
		Frequency:          activityFrequency(a.Frequency),
		FrequencyCode:      optional(a.Frequency),
		DueDate:            (*string)(a.DueDate),
		Timing:             activityTiming(a.Timing),
		TimingCode:         optional(a.Timing),
		OffsetMonthsCode:   optional(a.OffsetMonths),
		Quantity:           a.Quantity,
		DueDayCode:         optional(a.DueDay),
		Unmapped:           unmapped(a.Unmapped, all),
	}
}

// activityFrequency reads Loop's value (loop-api: C 4.5); one that is not in the list stays in frequency_code alone.
func activityFrequency(code *cegidclient.Code) looppb.ActivityFrequency {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.FrequencyMonthly:
		return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_MONTHLY
	case cegidclient.FrequencyQuarterly:
		return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_QUARTERLY
	case cegidclient.FrequencyHalfYearly:
		return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_HALF_YEARLY
	case cegidclient.FrequencyYearly:
		return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_YEARLY
	case cegidclient.FrequencyOnce:
		return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_ONCE
	}
	return looppb.ActivityFrequency_ACTIVITY_FREQUENCY_UNSPECIFIED
}

// activityTiming reads Loop's value (loop-api: C 4.5).
func activityTiming(code *cegidclient.Code) looppb.ActivityTiming {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.TimingFiscalYear:
		return looppb.ActivityTiming_ACTIVITY_TIMING_FISCAL_YEAR
	case cegidclient.TimingCalendarYear:
		return looppb.ActivityTiming_ACTIVITY_TIMING_CALENDAR_YEAR
	case cegidclient.TimingAfterFiscalYear:
		return looppb.ActivityTiming_ACTIVITY_TIMING_AFTER_FISCAL_YEAR
	}
	return looppb.ActivityTiming_ACTIVITY_TIMING_UNSPECIFIED
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
