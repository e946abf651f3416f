package conformance

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/server/internal/app"
)

// clientMethods are the methods of cegidclient.Client's services behind each wrapped operation.
var clientMethods = map[string]string{
	"list_accounts": "Accounts.List", "list_journals": "Journals.List", "list_analytic_sections": "Sections.List",
	"list_customers": "Customers.List", "list_suppliers": "Suppliers.List", "list_employees": "Employees.List",
	"list_other_third_parties": "OtherThirdParties.List",
	"create_account":           "Accounts.Create", "create_journal": "Journals.Create",
	"list_vat_codes": "VATCodes.List", "list_establishments": "Establishments.List",
	"get_dossier_identity": "LegalIdentity.Get", "update_dossier_identity": "LegalIdentity.Update",
	"list_entry_lines": "Entries.List",
	"replay_sink":      "Changes.Replay",
	"list_offices":     "Offices.List", "list_work_groups": "WorkGroups.List", "list_staff": "Staff.List",
	"list_engagements": "Engagements.List", "list_engagement_activities": "Activities.List", "check_staff_access": "Staff.CheckAccess",
	"import_entries": "Imports.Submit", "import_json_analytics": "Imports.Submit", "get_import_status": "Imports.Status",
	"store_document":   "Documents.Store",
	"get_file_deposit": "Files.Deposit", "import_fec": "Files.ImportFEC", "import_custom": "Files.ImportCustom", "import_tra": "Files.ImportTRA",
}

// TestWrappedOperationsAreWhole: an operation that the inventory calls wrapped has its RPCs, a method of the client, a
// route in the simulator, and cases in the corpus; and no RPC is without one, but for those that call no operation of
// their own.
func TestWrappedOperationsAreWhole(t *testing.T) {
	rpcs := map[string]bool{}
	for _, service := range app.Services() {
		for i := range service.Methods().Len() {
			rpcs[string(service.Name())+"."+string(service.Methods().Get(i).Name())] = false
		}
	}
	cases := map[string]int{}
	for _, file := range corpus(t) {
		for _, c := range file {
			cases[c.Call]++
		}
	}
	client := reflect.TypeFor[cegidclient.Client]()
	for _, operation := range cegidclient.Operations() {
		if !operation.Wrapped {
			continue
		}
		if len(operation.RPCs) == 0 {
			t.Errorf("%s is wrapped by no RPC", operation.ID)
		}
		for _, rpc := range operation.RPCs {
			if _, known := rpcs[rpc]; !known {
				t.Errorf("%s names %s, which the contract has not", operation.ID, rpc)
			}
			rpcs[rpc] = true
			if cases[rpc] < 2 {
				t.Errorf("%s has %d cases in the corpus; want an answer and a refusal at least", rpc, cases[rpc])
			}
		}
		if !slices.Contains(loopsim.Routes(), loopsim.Route{Method: operation.Method, Path: operation.Path}) {
			t.Errorf("the simulator has no %s %s", operation.Method, operation.Path)
		}
		service, name, _ := strings.Cut(clientMethods[operation.ID], ".")
		field, found := client.FieldByName(service)
		if !found {
			t.Errorf("cegidclient.Client has no service for %s", operation.ID)
			continue
		}
		if _, has := field.Type.MethodByName(name); !has {
			t.Errorf("cegidclient's %s has no %s", service, name)
		}
	}
	withoutOperation := []string{
		"DiagnosticsService.ListOperations", "DiagnosticsService.ListDossiers", "DiagnosticsService.CheckConnection",
		"ImportService.ValidateEntries", "ImportService.GetImport", "ImportService.ListImports", "ImportService.ValidateFile", "ImportService.StreamFileReport", "ImportService.GetDeposit",
		"DocumentService.GetDocument", "EventService.ListEvents", "EventService.StreamEvents", "RawService.Call",
	}
	for rpc, wraps := range rpcs {
		if !wraps && !slices.Contains(withoutOperation, rpc) {
			t.Errorf("%s wraps no operation of the inventory", rpc)
		}
		if cases[rpc] == 0 {
			t.Errorf("%s has no case in the corpus", rpc)
		}
	}
}

// TestTheInventoryShowsEveryRow: all 42 rows of docs/loop-api/README.md, each with what a caller must know.
func TestTheInventoryShowsEveryRow(t *testing.T) {
	h := start(t, nil)
	m := method(t, "DiagnosticsService.ListOperations")
	request := newMessage(t, m.Input())
	request.ProtoReflect().Set(m.Input().Fields().ByName("practice"), protoString("partner"))
	got := h.overGRPC(t.Context(), m, "everything", request)
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	text, err := json.Marshal(got.Messages[0])
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Operations []struct{ ID, State, Confidence, Resend, Title, Path, HTTPMethod string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	rows := map[int]bool{}
	for _, operation := range cegidclient.Operations() {
		rows[operation.Row] = true
	}
	for row := 1; row <= 42; row++ {
		if !rows[row] {
			t.Errorf("row %d is missing", row)
		}
	}
	states := map[string]string{}
	for _, each := range answer.Operations {
		if each.ID == "" || each.State == "" || each.Confidence == "" || each.Resend == "" || each.Title == "" {
			t.Errorf("%+v leaves something open", each)
		}
		states[each.ID] = each.State
	}
	if len(answer.Operations) != len(cegidclient.Operations()) {
		t.Errorf("%d operations; want %d", len(answer.Operations), len(cegidclient.Operations()))
	}
	for id, want := range map[string]string{
		"list_accounts": "OPERATION_STATE_AVAILABLE", "import_entries": "OPERATION_STATE_AVAILABLE", "create_account": "OPERATION_STATE_AVAILABLE", "store_document": "OPERATION_STATE_AVAILABLE",
		"get_legal_establishment": "OPERATION_STATE_NOT_WRAPPED",
		"list_offices":            "OPERATION_STATE_ADVANCED_KEY_REQUIRED", "add_offer": "OPERATION_STATE_DECLINED", "add_collaborative_offer": "OPERATION_STATE_DECLINED",
	} {
		if states[id] != want {
			t.Errorf("%s is %s; want %s", id, states[id], want)
		}
	}
}
