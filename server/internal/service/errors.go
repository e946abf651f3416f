package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// This file is the table of what callers are told of submission's errors: code, reason and sentence. Those of Loop's client
// have theirs in apierror.

// words are how the table speaks of a kind of write.
type words struct {
	// it is what goes on without its caller, again what was sent twice, and twice what to do if that is meant.
	it, again, twice string
	// nothing says that nothing was done. The others say what to do about a refusal, and where to look for what is uncertain.
	nothing, mend, look string
}

func wordsOf(kind ledger.Kind) words {
	switch kind {
	case ledger.KindFile:
		return words{
			it: "the import", again: "the same file was imported into this dossier", twice: "if it is meant twice, set allow_duplicate",
			nothing: "Nothing was booked.",
			mend:    "Mend the file, deposit it, and import it under the same request_id.",
			look:    "Let ResolveImport look for it in Loop before importing the file under another request_id.",
		}
	case ledger.KindDocument:
		return words{
			it: "the upload", again: "the same document was stored in this dossier", twice: "if it is meant twice, set allow_duplicate",
			nothing: "Nothing was stored.",
			mend:    "Mend the document and send it under the same request_id.",
			look:    "Look for the document in Loop before sending it under another request_id.",
		}
	case ledger.KindRaw:
		return words{
			it: "the call", again: "the same call was made", twice: "if it is meant twice, set allow_duplicate",
			nothing: "Nothing was done.",
			mend:    "Mend the call and make it under the same request_id.",
			look:    "Look in Loop at what it was to change before making it under another request_id.",
		}
	}
	return words{
		it: "the import", again: "the same entries were imported into this dossier", twice: "if they are meant twice, set allow_duplicate",
		nothing: "Nothing was booked.",
		mend:    "Mend the entries and send them under the same request_id.",
		look:    "Let ResolveImport look for it in Loop before sending the entries under another request_id.",
	}
}

// told is what a caller is told of an error of submission's; what is not submission's stays as it is.
func (s *Writes) told(ctx context.Context, err error) error {
	of, write := errors.AsType[*submission.Failed](err)
	large, isLarge := errors.AsType[*submission.FileTooLargeError](err)
	kept, fault := errors.AsType[*submission.LedgerError](err)
	table := [...]func(error) (apierror.Error, bool){refused, unknown, unresolved, uploaded, rawRefused}
	for _, row := range table {
		if out, known := row(err); known {
			return out.Err()
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, submission.ErrDocumentTooLarge):
		return apierror.DocumentTooLarge()
	case isLarge:
		return apierror.FileTooLarge(large.Most)
	case errors.As(err, new(*submission.NotAllowedError)):
		return s.refuse(ctx, looppb.ImportService_ResolveImport_FullMethodName)
	case write:
		return s.ofWrite(ctx, wordsOf(of.Of), of.Err)
	case fault:
		return s.ledgerError(kept.Err)
	}
	return err
}

// ofWrite is what is told of a write in the words of its kind.
func (s *Writes) ofWrite(ctx context.Context, w words, err error) error {
	ending := errors.Is(context.Cause(ctx), apierror.ErrShuttingDown)
	if ended, is := errors.AsType[*submission.OutcomeError](err); is {
		return outcomeError(ended.Result, w)
	}
	if duplicate, is := errors.AsType[*submission.DuplicateError](err); is {
		return duplicateError(duplicate, w)
	}
	switch {
	case errors.Is(err, submission.ErrReused):
		return apierror.Error{
			Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
			Message:    "request_id: it stands for something else already: give each document an id of its own, and repeat a call unchanged",
			Violations: []apierror.Violation{{Field: "request_id", Description: "it stands for something else already"}},
		}.Err()
	case errors.Is(err, submission.ErrGoesOn) && ending:
		return apierror.ShuttingDown("this server is shutting down, and " + w.it + " may go on without you: repeat the call with the same request_id, and you get its outcome")
	case errors.Is(err, submission.ErrGoesOn):
		return apierror.New(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
			"the time allowed for the call is over, and "+w.it+" may go on without you: repeat the call with the same request_id, and you get its outcome")
	case errors.Is(err, submission.ErrStopping), ending && submission.Interrupted(err):
		return apierror.ShuttingDown("this server is shutting down, and has sent nothing: call again with the same request_id")
	case submission.Interrupted(err): // before the ledger had it
		return apierror.New(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
			"the time allowed for the call is over, and nothing was sent: repeat the call with the same request_id")
	case errors.As(err, new(*cegidclient.Error)):
		return err
	}
	return s.ledgerError(err)
}

// Unavailable is what is told of an error of the ledger's.
func (s *Writes) Unavailable(ctx context.Context, err error) error {
	return s.told(ctx, &submission.LedgerError{Err: err})
}

