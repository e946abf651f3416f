package event

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/listing"
)

// service serves a ledger to one who may see all of it.
func service(t *testing.T, l *ledger.Ledger, draining context.Context) *Service {
	t.Helper()
	return New(Config{
		Ledger: l, Draining: draining, Unavailable: func(_ context.Context, err error) error { return err },
		Visible: func(context.Context, string) (*ledger.Scope, error) {
			return &ledger.Scope{Caller: "me", Grants: []ledger.Grant{{Dossiers: []string{"*"}}}}, nil
		},
	})
}

func temporary(t *testing.T, clock func() time.Time) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Temporary(t.Context(), clock)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closed(t *testing.T, l *ledger.Ledger) {
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

type stream struct {
	grpc.ServerStream
	ctx  context.Context
	send func(*looppb.StreamEventsResponse)
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) Send(m *looppb.StreamEventsResponse) error {
	if s.send != nil {
		s.send(m)
	}
	return nil
}

// toggle loses and finds a connection, which is two events.
func toggle(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	for _, is := range []bool{false, true} {
		if err := l.Connected(t.Context(), "demo", is); err != nil {
			t.Error(err)
		}
	}
}

// TestACursorThatIsTooOldSaysHowToCatchUp, in a list and in a stream; and what it says can be done.
func TestACursorThatIsTooOldSaysHowToCatchUp(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	l := temporary(t, func() time.Time { mu.Lock(); defer mu.Unlock(); return now })
	defer closed(t, l)
	s := service(t, l, t.Context())
	toggle(t, l)
	first, err := s.ListEvents(t.Context(), &looppb.ListEventsRequest{Practice: "-", PageSize: 1})
	if err != nil || len(first.GetEvents()) != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	for range int(ledger.KeepEvent/(24*time.Hour)) + 3 {
		pass(24 * time.Hour)
		if _, err := l.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	forgotten := func(where string, err error) {
		t.Helper()
		if status.Code(err) != codes.OutOfRange || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_EVENTS_FORGOTTEN ||
			!strings.Contains(status.Convert(err).Proto().String(), "ListImports and updated_from") {
			t.Errorf("%s: %v", where, err)
		}
	}
	_, err = s.ListEvents(t.Context(), &looppb.ListEventsRequest{Practice: "-", After: first.GetCursor()})
	forgotten("a list", err)
	forgotten("a stream", s.StreamEvents(&looppb.StreamEventsRequest{Practice: "-", After: first.GetCursor()}, &stream{ctx: t.Context()}))
	anew, err := s.ListEvents(t.Context(), &looppb.ListEventsRequest{Practice: "-", After: fromNow})
	if err != nil || len(anew.GetEvents()) != 0 {
		t.Fatalf("%v, %v", anew, err)
	}
	toggle(t, l)
	if next, err := s.ListEvents(t.Context(), &looppb.ListEventsRequest{Practice: "-", After: anew.GetCursor()}); err != nil || len(next.GetEvents()) != 2 {
		t.Errorf("from now on: %v, %v", next, err)
	}
}

// TestAStreamEndsWithItsServer at once, although there is always more to tell; one that only catches up does not.
func TestAStreamEndsWithItsServer(t *testing.T) {
	l := temporary(t, nil)
	defer closed(t, l)
	draining, drain := context.WithCancel(t.Context())
	s := service(t, l, draining)
	over := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				toggle(t, l)
			}
		}
	})
	told := 0
	err := s.StreamEvents(&looppb.StreamEventsRequest{Practice: "-"}, &stream{ctx: t.Context(), send: func(m *looppb.StreamEventsResponse) {
		if told += len(m.GetEvents()); told > 10 {
			drain()
		}
	}})
	close(over)
	telling.Wait()
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN || told <= 10 {
		t.Errorf("after %d events: %v", told, err)
	}
	all := 0
	if err := s.StreamEvents(&looppb.StreamEventsRequest{Practice: "-", CatchUp: true}, &stream{ctx: t.Context(), send: func(m *looppb.StreamEventsResponse) { all += len(m.GetEvents()) }}); err != nil || all < told {
		t.Errorf("%d of %d at least: %v", all, told, err)
	}
}

// TestAStreamLastsTenMinutes and ends well, with where it was.
func TestAStreamLastsTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := temporary(t, nil)
		defer closed(t, l)
		began, cursor := time.Now(), ""
		err := service(t, l, t.Context()).StreamEvents(&looppb.StreamEventsRequest{Practice: "-"}, &stream{ctx: t.Context(), send: func(m *looppb.StreamEventsResponse) { cursor = m.GetCursor() }})
		if took := time.Since(began); err != nil || took != streamLimit || cursor == "" {
			t.Errorf("%v after %s, at %q", err, took, cursor)
		}
	})
}

// TestEventsFitAnAnswer, and those that do not come in the next one.
func TestEventsFitAnAnswer(t *testing.T) {
	events := make([]ledger.Event, 1000)
	for i := range events {
		events[i] = ledger.Event{Sequence: ledger.Sequence(i), Kind: ledger.EventFinal, Metadata: map[string]string{"note": strings.Repeat("x", 10_000)}}
	}
	messages, taken := fitting(events)
	if size := proto.Size(&looppb.ListEventsResponse{Events: messages}); taken != len(messages) || taken < 100 || taken == len(events) || size > listing.MaxAnswer*11/10 {
		t.Errorf("%d of %d events, %d bytes", taken, len(events), size)
	}
	if one, taken := fitting([]ledger.Event{{Metadata: map[string]string{"note": strings.Repeat("x", 2*listing.MaxAnswer)}}}); taken != 1 || len(one) != 1 {
		t.Errorf("one that is larger than an answer: %d", taken)
	}
}

// TestEachKindAndCollectionHasItsName in the contract.
func TestEachKindAndCollectionHasItsName(t *testing.T) {
	kinds := map[looppb.EventKind]bool{}
	for _, kind := range ledger.EventKinds() {
		kinds[message(&ledger.Event{Kind: kind}).GetKind()] = true
	}
	about := map[looppb.EventCollection]bool{}
	for _, collection := range []ledger.Collection{"", ledger.Imports, ledger.Documents, ledger.RawCalls} {
		about[message(&ledger.Event{Key: ledger.Key{Collection: collection}}).GetCollection()] = true
	}
	if len(kinds) != len(looppb.EventKind_name)-1 || kinds[looppb.EventKind_EVENT_KIND_UNSPECIFIED] || len(about) != len(looppb.EventCollection_name) {
		t.Errorf("%v, %v", kinds, about)
	}
}
