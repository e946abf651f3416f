package service

import (
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
)

// causes is what a caller is told of each cause of the ledger's.
var causes = map[ledger.Cause]apierror.Error{
	ledger.CauseStopping: shuttingDown("this server is shutting down, and has not sent it: nothing was booked. Send the same request_id again"),
	ledger.CauseFault: {
		Code: codes.Internal, Reason: looppb.ErrorReason_ERROR_REASON_INTERNAL,
		Message: "a fault of this service, before anything was sent: nothing was booked",
	},
	ledger.CauseNotNoted: {
		Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		Message: "it could not be noted that it was about to be sent, so it was not: nothing was booked. Send the same request_id again",
	},
	ledger.CauseNoTurn: {
		Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_LOOP_BUSY,
		Message: "it did not get its turn in time and was not sent",
	},
	ledger.CauseWithoutID:   outcomeUnknown("Loop accepted it without an id, so nobody can follow what becomes of it"),
	ledger.CauseNamesImport: outcomeUnknown("Loop turned it away, and yet its answer names an import: look in Loop for "),
	ledger.CauseEndedWithErrors: { // which ends no call: it is shown
		Reason:  looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED,
		Message: "Loop ended the import with errors, which its public API does not detail: look at the import in Loop. This does not prove that nothing was booked",
	},
	ledger.CauseOrphanedUnsent: shuttingDown("The server ended, or took too long, before it was sent: nothing was booked. Send the same request_id again."),
	ledger.CauseOrphaned:       outcomeUnknown("The server ended, or took too long, while it was being sent: whether Loop has it is unknown. Look for it in Loop before sending it under another request_id."),
	ledger.CauseOverdue:        outcomeUnknown("Loop accepted it, and did not say within 7 days what became of it. Look for its document references in Loop before sending it under another request_id."),
	ledger.CauseForgotten:      outcomeUnknown("This service has lost its memory of it but for the fact that it was sent: whether Loop has it is unknown. Look for it in Loop before sending it under another request_id."),
	// Of a write these kinds say more than of a read.
	kindCause(cegidclient.KindUnavailable): {
		Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		Message: "Loop cannot be reached for now, and nothing was sent",
	},
	kindCause(cegidclient.KindThrottled): {
		Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA,
		Message: "Loop asks to slow down, and has not taken it",
	},
}

// outcomeUnknown is what nobody knows the outcome of.
func outcomeUnknown(message string) apierror.Error {
	return apierror.Error{Code: codes.Unknown, Reason: looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN, Message: message}
}

// shuttingDown is what a server did not send as it ended.
func shuttingDown(message string) apierror.Error {
	return apierror.Error{Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, Message: message}
}

func kindCause(kind cegidclient.Kind) ledger.Cause { return ledger.Cause(kind.String()) }

// failed is what a caller is told of a failure: code, reason and sentence. Its reason is the text of older rows, whatever this
// server knows of it; empty without a failure.
func failed(f *ledger.Failure) (out apierror.Error, reason string) {
	switch {
	case f == nil || f.Cause == "":
		return apierror.Error{}, ""
	case f.Answered != nil: // as it was told then
		return apierror.Error{Code: codes.Code(*f.Answered), Reason: apierror.ReasonNamed(string(f.Cause)), Message: f.Detail}, string(f.Cause)
	}
	out, known := causes[f.Cause]
	if f.Cause == ledger.CauseNamesImport {
		out.Message += f.LoopImport
	}
	if !known {
		out = ofLoop(f)
	}
	return out, apierror.ReasonName(out.Reason)
}

// ofLoop is what apierror's table says of a kind of the client's; one that nobody knows says nothing but its state.
func ofLoop(f *ledger.Failure) apierror.Error {
	for _, kind := range cegidclient.Kinds() {
		if kindCause(kind) == f.Cause {
			return apierror.Loop{Kind: kind, Local: f.Local, Operation: f.Operation, Field: f.Field, Detail: f.Detail}.Error()
		}
	}
	return apierror.Error{}
}

var rpcNames = map[ledger.Kind]string{
	ledger.KindEntries: "ImportService.ImportEntries", ledger.KindFile: "ImportService.ImportFile",
	ledger.KindDocument: "DocumentService.StoreDocument", ledger.KindRaw: "RawService.Call",
}

// RPCName is the call that a kind of write comes by, as the audit has it.
func RPCName(kind ledger.Kind) string { return rpcNames[kind] }
