package service

import (
	"cmp"
	"context"
	"errors"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/tenant"
	"cegid.internal/gateway/server/internal/wording"
)

// ChangeFeed serves looppb.ChangeFeedService.
type ChangeFeed struct {
	looppb.UnsafeChangeFeedServiceServer

	practices *tenant.Practices
}

// NewChangeFeed returns the service.
func NewChangeFeed(practices *tenant.Practices) *ChangeFeed { return &ChangeFeed{practices: practices} }

// ReplayChanges implements looppb.ChangeFeedServiceServer.
func (s *ChangeFeed) ReplayChanges(ctx context.Context, request *looppb.ReplayChangesRequest) (*looppb.ReplayChangesResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	// It books nothing: there is nothing for the ledger to note before it leaves.
	ctx = cegidclient.WithBeforeSend(ctx, func(context.Context, *cegidclient.Call) error { return nil })
	replay, err := practice.Client.Changes.Replay(ctx, cegidclient.ReplayQuery{
		EntityID: request.GetEntityId(), SubscriptionID: request.GetSubscriptionId(), Days: int(cmp.Or(request.GetNumberOfDays(), 1)),
	})
	if lost, is := errors.AsType[*cegidclient.Error](err); is && lost.Kind == cegidclient.KindOutcomeUnknown {
		return nil, wording.Replay(lost)
	}
	if err != nil {
		return nil, err
	}
	return &looppb.ReplayChangesResponse{
		Message: replay.Message, Domain: replay.Domain, DossierCode: text(replay.Dossier),
		Unmapped: unmapped(replay.Unmapped, request.GetIncludeUnmapped()),
	}, nil
}
