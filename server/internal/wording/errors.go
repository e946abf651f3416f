package wording

import (
	"context"
	"errors"
	"slices"
	"strconv"
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

// Error is the error of a case.
func Error(c Case) error { return rows[c].With().Err() }

// Field is the error of a case at a field.
func Field(c Case, field string) error { return rows[c].At(field).Err() }

// NoPracticeCode is the error of a practice whose code at Loop is not configured.
func NoPracticeCode() error {
	out := rows[practiceCode].With()
	out.Advise(setPracticeCode)
	return out.Err()
}

// Replay is the error of a replay of changes whose answer was lost.
func Replay(err *cegidclient.Error) error { return apierror.FromLoop(err, replayAgain) }

// Of is an error of submission's as a caller sees it; what is not submission's stays as it is. Silent receives what the ledger
// said, of which callers are told no more than that it does not answer.
func Of(ctx context.Context, err error, silent func(error)) error {
	table := [...]func(error) (apierror.Error, bool){refused, fielded, plain, unresolved, rawRefused}
	for _, row := range table {
		if out, known := row(err); known {
			return out.Err()
		}
	}
	write, isWrite := errors.AsType[*submission.Failed](err)
	large, isLarge := errors.AsType[*submission.FileTooLargeError](err)
	kept, fault := errors.AsType[*submission.LedgerError](err)
	switch {
	case errors.Is(err, submission.ErrDocumentTooLarge):
		return apierror.DocumentTooLarge()
	case isLarge:
		return apierror.FileTooLarge(large.Most)
	case isWrite:
		if out, known := ofWrite(ctx, wordsOf(write.Of), write.Err); known {
			return out
		}
		silent(write.Err)
		return Error(ledgerSilent)
	case fault:
		silent(kept.Err)
		return Error(ledgerSilent)
	}
	return err
}

// ofWrite is the error of a write in the words of its kind; unknown is what the ledger says.
func ofWrite(ctx context.Context, w words, err error) (out error, known bool) {
	ending := errors.Is(context.Cause(ctx), apierror.ErrShuttingDown)
	if ended, is := errors.AsType[*submission.OutcomeError](err); is {
		return outcome(ended.Result, w), true
	}
	if twice, is := errors.AsType[*submission.DuplicateError](err); is {
		return duplicated(twice, w), true
	}
	it := apierror.Value{Name: "it", Text: w.it}
	switch {
	case errors.Is(err, submission.ErrReused):
		return rows[submission.ErrReused].At("request_id").Err(), true
	case errors.Is(err, submission.ErrGoesOn) && ending:
		return rows[goesOnStopping].With(it).Err(), true
	case errors.Is(err, submission.ErrGoesOn):
		return rows[submission.ErrGoesOn].With(it).Err(), true
	case errors.Is(err, submission.ErrStopping), ending && submission.Interrupted(err):
		return rows[submission.ErrStopping].With().Err(), true
	case submission.Interrupted(err): // before the ledger had it
		return Error(interrupted), true
	case errors.As(err, new(*cegidclient.Error)):
		return err, true
	}
	return nil, false
}

func duplicated(e *submission.DuplicateError, w words) error {
	again := apierror.Value{Name: "again", Text: w.again}
	if !e.Visible {
		return rows[duplicate].With(again).Err()
	}
	out := rows[duplicateOf].With(again, apierror.Same("id", e.Of.RequestID), stateValue(e.Of.State))
	out.Metadata = map[string]string{"requestId": e.Of.RequestID, "state": string(e.Of.State)}
	if state := e.Of.State; state == ledger.Uncertain || state == ledger.Failed { // neither proves that nothing was booked
		out.Advise(w.look)
	}
	return out.Err()
}

// stateValue is a state, by its name in French.
func stateValue(state ledger.State) apierror.Value {
	return apierror.Value{Name: "state", Text: apierror.Text{English: string(state), French: check.StateInFrench(string(state))}}
}

// outcome is the error that a write ended with.
func outcome(result submission.Result, w words) error {
	failure := result.Error
	if failure == nil {
		failure = &ledger.Failure{}
	}
	out, _ := failed(failure)
	busy := out.Reason == looppb.ErrorReason_ERROR_REASON_LOOP_BUSY
	switch result.State {
	case ledger.NotSent:
		if out.Code == codes.OK {
			out.Code, out.Reason = codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE
		}
		out.Advise(apierror.Cures(out.Reason)...)
		out.Advise(apierror.Text{
			English: w.nothing.English + " " + sendAgain.English, French: w.nothing.French + " " + sendAgain.French,
		})
	case ledger.Refused:
		out.Code, out.Reason = codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED
		out.Advise(apierror.Text{English: w.nothing.English + " " + w.fix.English, French: w.nothing.French + " " + w.fix.French})
	default:
		out = rows[uncertain].With()
		out.Advise(askAgain, w.look)
	}
	out.RetryAfter = failure.RetryAfter
	if !busy { // of which Loop has said nothing
		out.LoopSaid = failure.LoopMessage
	}
	out.Metadata = apierror.LoopMetadata(failure.Operation, failure.HTTPStatus, failure.LoopCode, failure.LoopCallID, failure.LoopInstanceID)
	out.Metadata["state"] = string(result.State)
	if result.Replayed {
		out.Replay()
	}
	return out.Err()
}

// refused are what checks have refused before anything was sent.
func refused(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.RefusedError](err); is {
		return ofFindings(e.Findings), true
	}
	if e, is := errors.AsType[*submission.EntryImportedError](err); is {
		return alreadyImported(e), true
	}
	if e, is := errors.AsType[*submission.FileRefusedError](err); is {
		return ofFile(e.Findings), true
	}
	return apierror.Error{}, false
}

