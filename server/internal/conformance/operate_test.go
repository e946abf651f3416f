package conformance

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestWhoOperatesSeesHowImportsStandAndNotTheBooks: an operator lists the imports of all practices, looks for one that is
// UNCERTAIN and confirms that it is booked; of what was written it is shown nothing, and the rest takes other rights.
func TestWhoOperatesSeesHowImportsStandAndNotTheBooks(t *testing.T) {
	r := newResolver(t)
	r.lose(importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120")))
	r.lose(importOf("FA-2", invoice("SIM-LOST-ANSWER-1", "121")))

	list := func(request *looppb.ListImportsRequest) (all []*looppb.Import) {
		t.Helper()
		request.States = []looppb.ImportState{looppb.ImportState_IMPORT_STATE_UNCERTAIN}
		got, err := r.client.ListImports(as(t.Context(), "operator"), request)
		if err != nil {
			t.Fatal(err)
		}
		return got.GetImports()
	}
	everywhere := list(&looppb.ListImportsRequest{Practice: "-", Dossier: "-"})
	if len(everywhere) != 2 || everywhere[0].GetRequestId() == "" || everywhere[0].GetCreateTime() == nil || everywhere[0].GetError().GetReason() != "OUTCOME_UNKNOWN" {
		t.Errorf("%v", everywhere)
	}
	if found := list(&looppb.ListImportsRequest{Practice: "-", Dossier: "-", DocumentReference: "SIM-CUT-ONCE-1"}); len(found) > 0 {
		t.Errorf("a reference is found: %v", found)
	}

	seen := map[string]*looppb.Import{}
	for id, want := range map[string]looppb.ImportVerdict{"FA-1": looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND, "FA-2": looppb.ImportVerdict_IMPORT_VERDICT_FOUND} {
		checked, err := r.check("operator", id)
		if err != nil || checked.GetResolution().GetEvidence().GetVerdict() != want {
			t.Errorf("%s: %v, %v", id, checked, err)
		}
		seen[id+" checked"] = checked
	}
	for id, stated := range map[string]looppb.StatedOutcome{"FA-1": notBooked, "FA-2": booked} {
		_, err := r.confirm("operator", id, stated)
		if stated == booked && err != nil || stated == notBooked && reasonOf(err) != "CALLER_NOT_ALLOWED" {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, caller := range []string{"operator", "overseer"} {
		if _, err := r.resubmit(caller, importOf("FA-1", invoice("SIM-CUT-ONCE-1", "120"))); reasonOf(err) != "CALLER_NOT_ALLOWED" {
			t.Errorf("%s sends it again: %v", caller, err)
		}
		if _, err := r.client.ImportEntries(as(t.Context(), caller), importOf("FA-3", invoice("FA-3", "1"))); reasonOf(err) != "CALLER_NOT_ALLOWED" {
			t.Errorf("%s writes: %v", caller, err)
		}
		if _, err := looppb.NewReferenceDataServiceClient(r.conn).ListAccounts(as(t.Context(), caller), &looppb.ListAccountsRequest{Practice: "partner", Dossier: "DOSSIER_TEST"}); reasonOf(err) != "CALLER_NOT_ALLOWED" {
			t.Errorf("%s reads: %v", caller, err)
		}
	}
	if _, err := r.confirm("overseer", "FA-1", notBooked); err != nil {
		t.Errorf("with the right to administer beside it: %v", err)
	}

	got, err := r.client.GetImport(as(t.Context(), "operator"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-2"})
	if err != nil || got.GetImportRecord().GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
		t.Errorf("%v, %v", got, err)
	}
	seen["FA-2"], seen["listed"] = got.GetImportRecord(), everywhere[0]
	for name, each := range seen {
		text := protojson.Format(each)
		for _, part := range []string{"SIM-", "totals", `"120.`, `"121.`, "documentReference", "findings", "loopMessage"} {
			if strings.Contains(text, part) {
				t.Errorf("%s shows %q: %s", name, part, text)
			}
		}
	}
	if own, err := r.client.GetImport(as(t.Context(), "clerk"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-2"}); err != nil ||
		own.GetImportRecord().GetTotals().GetDebit() != "121.00" || len(own.GetImportRecord().GetDocumentReferences()) != 1 {
		t.Errorf("its caller is shown %v, %v", own, err)
	}
}
