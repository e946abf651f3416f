package chaos

import (
	"cmp"
	"context"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// doctored is a journal and books that fit together, to be spoilt.
type doctored struct {
	events []Event
	books  Books
	clock  time.Time
	calls  int
}

func newDoctored() *doctored {
	return &doctored{clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (d *doctored) add(e Event) {
	d.clock = d.clock.Add(time.Second)
	e.Seq, e.At = len(d.events)+1, d.clock
	d.events = append(d.events, e)
}

// told is a call and its answer.
func (d *doctored) told(id, method, expect string, answer Event) {
	d.calls++
	d.add(Event{Kind: Asked, ID: id, Call: d.calls, Method: method, Expect: expect})
	answer.Kind, answer.ID, answer.Call, answer.Method = Told, id, d.calls, method
	d.add(answer)
}

func (d *doctored) plan(id, story string) {
	d.add(Event{Kind: Planned, ID: id, Story: story, Amount: "120.00"})
}

// sent is a submission that Loop saw.
func (d *doctored) sent(id, outcome, fault string, status int) *BookImport {
	d.clock = d.clock.Add(time.Second)
	d.books.Imports = append(d.books.Imports, BookImport{
		Seq: uint64(len(d.books.Imports)) + 1, Time: d.clock, References: []string{id}, Outcome: outcome, Fault: fault, Status: status,
	})
	return &d.books.Imports[len(d.books.Imports)-1]
}

func (d *doctored) booked(id, amount string) {
	entry := BookEntry{ID: strconv.Itoa(len(d.books.Entries)), Reference: id, RefPiece: id}
	entry.Lines = append(entry.Lines, struct {
		Debit string `json:"debit"`
	}{amount})
	d.books.Entries = append(d.books.Entries, entry)
}

// planAndBook is a plain import that goes well.
func (d *doctored) planAndBook(id string) {
	d.plan(id, "plain")
	d.sent(id, "booked", "", 200)
	d.booked(id, "120.00")
}

func (d *doctored) over(id, state string) {
	verdict := ""
	if state == "UNCERTAIN" || state == "FAILED" {
		if verdict = "NOT_FOUND"; slices.ContainsFunc(d.books.Entries, func(e BookEntry) bool { return e.Reference == id }) {
			verdict = "FOUND"
		}
	}
	d.looked(id, state, verdict, "")
}

// looked is the end of an import, after a look into Loop if there is a verdict.
func (d *doctored) looked(id, state, verdict, doubt string) {
	d.add(Event{Kind: Listed, ID: id})
	if verdict != "" {
		d.told(id, "ResolveImport", "", Event{State: state, Verdict: verdict, Doubt: doubt})
	}
	d.told(id, "GetImport", "", Event{State: state, Verdict: verdict, Doubt: doubt, Last: true})
}

// struck is an import of unknown outcome, with the same document reference as others.
func (d *doctored) struck(id, document string, booked bool) {
	fault := "fault-" + id
	d.fault(fault, "cut-before", 0)
	d.add(Event{Kind: Planned, ID: id, Story: "plain", Amount: "120.00", Document: document})
	if booked {
		d.sent(id, "booked", fault, 0)
		d.booked(id, "120.00")
		d.books.Entries[len(d.books.Entries)-1].RefPiece = cmp.Or(document, id)
	} else {
		d.sent(id, "not-processed", fault, 0)
	}
	d.told(id, "ImportEntries", "", lost)
}

// good is one import that went well.
func (d *doctored) good(id string) {
	d.plan(id, "plain")
	d.sent(id, "booked", "", 200)
	d.told(id, "ImportEntries", "", Event{State: "WAITING"})
	d.booked(id, "120.00")
	d.told(id, "WatchImport", "", Event{State: "SUCCEEDED"})
	d.over(id, "SUCCEEDED")
}

func (d *doctored) fault(id, what string, status int) {
	d.add(Event{Kind: Struck, Fault: id, What: what, Status: status})
}

var (
	lost        = Event{State: "UNCERTAIN", Code: "UNKNOWN", Reason: "OUTCOME_UNKNOWN"}
	notSent     = Event{State: "NOT_SENT", Code: "UNAVAILABLE", Reason: "LOOP_UNAVAILABLE"}
	refused     = Event{State: "REFUSED", Code: "INVALID_ARGUMENT", Reason: "LOOP_REFUSED"}
	unreachable = Event{Code: "UNAVAILABLE"}
)

func TestTheCheckerIsContentWithWhatTheContractAllows(t *testing.T) {
	d := newDoctored()
	d.good("A")
	d.fault("fault-1", "cut-after", 0)
	d.fault("fault-2", "status 429", 429)
	d.fault("fault-3", "latency 40ms", 0)

	d.plan("B", "plain") // the answer is lost, and it is booked
	d.sent("B", "booked", "fault-1", 0)
	d.booked("B", "120.00")
	d.told("B", "ImportEntries", "", lost)
	d.over("B", "UNCERTAIN")

	d.plan("C", "plain") // turned away, then sent
	d.sent("C", "not-processed", "fault-2", 429)
	d.told("C", "ImportEntries", "", Event{State: "NOT_SENT", Code: "RESOURCE_EXHAUSTED", Reason: "LOOP_QUOTA"})
	d.sent("C", "booked", "fault-3", 200)
	d.booked("C", "120.00")
	d.told("C", "ImportEntries", "", Event{State: "RUNNING"})
	d.over("C", "SUCCEEDED")

	d.plan("D", "mended")
	d.sent("D", "refused", "", 200)
	d.told("D", "ImportEntries", "", refused)
	d.sent("D", "booked", "", 200)
	d.booked("D", "120.00")
	d.told("D", "ImportEntries", "REQUEST_ID_REUSED", Event{Code: "ALREADY_EXISTS", Reason: "REQUEST_ID_REUSED"})
	d.over("D", "SUCCEEDED")

	d.plan("E", "plain") // caught by a kill, on the way there and on the way back
	d.plan("F", "plain")
	d.calls++
	d.add(Event{Kind: Asked, ID: "E", Call: d.calls, Method: "ImportEntries"})
	d.sent("F", "booked", "", 200)
	d.booked("F", "120.00")
	d.add(Event{Kind: Killed, UnderWay: 1})
	d.add(Event{Kind: Told, ID: "E", Call: d.calls, Method: "ImportEntries", Code: "UNAVAILABLE"})
	d.over("E", "UNCERTAIN")
	d.over("F", "UNCERTAIN")

	d.plan("G", StoryTwin)
	d.told("G", "ImportEntries", "ENTRY_ALREADY_IMPORTED", unreachable)
	d.told("G", "ImportEntries", "ENTRY_ALREADY_IMPORTED", Event{Code: "ALREADY_EXISTS", Reason: "ENTRY_ALREADY_IMPORTED"})
	d.told("G", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true})

	d.plan("H", StoryFails)
	d.sent("H", "failed", "", 200)
	d.told("H", "ImportEntries", "", Event{State: "WAITING"})
	d.over("H", "FAILED")

	d.struck("I", "", false) // looked for too early
	d.looked("I", "UNCERTAIN", "INCONCLUSIVE", "TOO_EARLY")
	d.struck("J", "SHARED", true)
	d.looked("J", "UNCERTAIN", "INCONCLUSIVE", "NOT_UNIQUE")
	d.struck("K", "SHARED", false)
	d.looked("K", "UNCERTAIN", "INCONCLUSIVE", "NOT_UNIQUE")
	d.add(Event{Kind: Typed, Document: "L", References: []string{"by hand"}})
	d.booked("by hand", "99.00")
	d.struck("L", "", false)
	d.looked("L", "UNCERTAIN", "INCONCLUSIVE", "DIFFERENT")

	report := Judge(d.events, d.books)
	if len(report.Complaints) > 0 {
		t.Errorf("complaints: %+v", report.Complaints)
	}
	for _, each := range []struct {
		what      string
		got, want int
	}{
		{"imports", report.Imports, 11},
		{"booked", report.Booked, 6},
		{"uncertain", report.Uncertain, 7},
		{"by a fault", report.ByFault, 5},
		{"found", report.Found, 2},
		{"not found", report.NotFound, 2},
		{"inconclusive", report.Inconclusive, 4},
		{"not unique", report.Doubts["NOT_UNIQUE"], 2},
		{"by a kill", report.ByKill, 2},
		{"never seen", report.Unseen, 1},
		{"answered", report.Answered, 1},
		{"guards", report.Guards, 2},
		{"kills", report.KillsAtWork, 1},
		{"open faults", report.OpenFaults, 5},
	} {
		if each.got != each.want {
			t.Errorf("%s: %d, not %d", each.what, each.got, each.want)
		}
	}
	var table strings.Builder
	if err := report.Write(&table, "all is well"); err != nil || !strings.Contains(table.String(), "booked twice") {
		t.Errorf("%v, table:\n%s", err, table.String())
	}
}

func TestTheCheckerComplainsOfEachPromiseThatIsNotKept(t *testing.T) {
	for _, test := range []struct {
		name, rule string
		spoil      func(*doctored)
	}{
		{"a double booking", RuleBookedTwice, func(d *doctored) { d.booked("A", "120.00") }},
		{"a double booking under two ids", RuleBookedTwice, func(d *doctored) {
			d.add(Event{Kind: Planned, ID: "X", Story: "plain", Amount: "120.00", Document: "A"})
			d.sent("X", "booked", "", 200)
			d.booked("X", "120.00")
			d.books.Entries[len(d.books.Entries)-1].RefPiece = "A"
			d.over("X", "SUCCEEDED")
		}},
		{"a false success", RuleFalseSuccess, func(d *doctored) { d.books.Entries = nil }},
		{"a success told in between and never booked", RuleFalseSuccess, func(d *doctored) {
			d.plan("X", StoryFails)
			d.sent("X", "failed", "", 200)
			d.told("X", "GetImport", "", Event{State: "SUCCEEDED"})
			d.over("X", "FAILED")
		}},
		{"a booked NOT_SENT in the end", RuleFalseDenial, func(d *doctored) {
			d.planAndBook("X")
			d.over("X", "NOT_SENT")
		}},
		{"a booked REFUSED in the end", RuleFalseDenial, func(d *doctored) {
			d.planAndBook("X")
			d.over("X", "REFUSED")
		}},
		{"told NOT_SENT in between, while it was being booked", RuleFalseDenial, func(d *doctored) {
			d.planAndBook("X")
			d.told("X", "ImportEntries", "", notSent)
			d.over("X", "SUCCEEDED")
		}},
		{"left NOT_SENT", RuleLeftNotSent, func(d *doctored) {
			d.plan("X", "plain")
			d.told("X", "ImportEntries", "", notSent)
			d.over("X", "NOT_SENT")
		}},
		{"uncertain for nothing", RuleUnexplained, func(d *doctored) {
			d.planAndBook("X")
			d.told("X", "ImportEntries", "", lost)
			d.over("X", "UNCERTAIN")
		}},
		{"uncertain after a delay that hurts nobody", RuleUnexplained, func(d *doctored) {
			d.fault("fault-1", "latency 40ms", 0)
			d.plan("X", "plain")
			d.sent("X", "booked", "fault-1", 200)
			d.booked("X", "120.00")
			d.over("X", "UNCERTAIN")
		}},
		{"uncertain although it was turned away unread", RuleUnexplained, func(d *doctored) {
			d.fault("fault-1", "status 429", 429)
			d.plan("X", "plain")
			d.sent("X", "not-processed", "fault-1", 429)
			d.over("X", "UNCERTAIN")
		}},
		{"uncertain before the kill", RuleUnexplained, func(d *doctored) {
			d.plan("X", "plain")
			d.told("X", "ImportEntries", "", lost)
			d.add(Event{Kind: Killed})
			d.over("X", "UNCERTAIN")
		}},
		{"uncertain long before the kill", RuleUnexplained, func(d *doctored) {
			d.planAndBook("X")
			d.clock = d.clock.Add(time.Hour)
			d.add(Event{Kind: Killed})
			d.over("X", "UNCERTAIN")
		}},
		{"more uncertain than causes", RuleTooUncertain, func(d *doctored) {
			d.planAndBook("X")
			d.over("X", "UNCERTAIN")
		}},
		{"sent again after a lost answer", RuleSentAgain, func(d *doctored) {
			d.fault("fault-1", "cut-before", 0)
			d.plan("X", "plain")
			d.sent("X", "not-processed", "fault-1", 0)
			d.sent("X", "booked", "", 200)
			d.booked("X", "120.00")
			d.over("X", "SUCCEEDED")
		}},
		{"sent again after it was accepted", RuleSentAgain, func(d *doctored) {
			d.plan("X", StoryFails)
			d.sent("X", "failed", "", 200)
			d.sent("X", "not-processed", "", 429)
			d.over("X", "FAILED")
		}},
		{"an id that is no longer known", RuleLost, func(d *doctored) {
			d.plan("X", "plain")
			d.told("X", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("X", "booked", "", 200)
			d.booked("X", "120.00")
			d.told("X", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true})
		}},
		{"an id that was unknown in between", RuleLost, func(d *doctored) {
			d.told("A", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN"})
		}},
		{"an id that is not listed", RuleLost, func(d *doctored) {
			d.events = slices.DeleteFunc(d.events, func(e Event) bool { return e.Kind == Listed })
		}},
		{"an id that nobody asked for in the end", RuleLost, func(d *doctored) { d.plan("X", "plain") }},
		{"an import that never ends", RuleNotOver, func(d *doctored) {
			d.planAndBook("X")
			d.over("X", "WAITING")
		}},
		{"accepted, then not sent", RuleWentBack, func(d *doctored) {
			d.plan("X", "plain")
			d.told("X", "ImportEntries", "", Event{State: "WAITING"})
			d.told("X", "ImportEntries", "", notSent)
			d.over("X", "NOT_SENT")
		}},
		{"succeeded, then failed", RuleWentBack, func(d *doctored) { d.told("A", "GetImport", "", Event{State: "FAILED"}) }},
		{"running, then waiting", RuleWentBack, func(d *doctored) {
			d.told("A", "GetImport", "", Event{State: "RUNNING"})
			d.told("A", "GetImport", "", Event{State: "WAITING"})
		}},
		{"accepted, then uncertain", RuleWentBack, func(d *doctored) {
			d.plan("X", "plain")
			d.told("X", "ImportEntries", "", Event{State: "WAITING"})
			d.add(Event{Kind: Killed})
			d.over("X", "UNCERTAIN")
		}},
		{"a failure that Loop does not know of", RuleFalseFailure, func(d *doctored) {
			d.plan("X", StoryFails)
			d.sent("X", "booked", "", 200)
			d.booked("X", "120.00")
			d.over("X", "FAILED")
		}},
		{"a failure without a reason", RuleFalseFailure, func(d *doctored) {
			d.plan("X", "plain")
			d.sent("X", "failed", "", 200)
			d.over("X", "FAILED")
		}},
		{"other content than was accepted", RuleWrongContent, func(d *doctored) {
			d.books.Entries = nil
			d.booked("A", "121.00")
		}},
		{"a duplicate that was let in", RuleGuard, func(d *doctored) {
			d.plan("X", StoryTwin)
			d.told("X", "ImportEntries", "ENTRY_ALREADY_IMPORTED", Event{State: "WAITING"})
		}},
		{"a duplicate that was never refused", RuleGuard, func(d *doctored) {
			d.plan("X", StoryTwin)
			d.told("X", "ImportEntries", "ENTRY_ALREADY_IMPORTED", unreachable)
		}},
		{"a used id with other content", RuleGuard, func(d *doctored) {
			d.told("A", "ImportEntries", "REQUEST_ID_REUSED", Event{State: "SUCCEEDED"})
		}},
		{"an error of no kind", RuleAnswer, func(d *doctored) {
			d.told("A", "ImportEntries", "", Event{Code: "INTERNAL", Reason: "INTERNAL"})
		}},
		{"REQUEST_ID_REUSED for a plain repetition", RuleAnswer, func(d *doctored) {
			d.told("A", "ImportEntries", "", Event{Code: "ALREADY_EXISTS", Reason: "REQUEST_ID_REUSED"})
		}},
		{"UNKNOWN without saying so", RuleAnswer, func(d *doctored) { d.told("A", "ImportEntries", "", Event{Code: "UNKNOWN"}) }},
		{"UNAVAILABLE for what is uncertain", RuleAnswer, func(d *doctored) {
			d.told("A", "ImportEntries", "", Event{Code: "UNAVAILABLE", State: "UNCERTAIN"})
		}},
		{"an answer that is no outcome", RuleAnswer, func(d *doctored) { d.told("A", "ImportEntries", "", Event{State: "SUBMITTING"}) }},
		{"found and not booked", RuleFalseFound, func(d *doctored) {
			d.struck("X", "", false)
			d.looked("X", "UNCERTAIN", "FOUND", "")
		}},
		{"found, and it is what a person typed", RuleFalseFound, func(d *doctored) {
			d.add(Event{Kind: Typed, Document: "X", References: []string{"by hand"}})
			d.booked("by hand", "120.00")
			d.struck("X", "", false)
			d.looked("X", "UNCERTAIN", "FOUND", "")
		}},
		{"found, and it is another import of the same document", RuleFalseFound, func(d *doctored) {
			d.struck("X", "SHARED", true)
			d.struck("Y", "SHARED", false)
			d.looked("X", "UNCERTAIN", "INCONCLUSIVE", "NOT_UNIQUE")
			d.looked("Y", "UNCERTAIN", "FOUND", "")
		}},
		{"not found and booked", RuleFalseAbsence, func(d *doctored) {
			d.struck("X", "", true)
			d.looked("X", "UNCERTAIN", "NOT_FOUND", "")
		}},
		{"not found and booked, corrected by another look", RuleFalseAbsence, func(d *doctored) {
			d.struck("X", "", true)
			d.told("X", "ResolveImport", "", Event{State: "UNCERTAIN", Verdict: "NOT_FOUND"})
			d.looked("X", "UNCERTAIN", "FOUND", "")
		}},
		{"a shrug at what is there for all to see", RuleVague, func(d *doctored) {
			d.struck("X", "", true)
			d.looked("X", "UNCERTAIN", "INCONCLUSIVE", "PARTLY_FOUND")
		}},
		{"too early for what is there", RuleVague, func(d *doctored) {
			d.struck("X", "", true)
			d.looked("X", "UNCERTAIN", "INCONCLUSIVE", "TOO_EARLY")
		}},
		{"uncertain, and nobody looked", RuleUnseen, func(d *doctored) {
			d.struck("X", "", true)
			d.looked("X", "UNCERTAIN", "", "")
		}},
		{"evidence that was not kept", RuleLost, func(d *doctored) {
			d.struck("X", "", true)
			d.looked("X", "UNCERTAIN", "FOUND", "")
			d.events[len(d.events)-1].Verdict = ""
		}},
		{"an entry that nobody sent", RuleStranger, func(d *doctored) { d.booked("X", "120.00") }},
		{"a submission that nobody asked for", RuleStranger, func(d *doctored) { d.sent("X", "refused", "", 200) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDoctored()
			d.good("A")
			test.spoil(d)
			report := Judge(d.events, d.books)
			if !slices.ContainsFunc(report.Complaints, func(c Complaint) bool { return c.Rule == test.rule }) {
				t.Errorf("no complaint %q, but %+v", test.rule, report.Complaints)
			}
		})
	}
}

// The checker must not share a mistake with what it checks.
func TestTheCheckerKnowsNeitherServerNorSimulator(t *testing.T) {
	for _, name := range []string{"judge_test.go", "journal_test.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		testkit.OK(t, err)
		for _, each := range file.Imports {
			if path, _ := strconv.Unquote(each.Path.Value); strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestAJournalAndBooksAreReadBackAsTheyWere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	journal, err := NewJournal(path)
	testkit.OK(t, err)
	journal.Add(Event{Kind: Planned, ID: "A", Amount: "120.00"})
	journal.Add(Event{Kind: Killed, UnderWay: 3})
	testkit.OK(t, journal.Close())
	events, err := ReadJournal(path)
	if err != nil || len(events) != 2 || events[0].Amount != "120.00" || events[1].UnderWay != 3 || events[1].Seq != 2 || events[0].At.IsZero() {
		t.Errorf("%+v, %v", events, err)
	}

	l := newLoop(t)
	books, err := Inspect(t.Context(), l.root, "CEGID001")
	if err != nil || len(books.Imports) != 0 || len(books.Entries) != 0 {
		t.Errorf("%+v, %v", books, err)
	}
	if _, err := Inspect(t.Context(), l.root+"/nowhere"); err == nil {
		t.Error("books that are not there are empty books")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Inspect(cancelled, l.root); err == nil {
		t.Error("books that could not be read are empty books")
	}
}

// TestWhatIsMeantToBeBookedAgainIsNoDoubleBooking: of the same entry under two ids, one of which is said to repeat the other.
func TestWhatIsMeantToBeBookedAgainIsNoDoubleBooking(t *testing.T) {
	for repeats, want := range map[string]int{"": 1, "A": 0} {
		var d doctored
		d.good("A")
		d.add(Event{Kind: Planned, ID: "X", Story: "plain", Amount: "120.00", Document: "A", Repeats: repeats})
		d.sent("X", "booked", "", 200)
		d.booked("X", "120.00")
		d.books.Entries[len(d.books.Entries)-1].RefPiece = "A"
		d.over("X", "SUCCEEDED")
		if report := Judge(d.events, d.books); len(report.Complaints) != want {
			t.Errorf("repeating %q: %+v", repeats, report.Complaints)
		}
	}
}