// Argument is the error of an argument that submission refuses; nil without one.
func Argument(err error) error {
	if out, known := fielded(err); known {
		return out.Err()
	}
	return err
}

// fielded are what is wrong with an argument, or may not be asked for.
func fielded(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.FieldError](err); is {
		return rows[e.Problem].At(e.Field, apierror.Same("value", e.Value)), true
	}
	if e, is := errors.AsType[*submission.FormatError](err); is {
		return rows[formatDiffers].At("format", apierror.Value{Name: "format", Text: formats[e.Is]}), true
	}
	if e, is := errors.AsType[*submission.UnverifiedError](err); is {
		what := analytics
		if e.Field == "format" {
			what = formatTRA
		}
		return rows[what].At(e.Field, apierror.Same("operation", e.Operation)), true
	}
	return apierror.Error{}, false
}

// formats are named as the contract names them, and in French as people do.
var formats = map[submission.Format]apierror.Text{
	submission.FormatEntries: {English: looppb.ImportFormat_IMPORT_FORMAT_ENTRIES.String(), French: "écritures"},
	submission.FormatFEC:     {English: looppb.ImportFormat_IMPORT_FORMAT_FEC.String(), French: "FEC"},
	submission.FormatCustom:  {English: looppb.ImportFormat_IMPORT_FORMAT_CUSTOM.String(), French: "fichier personnalisé"},
	submission.FormatTRA:     {English: looppb.ImportFormat_IMPORT_FORMAT_TRA.String(), French: "TRA"},
}

// fieldOf is where those errors belong that say no more than that they happened.
var fieldOf = map[error]string{
	submission.ErrImportUnknown: "request_id", submission.ErrDocumentUnknown: "request_id", submission.ErrDepositUnknown: "deposit_id",
	submission.ErrDocumentEmpty: "data", submission.ErrCallerFull: "", submission.ErrFull: "", submission.ErrNoRoom: "",
	submission.ErrPreparation: "",
}

// plain are they.
func plain(err error) (apierror.Error, bool) {
	for target, field := range fieldOf {
		switch {
		case !errors.Is(err, target):
		case field != "":
			return rows[target].At(field), true
		default:
			return rows[target].With(apierror.Same("limit", submission.Preparation.String())), true
		}
	}
	return apierror.Error{}, false
}

// unresolved are the decisions that are not taken on an import.
func unresolved(err error) (apierror.Error, bool) {
	of := func(record ledger.Record, row Case, values ...apierror.Value) apierror.Error {
		out := rows[row].With(values...)
		out.Metadata = map[string]string{"state": string(record.State)}
		return out
	}
	if e, is := errors.AsType[*submission.NothingToResolveError](err); is {
		standing, known := standings[e.Record.State]
		if !known {
			standing = moved
		}
		return of(e.Record, resolved, stateValue(e.Record.State), apierror.Value{Name: "standing", Text: standing}), true
	}
	if e, is := errors.AsType[*submission.MayBeBookedError](err); is {
		if e.Record.Evidence == nil {
			return of(e.Record, maybeBooked), true
		}
		out := of(e.Record, maybeBookedSeen, apierror.Value{Name: "evidence", Text: evidence(e.Record)})
		seen(&out, e.Record.Evidence)
		return out, true
	}
	if e, is := errors.AsType[*submission.StatedOtherwiseError](err); is {
		return of(e.Record, statedOtherwise, apierror.Same("caller", e.Of.Caller),
			apierror.Value{Name: "outcome", Text: outcomes[e.Of.Booked]},
			apierror.Value{Name: "time", Text: apierror.Text{
				English: e.Of.Time.Format(time.RFC3339), French: e.Of.Time.UTC().Format("02/01/2006 à 15:04 UTC"),
			}}), true
	}
	return apierror.Error{}, false
}

