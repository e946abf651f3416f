package service

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var workGroups = listing.List[cegidclient.WorkGroup, looppb.WorkGroup]{
	Name: "work groups",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.WorkGroupCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.WorkGroupLabel, Filterable: true, Sortable: true},
		{Name: "office", Loop: cegidclient.WorkGroupOffice, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.WorkGroupObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.WorkGroup] { return c.WorkGroups },
	Convert: workGroup,
}

func workGroup(g *cegidclient.WorkGroup, all bool) looppb.WorkGroup {
	return looppb.WorkGroup{
		Code:     text(g.Code),
		Label:    g.Label,
		Office:   g.Office,
		ObjectId: text(g.ObjectID),
		Revision: text(g.RevisionID),
		Unmapped: unmapped(g.Unmapped, all),
	}
}

// ListWorkGroups implements looppb.PracticeServiceServer.
func (s *PracticeData) ListWorkGroups(ctx context.Context, request *looppb.ListWorkGroupsRequest) (*looppb.ListWorkGroupsResponse, error) {
	items, next, err := workGroups.Page(ctx, s.practices, request)
	return &looppb.ListWorkGroupsResponse{WorkGroups: items, NextPageToken: next}, err
}
