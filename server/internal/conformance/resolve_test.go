package conformance

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/sandbox"
)

// resolver is a service in which an import is old at once, and a dossier in which something is booked to prove a look by.
type resolver struct {
	*harness
	client looppb.ImportServiceClient
}

func newResolver(t *testing.T) *resolver {
	r := newBlindResolver(t)
	r.bookControl()
	return r
}

// bookControl books what a look is proven by.
func (r *resolver) bookControl() {
	r.t.Helper()
	if _, err := r.client.ImportEntries(as(r.t.Context(), "everything"), importOf("CONTROL", invoice("CONTROL", "1"))); err != nil {
		r.t.Fatal(err)
	}
	r.Simulator.FinishImports()
	if last := r.lastState("CONTROL"); last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
		r.t.Fatal(last)
	}
	r.Simulator.ResetCounters()
}

// newBlindResolver is one whose dossier has nothing yet.
func newBlindResolver(t *testing.T) *resolver {
	h := start(t, func(cfg *sandbox.Config) { cfg.ResubmitAfter = time.Millisecond })
	return &resolver{h, looppb.NewImportServiceClient(h.conn)}
}

func (r *resolver) resolve(caller string, request *looppb.ResolveImportRequest) (*looppb.Import, error) {
	request.Practice, request.Dossier = "partner", cmp.Or(request.GetDossier(), "DOSSIER_TEST")
	response, err := r.client.ResolveImport(as(r.t.Context(), caller), request)
	return response.GetImportRecord(), err
}

func (r *resolver) check(caller, id string) (*looppb.Import, error) {
	return r.resolve(caller, checkOf(id))
}

func checkOf(id string) *looppb.ResolveImportRequest {
	return &looppb.ResolveImportRequest{RequestId: id, Action: &looppb.ResolveImportRequest_Check{Check: &looppb.CheckImport{}}}
}

func confirmOf(id string, outcome looppb.StatedOutcome) *looppb.ResolveImportRequest {
	return &looppb.ResolveImportRequest{RequestId: id, Action: &looppb.ResolveImportRequest_Confirm{Confirm: &looppb.ConfirmImport{Outcome: outcome}}}
}

func (r *resolver) confirm(caller, id string, outcome looppb.StatedOutcome) (*looppb.Import, error) {
	return r.resolve(caller, confirmOf(id, outcome))
}

func (r *resolver) resubmit(caller string, request *looppb.ImportEntriesRequest) (*looppb.Import, error) {
	return r.resolve(caller, again(request))
}

func again(request *looppb.ImportEntriesRequest) *looppb.ResolveImportRequest {
	return &looppb.ResolveImportRequest{
		Dossier: request.GetDossier(), RequestId: request.GetRequestId(), Action: &looppb.ResolveImportRequest_Resubmit{Resubmit: &looppb.ResubmitImport{
			Payload: &looppb.ResubmitImport_Entries{Entries: &looppb.ResubmittedEntries{Options: request.GetOptions(), Entries: request.GetEntries()}},
		}},
	}
}

// lose sends an import whose outcome is unknown then.
func (r *resolver) lose(request *looppb.ImportEntriesRequest) *looppb.ImportEntriesRequest {
	r.t.Helper()
	if _, err := r.client.ImportEntries(as(r.t.Context(), "clerk"), request); reasonOf(err) != "OUTCOME_UNKNOWN" {
		r.t.Fatal(err)
	}
	r.Simulator.FinishImports()
	time.Sleep(2 * time.Millisecond)
	return request
}

func (r *resolver) importJSONs() int { return r.Simulator.Count("/importJson") }

const (
	booked    = looppb.StatedOutcome_STATED_OUTCOME_BOOKED
	notBooked = looppb.StatedOutcome_STATED_OUTCOME_NOT_BOOKED
)