// seen tells programs what a look has shown.
func seen(out *apierror.Error, e *ledger.Evidence) {
	out.Metadata["verdict"], out.Metadata["doubt"], out.Metadata["control"] = string(e.Verdict), string(e.Doubt), string(e.Control)
}

// Evidence says what a look means, and what to do.
func Evidence(r ledger.Record) string { return evidence(r).English }

func evidence(r ledger.Record) apierror.Text {
	switch {
	case r.Evidence.Verdict == ledger.NotFound && !r.Evidence.Proves():
		return evidences[unproven]
	case r.Evidence.Verdict != ledger.Inconclusive:
		return evidences[r.Evidence.Verdict]
	case r.Evidence.Doubt == ledger.ReferenceAbsent && r.Totals.Lines == 0: // a custom file, or one behind a link
		return evidences[unread]
	}
	return evidences[r.Evidence.Doubt]
}

// rawRefused are raw calls that the operator has not listed, or that name another dossier.
func rawRefused(err error) (apierror.Error, bool) {
	if e, is := errors.AsType[*submission.OtherDossierError](err); is {
		return rows[otherDossier].At(e.Field), true
	}
	e, is := errors.AsType[*submission.RouteError](err)
	switch {
	case !is:
		return apierror.Error{}, false
	case len(e.RPCs) > 0:
		return rows[routeWrapped].With(apierror.Value{Name: "rpcs", Text: apierror.Text{
			English: strings.Join(e.RPCs, " or "), French: strings.Join(e.RPCs, " ou "),
		}}), true
	case e.Deprecated:
		return rows[routeDeprecated].With(), true
	case e.Closed:
		return rows[routesClosed].With(), true
	}
	return rows[routeNotListed].With(), true
}

// alreadyImported is the error of entries that are in other imports, with what a look into Loop has shown of the first.
func alreadyImported(e *submission.EntryImportedError) apierror.Error {
	found := e.Findings()
	out := apierror.Error{
		Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED, Metadata: map[string]string{},
		Violations: violations(found, func(f check.Finding) string {
			if f.Field == "" {
				return placeOf(f).English
			}
			return f.Field
		}),
	}
	out.Message = out.Violations[0].Field + ": " + out.Violations[0].Description
	if at := slices.IndexFunc(e.Overlaps, func(o submission.EntryOverlap) bool { return o.Seen != nil }); at >= 0 {
		said := glimpsed(e.Overlaps[at])
		out.Message, out.French = said.English, said.French
		seen(&out, e.Overlaps[at].Seen)
	}
	more := -1
	for _, finding := range found {
		more += finding.Count
	}
	if more > 0 {
		text := others.With(apierror.Same("count", strconv.Itoa(more)))
		out.Message += text.English
		if out.French != "" { // else the violation speaks
			out.French += text.French
		}
	}
	if at := slices.IndexFunc(e.Overlaps, func(o submission.EntryOverlap) bool { return o.Import != "" }); at >= 0 {
		of := e.Overlaps[at]
		out.Metadata["requestId"], out.Metadata["state"] = of.Import, string(of.State)
		if of.State.Resolvable() {
			look := kinds[ledger.KindEntries].look
			if out.French == "" { // the violation speaks, which has no room for both
				look.French = ""
			}
			out.Advise(look)
		}
	}
	return out
}

// glimpsed says why an entry may not be sent of which a look into Loop was taken, and what to do.
func glimpsed(one submission.EntryOverlap) apierror.Text {
	number := apierror.Same("number", strconv.Itoa(one.Entry))
	of, what, way := ofAnother, theEntry, repeatIt
	if one.Import != "" {
		of = ofImport.With(apierror.Same("id", one.Import), stateValue(one.State))
	}
	if one.Line > 0 {
		number, what, way = apierror.Same("number", strconv.Itoa(one.Line)), theLine, allowTwice
	}
	return rows[entrySeen].Text.With(apierror.Value{Name: "what", Text: what.With(number)}, apierror.Value{Name: "import", Text: of},
		apierror.Value{Name: "why", Text: glimpse(one.Seen)}, apierror.Value{Name: "way", Text: way})
}

// glimpse says why a look into Loop does not let an entry be sent.
func glimpse(seen *ledger.Evidence) apierror.Text {
	if text, known := glimpses[seen.Doubt]; known {
		return text
	}
	if text, known := glimpses[seen.Verdict]; known && seen.Doubt == ledger.NoDoubt {
		return text
	}
	return glimpses[ledger.Found]
}
