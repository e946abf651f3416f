package service

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// Entries serves looppb.EntryService.
type Entries struct {
	looppb.UnsafeEntryServiceServer

	practices *Practices
	imports   importLister
}

// importLister is what the entries need of the imports: those that the caller of ctx may see.
type importLister interface {
	ListImports(ctx context.Context, request *looppb.ListImportsRequest) (*looppb.ListImportsResponse, error)
}

// NewEntries returns the service.
func NewEntries(practices *Practices, imports importLister) *Entries {
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
	return s.read(ctx, request.GetPractice(), request.GetDossier(), request.GetIncludeUnmapped(), cegidclient.EntryQuery{
		Lettering: letteringState(request.GetLettering()), LetteringID: request.GetLetteringId(), OriginID: request.GetOriginId(),
		Journal: request.GetJournal(), DocumentReference: request.GetDocumentReference(), Account: request.GetAccount(),
		DocumentDate: request.GetDocumentDate(), DocumentDateFrom: request.GetDocumentDateFrom(),
	})
}

func (s *Entries) read(ctx context.Context, practice, dossier string, all bool, query cegidclient.EntryQuery) (entries []*looppb.BookedEntry, truncated bool, err error) {
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

// entriesUnder asks Loop for the entries of a document reference: those that are not lettered, and those that are. Not
// lettered first: what is lettered in between then comes twice, where the other way round it would not come at all.
func entriesUnder(ctx context.Context, loop *cegidclient.Client, dossier, reference string) (booked [2]*cegidclient.EntryList, err error) {
	for i, state := range []cegidclient.LetteringState{cegidclient.Unlettered, cegidclient.Lettered} {
		booked[i], err = loop.Entries.List(ctx, dossier, cegidclient.EntryQuery{Lettering: state, DocumentReference: reference})
		if err != nil {
			return booked, err
		}
	}
	return booked, nil
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
		Unmapped:          unmapped(e.Unmapped, all),
	}
}

// fitting returns as many items, from the first on, as fit the bytes: one at least.
func fitting[P proto.Message](items []P, most int) []P {
	size := 0
	for i, item := range items {
		if size += proto.Size(item); size > most && i > 0 {
			return items[:i]
		}
	}
	return items
}

// ListEntries implements looppb.EntryServiceServer.
func (s *Entries) ListEntries(ctx context.Context, request *looppb.ListEntriesRequest) (*looppb.ListEntriesResponse, error) {
	entries, truncated, err := s.list(ctx, request)
	if err != nil {
		return nil, err
	}
	fit := fitting(entries, maxAnswer)
	return &looppb.ListEntriesResponse{Entries: fit, Truncated: new(truncated || len(fit) < len(entries))}, nil
}

// StreamEntries implements looppb.EntryServiceServer.
func (s *Entries) StreamEntries(request *looppb.StreamEntriesRequest, stream grpc.ServerStreamingServer[looppb.StreamEntriesResponse]) error {
	entries, truncated, err := s.list(stream.Context(), request)
	if err != nil {
		return err
	}
	for {
		some := fitting(entries[:min(len(entries), streamPage)], maxAnswer)
		entries = entries[len(some):]
		last := len(entries) == 0
		if err := stream.Send(&looppb.StreamEntriesResponse{Entries: some, Truncated: new(last && truncated)}); err != nil || last {
			return err
		}
	}
}

// FindEntriesByDocumentReference implements looppb.EntryServiceServer.
func (s *Entries) FindEntriesByDocumentReference(ctx context.Context, request *looppb.FindEntriesByDocumentReferenceRequest) (*looppb.FindEntriesByDocumentReferenceResponse, error) {
	tenant, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	booked, err := entriesUnder(ctx, tenant.Client, request.GetDossier(), request.GetDocumentReference())
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
	known, err := s.imports.ListImports(ctx, &looppb.ListImportsRequest{
		Practice: request.GetPractice(), Dossier: request.GetDossier(), DocumentReference: request.GetDocumentReference(),
	})
	if err != nil {
		return nil, err
	}
	// The two halves share one answer.
	entries, imports := fitting(response.GetEntries(), maxAnswer/2), fitting(known.GetImports(), maxAnswer/2)
	response.Truncated = new(truncated || len(entries) < len(response.GetEntries()))
	response.ImportsTruncated = new(known.GetNextPageToken() != "" || len(imports) < len(known.GetImports()))
	response.Entries, response.Imports = entries, imports
	return response, nil
}
