package conformance

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/sandbox"
)

// loseFile imports a file as the clerk, after a fault has been injected where Loop takes it.
func (r *resolver) loseFile(kind loopsim.FaultKind, request *looppb.ImportFileRequest) {
	r.t.Helper()
	for _, route := range []string{"/importFEC", "/importPerso"} {
		defer r.Simulator.RemoveFault(r.Simulator.Inject(loopsim.Fault{Kind: kind, Method: http.MethodPost, Route: route}))
	}
	_, err := r.client.ImportFile(as(r.t.Context(), "clerk"), request)
	if got := failureOf(status.Convert(err)); got.Reason != "OUTCOME_UNKNOWN" || !strings.Contains(strings.Join(got.Help, " "), "ResolveImport") {
		r.t.Fatalf("%+v", got)
	}
	r.Simulator.FinishImports()
	time.Sleep(2 * time.Millisecond)
}

func (r *resolver) clerksDeposit(u *uploaded) string {
	r.t.Helper()
	got, err := r.depositFile("clerk", u)
	testkit.OK(r.t, err)
	return got.GetDepositId()
}

func againFile(id string, file *looppb.ResubmittedFile) *looppb.ResolveImportRequest {
	return &looppb.ResolveImportRequest{RequestId: id, Action: &looppb.ResolveImportRequest_Resubmit{Resubmit: &looppb.ResubmitImport{
		Payload: &looppb.ResubmitImport_File{File: file},
	}}}
}

func againDeposit(id, deposit string) *looppb.ResolveImportRequest {
	return againFile(id, &looppb.ResubmittedFile{Source: &looppb.ResubmittedFile_DepositId{DepositId: deposit}})
}

// TestAFileThatWasNotBookedIsSentAgainOnce: from its first caller's deposit, or from the administrator's own.
func TestAFileThatWasNotBookedIsSentAgainOnce(t *testing.T) {
	r := newResolver(t)
	mine := r.clerksDeposit(fecOf(3000, 1))
	r.loseFile(loopsim.FaultCutBefore, importOfDeposit("FEC-1", mine))
	found, err := r.check("clerk", "FEC-1")
	if evidence := found.GetResolution().GetEvidence(); err != nil || evidence.GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND || len(evidence.GetReferences()) == 0 {
		t.Fatalf("%v, %v", found, err)
	}
	other := r.mustDeposit(fecOf(3000, 2)).GetDepositId()
	strangers, err := r.depositFile("stranger", fecOf(3000, 1))
	testkit.OK(t, err)
	establishment := againDeposit("FEC-1", mine)
	establishment.GetResubmit().GetFile().Siret = loopsim.SandboxSIRET
	for name, c := range map[string]struct {
		caller  string
		request *looppb.ResolveImportRequest
		reason  string
	}{
		"without the right":     {"clerk", againDeposit("FEC-1", mine), "CALLER_NOT_ALLOWED"},
		"another file":          {"everything", againDeposit("FEC-1", other), "REQUEST_ID_REUSED"},
		"another establishment": {"everything", establishment, "REQUEST_ID_REUSED"},
		"entries":               {"everything", again(importOf("FEC-1", invoice("FA-1", "1"))), "REQUEST_ID_REUSED"},
		"a third one's deposit": {"everything", againDeposit("FEC-1", strangers.GetDepositId()), "DEPOSIT_UNKNOWN"},
		"nobody's deposit":      {"everything", againDeposit("FEC-1", "x"), "DEPOSIT_UNKNOWN"},
	} {
		if _, err := r.resolve(c.caller, c.request); reasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := r.Simulator.Count("/importFEC"); n != 1 {
		t.Fatalf("Loop was called %d times", n)
	}

	own := r.mustDeposit(fecOf(3000, 1)).GetDepositId()
	var all sync.WaitGroup
	for _, deposit := range []string{mine, own, mine, own} {
		all.Go(func() {
			if sent, err := r.resolve("everything", againDeposit("FEC-1", deposit)); err != nil || sent.GetAttempt() != 2 || sent.GetLoopRequestId() == "" || sent.GetCaller() != "clerk" {
				t.Errorf("%v, %v", sent, err)
			}
		})
	}
	all.Wait()
	if n := r.Simulator.Count("/importFEC"); n != 2 {
		t.Errorf("Loop was called %d times", n)
	}
	// Its first caller learns of it by the same call.
	repeated, err := r.client.ImportFile(as(t.Context(), "clerk"), importOfDeposit("FEC-1", mine))
	if err != nil || repeated.GetImportRecord().GetAttempt() != 2 || repeated.GetImportRecord().GetResolution().GetResubmitCaller() != "everything" {
		t.Errorf("%v, %v", repeated, err)
	}
	r.Simulator.FinishImports()
	if last := r.lastState("FEC-1"); last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED || last.GetTotals().GetLines() == 0 {
		t.Errorf("%v", last)
	}
}

// TestAFileThatIsBookedIsFound: all of it, a part of it, and what somebody else has of it.
func TestAFileThatIsBookedIsFound(t *testing.T) {
	r := newResolver(t)
	mine := r.clerksDeposit(fecOf(3000, 1))
	r.loseFile(loopsim.FaultCutAfter, importOfDeposit("FEC-1", mine))
	found, err := r.check("clerk", "FEC-1")
	evidence := found.GetResolution().GetEvidence()
	if err != nil || evidence.GetVerdict() != looppb.ImportVerdict_IMPORT_VERDICT_FOUND || int(evidence.GetKeptReferences()) != len(found.GetDocumentReferences()) {
		t.Fatalf("%v, %v", found, err)
	}
	if _, err := r.resolve("everything", againDeposit("FEC-1", mine)); reasonOf(err) != "MAY_BE_BOOKED" {
		t.Errorf("%v", err)
	}
	// Of a file that this service has not read, it cannot say that it has none of the references.
	if _, err := r.client.ImportFile(as(t.Context(), "everything"), importOfLink("LINK", "https://files.example.test/fec.txt")); err != nil {
		t.Fatal(err)
	}
	found, err = r.check("clerk", "FEC-1")
	evidence = found.GetResolution().GetEvidence()
	if err != nil || evidence.GetDoubt() != looppb.ImportDoubt_IMPORT_DOUBT_NOT_UNIQUE || evidence.GetReferences()[0].GetOtherImports() != 1 {
		t.Errorf("beside a link: %v, %v", evidence, err)
	}
	if settled, err := r.confirm("clerk", "FEC-1", booked); err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
		t.Errorf("%v, %v", settled, err)
	}
	if n := r.Simulator.Count("/importFEC"); n != 2 { // the link's too
		t.Errorf("Loop was called %d times", n)
	}
}

