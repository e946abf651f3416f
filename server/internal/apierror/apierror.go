// Package apierror builds the errors that callers see: a gRPC status whose details say whose fault it is and what to
// do about it (docs/architecture.md, "Errors"). Every error that leaves the server is made here.
package apierror

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// Domain is the domain of every ErrorInfo. It is part of the contract and does not follow the module's path.
const Domain = "loop.cegid.internal"

// replayed is the key in an error's metadata that says "true" where nothing was sent for this call: the error is that of the
// first call with the request_id.
const replayed = "replayed"

const (
	// Details travel base64-encoded in an HTTP/2 header. Some clients take 8 KiB of headers, and turn what has more into INTERNAL.
	maxDetails    = 2 << 10
	maxViolations = 10
	maxText       = 300
	mostFrench    = 2 * maxText // it has in one what English has in message and help
)

// Violation is a field that is wrong, by its path in the request, and a sentence that says what to do.
type Violation struct {
	Field, Description string
	// Reason is the code of an accounting finding, French its sentence for the accountant; empty for other violations.
	Reason, French string
}

// Error describes an error before it becomes a status.
type Error struct {
	Code    codes.Code
	Reason  looppb.ErrorReason
	Message string
	// French is the message for the accountant, where no violation has it.
	French string
	// Metadata travels in ErrorInfo: operation, Loop's code, requestId, instanceId.
	Metadata   map[string]string
	Violations []Violation
	// RetryAfter is known when above zero.
	RetryAfter time.Duration
	// LoopSaid is Loop's own sentence, in its own language.
	LoopSaid string
	// Help says what to do, as a sentence each.
	Help []string
}

// New returns an error with a code, a reason and a sentence.
func New(code codes.Code, reason looppb.ErrorReason, message string) error {
	return Error{Code: code, Reason: reason, Message: message}.Err()
}

// ErrShuttingDown is the cause of a call's end when it is the server's.
var ErrShuttingDown = errors.New("shutting down")

// Soon is when to come back to a server that ends: another answers, or the same anew.
const Soon = time.Second

// The errors of any call.
var (
	shuttingDown = NewRow(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN,
		"this server is shutting down: call again, another one or the same in a moment answers",
		"Ce serveur s'arrête. Refaites l'appel : un autre y répondra, ou le même.").After(Soon)
	resume = NewRow(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN,
		"this server is shutting down: resume the stream by the same call, which another one answers, or the same in a moment",
		"Ce serveur s'arrête. Reprenez la lecture par le même appel : un autre y répondra, ou le même.").After(Soon)
	deadlineExceeded = NewRow(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the time allowed for the call is over: allow more, or ask for less at once",
		"Le délai de l'appel est dépassé. Accordez plus de temps, ou demandez moins à la fois.")
	cancelled = NewRow(codes.Canceled, looppb.ErrorReason_ERROR_REASON_CANCELLED,
		"the caller gave up",
		"L'application a abandonné l'appel. Refaites-le si vous attendez encore la réponse.")
	internal = NewRow(codes.Internal, looppb.ErrorReason_ERROR_REASON_INTERNAL,
		"a fault of this service; its operator finds it in the log under request id {id}",
		"Ce service a commis une erreur. Donnez à son administrateur le numéro {id}, sous lequel son journal la décrit.")
)

// ShuttingDown returns the error of a server that ends, which says when to come back.
func ShuttingDown() error { return shuttingDown.With().Err() }

// Resume returns the error of a stream that is cut short because its server ends.
func Resume() error {
	out := resume.With()
	out.Metadata = map[string]string{"resume": "true"}
	return out.Err()
}

// Field returns the error of one wrong field.
func Field(reason looppb.ErrorReason, field, description string) error {
	return Invalid(reason, Violation{Field: field, Description: description})
}

// Invalid returns the error of wrong fields; its message is the first of them.
func Invalid(reason looppb.ErrorReason, violations ...Violation) error {
	return InvalidFields(reason, violations...).Err()
}

