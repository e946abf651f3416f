package apierror

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// rule is what an error of cegidclient becomes for the caller.
type rule struct {
	code    codes.Code
	reason  looppb.ErrorReason
	message string
	help    []string
}

// loopRules is the table of docs/architecture.md, "Errors", as far as reads go. Every kind of cegidclient is in it or in FromLoop.
var loopRules = map[cegidclient.Kind]rule{
	cegidclient.KindRefused: {
		codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED,
		"Loop read the request and refused it; its own words come with this error", nil,
	},
	cegidclient.KindCredentialRejected: {
		codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED,
		"Loop rejects the keys of this practice; the caller's own token is fine",
		[]string{
			"The operator runs CheckConnection: it tells the subscription key from the API key.",
			"A new API key works only once the practice's administrator has activated it in LoopHub.",
		},
	},
	cegidclient.KindDossierNotShared: {
		codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_DOSSIER_NOT_SHARED,
		"the practice's key may not touch this dossier, or the dossier does not exist",
		[]string{
			"The practice's administrator opens LoopHub and attaches the dossier to the application's key.",
			"Check the dossier's code, letter by letter.",
		},
	},
	cegidclient.KindThrottled: {
		codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA,
		"Loop asks to slow down: wait as long as RetryInfo says", nil,
	},
	cegidclient.KindUnavailable: {
		codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"Loop is down or too slow", nil,
	},
	cegidclient.KindBadResponse: {
		codes.Internal, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE,
		"Loop answered something that is not its API; tell the operator", nil,
	},
	cegidclient.KindRouteUnknown: {
		codes.Internal, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE,
		"Loop's gateway does not know this route: the operator checks loop.base_url", nil,
	},
	cegidclient.KindNotFound: {
		codes.NotFound, looppb.ErrorReason_ERROR_REASON_OBJECT_UNKNOWN,
		"Loop has no such object", nil,
	},
	cegidclient.KindAdvancedKeyRequired: {
		codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_ADVANCED_KEY_REQUIRED,
		"this operation needs an Advanced key (P04454) and the practice has none; Loop was not called", nil,
	},
	cegidclient.KindUnverified: {
		codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
		"nobody has verified this against Loop, and the operator has not enabled it under unverified_operations; Loop was not called", nil,
	},
	cegidclient.KindOutcomeUnknown: {
		codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		"it was sent, and nobody knows what became of it", nil,
	},
	cegidclient.KindExists: {
		codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_OBJECT_EXISTS,
		"Loop has it already", nil,
	},
	cegidclient.KindStale: {
		codes.Aborted, looppb.ErrorReason_ERROR_REASON_REVISION_STALE,
		"it has changed since it was read: read it again, and decide anew", nil,
	},
	cegidclient.KindLinkRefused: {
		codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"the storage does not take Loop's link; this service has asked for another already", nil,
	},
	cegidclient.KindBusy: {
		codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_BUSY,
		"Loop was not called; come back after what RetryInfo says: ", nil,
	},
	cegidclient.KindConfiguration: {
		codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED,
		"this service cannot read the keys of this practice; tell the operator. Loop was not called", nil,
	},
}

// LoopMetadata is what ErrorInfo says of a call of Loop's: the inventory's id of what was called, and what Loop's answer
// names.
func LoopMetadata(operation string, httpStatus int, code, requestID, instanceID string) map[string]string {
	out := map[string]string{"operation": operation, "code": code, "requestId": requestID, "instanceId": instanceID}
	if httpStatus != 0 {
		out["httpStatus"] = strconv.Itoa(httpStatus)
	}
	return out
}

// Cures are the sentences on what to do about a reason of Loop's, for an answer that is made without Loop's error at hand.
func Cures(reason looppb.ErrorReason) []string {
	for _, each := range loopRules {
		if each.reason == reason && each.help != nil {
			return slices.Clone(each.help)
		}
	}
	return nil
}

// BusyFrench tells a person why LOOP_BUSY, and when to come back.
func BusyFrench(retryAfter time.Duration) string {
	return fmt.Sprintf("Trop d'appels attendent Loop pour ce cabinet, et le vôtre n'a pas été envoyé. Réessayez dans %d secondes.", int(math.Ceil(retryAfter.Seconds())))
}

