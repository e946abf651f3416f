package reads

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers a read, as often as it is asked.
type service struct {
	share grpc.UnaryServerInterceptor
	store *freshness.Store
	calls atomic.Int64
	held  chan struct{} // holds answers back until it is closed
}

func serve(t *testing.T, names ...string) *service {
	t.Helper()
	var practices []*tenant.Practice
	for _, name := range names {
		client, err := cegidclient.New(cegidclient.Config{
			Practice: name, Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("key:"+name), cegidclient.Secret{}, cegidclient.NewSecret("subscription")),
		})
		if err != nil {
			t.Fatal(err)
		}
		practices = append(practices, &tenant.Practice{Name: name, Client: client})
	}
	s := &service{store: freshness.New(freshness.Config{}), held: make(chan struct{})}
	close(s.held)
	s.share = Interceptor(s.store, tenant.NewPractices(practices...))
	return s
}

func (s *service) ask(ctx context.Context, request proto.Message) (any, error) {
	return s.share(ctx, request, &grpc.UnaryServerInfo{FullMethod: "/s/List"}, func(_ context.Context, request any) (any, error) {
		s.calls.Add(1)
		<-s.held
		asked := request.(interface{ GetPractice() string })
		return &looppb.ListAccountsResponse{Accounts: []*looppb.Account{{Number: asked.GetPractice(), Unmapped: map[string]string{"a": "1"}}}}, nil
	})
}

func list(practice string, older time.Duration) *looppb.ListAccountsRequest {
	request := &looppb.ListAccountsRequest{Practice: practice, Dossier: "CEGID001"}
	if older > 0 {
		request.MaxStaleness = durationpb.New(older)
	}
	return request
}

// message is an answer as a caller over gRPC gets it.
func message(t *testing.T, answer any, err error) *looppb.ListAccountsResponse {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if own, alone := answer.(*looppb.ListAccountsResponse); alone {
		return own
	}
	out := &looppb.ListAccountsResponse{}
	if err := answer.(*Answer).Into(out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhoGetsAnAnswerMayChangeIt: it is nobody else's, neither of those who waited together nor of who finds it kept.
func TestWhoGetsAnAnswerMayChangeIt(t *testing.T) {
	s := serve(t, "demo")
	s.held = make(chan struct{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			answer, err := s.ask(t.Context(), list("demo", time.Hour))
			got := message(t, answer, err)
			if len(got.GetAccounts()) != 1 || got.GetAccounts()[0].GetNumber() != "demo" || got.GetAccounts()[0].GetUnmapped()["a"] != "1" {
				t.Errorf("got %v", got)
			}
			got.Accounts[0].Number = "changed"
			got.Accounts[0].Unmapped["a"] = "changed"
			got.Accounts = nil
		})
	}
	close(s.held)
	all.Wait()
	answer, err := s.ask(t.Context(), list("demo", time.Hour))
	if got := message(t, answer, err); got.GetAccounts()[0].GetNumber() != "demo" {
		t.Errorf("afterwards: %v", got)
	}
}

func TestJSONIsMadeOnceAndWeighed(t *testing.T) {
	s := serve(t, "demo")
	made := 0
	write := func(proto.Message) ([]byte, error) {
		made++
		return []byte(`{"made":true}`), nil
	}
	tag := func(text []byte) string {
		made++
		return string(text[:3])
	}
	for range 3 {
		answer, err := s.ask(t.Context(), list("demo", time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		text, err := answer.(*Answer).JSON(write)
		if err != nil || string(text) != `{"made":true}` || answer.(*Answer).Tag(tag) != `{"m` || made != 2 {
			t.Errorf("%s %v, made %d times", text, err, made)
		}
	}
	answer, _ := s.ask(t.Context(), list("demo", time.Hour))
	if got := answer.(*Answer); got.Weight() != len(got.Encoded())+len(`{"made":true}`) {
		t.Errorf("it weighs %d", got.Weight())
	}
}

// TestTheAgeThatIsAcceptedIsNoPartOfTheQuestion, and all else is.
func TestTheAgeThatIsAcceptedIsNoPartOfTheQuestion(t *testing.T) {
	s := serve(t, "demo", "partner")
	requests := []*looppb.ListAccountsRequest{list("demo", time.Hour), list("partner", time.Hour)}
	for _, change := range []func(*looppb.ListAccountsRequest){
		func(r *looppb.ListAccountsRequest) { r.Dossier = "CEGID003" }, func(r *looppb.ListAccountsRequest) { r.IncludeUnmapped = true },
		func(r *looppb.ListAccountsRequest) { r.Filter = `number = "1"` }, func(r *looppb.ListAccountsRequest) { r.OrderBy = "label" },
		func(r *looppb.ListAccountsRequest) { r.PageSize = 5 }, func(r *looppb.ListAccountsRequest) { r.PageToken = "x" },
	} {
		other := list("demo", time.Hour)
		change(other)
		requests = append(requests, other)
	}
	for _, each := range requests {
		answer, err := s.ask(t.Context(), proto.CloneOf(each))
		if got := message(t, answer, err); got.GetAccounts()[0].GetNumber() != each.GetPractice() {
			t.Errorf("%v was answered with %v", each, got)
		}
	}
	if got := s.calls.Load(); got != int64(len(requests)) {
		t.Errorf("%d questions cost %d calls", len(requests), got)
	}
	again := list("demo", time.Minute)
	again.StaleIfError = durationpb.New(time.Hour)
	if _, err := s.ask(t.Context(), again); err != nil || s.calls.Load() != int64(len(requests)) {
		t.Errorf("the same with another age: %d calls, %v", s.calls.Load(), err)
	}
}

// TestWhatIsNoReadPasses, and what is not known yet.
func TestWhatIsNoReadPasses(t *testing.T) {
	s := serve(t, "demo")
	for _, request := range []proto.Message{
		&looppb.CreateAccountRequest{Practice: "demo"}, list("unknown", time.Hour),
	} {
		for range 2 {
			before := s.calls.Load()
			answer, err := s.ask(t.Context(), request)
			if _, own := answer.(*looppb.ListAccountsResponse); err != nil || !own || s.calls.Load() != before+1 {
				t.Errorf("%T: %T, %v", request, answer, err)
			}
		}
	}
}