func TestWhatWasNotBookedIsSentAgainOnce(t *testing.T) {
	r := newResolver(t)
	lost := importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120"))
	lost.Metadata = map[string]string{"job": "42"}
	r.lose(lost)

	found, err := r.check("clerk", "FA-1")
	evidence := found.GetResolution().GetEvidence()
	if err != nil || evidence.GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND || evidence.GetCaller() != "clerk" || evidence.GetDoubt() != 0 {
		t.Fatalf("%v, %v", found, err)
	}
	if _, err := r.resubmit("clerk", lost); reasonOf(err) != "CALLER_NOT_ALLOWED" {
		t.Errorf("without the right to administer: %v", err)
	}
	if _, err := r.confirm("clerk", "FA-1", notBooked); reasonOf(err) != "CALLER_NOT_ALLOWED" {
		t.Errorf("without the right to administer: %v", err)
	}
	other := importOf("FA-1", invoice("SIM-CUT-ONCE-1", "121"))
	if _, err := r.resubmit("everything", other); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("other content: %v", err)
	}
	// What does not pass the checks any more is not sent.
	spoilt := importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120"))
	spoilt.Entries[0].Lines[0].Account = "60700009"
	if _, err := r.resubmit("everything", spoilt); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("another account: %v", err)
	}
	if n := r.importJSONs(); n != 1 {
		t.Fatalf("Loop was called %d times", n)
	}

	// Many at once, over both transports.
	var all sync.WaitGroup
	var answered atomic.Int64
	for i := range 8 {
		all.Go(func() {
			if i%2 == 0 {
				if sent, err := r.resubmit("everything", lost); err != nil || sent.GetAttempt() != 2 || sent.GetLoopRequestId() == "" {
					t.Errorf("%v, %v", sent, err)
				}
				answered.Add(1)
				return
			}
			overREST := again(lost)
			overREST.RequestId, overREST.Dossier = "", ""
			body, err := protojson.Marshal(overREST)
			if err != nil {
				t.Error(err)
				return
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.rest+"/v1/practices/partner/dossiers/DOSSIER_TEST/imports/FA-1:resolve", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			if got := r.overREST(request, "everything"); got.Err != nil {
				t.Errorf("over REST: %+v", got.Err)
			}
			answered.Add(1)
		})
	}
	all.Wait()
	if n := r.importJSONs(); n != 2 || answered.Load() != 8 {
		t.Errorf("Loop was called %d times", n)
	}
	if n := r.booked("SIM-CUT-ONCE-1"); n != 1 {
		t.Errorf("booked %d times", n)
	}
	// It is still its first caller's, who learns what became of it by the same call.
	mine, err := r.client.ImportEntries(as(t.Context(), "clerk"), lost)
	resolution := mine.GetImportRecord().GetResolution()
	if err != nil || mine.GetImportRecord().GetCaller() != "clerk" || mine.GetImportRecord().GetAttempt() != 2 ||
		resolution.GetResubmissions() != 1 || resolution.GetResubmitCaller() != "everything" || resolution.GetResubmitTime() == nil ||
		resolution.GetEvidence().GetAttempt() != 1 || resolution.GetEvidence().GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND {
		t.Errorf("%v, %v", mine, err)
	}
	if !mine.GetReplayed() || !maps.Equal(mine.GetImportRecord().GetMetadata(), lost.GetMetadata()) {
		t.Errorf("replayed %v, noted of it %v", mine.GetReplayed(), mine.GetImportRecord().GetMetadata())
	}
	for _, want := range []string{`"event":"resolved"`, `"action":"resubmit"`, `"result":"NOT_FOUND"`, `"why":"needs the right to administer"`, `"dossier":"DOSSIER_TEST"`} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the audit lacks %s", want)
		}
	}
	_, _, operations := r.Server.Addresses()
	if _, metrics := r.get("http://" + operations.String() + "/metrics"); !strings.Contains(metrics, `import_resolutions_total{action="check",result="NOT_FOUND"} 1`) {
		t.Error("the metrics do not tell of the look")
	}
}

