package loopsim

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A few columns of each kind that a filter meets.
func entryColumns() []column {
	return []column{{"objectId", kindText}, {"datePiece", kindDate}, {"codeLettrage", kindText}, {"type", kindEnum}}
}

func TestDatesAndNulls(t *testing.T) {
	rows := [][]cell{
		{text("a"), text("2026-03-01"), {null: true}, enum(1)},
		{text("b"), text("2026-03-15T00:00:00.000Z"), text("L1"), enum(1)},
		{text("c"), {null: true}, text("L2"), enum(2)},
	}
	for filter, want := range map[string]string{
		`datePiece >= "2026-03-01"`:                            "ab",
		`datePiece >= "2026-03-02"`:                            "b",
		`datePiece == "2026-03-15"`:                            "b",
		`datePiece != "2026-03-15"`:                            "ac",
		`datePiece == null`:                                    "c",
		`codeLettrage == null && datePiece >= "2026-01-01"`:    "a",
		`codeLettrage != null`:                                 "bc",
		`codeLettrage === null`:                                "a",
		`codeLettrage != "L1"`:                                 "ac",
		`codeLettrage == "L2" && datePiece == null`:            "c",
		`codeLettrage != null && datePiece >= "2026-03-15"`:    "b",
		`datePiece>="2026-03-01"&&datePiece>="2026-03-10"`:     "b",
		`objectId=="a"&&objectId=="b"`:                         "",
		`codeLettrage == null && codeLettrage != null`:         "",
		`datePiece == "2026-03-01" && codeLettrage === null  `: "a",
	} {
		conditions, err := parseFilter(filter, entryColumns())
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var got string
		for _, r := range rows {
			if matches(conditions, r) {
				got += r[0].text
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", filter, got, want)
		}
	}
	for _, filter := range []string{`datePiece >= "01/03/2026"`, `datePiece == "2026-02-30"`, `datePiece >= null`, `codeLettrage >= "2026-01-01"`} {
		if _, err := parseFilter(filter, entryColumns()); err == nil {
			t.Errorf("%s is accepted", filter)
		}
	}
	keys, err := parseSort("datePiece:desc", entryColumns())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b []cell) int { return compareRows(entryColumns(), keys, a, b) })
	if rows[0][0].text != "b" || rows[2][0].text != "c" {
		t.Errorf("sorted: %v", rows)
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		`codeLettrage == null && datePiece >= "2026-03-01"`, `objectId==="x"&&objectId!="y"`, `type==1`, `a||b`, `(`, `objectId=="`, "objectId==\"é\"", ``,
	} {
		f.Add(s)
	}
	cells := []cell{text("x"), text("2026-03-15T00:00:00.000Z"), {null: true}, enum(1)}
	f.Fuzz(func(t *testing.T, s string) {
		columns := entryColumns()
		conditions, err := parseFilter(s, columns)
		if err != nil {
			if conditions != nil || !strings.HasPrefix(err.Error(), "Filtre ") || !utf8.ValidString(err.Error()) {
				t.Errorf("%v with %v", conditions, err)
			}
			return
		}
		got := matches(conditions, cells)
		// What was understood, written again, means the same: nothing of the text was passed over.
		var again []string
		for _, c := range conditions {
			value := `"` + c.literal + `"`
			if c.null {
				value = "null"
			}
			again = append(again, columns[c.column].name+c.op+value)
		}
		text := strings.Join(again, "&&")
		if len(text) != len(strings.ReplaceAll(outsideQuotes(s), " ", ""))+len(insideQuotes(s)) {
			t.Errorf("%q was read as %q", s, text)
		}
		if more, err := parseFilter(text, columns); err != nil || !slices.Equal(conditions, more) || matches(more, cells) != got {
			t.Errorf("%q was read as %q, then %v", s, text, err)
		}
	})
}

func outsideQuotes(s string) string { return everyOther(s, 0) }
func insideQuotes(s string) string {
	return everyOther(s, 1) + strings.Repeat(`"`, strings.Count(s, `"`))
}

func everyOther(s string, from int) string {
	var b strings.Builder
	for i, part := range strings.Split(s, `"`) {
		if i%2 == from {
			b.WriteString(part)
		}
	}
	return b.String()
}

func FuzzSort(f *testing.F) {
	for _, s := range []string{"objectId", "objectId&&type:desc", "&&", "type:desc:desc", ":desc", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		keys, err := parseSort(s, entryColumns())
		if err == nil && len(keys) != strings.Count(s, "&&")+1 {
			t.Errorf("%q has %d keys", s, len(keys))
		}
	})
}

func TestCabinetRoutesNeedAnAdvancedKey(t *testing.T) {
	sim := NewSandbox()
	defer sim.Close()
	for _, tt := range []struct {
		key, dossier string
		status       int
		code         string
	}{
		{SandboxDemoAPIKey, "cabinet", http.StatusOK, "data"},
		{SandboxDemoAPIKey, "CEGID001", http.StatusBadRequest, codeDossierMissing},
		{SandboxDemoAPIKey, "", http.StatusBadRequest, codeDossierMissing},
		{SandboxPartnerAPIKey, "cabinet", http.StatusForbidden, codeAdvancedRequired},
	} {
		r := httptest.NewRequest(http.MethodGet, "/loop-api-publiques/groupe?codeDossier="+tt.dossier, nil)
		r.Header.Set("Ocp-Apim-Subscription-Key", SandboxSubscriptionPrimary)
		r.Header.Set("x-apikey", tt.key)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.code) {
			t.Errorf("%s on %q: %d %s", tt.key, tt.dossier, w.Code, w.Body)
		}
	}
}

func TestRoutesAreDeclaredOnce(t *testing.T) {
	seen := make(map[Route]bool)
	for _, r := range Routes() {
		if seen[r] || r.Method == "" || !strings.HasPrefix(r.Path, "/") {
			t.Errorf("%+v", r)
		}
		seen[r] = true
	}
	for _, want := range []Route{{"GET", "/compte"}, {"GET", "/journal"}, {"POST", "/importJson"}, {"GET", "/getImportStatus"}, {"GET", "/EcritureComptable"}} {
		if !seen[want] {
			t.Errorf("%v is missing", want)
		}
	}
	for _, res := range listResources() {
		if columnIndex(res.columns, "objectId") > 0 {
			t.Errorf("%s does not begin with its objectId", res.path)
		}
	}
}

func TestABodyThatIsTooLargeIsRefusedAndRecorded(t *testing.T) {
	sim := NewSandbox(func(c *config) { c.maxBody = 10 })
	defer sim.Close()
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/loop-api-publiques/compte", strings.NewReader("onze octets")))
	if w.Code != http.StatusRequestEntityTooLarge || sim.Requests()[0].Status != w.Code {
		t.Errorf("%d, recorded %+v", w.Code, sim.Requests())
	}
}
