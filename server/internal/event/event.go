// Package event tells callers what happened to writes and to the connections of practices, from the ledger's log.
package event

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/pagetoken"
)

const (
	// all is every practice, fromNow the place behind all that has happened.
	all, fromNow = "-", "now"
	// atOnce is how many events a message of a stream has at most.
	atOnce = 1000
	// streamLimit ends a stream, so that it does not live on when its reader has forgotten it.
	streamLimit = 10 * time.Minute
)

// Config is what the service needs.
type Config struct {
	Ledger *ledger.Ledger
	// Visible is what the caller of a context may see of the writes of a practice, or of all.
	Visible func(ctx context.Context, practice string) (*ledger.Scope, error)
	// Unavailable is the error of a ledger that does not answer.
	Unavailable func(ctx context.Context, err error) error
	// Told is called with each event that a caller received; it may be nil.
	Told func(context.Context, *ledger.Event)
	// Draining ends when the server takes no new calls: a stream would go on for as long as others have something to tell.
	Draining context.Context
}

// Service serves looppb.EventService.
type Service struct {
	looppb.UnsafeEventServiceServer
	Config
}

// New returns the service.
func New(cfg Config) *Service { return &Service{Config: cfg} }

// asked is what both requests say.
type asked interface {
	GetPractice() string
	GetAfter() string
	GetKinds() []looppb.EventKind
}

// query is what a caller asks for, of what it may see by now.
func (s *Service) query(ctx context.Context, request asked, limit int) (ledger.EventQuery, error) {
	scope, err := s.Visible(ctx, request.GetPractice())
	if err != nil {
		return ledger.EventQuery{}, err
	}
	out := ledger.EventQuery{Visible: scope, Limit: limit}
	if request.GetPractice() != all {
		out.Practice = request.GetPractice()
	}
	for _, kind := range ledger.EventKinds() { // the contract's rule lets no other through
		if slices.Contains(request.GetKinds(), eventKinds[kind]) {
			out.Kinds = append(out.Kinds, kind)
		}
	}
	return out, nil
}

// after is the place that a request goes on behind.
func (s *Service) after(ctx context.Context, request asked) (ledger.Sequence, error) {
	if request.GetAfter() == fromNow {
		return s.Ledger.Now(ctx)
	}
	return ledger.ParseSequence(request.GetAfter())
}

// told is an error as a caller sees it.
func (s *Service) told(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED:
		return err
	case errors.Is(err, ledger.ErrCursor):
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "after",
			"is no cursor of this service's: give back what an answer had")
	case errors.Is(err, ledger.ErrForgotten):
		return apierror.Error{
			Code: codes.OutOfRange, Reason: looppb.ErrorReason_ERROR_REASON_EVENTS_FORGOTTEN,
			Message: "after: the events behind it are forgotten, which they are after 30 days",
			Help: []string{
				"Take a cursor with after=now, read what has changed since you last looked with ListImports and updated_from, " +
					"then go on from that cursor.",
			},
		}.Err()
	}
	return s.Unavailable(ctx, err)
}

// ListEvents implements looppb.EventServiceServer.
func (s *Service) ListEvents(ctx context.Context, request *looppb.ListEventsRequest) (*looppb.ListEventsResponse, error) {
	q, err := s.query(ctx, request, pagetoken.Size(request))
	if err != nil {
		return nil, err
	}
	after, err := s.after(ctx, request)
	if err != nil {
		return nil, s.told(ctx, err)
	}
	events, next, err := s.Ledger.Events(ctx, q, after)
	if err != nil {
		return nil, s.told(ctx, err)
	}
	messages, taken := fitting(events)
	if taken < len(events) {
		next = events[taken-1].Sequence
	}
	s.toldOf(ctx, events[:taken])
	return &looppb.ListEventsResponse{Events: messages, Cursor: next.String()}, nil
}

