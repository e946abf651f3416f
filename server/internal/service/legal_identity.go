package service

import (
	"context"
	"slices"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/wording"
)

func legalIdentity(l *cegidclient.LegalIdentity, all bool) looppb.LegalIdentity {
	return looppb.LegalIdentity{
		Siren:     l.SIREN,
		LegalForm: l.LegalForm,
		ObjectId:  text(l.ObjectID),
		Revision:  text(l.RevisionID),
		Unmapped:  unmapped(l.Unmapped, all),
	}
}

// GetLegalIdentity implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) GetLegalIdentity(ctx context.Context,
	request *looppb.GetLegalIdentityRequest,
) (*looppb.GetLegalIdentityResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	found, err := practice.Client.LegalIdentity.Get(ctx, request.GetDossier())
	if err != nil {
		return nil, err
	}
	return &looppb.GetLegalIdentityResponse{LegalIdentity: new(legalIdentity(found, request.GetIncludeUnmapped()))}, nil
}

// UpdateLegalIdentity implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) UpdateLegalIdentity(ctx context.Context,
	request *looppb.UpdateLegalIdentityRequest,
) (*looppb.UpdateLegalIdentityResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	if len(request.GetUpdateMask().GetPaths()) == 0 { // the contract's rule speaks of a mask that is there
		return nil, wording.Field(wording.MaskEmpty, "update_mask")
	}
	change := cegidclient.LegalIdentityChange{RevisionID: request.GetRevision()}
	if change.SIREN, err = masked(request, "siren", request.GetSiren()); err != nil {
		return nil, err
	}
	if change.LegalForm, err = masked(request, "legal_form", request.GetLegalForm()); err != nil {
		return nil, err
	}
	if err := wording.Findings(check.LegalIdentity(change.SIREN, change.LegalForm)); err != nil {
		return nil, err
	}
	changed, err := practice.Client.LegalIdentity.Update(ctx, request.GetDossier(), change)
	if err != nil {
		return nil, err
	}
	return &looppb.UpdateLegalIdentityResponse{
		LegalIdentity: new(legalIdentity(changed.Item, request.GetIncludeUnmapped())), ReadBack: &changed.ReadBack,
	}, nil
}

// masked is the new value of a field, nil where the mask does not name it. A value that the mask leaves out would be lost
// without a word.
func masked(request *looppb.UpdateLegalIdentityRequest, field, value string) (*string, error) {
	if slices.Contains(request.GetUpdateMask().GetPaths(), field) {
		return &value, nil
	}
	if value != "" {
		return nil, wording.Field(wording.MaskOther, field)
	}
	return nil, nil
}
