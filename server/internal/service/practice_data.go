package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/tenant"
)

// PracticeData serves looppb.PracticeService.
type PracticeData struct {
	looppb.UnsafePracticeServiceServer

	practices   *tenant.Practices
	offices     *listing.List[cegidclient.Office, *looppb.Office]
	workGroups  *listing.List[cegidclient.WorkGroup, *looppb.WorkGroup]
	staff       *listing.List[cegidclient.StaffMember, *looppb.StaffMember]
	engagements *listing.List[cegidclient.Engagement, *looppb.Engagement]
	activities  *listing.List[cegidclient.MissionActivity, *looppb.MissionActivity]
}

// NewPracticeData returns the service.
func NewPracticeData(practices *tenant.Practices) *PracticeData {
	return &PracticeData{
		practices: practices, offices: newOffices(practices), workGroups: newWorkGroups(practices), staff: newStaff(practices),
		engagements: newEngagements(practices), activities: newMissionActivities(practices),
	}
}
