package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/importer"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/pagetoken"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/preflight"
)

// Imports serves looppb.ImportService.
type Imports struct {
	looppb.UnsafeImportServiceServer

	writes
	ofFiles   writes // the same, in the words of files
	preflight *preflight.Cache
	files     Files
	resolved  func(action, result string)
	refuse    func(ctx context.Context, method string, right policy.Right) error
}

// NewImports returns the service; resolved is told of each import that ResolveImport has done something about, and refuse
// makes the error of a caller who lacks a right.
func NewImports(w Writes, p *preflight.Cache, files Files, resolved func(action, result string), refuse func(context.Context, string, policy.Right) error) *Imports {
	return &Imports{writes: writes{w, importWords}, ofFiles: writes{w, fileWords}, preflight: p, files: files, resolved: resolved, refuse: refuse}
}

const (
	importService    = "ImportService"
	importEntriesRPC = importService + ".ImportEntries"
)

// ImportEntries implements looppb.ImportServiceServer.
func (s *Imports) ImportEntries(ctx context.Context, request *looppb.ImportEntriesRequest) (*looppb.ImportEntriesResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	write := s.entriesWrite(ctx, practice, request)
	record, err := write.once(ctx)
	if err != nil {
		return nil, err
	}
	return &looppb.ImportEntriesResponse{ImportRecord: importMessage(record.Record), Replayed: &record.Replayed}, nil
}

// importWrite is an import that can be sent, in the words of its kind.
type importWrite struct {
	*writes
	submission ledger.Submission
	// check refuses what may not be sent, and completes the submission.
	check func(context.Context, *ledger.Submission) error
	send  func(context.Context) (string, error)
}

// once sends it, unless the ledger knows it already.
func (w importWrite) once(ctx context.Context) (importer.Result, error) {
	// What the ledger knows is answered before the checks: dossier, link or deposit may have changed since.
	known, err := w.known(ctx, w.submission)
	if err != nil || known != nil {
		return w.outcome(ctx, known, err)
	}
	if err := prepared(ctx, func(ctx context.Context) error { return w.check(ctx, &w.submission) }); err != nil {
		return importer.Result{}, err
	}
	record, err := w.importer.Submit(ctx, w.submission, w.send)
	return w.outcome(ctx, &record, err)
}

// outcome is the answer, or the error that it ended with.
func (w importWrite) outcome(ctx context.Context, record *importer.Result, err error) (importer.Result, error) {
	if err != nil {
		return importer.Result{}, w.submissionError(ctx, w.submission, err)
	}
	return *record, w.outcomeError(*record)
}

func (s *Imports) entriesWrite(ctx context.Context, practice *Practice, request *looppb.ImportEntriesRequest) importWrite {
	entries, dossier := entryImport(request.GetOptions(), request.GetEntries()), request.GetDossier()
	return importWrite{
		writes: &s.writes,
		submission: ledger.Submission{
			Key:    importKey(request),
			Caller: s.caller(ctx), RPC: importEntriesRPC, Format: formatEntries, Fingerprints: []ledger.Fingerprint{fingerprint(request)}, Metadata: request.GetMetadata(),
			DocumentReferences: documentReferences(entries), Clues: clues(entries), AllowDuplicate: request.GetAllowDuplicate(),
		},
		check: func(ctx context.Context, submission *ledger.Submission) error {
			found, totals, err := s.examine(ctx, practice, request.GetDossier(), request.GetOptions(), &entries)
			if err != nil {
				return err
			}
			submission.Totals, submission.Findings = ledgerTotals(totals), ledgerFindings(found)
			return refusal(found)
		},
		send: func(ctx context.Context) (string, error) {
			return practice.Client.Imports.Submit(ctx, dossier, entries) // the request itself may go
		},
	}
}

// ValidateEntries implements looppb.ImportServiceServer.
func (s *Imports) ValidateEntries(ctx context.Context, request *looppb.ValidateEntriesRequest) (*looppb.ValidateEntriesResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	entries := entryImport(request.GetOptions(), request.GetEntries())
	found, totals, err := s.examine(ctx, practice, request.GetDossier(), request.GetOptions(), &entries)
	if err != nil {
		return nil, err
	}
	response := &looppb.ValidateEntriesResponse{Valid: new(refusal(found) == nil), Totals: totalsMessage(ledgerTotals(totals)), OmittedFindings: new(int32)}
	size := 0
	for _, each := range ledgerFindings(found) {
		message := findingMessage(each)
		if size += proto.Size(message); size > maxAnswer {
			*response.OmittedFindings = int32(len(found) - len(response.GetFindings()))
			break
		}
		response.Findings = append(response.Findings, message)
	}
	return response, nil
}

