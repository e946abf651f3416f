// Package tenant holds the practices that this service serves.
package tenant

import (
	"cmp"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/submission"
)

// Practice is one tenant.
type Practice struct {
	Name   string
	Client *cegidclient.Client
	// Domain is Loop's code of the practice; empty when the operator has not given it.
	Domain string
	// Books name what its entries are booked into: practices with the same domain or API key have the same. Empty when it has
	// them for itself.
	Books string
	// Dossiers that the operator listed.
	Dossiers []Dossier
	// HasStandard and HasAdvanced say which keys the practice has.
	HasStandard, HasAdvanced bool
	// SecretProblem says which secrets could not be read again; nil when there is no way to tell.
	SecretProblem func() error
	// Secrets tells the state of each secret; nil when there is no way to tell.
	Secrets func() []secret.Status
	// PlainLinks lets links to files begin with http://, as Loop's own address may: for simulators and tests.
	PlainLinks bool
}

// Writing is what writes need of it.
func (p *Practice) Writing() submission.Practice {
	return submission.Practice{Name: p.Name, Client: p.Client, Books: p.Books, PlainLinks: p.PlainLinks}
}

// Dossier is a dossier that the operator listed.
type Dossier struct {
	Code, Name string
}

// Practices are the tenants by name. They are safe for concurrent use, also while they are replaced.
type Practices struct {
	tenants atomic.Pointer[tenants]
}

// tenants are immutable.
type tenants struct {
	byName map[string]*Practice
	sorted []*Practice
}

// NewPractices returns the tenants of a configuration.
func NewPractices(practices ...*Practice) *Practices {
	out := &Practices{}
	out.Replace(practices...)
	return out
}

// Replace puts other tenants in the place of those there are, for the calls to come. Calls under way end as they began.
func (p *Practices) Replace(practices ...*Practice) {
	now := &tenants{byName: map[string]*Practice{}, sorted: slices.Clone(practices)}
	slices.SortFunc(now.sorted, func(a, b *Practice) int { return cmp.Compare(a.Name, b.Name) })
	for _, practice := range practices {
		now.byName[practice.Name] = practice
	}
	p.tenants.Store(now)
}

// Get returns a practice.
func (p *Practices) Get(name string) (*Practice, error) {
	if found, ok := p.tenants.Load().byName[name]; ok {
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
	found, ok := p.tenants.Load().byName[name]
	if !ok {
		return nil, false
	}
	return found.Client, true
}

// Books names what a practice books into; its own name, where it has them for itself, or is not known.
func (p *Practices) Books(name string) string {
	if found, ok := p.tenants.Load().byName[name]; ok {
		return cmp.Or(found.Books, name)
	}
	return name
}

// All returns every practice, sorted by name.
func (p *Practices) All() []*Practice { return p.tenants.Load().sorted }

// SameBooks returns the names of practices that book into the same books as others, together with those.
func (p *Practices) SameBooks() (all [][]string) {
	byBooks := map[string][]string{}
	for _, practice := range p.All() {
		if practice.Books != "" {
			byBooks[practice.Books] = append(byBooks[practice.Books], practice.Name)
		}
	}
	for _, names := range byBooks {
		if len(names) > 1 {
			all = append(all, names)
		}
	}
	slices.SortFunc(all, slices.Compare)
	return all
}

// Close closes the clients' idle connections.
func (p *Practices) Close() {
	for _, practice := range p.All() {
		practice.Client.Close()
	}
}
