package service

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var offices = listing.List[cegidclient.Office, looppb.Office]{
	Name: "offices",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.OfficeCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.OfficeLabel, Filterable: true, Sortable: true},
		{Name: "siret", Loop: cegidclient.OfficeSIRET, Filterable: true},
		{Name: "email", Loop: cegidclient.OfficeEmail, Filterable: true},
		{Name: "object_id", Loop: cegidclient.OfficeObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Office] { return c.Offices },
	Convert: office,
}

func office(o *cegidclient.Office, all bool) looppb.Office {
	return looppb.Office{
		Code:         text(o.Code),
		Label:        o.Label,
		Siret:        o.SIRET,
		StreetNumber: o.StreetNumber,
		Email:        o.Email,
		ObjectId:     text(o.ObjectID),
		Revision:     text(o.RevisionID),
		Unmapped:     unmapped(o.Unmapped, all),
	}
}

// ListOffices implements looppb.PracticeServiceServer.
func (s *PracticeData) ListOffices(ctx context.Context, request *looppb.ListOfficesRequest) (*looppb.ListOfficesResponse, error) {
	items, next, err := offices.Page(ctx, s.practices, request)
	return &looppb.ListOfficesResponse{Offices: items, NextPageToken: next}, err
}
