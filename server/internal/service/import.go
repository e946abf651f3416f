package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/pagetoken"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/wording"
)

// Imports serves looppb.ImportService.
type Imports struct {
	looppb.UnsafeImportServiceServer
	Writes
}

// NewImports returns the service.
func NewImports(w Writes) *Imports { return &Imports{Writes: w} }

// ImportEntries implements looppb.ImportServiceServer.
func (s *Imports) ImportEntries(ctx context.Context, request *looppb.ImportEntriesRequest) (*looppb.ImportEntriesResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	result, err := s.writer.ImportEntries(ctx, practice.Writing(), entriesOf(request, s.request(ctx, request, ledger.Imports)))
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.ImportEntriesResponse{ImportRecord: importMessage(result.Record), Replayed: &result.Replayed}, nil
}

// ValidateEntries implements looppb.ImportServiceServer.
func (s *Imports) ValidateEntries(ctx context.Context, request *looppb.ValidateEntriesRequest) (*looppb.ValidateEntriesResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	about := submission.Request{
		Key:    ledger.Key{Practice: request.GetPractice(), Dossier: request.GetDossier(), Collection: ledger.Imports},
		Caller: s.caller(ctx),
	}
	found, totals, err := s.writer.CheckEntries(ctx, practice.Writing(), entriesOf(request, about))
	if err != nil {
		return nil, s.told(ctx, err)
	}
	response := &looppb.ValidateEntriesResponse{
		Valid: new(!check.HasErrors(found)), Totals: totalsMessage(totals),
		OmittedFindings: new(int32),
	}
	messages, omitted := findingMessages(found, 0)
	response.Findings, *response.OmittedFindings = messages, int32(omitted)
	return response, nil
}

// GetImport implements looppb.ImportServiceServer.
func (s *Imports) GetImport(ctx context.Context, request *looppb.GetImportRequest) (*looppb.GetImportResponse, error) {
	record, err := s.get(ctx, request)
	if err != nil {
		return nil, err
	}
	return &looppb.GetImportResponse{ImportRecord: s.importFor(s.caller(ctx), record)}, nil
}

func (s *Imports) get(ctx context.Context, request named) (ledger.Record, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return ledger.Record{}, err
	}
	record, err := s.writer.Import(ctx, s.caller(ctx), keyOf(request, ledger.Imports))
	return record, s.told(ctx, err)
}

// ListImports implements looppb.ImportServiceServer.
func (s *Imports) ListImports(ctx context.Context, request *looppb.ListImportsRequest) (*looppb.ListImportsResponse, error) {
	caller := s.caller(ctx)
	scope, err := s.Visible(ctx, request.GetPractice())
	if err != nil {
		return nil, err
	}
	if request.GetDocumentReference() == "" { // which would tell what was written
		scope.Grants = append(scope.Grants, s.configured(s.permissions.Operable(caller, request.GetPractice()))...)
	}
	query := ledger.Query{
		Collection: ledger.Imports, Practice: nameOrAll(request.GetPractice()), Dossier: nameOrAll(request.GetDossier()),
		Caller:            request.GetCaller(),
		DocumentReference: request.GetDocumentReference(), Limit: pagetoken.Size(request), Visible: scope,
	}
	for _, bound := range []struct {
		given *timestamppb.Timestamp
		of    *time.Time
	}{{request.GetReceivedFrom(), &query.From}, {request.GetReceivedBefore(), &query.Before}, {request.GetUpdatedFrom(), &query.UpdatedFrom}} {
		if bound.given != nil {
			*bound.of = bound.given.AsTime()
			if bound.of.Before(time.Unix(0, 0)) { // such as the year 1, which is no bound to the ledger and the default of some languages
				*bound.of = time.Unix(0, 0)
			}
		}
	}
	parts := []string{
		"imports", caller, query.Practice, query.Dossier, query.Caller, query.DocumentReference, query.From.String(), query.Before.String(),
		query.UpdatedFrom.String(),
		fmt.Sprintf("%q", scope.Grants), // a caller whose rights changed begins anew
	}
	for _, state := range request.GetStates() {
		query.States = append(query.States, stateOf(state))
		parts = append(parts, state.String())
	}
	digest := pagetoken.NewQuery(parts...)
	after, err := pagetoken.DecodeText(digest, request.GetPageToken())
	if err != nil {
		return nil, listing.BadToken(err)
	}
	query.After = ledger.Cursor(after)
	imports, next, err := s.found(ctx, query)
	if errors.Is(err, ledger.ErrCursor) {
		return nil, listing.BadToken(pagetoken.ErrDamaged)
	}
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.ListImportsResponse{Imports: imports, NextPageToken: pagetoken.EncodeText(digest, string(next))}, nil
}

