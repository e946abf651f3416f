package interceptor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// limited is a policy of the callers noisy, with those limits, and quiet, who have tokens of their names.
func limited(t *testing.T, limits string) *policy.Policy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("callers:\n  - {name: noisy, token_hashes: [%q], limits: {%s}}\n  - {name: quiet, token_hashes: [%q]}\n"+
		"grants: [{callers: [noisy, quiet], practices: [\"*\"], dossiers: [\"*\"], rights: [read, write]}]\n",
		policy.HashToken("noisy"), limits, policy.HashToken("quiet"))
	testkit.OK(t, os.WriteFile(path, []byte(text), 0o600))
	p, err := policy.Load(path, policy.Installation{})
	testkit.OK(t, err)
	return p
}

func as(ctx context.Context, caller string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+caller))
}

func refusedFor(err error) time.Duration {
	if status.Code(err) != codes.ResourceExhausted || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT {
		return -1
	}
	return apierror.RetryAfterOf(err)
}

func TestACallersCallsAreBounded(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), limited(t, "calls: 1"), t.Context())
	fine := func(context.Context, any) (any, error) { return someRequest, nil }
	request := &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}
	_, err := call(as(t.Context(), "noisy"), chain, "/s/Read", someRequest, func(context.Context, any) (any, error) {
		if _, err := call(as(t.Context(), "noisy"), chain, "/s/Read", someRequest, unreachable(t)); refusedFor(err) <= 0 {
			t.Errorf("the second call: %v", err)
		}
		if _, err := call(as(t.Context(), "quiet"), chain, "/s/Read", someRequest, fine); err != nil {
			t.Errorf("another caller's: %v", err)
		}
		return nil, streaming(as(t.Context(), "noisy"), chain, "/s/Read", request, func(any, grpc.ServerStream) error {
			err := streaming(as(t.Context(), "noisy"), chain, "/s/Read", request, func(any, grpc.ServerStream) error { return errors.New("reached") })
			if refusedFor(err) <= 0 {
				t.Errorf("the second stream: %v", err)
			}
			return nil
		})
	})
	testkit.OK(t, err)
	if _, err := call(as(t.Context(), "noisy"), chain, "/s/Read", someRequest, fine); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
}

func TestACallersRateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grants := limited(t, "requests_per_second: 2, burst: 3")
		chain := testChain(t, slog.New(slog.DiscardHandler), grants, t.Context())
		reached := 0
		do := func(caller string) error {
			_, err := call(as(t.Context(), caller), chain, "/s/Read", someRequest, func(context.Context, any) (any, error) { reached++; return someRequest, nil })
			return err
		}
		for range 3 {
			testkit.OK(t, do("noisy"))
		}
		for range 100 { // what is refused takes nothing
			if wait := refusedFor(do("noisy")); wait != 500*time.Millisecond {
				t.Fatalf("over the rate: to wait %s", wait)
			}
		}
		if err := do("quiet"); err != nil {
			t.Errorf("another caller: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		if err := do("noisy"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		// The policy changes while calls go on; what was taken is not forgotten.
		grants.Replace(limited(t, "requests_per_second: 0.1"))
		if wait := refusedFor(do("noisy")); wait <= 9*time.Second || wait > 10*time.Second {
			t.Errorf("under a stricter policy: to wait %s", wait)
		}
		grants.Replace(limited(t, "requests_per_second: 0"))
		for range 50 {
			if err := do("noisy"); err != nil {
				t.Fatalf("without a limit: %v", err)
			}
		}
		if reached != 55 {
			t.Errorf("%d calls were let in", reached)
		}
	})
}

func TestACallersBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := testChain(t, slog.New(slog.DiscardHandler), limited(t, "bytes_per_second: 100000"), t.Context())
		big := &looppb.ListAccountsResponse{NextPageToken: strings.Repeat("x", 300_000)}
		do := func(request any, response any) error {
			_, err := call(as(t.Context(), "noisy"), chain, "/s/Read", request, func(context.Context, any) (any, error) { return response, nil })
			return err
		}
		testkit.OK(t, do(someRequest, big))
		// 100 kB were in hand, 200 kB are to be made up for.
		wait := refusedFor(do(someRequest, someRequest))
		if wait < 1900*time.Millisecond || wait > 2100*time.Millisecond {
			t.Errorf("to wait %s; want about 2 s", wait)
		}
		time.Sleep(wait)
		if err := do(&looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: strings.Repeat("x", 100_000)}, someRequest); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		if wait := refusedFor(do(someRequest, someRequest)); wait < 900*time.Millisecond {
			t.Errorf("a large request counts, too: to wait %s", wait)
		}
	})
}