// InvalidFields describes the error of wrong fields.
func InvalidFields(reason looppb.ErrorReason, violations ...Violation) Error {
	message := violations[0].Description
	if field := violations[0].Field; field != "" {
		message = field + ": " + message
	}
	return Error{Code: codes.InvalidArgument, Reason: reason, Message: message, Violations: violations}
}

// ReasonName is the reason as it travels: the enum value's name without its prefix.
func ReasonName(reason looppb.ErrorReason) string {
	return strings.TrimPrefix(reason.String(), "ERROR_REASON_")
}

// ReasonNamed reads what ReasonName wrote; UNSPECIFIED for a name that this contract does not have.
func ReasonNamed(name string) looppb.ErrorReason {
	return looppb.ErrorReason(looppb.ErrorReason_value["ERROR_REASON_"+name])
}

// Replay notes that nothing was sent for this call: the error is that of the first one with its request_id.
func (e *Error) Replay() {
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	e.Metadata[replayed] = "true"
}

// IsReplay says whether Replay was noted.
func IsReplay(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetMetadata()[replayed] == "true"
		}
	}
	return false
}

// Err makes the status. Details are trimmed to what fits: the least useful go first.
func (e Error) Err() error {
	if e.Code == codes.OK { // a row that is missing must not read as a success
		e.Code, e.Reason, e.Message = codes.Internal, looppb.ErrorReason_ERROR_REASON_INTERNAL,
			"this service has no words for what went wrong; tell the operator"
	}
	metadata := make(map[string]string, len(e.Metadata))
	for key, value := range e.Metadata {
		if value != "" {
			metadata[key] = clip(value)
		}
	}
	details := []proto.Message{&errdetails.ErrorInfo{Reason: ReasonName(e.Reason), Domain: Domain, Metadata: metadata}}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if len(e.Violations) > 0 {
		details = append(details, badRequest(e.Violations))
	}
	if len(e.Help) > 0 {
		help := &errdetails.Help{}
		for _, sentence := range e.Help {
			help.Links = append(help.Links, &errdetails.Help_Link{Description: clip(sentence)})
		}
		details = append(details, help)
	}
	if said := e.localized(); said != nil {
		details = append(details, said)
	}
	result := status.New(e.Code, clip(e.Message))
	size := 0
	for _, detail := range details {
		if size+proto.Size(detail) > maxDetails { // a smaller one may fit
			continue
		}
		size += proto.Size(detail)
		if with, err := result.WithDetails(protoadapt.MessageV1Of(detail)); err == nil {
			result = with
		}
	}
	return result.Err()
}

func badRequest(violations []Violation) *errdetails.BadRequest {
	out := &errdetails.BadRequest{}
	for _, v := range violations[:min(len(violations), maxViolations)] {
		violation := &errdetails.BadRequest_FieldViolation{Field: clip(v.Field), Description: clip(v.Description), Reason: v.Reason}
		if v.French != "" {
			violation.LocalizedMessage = &errdetails.LocalizedMessage{Locale: french, Message: clip(v.French)}
		}
		out.FieldViolations = append(out.FieldViolations, violation)
		if proto.Size(out) > maxDetails/2 {
			break
		}
	}
	return out
}

// clip shortens a text to what a detail may hold, between characters. Bytes that are not UTF-8 are replaced: a status
// that holds them could not be marshalled.
func clip(text string) string { return clipTo(maxText, text) }

func clipTo(most int, text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// ReasonOf returns the reason that an error carries, or UNSPECIFIED when it was not made here.
func ReasonOf(err error) looppb.ErrorReason {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return ReasonNamed(info.GetReason())
		}
	}
	return looppb.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// RetryAfterOf returns the delay that an error asks for, or 0.
func RetryAfterOf(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// FromContext returns the error of a call whose context ended.
func FromContext(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return deadlineExceeded.With().Err()
	}
	return cancelled.With().Err()
}

// Internal returns the error of a fault of this service. It says nothing of what happened: the log does, under the
// same id.
func Internal(requestID string) error {
	out := internal.With(Same("id", requestID))
	out.Metadata = map[string]string{"requestId": requestID}
	return out.Err()
}
