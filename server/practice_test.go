package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAPracticeThatGoesLeavesIdsAndNoNames: the plan changes nothing, what is not final is in its way, and what is done can be
// read in the export and the audit alone. The ids keep their meaning when it comes back.
func TestAPracticeThatGoesLeavesIdsAndNoNames(t *testing.T) {
	t.Parallel()
	w := audited(t)
	w.SetImportDelays(time.Hour, 0)
	practices := w.settings["practices"]
	both := strings.TrimSuffix(practices, "]") + `, {name: other, keys: {advanced: "${file:secrets/demo}"}}]`
	w.settings["practices"] = both
	p := w.serve(t, "")
	r := w.rest(t, p)
	document := strings.Replace(purchase, "{", `{"metadata": {"writer": "Marianne"},`, 1)
	for _, id := range []string{"Dupont-1", "Dupont-2"} {
		if code, text := ask(t, &r.web, "POST", r.at+importsOfDossier, w.token, strings.ReplaceAll(document, "FA-1", id), "Idempotency-Key", strings.Replace(id, "Dupont", "ID", 1)); code != http.StatusOK {
			t.Fatal(code, text)
		}
	}
	p.stop(t)
	arguments := []string{"practice", "remove", "--config", w.path("gateway.yaml"), "--practice", "demo"}
	do := append(arguments, "--do", "--export", w.path("export.ndjson"), "--by", "the-controller")
	refused := func(want string, arguments []string) {
		t.Helper()
		w.config(t)
		if out, said, code := run(t, arguments...); code != 1 || !strings.Contains(said, want) {
			t.Errorf("it ends with %d %s %s; want %s", code, out, said, want)
		}
	}
	refused("the configuration has this practice", do)
	w.settings["practices"] = strings.ReplaceAll(practices, "name: demo", "name: other")
	refused("2 writes are not final", do)

	w.settings["practices"] = both
	w.SetImportDelays(0, 0)
	p = w.serve(t, "")
	r = w.rest(t, p)
	w.FinishImports()
	eventually(t, "final", func() bool {
		_, text := ask(t, &r.web, "GET", r.at+importsOfDossier, w.token, "")
		return strings.Count(text, "IMPORT_STATE_SUCCEEDED") == 2
	})
	p.stop(t)

	w.settings["practices"] = strings.ReplaceAll(practices, "name: demo", "name: other")
	w.config(t)
	out, said, code := run(t, arguments...)
	if code != 0 || !strings.Contains(out, "2 are SUCCEEDED") || !strings.Contains(out, "to be done with --do") {
		t.Fatalf("the plan: %d %s %s", code, out, said)
	}
	if _, err := os.Stat(w.path("export.ndjson")); err == nil || !w.holds(t, "ledger.db", "Dupont-1") || !w.holds(t, "ledger.db", "Marianne") {
		t.Error("the plan does something")
	}
	refused("--do needs --export", append(arguments, "--do"))
	refused("nothing of a practice of this name", []string{"practice", "remove", "--config", w.path("gateway.yaml"), "--practice", "Demo"})
	out, said, code = run(t, do...)
	if code != 0 || !strings.Contains(out, "exported 2 writes") {
		t.Fatalf("%d %s %s", code, out, said)
	}
	for _, name := range []string{"Dupont-1", "Dupont-2", "Marianne"} {
		if !w.holds(t, "export.ndjson", name) {
			t.Errorf("the export lacks %s", name)
		}
		if w.holds(t, "ledger.db", name) {
			t.Errorf("the ledger still holds %s", name)
		}
	}
	if left, err := os.Stat(w.path("ledger.db-wal")); err == nil && left.Size() > 0 {
		t.Error("it leaves a journal of what it erased")
	}
	summary := w.records(t, "practice_removed")
	if len(summary) != 1 || summary[0]["signed_off_by"] != "the-controller" || fmt.Sprint(summary[0]["SUCCEEDED"]) != "2" || !strings.Contains(out, fmt.Sprint(summary[0]["export_sha256"])) {
		t.Errorf("the audit has %v", summary)
	}
	if _, said, code := run(t, "audit", "verify", w.path("audit.log")); code != 0 {
		t.Error(said)
	}

	w.settings["practices"] = both
	p = w.serve(t, "")
	r = w.rest(t, p)
	if code, text := ask(t, &r.web, "POST", r.at+importsOfDossier, w.token, strings.ReplaceAll(document, "FA-1", "Dupont-1"), "Idempotency-Key", "ID-1"); code != http.StatusOK || !strings.Contains(text, "SUCCEEDED") {
		t.Errorf("a repeat after it came back is answered %d %s", code, text)
	}
	p.stop(t)
	if n := w.sent("Dupont-1"); n != 1 {
		t.Errorf("Loop was sent it %d times", n)
	}
}

func (w *world) holds(t *testing.T, name, text string) bool {
	t.Helper()
	content, err := os.ReadFile(w.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(content), text)
}