// TestWhatNobodyHasReadIsForAPersonToFind: a link, and a custom file.
func TestWhatNobodyHasReadIsForAPersonToFind(t *testing.T) {
	r := newResolver(t)
	custom := importOfDeposit("CUSTOM", r.clerksDeposit(fileOf(looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, "mars.csv", []byte("a;b\n1;2\n"))))
	custom.Model = loopsim.DemoModel
	link := importOfLink("LINK", "https://files.example.test/fec.txt?sig=CANARY")
	for request, file := range map[*looppb.ImportFileRequest]*looppb.ResubmittedFile{
		custom: {Source: &looppb.ResubmittedFile_DepositId{DepositId: custom.GetDepositId()}, Model: loopsim.DemoModel},
		link:   {Source: &looppb.ResubmittedFile_Url{Url: link.GetUrl() + "2"}, Format: link.GetFormat()},
	} {
		id := request.GetRequestId()
		r.loseFile(loopsim.FaultCutBefore, request)
		r.Simulator.ResetCounters()
		found, err := r.check("clerk", id)
		evidence := found.GetResolution().GetEvidence()
		if err != nil || evidence.GetDoubt() != looppb.ImportDoubt_IMPORT_DOUBT_REFERENCE_ABSENT || !strings.Contains(evidence.GetMessage(), "this service has not read its file") {
			t.Errorf("%s: %v, %v", id, found, err)
		}
		if _, err := r.resolve("everything", againFile(id, file)); reasonOf(err) != "MAY_BE_BOOKED" || !strings.Contains(err.Error(), "this service has not read its file") {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := r.confirm("everything", id, notBooked); reasonOf(err) != "MAY_BE_BOOKED" {
			t.Errorf("%s: %v", id, err)
		}
		if n := r.Simulator.Count("/importFEC") + r.Simulator.Count("/importPerso") + r.Simulator.Count("/EcritureComptable"); n != 0 {
			t.Errorf("%s: Loop was called %d times", id, n)
		}
		if settled, err := r.confirm("clerk", id, booked); err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
			t.Errorf("%s: %v, %v", id, settled, err)
		}
	}
	if strings.Contains(r.log.String(), "CANARY") {
		t.Error("the log holds a signature")
	}
}

// TestAFileIsSentAgainFromAFreshDeposit: the first has expired, as it has after a day.
func TestAFileIsSentAgainFromAFreshDeposit(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) {
		cfg.ResubmitAfter, cfg.Files = time.Millisecond, config.Default().Files
		cfg.Files.DepositLifetime = time.Second
	})
	r := &resolver{h, looppb.NewImportServiceClient(h.conn)}
	r.bookControl()
	u := fecOf(3000, 1)
	mine := r.clerksDeposit(u)
	r.loseFile(loopsim.FaultCutBefore, importOfDeposit("FEC-1", mine))
	waitFor(t, func() bool {
		_, err := r.client.GetDeposit(as(t.Context(), "clerk"), &looppb.GetDepositRequest{Practice: "partner", Dossier: "DOSSIER_TEST", DepositId: mine})
		return reasonOf(err) == "DEPOSIT_UNKNOWN"
	})
	if _, err := r.resolve("everything", againDeposit("FEC-1", mine)); reasonOf(err) != "DEPOSIT_UNKNOWN" || r.Simulator.Count("/importFEC") != 1 {
		t.Errorf("from the old one: %v", err)
	}
	if renewed := r.clerksDeposit(u); renewed != mine {
		t.Error("the same file has another deposit")
	}
	if sent, err := r.resolve("everything", againDeposit("FEC-1", mine)); err != nil || sent.GetAttempt() != 2 {
		t.Errorf("from the new one: %v, %v", sent, err)
	}
}
