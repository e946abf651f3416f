package wording

import (
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
)

// Failure is what an answer tells of how a write ended: the reason and the sentence.
func Failure(f *ledger.Failure) (reason, message string) {
	told, reason := failed(f)
	return reason, told.Message
}

// failed is a failure as a caller sees it: code, reason and sentence. Its reason is the text of older rows, whatever this
// server knows of it; empty without a failure.
func failed(f *ledger.Failure) (out apierror.Error, reason string) {
	switch {
	case f == nil || f.Cause == "":
		return apierror.Error{}, ""
	case f.Answered != nil: // as it was told then, in English: what to do, which is added by its state, is in both languages
		return apierror.Error{Code: codes.Code(*f.Answered), Reason: apierror.ReasonNamed(string(f.Cause)), Message: f.Detail}, string(f.Cause)
	}
	if row, known := rows[f.Cause]; known {
		out = row.With(apierror.Same("import", f.LoopImport))
	} else {
		out = ofLoop(f)
	}
	return out, apierror.ReasonName(out.Reason)
}

// ofLoop is what apierror's table says of a kind of the client's; an unknown one says nothing but its state. A write
// blames no field of its caller's, and has the help of its state.
func ofLoop(f *ledger.Failure) apierror.Error {
	for _, kind := range cegidclient.Kinds() {
		if kindCause(kind) == f.Cause {
			return apierror.Loop{Kind: kind, Local: f.Local, Operation: f.Operation, Field: f.Field, Detail: f.Detail}.Plain()
		}
	}
	return apierror.Error{}
}
