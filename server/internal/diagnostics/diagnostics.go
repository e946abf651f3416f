// Package diagnostics answers what callers may do here, and whether Loop answers.
package diagnostics

import (
	"context"
	"slices"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/tenant"
)

// Grants is what the diagnostics need of the policy.
type Grants interface {
	// Known tells whether the caller has any grant on the practice.
	Known(caller, practice string) bool
	// Rights lists what the caller may do in a dossier.
	Rights(caller, practice, dossier string) []policy.Right
	// ExactDossiers lists the dossiers that the caller's grants name without a pattern.
	ExactDossiers(caller, practice string) []string
	// OpenEnded tells whether the grants cover more dossiers than those listed.
	OpenEnded(caller, practice string, listed []string) bool
}

// Service serves looppb.DiagnosticsService.
type Service struct {
	looppb.UnsafeDiagnosticsServiceServer

	practices *tenant.Practices
	grants    Grants
	caller    func(context.Context) string
	calls     func(caller, id string) []*looppb.Call
	now       func() time.Time
	build     Build
}

// Build says which build of this service answers.
type Build struct {
	// Version is that of the release, or what the build recorded of itself.
	Version string
	// Revision is the git commit, in hexadecimal; empty where it is not known.
	Revision string
}

// New returns the service; caller tells who makes a call, and calls those that a caller has made with an id, the newest first.
func New(
	practices *tenant.Practices, grants Grants, caller func(context.Context) string, calls func(caller, id string) []*looppb.Call, build Build,
) *Service {
	return &Service{practices: practices, grants: grants, caller: caller, calls: calls, now: time.Now, build: build}
}

// rights in the order in which they are listed.
func rights(granted []policy.Right) []looppb.Right {
	var out []looppb.Right
	for _, right := range granted {
		out = append(out, Right(right))
	}
	slices.Sort(out)
	return out
}

// Right is the contract's name of a right of the policy.
func Right(right policy.Right) looppb.Right {
	switch right {
	case policy.Read:
		return looppb.Right_RIGHT_READ
	case policy.Write:
		return looppb.Right_RIGHT_WRITE
	case policy.Practice:
		return looppb.Right_RIGHT_PRACTICE
	case policy.Raw:
		return looppb.Right_RIGHT_RAW
	case policy.Administer:
		return looppb.Right_RIGHT_ADMINISTER
	case policy.Operate:
		return looppb.Right_RIGHT_OPERATE
	}
	return looppb.Right_RIGHT_UNSPECIFIED
}
