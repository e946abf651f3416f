package tra

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite the reports in testdata")

// TestReportsAreAsRecorded reads files as they are met in practice; their reports are recorded beside them, to be read.
// example.tra is that of the notes on the format (loop-api: A 9.8).
func TestReportsAreAsRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.tra")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		testkit.OK(t, err)
		r := validate(string(data))
		sane(t, r)
		golden := strings.TrimSuffix(file, ".tra") + ".report"
		if *update {
			testkit.OK(t, os.WriteFile(golden, []byte(report(r)), 0o644))
		}
		want, err := os.ReadFile(golden)
		testkit.OK(t, err)
		if got := report(r); got != string(want) {
			t.Errorf("%s differs; see what changed with `go test ./cegidclient/tra -update` and git diff\n%s", golden, got)
		}
	}
}

// report writes a report to be read.
func report(r Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s version %s of %s by %s: %d movements, %d lines, %d entries from %s to %s, debit %v, credit %v, %s; foreign %d, partial %t, errors %t\n",
		r.Header.Content, r.Header.Format, r.Header.Version, r.Header.Company, r.Header.User,
		r.Movements, r.Lines, r.Entries, r.FirstDate, r.LastDate, r.Debit, r.Credit, r.Encoding, r.Foreign, r.Partial, r.HasErrors())
	fmt.Fprintf(&b, "kinds %v, parameters %v\n", r.Kinds, r.Parameters)
	for i, totals := range [...][]Total{r.Journals, r.Accounts, r.Axes} {
		b.WriteString([...]string{"\njournals\n", "\naccounts\n", "\naxes\n"}[i])
		for _, t := range totals {
			fmt.Fprintf(&b, "  %s %s: %d lines, debit %v, credit %v\n", t.Code, t.Label, t.Lines, t.Debit, t.Credit)
		}
	}
	for _, e := range r.Unbalanced {
		fmt.Fprintf(&b, "\nunbalanced: %s %s %s%s at line %d, debit %v, credit %v %s\n", e.Journal, e.Date, e.Number, e.Reference, e.Line, e.Debit, e.Credit, e.Currency)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s %s (%s) at %v, column %d, %s, %d times\n  %s\n  %s\n", f.Severity, f.Code, f.Grounds, f.Lines, f.Column, f.Field, f.Count, f.Message, f.French)
	}
	return b.String()
}
