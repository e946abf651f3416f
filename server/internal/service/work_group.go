package service

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listquery"
)

func newWorkGroups(practices *Practices) *list[cegidclient.WorkGroup, *looppb.WorkGroup] {
	return &list[cegidclient.WorkGroup, *looppb.WorkGroup]{
		practices: practices,
		name:      "work groups",
		fields: listquery.Fields{
			{Name: "code", Loop: cegidclient.WorkGroupCode, Filterable: true, Sortable: true},
			{Name: "label", Loop: cegidclient.WorkGroupLabel, Filterable: true, Sortable: true},
			{Name: "office", Loop: cegidclient.WorkGroupOffice, Filterable: true, Sortable: true},
			{Name: "object_id", Loop: cegidclient.WorkGroupObjectID, Filterable: true},
		},
		source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.WorkGroup] { return &c.WorkGroups.Lister },
		convert: workGroup,
	}
}

func workGroup(g *cegidclient.WorkGroup, all bool) *looppb.WorkGroup {
	return &looppb.WorkGroup{
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
	items, next, err := s.workGroups.page(ctx, request)
	return &looppb.ListWorkGroupsResponse{WorkGroups: items, NextPageToken: next}, err
}