// found are the imports of a query, as many as fit one answer, and where the next one is.
func (s *Imports) found(ctx context.Context, query ledger.Query) (out []*looppb.Import, next ledger.Cursor, err error) {
	records, next, err := s.writer.List(ctx, query)
	if err != nil {
		return nil, "", err
	}
	size := 0
	for i, record := range records {
		message := s.importFor(query.Visible.Caller, record)
		if size += proto.Size(message); size > listing.MaxAnswer && i > 0 {
			query.Limit = i // only the ledger knows where a page ends: ask for what fits
			return s.found(ctx, query)
		}
		out = append(out, message)
	}
	return out, next, nil
}

// WithReference are the newest imports with a document reference that the caller of ctx may see, 100 at most, and whether there
// are more.
func (s *Imports) WithReference(ctx context.Context, practice, dossier, reference string) (out []*looppb.Import, more bool, err error) {
	scope, err := s.Visible(ctx, practice)
	if err != nil {
		return nil, false, err
	}
	out, next, err := s.found(ctx, ledger.Query{
		Collection: ledger.Imports, Practice: practice, Dossier: dossier, DocumentReference: reference, Limit: 100, Visible: scope,
	})
	return out, next != "", s.told(ctx, err)
}

// allOf is every practice, or dossier.
const allOf = "-"

// nameOrAll is a name, or nothing for all.
func nameOrAll(name string) string {
	if name == allOf {
		return ""
	}
	return name
}

// Visible is what the caller of ctx may see of the writes of a practice, or of all that are configured.
func (s *Writes) Visible(ctx context.Context, practice string) (*ledger.Scope, error) {
	caller := s.caller(ctx)
	if practice != allOf {
		if _, err := s.practices.Get(practice); err != nil {
			return nil, err
		}
	}
	return &ledger.Scope{Caller: caller, Grants: s.configured(s.permissions.Readable(caller, practice))}, nil
}

// configured names the practices of grants on all: those of the past are no more to be seen than asked about.
func (s *Writes) configured(grants []ledger.Grant) []ledger.Grant {
	var all []string
	for _, practice := range s.practices.All() {
		all = append(all, practice.Name)
	}
	for i := range grants {
		if grants[i].Practices == nil {
			grants[i].Practices = all
		}
	}
	return grants
}

// importFor is an import as a caller may see it: a caller who may operate and no more sees its state, and nothing of what was
// written, nor what Loop quotes of that.
func (s *Imports) importFor(caller string, r ledger.Record) *looppb.Import {
	out := importMessage(r)
	if s.writer.Shows(caller, r) {
		return out
	}
	out.Totals, out.DocumentReferences, out.Findings, out.File, out.Metadata = nil, nil, nil, nil, nil
	if out.Error != nil {
		out.Error.LoopMessage = ""
	}
	if evidence := out.GetResolution().GetEvidence(); evidence != nil {
		evidence.References = nil
	}
	for _, late := range out.GetResolution().GetLateAnswers() {
		late.Message = ""
	}
	return out
}

// WatchImport implements looppb.ImportServiceServer.
func (s *Imports) WatchImport(request *looppb.WatchImportRequest, stream grpc.ServerStreamingServer[looppb.WatchImportResponse]) error {
	ctx := stream.Context()
	return s.writer.Watch(ctx, keyOf(request, ledger.Imports), func() (ledger.Record, error) { return s.get(ctx, request) },
		func(record ledger.Record) error {
			return stream.Send(&looppb.WatchImportResponse{ImportRecord: s.importFor(s.caller(ctx), record)})
		})
}

func importMessage(r ledger.Record) *looppb.Import {
	out := &looppb.Import{
		RequestId: r.RequestID, Practice: r.Practice, Dossier: r.Dossier, Format: formatMessage(submission.Format(r.Format)),
		State:         importStates[r.State],
		LoopRequestId: r.LoopRequestID, Totals: totalsMessage(r.Totals), DocumentReferences: r.DocumentReferences,
		FollowError: r.FollowError, Caller: r.Caller, Attempt: new(int32(r.Attempt)),
		CreateTime: instant(r.Created), UpdateTime: instant(r.Updated), NextPollTime: instant(r.NextPoll),
		Resolution: resolutionMessage(r), Metadata: r.Metadata,
	}
	for _, finding := range r.Findings {
		out.Findings = append(out.Findings, findingMessage(finding))
	}
	if f := r.File; f != nil {
		out.File = &looppb.ImportedFile{FileName: f.Name, DepositId: f.Deposit, Sha256: f.SHA256, LinkHost: f.Host}
	}
	if f := r.Error; f != nil {
		reason, message := wording.Failure(f)
		out.Error = &looppb.ImportError{
			Reason: reason, Message: message, LoopMessage: f.LoopMessage, LoopInstanceId: f.LoopInstanceID, HttpStatus: int32(f.HTTPStatus),
		}
	}
	return out
}

func instant(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
