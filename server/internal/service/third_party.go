package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/listquery"
	"cegid.internal/gateway/server/internal/pagetoken"
)

// thirdParties lists the four routes of Loop as one, or one of them.
type thirdParties struct {
	practices *Practices
	kinds     []thirdPartyKind
}

type thirdPartyKind struct {
	kind looppb.ThirdPartyKind
	list *list[cegidclient.ThirdParty, *looppb.ThirdParty]
}

func newThirdParties(practices *Practices) *thirdParties {
	out := &thirdParties{practices: practices}
	add := func(kind looppb.ThirdPartyKind, source func(*cegidclient.Client) *cegidclient.Lister[cegidclient.ThirdParty]) {
		out.kinds = append(out.kinds, thirdPartyKind{kind, &list[cegidclient.ThirdParty, *looppb.ThirdParty]{
			practices: practices,
			name:      "third parties " + kind.String(),
			fields: listquery.Fields{
				{Name: "code", Loop: cegidclient.ThirdPartyCode, Filterable: true, Sortable: true},
				{Name: "company_name", Loop: cegidclient.ThirdPartyCompanyName, Filterable: true, Sortable: true},
				{Name: "last_name", Loop: cegidclient.ThirdPartyLastName, Filterable: true, Sortable: true},
				{Name: "usual_name", Loop: cegidclient.ThirdPartyUsualName, Filterable: true},
				{Name: "siret", Loop: cegidclient.ThirdPartySIRET, Filterable: true},
				{Name: "object_id", Loop: cegidclient.ThirdPartyObjectID, Filterable: true},
			},
			source:  source,
			convert: func(t *cegidclient.ThirdParty, all bool) *looppb.ThirdParty { return thirdParty(kind, t, all) },
		}})
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

// ofKind returns the list of one kind; nil for all kinds together, which Loop can neither filter nor sort.
func (t *thirdParties) ofKind(kind looppb.ThirdPartyKind, request query) (*list[cegidclient.ThirdParty, *looppb.ThirdParty], error) {
	for _, each := range t.kinds {
		if each.kind == kind {
			return each.list, nil
		}
	}
	const needsKind = "needs kind: Loop lists customers, suppliers, employees and others apart"
	switch {
	case request.GetFilter() != "":
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED, "filter", needsKind)
	case request.GetOrderBy() != "":
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED, "order_by", needsKind)
	}
	return nil, nil
}

// kindStep separates the kinds in the position of a page token: kind · kindStep + position within the kind.
const kindStep = 1 << 28

// page answers one page of all kinds, one after the other.
func (t *thirdParties) page(ctx context.Context, request page) (items []*looppb.ThirdParty, next string, err error) {
	digest := pagetoken.NewQuery("third parties", request.GetPractice(), dossierOf(request))
	at, err := position(digest, request.GetPageToken())
	if err != nil {
		return nil, "", err
	}
	most := pageSize(request)
	for kind, skip := at/kindStep, at%kindStep; kind < len(t.kinds); kind, skip = kind+1, 0 {
		of := t.kinds[kind].list
		source, options, err := of.open(request)
		if err != nil {
			return nil, "", err
		}
		if len(items) == most { // nothing may follow: a look at the next kind tells, which the next page would begin with
			options.Take = 1
			if more, _, _, err := of.fill(ctx, source, request, options); err != nil || len(more) > 0 {
				return items, pagetoken.Encode(digest, kind*kindStep), nil
			}
			continue
		}
		options.Skip, options.Take = skip, most-len(items)
		more, position, end, err := of.fill(ctx, source, request, options)
		if err != nil {
			return nil, "", err // a page with a kind missing would look whole
		}
		if items = append(items, more...); !end {
			return items, pagetoken.Encode(digest, kind*kindStep+position), nil
		}
	}
	return items, "", nil
}

// ListThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListThirdParties(ctx context.Context, request *looppb.ListThirdPartiesRequest) (*looppb.ListThirdPartiesResponse, error) {
	of, err := s.thirdParties.ofKind(request.GetKind(), request)
	if err != nil {
		return nil, err
	}
	read := s.thirdParties.page
	if of != nil {
		read = of.page
	}
	items, next, err := read(ctx, request)
	return &looppb.ListThirdPartiesResponse{ThirdParties: items, NextPageToken: next}, err
}

// StreamThirdParties implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamThirdParties(request *looppb.StreamThirdPartiesRequest, stream grpc.ServerStreamingServer[looppb.StreamThirdPartiesResponse]) error {
	of, err := s.thirdParties.ofKind(request.GetKind(), request)
	if err != nil {
		return err
	}
	kinds := s.thirdParties.kinds
	if of != nil {
		kinds = []thirdPartyKind{{request.GetKind(), of}}
	}
	for _, each := range kinds {
		if err := each.list.stream(stream.Context(), request, func(items []*looppb.ThirdParty) error {
			return stream.Send(&looppb.StreamThirdPartiesResponse{ThirdParties: items})
		}); err != nil {
			return err
		}
	}
	return nil
}