// ledgerError is what is told of a ledger that does not answer.
func (s *Writes) ledgerError(err error) error {
	s.log.Debug("the ledger does not answer", "error", err.Error())
	return apierror.Error{
		Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE, RetryAfter: 5 * time.Second,
		Message: "this service's memory of writes does not answer: repeat the call, a write with the same request_id",
	}.Err()
}

func duplicateError(e *submission.DuplicateError, w words) error {
	out := apierror.Error{
		Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT,
		Message: w.again + " within 30 days under another request_id; " + w.twice,
	}
	if e.Visible {
		out.Metadata = map[string]string{"requestId": e.Of.RequestID, "state": string(e.Of.State)}
		out.Message = fmt.Sprintf("%s under request_id %s, which is %s; %s", w.again, e.Of.RequestID, e.Of.State, w.twice)
		if state := e.Of.State; state == ledger.Uncertain || state == ledger.Failed { // neither proves that nothing was booked
			out.Help = []string{w.look}
		}
	}
	return out.Err()
}

// outcomeError is the error that a write ended with.
func outcomeError(result submission.Result, w words) error {
	failure := result.Error
	if failure == nil {
		failure = &ledger.Failure{}
	}
	out, _ := failed(failure)
	out.Violations, out.LoopSaid, out.RetryAfter = nil, failure.LoopMessage, failure.RetryAfter
	out.Metadata = apierror.LoopMetadata(failure.Operation, failure.HTTPStatus, failure.LoopCode, failure.LoopCallID, failure.LoopInstanceID)
	out.Metadata["state"] = string(result.State)
	if result.Replayed {
		out.Replay()
	}
	if out.Reason == looppb.ErrorReason_ERROR_REASON_LOOP_BUSY {
		out.LoopSaid = apierror.BusyFrench(failure.RetryAfter)
	}
	switch result.State {
	case ledger.NotSent:
		if out.Code == codes.OK {
			out.Code, out.Reason = codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE
		}
		out.Help = append(apierror.Cures(out.Reason), w.nothing+" Send the same request_id again.")
	case ledger.Refused:
		out.Code, out.Reason = codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED
		out.Help = []string{w.nothing + " " + w.mend}
	default:
		out.Code, out.Reason = codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN
		out.Message = "it was sent, and nobody knows what became of it: it is not sent again by itself"
		out.Help = []string{"Repeat the call with the same request_id at any time: it sends nothing, and answers the outcome once it is known.", w.look}
	}
	return out.Err()
}

// refused are what was refused before anything was sent.
func refused(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.RefusedError](err); is {
		found := violations(e.Findings, func(f check.Finding) string { return f.Field })
		return apierror.InvalidFields(apierror.ReasonNamed(found[0].Reason), found...), true
	}
	if e, is := errors.AsType[*submission.EntryImportedError](err); is {
		return alreadyImported(e), true
	}
	if e, is := errors.AsType[*submission.FileRefusedError](err); is {
		return fileRefusal(e.Findings), true
	}
	if e, is := errors.AsType[*submission.FieldError](err); is {
		return ofField(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, e.Field, e.Says), true
	}
	if e, is := errors.AsType[*submission.FormatError](err); is {
		return ofField(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "format",
			"is not that of the deposit, which is "+formatMessage(e.Is).String()+": say that, or leave it out"), true
	}
	if e, is := errors.AsType[*submission.UnverifiedError](err); is {
		message, cure := ": Loop does not document how analytics are written", "leave the analytics out, or have "+e.Operation+" enabled"
		if e.Field == "format" {
			message, cure = ": nobody has verified how Loop imports TRA files", "have "+e.Operation+" enabled under unverified_operations; ValidateFile needs no consent"
		}
		return apierror.Error{
			Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
			Message:    e.Field + message + ", and the operator has not enabled " + e.Operation,
			Violations: []apierror.Violation{{Field: e.Field, Description: cure}},
		}, true
	}
	if errors.Is(err, submission.ErrPreparation) {
		return apierror.Error{
			Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, RetryAfter: submission.Preparation,
			Message: "Loop did not answer within " + submission.Preparation.String() + " what is read before a write is sent: nothing was sent",
		}, true
	}
	return apierror.Error{}, false
}

func ofField(reason looppb.ErrorReason, field, description string) apierror.Error {
	return apierror.InvalidFields(reason, apierror.Violation{Field: field, Description: description})
}

