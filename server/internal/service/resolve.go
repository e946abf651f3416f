package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/importer"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

// ResolveImport implements looppb.ImportServiceServer.
func (s *Imports) ResolveImport(ctx context.Context, request *looppb.ResolveImportRequest) (*looppb.ResolveImportResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	record, err := s.get(ctx, request)
	if err != nil {
		return nil, err
	}
	r := &resolving{Imports: s, practice: practice, record: record}
	var action, result string
	switch what := request.GetAction().(type) {
	case *looppb.ResolveImportRequest_Confirm:
		action = "confirm"
		result, err = r.confirm(ctx, what.Confirm)
	case *looppb.ResolveImportRequest_Resubmit:
		action = "resubmit"
		result, err = r.resubmit(ctx, what.Resubmit)
	default:
		action = "check"
		result, err = r.check(ctx)
	}
	if result != "" { // of what was sent again, also when it ended in an error
		s.resolved(action, result)
		s.audit.LogAttrs(ctx, slog.LevelInfo, "audit", slog.String("event", "resolved"), slog.String("caller", s.caller(ctx)),
			slog.String("practice", record.Practice), slog.String("dossier", record.Dossier), slog.String("import", record.RequestID),
			slog.String("action", action), slog.String("result", result), slog.Int("attempt", r.record.Attempt),
			slog.String("state", string(r.record.State)), slog.String("request_id", interceptor.CallFrom(ctx).RequestID))
	}
	if err != nil {
		return nil, s.ledgerError(r.moved(ctx, err))
	}
	return &looppb.ResolveImportResponse{ImportRecord: importMessage(r.record), Replayed: &r.replayed}, nil
}

// resolving is a call of ResolveImport under way.
type resolving struct {
	*Imports
	practice *Practice
	record   ledger.Record // as it stands
	replayed bool          // it was sent again, or said, before
}

// demand refuses callers without a right on the dossier.
func (r *resolving) demand(ctx context.Context, right policy.Right) error {
	if r.permissions.Allows(r.caller(ctx), r.record.Practice, r.record.Dossier, right) {
		return nil
	}
	return r.refuse(ctx, looppb.ImportService_ResolveImport_FullMethodName, right)
}

const (
	// mostSearched is how many references a look asks Loop for; each takes two questions, three when nothing is there.
	mostSearched = 20
	// atATime is how many of them: a slow Loop must not make a look longer than a call may take.
	atATime = 4
)

// check looks for the import in Loop and keeps what it sees.
func (r *resolving) check(ctx context.Context) (result string, err error) {
	if !r.record.State.Resolvable() {
		return "", errNothingToResolve(r.record)
	}
	began := time.Now()
	search := ledger.Search{Attempt: r.record.Attempt, Caller: r.caller(ctx), Accepted: r.accepted(ctx)} // asked first: it may be booked as it fails
	search.Sightings, err = r.sightings(ctx, spread(searchable(r.record.DocumentReferences), mostSearched))
	if err != nil {
		return "", err // what was seen before stays
	}
	search.Took = time.Since(began)
	record, err := r.ledger.Checked(ctx, r.record.Key, search)
	if err != nil {
		return "", err
	}
	r.record = record
	return string(record.Evidence.Verdict), nil
}

// accepted asks Loop, which has accepted an import and did not end it in time, whether it has failed since. Not knowing is no
// failure: Loop may still book it.
func (r *resolving) accepted(ctx context.Context) bool {
	if r.record.State != ledger.Uncertain || r.record.LoopRequestID == "" {
		return false
	}
	status, err := r.practice.Client.Imports.Status(ctx, r.record.LoopRequestID)
	return err != nil || status.State != cegidclient.StatusFailed
}

// sightings asks Loop for references.
func (r *resolving) sightings(ctx context.Context, references []string) ([]ledger.Sighting, error) {
	out := make([]ledger.Sighting, len(references))
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atATime)
	for i, reference := range references {
		asking.Go(func() (err error) {
			out[i], err = r.sight(ctx, reference)
			return err
		})
	}
	return out, asking.Wait()
}

