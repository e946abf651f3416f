package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/wording"
)

var journals = listing.List[cegidclient.Journal, looppb.Journal]{
	Name: "journals",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.JournalCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.JournalLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.JournalObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.Journal] { return &c.Journals.Lister },
	Convert: journal,
}

func journal(j *cegidclient.Journal, all bool) looppb.Journal {
	return looppb.Journal{
		Code:                  text(j.Code),
		Label:                 j.Label,
		Type:                  listed(journalTypes, j.Type),
		TypeCode:              optional(j.Type),
		ContraAccount:         reference(j.ContraAccount),
		ContraAccountMode:     listed(contraAccountModes, j.ContraAccountMode),
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

// journalTypes are Loop's values (loop-api: R 3.1); one that is not in the list stays in type_code alone.
var journalTypes = map[cegidclient.Code]looppb.JournalType{
	cegidclient.JournalTypePurchase:           looppb.JournalType_JOURNAL_TYPE_PURCHASE,
	cegidclient.JournalTypeMiscellaneous:      looppb.JournalType_JOURNAL_TYPE_MISCELLANEOUS,
	cegidclient.JournalTypeOpening:            looppb.JournalType_JOURNAL_TYPE_OPENING,
	cegidclient.JournalTypeBank:               looppb.JournalType_JOURNAL_TYPE_BANK,
	cegidclient.JournalTypeCash:               looppb.JournalType_JOURNAL_TYPE_CASH,
	cegidclient.JournalTypeExchangeDifference: looppb.JournalType_JOURNAL_TYPE_EXCHANGE_DIFFERENCE,
	cegidclient.JournalTypeAdjustment:         looppb.JournalType_JOURNAL_TYPE_ADJUSTMENT,
	cegidclient.JournalTypeSale:               looppb.JournalType_JOURNAL_TYPE_SALE,
}

// contraAccountModes are Loop's values (loop-api: R 3.1).
var contraAccountModes = map[cegidclient.Code]looppb.ContraAccountMode{
	cegidclient.ContraAccountFree:       looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_FREE,
	cegidclient.ContraAccountPerEntry:   looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_PER_ENTRY,
	cegidclient.ContraAccountPerJournal: looppb.ContraAccountMode_CONTRA_ACCOUNT_MODE_JOURNAL_FOOT,
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
	return &looppb.GetJournalResponse{Journal: new(journal(found, request.GetIncludeUnmapped()))}, nil
}

// CreateJournal implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) CreateJournal(ctx context.Context, request *looppb.CreateJournalRequest) (*looppb.CreateJournalResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	if err := wording.Findings(check.JournalCode(request.GetCode())); err != nil {
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
	return &looppb.CreateJournalResponse{Journal: new(journal(created.Item, request.GetIncludeUnmapped())), ReadBack: &created.ReadBack}, nil
}