// StreamEvents implements looppb.EventServiceServer. Its heartbeats are those of all streams of lists.
func (s *Service) StreamEvents(request *looppb.StreamEventsRequest, stream grpc.ServerStreamingServer[looppb.StreamEventsResponse]) error {
	ctx, end := context.WithTimeoutCause(stream.Context(), streamLimit, errOver)
	defer end()
	if !request.GetCatchUp() {
		var leave context.CancelCauseFunc
		ctx, leave = context.WithCancelCause(ctx)
		defer leave(nil)
		defer context.AfterFunc(s.Draining, func() { leave(apierror.ErrShuttingDown) })()
	}
	query := func() (ledger.EventQuery, error) { return s.query(ctx, request, atOnce) }
	if _, err := query(); err != nil {
		return err
	}
	after, err := s.after(ctx, request)
	if err != nil {
		return s.told(ctx, err)
	}
	err = s.Ledger.Follow(ctx, after, !request.GetCatchUp(), query, func(events []ledger.Event, cursor ledger.Sequence) error {
		for {
			messages, taken := fitting(events)
			message := &looppb.StreamEventsResponse{Events: messages, Cursor: cursor.String()}
			if taken < len(events) {
				message.Cursor = events[taken-1].Sequence.String()
			}
			if err := stream.Send(message); err != nil {
				return err
			}
			s.toldOf(ctx, events[:taken])
			if events = events[taken:]; len(events) == 0 {
				return nil
			}
		}
	})
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errOver):
		return nil // the caller calls again
	case errors.Is(cause, apierror.ErrShuttingDown):
		return apierror.Resume()
	}
	return s.told(ctx, err)
}

func (s *Service) toldOf(ctx context.Context, events []ledger.Event) {
	for i := range events {
		if s.Told != nil {
			s.Told(ctx, &events[i])
		}
	}
}

var errOver = errors.New("the stream has lasted long enough")

// fitting are the first events that fit one answer, and how many they are.
func fitting(events []ledger.Event) (out []*looppb.Event, taken int) {
	size := 0
	for i := range events {
		event := message(&events[i])
		if size += proto.Size(event); size > listing.MaxAnswer && i > 0 {
			break
		}
		out = append(out, event)
	}
	return out, len(out)
}

// eventKinds are the contract's values of the ledger's; a test walks both.
var eventKinds = map[ledger.EventKind]looppb.EventKind{
	ledger.EventAccepted:        looppb.EventKind_EVENT_KIND_ACCEPTED,
	ledger.EventFinal:           looppb.EventKind_EVENT_KIND_FINAL,
	ledger.EventUncertain:       looppb.EventKind_EVENT_KIND_UNCERTAIN,
	ledger.EventResolved:        looppb.EventKind_EVENT_KIND_RESOLVED,
	ledger.EventPersonNeeded:    looppb.EventKind_EVENT_KIND_PERSON_NEEDED,
	ledger.EventConnectionLost:  looppb.EventKind_EVENT_KIND_CONNECTION_LOST,
	ledger.EventConnectionFound: looppb.EventKind_EVENT_KIND_CONNECTION_FOUND,
}

// collections are the contract's values of the ledger's; a test walks both.
var collections = map[ledger.Collection]looppb.EventCollection{
	"":               looppb.EventCollection_EVENT_COLLECTION_UNSPECIFIED,
	ledger.Imports:   looppb.EventCollection_EVENT_COLLECTION_IMPORTS,
	ledger.Documents: looppb.EventCollection_EVENT_COLLECTION_DOCUMENTS,
	ledger.RawCalls:  looppb.EventCollection_EVENT_COLLECTION_RAW,
}

func message(e *ledger.Event) *looppb.Event {
	return &looppb.Event{
		Id: e.Sequence.String(), Kind: eventKinds[e.Kind], Time: timestamppb.New(e.Time),
		Practice: e.Practice, Dossier: e.Dossier, Collection: collections[e.Collection], RequestId: e.RequestID,
		Attempt:     proto.Int32(int32(e.Attempt)),
		StateBefore: string(e.Before), StateAfter: string(e.After), Caller: e.Caller, Metadata: e.Metadata,
	}
}
