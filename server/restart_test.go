package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// TestRestartUnderLoad: calls under way finish or are told SHUTTING_DOWN, what was accepted is followed by the next
// process, what was not answered is asked for again by its id, and each document is booked once.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), newAuthority(t)
	w.twoPractices(t, a)
	// Some submissions outlast the grace period, and no import is final before the restart.
	w.settings["shutdown"] = "{drain: 300ms, grace: 200ms}"
	w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultLatency, Latency: 1500 * time.Millisecond, Probability: 0.3})
	w.SetImportDelays(time.Second, time.Second)
	p := w.serve(t, "")
	l := &load{t: t, p: p, trust: &tls.Config{RootCAs: a.Pool}}

	const callers, atLeast = 8, 40
	var mu sync.Mutex
	var working sync.WaitGroup
	answers := map[string]error{} // by id
	stopping := make(chan struct{})
	for n := range callers {
		connect := l.overGRPC
		if n%2 == 0 {
			connect = l.overREST
		}
		working.Go(func() {
			do, hangUp := connect()
			defer hangUp()
			for document := 0; ; document++ {
				id := fmt.Sprintf("caller-%d-%d", n, document)
				mu.Lock()
				select {
				case <-stopping:
					mu.Unlock()
					return
				default:
				}
				answers[id] = errUnderWay
				mu.Unlock()
				err := do("demo", "CEGID001", w.token, id)
				mu.Lock()
				answers[id] = err
				mu.Unlock()
			}
		})
	}
	eventually(t, "documents", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(answers) > atLeast
	})
	mu.Lock()
	close(stopping) // all that is under way now began before the signal
	mu.Unlock()
	p.stop(t)
	working.Wait()

	ended, finished := 0, 0
	for id, err := range answers {
		switch {
		case err == nil:
			finished++
		case shuttingDown(err):
			ended++
		default:
			t.Errorf("%s: %v", id, err)
		}
	}
	if ended == 0 || finished == 0 {
		t.Errorf("%d calls finished, %d were told SHUTTING_DOWN; want some of each", finished, ended)
	}

	p = w.serve(t, "")
	defer p.stop(t)
	l.p = p
	conn := dial(t, p.grpc, l.trust)
	do, hangUp := l.overGRPC()
	defer hangUp()
	for id, err := range answers {
		if err != nil {
			if err := do("demo", "CEGID001", w.token, id); err != nil {
				t.Errorf("%s, asked for again: %v", id, err)
				continue
			}
		}
		awaitSuccess(t, conn, w.token, "demo", id)
	}
	entries, err := w.Entries("demo", "CEGID001")
	testkit.OK(t, err)
	booked := map[string]int{}
	for _, entry := range entries {
		booked[entry.Reference]++
	}
	for id := range answers {
		if booked[id] != 1 {
			t.Errorf("%s is booked %d times", id, booked[id])
		}
	}
	t.Logf("%d calls finished, %d were told SHUTTING_DOWN", finished, ended)
}

// TestARestartAsksForWhatStalled: where secrets are read at the start alone, it is how a revoked key is replaced.
func TestARestartAsksForWhatStalled(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), newAuthority(t)
	w.twoPractices(t, a)
	w.SetImportDelays(300*time.Millisecond, 0)
	w.settings["imports"] = "{first_poll: 4s}"
	activate := func(is bool) {
		testkit.OK(t, w.SetActivated("demo", loopsim.Advanced, is))
	}
	p := w.serve(t, "")
	l := &load{t: t, p: p, trust: &tls.Config{RootCAs: a.Pool}}
	do, hangUp := l.overGRPC()
	defer hangUp()
	testkit.OK(t, do("demo", "CEGID001", w.token, "FA-1"))
	activate(false)
	conn := dial(t, p.grpc, l.trust)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+w.token)
	var next time.Time // its pause has grown from 4 s to 16
	eventually(t, "a stalled import", func() bool {
		got, err := looppb.NewImportServiceClient(conn).GetImport(ctx, &looppb.GetImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "FA-1"})
		testkit.OK(t, err)
		next = got.GetImportRecord().GetNextPollTime().AsTime()
		return time.Until(next) > 12*time.Second
	})
	p.stop(t)
	activate(true)
	p = w.serve(t, "")
	defer p.stop(t)
	awaitSuccess(t, dial(t, p.grpc, l.trust), w.token, "demo", "FA-1")
	if !time.Now().Before(next) {
		t.Error("the restart did not ask before it was due")
	}
}

var errUnderWay = errors.New("not answered yet")

// shuttingDown says whether a caller was told so, over gRPC or REST.
func shuttingDown(err error) bool {
	said := status.Convert(err)
	return said.Code() == codes.Unavailable && slices.ContainsFunc(said.Details(), func(detail any) bool {
		info, ok := detail.(*errdetails.ErrorInfo)
		return ok && info.GetReason() == "SHUTTING_DOWN"
	}) || strings.HasPrefix(err.Error(), "503") && strings.Contains(err.Error(), `"SHUTTING_DOWN"`)
}
