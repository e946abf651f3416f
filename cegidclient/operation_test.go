package cegidclient

import (
	"os"
	"regexp"
	"slices"
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
		rows[op.row]++
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
		last = max(last, op.row)
	}
	return last
}

// TestTheNotesAndTheInventorySayTheSame of each operation: its route, the kind of its key and its confidence, in its section.
func TestTheNotesAndTheInventorySayTheSame(t *testing.T) {
	sections := notes(t)
	for _, op := range Operations() {
		section := sections[op.Reference]
		for _, says := range []struct {
			what string
			same bool
		}{
			{"the section is there", section != ""},
			{"route " + op.Path, strings.Contains(section, op.Path)},
			{"Advanced key", op.Key == KeyUnspecified || strings.Contains(section, "Advanced") == (op.Key == KeyAdvanced)},
			{"key stated", op.Key == KeyUnspecified || strings.Contains(section, "Advanced (stated") == (op.KeyBasis == KeyStated)},
			{string(op.Confidence), strings.Contains(confidences.Replace(strings.ToLower(section)), confidences.Replace(string(op.Confidence)))},
		} {
			if !says.same {
				t.Errorf("%s, %s: the notes and the inventory differ: %s", op.ID, op.Reference, says.what)
			}
		}
	}
}

// confidences tells what is documented from what is so in part only.
var confidences = strings.NewReplacer("partly documented", "partly")

var numbered = regexp.MustCompile(`^(## |### |- \*\*)([ARC] \d+(?:\.\d+)?)\b`)

// notes are the sections of the notes on Loop's API, by their numbers; some are a line.
func notes(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"accounting", "cabinet", "reference-data"} {
		text, err := os.ReadFile("../docs/loop-api/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		section := ""
		for line := range strings.Lines(string(text)) {
			found := numbered.FindStringSubmatch(line)
			switch {
			case found == nil && strings.HasPrefix(line, "#"):
				section = ""
			case found != nil && found[1] == "- **":
				out[found[2]] = line
				continue
			case found != nil:
				section = found[2]
			}
			if section != "" {
				out[section] += line
			}
		}
	}
	return out
}