// unknown are what nobody has, or others alone.
func unknown(err error) (apierror.Error, bool) {
	none := func(reason looppb.ErrorReason, field, what, cure string) (apierror.Error, bool) {
		return apierror.Error{
			Code: codes.NotFound, Reason: reason, Message: field + ": " + what + cure,
			Violations: []apierror.Violation{{Field: field, Description: what}},
		}, true
	}
	switch {
	case errors.Is(err, submission.ErrImportUnknown):
		return none(looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN, "request_id", "no import of that id that you may see", "")
	case errors.Is(err, submission.ErrDocumentUnknown):
		return none(looppb.ErrorReason_ERROR_REASON_DOCUMENT_UNKNOWN, "request_id", "no document of that id that you may see", "")
	case errors.Is(err, submission.ErrDepositUnknown):
		return none(looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN, "deposit_id", "no deposit of yours of that id for this dossier, or it has expired or is of an older version",
			": deposit the file again, and import that under the same request_id")
	}
	return apierror.Error{}, false
}

// unresolved are the decisions that are not taken on an import.
func unresolved(err error) (apierror.Error, bool) {
	refuse := func(reason looppb.ErrorReason, record ledger.Record, message string) apierror.Error {
		return apierror.Error{
			Code: codes.FailedPrecondition, Reason: reason, Message: message,
			Metadata: map[string]string{"state": string(record.State)},
		}
	}
	if e, is := errors.AsType[*submission.NothingToResolveError](err); is {
		return refuse(looppb.ErrorReason_ERROR_REASON_NOTHING_TO_RESOLVE, e.Record,
			fmt.Sprintf("there is nothing to resolve, the import is %s: %s", e.Record.State, standing(e.Record.State))), true
	}
	if e, is := errors.AsType[*submission.MayBeBookedError](err); is {
		out := refuse(looppb.ErrorReason_ERROR_REASON_MAY_BE_BOOKED, e.Record, "the import may be booked, or may yet be")
		if seen := e.Record.Evidence; seen != nil {
			out.Message += ": " + evidenceSentence(e.Record)
			out.Metadata["verdict"], out.Metadata["doubt"], out.Metadata["control"] = string(seen.Verdict), string(seen.Doubt), string(seen.Control)
		}
		return out, true
	}
	if e, is := errors.AsType[*submission.StatedOtherwiseError](err); is {
		return refuse(looppb.ErrorReason_ERROR_REASON_STATED_OTHERWISE, e.Record, fmt.Sprintf("%s has stated %s at %s, and a statement is not taken back", e.Of.Caller,
			strings.TrimPrefix(statedOutcome(e.Of.Booked).String(), "STATED_OUTCOME_"), e.Of.Time.Format(time.RFC3339))), true
	}
	return apierror.Error{}, false
}

// standing says why a state leaves nothing to resolve.
func standing(state ledger.State) string {
	return cmp.Or(map[ledger.State]string{
		ledger.Received: "it is being sent", ledger.Submitting: "it is being sent", ledger.Waiting: "Loop is at it",
		ledger.Running:   "Loop is at it",
		ledger.Succeeded: "it is booked", ledger.NotSent: "nothing was booked: send the same request_id again",
		ledger.Refused: "nothing was booked: mend it and send the same request_id again",
	}[state], "it has changed meanwhile: look at it again") // it has moved while it was looked at
}

const (
	// uploadRetry is when to come again for a place, roomRetry for room on the disk.
	uploadRetry = 2 * time.Second
	roomRetry   = 30 * time.Second
)

// uploaded are what is wrong with an upload, or with the room for it.
func uploaded(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.DocumentTypeError](err); is {
		return ofField(looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID, e.Field, e.Says), true
	}
	full := apierror.Error{Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT, RetryAfter: uploadRetry}
	switch {
	case errors.Is(err, submission.ErrDocumentEmpty):
		return ofField(looppb.ErrorReason_ERROR_REASON_DOCUMENT_EMPTY, "data", "the file is empty"), true
	case errors.Is(err, submission.ErrCallerFull):
		full.Message = "as many files of this caller are under way as it may have: wait for some to end"
	case errors.Is(err, submission.ErrFull):
		full.Message = "as many files are under way as this service takes at once: wait for some to end"
	case errors.Is(err, submission.ErrNoRoom):
		full.Reason, full.RetryAfter = looppb.ErrorReason_ERROR_REASON_SPOOL_FULL, roomRetry
		full.Message = "there is no room for the file on the server's disk for now, and nothing was sent to Loop: send it again later, and tell the operator if it lasts"
	default:
		return apierror.Error{}, false
	}
	return full, true
}

// rawRefused are raw calls that the operator has not listed, or that name another dossier.
func rawRefused(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.OtherDossierError](err); is {
		const sentence = "it names a dossier in a way that is not the request's own: where a dossier is named, it must be the one of the field dossier"
		return apierror.Error{
			Code: codes.PermissionDenied, Reason: looppb.ErrorReason_ERROR_REASON_RAW_OTHER_DOSSIER, Message: e.Field + ": " + sentence,
			Violations: []apierror.Violation{{Field: e.Field, Description: sentence}},
		}, true
	}
	e, is := errors.AsType[*submission.RouteError](err)
	if !is {
		return apierror.Error{}, false
	}
	out := apierror.Error{Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED}
	switch {
	case len(e.RPCs) > 0:
		out.Reason, out.Message = looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_WRAPPED, "this route has an RPC: call "+strings.Join(e.RPCs, " or ")
	case e.Deprecated:
		out.Message = "this route is deprecated by Loop and not to be called"
	case e.Closed:
		out.Message = "raw calls are off: the operator lists the routes that may be called under raw in the configuration"
	default:
		out.Message = "this method and path are not among the routes that the operator listed under raw in the configuration; both must be spelt as they are there"
	}
	return out, true
}

