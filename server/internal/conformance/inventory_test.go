package conformance

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

// clientMethods are the methods of cegidclient.Client's services behind each operation that is no list.
var clientMethods = map[string]string{
	"create_account": "Accounts.Create", "create_journal": "Journals.Create",
	"get_dossier_identity": "LegalIdentity.Get", "update_dossier_identity": "LegalIdentity.Update",
	"list_entry_lines": "Entries.List", "replay_sink": "Changes.Replay", "check_staff_access": "Staff.CheckAccess",
	"import_entries": "Imports.Submit", "import_json_analytics": "Imports.Submit", "get_import_status": "Imports.Status",
	"store_document": "Documents.Store", "get_file_deposit": "Files.Deposit",
	"import_fec": "Files.ImportFEC", "import_custom": "Files.ImportCustom", "import_tra": "Files.ImportTRA",
}

// TestWrappedOperationsAreWhole: an operation that the inventory calls wrapped has a method of the client and a route in the simulator.
// Of its RPCs package contract holds that there are any, and the minimum their cases.
func TestWrappedOperationsAreWhole(t *testing.T) {
	client, err := cegidclient.New(cegidclient.Config{Credentials: cegidclient.StaticCredentials(cegidclient.Secret{}, cegidclient.Secret{})})
	testkit.OK(t, err)
	defer client.Close()
	listed := map[string]bool{}
	for _, list := range client.Lists() {
		listed[list.Operation().ID] = true
	}
	services := reflect.TypeFor[cegidclient.Client]()
	for _, operation := range cegidclient.Operations() {
		if !operation.Wrapped {
			continue
		}
		if !slices.Contains(loopsim.Routes(), loopsim.Route{Method: operation.Method, Path: operation.Path}) {
			t.Errorf("the simulator has no %s %s", operation.Method, operation.Path)
		}
		if listed[operation.ID] {
			continue
		}
		service, name, _ := strings.Cut(clientMethods[operation.ID], ".")
		field, found := services.FieldByName(service)
		if !found {
			t.Errorf("cegidclient.Client has no service for %s", operation.ID)
			continue
		}
		if _, has := field.Type.MethodByName(name); !has {
			t.Errorf("cegidclient's %s has no %s", service, name)
		}
	}
}

// TestTheInventoryShowsEveryOperation, each with what a caller must know.
func TestTheInventoryShowsEveryOperation(t *testing.T) {
	h := start(t, nil)
	m := method(t, "DiagnosticsService.ListOperations")
	request := newMessage(t, m.Input())
	request.ProtoReflect().Set(m.Input().Fields().ByName("practice"), protoString("partner"))
	got := h.overGRPC(t.Context(), m, "everything", request)
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	text, err := json.Marshal(got.Messages[0])
	testkit.OK(t, err)
	var answer struct {
		Operations []struct{ ID, State, Confidence, Resend, Title, Path, HTTPMethod string }
	}
	testkit.OK(t, json.Unmarshal(text, &answer))
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