// examine checks entries against the rules and, unless the request turns it off, against the dossier. It cuts labels
// where the request asks for it.
func (s *Imports) examine(ctx context.Context, practice *Practice, dossier string, options *looppb.ImportOptions, entries *cegidclient.EntryImport) ([]check.Finding, check.Totals, error) {
	if at := firstAnalytics(entries); at != "" && !slices.Contains(practice.Unverified, analyticsOperation) {
		return nil, check.Totals{}, apierror.Error{
			Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
			Message:    at + ": Loop does not document how analytics are written, and the operator has not enabled " + analyticsOperation,
			Violations: []apierror.Violation{{Field: at, Description: "leave the analytics out, or have " + analyticsOperation + " enabled"}},
		}.Err()
	}
	var found []check.Finding
	if options.GetCutLabels() {
		found = check.CutLabels(entries)
	}
	more, totals := check.Entries(*entries)
	found = append(found, more...)
	if options.GetSkipPreflight() {
		return found, totals, nil
	}
	reference, err := s.preflight.Reference(ctx, practice.Name, practice.Client, dossier, *entries)
	if err != nil {
		return nil, check.Totals{}, err
	}
	return append(found, check.Against(*entries, reference)...), totals, nil
}

const analyticsOperation = "import_json_analytics"

func firstAnalytics(in *cegidclient.EntryImport) string {
	for i, entry := range in.Entries {
		for j, line := range entry.Lines {
			if len(line.Analytics) > 0 {
				return fmt.Sprintf("entries[%d].lines[%d].analytics", i, j)
			}
		}
	}
	return ""
}

// refusal is the error of the findings that stop an import: its reason is the first one's code, its violations the
// first of them, in English and French.
func refusal(found []check.Finding) error {
	var violations []apierror.Violation
	var first check.Finding
	for _, each := range found {
		if each.Severity != check.Error {
			continue
		}
		if len(violations) == 0 {
			first = each
		}
		violations = append(violations, apierror.Violation{
			Field: each.Field, Description: each.Message + near(" Near to it: ", each), Reason: each.Code, French: each.French + near(" Proche : ", each),
		})
	}
	if len(violations) == 0 {
		return nil
	}
	return apierror.Invalid(reasonNamed(first.Code), violations...)
}

