package cegidclient

import (
	"context"
	"net/url"
	"reflect"
	"slices"
)

// LegalIdentity is the SIREN and legal form of a dossier's company (Loop: DossierComplet; loop-api: R 7.2). A nil field was
// absent, null or unreadable; Unmapped tells which.
type LegalIdentity struct {
	ObjectID *string `loop:"objectId,required"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	// SIREN is nine digits, or empty.
	SIREN *string `loop:"siren"`
	// LegalForm is a code such as SA or SARL; Loop's list is known in part (R 7.3).
	LegalForm *string `loop:"formeJuridique"`

	Unmapped Unmapped
}

// LegalIdentityChange says what to change. A nil field stays as it is.
type LegalIdentityChange struct {
	// RevisionID that the change starts from.
	RevisionID string
	// SIREN is nine digits that pass the Luhn check, or empty to clear it.
	SIREN *string
	// LegalForm is a code of Loop's.
	LegalForm *string
}

// LegalIdentityService reads and changes the legal identity of a dossier's company.
type LegalIdentityService struct {
	c         *Client
	plan      *plan
	read, put *Operation

	turns turns
}

func newLegalIdentityService(c *Client) *LegalIdentityService {
	find := func(id string) *Operation {
		op, ok := OperationByID(id)
		if !ok {
			panic("cegidclient: no operation " + id)
		}
		return &op
	}
	p, err := newPlan[LegalIdentity]()
	if err != nil {
		panic(err)
	}
	return &LegalIdentityService{
		c: c, plan: p, read: find("get_dossier_identity"), put: find("update_dossier_identity"),
	}
}

// Get reads the legal identity (Loop: GET /DossierComplet; loop-api: R 7.2).
func (s *LegalIdentityService) Get(ctx context.Context, dossier string) (*LegalIdentity, error) {
	var items []LegalIdentity
	call := &Call{
		Operation: s.read, Dossier: dossier, Query: url.Values{"codeDossier": {dossier}},
		read: func(body []byte) error {
			got, err := s.plan.readList(body)
			if err != nil {
				return err
			}
			if items = got.items.Interface().([]LegalIdentity); len(items) != 1 {
				return badResponse("the answer does not hold one legal identity")
			}
			return nil
		},
	}
	if isNoDossier(dossier) {
		return nil, s.c.annotate(call, invalid("dossier", "no dossier"), nil)
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return nil, err
	}
	return &items[0], nil
}

// Update changes the legal identity, if it is still at the revision that the change starts from; otherwise the error is a
// [KindStale] (Loop: PUT /DossierComplet; loop-api: R 7.3). What Loop answers to a stale revision is not documented, so it is
// compared here first.
//
// It reads first, sends once, and reads again when the answer is lost: the call may be repeated as it is.
func (s *LegalIdentityService) Update(ctx context.Context, dossier string, change LegalIdentityChange) (*Written[LegalIdentity], error) {
	call := &Call{Operation: s.put, Dossier: dossier, Query: url.Values{"codeDossier": {dossier}}}
	fail := func(e *Error) (*Written[LegalIdentity], error) { return nil, s.c.annotate(call, e, nil) }
	switch {
	case isNoDossier(dossier):
		return fail(invalid("dossier", "no dossier"))
	case change.RevisionID == "":
		return fail(invalid("revision", "is missing"))
	case change.SIREN == nil && change.LegalForm == nil:
		return fail(invalid("update_mask", "names nothing to change"))
	}
	release, err := s.turns.take(ctx, dossier)
	if err != nil {
		return fail(interrupted(ctx, NotSent, nil))
	}
	defer release()
	before, err := s.Get(ctx, dossier)
	if err != nil {
		return nil, err
	}
	if before.RevisionID == nil || *before.RevisionID == "" {
		e := badResponse("the legal identity comes without its revision")
		e.Field = "revisionId"
		return fail(e)
	}
	if *before.RevisionID != change.RevisionID {
		e := &Error{Kind: KindStale, Field: "revision", detail: "Loop has another revision, so nothing was sent: read it again, and decide anew"}
		if holds(before, change) {
			e.detail = "Loop has another revision, and the values are those asked for already, so nothing was sent"
		}
		return fail(e)
	}
	sent := LegalIdentity{ObjectID: before.ObjectID, RevisionID: before.RevisionID, SIREN: change.SIREN, LegalForm: change.LegalForm}
	call.Body = slices.Concat([]byte{'['}, s.plan.append(nil, reflect.ValueOf(sent)), []byte{']'})
	w := writing[LegalIdentity]{
		c: s.c, plan: s.plan, call: call,
		ours: func(got *LegalIdentity) bool {
			// Loop echoes what was sent: the rest is what was read, since the revision has not moved in between.
			if got.SIREN == nil {
				got.SIREN = before.SIREN
			}
			if got.LegalForm == nil {
				got.LegalForm = before.LegalForm
			}
			return *got.ObjectID == *before.ObjectID && got.RevisionID != nil && *got.RevisionID != change.RevisionID && holds(got, change)
		},
		look: func(ctx context.Context) (*LegalIdentity, sight, error) {
			now, err := s.Get(ctx, dossier)
			switch {
			case err != nil:
				return nil, sightBefore, err
			case holds(now, change):
				return now, sightSent, nil
			case now.RevisionID != nil && *now.RevisionID == change.RevisionID:
				return nil, sightBefore, nil
			}
			return nil, sightOther, nil
		},
		other: func() *Error {
			return &Error{Kind: KindStale, Sent: MaybeSent, Field: "revision", detail: "Loop has another revision now, and not with what was " +
				"sent: read it again, and decide anew"}
		},
	}
	return w.do(ctx)
}

// holds tells whether the changed fields have their new values.
func holds(now *LegalIdentity, change LegalIdentityChange) bool {
	same := func(now, want *string) bool {
		return want == nil || now != nil && *now == *want || now == nil && *want == ""
	}
	return same(now.SIREN, change.SIREN) && same(now.LegalForm, change.LegalForm)
}