// sight asks Loop for the entries of a reference (loop-api: A 4).
func (r *resolving) sight(ctx context.Context, reference string) (ledger.Sighting, error) {
	booked, err := entriesUnder(ctx, r.practice.Client, r.record.Dossier, reference)
	if err == nil && len(booked[0].Items)+len(booked[1].Items) == 0 {
		// What lost its lettering between the two questions was in neither answer.
		booked[0], err = r.practice.Client.Entries.List(ctx, r.record.Dossier, cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, DocumentReference: reference})
	}
	if err != nil {
		return ledger.Sighting{}, err
	}
	out := ledger.Sighting{
		Reference: reference, Unlettered: len(booked[0].Items), Lettered: len(booked[1].Items), Truncated: booked[0].Truncated || booked[1].Truncated,
	}
	for _, part := range booked {
		for _, entry := range part.Items {
			out.Different = out.Different || entry.DocumentReference != nil && *entry.DocumentReference != reference ||
				!r.record.Fits(reference, entry.Journal, (*string)(entry.DocumentDate))
		}
	}
	return out, nil
}

// searchable are the references that Loop's filter can name.
func searchable(references []string) []string {
	return slices.DeleteFunc(slices.Clone(references), func(reference string) bool {
		_, err := cegidclient.Equal(cegidclient.EntryDocumentReference, reference).Expression()
		return err != nil
	})
}

// spread chooses evenly, the first and the last among them: an import that was carried out in part shows.
func spread(all []string, most int) []string {
	if len(all) <= most {
		return all
	}
	out := make([]string, most)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(most-1)]
	}
	return out
}

// prove looks for the import and refuses what may be booked.
func (r *resolving) prove(ctx context.Context) error {
	verdict, err := r.check(ctx)
	if err == nil && verdict != string(ledger.NotFound) {
		return errMayBeBooked(r.record)
	}
	return err
}

// confirm takes a person's word.
func (r *resolving) confirm(ctx context.Context, word *looppb.ConfirmImport) (result string, err error) {
	booked := word.GetOutcome() == looppb.StatedOutcome_STATED_OUTCOME_BOOKED
	if !booked {
		if err := r.demand(ctx, policy.Administer); err != nil {
			return "", err
		}
		if r.record.State.Resolvable() { // else it was said already, or there is nothing to say
			if err := r.prove(ctx); err != nil && !errors.Is(err, ledger.ErrLost) { // somebody says it at the same time
				return "", err
			}
		}
	}
	record, again, err := r.ledger.Confirm(ctx, r.record.Key, r.record.Attempt, ledger.Statement{Booked: booked, Caller: r.caller(ctx), Note: word.GetNote()})
	if err != nil {
		return "", err
	}
	r.record, r.replayed = record, again
	return statedOutcome(booked).String()[len("STATED_OUTCOME_"):], nil
}

// resubmit sends the import again.
func (r *resolving) resubmit(ctx context.Context, again *looppb.ResubmitImport) (result string, err error) {
	if err := r.demand(ctx, policy.Administer); err != nil {
		return "", err
	}
	write, err := r.payload(ctx, again)
	if err != nil {
		return "", err
	}
	submission := &write.submission
	if r.record.RPC != submission.RPC || !submission.Same(r.record.Fingerprint) {
		return "", write.submissionError(ctx, *submission, ledger.ErrReused)
	}
	if !r.record.State.Resolvable() {
		return r.resubmitted(ctx, write)
	}
	if err := prepared(ctx, func(ctx context.Context) error {
		if err := write.check(ctx, submission); err != nil {
			return err
		}
		return r.prove(ctx)
	}); errors.Is(err, ledger.ErrLost) { // somebody does it at the same time
		if r.record, err = r.ledger.Get(ctx, r.record.Key); err != nil {
			return "", err
		}
		return r.resubmitted(ctx, write)
	} else if err != nil {
		return "", err
	}
	record, err := r.importer.Resubmit(ctx, *submission, r.record.Attempt, r.caller(ctx), write.send)
	if errors.Is(err, ledger.ErrEvidence) || errors.Is(err, ledger.ErrLost) {
		return "", err
	}
	if err != nil {
		return "", write.submissionError(ctx, *submission, err)
	}
	r.record, r.replayed = record.Record, record.Replayed
	return string(record.State), write.outcomeError(record)
}

