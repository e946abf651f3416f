package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// PracticeData serves looppb.PracticeService.
type PracticeData struct {
	looppb.UnsafePracticeServiceServer

	practices   *Practices
	offices     *list[cegidclient.Office, *looppb.Office]
	workGroups  *list[cegidclient.WorkGroup, *looppb.WorkGroup]
	staff       *list[cegidclient.StaffMember, *looppb.StaffMember]
	engagements *list[cegidclient.Engagement, *looppb.Engagement]
	activities  *list[cegidclient.MissionActivity, *looppb.MissionActivity]
}

// NewPracticeData returns the service.
func NewPracticeData(practices *Practices) *PracticeData {
	return &PracticeData{
		practices: practices, offices: newOffices(practices), workGroups: newWorkGroups(practices), staff: newStaff(practices),
		engagements: newEngagements(practices), activities: newMissionActivities(practices),
	}
}
