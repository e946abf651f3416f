package interceptor

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode"

	"buf.build/go/protovalidate"
	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// Metadata keys that this package reads or writes.
const (
	RequestIDKey = "x-request-id"
	// pushbackKey tells a client's channel not to retry: this service has done so already. In the trailer, because a channel
	// that has seen a response header takes the call for begun, and never retries it.
	pushbackKey = "grpc-retry-pushback-ms"
)

// recovery turns a panic into a masked error; the log has the stack.
func recovery(name string, log *slog.Logger) Named {
	option := middleware.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		id := CallFrom(ctx).RequestID
		// A panic's value may quote a request; its type and the stack are enough to find it.
		log.ErrorContext(ctx, "panic", "request_id", id, "panic_type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		return apierror.Internal(id)
	})
	return Named{
		Name:   name,
		Unary:  middleware.UnaryServerInterceptor(option),
		Stream: middleware.StreamServerInterceptor(option),
	}
}

// ValidRequestID tells whether a caller's request id is taken over: 1 to 64 letters of ASCII, digits, dots, underscores and hyphens.
func ValidRequestID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// NewRequestID returns an id that nobody has used.
func NewRequestID() string {
	var raw [12]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// requestIDOf is the id of a call: its caller's own if it is well-formed.
func requestIDOf(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, RequestIDKey); len(values) == 1 && ValidRequestID(values[0]) {
		return values[0]
	}
	return NewRequestID()
}

// requestID gives the call a record and an id, the caller's own if it is well-formed, and answers it in the trailer.
func requestID(overHTTP bool) Named {
	named := around("request id", func(ctx context.Context, _ string, _ bool, next func(context.Context) error) error {
		noteSeen(ctx)
		id := requestIDOf(ctx)
		_ = grpc.SetTrailer(ctx, metadata.Pairs(RequestIDKey, id))
		call := &Call{RequestID: id, Trace: traceOf(ctx), Origin: originOf(ctx, overHTTP)}
		defer call.note(ctx)
		return next(context.WithValue(ctx, callKey{}, call))
	})
	inner := named.Stream
	named.Stream = func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		return inner(server, newReadable(stream), info, next)
	}
	return named
}

// lastWord is how much earlier than its caller's deadline a call ends, at most, so that its status arrives. At the deadline
// grpc-go resets the stream. A balancer takes that for a failure of the server, and answers the caller with INTERNAL.
const lastWord = 100 * time.Millisecond

// clampDeadline gives each call a deadline: the caller's but for its last word, within what this service allows, and no later than the
// server's own end. A watch of the server's health lasts as long as the server is ready.
func clampDeadline(d Deadlines, access map[string]policy.Access, shutdown context.Context) Named {
	return around("deadline clamp", func(ctx context.Context, method string, streaming bool, next func(context.Context) error) error {
		if streaming && public(method) {
			return next(ctx)
		}
		limit, fallback := d.UnaryMax, d.UnaryDefault
		right := access[method].Right
		writes := right == policy.Write || right == policy.Raw
		switch {
		case streaming && writes: // an upload gets all the time that there is
			limit, fallback = d.StreamMax, d.StreamMax
		case streaming:
			limit, fallback = d.StreamMax, d.StreamDefault
		case writes: // its caller must wait longer than it takes, and learn how it ends
			limit = cmp.Or(d.Write, d.UnaryMax)
			fallback = limit
		}
		allowed := limit
		if deadline, has := ctx.Deadline(); !has {
			allowed = fallback
		} else {
			left := time.Until(deadline)
			allowed = min(limit, left-min(lastWord, left/10))
		}
		ctx, cancel := context.WithTimeout(ctx, allowed)
		defer cancel()
		ctx, end := context.WithCancelCause(ctx)
		defer end(nil)
		stop := context.AfterFunc(shutdown, func() { end(apierror.ErrShuttingDown) })
		defer stop()
		return next(ctx)
	})
}

// mapErrors makes every error one of the contract's, and masks what it does not know.
func mapErrors(log *slog.Logger) Named {
	return around("error mapper", func(ctx context.Context, method string, streaming bool, next func(context.Context) error) error {
		err := next(ctx)
		if err == nil {
			return nil
		}
		var upstream *cegidclient.Error
		// Whichever of the two: the time of a step may have been over when the caller left.
		ended := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
			status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Canceled)
		switch {
		case public(method): // whose errors are those of other contracts
		case apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED:
		case ended && errors.Is(context.Cause(ctx), apierror.ErrShuttingDown):
			if streaming {
				err = apierror.Resume()
				break
			}
			err = apierror.ShuttingDown()
		case errors.As(err, &upstream):
			// Retried here already, where it could help: the channel must not multiply that.
			_ = grpc.SetTrailer(ctx, metadata.Pairs(pushbackKey, "-1"))
			if upstream.Kind == cegidclient.KindConfiguration {
				log.ErrorContext(ctx, "loop call", "method", method, "request_id", CallFrom(ctx).RequestID, "error", upstream.Error())
			}
			err = apierror.FromLoop(upstream)
		case ended:
			err = apierror.FromContext(ctx.Err())
		default:
			id := CallFrom(ctx).RequestID
			log.ErrorContext(ctx, "unmapped error", "method", method, "request_id", id, "error", err.Error())
			err = apierror.Internal(id)
		}
		return err
	})
}