// payload reads what is to be sent again.
func (r *resolving) payload(ctx context.Context, again *looppb.ResubmitImport) (importWrite, error) {
	if file := again.GetFile(); file != nil {
		request := &looppb.ImportFileRequest{
			Practice: r.record.Practice, Dossier: r.record.Dossier, RequestId: r.record.RequestID, Format: file.GetFormat(), Model: file.GetModel(),
			Siret: file.GetSiret(), AllowDuplicate: again.GetAllowDuplicate(),
		}
		if file.GetUrl() != "" {
			request.Source = &looppb.ImportFileRequest_Url{Url: file.GetUrl()}
		} else {
			request.Source = &looppb.ImportFileRequest_DepositId{DepositId: file.GetDepositId()}
		}
		return r.fileWrite(ctx, r.practice, request, r.record.Caller)
	}
	return r.entriesWrite(ctx, r.practice, &looppb.ImportEntriesRequest{
		Practice: r.record.Practice, Dossier: r.record.Dossier, RequestId: r.record.RequestID, Options: again.GetEntries().GetOptions(),
		Entries: again.GetEntries().GetEntries(), AllowDuplicate: again.GetAllowDuplicate(),
	}), nil
}

// resubmitted answers a repetition: what became of the call before.
func (r *resolving) resubmitted(ctx context.Context, write importWrite) (result string, err error) {
	if r.record.Resolution == nil || r.record.Resolution.Resubmissions == 0 || r.record.State.NothingBooked() {
		return "", errNothingToResolve(r.record)
	}
	record, err := r.importer.Await(ctx, r.record)
	if err != nil {
		return "", write.submissionError(ctx, ledger.Submission{}, err)
	}
	r.record, r.replayed = record, true
	return string(record.State), write.outcomeError(importer.Result{Record: record, Replayed: true})
}

// moved words why the ledger takes no decision on the import.
func (r *resolving) moved(ctx context.Context, err error) error {
	stated, otherwise := errors.AsType[*ledger.StatedError](err)
	if !otherwise && !errors.Is(err, ledger.ErrLost) && !errors.Is(err, ledger.ErrEvidence) {
		return err
	}
	now, failed := r.ledger.Get(ctx, r.record.Key)
	switch {
	case failed != nil:
		return failed
	case otherwise:
		return errStatedOtherwise(now, stated.Of)
	case errors.Is(err, ledger.ErrEvidence):
		return errMayBeBooked(now)
	}
	return errNothingToResolve(now)
}

func errNothingToResolve(record ledger.Record) error {
	what := map[ledger.State]string{
		ledger.Received: "it is being sent", ledger.Submitting: "it is being sent",
		ledger.Waiting: "Loop is at it", ledger.Running: "Loop is at it", ledger.Succeeded: "it is booked",
		ledger.NotSent: "nothing was booked: send the same request_id again", ledger.Refused: "nothing was booked: mend it and send the same request_id again",
	}[record.State]
	if what == "" { // it has moved while it was looked at
		what = "it has changed meanwhile: look at it again"
	}
	return apierror.Error{
		Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_NOTHING_TO_RESOLVE,
		Message: fmt.Sprintf("there is nothing to resolve, the import is %s: %s", record.State, what), Metadata: map[string]string{"state": string(record.State)},
	}.Err()
}

func errMayBeBooked(record ledger.Record) error {
	out := apierror.Error{
		Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_MAY_BE_BOOKED,
		Message: "the import may be booked, or may yet be", Metadata: map[string]string{"state": string(record.State)},
	}
	if e := record.Evidence; e != nil {
		out.Message += ": " + evidenceSentence(record)
		out.Metadata["verdict"], out.Metadata["doubt"] = string(e.Verdict), string(e.Doubt)
	}
	return out.Err()
}