// TestAStreamWaitsForItsBytes: it cannot be refused any more.
func TestAStreamWaitsForItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := testChain(t, slog.New(slog.DiscardHandler), limited(t, "bytes_per_second: 100000"), t.Context())
		page := &looppb.StreamAccountsResponse{Accounts: []*looppb.Account{{Label: new(strings.Repeat("x", 100_000))}}}
		send := func(ctx context.Context, pages int) (sent int, err error) {
			err = streaming(ctx, chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(_ any, stream grpc.ServerStream) error {
				if err := stream.RecvMsg(&looppb.StreamAccountsRequest{}); err != nil {
					return err
				}
				for range pages {
					if err := stream.SendMsg(page); err != nil {
						return err
					}
					sent++
				}
				return nil
			})
			return sent, err
		}
		start := time.Now()
		if sent, err := send(as(t.Context(), "noisy"), 11); err != nil || sent != 11 {
			t.Fatal(sent, err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("1.1 MB at 100 kB a second took %s", took)
		}
		start = time.Now()
		if _, err := send(as(t.Context(), "quiet"), 11); err != nil || time.Since(start) > 0 {
			t.Errorf("another caller's: %v after %s", err, time.Since(start))
		}
		time.Sleep(time.Minute)
		start = time.Now()
		ctx, cancel := context.WithTimeout(as(t.Context(), "noisy"), 3500*time.Millisecond)
		defer cancel()
		if sent, err := send(ctx, 11); status.Code(err) != codes.DeadlineExceeded || sent > 5 || time.Since(start) != 3500*time.Millisecond-lastWord {
			t.Errorf("with a deadline: %d pages, %v after %s", sent, err, time.Since(start))
		}
	})
}

// TestAStreamThatNobodyReadsEnds: after a while, or with its call's time, which grpc-go's SendMsg heeds as little.
func TestAStreamThatNobodyReadsEnds(t *testing.T) {
	for _, c := range []struct {
		method string
		time   time.Duration
		want   codes.Code
		after  time.Duration
	}{
		{"/s/Read", 30 * time.Second, codes.DeadlineExceeded, 30 * time.Second},
		{"/s/Read", time.Hour, codes.ResourceExhausted, readStall},
		{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", time.Hour, codes.ResourceExhausted, readStall},
	} {
		synctest.Test(t, func(t *testing.T) {
			limits := limitCalls(NewLimits(policy.AllowAll("tester", "")), nil)
			connection, hangUp := context.WithCancel(t.Context())
			ctx := context.WithValue(connection, callKey{}, &Call{Caller: map[bool]string{false: "tester"}[public(c.method)]})
			ctx, cancel := context.WithTimeout(ctx, c.time)
			defer cancel()
			start, sent := time.Now(), 0
			stream := &oneMessage{ctx: connection, room: 3}
			err := limits.Stream(nil, withContext(stream, ctx), &grpc.StreamServerInfo{FullMethod: c.method}, func(_ any, stream grpc.ServerStream) error {
				for {
					if err := stream.SendMsg(&looppb.StreamAccountsResponse{}); err != nil {
						return err
					}
					sent++
				}
			})
			if got := status.FromContextError(err).Code(); status.Code(err) != c.want && got != c.want || sent != 2 || time.Since(start) != c.after {
				t.Errorf("%s, %s: %v after %d messages and %s", c.method, c.time, err, sent, time.Since(start))
			}
			hangUp() // as grpc-go does with the end of the handler
		})
	}
}

// TestWhatACallLeavesBehindCounts: for its caller, until it is done, once.
func TestWhatACallLeavesBehindCounts(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), limited(t, "calls: 2"), t.Context())
	var done []func()
	leave := func(caller string) error {
		_, err := call(as(t.Context(), caller), chain, "/s/Read", someRequest, func(ctx context.Context, _ any) (any, error) {
			done = append(done, Keep(ctx), Keep(ctx))
			return someRequest, nil
		})
		return err
	}
	for range 2 {
		testkit.OK(t, leave("noisy"))
	}
	if wait := refusedFor(leave("noisy")); wait <= 0 {
		t.Error("its caller may have as many again")
	}
	if err := leave("quiet"); err != nil {
		t.Errorf("another caller: %v", err)
	}
	done[0]()
	done[0]()
	if refusedFor(leave("noisy")) <= 0 {
		t.Error("it ends before all that it left behind is done")
	}
	done[1]()
	if err := leave("noisy"); err != nil {
		t.Errorf("after the first is done: %v", err)
	}
	if refusedFor(leave("noisy")) <= 0 {
		t.Error("it is given back twice")
	}
	Keep(t.Context())() // nobody is limited
}

// TestWhatIsKeptOfRequestsIsBounded: in bytes, whatever the number of calls; one call is let in however large it is.
func TestWhatIsKeptOfRequestsIsBounded(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), limited(t, "bytes: 8388608"), t.Context())
	large := &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: strings.Repeat("x", 3<<20)}
	var done func()
	leave := func(caller string, request any) error {
		_, err := call(as(t.Context(), caller), chain, "/s/Read", request, func(ctx context.Context, _ any) (any, error) {
			done = Keep(ctx)
			return someRequest, nil
		})
		return err
	}
	testkit.OK(t, leave("noisy", large))
	first := done
	if refusedFor(leave("noisy", large)) <= 0 {
		t.Error("a second one is let in")
	}
	if err := leave("noisy", someRequest); err != nil {
		t.Errorf("a small one beside it: %v", err)
	}
	done()
	if err := leave("quiet", large); err != nil {
		t.Errorf("another caller's: %v", err)
	}
	first()
	if err := leave("noisy", &looppb.ListAccountsRequest{Filter: strings.Repeat("x", 9<<20)}); err != nil {
		t.Errorf("the only one, however large: %v", err)
	}
}