// tries tells how often a call that failed was tried, and why no more.
func tries(err *cegidclient.Error) string {
	asked := "; it was asked once"
	if err.Attempts != 1 {
		asked = fmt.Sprintf("; it was asked %d times", err.Attempts)
	}
	switch err.NoMore {
	case cegidclient.StoppedByBudget:
		return asked + ", and no more, because too many calls had to be repeated lately"
	case cegidclient.StoppedByDeadline:
		return asked + ", and no more, because the time left is too short"
	case cegidclient.StoppedByTurn:
		return asked + ", and no more, because another call would not have had its turn in time"
	case cegidclient.StoppedByBreaker:
		return asked + ", and no more, because it fails again and again and is not called for a moment"
	case cegidclient.StoppedByAttempts:
		return asked
	}
	if err.Attempts == 0 {
		return ""
	}
	return asked
}

// FromLoop returns the error that a caller sees for one of cegidclient's, with what else helps, if anything.
func FromLoop(err *cegidclient.Error, help ...string) error {
	if err.Kind == cegidclient.KindInterrupted {
		return FromContext(err)
	}
	out := Loop{Kind: err.Kind, Local: err.Local, Operation: err.Operation, Field: err.Field, Detail: err.Detail()}.Error()
	out.Metadata = LoopMetadata(err.Operation, err.HTTPStatus, err.Code, err.RequestID, err.InstanceID)
	out.RetryAfter, out.LoopSaid, out.Help = err.RetryAfter, err.Message, slices.Concat(help, out.Help)
	if err.Kind == cegidclient.KindInvalidArgument { // nothing of it is Loop's
		out = Error{Code: out.Code, Reason: out.Reason, Message: out.Message, Violations: out.Violations}
	}
	if (err.Kind == cegidclient.KindUnavailable || err.Kind == cegidclient.KindThrottled) && !err.Local {
		out.Message += tries(err)
	}
	if err.Kind == cegidclient.KindBusy {
		out.LoopSaid = BusyFrench(err.RetryAfter)
	}
	return out.Err()
}

// Loop is what the sentence about an error of cegidclient's depends on.
type Loop struct {
	Kind                     cegidclient.Kind
	Local                    bool
	Operation, Field, Detail string
}

// Error has the code, the reason and the sentence, and what helps.
func (l Loop) Error() Error {
	found, known := loopRules[l.Kind]
	if !known {
		found = loopRules[cegidclient.KindBadResponse]
	}
	out := Error{Code: found.code, Reason: found.reason, Message: found.message, Help: slices.Clone(found.help)}
	switch {
	case l.Kind == cegidclient.KindInvalidArgument:
		out = Error{Code: codes.InvalidArgument, Reason: looppb.ErrorReason_ERROR_REASON_FIELD_INVALID}
		l.fieldOf(&out)
	case l.Kind == cegidclient.KindUnavailable && l.Local:
		out.Message = "Loop has failed again and again, so it is not called for a moment"
	case l.Kind == cegidclient.KindBusy:
		out.Message += l.Detail
	case l.Kind == cegidclient.KindRouteUnknown && l.Operation == cegidclient.RawOperation:
		out.Message = "Loop's gateway does not know this route: the operator checks how it is spelt under raw in the configuration, and loop.base_url"
	}
	switch l.Kind {
	case cegidclient.KindNotFound, cegidclient.KindExists, cegidclient.KindStale:
		if l.Field != "" {
			l.fieldOf(&out)
		}
	case cegidclient.KindOutcomeUnknown:
		if op, known := cegidclient.OperationByID(l.Operation); known && op.Resend == cegidclient.ResendReadBack {
			out.Help = append(out.Help, "Repeat the call as it is: it looks first at what Loop holds by now.")
		}
	}
	return out
}

// fieldOf blames the field.
func (l Loop) fieldOf(out *Error) {
	out.Message = l.Detail
	if l.Field != "" {
		out.Message = l.Field + ": " + l.Detail
	}
	out.Violations = []Violation{{Field: l.Field, Description: l.Detail}}
}
