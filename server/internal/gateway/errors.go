package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// HTTPStatus is the status of an error where the code's default would blame the caller for what is not theirs
// (design § 5).
func HTTPStatus(err error) int {
	switch apierror.ReasonOf(err) {
	case looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE:
		return http.StatusBadGateway
	case looppb.ErrorReason_ERROR_REASON_DOCUMENT_TOO_LARGE, looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE:
		return http.StatusRequestEntityTooLarge
	case looppb.ErrorReason_ERROR_REASON_HTTP_METHOD_NOT_ALLOWED:
		return http.StatusMethodNotAllowed
	case looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN:
		return http.StatusNotFound
	}
	return runtime.HTTPStatusFromCode(status.Code(err))
}

// writeError answers an error the same way wherever it arose.
func writeError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	header := w.Header()
	err = contractual(ctx, err, header.Get(requestIDHeader))
	setErrorHeaders(header, err)
	body, failed := marshaler.Marshal(status.Convert(err).Proto())
	if failed != nil {
		body = []byte(`{"code":13,"message":"the error could not be written as JSON"}`)
	}
	header.Del("Trailer")
	header.Del("Transfer-Encoding")
	body = append(body, '\n')
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body))) // whole at once, even where the handler goes on
	w.WriteHeader(HTTPStatus(err))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller has gone: nobody is left to tell
	}
}

// setErrorHeaders adds what HTTP says of an error outside of its body. grpc-gateway would copy the message into
// WWW-Authenticate, and say nothing of when to come back (pitfall 5).
func setErrorHeaders(header http.Header, err error) {
	if delay := apierror.RetryAfterOf(err); delay > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
	}
	if status.Code(err) == codes.Unauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="loop"`)
	}
}

// streamError words the error of a stream. Before the first message it still decides on status and headers, which
// grpc-gateway gives it no writer for.
func streamError(ctx context.Context, err error) *status.Status {
	answer, ok := ctx.Value(answerKey{}).(*answerWriter)
	if !ok {
		return status.Convert(contractual(ctx, err, ""))
	}
	err = contractual(ctx, err, answer.Header().Get(requestIDHeader))
	if !answer.begun {
		setErrorHeaders(answer.Header(), err)
		answer.status, answer.whole = HTTPStatus(err), true
	}
	return status.Convert(err)
}

type answerKey struct{}

// answerWriter lets streamError choose the status that is written, and gives up on a reader that does not read.
type answerWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	status  int  // instead of the one that is asked for; 0 leaves it
	whole   bool // what is written next is an error, and no line of a stream
	begun   bool
}

func (a *answerWriter) WriteHeader(code int) {
	if a.begun = true; a.status != 0 {
		code = a.status
	}
	a.hurry()
	a.ResponseWriter.WriteHeader(code)
}

func (a *answerWriter) Write(p []byte) (int, error) {
	a.begun = true
	a.hurry()
	if a.whole {
		a.whole = false
		if inner, ok := bytes.CutPrefix(p, []byte(`{"error":`)); ok {
			_, err := a.ResponseWriter.Write(bytes.TrimSuffix(inner, []byte("}")))
			return len(p), err
		}
	}
	return a.ResponseWriter.Write(p)
}

// hurry gives the reader its time from now on; the connection's last answer may have left another.
func (a *answerWriter) hurry() {
	_ = a.control.SetWriteDeadline(time.Now().Add(a.limit)) // an error means a writer without connection, in tests
}

// FlushError flushes, for http.ResponseController. The reader has everything then, and no more time to keep: over
// HTTP/2 its limit would end a stream that has nothing to say for a while.
func (a *answerWriter) FlushError() error {
	a.hurry()
	err := a.control.Flush()
	if err == nil {
		_ = a.control.SetWriteDeadline(time.Time{})
	}
	return err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// routingError never speaks for a request that routes.find let through, except for paths that cannot be unescaped.
func routingError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	if code == http.StatusBadRequest {
		writeError(ctx, mux, marshaler, w, r, apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "", "the path cannot be read: percent-encode its parts"))
		return
	}
	writeError(ctx, mux, marshaler, w, r, errNoSuchPath())
}

func errNoSuchPath() error {
	return apierror.New(codes.NotFound, looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN,
		"no such path: /openapi.json lists them")
}

func errMethodNotAllowed(allowed []string) error {
	return apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_HTTP_METHOD_NOT_ALLOWED,
		"this path takes "+strings.Join(allowed, ", "))
}

var unknownField = regexp.MustCompile(`unknown field "([^"]{1,250})"`)

