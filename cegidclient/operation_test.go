package cegidclient

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestTheInventoryIsWhole(t *testing.T) {
	ops := Operations()
	ids, rows, last := map[string]bool{}, map[int]int{}, lastRow()
	for _, op := range ops {
		if ids[op.ID] || op.ID == "" || strings.ToLower(op.ID) != op.ID || op.Title == "" || op.Reference == "" {
			t.Errorf("%+v", op)
		}
		ids[op.ID] = true
		rows[op.Row]++
		if (op.Method == "") != (op.Path == "") {
			t.Errorf("%s: method without route", op.ID)
		}
		if op.Declined && (op.Wrapped || op.Note == "") {
			t.Errorf("%s: declined without a reason, or wrapped all the same", op.ID)
		}
		if op.Confidence == Inferred && !op.Unverified || op.Path == "" && !op.Unverified {
			t.Errorf("%s: called without anybody having seen it", op.ID)
		}
		if (op.Key == KeyUnspecified) != (op.KeyBasis == KeyNotStated) {
			t.Errorf("%s: key %v %s", op.ID, op.Key, op.KeyBasis)
		}
		if !slices.Contains([]Resend{ResendAlways, ResendNever, ResendReadBack}, op.Resend) {
			t.Errorf("%s: resend %q", op.ID, op.Resend)
		}
	}
	for row := 1; row <= last; row++ {
		if rows[row] == 0 {
			t.Errorf("row %d is missing", row)
		}
	}
	for row, n := range map[int]int{14: 2, 16: 2, 39: 2, 42: 2} {
		if rows[row] != n {
			t.Errorf("row %d has %d entries", row, rows[row])
		}
	}
	ops[0].ID = "changed"
	if _, ok := OperationByID("list_accounts"); !ok {
		t.Error("the inventory is not a copy")
	}
}

func TestWhateverBooksOrStoresIsNeverSentAgain(t *testing.T) {
	readBack := []string{"update_dossier_identity", "create_account", "create_journal"}
	questions := []string{"check_staff_access"} // a POST that asks
	for _, op := range Operations() {
		want := ResendNever
		switch {
		case slices.Contains(readBack, op.ID):
			want = ResendReadBack
		case op.Method == "GET", slices.Contains(questions, op.ID), op.Method == "" && (strings.HasPrefix(op.ID, "list_") || strings.HasPrefix(op.ID, "get_")):
			want = ResendAlways
		}
		if op.Resend != want {
			t.Errorf("%s is sent again: %s, want %s", op.ID, op.Resend, want)
		}
	}
	for _, id := range []string{"import_entries", "import_json_analytics", "import_fec", "import_tra", "import_custom", "store_document", "replay_sink", "provision_dossier"} {
		if op, ok := OperationByID(id); !ok || op.Resend != ResendNever {
			t.Errorf("%s: %v", id, op.Resend)
		}
	}
}

func lastRow() (last int) {
	for _, op := range Operations() {
		last = max(last, op.Row)
	}
	return last
}

// TestTheNotesAndTheInventorySayTheSame of each operation: its route, the kind of its key, its confidence and its section.
func TestTheNotesAndTheInventorySayTheSame(t *testing.T) {
	text, err := os.ReadFile("../docs/loop-api/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if cells := strings.Split(line, " | "); len(cells) == 7 && strings.Trim(cells[0], "| 0123456789") == "" {
			rows[strings.TrimPrefix(cells[0], "| ")] = cells
		}
	}
	if len(rows) != lastRow() {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, op := range Operations() {
		row := rows[strconv.Itoa(op.Row)]
		route, key := "–", "–"
		if op.Path != "" {
			route = op.Method + " `" + op.Path + "`"
		}
		switch op.Key {
		case KeyStandard:
			key = "Standard"
		case KeyAdvanced:
			key = "Advanced"
		}
		if row[2] != route || !strings.HasPrefix(row[3], key) || strings.Contains(row[3], "stated") != (op.KeyBasis == KeyStated) ||
			row[4] != string(op.Confidence) || !slices.Contains(strings.Split(row[5], ", "), op.Reference) {
			t.Errorf("%s: the notes say %q, and the inventory %s, key %s (%s), %s, %s", op.ID, row[2:6], route, key, op.KeyBasis, op.Confidence, op.Reference)
		}
	}
}
