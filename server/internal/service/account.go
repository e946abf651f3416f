package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var accounts = listing.List[cegidclient.Account, looppb.Account]{
	Name: "accounts",
	Fields: listing.Fields{
		{Name: "number", Loop: cegidclient.AccountNumber, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.AccountLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.AccountObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Account] { return &c.Accounts.Lister },
	Convert: account,
}

func account(a *cegidclient.Account, all bool) looppb.Account {
	return looppb.Account{
		Number:        text(a.Number),
		Label:         a.Label,
		TypeCode:      optional(a.Type),
		Collective:    a.Collective,
		Letterable:    a.Letterable,
		Reconcilable:  a.Reconcilable,
		Centralizable: a.Centralizable,
		Analytic:      a.Analytic,
		Closed:        a.Closed,
		ContraAccount: reference(a.ContraAccount),
		BankAccount:   reference(a.BankAccount),
		VatCode:       reference(a.VAT),
		ObjectId:      text(a.ObjectID),
		Revision:      text(a.RevisionID),
		Description:   a.Description,
		Unmapped:      unmapped(a.Unmapped, all),
	}
}

// ListAccounts implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListAccounts(ctx context.Context, request *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	items, next, err := accounts.Page(ctx, s.practices, request)
	return &looppb.ListAccountsResponse{Accounts: items, NextPageToken: next}, err
}

// StreamAccounts implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamAccounts(request *looppb.StreamAccountsRequest,
	stream grpc.ServerStreamingServer[looppb.StreamAccountsResponse],
) error {
	return accounts.Stream(stream.Context(), s.practices, request, func(items []*looppb.Account) error {
		return stream.Send(&looppb.StreamAccountsResponse{Accounts: items})
	})
}

// GetAccount implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) GetAccount(ctx context.Context, request *looppb.GetAccountRequest) (*looppb.GetAccountResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	found, err := practice.Client.Accounts.Get(ctx, request.GetDossier(), request.GetNumber())
	if err != nil {
		return nil, err
	}
	return &looppb.GetAccountResponse{Account: new(account(found, request.GetIncludeUnmapped()))}, nil
}

// CreateAccount implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) CreateAccount(ctx context.Context, request *looppb.CreateAccountRequest) (*looppb.CreateAccountResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	if err := checkExtraFields(request.GetDossier(), request.GetExtraFields()); err != nil {
		return nil, err
	}
	number, label := request.GetNumber(), request.GetLabel()
	created, err := practice.Client.Accounts.Create(ctx, request.GetDossier(), cegidclient.Account{
		Number: &number, Label: &label, Type: (*cegidclient.Code)(request.TypeCode), Collective: request.Collective,
		Letterable:   request.Letterable,
		Reconcilable: request.Reconcilable, Centralizable: request.Centralizable, Analytic: request.Analytic, Closed: request.Closed,
		Unmapped: request.GetExtraFields(),
	})
	if err != nil {
		return nil, err
	}
	return &looppb.CreateAccountResponse{Account: new(account(created.Item, request.GetIncludeUnmapped())), ReadBack: &created.ReadBack}, nil
}
