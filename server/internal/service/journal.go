package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var journals = listing.List[cegidclient.Journal, *looppb.Journal]{
	Name: "journals",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.JournalCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.JournalLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.JournalObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Journal] { return &c.Journals.Lister },
	Convert: journal,
}

func journal(j *cegidclient.Journal, all bool) *looppb.Journal {
	return &looppb.Journal{
		Code:                  text(j.Code),
		Label:                 j.Label,
		Type:                  journalType(j.Type),
		TypeCode:              optional(j.Type),
		ContraAccount:         reference(j.ContraAccount),
		ContraAccountMode:     contraAccountMode(j.ContraAccountMode),
		ContraAccountModeCode: optional(j.ContraAccountMode),
		CarriesOperationDate:  j.CarriesOperationDate,
		Slip:                  j.Slip,
		Closed:                j.Closed,
		ClientAccess:          j.ClientAccess,
		LabelEntryModeCode:    optional(j.LabelEntryMode),
		ObjectId:              text(j.ObjectID),
		Revision:              text(j.RevisionID),
		Description:           j.Description,
		Unmapped:              unmapped(j.Unmapped, all),
	}
}

// journalType reads Loop's value (loop-api: R 3.1); one that is not in the list stays in type_code alone.
func journalType(code *cegidclient.Code) looppb.JournalType {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.JournalTypePurchase:
		return looppb.JournalType_JOURNAL_TYPE_PURCHASE
	case cegidclient.JournalTypeMiscellaneous:
		return looppb.JournalType_JOURNAL_TYPE_MISCELLANEOUS
	case cegidclient.JournalTypeOpening:
		return looppb.JournalType_JOURNAL_TYPE_OPENING
	case cegidclient.JournalTypeBank:
		return looppb.JournalType_JOURNAL_TYPE_BANK
	case cegidclient.JournalTypeCash:
		return looppb.JournalType_JOURNAL_TYPE_CASH
	case cegidclient.JournalTypeExchangeDifference:
		return looppb.JournalType_JOURNAL_TYPE_EXCHANGE_DIFFERENCE
	case cegidclient.JournalTypeAdjustment:
		return looppb.JournalType_JOURNAL_TYPE_ADJUSTMENT
	case cegidclient.JournalTypeSale:
		return looppb.JournalType_JOURNAL_TYPE_SALE
	}
	return looppb.JournalType_JOURNAL_TYPE_UNSPECIFIED
}

// contraAccountMode reads Loop's value (loop-api: R 3.1).
func contraAccountMode(code *cegidclient.Code) looppb.ContraAccountMode {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.ContraAccountFree:
		return looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_FREE
	case cegidclient.ContraAccountPerEntry:
		return looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_PER_ENTRY
	case cegidclient.ContraAccountPerJournal:
		return looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_JOURNAL_FOOT
	}
	return looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_UNSPECIFIED
}

// ListJournals implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListJournals(ctx context.Context, request *looppb.ListJournalsRequest) (*looppb.ListJournalsResponse, error) {
	items, next, err := journals.Page(ctx, s.practices, request)
	return &looppb.ListJournalsResponse{Journals: items, NextPageToken: next}, err
}

// StreamJournals implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamJournals(request *looppb.StreamJournalsRequest,
	stream grpc.ServerStreamingServer[looppb.StreamJournalsResponse],
) error {
	return journals.Stream(stream.Context(), s.practices, request, func(items []*looppb.Journal) error {
		return stream.Send(&looppb.StreamJournalsResponse{Journals: items})
	})
}

// GetJournal implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) GetJournal(ctx context.Context, request *looppb.GetJournalRequest) (*looppb.GetJournalResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	found, err := practice.Client.Journals.Get(ctx, request.GetDossier(), request.GetCode())
	if err != nil {
		return nil, err
	}
	return &looppb.GetJournalResponse{Journal: journal(found, request.GetIncludeUnmapped())}, nil
}

// CreateJournal implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) CreateJournal(ctx context.Context, request *looppb.CreateJournalRequest) (*looppb.CreateJournalResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	if err := refusal(check.JournalCode(request.GetCode())); err != nil {
		return nil, err
	}
	if err := checkExtraFields(request.GetDossier(), request.GetExtraFields()); err != nil {
		return nil, err
	}
	code, label := request.GetCode(), request.GetLabel()
	created, err := practice.Client.Journals.Create(ctx, request.GetDossier(), cegidclient.Journal{
		Code: &code, Label: &label, Type: enumCode(request.GetType()), ContraAccountMode: enumCode(request.GetContraAccountMode()),
		CarriesOperationDate: request.CarriesOperationDate, Slip: request.Slip, Closed: request.Closed, ClientAccess: request.ClientAccess,
		LabelEntryMode: (*cegidclient.Code)(request.LabelEntryModeCode), Unmapped: request.GetExtraFields(),
	})
	if err != nil {
		return nil, err
	}
	return &looppb.CreateJournalResponse{Journal: journal(created.Item, request.GetIncludeUnmapped()), ReadBack: &created.ReadBack}, nil
}