// near lists what exists and looks alike.
func near(words string, finding check.Finding) string {
	var missing []string
	for _, each := range finding.Suggestions {
		if !strings.Contains(finding.Message, each) {
			missing = append(missing, each)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return words + strings.Join(missing, ", ") + "."
}

// GetImport implements looppb.ImportServiceServer.
func (s *Imports) GetImport(ctx context.Context, request *looppb.GetImportRequest) (*looppb.GetImportResponse, error) {
	record, err := s.get(ctx, request)
	if err != nil {
		return nil, err
	}
	return &looppb.GetImportResponse{ImportRecord: importMessage(record)}, nil
}

// ofImport is a request that names an import.
type ofImport interface {
	GetPractice() string
	GetDossier() string
	GetRequestId() string
}

func importKey(request ofImport) ledger.Key {
	return ledger.Key{Practice: request.GetPractice(), Dossier: request.GetDossier(), Collection: ledger.Imports, RequestID: request.GetRequestId()}
}

func (s *Imports) get(ctx context.Context, request ofImport) (ledger.Record, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return ledger.Record{}, err
	}
	record, err := s.ledger.Get(ctx, importKey(request))
	if errors.Is(err, ledger.ErrUnknown) || err == nil && !s.visible(s.caller(ctx), record) {
		return ledger.Record{}, apierror.Error{
			Code: codes.NotFound, Reason: looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN,
			Message:    "request_id: no import of that id that you may see",
			Violations: []apierror.Violation{{Field: "request_id", Description: "no import of that id that you may see"}},
		}.Err()
	}
	return record, s.ledgerError(err)
}

// ListImports implements looppb.ImportServiceServer.
func (s *Imports) ListImports(ctx context.Context, request *looppb.ListImportsRequest) (*looppb.ListImportsResponse, error) {
	caller := s.caller(ctx)
	scope, err := s.scope(caller, request.GetPractice())
	if err != nil {
		return nil, err
	}
	query := ledger.Query{
		Collection: ledger.Imports, Practice: named(request.GetPractice()), Dossier: named(request.GetDossier()), Caller: request.GetCaller(),
		DocumentReference: request.GetDocumentReference(), Limit: pageSize(request), Visible: scope,
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
		"imports", caller, query.Practice, query.Dossier, query.Caller, query.DocumentReference, query.From.String(), query.Before.String(), query.UpdatedFrom.String(),
		fmt.Sprintf("%q", scope.Grants), // whoever may see more or less by now begins anew
	}
	for _, each := range request.GetStates() {
		query.States = append(query.States, ledger.State(importStateName(each)))
		parts = append(parts, each.String())
	}
	digest := pagetoken.NewQuery(parts...)
	after, err := pagetoken.DecodeText(digest, request.GetPageToken())
	if err != nil {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", err.Error())
	}
	query.After = ledger.Cursor(after)
	records, cursor, err := s.ledger.List(ctx, query)
	if errors.Is(err, ledger.ErrCursor) {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", pagetoken.ErrDamaged.Error())
	}
	if err != nil {
		return nil, s.ledgerError(err)
	}
	response := &looppb.ListImportsResponse{NextPageToken: pagetoken.EncodeText(digest, string(cursor))}
	size := 0
	for i, each := range records {
		message := importMessage(each)
		if size += proto.Size(message); size > maxAnswer && i > 0 {
			// Only the ledger knows where a page ends: ask for what fits.
			fitting := proto.CloneOf(request)
			fitting.PageSize = int32(i)
			return s.ListImports(ctx, fitting)
		}
		response.Imports = append(response.Imports, message)
	}
	return response, nil
}

// named is a name, or nothing for all.
func named(name string) string {
	if name == policy.All {
		return ""
	}
	return name
}

// scope is what a caller may see of the imports of a practice, or of all that are configured.
func (s *writes) scope(caller, practice string) (*ledger.Scope, error) {
	var all []string
	for _, each := range s.practices.All() {
		all = append(all, each.Name)
	}
	if practice != policy.All {
		if _, err := s.practices.Get(practice); err != nil {
			return nil, err
		}
	}
	out := &ledger.Scope{Caller: caller}
	for _, reach := range s.permissions.Reaches(caller, practice, policy.Read) {
		grant := ledger.Grant{Practices: reach.Practices, Dossiers: reach.Dossiers}
		if grant.Practices == nil {
			grant.Practices = all // those of the past are no more to be seen than asked about
		}
		out.Grants = append(out.Grants, grant)
	}
	return out, nil
}

const (
	heartbeat = 20 * time.Second
	// watchLimit ends a watch, so that a stream does not live on when its reader has forgotten it.
	watchLimit = 10 * time.Minute
)

// WatchImport implements looppb.ImportServiceServer.
func (s *Imports) WatchImport(request *looppb.WatchImportRequest, stream grpc.ServerStreamingServer[looppb.WatchImportResponse]) error {
	ctx := stream.Context()
	changed, cancel := s.ledger.Subscribe(importKey(request))
	defer cancel()
	end := time.NewTimer(watchLimit)
	defer end.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var sent ledger.Record
	for last, due := false, true; ; {
		record, err := s.get(ctx, request)
		if err != nil {
			return err
		}
		// A question to Loop that brought nothing new is no change.
		if due || record.State != sent.State || record.Attempt != sent.Attempt || record.FollowError != sent.FollowError {
			if err := stream.Send(&looppb.WatchImportResponse{ImportRecord: importMessage(record)}); err != nil {
				return err
			}
			sent = record
		}
		if last || record.State.Final() {
			return nil
		}
		due = false
		select {
		case <-changed:
		case <-beat.C:
			due = true
		case <-end.C:
			last, due = true, true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func importMessage(r ledger.Record) *looppb.Import {
	out := &looppb.Import{
		RequestId: r.RequestID, Practice: r.Practice, Dossier: r.Dossier, Format: looppb.ImportFormat(looppb.ImportFormat_value[importFormatPrefix+r.Format]),
		State:         importState(r.State),
		LoopRequestId: r.LoopRequestID, Totals: totalsMessage(r.Totals), DocumentReferences: r.DocumentReferences,
		FollowError: r.FollowError, Caller: r.Caller, Attempt: new(int32(r.Attempt)),
		CreateTime: instant(r.Created), UpdateTime: instant(r.Updated), NextPollTime: instant(r.NextPoll),
		Resolution: resolutionMessage(r), Metadata: r.Metadata,
	}
	for _, each := range r.Findings {
		out.Findings = append(out.Findings, findingMessage(each))
	}
	if f := r.File; f != nil {
		out.File = &looppb.ImportedFile{FileName: f.Name, DepositId: f.Deposit, Sha256: f.SHA256, LinkHost: f.Host}
	}
	if f := r.Error; f != nil {
		out.Error = &looppb.ImportError{
			Reason: f.Reason, Message: f.Message, LoopMessage: f.LoopMessage, LoopInstanceId: f.LoopInstanceID, HttpStatus: int32(f.HTTPStatus),
		}
	}
	return out
}

func importState(state ledger.State) looppb.ImportState {
	return looppb.ImportState(looppb.ImportState_value["IMPORT_STATE_"+string(state)])
}

func importStateName(state looppb.ImportState) string {
	return state.String()[len("IMPORT_STATE_"):]
}

func instant(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