func errStatedOtherwise(record ledger.Record, word ledger.Statement) error {
	return apierror.Error{
		Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_STATED_OTHERWISE,
		Message: fmt.Sprintf("%s has stated %s at %s, and a statement is not taken back", word.Caller,
			statedOutcome(word.Booked).String()[len("STATED_OUTCOME_"):], word.Time.Format(time.RFC3339)),
		Metadata: map[string]string{"state": string(record.State)},
	}.Err()
}

func statedOutcome(booked bool) looppb.StatedOutcome {
	if booked {
		return looppb.StatedOutcome_STATED_OUTCOME_BOOKED
	}
	return looppb.StatedOutcome_STATED_OUTCOME_NOT_BOOKED
}

// evidenceSentence says what a look means, and what to do.
func evidenceSentence(r ledger.Record) string {
	switch r.Evidence.Verdict {
	case ledger.Found:
		return "entries with its document references are in Loop; that nobody typed the same there is for a person to say"
	case ledger.NotFound:
		return "Loop shows no entry with its document references"
	}
	switch r.Evidence.Doubt {
	case ledger.ReferenceAbsent:
		if r.Totals.Lines == 0 { // a custom file, or one behind a link
			return "nobody here has read its file, so there is no document reference to look for: look in Loop for what you know to be in it"
		}
		return "it has no document reference to look for: look for its amounts and dates in Loop"
	case ledger.ReferenceUnsearchable:
		return "Loop's filter cannot name its document references, or Loop may have cut them: look for them in Loop"
	case ledger.TooEarly:
		return "Loop shows no entry with its document references yet: look again later"
	case ledger.NotFailed:
		return "Loop shows no entry with its document references, and does not say that the import, which it accepted, has failed: look at the import in Loop"
	case ledger.PartlyFound:
		return "Loop shows entries of some of its document references only: compare them in Loop"
	case ledger.NotUnique:
		return "Loop shows entries with its document references, which another import of the dossier has, or may have: compare them in Loop"
	case ledger.Different:
		return "Loop shows entries with its document references, of another journal or date: compare them in Loop"
	case ledger.Truncated:
		return "Loop shows as many entries of a document reference as it gives at most: look in Loop"
	}
	return ""
}

func resolutionMessage(r ledger.Record) *looppb.ImportResolution {
	if r.Evidence == nil && r.Resolution == nil {
		return nil
	}
	out := &looppb.ImportResolution{Resubmissions: new(int32)}
	if e := r.Evidence; e != nil {
		out.Evidence = &looppb.ImportEvidence{
			Verdict: looppb.ImportVerdict(looppb.ImportVerdict_value["IMPORT_VERDICT_"+string(e.Verdict)]),
			Doubt:   looppb.ImportDoubt(looppb.ImportDoubt_value["IMPORT_DOUBT_"+string(e.Doubt)]),
			Message: evidenceSentence(r), KeptReferences: new(int32(len(r.DocumentReferences))), Attempt: new(int32(e.Attempt)), CheckTime: instant(e.Time), Caller: e.Caller,
		}
		for _, each := range e.Sightings {
			out.Evidence.References = append(out.Evidence.References, &looppb.ReferenceEvidence{
				DocumentReference: each.Reference, UnletteredEntries: new(int32(each.Unlettered)), LetteredEntries: new(int32(each.Lettered)),
				Truncated: &each.Truncated, Different: &each.Different, OtherImports: new(int32(each.Others)),
			})
		}
	}
	if d := r.Resolution; d != nil {
		*out.Resubmissions, out.ResubmitCaller, out.ResubmitTime = int32(d.Resubmissions), d.ResubmitBy, instant(d.ResubmitTime)
		if w := d.Statement; w != nil {
			out.Statement = &looppb.ImportStatement{
				Outcome: statedOutcome(w.Booked), Caller: w.Caller, Note: w.Note, Time: instant(w.Time), Attempt: new(int32(w.Attempt)), PreviousState: importState(w.Before),
			}
		}
		for _, each := range d.Late {
			out.LateAnswers = append(out.LateAnswers, &looppb.LateAnswer{
				Attempt: new(int32(each.Attempt)), State: importState(each.State), LoopRequestId: each.LoopRequestID, Message: each.Message, Time: instant(each.Time),
			})
		}
	}
	return out
}
