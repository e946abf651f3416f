package app

import (
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

// permissions are the policy's, as service and submission ask for them.
type permissions struct{ *policy.Policy }

// MayRead implements submission.Permissions.
func (p permissions) MayRead(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Read)
}

// MayAdminister implements submission.Permissions.
func (p permissions) MayAdminister(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Administer)
}

// Readable implements service.Permissions.
func (p permissions) Readable(caller, practice string) []ledger.Grant {
	var out []ledger.Grant
	for _, reach := range p.Reaches(caller, practice, policy.Read) {
		out = append(out, ledger.Grant{Practices: reach.Practices, Dossiers: reach.Dossiers})
	}
	return out
}