// authenticate finds out who calls. A stream ends with the token that it began with, and with its place in the policy:
// the holder has them for the length of a stream and no longer.
func authenticate(callers Identities, refusals *Refusals) Named {
	return around("authentication", func(ctx context.Context, method string, streaming bool, next func(context.Context) error) error {
		if public(method) {
			return next(ctx)
		}
		who, err := callers.identify(ctx)
		if nobody, ok := errors.AsType[unknown](err); ok {
			CallFrom(ctx).Identity = nobody.of
			refusals.note(ctx, method, nobody.why)
			return nobody.answer
		}
		if err != nil {
			return err
		}
		call := CallFrom(ctx)
		call.Caller, call.By, call.Identity = who.caller, who.by, who.of
		if !streaming {
			return next(ctx)
		}
		within, end := context.WithCancelCause(ctx)
		defer end(nil)
		if !who.until.IsZero() {
			timer := time.AfterFunc(time.Until(who.until), func() { end(errTokenEnded) })
			defer timer.Stop()
		}
		go func() { end(callers.withdrawn(within, who, call)) }()
		err = next(within)
		if err == nil || ctx.Err() != nil || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
			return err
		}
		switch cause := context.Cause(within); cause {
		case errTokenEnded:
			return apierror.New(codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN,
				"the token has ended: call again with another one")
		case errWithdrawn:
			refusals.note(ctx, method, cause.Error())
			return apierror.New(codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN,
				"the token or certificate was withdrawn while the stream went on: call with one that is good")
		case errNoLongerAllowed:
			refusals.note(ctx, method, cause.Error())
			return notAllowed()
		}
		return err
	})
}

// Why a stream ends before its time.
var (
	errTokenEnded      = errors.New("the token has ended")
	errWithdrawn       = errors.New("withdrawn while a stream went on")
	errNoLongerAllowed = errors.New("allowed no longer while a stream went on")
)

// public methods say nothing of any practice: probes and schema. By name, since a client could invent one and pass.
func public(method string) bool {
	switch method {
	case "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":
		return true
	}
	return false
}

// authorize asks the policy. A request without practice or dossier goes on to validation, which refuses it by name.
func authorize(grants *policy.Policy, access map[string]policy.Access, refusals *Refusals, route func(request any) string) Named {
	return onFirst("authorisation", func(ctx context.Context, method string, request any) error {
		if public(method) {
			return nil
		}
		needs, known := access[method]
		if !known { // proven impossible at start; deny all the same
			return notAllowed()
		}
		request, err := subject(request)
		if err != nil {
			return err
		}
		named, ok := request.(interface{ GetPractice() string })
		if !ok {
			return notAllowed()
		}
		call, practice := CallFrom(ctx), named.GetPractice()
		call.Practice = loggable(practice)
		if route != nil {
			call.Route = route(request)
		}
		if scoped, ok := request.(interface{ GetDossier() string }); ok {
			call.Dossier = loggable(scoped.GetDossier())
			if strings.EqualFold(scoped.GetDossier(), "cabinet") {
				return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "dossier",
					"'cabinet' means the practice itself to Loop, and is no dossier: give the dossier's code")
			}
		}
		if practice == "" {
			return nil
		}
		if practice == policy.All {
			return nil // a list answers what the caller may see, and only that; validation refuses it elsewhere
		}
		question := policy.Question{Caller: call.Caller, Practice: practice, Access: needs}
		if scoped, ok := request.(interface{ GetDossier() string }); ok {
			question.OfDossier, question.Dossier = true, scoped.GetDossier()
			if question.Dossier == policy.All { // as with all practices
				question.Dossier = ""
			}
		}
		call.asked.Store(&question) // first: the watcher of the policy must not miss a change in between
		if grants.Decide(question).Allowed {
			return nil
		}
		return refusals.Refuse(ctx, method, needs.Right)
	})
}

