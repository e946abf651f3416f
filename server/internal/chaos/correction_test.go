package chaos

import (
	"testing"
	"time"
)

// corrects plans an import of an entry that another one brought, under an id of its own.
func (d *doctored) corrects(of, id, dossier string) {
	d.add(Event{Kind: Planned, ID: id, Story: StoryCorrects, Amount: "120.00", Document: of, Dossier: dossier, Corrects: of})
}

// passed is what a correction is told that is sent, and whether it is booked.
func (d *doctored) passed(of, id string) {
	d.sent(id, "booked", "", 200)
	d.told(id, "ImportEntries", "", Event{State: "WAITING"})
	d.booked(id, "120.00")
	d.books.Entries[len(d.books.Entries)-1].RefPiece = of
	d.told(id, "WatchImport", "", Event{State: "SUCCEEDED"})
	d.over(id, "SUCCEEDED")
}

// TestTheCheckerKnowsWhatACorrectionMayBe: of an entry under another id, whose first import has an unknown outcome.
func TestTheCheckerKnowsWhatACorrectionMayBe(t *testing.T) {
	there := func(saw string) Event {
		return Event{Code: "ALREADY_EXISTS", Reason: "ENTRY_ALREADY_IMPORTED", Saw: saw}
	}
	unknown := Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true}
	for _, c := range []struct {
		name   string
		booked bool // the first import
		tell   func(d *doctored)
		rule   string // that is broken, if any
		// Counted, when nothing is.
		corrected, withheld, blinded int
	}{
		{name: "withheld", booked: true, tell: func(d *doctored) {
			d.told("X", "ImportEntries", "", there("NOT_UNIQUE"))
			d.told("X", "GetImport", "", unknown)
		}, withheld: 1},
		{name: "withheld by a blind look", tell: func(d *doctored) {
			d.told("X", "ImportEntries", "", there("SEARCH_BLIND"))
			d.told("X", "GetImport", "", unknown)
		}, withheld: 1, blinded: 1},
		{name: "withheld, then seen not to be there", tell: func(d *doctored) {
			d.told("X", "ImportEntries", "", there("SEARCH_BLIND"))
			d.add(Event{Kind: Sighted})
			d.passed("A", "X")
		}, corrected: 1, blinded: 1},
		{name: "let pass before anybody could see", tell: func(d *doctored) {
			d.passed("A", "X")
			d.add(Event{Kind: Sighted})
		}, rule: RuleBlind},
		{name: "let pass, and nobody ever could", tell: func(d *doctored) { d.passed("A", "X") }, rule: RuleBlind},
		{name: "booked twice", booked: true, tell: func(d *doctored) {
			d.add(Event{Kind: Sighted})
			d.passed("A", "X")
		}, rule: RuleBookedTwice},
		{name: "refused, and known", booked: true, tell: func(d *doctored) {
			d.told("X", "ImportEntries", "", there(""))
			d.told("X", "GetImport", "", Event{State: "WAITING", Last: true})
		}, rule: RuleGuard},
		{name: "told what no import is told", tell: func(d *doctored) {
			d.told("A", "ImportEntries", "", there(""))
			d.told("X", "ImportEntries", "", there(""))
		}, rule: RuleAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDoctored()
			d.add(Event{Kind: Struck, Fault: "blind", What: "list empty", Dossier: "D"})
			d.struck("A", "", c.booked)
			d.corrects("A", "X", "D")
			c.tell(d)
			verdict, doubt := "NOT_FOUND", ""
			if c.booked {
				verdict = "FOUND"
			}
			if len(d.books.Imports) > 1 {
				verdict, doubt = "INCONCLUSIVE", "NOT_UNIQUE"
			}
			d.looked("A", "UNCERTAIN", verdict, doubt)
			d.clock = d.clock.Add(time.Hour)
			d.add(Event{Kind: Met, Fault: "blind", Times: 7})
			report := Judge(d.events, d.books)
			if report.Met["list empty"] != 7 {
				t.Errorf("%v", report.Met)
			}
			if c.rule != "" {
				for _, each := range report.Complaints {
					if each.Rule != c.rule {
						t.Errorf("%+v", each)
					}
				}
				if len(report.Complaints) == 0 {
					t.Error("nothing is noticed")
				}
				return
			}
			if len(report.Complaints) > 0 || report.Corrected != c.corrected || report.Withheld != c.withheld || report.Blinded != c.blinded {
				t.Errorf("%d, %d, %d: %+v", report.Corrected, report.Withheld, report.Blinded, report.Complaints)
			}
		})
	}
}
