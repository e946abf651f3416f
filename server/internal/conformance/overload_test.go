package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/sandbox"
)

// TestAfterA429AWriteIsSentAgain: by this service, as another attempt, and its caller learns the end alone.
func TestAfterA429AWriteIsSentAgain(t *testing.T) {
	for _, transport := range []string{"gRPC", "REST"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			h := start(t, func(cfg *sandbox.Config) { cfg.NoRepeatAfter429 = false })
			h.Simulator.Inject(loopsim.Fault{Method: http.MethodPost, Route: "/importJson", Kind: loopsim.FaultStatus, Status: 429, RetryAfter: time.Second, Times: 2})
			got := h.send(t, transport, importOf("FA-1", invoice("FA-1", "120")))
			if got.Err != nil || h.Simulator.Count("/importJson") != 3 || h.booked("FA-1") != 1 {
				t.Errorf("%+v, %d calls, booked %d times", got.Err, h.Simulator.Count("/importJson"), h.booked("FA-1"))
			}
			record, err := looppb.NewImportServiceClient(h.conn).GetImport(as(t.Context(), "everything"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"})
			if err != nil || record.GetImportRecord().GetAttempt() != 3 {
				t.Errorf("%v, %v", record, err)
			}
		})
	}
}

// send makes a call of ImportEntries.
func (h *harness) send(t *testing.T, transport string, request proto.Message) outcome {
	m := method(t, "ImportService.ImportEntries")
	if transport == "gRPC" {
		return h.overGRPC(t.Context(), m, "everything", request)
	}
	return h.overREST(h.restRequest(t.Context(), m, request), "everything")
}

// TestHangingImportsKeepNoReadOut: of the practice's places some are for reads, and a practice that has more imports than
// Loop takes tells each what to do.
func TestHangingImportsKeepNoReadOut(t *testing.T) {
	t.Parallel()
	const bound = 3 * time.Second
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Tune = func(c *cegidclient.Config) {
			quick(c)
			c.Limits.Wait = time.Second
		}
	})
	request := func(n int) *looppb.ImportEntriesRequest {
		id := fmt.Sprintf("FA-%d", n)
		return importOf(id, invoice(id, "120"))
	}
	if got := h.send(t, "gRPC", request(0)); got.Err != nil { // the reference data is here
		t.Fatal(got.Err)
	}
	h.Simulator.Inject(loopsim.Fault{Method: http.MethodPost, Route: "/importJson", Kind: loopsim.FaultLatency, Latency: bound})
	var all sync.WaitGroup
	var mu sync.Mutex
	ends := map[string]int{}
	for n := range 12 {
		all.Go(func() {
			transport := []string{"gRPC", "REST"}[n%2]
			got := h.send(t, transport, request(n+1))
			mu.Lock()
			defer mu.Unlock()
			if got.Err == nil {
				ends["accepted"]++
				return
			}
			ends[got.Err.Reason]++
			if got.Err.Code != "RESOURCE_EXHAUSTED" || got.Err.Retry <= 0 || got.Err.Local.GetLocale() != "fr" || !strings.Contains(got.Err.Local.GetMessage(), "Réessayez") || transport == "REST" && got.Err.HTTP != http.StatusTooManyRequests {
				t.Errorf("%s: %+v", transport, got.Err)
			}
		})
	}
	waitFor(t, func() bool { return h.Simulator.Count("/importJson") >= 1+5 })
	begun := time.Now()
	if got := h.overGRPC(t.Context(), method(t, "ReferenceDataService.ListVatCodes"), "everything", &looppb.ListVatCodesRequest{Practice: "partner", Dossier: "DOSSIER_TEST"}); got.Err != nil || time.Since(begun) > bound/2 {
		t.Errorf("a read beside them: %+v after %s", got.Err, time.Since(begun))
	}
	all.Wait()
	if ends["accepted"] != 5 || ends["LOOP_BUSY"] != 7 {
		t.Errorf("%v", ends)
	}
}

// TestAStopLeavesNothingUncertain: what waits for its turn is told at once that it was not sent, and what is on its way has
// its time.
func TestAStopLeavesNothingUncertain(t *testing.T) {
	t.Parallel()
	const takes = 3 * time.Second
	h := start(t, func(cfg *sandbox.Config) { cfg.Grace = 20 * time.Second })
	if got := h.send(t, "gRPC", importOf("FA-0", invoice("FA-0", "120"))); got.Err != nil { // the reference data is here
		t.Fatal(got.Err)
	}
	h.Simulator.Inject(loopsim.Fault{Method: http.MethodPost, Route: "/importJson", Kind: loopsim.FaultLatency, Latency: takes})
	var all sync.WaitGroup
	var mu sync.Mutex
	ends := map[string]int{}
	for n := range 12 {
		all.Go(func() {
			id := fmt.Sprintf("FA-%d", n+1)
			got := h.send(t, "gRPC", importOf(id, invoice(id, "120")))
			mu.Lock()
			defer mu.Unlock()
			if got.Err == nil {
				ends["accepted"]++
				return
			}
			ends[got.Err.Reason+" "+got.Err.Metadata["state"]]++
			if got.Err.Retry <= 0 {
				t.Errorf("%+v", got.Err)
			}
		})
	}
	client := looppb.NewImportServiceClient(h.conn)
	waitFor(t, func() bool { // all are noted, and five have left
		list, err := client.ListImports(as(t.Context(), "everything"), &looppb.ListImportsRequest{Practice: "partner", Dossier: "-"})
		return err == nil && len(list.GetImports()) == 1+12 && h.Simulator.Count("/importJson") == 1+5
	})
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if ends["accepted"] != 5 || ends["SHUTTING_DOWN NOT_SENT"] != 7 {
		t.Errorf("%v", ends)
	}
}
