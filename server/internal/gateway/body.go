package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/strictjson"
)

// maxParts bounds the values of a body, and maxObjects the objects among them: what the service takes fits (interceptor).
// Of manyObjects on, one body is made values of at a time.
const (
	maxParts    = 600_000
	maxObjects  = 100_000
	manyObjects = 10_000
)

func newBounds() strictjson.Bounds {
	return strictjson.Bounds{
		Values: maxParts, Objects: maxObjects, Parts: interceptor.MaxParts, PartsOf: interceptor.PartsOf,
		ManyObjects: manyObjects, Turn: &sync.Mutex{},
	}
}

// readBody is a body that has been read. grpc-gateway turns each error of reading one into a text. So it is read before
// grpc-gateway asks for it, and its problems are reported as they were found.
type readBody struct {
	io.ReadCloser
	request proto.Message
}

// readRequest makes a request of a body, in one walk. Fields that the path decides are refused, since they would be
// overridden silently.
func (a *api) readRequest(r *http.Request, found *route) (*readBody, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyUnread(err)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(found.request.FullName())
	if err != nil {
		return nil, err
	}
	out := &readBody{ReadCloser: r.Body, request: kind.New().Interface()}
	if len(bytes.TrimSpace(text)) == 0 {
		return out, nil // no body: an empty request
	}
	err = strictjson.Read(text, out.request, a.routes.decided(found.request.FullName()), a.bounds)
	if problems, ok := errors.AsType[strictjson.Problems](err); ok {
		violations := make([]apierror.Violation, 0, len(problems))
		for _, problem := range problems {
			violations = append(violations, apierror.Violation{Field: problem.Field, Description: problem.String()})
		}
		return nil, apierror.Invalid(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, violations...)
	}
	if errors.Is(err, strictjson.ErrTooMany) {
		return nil, apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED,
			"the body has more values than this service takes: send less at once")
	}
	return out, err
}

// bodyUnread words why a body did not arrive.
func bodyUnread(err error) error {
	const reason = looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return apierror.Field(reason, strictjson.Body, "is larger than this service takes: send less at once")
	}
	return apierror.Field(reason, strictjson.Body, "did not arrive whole and in time: send it again")
}

// NewDecoder gives grpc-gateway the request that was made of the body, and an empty one of a stranger's, which nobody reads.
func (m *marshaler) NewDecoder(body io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(target any) error {
		read, ok := body.(*readBody)
		if !ok {
			return io.EOF
		}
		into := target.(proto.Message).ProtoReflect()
		read.request.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			into.Set(field, value)
			return true
		})
		return nil
	})
}
