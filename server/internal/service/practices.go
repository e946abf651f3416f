package service

import (
	"cmp"
	"slices"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// Practice is one tenant.
type Practice struct {
	Name   string
	Client *cegidclient.Client
	// Dossiers that the operator listed.
	Dossiers []Dossier
	// HasStandard and HasAdvanced say which keys the practice has.
	HasStandard, HasAdvanced bool
	// SecretProblem says which secrets could not be read again; nil when there is no way to tell.
	SecretProblem func() error
	// Unverified are the operations that the operator enabled although nobody has verified them.
	Unverified []string
}

// Dossier is a dossier that the operator listed.
type Dossier struct {
	Code, Name string
}

// Practices are the tenants by name.
type Practices struct {
	byName map[string]*Practice
	sorted []*Practice
}

// NewPractices returns the tenants of a configuration.
func NewPractices(practices ...*Practice) *Practices {
	out := &Practices{byName: map[string]*Practice{}, sorted: practices}
	slices.SortFunc(out.sorted, func(a, b *Practice) int { return cmp.Compare(a.Name, b.Name) })
	for _, each := range practices {
		out.byName[each.Name] = each
	}
	return out
}

// Get returns a practice.
func (p *Practices) Get(name string) (*Practice, error) {
	if found, ok := p.byName[name]; ok {
		return found, nil
	}
	return nil, apierror.Error{
		Code: codes.NotFound, Reason: looppb.ErrorReason_ERROR_REASON_PRACTICE_UNKNOWN,
		Message:    "practice: this service has no practice of that name; ListDossiers with practice \"-\" lists those that you may use",
		Violations: []apierror.Violation{{Field: "practice", Description: "no practice of that name"}},
	}.Err()
}

// Client finds the client of a practice.
func (p *Practices) Client(name string) (*cegidclient.Client, bool) {
	found, ok := p.byName[name]
	if !ok {
		return nil, false
	}
	return found.Client, true
}

// All returns every practice, sorted by name.
func (p *Practices) All() []*Practice { return p.sorted }

// Close closes the clients' idle connections.
func (p *Practices) Close() {
	for _, each := range p.sorted {
		each.Client.Close()
	}
}
