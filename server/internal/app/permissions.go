package app

import (
	"slices"

	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

// permissions are the policy's, as service and submission ask for them.
type permissions struct{ *policy.Policy }

// MayRead implements submission.Permissions.
func (p permissions) MayRead(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Read)
}

// MayWrite implements submission.Permissions.
func (p permissions) MayWrite(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Write)
}

// MayOperate implements submission.Permissions.
func (p permissions) MayOperate(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Operate)
}

// MayAdminister implements submission.Permissions.
func (p permissions) MayAdminister(caller, practice, dossier string) bool {
	return p.Allows(caller, practice, dossier, policy.Administer)
}

// Readable implements service.Permissions.
func (p permissions) Readable(caller, practice string) []ledger.Grant {
	return p.grants(caller, practice, policy.Read)
}

// Operable implements service.Permissions.
func (p permissions) Operable(caller, practice string) []ledger.Grant {
	return slices.DeleteFunc(p.grants(caller, practice, policy.Operate), func(g ledger.Grant) bool { return g.Dossiers == nil })
}

func (p permissions) grants(caller, practice string, right policy.Right) []ledger.Grant {
	var out []ledger.Grant
	for _, reach := range p.Reaches(caller, practice, right) {
		out = append(out, ledger.Grant{Practices: reach.Practices, Dossiers: reach.Dossiers})
	}
	return out
}
