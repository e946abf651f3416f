package conformance

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/contract"
)

func authorized(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer everything")
}

// seen counts accounts and says which came twice or not at all.
type seen map[string]int

func (s seen) add(accounts []*looppb.Account) {
	for _, each := range accounts {
		s[each.GetNumber()]++
	}
}

func (s seen) check(t *testing.T, want int) {
	t.Helper()
	if len(s) != want {
		t.Errorf("%d different accounts; want %d", len(s), want)
	}
	for number, times := range s {
		if times != 1 {
			t.Errorf("account %s came %d times", number, times)
		}
	}
}

// TestNoPageIsEmpty: of any list, at sizes that divide it, over both transports.
func TestNoPageIsEmpty(t *testing.T) {
	h := start(t, nil)
	lists := 0
	for m := range contract.Methods() {
		size, token := m.Input().Fields().ByName("page_size"), m.Input().Fields().ByName("page_token")
		if size == nil || token == nil || m.IsStreamingServer() || m.Name() == "ListImports" || m.Name() == "ListMissionActivities" { // nothing there, and a letter needed
			continue
		}
		lists++
		t.Run(string(m.Name()), func(t *testing.T) {
			h.t = t
			for transport, ask := range map[string]func(proto.Message) outcome{
				"gRPC": func(request proto.Message) outcome { return h.overGRPC(t.Context(), m, "everything", request) },
				"REST": func(request proto.Message) outcome {
					return h.overREST(h.restRequest(t.Context(), m, request), "everything")
				},
			} {
				walk := func(most int32) (counts []int) {
					request := requestOf(t, m)
					request.ProtoReflect().Set(size, protoreflect.ValueOfInt32(most))
					for {
						got := ask(request)
						if got.Err != nil {
							t.Fatalf("%s, pages of %d: %+v", transport, most, got.Err)
						}
						items := 0
						answer := got.Messages[0].(map[string]any)
						for _, value := range answer {
							if list, is := value.([]any); is {
								items += len(list)
							}
						}
						counts = append(counts, items)
						next, _ := answer["nextPageToken"].(string)
						if next == "" {
							return counts
						}
						request.ProtoReflect().Set(token, protoreflect.ValueOfString(next))
					}
				}
				total := walk(1000)[0]
				if total < 2 {
					t.Fatalf("%s: only %d items there", transport, total)
				}
				for most := 1; most <= total; most++ {
					if total%most != 0 {
						continue
					}
					if counts := walk(int32(most)); len(counts) != total/most {
						t.Errorf("%s, %d items in pages of %d: %v", transport, total, most, counts)
					}
				}
			}
		})
	}
	if lists < 8 {
		t.Errorf("only %d lists", lists)
	}
}

// TestEachAccountComesOnce: 10,000 accounts behind a cap of 100 that Loop does not tell; of small pages, which make many calls,
// a tenth of them, which is beyond ten caps all the same.
func TestEachAccountComesOnce(t *testing.T) {
	for _, size := range []int32{1, 7, 100, 1000} {
		t.Run(fmt.Sprint("pages of ", size), func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			dossier, accounts := loopsim.SandboxLargeDossier, loopsim.SandboxLargeAccounts
			if size < 100 {
				dossier, accounts = "BIG00002", loopsim.SandboxLargeAccounts/10
				content := loopsim.With(loopsim.Template(), loopsim.LargeChart(accounts)...)
				testkit.OK(t, h.Simulator.AddDossier("partner", dossier, content))
			}
			client := looppb.NewReferenceDataServiceClient(h.conn)
			got, request := seen{}, &looppb.ListAccountsRequest{Practice: "partner", Dossier: dossier, PageSize: size}
			pages := 0
			for {
				page, err := client.ListAccounts(authorized(t.Context()), request)
				testkit.OK(t, err)
				if len(page.GetAccounts()) > int(size) {
					t.Fatalf("a page of %d; want at most %d", len(page.GetAccounts()), size)
				}
				got.add(page.GetAccounts())
				pages++
				if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
					break
				}
			}
			got.check(t, accounts)
			want := (accounts + int(size) - 1) / int(size)
			if size >= 100 {
				want++ // the end is not known where one more is beyond the cap
			}
			if pages != want {
				t.Errorf("%d pages; want %d", pages, want)
			}
		})
	}
	t.Run("a stream", func(t *testing.T) {
		t.Parallel()
		h := start(t, nil)
		stream, err := looppb.NewReferenceDataServiceClient(h.conn).StreamAccounts(authorized(t.Context()),
			&looppb.StreamAccountsRequest{Practice: "partner", Dossier: loopsim.SandboxLargeDossier})
		testkit.OK(t, err)
		got, first := seen{}, true
		for {
			message, err := stream.Recv()
			if err != nil {
				break
			}
			if first && len(message.GetAccounts()) > 100 {
				t.Errorf("the first message holds %d accounts: it should come at once, with 100 at most", len(message.GetAccounts()))
			}
			first = false
			got.add(message.GetAccounts())
		}
		got.check(t, loopsim.SandboxLargeAccounts)
	})
}

