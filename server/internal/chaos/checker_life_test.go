package chaos

import (
	"slices"
	"testing"
	"time"
)

// TestTheCheckerKnowsALife: what is still asked for, what a person has decided, and what a restored ledger has forgotten.
func TestTheCheckerKnowsALife(t *testing.T) {
	const theirs = "loop-A"
	pending := func(d *doctored, state string) {
		d.plan("A", "plain")
		d.sent("A", "pending", "", 200).ID = theirs
		d.told("A", "ImportEntries", "", Event{State: "WAITING", Loop: theirs})
		d.add(Event{Kind: Listed, ID: "A"})
		if state == "UNCERTAIN" { // Loop did not end it within a week
			d.told("A", "ResolveImport", "", Event{State: state, Verdict: "INCONCLUSIVE", Doubt: "NOT_FAILED", Loop: theirs})
			d.told("A", "GetImport", "", Event{State: state, Verdict: "INCONCLUSIVE", Doubt: "NOT_FAILED", Loop: theirs, Last: true})
			return
		}
		d.told("A", "GetImport", "", Event{State: state, Loop: theirs, Last: true})
	}
	asked := func(d *doctored, ago time.Duration) {
		d.books.Questions = map[string]time.Time{theirs: d.clock.Add(-ago)}
	}
	decided := func(d *doctored, action string, answer Event) {
		d.calls++
		d.add(Event{Kind: Asked, ID: "A", Call: d.calls, Method: "ResolveImport", Action: action})
		answer.Kind, answer.ID, answer.Call, answer.Method = Told, "A", d.calls, "ResolveImport"
		d.add(answer)
	}
	settledLate := func(d *doctored, leapt bool) {
		d.fault("throttled", "status 429", 429)
		d.plan("A", "plain")
		if leapt {
			d.add(Event{Kind: Leapt, By: 7200})
		}
		d.sent("A", "not-processed", "throttled", 429)
		d.told("A", "ImportEntries", "", lost)
		d.clock = d.clock.Add(28 * time.Hour)
		if !leapt {
			d.add(Event{Kind: Leapt, By: 7200})
		}
		d.told("A", "GetImport", "", Event{State: "NOT_SENT"})
		d.told("A", "ImportEntries", "", Event{State: "WAITING"})
		d.sent("A", "booked", "", 200)
		d.booked("A", "120.00")
		d.over("A", "SUCCEEDED")
	}
	copied := func(d *doctored, answered bool) {
		d.plan("A", "plain")
		d.add(Event{Kind: Asked, ID: "A", Call: 1, Method: "ImportEntries"})
		d.sent("A", "booked", "", 200)
		d.booked("A", "120.00")
		since := d.clock
		d.add(Event{Kind: Told, ID: "A", Call: 1, Method: "ImportEntries", State: "WAITING"})
		if answered {
			since = d.clock
		}
		d.calls = 1
		d.told("A", "GetImport", "", Event{State: "WAITING"})
		d.add(Event{Kind: PutBack, Since: since})
		d.add(Event{Kind: Restored})
		d.over("A", "UNCERTAIN")
	}
	turnedAway := func(d *doctored, corrected bool) {
		d.plan("A", "plain")
		d.sent("A", "not-processed", "", 429)
		if d.corrects("A", "X", "D"); corrected {
			d.passed("A", "X")
		} else {
			d.told("X", "ImportEntries", "", Event{Code: "ALREADY_EXISTS", Reason: "ENTRY_ALREADY_IMPORTED"})
			d.told("X", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true})
		}
		d.over("A", "NOT_SENT")
	}
	stopped := func(d *doctored, freed bool) {
		d.plan("A", "plain")
		d.add(Event{Kind: Asked, ID: "A", Call: 1, Method: "ImportEntries"})
		d.add(Event{Kind: Full})
		d.sent("A", "booked", "", 200)
		d.booked("A", "120.00")
		d.add(Event{Kind: Told, ID: "A", Call: 1, Method: "ImportEntries", Code: "UNAVAILABLE", Reason: "LEDGER_UNAVAILABLE"})
		d.calls = 1
		end := []Event{{Kind: Stopped}, {Kind: Freed}}
		if freed {
			slices.Reverse(end)
		}
		d.add(end[0])
		d.add(end[1])
		d.over("A", "UNCERTAIN")
	}
	for name, test := range map[string]struct {
		tell func(d *doctored)
		rule string
	}{
		"its server stopped while the ledger could not store": {func(d *doctored) { stopped(d, false) }, ""},
		"or once it could": {func(d *doctored) { stopped(d, true) }, RuleUnexplained},
		"a copy was made while it was under way, and put back": {func(d *doctored) { copied(d, false) }, ""},
		"or once it was answered":                              {func(d *doctored) { copied(d, true) }, RuleUnexplained},
		"it was turned away, and another import corrected it":  {func(d *doctored) { turnedAway(d, true) }, ""},
		"or none did":                         {func(d *doctored) { turnedAway(d, false) }, RuleLeftNotSent},
		"Loop has not ended it, and is asked": {func(d *doctored) { pending(d, "RUNNING"); asked(d, time.Hour) }, ""},
		"nor asked any more":                  {func(d *doctored) { pending(d, "RUNNING"); asked(d, 30*time.Hour) }, RuleUnasked},
		"Loop has ended it": {func(d *doctored) {
			pending(d, "RUNNING")
			asked(d, time.Hour)
			d.books.Imports[0].Outcome = "booked"
			d.booked("A", "120.00")
		}, RuleNotOver},
		"nobody has given it that id": {func(d *doctored) { pending(d, "RUNNING"); asked(d, time.Hour); d.books.Imports[0].ID = "another" }, RuleStranger},
		"nobody counts the questions": {func(d *doctored) { pending(d, "RUNNING") }, RuleNotOver},
		"a person has said that it is not there, and it was sent again": {func(d *doctored) {
			d.struck("A", "", false)
			decided(d, "confirm absent", Event{State: "NOT_SENT"})
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.over("A", "SUCCEEDED")
		}, ""},
		"or not": {func(d *doctored) {
			d.struck("A", "", false)
			decided(d, "confirm absent", Event{State: "NOT_SENT"})
			d.over("A", "NOT_SENT")
		}, ""},
		"which was refused, and it was sent again": {func(d *doctored) {
			d.struck("A", "", false)
			decided(d, "resubmit", Event{Code: "FAILED_PRECONDITION", Reason: "MAY_BE_BOOKED", State: "UNCERTAIN"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.over("A", "SUCCEEDED")
		}, RuleSentAgain},
		"the clock leapt over a lease, and its owner's answer is told a day later": {func(d *doctored) { settledLate(d, true) }, ""},
		"the clock leapt long after it was given up":                               {func(d *doctored) { settledLate(d, false) }, RuleWentBack},
		"a restored ledger has forgotten what was not sent": {func(d *doctored) {
			d.plan("A", "plain")
			since := d.clock
			d.told("A", "ImportEntries", "", notSent)
			d.add(Event{Kind: PutBack, Since: since})
			d.add(Event{Kind: Restored})
			d.told("A", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN"})
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.over("A", "SUCCEEDED")
		}, ""},
		"and with it a correction that was given up, since the copy had not what it corrects": {func(d *doctored) {
			d.plan("A", "plain")
			since := d.clock
			d.corrects("A", "X", "D")
			d.sent("X", "not-processed", "", 429)
			d.told("X", "ImportEntries", "", notSent)
			d.add(Event{Kind: PutBack, Since: since})
			d.add(Event{Kind: Restored})
			d.told("X", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true})
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.over("A", "SUCCEEDED")
		}, ""},
		"but not one that Loop has taken": {func(d *doctored) {
			d.plan("A", "plain")
			since := d.clock
			d.corrects("A", "X", "D")
			d.sent("X", "booked", "", 200)
			d.told("X", "ImportEntries", "", notSent)
			d.add(Event{Kind: PutBack, Since: since})
			d.add(Event{Kind: Restored})
			d.told("X", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN", Last: true})
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.over("A", "SUCCEEDED")
		}, RuleLost},
		"and what the copy knew": {func(d *doctored) {
			d.plan("A", "plain")
			d.told("A", "ImportEntries", "", notSent)
			d.add(Event{Kind: PutBack, Since: d.clock.Add(time.Second / 2)})
			d.add(Event{Kind: Restored})
			d.told("A", "GetImport", "", Event{Code: "NOT_FOUND", Reason: "IMPORT_UNKNOWN"})
			d.told("A", "ImportEntries", "", Event{State: "WAITING"})
			d.sent("A", "booked", "", 200)
			d.booked("A", "120.00")
			d.over("A", "SUCCEEDED")
		}, RuleLost},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoctored()
			test.tell(d)
			report := Judge(d.events, d.books)
			broken := map[string]bool{}
			for _, each := range report.Complaints {
				broken[each.Rule] = true
			}
			if test.rule == "" && len(broken) > 0 || test.rule != "" && !broken[test.rule] {
				t.Errorf("%+v; want %q", report.Complaints, test.rule)
			}
		})
	}
}
