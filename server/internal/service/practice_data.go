package service

import (
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/tenant"
)

// PracticeData serves looppb.PracticeService.
type PracticeData struct {
	looppb.UnsafePracticeServiceServer

	practices *tenant.Practices
}

// NewPracticeData returns the service.
func NewPracticeData(practices *tenant.Practices) *PracticeData {
	return &PracticeData{practices: practices}
}