// TestAStalledReaderHoldsLoopBack: pages that the reader does not take are not asked for, beyond those that are
// declared to be ahead of it.
func TestAStalledReaderHoldsLoopBack(t *testing.T) {
	const (
		ahead = 4 // as cegidclient declares
		// What the windows of the connection hold: 64 KiB at the reader, 64 KiB at the sender, in messages of 100
		// accounts, which take more than 8 KiB.
		inTransit = 128 / 8
	)
	h := start(t, nil)
	conn, err := grpc.NewClient(h.conn.Target(), grpc.WithTransportCredentials(insecureCredentials()),
		grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<10)) // fixed: they do not grow by themselves
	testkit.OK(t, err)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(authorized(t.Context()))
	defer cancel()
	stream, err := looppb.NewReferenceDataServiceClient(conn).StreamAccounts(ctx,
		&looppb.StreamAccountsRequest{Practice: "partner", Dossier: loopsim.SandboxLargeDossier})
	testkit.OK(t, err)
	const taken = 3
	for range taken {
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	calls := steady(func() int { return h.Simulator.Count("/compte") })
	if most := taken + ahead + inTransit; calls > most {
		t.Errorf("Loop gave %d pages to a reader that took %d; want at most %d", calls, taken, most)
	}
	if peak := h.Simulator.InFlightPeak("/compte"); peak > ahead {
		t.Errorf("%d pages were asked for at once; want at most %d", peak, ahead)
	}
	cancel()
	after := steady(func() int { return h.Simulator.Count("/compte") })
	if after > calls+ahead {
		t.Errorf("after the reader left, Loop gave %d more pages", after-calls)
	}
}

// steady waits until a count does not change.
func steady(count func() int) int {
	for last := -1; ; {
		now := count()
		if now == last {
			return now
		}
		last = now
		time.Sleep(300 * time.Millisecond)
	}
}

// TestAnAbandonedRESTStreamEnds: the reader of a REST stream leaves, and Loop is asked no more.
func TestAnAbandonedRESTStreamEnds(t *testing.T) {
	h := start(t, nil)
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 20 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.rest+"/v1/practices/partner/dossiers/BIG00001/accounts:stream", nil)
	testkit.OK(t, err)
	request.Header.Set("Authorization", "Bearer everything")
	response, err := h.web.Do(request)
	testkit.OK(t, err)
	if _, err := response.Body.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close()
	if calls := steady(func() int { return h.Simulator.Count("/compte") }); calls >= loopsim.SandboxLargeAccounts/100 {
		t.Errorf("Loop was asked for all %d pages although the reader had left", calls)
	}
}

// TestAPageTokenBelongsToItsLetter: the activities of a letter come page by page, and a token does not lead into another's.
func TestAPageTokenBelongsToItsLetter(t *testing.T) {
	h := start(t, nil)
	client, ctx := looppb.NewPracticeServiceClient(h.conn), authorized(t.Context())
	request := &looppb.ListMissionActivitiesRequest{Practice: "demo", EngagementLetterId: loopsim.SandboxLetter, PageSize: 1}
	labels := map[string]bool{}
	for {
		page, err := client.ListMissionActivities(ctx, request)
		testkit.OK(t, err)
		for _, each := range page.GetMissionActivities() {
			labels[each.GetLabel()] = true
		}
		if page.GetNextPageToken() == "" {
			break
		}
		request.PageToken = page.GetNextPageToken()
	}
	if len(labels) != 2 {
		t.Errorf("%v", labels)
	}
	request.EngagementLetterId = "0c4b1f6e-2d0a-4f1e-9a77-5b8e2f6d3c10"
	if _, err := client.ListMissionActivities(ctx, request); failureOf(status.Convert(err)).Reason != "PAGE_TOKEN_INVALID" {
		t.Error(err)
	}
}
