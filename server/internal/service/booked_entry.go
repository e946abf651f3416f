package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/tenant"
)

// Entries serves looppb.EntryService.
type Entries struct {
	looppb.UnsafeEntryServiceServer

	practices *tenant.Practices
	imports   importLister
}

// importLister is what the entries need of the imports: those that the caller of ctx may see.
type importLister interface {
	WithReference(ctx context.Context, practice, dossier, reference string) (imports []*looppb.Import, more bool, err error)
}

// NewEntries returns the service.
func NewEntries(practices *tenant.Practices, imports importLister) *Entries {
	return &Entries{practices: practices, imports: imports}
}

// entryRequest is what the requests of list and stream share.
type entryRequest interface {
	GetPractice() string
	GetDossier() string
	GetLettering() looppb.LetteringState
	GetLetteringId() string
	GetOriginId() string
	GetJournal() string
	GetDocumentReference() string
	GetDocumentDate() string
	GetDocumentDateFrom() string
	GetAccount() string
	GetIncludeUnmapped() bool
}

func (s *Entries) list(ctx context.Context, request entryRequest) (entries []*looppb.BookedEntry, truncated bool, err error) {
	query := entryQuery(request)
	query.DocumentDate, query.DocumentDateFrom = request.GetDocumentDate(), request.GetDocumentDateFrom()
	return s.read(ctx, request.GetPractice(), request.GetDossier(), request.GetIncludeUnmapped(), query)
}

// entryQuery is a query without its dates.
func entryQuery(request entryRequest) cegidclient.EntryQuery {
	return cegidclient.EntryQuery{
		Lettering: letteringState(request.GetLettering()), LetteringID: request.GetLetteringId(), OriginID: request.GetOriginId(),
		Journal: request.GetJournal(), DocumentReference: request.GetDocumentReference(), Account: request.GetAccount(),
	}
}

func (s *Entries) read(ctx context.Context, practice, dossier string, all bool,
	query cegidclient.EntryQuery,
) (entries []*looppb.BookedEntry, truncated bool, err error) {
	tenant, err := s.practices.Get(practice)
	if err != nil {
		return nil, false, err
	}
	got, err := tenant.Client.Entries.List(ctx, dossier, query)
	if err != nil {
		return nil, false, err
	}
	for i := range got.Items {
		entries = append(entries, bookedEntry(&got.Items[i], all))
	}
	return entries, got.Truncated, nil
}

func letteringState(state looppb.LetteringState) cegidclient.LetteringState {
	switch state {
	case looppb.LetteringState_LETTERING_STATE_UNLETTERED:
		return cegidclient.Unlettered
	case looppb.LetteringState_LETTERING_STATE_LETTERED:
		return cegidclient.Lettered
	}
	return ""
}

func bookedEntry(e *cegidclient.BookedEntry, all bool) *looppb.BookedEntry {
	return &looppb.BookedEntry{
		Journal:           e.Journal,
		Account:           e.Account,
		DocumentReference: e.DocumentReference,
		DocumentDate:      (*string)(e.DocumentDate),
		LetteringId:       e.LetteringID,
		OriginId:          e.OriginID,
		Debit:             (*string)(e.Debit),
		Credit:            (*string)(e.Credit),
		Date:              (*string)(e.Date),
		Unmapped:          unmapped(e.Unmapped, all),
	}
}

// ListEntries implements looppb.EntryServiceServer.
func (s *Entries) ListEntries(ctx context.Context, request *looppb.ListEntriesRequest) (*looppb.ListEntriesResponse, error) {
	entries, truncated, err := s.list(ctx, request)
	if err != nil {
		return nil, err
	}
	fit := listing.Fitting(entries, listing.MaxAnswer)
	return &looppb.ListEntriesResponse{Entries: fit, Truncated: new(truncated || len(fit) < len(entries))}, nil
}

// StreamEntries implements looppb.EntryServiceServer.
func (s *Entries) StreamEntries(request *looppb.StreamEntriesRequest,
	stream grpc.ServerStreamingServer[looppb.StreamEntriesResponse],
) error {
	if request.GetDocumentDateTo() != "" {
		return s.walk(request, stream)
	}
	entries, truncated, err := s.list(stream.Context(), request)
	if err != nil {
		return err
	}
	for {
		some := listing.Fitting(entries[:min(len(entries), listing.StreamPage)], listing.MaxAnswer)
		entries = entries[len(some):]
		last := len(entries) == 0
		if err := stream.Send(&looppb.StreamEntriesResponse{Entries: some, Truncated: new(last && truncated)}); err != nil || last {
			return err
		}
	}
}

// walk streams a range of days, whatever Loop gives at most.
func (s *Entries) walk(request *looppb.StreamEntriesRequest, stream grpc.ServerStreamingServer[looppb.StreamEntriesResponse]) error {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return err
	}
	convert := func(e *cegidclient.BookedEntry) *looppb.BookedEntry {
		return bookedEntry(e, request.GetIncludeUnmapped())
	}
	return listing.Walk{Client: practice.Client, Query: entryQuery(request), Convert: convert, Send: stream.Send}.Stream(stream.Context(),
		request)
}

// FindEntriesByDocumentReference implements looppb.EntryServiceServer.
func (s *Entries) FindEntriesByDocumentReference(ctx context.Context,
	request *looppb.FindEntriesByDocumentReferenceRequest,
) (*looppb.FindEntriesByDocumentReferenceResponse, error) {
	tenant, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	booked, err := tenant.Client.Entries.Under(ctx, request.GetDossier(), request.GetDocumentReference())
	if err != nil {
		return nil, err
	}
	response := &looppb.FindEntriesByDocumentReferenceResponse{}
	truncated := false
	for _, part := range booked {
		for i := range part.Items {
			response.Entries = append(response.Entries, bookedEntry(&part.Items[i], request.GetIncludeUnmapped()))
		}
		truncated = truncated || part.Truncated
	}
	known, more, err := s.imports.WithReference(ctx, request.GetPractice(), request.GetDossier(), request.GetDocumentReference())
	if err != nil {
		return nil, err
	}
	// The two halves share one answer.
	entries, imports := listing.Fitting(response.GetEntries(), listing.MaxAnswer/2), listing.Fitting(known, listing.MaxAnswer/2)
	response.Truncated = new(truncated || len(entries) < len(response.GetEntries()))
	response.ImportsTruncated = new(more || len(imports) < len(known))
	response.Entries, response.Imports = entries, imports
	return response, nil
}
