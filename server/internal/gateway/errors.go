package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/encode"
	"cegid.internal/gateway/server/internal/apierror"
)

// HTTPStatus is the status of an error where the code's default would blame the caller for what is not theirs
// (docs/architecture.md, "Errors").
func HTTPStatus(err error) int {
	switch apierror.ReasonOf(err) {
	case looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE:
		return http.StatusBadGateway
	case looppb.ErrorReason_ERROR_REASON_DOCUMENT_TOO_LARGE, looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE:
		return http.StatusRequestEntityTooLarge
	case looppb.ErrorReason_ERROR_REASON_HTTP_METHOD_NOT_ALLOWED:
		return http.StatusMethodNotAllowed
	case looppb.ErrorReason_ERROR_REASON_MEDIA_TYPE_UNSUPPORTED:
		return http.StatusUnsupportedMediaType
	case looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN:
		return http.StatusNotFound
	case looppb.ErrorReason_ERROR_REASON_EVENTS_FORGOTTEN:
		return http.StatusGone
	}
	return runtime.HTTPStatusFromCode(status.Code(err))
}

// writeError answers an error the same way wherever it arose.
func writeError(ctx context.Context, _ *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
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
	_, _ = w.Write(body) // the caller has gone
}

// setErrorHeaders adds what HTTP says of an error outside of its body. grpc-gateway would copy the message into
// WWW-Authenticate, and say nothing of when to come back.
func setErrorHeaders(header http.Header, err error) {
	if delay := apierror.RetryAfterOf(err); delay > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
	}
	if apierror.IsReplay(err) {
		header.Set(replayedHeader, "true")
	}
	if status.Code(err) == codes.Unauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="loop"`)
	}
}

// streamError words the error of a stream. Before the first message it is an answer as any other error is: grpc-gateway
// would make it a line, and gives no writer to say otherwise.
func (m *marshaler) streamError(ctx context.Context, err error) *status.Status {
	answer := answerOf(ctx)
	if answer == nil {
		return status.Convert(contractual(ctx, err, ""))
	}
	if !answer.begun {
		writeError(ctx, nil, m, answer, nil, err)
		answer.ended = true
	}
	return status.Convert(contractual(ctx, err, answer.Header().Get(requestIDHeader)))
}

type answerKey struct{}

// answerOf is the answer to the request of a context; nil for none.
func answerOf(ctx context.Context) *answerWriter {
	answer, _ := ctx.Value(answerKey{}).(*answerWriter)
	return answer
}

// answerWriter lets streamError answer, and gives up on a reader that does not read. It is in the context of the request, with what
// else belongs there: grpc-gateway hands over a context alone.
type answerWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	begun   bool
	ended   bool // what is written now is of no more use
	log     *slog.Logger
	kept    *kept // nil for what is no read
}

func (a *answerWriter) WriteHeader(code int) {
	if a.ended {
		return
	}
	a.begin()
	a.ResponseWriter.WriteHeader(code)
}

// begin is before the header is sent: the tag of what is compressed is that of another form.
func (a *answerWriter) begin() {
	if header := a.Header(); !a.begun && header.Get("Content-Encoding") != "" && header.Get("ETag") != "" {
		header.Set("ETag", weak(header.Get("ETag")))
	}
	a.begun = true
	a.hurry()
}

func (a *answerWriter) Write(p []byte) (int, error) {
	if a.ended {
		return len(p), nil
	}
	a.begin()
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
func routingError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request,
	code int,
) {
	if code == http.StatusBadRequest {
		writeError(ctx, mux, marshaler, w, r,
			apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "", "the path cannot be read: percent-encode its parts"))
		return
	}
	writeError(ctx, mux, marshaler, w, r, errNoSuchPath())
}

func errNoSuchPath() error {
	return apierror.New(codes.NotFound, looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN,
		"no such path: /openapi.json lists them")
}

func errEmptyPart() error {
	return apierror.New(codes.NotFound, looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN,
		"no such path: leave out its empty part, a slash at the end or two in a row, or give the value that is missing there")
}

func errMethodNotAllowed(w http.ResponseWriter, allowed []string) error {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_HTTP_METHOD_NOT_ALLOWED,
		"this path takes "+strings.Join(allowed, ", "))
}

// contractual gives the errors that grpc-gateway and the connection make themselves the shape of the contract.
func contractual(ctx context.Context, err error, requestID string) error {
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return err
	}
	switch status.Code(err) {
	case codes.InvalidArgument: // what can be said better has been, before grpc-gateway came to it
		return apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED,
			"the request cannot be read: check its path, query and headers against /openapi.json")
	case codes.Unimplemented, codes.NotFound:
		return errNoSuchPath()
	case codes.DeadlineExceeded:
		return apierror.FromContext(context.DeadlineExceeded)
	case codes.Canceled:
		return apierror.FromContext(context.Canceled)
	case codes.Unavailable:
		return apierror.ShuttingDown()
	case codes.ResourceExhausted:
		return apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
			"the message is larger than this service takes: send or ask for less at once")
	}
	if answer := answerOf(ctx); answer != nil {
		answer.log.ErrorContext(ctx, "the gateway's own error", "request_id", requestID, "error", err.Error())
	}
	return apierror.Internal(requestID)
}

// checkTimeout refuses what grpc-gateway cannot read.
func checkTimeout(header http.Header) error {
	if given := header.Get("Grpc-Timeout"); given != "" && !timeout.MatchString(given) {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "Grpc-Timeout",
			"is not a timeout: write digits and a unit, such as 10S")
	}
	return nil
}

// timeout is as gRPC over HTTP/2 writes it, and longer than that: it is bounded later on.
var timeout = regexp.MustCompile(`^[0-9]{1,19}[HMSmun]$`)

// Marshal writes an answer or an error, by the names of JSON. The reason of an error is at its top, too: a person who reads it
// by hand asks for that first.
func (m *marshaler) Marshal(value any) ([]byte, error) {
	switch v := value.(type) {
	case text:
		return v, nil
	case *rpcstatus.Status:
		return m.marshalError(status.FromProto(v).Err())
	case map[string]proto.Message:
		return lineOf(m, v)
	case map[string]any:
		return lineOf(m, v)
	case proto.Message:
		return m.scratch.write(func(to []byte) ([]byte, error) { return m.append(to, v) })
	}
	return m.JSONPb.Marshal(value)
}

// maxAnswer bounds an answer, in bytes of its encoding as a message, which JSON is longer than.
const maxAnswer = 64 << 20

// append appends an answer.
func (m *marshaler) append(to []byte, answer proto.Message) ([]byte, error) {
	before := len(to)
	to, err := encode.Message(to, m.names.Answer(answer))
	if err == nil && len(to)-before > maxAnswer && proto.Size(answer) > maxAnswer {
		return to, status.Error(codes.ResourceExhausted, "the answer is larger than this service gives")
	}
	return to, err
}

// scratch lends memory for an answer while it grows. What is kept of one is as large as it is.
type scratch struct{ pool sync.Pool }

// mostScratch is the most that is kept for the next answer, in bytes.
const mostScratch = 1 << 20

func (s *scratch) write(with func([]byte) ([]byte, error)) ([]byte, error) {
	lent, ok := s.pool.Get().(*[]byte)
	if !ok {
		lent = new([]byte)
	}
	text, err := with((*lent)[:0])
	if err != nil {
		return nil, err
	}
	if cap(text) > mostScratch {
		return text, nil
	}
	*lent = text
	defer s.pool.Put(lent)
	return bytes.Clone(text), nil
}

// lineOf writes a line of a stream, of one member: the answer, or the error at its end.
func lineOf[V any](m *marshaler, line map[string]V) ([]byte, error) {
	return m.scratch.write(func(to []byte) (_ []byte, err error) {
		to = append(to, '{')
		for _, name := range slices.Sorted(maps.Keys(line)) {
			to = encode.Name(to, strconv.Quote(name)+":")
			answer, ok := any(line[name]).(proto.Message)
			if _, failed := answer.(*rpcstatus.Status); ok && !failed {
				to, err = m.append(to, answer)
			} else {
				var text []byte
				text, err = m.Marshal(line[name])
				to = append(to, text...)
			}
			if err != nil {
				return to, err
			}
		}
		return append(to, '}'), nil
	})
}

func (m *marshaler) marshalError(err error) ([]byte, error) {
	said := status.Convert(m.names.Error(err)).Proto()
	out := struct {
		Code    int32            `json:"code"`
		Message string           `json:"message"`
		Reason  string           `json:"reason"`
		Details []jsontext.Value `json:"details"`
	}{Code: said.GetCode(), Message: said.GetMessage(), Reason: apierror.ReasonName(apierror.ReasonOf(err))}
	for _, detail := range said.GetDetails() {
		text, err := m.JSONPb.Marshal(detail)
		if err != nil {
			return nil, err
		}
		out.Details = append(out.Details, text)
	}
	return json.Marshal(out)
}
