package service

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/tenant"
	"cegid.internal/gateway/server/internal/wording"
)

type thirdPartyList = listing.List[cegidclient.ThirdParty, looppb.ThirdParty]

// thirdPartyKinds are the four routes of Loop, in the order of their kinds.
var thirdPartyKinds = []*thirdPartyList{
	thirdPartiesOf(looppb.ThirdPartyKind_THIRD_PARTY_KIND_CUSTOMER,
		func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return c.Customers }),
	thirdPartiesOf(looppb.ThirdPartyKind_THIRD_PARTY_KIND_SUPPLIER,
		func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return c.Suppliers }),
	thirdPartiesOf(looppb.ThirdPartyKind_THIRD_PARTY_KIND_EMPLOYEE,
		func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return c.Employees }),
	thirdPartiesOf(looppb.ThirdPartyKind_THIRD_PARTY_KIND_OTHER,
		func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return c.OtherThirdParties }),
}

func thirdPartiesOf(kind looppb.ThirdPartyKind,
	source func(*cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty],
) *thirdPartyList {
	return &thirdPartyList{
		Name: thirdPartiesName(kind),
		Fields: listing.Fields{
			{Name: "code", Loop: cegidclient.ThirdPartyCode, Filterable: true, Sortable: true},
			{Name: "company_name", Loop: cegidclient.ThirdPartyCompanyName, Filterable: true, Sortable: true},
			{Name: "last_name", Loop: cegidclient.ThirdPartyLastName, Filterable: true, Sortable: true},
			{Name: "usual_name", Loop: cegidclient.ThirdPartyUsualName, Filterable: true},
			{Name: "siret", Loop: cegidclient.ThirdPartySIRET, Filterable: true},
			{Name: "object_id", Loop: cegidclient.ThirdPartyObjectID, Filterable: true},
		},
		Source:  source,
		Convert: func(t *cegidclient.ThirdParty, all bool) looppb.ThirdParty { return thirdParty(kind, t, all) },
	}
}

func thirdPartiesName(kind looppb.ThirdPartyKind) string { return "third parties " + kind.String() }

func thirdParty(kind looppb.ThirdPartyKind, t *cegidclient.ThirdParty, all bool) looppb.ThirdParty {
	return looppb.ThirdParty{
		Code:           text(t.Code),
		Kind:           kind,
		TypeCode:       optional(t.Type),
		Nature:         listed(legalNatures, t.Nature),
		NatureCode:     optional(t.Nature),
		FirstName:      t.FirstName,
		LastName:       t.LastName,
		CompanyName:    t.CompanyName,
		UsualName:      t.UsualName,
		Letterable:     t.Letterable,
		ContraAccount:  reference(t.ContraAccount),
		Siret:          t.SIRET,
		Phone:          t.Phone,
		Fax:            t.Fax,
		Email:          t.Email,
		Website:        t.Website,
		Active:         t.Active,
		ValidationCode: optional(t.Validation),
		SubjectToVat:   t.SubjectToVAT,
		ObjectId:       text(t.ObjectID),
		Revision:       text(t.RevisionID),
		Unmapped:       unmapped(t.Unmapped, all),
	}
}

// legalNatures are Loop's values (loop-api: R 6.1).
var legalNatures = map[cegidclient.Code]looppb.LegalNature{
	cegidclient.NatureNaturalPerson: looppb.LegalNature_LEGAL_NATURE_NATURAL_PERSON,
	cegidclient.NatureLegalPerson:   looppb.LegalNature_LEGAL_NATURE_LEGAL_PERSON,
}

// thirdPartyReader lists one kind, or all.
type thirdPartyReader interface {
	Page(ctx context.Context, practices *tenant.Practices, request listing.Page) ([]*looppb.ThirdParty, string, error)
	Stream(ctx context.Context, practices *tenant.Practices, request listing.Query, send func([]*looppb.ThirdParty) error) error
}

// thirdParties returns the list of one kind, or of all kinds together, which Loop can neither filter nor sort.
func thirdParties(kind looppb.ThirdPartyKind, request listing.Query) (thirdPartyReader, error) {
	if i := slices.IndexFunc(thirdPartyKinds, func(l *thirdPartyList) bool { return l.Name == thirdPartiesName(kind) }); i >= 0 {
		return thirdPartyKinds[i], nil
	}
	switch {
	case request.GetFilter() != "":
		return nil, wording.Field(wording.FilterNeedsKind, "filter")
	case request.GetOrderBy() != "":
		return nil, wording.Field(wording.OrderNeedsKind, "order_by")
	}
	return &listing.Together[cegidclient.ThirdParty, looppb.ThirdParty]{Name: "third parties", Lists: thirdPartyKinds}, nil
}

// ListThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListThirdParties(ctx context.Context,
	request *looppb.ListThirdPartiesRequest,
) (*looppb.ListThirdPartiesResponse, error) {
	of, err := thirdParties(request.GetKind(), request)
	if err != nil {
		return nil, err
	}
	items, next, err := of.Page(ctx, s.practices, request)
	return &looppb.ListThirdPartiesResponse{ThirdParties: items, NextPageToken: next}, err
}

// StreamThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamThirdParties(request *looppb.StreamThirdPartiesRequest,
	stream grpc.ServerStreamingServer[looppb.StreamThirdPartiesResponse],
) error {
	of, err := thirdParties(request.GetKind(), request)
	if err != nil {
		return err
	}
	return of.Stream(stream.Context(), s.practices, request, func(items []*looppb.ThirdParty) error {
		return stream.Send(&looppb.StreamThirdPartiesResponse{ThirdParties: items})
	})
}