func TestAPersonsWordOpensOrClosesAnImport(t *testing.T) {
	r := newResolver(t)
	changed := func(id string, amount string) error {
		_, err := r.client.ImportEntries(as(t.Context(), "clerk"), importOf(id, invoice(id, amount)))
		return err
	}
	// Booked: it stays closed.
	r.lose(importOf("FA-1", invoice("SIM-LOST-ANSWER-1", "120")))
	if found, err := r.check("clerk", "FA-1"); err != nil || found.GetResolution().GetEvidence().GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_FOUND {
		t.Errorf("%v, %v", found, err)
	}
	for range 2 {
		if settled, err := r.confirm("clerk", "FA-1", booked); err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED || settled.GetError() != nil {
			t.Errorf("%v, %v", settled, err)
		}
	}
	if err := changed("FA-1", "121"); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("booked, and sent again: %v", err)
	}
	_, err := r.confirm("everything", "FA-1", notBooked)
	if reasonOf(err) != "STATED_OTHERWISE" || !strings.Contains(err.Error(), "clerk has stated BOOKED") {
		t.Errorf("the contrary: %v", err)
	}

	// Not booked: its caller corrects and sends it.
	r.lose(importOf("FA-2", invoice("SIM-CUT-BEFORE-2", "120")))
	for range 2 {
		if settled, err := r.confirm("everything", "FA-2", notBooked); err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_NOT_SENT ||
			settled.GetResolution().GetEvidence().GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND {
			t.Errorf("%v, %v", settled, err)
		}
	}
	if _, err := r.confirm("clerk", "FA-2", booked); reasonOf(err) != "STATED_OTHERWISE" {
		t.Errorf("the contrary: %v", err)
	}
	if err := changed("FA-2", "121"); err != nil {
		t.Errorf("not booked, and sent again: %v", err)
	}
	if n := r.booked("FA-2"); n != 1 {
		t.Errorf("booked %d times", n)
	}

	// Failed at Loop, which does not say that nothing was booked.
	testkit.OK(t, changed("SIM-FAIL-LATE-3", "120"))
	r.Simulator.FinishImports()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		got, err := r.client.GetImport(as(t.Context(), "clerk"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "SIM-FAIL-LATE-3"})
		if err != nil || time.Since(began) > 20*time.Second {
			t.Fatal(got, err)
		}
		if got.GetImportRecord().GetState() == looppb.ImportState_IMPORT_STATE_FAILED {
			break
		}
	}
	if settled, err := r.confirm("everything", "SIM-FAIL-LATE-3", notBooked); err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_REFUSED ||
		settled.GetResolution().GetStatement().GetPreviousState() != looppb.ImportState_IMPORT_STATE_FAILED || settled.GetError() == nil {
		t.Errorf("%v, %v", settled, err)
	}
	if err := changed("SIM-FAIL-LATE-3", "130"); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// TestTheRightsOfADossierResolveItsImportsAlone: the clerk may write in another.
