// Package reads lets the reads of callers share calls to Loop and answers, as far as each accepts that (docs/understand/freshness.md). It
// runs behind authentication, limits, grants and audit, which each caller passes on each call.
package reads

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/tenant"
)

// Keys of the trailer of an answer: how many seconds old it is (RFC 9111, "Age"), and how it was found (RFC 9211).
const (
	ageKey    = "age"
	statusKey = "cache-status"
)

// Interceptor answers the reads of a server that may be shared; others pass.
func Interceptor(store *freshness.Store, practices *tenant.Practices) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		message, ok := request.(proto.Message)
		if !ok || message.ProtoReflect().Descriptor().Fields().ByName(contract.MaxStaleness) == nil {
			return next(ctx, request)
		}
		want := freshness.Want{MaxAge: take(message, contract.MaxStaleness), StaleIfError: take(message, contract.StaleIfError)}
		if want == (freshness.Want{}) { // such a read waits for no other's: a Loop that hangs for one answers the next
			return next(ctx, request)
		}
		key, ok := keyOf(ctx, practices, info.FullMethod, message)
		if !ok { // the handler says why
			return next(ctx, request)
		}
		found, err := store.Read(ctx, key, want, func(ctx context.Context) (freshness.Value, error) {
			response, err := next(ctx, request)
			if err != nil {
				return nil, err
			}
			return newAnswer(response.(proto.Message))
		})
		if err != nil {
			return nil, err
		}
		of := found.Value.(*answer)
		out := &Answer{answer: of, age: found.Age, how: how(found), grown: func() { store.Grown(key, of) }}
		_ = grpc.SetTrailer(ctx, metadata.Pairs(ageKey, out.Age(), statusKey, out.how)) // an error means a caller who has gone
		return out, nil
	}
}

// take takes a duration out of a request: what is left says what is asked.
func take(message proto.Message, name protoreflect.Name) time.Duration {
	request := message.ProtoReflect()
	field := request.Descriptor().Fields().ByName(name)
	if field == nil || !request.Has(field) {
		return 0
	}
	given, _ := request.Get(field).Message().Interface().(*durationpb.Duration)
	request.Clear(field)
	return given.AsDuration()
}

// keyOf tells a read from others. ok is false where it is not known yet whose it is.
func keyOf(ctx context.Context, practices *tenant.Practices, method string, message proto.Message) (key freshness.Key, ok bool) {
	named, _ := message.(interface{ GetPractice() string })
	if named == nil {
		return key, false
	}
	practice, err := practices.Get(named.GetPractice())
	if err != nil {
		return key, false
	}
	credentials, err := practice.Client.Identity(ctx)
	if err != nil {
		return key, false
	}
	query, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return key, false
	}
	key = freshness.Key{
		Practice: practice.Name, Domain: practice.Domain, Credentials: credentials, Operation: method, Query: string(query),
	}
	if scoped, is := message.(interface{ GetDossier() string }); is {
		key.Dossier = scoped.GetDossier()
	}
	return key, true
}

// how says how an answer was found (RFC 9211, 2).
func how(found freshness.Found) string {
	const cache = "loop-gateway"
	switch found.How {
	case freshness.Hit:
		return cache + "; hit"
	case freshness.Stale:
		return cache + "; fwd=stale; detail=" + reasonOf(found.Because)
	case freshness.Shared:
		return cache + "; fwd=miss; collapsed"
	}
	return cache + "; fwd=miss; stored"
}

// reasonOf is what a caller would have been told who accepts no older answer.
func reasonOf(err error) string {
	told := apierror.FromContext(err)
	if upstream, is := errors.AsType[*cegidclient.Error](err); is {
		told = apierror.FromLoop(upstream)
	}
	return apierror.ReasonName(apierror.ReasonOf(told))
}

// Answer is one that several callers have, as one of them gets it. It implements inprocess.Shared.
type Answer struct {
	*answer
	age   time.Duration
	how   string
	grown func()
}

// Age is how many seconds old the answer is.
func (a *Answer) Age() string { return strconv.Itoa(int(max(a.age, 0).Seconds())) }

// How says how it was found, as the header Cache-Status does.
func (a *Answer) How() string { return a.how }

// Encoded is the message, as gRPC sends it. Nobody changes it.
func (a *Answer) Encoded() []byte { return a.bytes }

// Into makes a message of it that is its caller's.
func (a *Answer) Into(message proto.Message) error { return proto.Unmarshal(a.bytes, message) }

// JSON is the message as JSON, which write makes of it the first time. Nobody changes it.
func (a *Answer) JSON(write func(proto.Message) ([]byte, error)) ([]byte, error) {
	text, first, err := a.json(write)
	if first {
		a.grown()
	}
	return text, err
}

// Tag is the tag of the JSON, which of makes the first time.
func (a *Answer) Tag(of func(text []byte) string) string { return a.tag(of) }
