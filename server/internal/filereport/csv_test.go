package filereport

import (
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
)

// TestNoCellIsAFormula: whatever a file has in a field, a spreadsheet computes nothing of it.
func TestNoCellIsAFormula(t *testing.T) {
	for _, text := range []string{"=A1", "+1", "-1", "@a", "\t=1", "\r=1"} {
		row := Row{Record: EntryRow}
		for _, cell := range []*string{&row.Journal, &row.Number, &row.Date, &row.Account, &row.Label, &row.Currency, &row.Message, &row.French} {
			*cell = text
		}
		var out strings.Builder
		if err := NewCSV(&out).Rows(row); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatal(rows, err)
		}
		for i, cell := range rows[1] {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%s is %q", rows[0][i], cell)
			}
		}
	}
	if n := reflect.TypeFor[Row]().NumField(); n != len(columns) {
		t.Errorf("a row has %d fields of %d columns: is each of the new ones safe?", n, len(columns))
	}
}