func TestTheRightsOfADossierResolveItsImportsAlone(t *testing.T) {
	r := newResolver(t)
	lost := importOf("FA-1", invoice("SIM-CUT-BEFORE-1", "120"))
	lost.Dossier = "BIG00001"
	if _, err := r.client.ImportEntries(as(t.Context(), "everything"), lost); reasonOf(err) != "OUTCOME_UNKNOWN" {
		t.Fatal(err)
	}
	there := func(request *looppb.ResolveImportRequest) *looppb.ResolveImportRequest {
		request.Dossier = "BIG00001"
		return request
	}
	r.Simulator.ResetCounters()
	if _, err := r.client.GetImport(as(t.Context(), "clerk"), &looppb.GetImportRequest{Practice: "partner", Dossier: "BIG00001", RequestId: "FA-1"}); err != nil {
		t.Errorf("the clerk may read there: %v", err)
	}
	for name, call := range map[string]func() (*looppb.Import, error){
		"check":      func() (*looppb.Import, error) { return r.resolve("clerk", there(checkOf("FA-1"))) },
		"booked":     func() (*looppb.Import, error) { return r.resolve("clerk", there(confirmOf("FA-1", booked))) },
		"not booked": func() (*looppb.Import, error) { return r.resolve("clerk", there(confirmOf("FA-1", notBooked))) },
		"resubmit":   func() (*looppb.Import, error) { return r.resubmit("clerk", lost) },
	} {
		if _, err := call(); reasonOf(err) != "CALLER_NOT_ALLOWED" {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, err := r.client.GetImport(as(t.Context(), "everything"), &looppb.GetImportRequest{Practice: "partner", Dossier: "BIG00001", RequestId: "FA-1"})
	if err != nil || after.GetImportRecord().GetResolution() != nil || after.GetImportRecord().GetState() != looppb.ImportState_IMPORT_STATE_UNCERTAIN {
		t.Errorf("%v, %v", after, err)
	}
	if n := r.Simulator.Count("/EcritureComptable") + r.importJSONs(); n != 0 {
		t.Errorf("Loop was asked %d times", n)
	}
}

// TestWhoSentAgainIsOnRecordHoweverItEnds: the import itself stays its first caller's.
func TestWhoSentAgainIsOnRecordHoweverItEnds(t *testing.T) {
	r := newResolver(t)
	lost := r.lose(importOf("FA-1", invoice("SIM-CUT-BEFORE-1", "120")))
	if _, err := r.resubmit("everything", lost); reasonOf(err) != "OUTCOME_UNKNOWN" {
		t.Fatal(err)
	}
	resolved := ""
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, `"event":"resolved"`) {
			resolved = line
		}
	}
	for _, want := range []string{`"caller":"everything"`, `"import":"FA-1"`, `"action":"resubmit"`, `"result":"UNCERTAIN"`, `"attempt":2`, `"state":"UNCERTAIN"`} {
		if !strings.Contains(resolved, want) {
			t.Errorf("the audit lacks %s: %q", want, resolved)
		}
	}
	_, _, operations := r.Server.Addresses()
	if _, metrics := r.get("http://" + operations.String() + "/metrics"); !strings.Contains(metrics, `import_resolutions_total{action="resubmit",result="UNCERTAIN"} 1`) {
		t.Error("the metrics do not tell of it")
	}
}

