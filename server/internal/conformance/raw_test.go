package conformance

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/sandbox"
)

func noteOf(id, text string) *looppb.CallRequest {
	return &looppb.CallRequest{
		Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id, Method: "POST", Path: "/simNotes", Body: fmt.Sprintf(`{"text": %q}`, text),
	}
}

func TestRawCallsAreOffUnlessRoutesAreListed(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) { cfg.Raw = []rawdoor.Route{} })
	m := method(t, "RawService.Call")
	for _, request := range []*looppb.CallRequest{
		noteOf("N-1", "x"), {Practice: "demo", Dossier: "CEGID001", Method: "GET", Path: "/simNotes"}, {Practice: "demo", Method: "GET", Path: "/simCabinetNotes"},
	} {
		for transport, got := range map[string]outcome{
			"gRPC": h.overGRPC(t.Context(), m, "everything", request), "REST": h.overREST(h.restRequest(t.Context(), m, request), "everything"),
		} {
			if got.Err == nil || got.Err.Code != "FAILED_PRECONDITION" || got.Err.Reason != "RAW_ROUTE_NOT_LISTED" || !strings.Contains(got.Err.Message, "raw calls are off") {
				t.Errorf("%s, %s %s: %+v", transport, request.GetMethod(), request.GetPath(), got.Err)
			}
		}
	}
	if n := h.Simulator.Count(""); n != 0 {
		t.Errorf("Loop was called %d times", n)
	}
}

func TestTheSameRawWriteUnderTheSameIDIsSentOnce(t *testing.T) {
	h := start(t, nil)
	client, ctx := looppb.NewRawServiceClient(h.conn), as(t.Context(), "everything")
	first, err := client.Call(ctx, noteOf("N-1", "une note"))
	if err != nil || first.GetHttpStatus() != 201 || first.GetReplayed() {
		t.Fatalf("%v, %v", first, err)
	}
	spaced := noteOf("N-1", "")
	spaced.Body = "{ \"text\" :\n\"une note\" }"
	for name, request := range map[string]*looppb.CallRequest{"unchanged": noteOf("N-1", "une note"), "with other blanks": spaced} {
		again, err := client.Call(ctx, request)
		if err != nil || !again.GetReplayed() || again.GetState() != looppb.WriteState_WRITE_STATE_SUCCEEDED || again.GetBody() != "" || again.GetHttpStatus() != 0 {
			t.Errorf("%s: %v, %v", name, again, err)
		}
	}
	if _, err := client.Call(ctx, noteOf("N-1", "autre")); reasonOf(err) != "REQUEST_ID_REUSED" || status.Code(err) != codes.AlreadyExists {
		t.Errorf("other content: %v", err)
	}
	if _, err := client.Call(ctx, noteOf("N-2", "une note")); reasonOf(err) != "DUPLICATE_CONTENT" || !strings.Contains(err.Error(), "the same call was made under request_id N-1") {
		t.Errorf("another id: %v", err)
	}
	twice := noteOf("N-2", "une note")
	twice.AllowDuplicate = true
	if _, err := client.Call(ctx, twice); err != nil {
		t.Errorf("meant twice: %v", err)
	}
	if n := h.Simulator.Count("/simNotes"); n != 2 {
		t.Errorf("Loop was called %d times", n)
	}
	if _, err := looppb.NewImportServiceClient(h.conn).GetImport(ctx, &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "N-1"}); reasonOf(err) != "IMPORT_UNKNOWN" {
		t.Errorf("a raw call as an import: %v", err)
	}
}

// TestFaultTableOfRawWrites: that of imports, but for the kinds of answers that say more of a route that is known.
func TestFaultTableOfRawWrites(t *testing.T) {
	for _, row := range writeRows() {
		if row.fault.Body == "{}" || row.fault.Kind == loopsim.FaultHang {
			continue // an empty object is as good an answer as any; a hang is the client's business
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			row.fault.Route = "/simNotes"
			h.Simulator.Inject(row.fault)
			client, ctx := looppb.NewRawServiceClient(h.conn), as(t.Context(), "everything")
			if _, err := client.Call(ctx, noteOf("N-1", "x")); reasonOf(err) != row.reason || h.Simulator.Count("/simNotes") != 1 {
				t.Errorf("told %v after %d calls; want %s", err, h.Simulator.Count("/simNotes"), row.reason)
			}
			h.Simulator.ClearFaults()
			again, err := client.Call(ctx, noteOf("N-1", "x"))
			switch calls := h.Simulator.Count("/simNotes"); {
			case row.resent && (err != nil || again.GetReplayed() || calls != 2):
				t.Errorf("the same id again: %v, %v after %d calls; want it done", again, err, calls)
			case !row.resent && (reasonOf(err) != row.reason || calls != 1):
				t.Errorf("the same id again: %v after %d calls; want the error that it ended with", err, calls)
			}
		})
	}
}

// TestAnAnswerThatDoesNotFit: a read is refused, a write is done all the same.
func TestAnAnswerThatDoesNotFit(t *testing.T) {
	h := start(t, nil)
	client, ctx := looppb.NewRawServiceClient(h.conn), as(t.Context(), "everything")
	large := `{"text":"` + strings.Repeat("é", 2<<20) + `"}`
	h.Simulator.Inject(loopsim.Fault{Route: "/simNotes", Kind: loopsim.FaultNonsense, Body: large})
	_, err := client.Call(ctx, &looppb.CallRequest{Practice: "partner", Dossier: "DOSSIER_TEST", Method: "GET", Path: "/simNotes"})
	if reasonOf(err) != "CALLER_LIMIT" || !strings.Contains(err.Error(), "ask for less") {
		t.Errorf("a read: %v", err)
	}
	got, err := client.Call(ctx, noteOf("N-1", "x"))
	if err != nil || !got.GetBodyOmitted() || got.GetBody() != "" || got.GetState() != looppb.WriteState_WRITE_STATE_SUCCEEDED {
		t.Errorf("a write: %v, %v", got, err)
	}
}
