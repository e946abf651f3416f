// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
)

// ReferenceData serves looppb.ReferenceDataService.
type ReferenceData struct {
	looppb.UnsafeReferenceDataServiceServer

	practices *tenant.Practices
	// changed hears of a dossier in which an account or a journal was created.
	changed func(practice, dossier string)
}

// NewReferenceData returns the service; changed is told of each dossier in which it has created an account or a journal.
func NewReferenceData(practices *tenant.Practices, changed func(practice, dossier string)) *ReferenceData {
	return &ReferenceData{practices: practices, changed: changed}
}

// checkExtraFields refuses what names another dossier than the one that the policy was asked about.
func checkExtraFields(dossier string, fields map[string]string) error {
	if out, known := refused(submission.CheckExtraFields(dossier, fields)); known {
		return out.Err()
	}
	return nil
}
