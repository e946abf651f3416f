package conformance

import (
	"testing"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestADocumentIsFoundOnBothSides: what was imported and what is booked of it, in one answer.
func TestADocumentIsFoundOnBothSides(t *testing.T) {
	h := start(t, nil)
	ctx := authorized(t.Context())
	request := &looppb.ImportEntriesRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "FA-9", Entries: []*looppb.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: "FA-9", DocumentReference: "FA-9", Lines: []*looppb.EntryLine{
			{Account: "60700000", Label: "A", Side: &looppb.EntryLine_Debit{Debit: "100.10"}}, {Account: "40100000", ThirdParty: "FEXEMPLE", Label: "B", Side: &looppb.EntryLine_Credit{Credit: "100.10"}},
		},
	}}}
	if _, err := looppb.NewImportServiceClient(h.conn).ImportEntries(ctx, request); err != nil {
		t.Fatal(err)
	}
	find := func() *looppb.FindEntriesByDocumentReferenceResponse {
		t.Helper()
		found, err := looppb.NewEntryServiceClient(h.conn).FindEntriesByDocumentReference(ctx, &looppb.FindEntriesByDocumentReferenceRequest{
			Practice: "demo", Dossier: "CEGID001", DocumentReference: "FA-9", IncludeUnmapped: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := find(); len(found.GetImports()) != 1 || found.GetImports()[0].GetRequestId() != "FA-9" {
		t.Errorf("before it is booked: %v", found)
	}
	h.Simulator.FinishImports()
	found := find()
	if len(found.GetEntries()) != 2 || found.GetTruncated() || len(found.GetImports()) != 1 {
		t.Fatalf("%v", found)
	}
	amounts := map[string]bool{}
	for _, entry := range found.GetEntries() {
		amounts[entry.GetUnmapped()["debit"]+" "+entry.GetUnmapped()["credit"]] = true
	}
	if !amounts["100.1 0"] || !amounts["0 100.1"] {
		t.Errorf("%v", amounts)
	}
	waitFor(t, func() bool { return find().GetImports()[0].GetState() == looppb.ImportState_IMPORT_STATE_SUCCEEDED })
}