// subject is what names practice and dossier: the request, or what an upload says of itself before its bytes.
func subject(request any) (any, error) {
	var about proto.Message
	switch opening := request.(type) {
	case interface {
		GetMetadata() *looppb.DocumentMetadata
	}:
		about = opening.GetMetadata()
	case interface{ GetMetadata() *looppb.FileMetadata }:
		about = opening.GetMetadata()
	default:
		return request, nil
	}
	if !about.ProtoReflect().IsValid() {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "metadata", "is missing: send it first, and the bytes after it")
	}
	return about, nil
}

// loggable keeps what a caller made up out of the log.
func loggable(name string) string {
	if name == "" || ValidRequestID(name) {
		return name
	}
	return "[invalid]"
}

func clip(text string) string {
	const most = 200
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

func notAllowed() error {
	return apierror.New(codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_CALLER_NOT_ALLOWED,
		"the policy does not allow this caller to do this here: ask the operator for a grant on the practice and dossier")
}

// audit writes one record per call that does more than read.
func audit(log *slog.Logger, access map[string]policy.Access) Named {
	return around("audit", func(ctx context.Context, method string, _ bool, next func(context.Context) error) error {
		err := next(ctx)
		if needs, known := access[method]; known && needs.Right != policy.Read {
			call := CallFrom(ctx)
			var upstream *cegidclient.Error
			if apierror.ReasonOf(err) == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED && errors.As(err, &upstream) {
				err = apierror.FromLoop(upstream) // what the caller is told, further out
			}
			log.LogAttrs(ctx, slog.LevelInfo, "audit", slog.String("event", "done"), slog.String("method", method),
				slog.String("caller", call.Caller), slog.String("by", call.By), slog.String("practice", call.Practice),
				slog.String("dossier", call.Dossier),
				slog.String("right", needs.Right.String()), slog.String("route", call.Route), slog.String("code", status.Code(err).String()),
				slog.String("request_id", call.RequestID))
		}
		return err
	})
}

// validate refuses requests of the wrong shape.
func validate(validator protovalidate.Validator) Named {
	return onFirst("validation", func(_ context.Context, method string, request any) error {
		message, ok := request.(proto.Message)
		if !ok || public(method) { // not of this contract: no rules
			return nil
		}
		return CheckShape(validator, message)
	})
}

// CheckShape refuses a request of the wrong shape, with the path of each field.
func CheckShape(validator protovalidate.Validator, message proto.Message) error {
	err := validator.Validate(message)
	failed, wrong := errors.AsType[*protovalidate.ValidationError](err)
	if !wrong {
		return err
	}
	violations := make([]apierror.Violation, 0, len(failed.Violations))
	for _, v := range failed.Violations {
		violations = append(violations, violationsOf(v, message.ProtoReflect().Descriptor())...)
	}
	return apierror.Invalid(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, violations...)
}

// violationsOf gives each violation the fields that the caller can write: of a choice that is missing, those that there are;
// of a rule on the whole message, those that its sentence names.
func violationsOf(v *protovalidate.Violation, request protoreflect.MessageDescriptor) (out []apierror.Violation) {
	elements := v.Proto.GetField().GetElements()
	path, description := protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()
	of := request
	for _, element := range elements {
		field := of.Fields().ByName(protoreflect.Name(element.GetFieldName()))
		if field == nil { // the name of a choice, which no message has
			choice := of.Oneofs().ByName(protoreflect.Name(element.GetFieldName()))
			within := strings.TrimSuffix(path, element.GetFieldName())
			names := make([]string, 0, choice.Fields().Len())
			for i := range choice.Fields().Len() {
				names = append(names, string(choice.Fields().Get(i).Name()))
			}
			for _, name := range names {
				out = append(out, apierror.Violation{Field: within + name, Description: "one is missing: give one of " + strings.Join(names, ", ")})
			}
			return out
		}
		if rule := v.Proto.GetRuleId(); field.Enum() != nil && (rule == "named" || rule == "enum.defined_only") {
			description = "name one of its values: " + strings.Join(valuesOf(field.Enum()), ", ")
		}
		if field.Message() != nil {
			of = field.Message()
		}
	}
	if len(elements) > 0 {
		return []apierror.Violation{{Field: path, Description: description}}
	}
	words := strings.FieldsFunc(description, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) })
	for i := range request.Fields().Len() {
		if name := string(request.Fields().Get(i).Name()); slices.Contains(words, name) {
			out = append(out, apierror.Violation{Field: name, Description: description})
		}
	}
	return out
}

// valuesOf are the values of an enum that say something.
func valuesOf(enum protoreflect.EnumDescriptor) (names []string) {
	for i := range enum.Values().Len() {
		if value := enum.Values().Get(i); value.Number() != 0 {
			names = append(names, string(value.Name()))
		}
	}
	return names
}