// alreadyImported is the error of entries that are in other imports, with what a look into Loop has shown of the first.
func alreadyImported(e *submission.EntryImportedError) apierror.Error {
	found := e.Findings()
	out := apierror.Error{
		Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED,
		Violations: violations(found, func(f check.Finding) string {
			if f.Field == "" {
				return placeOf(f)
			}
			return f.Field
		}),
	}
	out.Message = out.Violations[0].Field + ": " + out.Violations[0].Description
	out.Metadata = map[string]string{}
	if at := slices.IndexFunc(e.Overlaps, func(o submission.EntryOverlap) bool { return o.Import != "" }); at >= 0 {
		of := e.Overlaps[at]
		out.Metadata["requestId"], out.Metadata["state"] = of.Import, string(of.State)
		if of.State.Resolvable() {
			out.Help = []string{wordsOf(ledger.KindEntries).look}
		}
	}
	if at := slices.IndexFunc(e.Overlaps, func(o submission.EntryOverlap) bool { return o.Seen != nil }); at >= 0 {
		one := e.Overlaps[at]
		of, what, seen := "another caller's import", fmt.Sprintf("entries[%d]", one.Entry), one.Seen
		if one.Import != "" {
			of = fmt.Sprintf("the import %s, which is %s", one.Import, one.State)
		}
		way := "name that import in repeat_of"
		if one.Line > 0 {
			what, way = fmt.Sprintf("line %d", one.Line), "set allow_duplicate"
		}
		out.Message = fmt.Sprintf("%s stands in %s. %s. Look for it in Loop: if it is not there, %s.", what, of, glimpse(seen), way)
		out.Metadata["verdict"], out.Metadata["doubt"], out.Metadata["control"] = string(seen.Verdict), string(seen.Doubt), string(seen.Control)
	}
	more := -1
	for _, each := range found {
		more += each.Count
	}
	if more > 0 {
		out.Message += fmt.Sprintf(" %d more stand in other imports.", more)
	}
	return out
}

// glimpse says why a look into Loop does not let entries be sent that are in an import which failed, or whose outcome is unknown
// what became.
func glimpse(seen *ledger.Evidence) string {
	why := "Loop shows entries of its document reference"
	switch {
	case seen.Verdict == ledger.Inconclusive && seen.Doubt == ledger.NoDoubt:
		why = "More imports with its entries failed than Loop is asked about at once"
	case seen.Doubt == ledger.ReferenceAbsent:
		why = "It has no document reference to look for in Loop"
	case seen.Doubt == ledger.ReferenceUnsearchable:
		why = "Its document reference cannot be looked for in Loop as that import has it"
	case seen.Doubt == ledger.TooEarly:
		why = "It is too early for its absence from Loop to mean anything"
	case seen.Doubt == ledger.NotFailed:
		why = "Loop accepted that import, and does not say that it failed"
	case seen.Doubt == ledger.SearchBlind:
		why = "The look into Loop is blind: it does not find what is booked, or finds what cannot be there"
	case seen.Verdict == ledger.NotFound:
		why = "Loop shows no entry of it, but nothing is known to be booked there that proves that the look can see"
	}
	return why
}

// fileRefusal is the error of the findings that stop a file. Its violations are the first of them.
func fileRefusal(found []check.Finding) apierror.Error {
	out := apierror.Error{
		Code: codes.InvalidArgument, Reason: looppb.ErrorReason_ERROR_REASON_FILE_INVALID, Violations: violations(found, placeOf),
	}
	count := 0
	for _, each := range found {
		if each.Severity == check.Error {
			count += each.Count
		}
	}
	errorsFound := "an error"
	if count > 1 {
		errorsFound = fmt.Sprintf("%d errors", count)
	}
	out.Message = fmt.Sprintf("the file has %s, of which ValidateFile tells all, and Loop was not asked for anything: %s: %s",
		errorsFound, out.Violations[0].Field, out.Violations[0].Description)
	return out
}

// placeOf says where in a file something was found first.
func placeOf(f check.Finding) string {
	if f.Line == 0 {
		return "file"
	}
	return strings.TrimSuffix(fmt.Sprintf("line %d, column %d", f.Line, f.Column), ", column 0")
}
