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

// loopRules is the table of design § 5, as far as reads go. Every kind of cegidclient stands in it or in FromLoop.
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
		"Loop is down or too slow; this service has tried again already", nil,
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

// FromLoop returns the error that a caller sees for one of cegidclient's, with what else helps, if anything.
func FromLoop(err *cegidclient.Error, help ...string) error {
	switch err.Kind {
	case cegidclient.KindInterrupted:
		return FromContext(err)
	case cegidclient.KindInvalidArgument:
		return Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, err.Field, err.Detail())
	}
	found, known := loopRules[err.Kind]
	if !known {
		found = loopRules[cegidclient.KindBadResponse]
	}
	switch {
	case err.Kind == cegidclient.KindUnavailable && err.Local:
		found.message = "Loop has failed again and again, so it is not called for a moment"
	case err.Kind == cegidclient.KindBusy:
		found.message += err.Detail()
	case err.Kind == cegidclient.KindRouteUnknown && err.Operation == cegidclient.RawOperation:
		found.message = "Loop's gateway does not know this route: the operator checks how it is spelt under raw in the configuration, and loop.base_url"
	}
	out := Error{
		Code: found.code, Reason: found.reason, Message: found.message,
		Metadata: LoopMetadata(err.Operation, err.HTTPStatus, err.Code, err.RequestID, err.InstanceID), RetryAfter: err.RetryAfter, LoopSaid: err.Message, Help: slices.Concat(help, found.help),
	}
	switch err.Kind {
	case cegidclient.KindBusy:
		out.LoopSaid = BusyFrench(err.RetryAfter)
	case cegidclient.KindNotFound, cegidclient.KindExists, cegidclient.KindStale:
		if err.Field != "" {
			out.Message = err.Field + ": " + err.Detail()
			out.Violations = []Violation{{Field: err.Field, Description: err.Detail()}}
		}
	case cegidclient.KindOutcomeUnknown:
		if op, known := cegidclient.OperationByID(err.Operation); known && op.Resend == cegidclient.ResendReadBack {
			out.Help = append(out.Help, "Repeat the call as it is: it looks first at what Loop holds by now.")
		}
	}
	return out.Err()
}
