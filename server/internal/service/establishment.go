package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var establishments = listing.List[cegidclient.Establishment, looppb.Establishment]{
	Name: "establishments",
	Fields: listing.Fields{
		{Name: "company_name", Loop: cegidclient.EstablishmentCompanyName, Filterable: true, Sortable: true},
		{Name: "last_name", Loop: cegidclient.EstablishmentLastName, Filterable: true, Sortable: true},
		{Name: "first_name", Loop: cegidclient.EstablishmentFirstName, Filterable: true},
		{Name: "object_id", Loop: cegidclient.EstablishmentObjectID, Filterable: true},
	},
	Source: func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Establishment] {
		return c.Establishments
	},
	Convert: establishment,
}

func establishment(e *cegidclient.Establishment, all bool) looppb.Establishment {
	return looppb.Establishment{
		Type:        listed(establishmentTypes, e.Type),
		TypeCode:    optional(e.Type),
		Nature:      listed(legalNatures, e.Nature),
		NatureCode:  optional(e.Nature),
		FirstName:   e.FirstName,
		LastName:    e.LastName,
		CompanyName: e.CompanyName,
		ObjectId:    text(e.ObjectID),
		Revision:    text(e.RevisionID),
		Unmapped:    unmapped(e.Unmapped, all),
	}
}

// establishmentTypes are Loop's values (loop-api: R 7.1).
var establishmentTypes = map[cegidclient.Code]looppb.EstablishmentType{
	cegidclient.EstablishmentMainAndRegisteredOffice: looppb.EstablishmentType_ESTABLISHMENT_TYPE_MAIN_AND_REGISTERED_OFFICE,
	cegidclient.EstablishmentSecondary:               looppb.EstablishmentType_ESTABLISHMENT_TYPE_SECONDARY,
	cegidclient.EstablishmentMain:                    looppb.EstablishmentType_ESTABLISHMENT_TYPE_MAIN,
	cegidclient.EstablishmentRegisteredOffice:        looppb.EstablishmentType_ESTABLISHMENT_TYPE_REGISTERED_OFFICE,
}

// ListEstablishments implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListEstablishments(ctx context.Context,
	request *looppb.ListEstablishmentsRequest,
) (*looppb.ListEstablishmentsResponse, error) {
	items, next, err := establishments.Page(ctx, s.practices, request)
	return &looppb.ListEstablishmentsResponse{Establishments: items, NextPageToken: next}, err
}

// StreamEstablishments implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamEstablishments(request *looppb.StreamEstablishmentsRequest,
	stream grpc.ServerStreamingServer[looppb.StreamEstablishmentsResponse],
) error {
	return establishments.Stream(stream.Context(), s.practices, request, func(items []*looppb.Establishment) error {
		return stream.Send(&looppb.StreamEstablishmentsResponse{Establishments: items})
	})
}
