package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/wording"
)

var staff = listing.List[cegidclient.StaffMember, looppb.StaffMember]{
	Name: "staff",
	Fields: listing.Fields{
		{Name: "identifier", Loop: cegidclient.StaffIdentifier, Filterable: true, Sortable: true},
		{Name: "first_name", Loop: cegidclient.StaffFirstName, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.StaffObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.StaffMember] { return &c.Staff.Lister },
	Convert: staffMember,
}

func staffMember(s *cegidclient.StaffMember, all bool) looppb.StaffMember {
	return looppb.StaffMember{
		Identifier: text(s.Identifier),
		FirstName:  s.FirstName,
		ObjectId:   text(s.ObjectID),
		Revision:   text(s.RevisionID),
		Unmapped:   unmapped(s.Unmapped, all),
	}
}

// ListStaff implements looppb.PracticeServiceServer.
func (s *PracticeData) ListStaff(ctx context.Context, request *looppb.ListStaffRequest) (*looppb.ListStaffResponse, error) {
	items, next, err := staff.Page(ctx, s.practices, request)
	return &looppb.ListStaffResponse{Staff: items, NextPageToken: next}, err
}

// StreamStaff implements looppb.PracticeServiceServer.
func (s *PracticeData) StreamStaff(request *looppb.StreamStaffRequest,
	stream grpc.ServerStreamingServer[looppb.StreamStaffResponse],
) error {
	return staff.Stream(stream.Context(), s.practices, request, func(items []*looppb.StaffMember) error {
		return stream.Send(&looppb.StreamStaffResponse{Staff: items})
	})
}

// CheckStaffAccess implements looppb.PracticeServiceServer.
func (s *PracticeData) CheckStaffAccess(ctx context.Context,
	request *looppb.CheckStaffAccessRequest,
) (*looppb.CheckStaffAccessResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	if practice.Domain == "" {
		return nil, wording.NoPracticeCode()
	}
	access, err := practice.Client.Staff.CheckAccess(ctx, cegidclient.StaffAccessQuery{
		Domain: practice.Domain, Dossier: request.GetDossier(), Login: request.GetLogin(),
	})
	if err != nil {
		return nil, err
	}
	return &looppb.CheckStaffAccessResponse{
		AccessAllowed: access.Allowed, Unmapped: unmapped(access.Unmapped, request.GetIncludeUnmapped()),
	}, nil
}
