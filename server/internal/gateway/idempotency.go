package gateway

import (
	"context"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

type idempotencyKey struct{}

// idempotencyKeys takes the request_id of a write from the header Idempotency-Key, as REST callers are used to.
type idempotencyKeys struct{ grpc.ClientConnInterface }

func (c idempotencyKeys) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	if keys, _ := ctx.Value(idempotencyKey{}).([]string); len(keys) > 0 {
		if request, ok := args.(proto.Message); ok {
			if err := setRequestID(request.ProtoReflect(), keys); err != nil {
				return err
			}
		}
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
}

func setRequestID(request protoreflect.Message, keys []string) error {
	field := request.Descriptor().Fields().ByName("request_id")
	if field == nil {
		return nil // nothing is booked: the header means nothing
	}
	given, key := request.Get(field).String(), unquoted(keys[0])
	if len(keys) > 1 || given != "" && given != key {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "request_id",
			"the header Idempotency-Key says otherwise: give the id once, or the same in both")
	}
	if !utf8.ValidString(key) {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "request_id",
			"the header Idempotency-Key says otherwise than in UTF-8: an id has letters, digits, '.', '_' and '-'")
	}
	request.Set(field, protoreflect.ValueOfString(key))
	return nil
}

// unquoted is a key without the quotation marks that a string has in a structured header (RFC 9651 § 3.3.3). No id holds
// one, nor a backslash.
func unquoted(key string) string {
	if inner, ok := strings.CutPrefix(key, `"`); ok && strings.HasSuffix(inner, `"`) {
		return strings.TrimSuffix(inner, `"`)
	}
	return key
}
