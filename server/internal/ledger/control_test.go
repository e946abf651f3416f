package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestControlsOfALook(t *testing.T) { onEach(t, controlsOfALook) }

func controlsOfALook(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	controlled := func(of Record) (out []string) {
		t.Helper()
		all, err := l.Controls(t.Context(), of, func(reference string) bool { return !strings.Contains(reference, `"`) })
		if err != nil {
			t.Fatal(err)
		}
		for _, each := range all {
			out = append(out, each.Reference)
		}
		return out
	}
	expect := func(of Record, want ...string) {
		t.Helper()
		if got := controlled(of); !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
	lost := submission("lost", "lost")
	reach(t, l, lost, Uncertain)
	of := get(t, l, lost.Key)
	expect(of)

	booked := func(id string, references ...string) Key {
		t.Helper()
		c.pass(time.Minute)
		s := submission(id, id)
		s.DocumentReferences, s.Clues = references, map[string]Clue{references[0]: {Journals: []string{"ACH"}, Dates: []string{"2026-03-15"}}}
		reach(t, l, s, Succeeded)
		return s.Key
	}
	booked("one", "F-1", "F-1b")
	for i, state := range []State{Waiting, Failed, Uncertain, Refused, NotSent} {
		reach(t, l, submission(fmt.Sprint("other", i), fmt.Sprint(i)), state)
	}
	elsewhere := submission("elsewhere", "elsewhere")
	elsewhere.Dossier = "CEGID003"
	reach(t, l, elsewhere, Succeeded)
	stored := submission("stored", "stored")
	stored.Collection = Documents
	reach(t, l, stored, Succeeded)
	expect(of, "F-1")

	booked("two", of.DocumentReferences[0], strings.Repeat("x", 36), `a"b`, " F", "F-2")
	expect(of, "F-2", "F-1")
	booked("three", "F-2") // no new one
	expect(of, "F-2", "F-1")
	booked("four", "F-4")
	booked("five", "F-5")
	expect(of, "F-5", "F-4", "F-2")

	said := submission("said", "said")
	reach(t, l, said, Uncertain)
	if _, _, err := l.Confirm(t.Context(), said.Key, 1, Statement{Booked: true}); err != nil {
		t.Fatal(err)
	}
	expect(of, "F-5", "F-4", "F-2") // a person has said so, and not Loop

	// One outlives the references of all.
	c.pass(KeepContent + time.Minute)
	retainAll(t, l)
	expect(of, "F-5")
	all, err := l.Controls(t.Context(), of, func(string) bool { return true })
	text := func(s string) *string { return &s }
	if err != nil || !all[0].Fits(text("ACH"), text("2026-03-15")) || all[0].Fits(text("VTE"), nil) || all[0].Fits(nil, text("2026-03-16")) {
		t.Errorf("%+v, %v", all, err)
	}
	booked("six", "F-6")
	expect(of, "F-6", "F-5")
	c.pass(KeepOutcome + time.Minute)
	retainAll(t, l)
	if got := controlled(of); len(got) != 1 {
		t.Errorf("after the rows: %q", got)
	}
}
