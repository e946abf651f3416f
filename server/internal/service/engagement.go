package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var engagements = listing.List[cegidclient.Engagement, looppb.Engagement]{
	Name: "engagements",
	Fields: listing.Fields{
		{Name: "object_id", Loop: cegidclient.EngagementObjectID, Filterable: true, Sortable: true},
		{Name: "code", Loop: cegidclient.EngagementCode, Filterable: true, Sortable: true},
		{Name: "description", Loop: cegidclient.EngagementDescription, Filterable: true, Sortable: true},
		{Name: "profit_center", Loop: cegidclient.EngagementProfitCenter, Filterable: true, Sortable: true},
		{Name: "person_in_charge", Loop: cegidclient.EngagementPersonInCharge, Filterable: true, Sortable: true},
		{Name: "client_dossier", Loop: cegidclient.EngagementClientDossier, Filterable: true, Sortable: true},
		{Name: "client_dossier_id", Loop: cegidclient.EngagementClientDossierID, Filterable: true},
	},
	Source: func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Engagement] {
		return c.Engagements
	},
	Convert: engagement,
}

func engagement(e *cegidclient.Engagement, all bool) looppb.Engagement {
	return looppb.Engagement{
		Code:            e.Code,
		Description:     e.Description,
		ProfitCenter:    e.ProfitCenter,
		PersonInCharge:  e.PersonInCharge,
		ClientDossier:   e.ClientDossier,
		ClientDossierId: e.ClientDossierID,
		StartDate:       (*string)(e.StartDate),
		EndDate:         (*string)(e.EndDate),
		ObjectId:        text(e.ObjectID),
		Revision:        text(e.RevisionID),
		Unmapped:        unmapped(e.Unmapped, all),
	}
}

// ListEngagements implements looppb.PracticeServiceServer.
func (s *PracticeData) ListEngagements(ctx context.Context,
	request *looppb.ListEngagementsRequest,
) (*looppb.ListEngagementsResponse, error) {
	items, next, err := engagements.Page(ctx, s.practices, request)
	return &looppb.ListEngagementsResponse{Engagements: items, NextPageToken: next}, err
}

// StreamEngagements implements looppb.PracticeServiceServer.
func (s *PracticeData) StreamEngagements(request *looppb.StreamEngagementsRequest,
	stream grpc.ServerStreamingServer[looppb.StreamEngagementsResponse],
) error {
	return engagements.Stream(stream.Context(), s.practices, request, func(items []*looppb.Engagement) error {
		return stream.Send(&looppb.StreamEngagementsResponse{Engagements: items})
	})
}
