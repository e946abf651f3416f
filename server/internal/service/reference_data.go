// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
	"cegid.internal/gateway/server/internal/wording"
)

// ReferenceData serves looppb.ReferenceDataService.
type ReferenceData struct {
	looppb.UnsafeReferenceDataServiceServer

	practices *tenant.Practices
}

// NewReferenceData returns the service.
func NewReferenceData(practices *tenant.Practices) *ReferenceData {
	return &ReferenceData{practices: practices}
}

// checkExtraFields refuses what names another dossier than the one that the policy was asked about.
func checkExtraFields(dossier string, fields map[string]string) error {
	return wording.Argument(submission.CheckExtraFields(dossier, fields))
}
