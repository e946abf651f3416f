package ledger

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

func TestWhatPeopleLookAt(t *testing.T) { onEach(t, whatPeopleLookAt) }

func whatPeopleLookAt(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	for i, state := range States() {
		reach(t, l, submission(fmt.Sprint("id-", i), fmt.Sprint(i)), state)
	}
	c.pass(Lease)
	if _, err := l.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	decided := submission("decided", "decided")
	reach(t, l, decided, Uncertain)
	checked(t, l, decided.Key, Search{Attempt: 1, Caller: "anna", Took: time.Second, Sightings: []Sighting{{Reference: "FA-decided"}}})
	if _, _, err := l.Confirm(t.Context(), decided.Key, 1, Statement{Booked: true, Caller: "anna", Note: "seen"}); err != nil {
		t.Fatal(err)
	}
	one := func(query string) string {
		t.Helper()
		return strings.TrimSpace(lines(t, l, query))
	}
	// The same names, in the same order, on each database.
	for view, columns := range map[string]string{
		"ledger": "practice dossier collection request_id state caller rpc format attempt document_references metadata entries lines debit credit first_date last_date " +
			"loop_request_id loop_ids error_reason error_message loop_message follow_error poll_count created received submitted updated finished next_poll " +
			"lease_until owner abandoned verdict doubt checked stated stated_by stated_at note resubmissions late_answers",
		"ledger_uncertain": "practice dossier collection request_id caller document_references entries lines debit first_date last_date loop_request_id submitted " +
			"uncertain_since error_message follow_error verdict doubt checked",
		"ledger_under_way": "practice dossier collection request_id state caller loop_request_id received submitted next_poll poll_count follow_error lease_until owner",
		"ledger_states":    "practice collection state submissions oldest newest",
		"ledger_deposits": "deposit_id practice dossier caller format file_name sha256 size uri entries lines debit credit first_date last_date " +
			"created expires",
	} {
		rows, err := l.db.QueryContext(t.Context(), "SELECT * FROM "+view)
		testkit.OK(t, err)
		got, err := rows.Columns()
		if err != nil || strings.Join(got, " ") != columns {
			t.Errorf("%s: %v, %v", view, got, err)
		}
		testkit.OK(t, rows.Close())
	}
	// What the handbook tells people to ask.
	handbook, err := os.ReadFile("../../../docs/ledger.md")
	testkit.OK(t, err)
	_, block, _ := strings.Cut(string(handbook), "```sql\n")
	block, _, _ = strings.Cut(block, "```")
	queries := strings.Split(strings.TrimSpace(block), ";\n")
	if len(queries) != 5 {
		t.Errorf("the handbook has %d queries", len(queries))
	}
	for _, query := range queries {
		lines(t, l, query)
	}
	for query, want := range map[string]string{
		`SELECT state, document_references, error_reason, submitted FROM ledger WHERE request_id = 'id-0'`:  `state=NOT_SENT document_references=\["FA-0"\] error_reason=orphaned_unsent submitted=<nil>`,
		`SELECT abandoned FROM ledger WHERE request_id = 'id-1'`:                                            `abandoned=(true|1)`,
		`SELECT loop_request_id, error_reason, created FROM ledger WHERE request_id = 'id-4'`:               `loop_request_id=loop-id-4 error_reason=<nil> created=2026-03-01 \d\d:00:00.*`,
		`SELECT request_id, uncertain_since IS NOT NULL AS since FROM ledger_uncertain ORDER BY request_id`: `request_id=id-1 since=(true|1) \nrequest_id=id-8 since=(true|1)`,
		`SELECT state, verdict, doubt, checked, stated, stated_by, note, resubmissions, late_answers FROM ledger WHERE request_id = 'decided'`: `state=SUCCEEDED ` +
			`verdict=INCONCLUSIVE doubt=TOO_EARLY checked=2026-03-01 \d\d:04:59.* stated=BOOKED stated_by=anna note=seen resubmissions=0 late_answers=<nil>`,
		`SELECT verdict, stated, stated_at IS NULL AS never, resubmissions FROM ledger WHERE request_id = 'id-1'`: `verdict=<nil> stated=<nil> never=(true|1) resubmissions=0`,
		`SELECT request_id FROM ledger_under_way ORDER BY request_id`:                                             "request_id=id-2 \nrequest_id=id-3",
		`SELECT state, submissions FROM ledger_states WHERE state = 'UNCERTAIN'`:                                  `state=UNCERTAIN submissions=2`,
	} {
		if got := one(query); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%s\n%s", query, got)
		}
	}
}
