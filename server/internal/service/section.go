package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var sections = listing.List[cegidclient.Section, looppb.AnalyticSection]{
	Name: "analytic sections",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.SectionCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.SectionLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.SectionObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Section] { return c.Sections },
	Convert: analyticSection,
}

func analyticSection(s *cegidclient.Section, all bool) looppb.AnalyticSection {
	return looppb.AnalyticSection{
		Code:     text(s.Code),
		Label:    s.Label,
		Closed:   s.Closed,
		Axis:     reference(s.Axis),
		ObjectId: text(s.ObjectID),
		Revision: text(s.RevisionID),
		Unmapped: unmapped(s.Unmapped, all),
	}
}

// ListAnalyticSections implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListAnalyticSections(ctx context.Context,
	request *looppb.ListAnalyticSectionsRequest,
) (*looppb.ListAnalyticSectionsResponse, error) {
	items, next, err := sections.Page(ctx, s.practices, request)
	return &looppb.ListAnalyticSectionsResponse{AnalyticSections: items, NextPageToken: next}, err
}

// StreamAnalyticSections implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamAnalyticSections(request *looppb.StreamAnalyticSectionsRequest,
	stream grpc.ServerStreamingServer[looppb.StreamAnalyticSectionsResponse],
) error {
	return sections.Stream(stream.Context(), s.practices, request, func(items []*looppb.AnalyticSection) error {
		return stream.Send(&looppb.StreamAnalyticSectionsResponse{AnalyticSections: items})
	})
}
