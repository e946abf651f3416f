package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/tenant"
)

// thirdParties are the four routes of Loop.
type (
	thirdParties struct {
		kinds map[looppb.ThirdPartyKind]thirdPartyList
		all   listing.Together[cegidclient.ThirdParty, *looppb.ThirdParty]
	}
	thirdPartyList = *listing.List[cegidclient.ThirdParty, *looppb.ThirdParty]
)

func newThirdParties(practices *tenant.Practices) *thirdParties {
	out := &thirdParties{kinds: map[looppb.ThirdPartyKind]thirdPartyList{}}
	out.all.Name = "third parties"
	add := func(kind looppb.ThirdPartyKind, source func(*cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty]) {
		out.kinds[kind] = &listing.List[cegidclient.ThirdParty, *looppb.ThirdParty]{
			Practices: practices,
			Name:      "third parties " + kind.String(),
			Fields: listing.Fields{
				{Name: "code", Loop: cegidclient.ThirdPartyCode, Filterable: true, Sortable: true},
				{Name: "company_name", Loop: cegidclient.ThirdPartyCompanyName, Filterable: true, Sortable: true},
				{Name: "last_name", Loop: cegidclient.ThirdPartyLastName, Filterable: true, Sortable: true},
				{Name: "usual_name", Loop: cegidclient.ThirdPartyUsualName, Filterable: true},
				{Name: "siret", Loop: cegidclient.ThirdPartySIRET, Filterable: true},
				{Name: "object_id", Loop: cegidclient.ThirdPartyObjectID, Filterable: true},
			},
			Source:  source,
			Convert: func(t *cegidclient.ThirdParty, all bool) *looppb.ThirdParty { return thirdParty(kind, t, all) },
		}
		out.all.Lists = append(out.all.Lists, out.kinds[kind])
	}
	add(looppb.ThirdPartyKind_THIRD_PARTY_KIND_CUSTOMER, func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return &c.Customers.Lister })
	add(looppb.ThirdPartyKind_THIRD_PARTY_KIND_SUPPLIER, func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return &c.Suppliers.Lister })
	add(looppb.ThirdPartyKind_THIRD_PARTY_KIND_EMPLOYEE, func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] { return &c.Employees.Lister })
	add(looppb.ThirdPartyKind_THIRD_PARTY_KIND_OTHER, func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty] {
		return &c.OtherThirdParties.Lister
	})
	return out
}

func thirdParty(kind looppb.ThirdPartyKind, t *cegidclient.ThirdParty, all bool) *looppb.ThirdParty {
	return &looppb.ThirdParty{
		Code:           text(t.Code),
		Kind:           kind,
		TypeCode:       optional(t.Type),
		Nature:         legalNature(t.Nature),
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

// legalNature reads Loop's value (loop-api: R 6.1).
func legalNature(code *cegidclient.Code) looppb.LegalNature {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.NatureNaturalPerson:
		return looppb.LegalNature_LEGAL_NATURE_NATURAL_PERSON
	case cegidclient.NatureLegalPerson:
		return looppb.LegalNature_LEGAL_NATURE_LEGAL_PERSON
	}
	return looppb.LegalNature_LEGAL_NATURE_UNSPECIFIED
}

// thirdPartyReader lists one kind, or all.
type thirdPartyReader interface {
	Page(ctx context.Context, request listing.Page) ([]*looppb.ThirdParty, string, error)
	Stream(ctx context.Context, request listing.Query, send func([]*looppb.ThirdParty) error) error
}

// of returns the list of one kind, or of all kinds together, which Loop can neither filter nor sort.
func (t *thirdParties) of(kind looppb.ThirdPartyKind, request listing.Query) (thirdPartyReader, error) {
	if one, is := t.kinds[kind]; is {
		return one, nil
	}
	const needsKind = "needs kind: Loop lists customers, suppliers, employees and others apart"
	switch {
	case request.GetFilter() != "":
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED, "filter", needsKind)
	case request.GetOrderBy() != "":
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED, "order_by", needsKind)
	}
	return &t.all, nil
}

// ListThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListThirdParties(ctx context.Context, request *looppb.ListThirdPartiesRequest) (*looppb.ListThirdPartiesResponse, error) {
	of, err := s.thirdParties.of(request.GetKind(), request)
	if err != nil {
		return nil, err
	}
	items, next, err := of.Page(ctx, request)
	return &looppb.ListThirdPartiesResponse{ThirdParties: items, NextPageToken: next}, err
}

// StreamThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamThirdParties(request *looppb.StreamThirdPartiesRequest, stream grpc.ServerStreamingServer[looppb.StreamThirdPartiesResponse]) error {
	of, err := s.thirdParties.of(request.GetKind(), request)
	if err != nil {
		return err
	}
	return of.Stream(stream.Context(), request, func(items []*looppb.ThirdParty) error {
		return stream.Send(&looppb.StreamThirdPartiesResponse{ThirdParties: items})
	})
}