// TestALookIntoLoopThatFailsLeavesWhatWasSeen: and says whose fault it is.
func TestALookIntoLoopThatFailsLeavesWhatWasSeen(t *testing.T) {
	r := newResolver(t)
	r.lose(importOf("FA-1", invoice("SIM-CUT-BEFORE-1", "120")))
	before, err := r.check("clerk", "FA-1")
	testkit.OK(t, err)
	refusal := r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusBadRequest, Route: "/EcritureComptable"})
	if _, err := r.check("clerk", "FA-1"); reasonOf(err) != "LOOP_REFUSED" {
		t.Errorf("refused by Loop: %v", err)
	}
	r.Simulator.RemoveFault(refusal)
	fault := r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable, Route: "/EcritureComptable"})
	for _, call := range []func() (*looppb.Import, error){
		func() (*looppb.Import, error) { return r.check("clerk", "FA-1") },
		func() (*looppb.Import, error) { return r.confirm("everything", "FA-1", notBooked) },
		func() (*looppb.Import, error) {
			return r.resubmit("everything", importOf("FA-1", invoice("SIM-CUT-BEFORE-1", "120")))
		},
	} {
		if _, err := call(); reasonOf(err) != "LOOP_UNAVAILABLE" {
			t.Errorf("%v", err)
		}
	}
	r.Simulator.RemoveFault(fault)
	after, err := r.client.GetImport(as(t.Context(), "clerk"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"})
	if err != nil || !after.GetImportRecord().GetResolution().GetEvidence().GetCheckTime().AsTime().Equal(before.GetResolution().GetEvidence().GetCheckTime().AsTime()) {
		t.Errorf("%v, %v", after, err)
	}
	if n := r.importJSONs(); n != 1 {
		t.Errorf("Loop was called %d times", n)
	}
}

// TestALookIsSpreadOverALargeImport: twenty of a hundred references, the first and the last among them.
func TestALookIsSpreadOverALargeImport(t *testing.T) {
	r := newResolver(t)
	large := importOf("LARGE", invoice("SIM-CUT-BEFORE-0", "1"))
	for i := range 150 {
		large.Entries = append(large.Entries, invoice(fmt.Sprintf("L-%03d", i+1), "1"))
	}
	r.lose(large)
	r.Simulator.ResetCounters()
	found, err := r.check("clerk", "LARGE")
	evidence := found.GetResolution().GetEvidence()
	references := evidence.GetReferences()
	if err != nil || evidence.GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND || len(references) != 20 || evidence.GetKeptReferences() != 100 ||
		references[0].GetDocumentReference() != "SIM-CUT-BEFORE-0" || references[19].GetDocumentReference() != "L-099" {
		t.Errorf("%v, %v", found, err)
	}
	if n := r.Simulator.Count("/EcritureComptable"); n != 60+2+2 { // one that is booked, and one that cannot be
		t.Errorf("%d questions", n)
	}
	// A part of it is there, by another hand; and nobody can tell what else of the large one is.
	if _, err := r.client.ImportEntries(as(t.Context(), "clerk"), importOf("PART", invoice("L-099", "1"))); err != nil {
		t.Fatal(err)
	}
	r.Simulator.FinishImports()
	if found, err = r.check("clerk", "LARGE"); err != nil || found.GetResolution().GetEvidence().GetDoubt() != looppb.ImportDoubt_IMPORT_DOUBT_NOT_UNIQUE {
		t.Errorf("%v, %v", found, err)
	}
}

// TestWhatIsBookedMeanwhileIsNotSentAgain: the look before is old, the one that counts is the call's own.
func TestWhatIsBookedMeanwhileIsNotSentAgain(t *testing.T) {
	r := newResolver(t)
	lost := r.lose(importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120")))
	if found, err := r.check("clerk", "FA-1"); err != nil || found.GetResolution().GetEvidence().GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND {
		t.Fatal(found, err)
	}
	// Somebody imports the same under another id.
	twin := importOf("FA-1B", invoice("SIM-CUT-ONCE-1", "120"))
	twin.AllowDuplicate = true
	if _, err := r.client.ImportEntries(as(t.Context(), "clerk"), twin); err != nil {
		t.Fatal(err)
	}
	// On its way at Loop: nothing shows there, and the ledger knows.
	_, err := r.resubmit("everything", lost)
	if failed := failureOf(status.Convert(err)); failed.Reason != "ENTRY_ALREADY_IMPORTED" || failed.Metadata["requestId"] != "FA-1B" {
		t.Errorf("%+v", failed)
	}
	r.Simulator.FinishImports()
	if _, err := r.resubmit("everything", lost); reasonOf(err) != "ENTRY_ALREADY_IMPORTED" {
		t.Errorf("%v", err)
	}
	anyway := again(lost)
	anyway.GetResubmit().AllowDuplicate = true
	_, err = r.resolve("everything", anyway)
	if failed := failureOf(status.Convert(err)); failed.Reason != "MAY_BE_BOOKED" || failed.Metadata["verdict"] != "INCONCLUSIVE" || failed.Metadata["doubt"] != "NOT_UNIQUE" {
		t.Errorf("%+v", failed)
	}
	if n := r.booked("SIM-CUT-ONCE-1"); n != 1 {
		t.Errorf("booked %d times", n)
	}
}

// TestACallerWhoLeavesAResubmissionFindsItsOutcome: it goes on, and repeating the call sends nothing.
func TestACallerWhoLeavesAResubmissionFindsItsOutcome(t *testing.T) {
	r := newResolver(t)
	lost := r.lose(importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120")))
	r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 700 * time.Millisecond, Route: "/importJson", After: true})
	request := again(lost)
	request.Practice, request.Dossier = "partner", cmp.Or(request.GetDossier(), "DOSSIER_TEST")
	ctx, cancel := context.WithCancel(as(t.Context(), "everything"))
	go func() {
		for r.importJSONs() < 2 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := r.client.ResolveImport(ctx, request); err == nil {
		t.Fatal("it was answered")
	}
	sent, err := r.resubmit("everything", lost)
	if err != nil || sent.GetAttempt() != 2 || sent.GetLoopRequestId() == "" {
		t.Errorf("%v, %v", sent, err)
	}
	if n := r.importJSONs(); n != 2 {
		t.Errorf("Loop was called %d times", n)
	}
}