// contractual gives the errors that grpc-gateway and the connection make themselves the shape of the contract.
func contractual(ctx context.Context, err error, requestID string) error {
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return err
	}
	message := status.Convert(err).Message()
	switch status.Code(err) {
	case codes.InvalidArgument:
		return malformed(message)
	case codes.Unimplemented, codes.NotFound:
		return errNoSuchPath()
	case codes.DeadlineExceeded:
		return apierror.FromContext(context.DeadlineExceeded)
	case codes.Canceled:
		return apierror.FromContext(context.Canceled)
	case codes.Unavailable:
		return apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN,
			"this server is shutting down: call again, another one or the same in a moment answers")
	case codes.ResourceExhausted:
		return apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
			"the message is larger than this service takes: send or ask for less at once")
	}
	if log, ok := ctx.Value(logKey{}).(*slog.Logger); ok {
		log.ErrorContext(ctx, "the gateway's own error", "request_id", requestID, "error", err.Error())
	}
	return apierror.Internal(requestID)
}

// logKey carries the log to where grpc-gateway hands over a context alone.
type logKey struct{}

// malformed words the errors of reading a request. Their own texts speak of parsers, and of Go.
func malformed(message string) error {
	const reason = looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED
	if match := unknownField.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[1], "is no field of this request: check its spelling against /openapi.json")
	}
	if strings.Contains(message, "request body too large") {
		return apierror.New(codes.InvalidArgument, reason, "the body is larger than this service takes: send less at once")
	}
	if strings.Contains(message, errTooManyParts.Error()) {
		return apierror.New(codes.InvalidArgument, reason, "the body has more values than this service takes: send less at once")
	}
	if strings.Contains(message, "invalid grpc-timeout") {
		return apierror.Field(reason, "Grpc-Timeout", "is not a timeout: write digits and a unit, such as 10S")
	}
	if _, parameter, found := strings.Cut(message, "type mismatch, parameter: "); found {
		name, _, _ := strings.Cut(parameter, ",")
		return apierror.Field(reason, name, "has a value of the wrong type")
	}
	if match := alreadyInPath.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[1], "is part of the path already: leave it out of the body")
	}
	if match := badQueryValue.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[1], "has a value of the wrong type")
	}
	if match := twiceOfOne.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[1], "is given twice: of the fields that exclude each other, give one")
	}
	if match := badMask.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[2], "names "+match[1]+": in JSON, a mask names fields as JSON does, legalForm and not legal_form")
	}
	if match := badJSONValue.FindStringSubmatch(message); match != nil {
		return apierror.Field(reason, match[1], "has a value of the wrong type")
	}
	return apierror.New(codes.InvalidArgument, reason, "the request cannot be read: send one JSON object with the fields that /openapi.json lists")
}

var (
	alreadyInPath = regexp.MustCompile(`field "([a-z_]{1,100})" stands in the path`)
	badQueryValue = regexp.MustCompile(`parsing field "([^"]{1,100})"`)
	badMaskPath   = regexp.MustCompile(`FieldMask\S* contains invalid path: ("[\w.*]{1,100}")`)
	badMask       = regexp.MustCompile(`invalid path ("[\w.*]{1,100}") in the mask ([\w.\[\]]{1,250})`)
	twiceOfOne    = regexp.MustCompile(`oneof "?(?:\w+\.){0,20}(\w{1,100})(?:"| is already set)`)
	badJSONValue  = regexp.MustCompile(`invalid value for \w+ field ([\w.\[\]]{1,250})`)
)
