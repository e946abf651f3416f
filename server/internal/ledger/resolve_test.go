package ledger

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// absent is a look that did not find the document of a submission.
func absent(attempt int, references ...string) Search {
	look := Search{Attempt: attempt, Caller: "anna", Took: time.Second, Control: ControlFound}
	for _, reference := range references {
		look.Sightings = append(look.Sightings, Sighting{Reference: reference})
	}
	return look
}

func checked(t testing.TB, l *Ledger, k Key, look Search) Record {
	t.Helper()
	r, err := l.Checked(t.Context(), k, look)
	testkit.OK(t, err)
	return r
}

func TestWhatALookIntoLoopMeans(t *testing.T) {
	for name, test := range map[string]struct {
		kept  int
		seen  []Sighting
		early bool
		want  Verdict
		doubt Doubt
	}{
		"an import without references":               {0, nil, false, Inconclusive, ReferenceAbsent},
		"references that cannot be asked for":        {2, nil, false, Inconclusive, ReferenceUnsearchable},
		"nothing there, a day after":                 {1, []Sighting{{}}, false, NotFound, NoDoubt},
		"nothing there, an hour after":               {1, []Sighting{{}}, true, Inconclusive, TooEarly},
		"nothing there of what others have":          {1, []Sighting{{Others: 1}}, false, NotFound, NoDoubt},
		"there, unlettered":                          {1, []Sighting{{Unlettered: 3}}, true, Found, NoDoubt},
		"there, lettered":                            {1, []Sighting{{Lettered: 1}}, false, Found, NoDoubt},
		"there, all of a choice":                     {100, []Sighting{{Unlettered: 2}, {Lettered: 2}}, false, Found, NoDoubt},
		"there in part":                              {2, []Sighting{{Unlettered: 2}, {}}, false, Inconclusive, PartlyFound},
		"there, and another import's too":            {1, []Sighting{{Unlettered: 2, Others: 1}}, false, Inconclusive, NotUnique},
		"there, of another day":                      {1, []Sighting{{Unlettered: 2, Different: true}}, false, Inconclusive, Different},
		"as many as Loop gives":                      {1, []Sighting{{Unlettered: 100, Truncated: true}}, false, Inconclusive, Truncated},
		"there in part, and another import has that": {2, []Sighting{{Unlettered: 2, Others: 1}, {}}, false, Inconclusive, NotUnique},
		"nothing there of what Loop may have cut":    {1, []Sighting{{Reference: strings.Repeat("É", 36)}, {Reference: "FA-1 "}}, false, Inconclusive, ReferenceUnsearchable},
		"nothing there of one that it has not":       {2, []Sighting{{Reference: strings.Repeat("É", 36)}, {Reference: strings.Repeat("É", 35)}}, false, NotFound, NoDoubt},
		"there, as long as it is":                    {1, []Sighting{{Reference: strings.Repeat("É", 36), Lettered: 1}}, false, Found, NoDoubt},
	} {
		for _, control := range []Control{ControlFound, ControlNone} {
			if verdict, doubt := judge(test.kept, Search{Sightings: test.seen, Control: control}, test.early); verdict != test.want || doubt != test.doubt {
				t.Errorf("%s: %s %s", name, verdict, doubt)
			}
		}
		// What Loop may still come to is never said not to be there.
		if verdict, doubt := judge(test.kept, Search{Sightings: test.seen, Accepted: true}, test.early); test.want == NotFound && (verdict != Inconclusive || doubt != NotFailed) ||
			test.want == Found && verdict != Found {
			t.Errorf("%s, and accepted: %s %s", name, verdict, doubt)
		}
		// A look that does not find what is booked says nothing by not finding the rest; what it has found is there.
		if verdict, doubt := judge(test.kept, Search{Sightings: test.seen, Control: ControlMissed}, test.early); test.want == NotFound && (verdict != Inconclusive || doubt != SearchBlind) ||
			test.want != NotFound && doubt != SearchBlind && (verdict != test.want || doubt != test.doubt) {
			t.Errorf("%s, and blind: %s %s", name, verdict, doubt)
		}
		// A look that finds what cannot be says nothing at all.
		if verdict, doubt := judge(test.kept, Search{Sightings: test.seen, Control: ControlFound, Anything: true}, test.early); verdict != Inconclusive ||
			len(test.seen) > 0 && test.kept > 0 && (doubt == TooEarly) != test.early {
			t.Errorf("%s, and it finds anything: %s %s", name, verdict, doubt)
		}
	}
}

func TestWhatFitsAnImport(t *testing.T) {
	r := Record{
		Clues:  map[string]Clue{"FA-1": {Journals: []string{"ACH"}, Dates: []string{"2026-03-15", "2026-03-10"}}},
		Totals: Totals{FirstDate: "2026-03-01", LastDate: "2026-03-31"},
	}
	text := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		reference     string
		journal, date *string
		want          bool
	}{
		"all that is known":             {"FA-1", text("ACH"), text("2026-03-15"), true},
		"the date of the document":      {"FA-1", text("ACH"), text("2026-03-10"), true},
		"nothing is said":               {"FA-1", nil, nil, true},
		"another journal":               {"FA-1", text("OD"), text("2026-03-15"), false},
		"another day":                   {"FA-1", nil, text("2026-03-16"), false},
		"a file, within its days":       {"FA-2", text("OD"), text("2026-03-31"), true},
		"a file, outside of its days":   {"FA-2", nil, text("2026-04-01"), false},
		"a file, and no date is said":   {"FA-2", text("OD"), nil, true},
		"a file, before its first date": {"FA-2", nil, text("2025-03-15"), false},
	} {
		if got := r.Fits(test.reference, test.journal, test.date); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestALookIsJudgedByAllThatTheLedgerKnows(t *testing.T) {
	onEach(t, aLookIsJudgedByAllThatTheLedgerKnows)
}

func aLookIsJudgedByAllThatTheLedgerKnows(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	s := submission("r1", "one")
	reach(t, l, s, Uncertain)
	there := Search{Attempt: 1, Caller: "anna", Took: 2 * time.Second, Control: ControlFound, Sightings: []Sighting{{Reference: "FA-one", Unlettered: 3}}}

	before := c.Now()
	r := checked(t, l, s.Key, there)
	want := &Evidence{
		Attempt: 1, Time: before.Add(-2 * time.Second), Caller: "anna", Verdict: Found, Control: ControlFound,
		Sightings: []Sighting{{Reference: "FA-one", Unlettered: 3}},
	}
	if !reflect.DeepEqual(r.Evidence, want) || r.State != Uncertain || !reflect.DeepEqual(get(t, l, s.Key), r) {
		t.Errorf("%+v\n%+v", r.Evidence, r)
	}
	verdict := func(look Search, want Verdict, doubt Doubt) {
		t.Helper()
		c.pass(2 * time.Second) // one look after another
		if e := checked(t, l, s.Key, look).Evidence; e.Verdict != want || e.Doubt != doubt {
			t.Errorf("%s %s, not %s %s: %+v", e.Verdict, e.Doubt, want, doubt, e)
		}
	}
	// It began before the age was reached.
	c.pass(ResubmitAfter - 2*time.Second)
	verdict(absent(1, "FA-one"), Inconclusive, TooEarly)
	verdict(absent(1, "FA-one"), NotFound, NoDoubt)
	verdict(there, Found, NoDoubt)
	// A slow look that began before it, and ends after it, has seen less.
	slow := absent(1, "FA-one")
	slow.Took = 3 * time.Second
	if e := checked(t, l, s.Key, slow).Evidence; e.Verdict != Found {
		t.Errorf("%+v", e)
	}
	if _, err := l.Resubmit(t.Context(), s, 1, "anna", "server-9"); !errors.Is(err, ErrEvidence) {
		t.Errorf("after a slow look: %v", err)
	}

	// Elsewhere, under another reference, or provably not booked: no matter.
	elsewhere := submission("r2", "two")
	elsewhere.Dossier, elsewhere.DocumentReferences = "CEGID003", s.DocumentReferences
	reach(t, l, elsewhere, Succeeded)
	reach(t, l, submission("r3", "three"), Succeeded)
	refused := submission("r4", "four")
	refused.DocumentReferences = s.DocumentReferences
	reach(t, l, refused, Refused)
	verdict(there, Found, NoDoubt)
	// A large one of other days cannot have it; one of the same days may, although it is not kept.
	large := submission("r5", "five")
	large.Totals.Entries, large.Totals.FirstDate, large.Totals.LastDate = 101, "2026-02-01", "2026-02-26"
	reach(t, l, large, Waiting)
	verdict(there, Found, NoDoubt)
	large = submission("r6", "six")
	large.Totals.Entries, large.Totals.FirstDate, large.Totals.LastDate = 101, "2026-02-28", "2026-03-31"
	reach(t, l, large, Waiting)
	verdict(there, Inconclusive, NotUnique)
	verdict(absent(1, "FA-one"), NotFound, NoDoubt)

	shared := submission("r7", "seven")
	shared.DocumentReferences = []string{"SEVEN", "FA-three"}
	reach(t, l, shared, Failed)
	if e := checked(t, l, shared.Key, Search{Attempt: 1, Sightings: []Sighting{{Reference: "SEVEN", Lettered: 1}, {Reference: "FA-three", Lettered: 1}}}).Evidence; e.Doubt != NotUnique ||
		e.Sightings[0].Others != 1 || e.Sightings[1].Others != 2 { // the large one may have both
		t.Errorf("%+v", e)
	}
	for name, k := range map[string]Key{"booked": key("r3"), "refused": key("r4"), "waiting": key("r5")} {
		if _, err := l.Checked(t.Context(), k, absent(1, "X")); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.Checked(t.Context(), s.Key, absent(2, "FA-one")); !errors.Is(err, ErrLost) {
		t.Errorf("another attempt: %v", err)
	}
	if _, err := l.Checked(t.Context(), key("unknown"), absent(1)); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
}

func TestAPersonsWordSettlesASubmission(t *testing.T) { onEach(t, aPersonsWordSettlesASubmission) }

func aPersonsWordSettlesASubmission(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	said := func(id string, attempt int, booked bool) (Record, error) {
		row, _, err := l.Confirm(t.Context(), key(id), attempt, Statement{Booked: booked, Caller: "anna", Note: "seen in the journal"})
		return row, err
	}
	for i, test := range []struct {
		from   State
		booked bool
		want   State
		failed bool // the error stays
	}{
		{Uncertain, true, Succeeded, false},
		{Uncertain, false, NotSent, false},
		{Failed, true, Succeeded, true},
		{Failed, false, Refused, true},
	} {
		id := fmt.Sprint("r", i)
		s := submission(id, id)
		b := begin(t, l, s)
		submitting(t, l, b)
		if test.from == Failed {
			settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop"})
			follow(t, l, get(t, l, s.Key), Progress{State: Failed, Error: &Failure{Cause: "refused"}})
		} else {
			settle(t, l, b, Outcome{State: Uncertain, Error: &Failure{Cause: "outcome_unknown"}})
		}
		if !test.booked {
			if _, err := said(id, 1, false); !errors.Is(err, ErrEvidence) {
				t.Errorf("%d: without a look: %v", i, err)
			}
			c.pass(ResubmitAfter + time.Second)
			checked(t, l, s.Key, absent(1, "FA-"+id))
			c.pass(CheckLasts)
			if _, err := said(id, 1, false); !errors.Is(err, ErrEvidence) {
				t.Errorf("%d: with an old look: %v", i, err)
			}
			checked(t, l, s.Key, absent(1, "FA-"+id))
		}
		if _, err := said(id, 2, test.booked); !errors.Is(err, ErrLost) {
			t.Errorf("%d: of another attempt: %v", i, err)
		}
		c.pass(time.Minute)
		r, err := said(id, 1, test.booked)
		testkit.OK(t, err)
		want := &Statement{Attempt: 1, Booked: test.booked, Caller: "anna", Note: "seen in the journal", Time: c.Now(), Before: test.from}
		if r.State != test.want || !reflect.DeepEqual(r.Resolution.Statement, want) || (r.Error != nil) != test.failed || r.Updated != c.Now() {
			t.Errorf("%d: %+v %+v", i, r, r.Resolution)
		}
		c.pass(time.Minute)
		again, err := said(id, 1, test.booked)
		if err != nil || !reflect.DeepEqual(again, r) || !reflect.DeepEqual(get(t, l, s.Key), r) {
			t.Errorf("%d: the same again: %+v, %v", i, again, err)
		}
		_, err = said(id, 1, !test.booked)
		if stated, ok := errors.AsType[*StatedError](err); !ok || !reflect.DeepEqual(&stated.Of, want) {
			t.Errorf("%d: the contrary: %v", i, err)
		}
		if got := get(t, l, s.Key); !reflect.DeepEqual(got, r) {
			t.Errorf("%d: after the contrary: %+v", i, got)
		}
		// What is not booked may be sent under its id, changed or not, and nothing is forgotten by that.
		next, err := l.Begin(t.Context(), submission(id, "changed "+id), owner)
		switch {
		case test.booked && !errors.Is(err, ErrReused):
			t.Errorf("%d: %v", i, err)
		case !test.booked && (err != nil || next.Existing || next.Attempt != 2 || !reflect.DeepEqual(next.Resolution, r.Resolution)):
			t.Errorf("%d: %+v, %v", i, next, err)
		}
	}
	for _, state := range []State{Received, Submitting, Waiting, Succeeded, NotSent, Refused} {
		s := submission("in "+string(state), string(state))
		reach(t, l, s, state)
		if _, err := said(s.RequestID, 1, true); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

func TestALateAnswerAfterAPersonsWordIsKept(t *testing.T) {
	onEach(t, aLateAnswerAfterAPersonsWordIsKept)
}

func aLateAnswerAfterAPersonsWordIsKept(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	accepted := Outcome{State: Waiting, LoopRequestID: "loop-1"}
	refused := Outcome{State: Refused, Error: &Failure{Cause: "refused", LoopMessage: "Le journal est clos."}}
	lateOf := func(o Outcome) []LateAnswer {
		late := LateAnswer{Attempt: 1, State: o.State, LoopRequestID: o.LoopRequestID, Time: c.Now()}
		if o.Error != nil {
			late.Cause, late.Message = o.Error.Cause, o.Error.LoopMessage
		}
		return []LateAnswer{late}
	}
	for i, test := range []struct {
		what    string
		decide  string // booked, not booked, resubmitted
		outcome Outcome
		state   State // in the end
		late    bool  // among the late answers, whether it is the state or not
	}{
		{"said to be booked, and accepted", "booked", accepted, Succeeded, true},
		{"said to be booked, and refused", "booked", refused, Succeeded, true},
		{"said not to be booked, and accepted", "not booked", accepted, Waiting, true},
		{"said not to be booked, and refused", "not booked", refused, NotSent, true},
		{"said not to be booked, and nothing was heard", "not booked", Outcome{State: Uncertain}, NotSent, false},
		{"sent again, and accepted twice", "resubmitted", accepted, Received, true},
		{"sent again, and refused", "resubmitted", refused, Received, true},
	} {
		s := submission(fmt.Sprint("r", i), test.what)
		b := begin(t, l, s)
		submitting(t, l, b)
		c.pass(ResubmitAfter + Lease)
		if _, err := l.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		checked(t, l, s.Key, absent(1, "FA"))
		var err error
		switch test.decide {
		case "resubmitted":
			_, err = l.Resubmit(t.Context(), s, 1, "anna", "server-2")
		default:
			_, _, err = l.Confirm(t.Context(), s.Key, 1, Statement{Booked: test.decide == "booked", Caller: "anna"})
		}
		testkit.OK(t, err)
		c.pass(time.Minute)
		want := test.state
		for range 2 { // its commit may not have been confirmed
			r, err := l.Settle(t.Context(), s.Key, 1, owner, test.outcome)
			if r.State != want || errors.Is(err, ErrLost) == (want == Waiting) {
				t.Errorf("%s: %s, %v", test.what, r.State, err)
			}
		}
		r := get(t, l, s.Key)
		if test.late && !reflect.DeepEqual(r.Resolution.Late, lateOf(test.outcome)) || !test.late && r.Resolution.Late != nil {
			t.Errorf("%s: %+v", test.what, r.Resolution)
		}
		if (r.Resolution.Statement == nil) != (test.decide == "resubmitted") {
			t.Errorf("%s: the statement is %+v", test.what, r.Resolution.Statement)
		}
	}
	// Nobody has decided: it is no late answer, but one that the row does not take.
	s := submission("undecided", "undecided")
	reach(t, l, s, Succeeded)
	if _, err := l.Settle(t.Context(), s.Key, 1, owner, refused); !errors.Is(err, ErrLost) || get(t, l, s.Key).Resolution != nil {
		t.Errorf("%v, %+v", err, get(t, l, s.Key).Resolution)
	}
}

func TestResubmittingSendsOnce(t *testing.T) { onEach(t, resubmittingSendsOnce) }

func resubmittingSendsOnce(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	s := submission("r1", "one")
	reach(t, l, s, Uncertain)
	again := func(s Submission, attempt int, owner string) (Begun, error) {
		return l.Resubmit(t.Context(), s, attempt, "anna", owner)
	}
	if _, err := again(s, 1, "server-1/1"); !errors.Is(err, ErrEvidence) {
		t.Errorf("without a look: %v", err)
	}
	checked(t, l, s.Key, absent(1, "FA-one")) // too early
	if _, err := again(s, 1, "server-1/2"); !errors.Is(err, ErrEvidence) {
		t.Errorf("too early: %v", err)
	}
	c.pass(ResubmitAfter + time.Second)
	checked(t, l, s.Key, Search{Attempt: 1, Sightings: []Sighting{{Reference: "FA-one", Lettered: 2}}})
	if _, err := again(s, 1, "server-1/3"); !errors.Is(err, ErrEvidence) {
		t.Errorf("it is there: %v", err)
	}
	c.pass(time.Second)
	checked(t, l, s.Key, absent(1, "FA-one"))
	for name, other := range map[string]func(*Submission){
		"other content": func(s *Submission) { s.Fingerprints = []Fingerprint{fingerprintOf(1, []byte("two"))} },
		"another kind":  func(s *Submission) { s.Kind = KindDocument },
	} {
		changed := s
		other(&changed)
		if _, err := again(changed, 1, "server-1/4"); !errors.Is(err, ErrReused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Somebody has imported the same under another id meanwhile.
	twin := s
	twin.RequestID, twin.AllowDuplicate = "r2", true
	reach(t, l, twin, Waiting)
	if _, err := again(s, 1, "server-1/5"); !errors.As(err, new(*DuplicateError)) {
		t.Errorf("a duplicate: %v", err)
	}

	// Many at once, each with a fresh look.
	s.AllowDuplicate = true
	var mine, existing atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b, err := again(s, 1, fmt.Sprint("server-2/", i))
			switch {
			case err != nil:
				t.Error(err)
			case b.Existing:
				existing.Add(1)
			default:
				mine.Add(1)
			}
			if b.Attempt != 2 || b.State != Received {
				t.Errorf("%+v", b)
			}
		})
	}
	all.Wait()
	if mine.Load() != 1 || existing.Load() != 7 {
		t.Errorf("%d send, %d do not", mine.Load(), existing.Load())
	}
	r := get(t, l, s.Key)
	if r.Caller != "billing" || r.Resolution.Resubmissions != 1 || r.Resolution.ResubmitBy != "anna" || r.Resolution.ResubmitTime != c.Now() ||
		r.Evidence.Attempt != 1 || r.Created == r.Received || !r.Submitted.IsZero() {
		t.Errorf("%+v %+v", r, r.Resolution)
	}
	// The look was at the first attempt: for the second it says nothing.
	submitting(t, l, Begun{Record: r})
	settle(t, l, Begun{Record: r}, Outcome{State: Uncertain})
	if _, err := again(s, 2, "server-3"); !errors.Is(err, ErrEvidence) {
		t.Errorf("with the look at the first attempt: %v", err)
	}
	if b, err := again(s, 1, "server-3"); err != nil || !b.Existing || b.State != Uncertain {
		t.Errorf("a repetition of the first: %+v, %v", b, err)
	}
	c.pass(ResubmitAfter + time.Second)
	checked(t, l, s.Key, absent(2, "FA-one"))
	b, err := again(s, 2, "server-3")
	if err != nil || b.Attempt != 3 || b.Resolution.Resubmissions != 2 {
		t.Errorf("%+v, %v", b, err)
	}
	// A repetition by the same owner, whose commit was not confirmed, finds its own.
	if b, err = again(s, 2, "server-3"); err != nil || !b.Existing || b.Owner != "server-3" || b.State != Received {
		t.Errorf("%+v, %v", b, err)
	}
	// What never left may be repeated by its caller.
	settle(t, l, b, Outcome{State: NotSent})
	if _, err := again(s, 2, "server-4"); !errors.Is(err, ErrLost) {
		t.Errorf("after NOT_SENT: %v", err)
	}
	if b := begin(t, l, s); b.Existing || b.Attempt != 4 {
		t.Errorf("%+v", b)
	}
}

func TestEvidenceIsForgottenAndDecisionsAreNot(t *testing.T) {
	onEach(t, evidenceIsForgottenAndDecisionsAreNot)
}

func evidenceIsForgottenAndDecisionsAreNot(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	s := submission("r1", "one")
	s.Clues = map[string]Clue{"FA-one": {Journals: []string{"ACH"}, Dates: []string{"2026-02-27"}}, "not kept": {}}
	reach(t, l, s, Uncertain)
	checked(t, l, s.Key, Search{Attempt: 1, Caller: "anna", Sightings: []Sighting{{Reference: "FA-one", Lettered: 2}}})
	if _, _, err := l.Confirm(t.Context(), s.Key, 1, Statement{Booked: true, Caller: "anna"}); err != nil {
		t.Fatal(err)
	}
	if r := get(t, l, s.Key); len(r.Clues) != 1 || r.Evidence == nil {
		t.Errorf("%+v", r)
	}
	c.pass(KeepContent + time.Second)
	retainAll(t, l)
	r := get(t, l, s.Key)
	if r.Evidence != nil || r.Clues != nil || r.DocumentReferences != nil || r.Resolution == nil || !r.Resolution.Statement.Booked {
		t.Errorf("%+v", r)
	}
	if again, repeated, err := l.Confirm(t.Context(), s.Key, 1, Statement{Booked: true, Caller: "bert"}); err != nil || !repeated || again.Resolution.Statement.Caller != "anna" {
		t.Errorf("%+v, %v", again.Resolution, err)
	}
}

// A caller who takes an id that stands for nothing booked does not read what was looked up and said of its first caller's write; what
// Loop still answers to that is kept.
func TestAnIDThatIsTakenOverTellsNothingOfItsFirstCaller(t *testing.T) {
	onEach(t, anIDThatIsTakenOverTellsNothingOfItsFirstCaller)
}

func anIDThatIsTakenOverTellsNothingOfItsFirstCaller(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	for _, caller := range []string{"billing", "payroll"} {
		s := submission(caller, caller)
		b := begin(t, l, s)
		submitting(t, l, b)
		settle(t, l, b, Outcome{State: Uncertain, Error: &Failure{Cause: "outcome_unknown"}})
		c.pass(ResubmitAfter + time.Second)
		checked(t, l, s.Key, absent(1, "FA-"+caller))
		if _, _, err := l.Confirm(t.Context(), s.Key, 1, Statement{Caller: "anna", Note: "not in ACH"}); err != nil {
			t.Fatal(err)
		}
		s.Caller = caller
		next := begin(t, l, s)
		if kept := caller == "billing"; next.Attempt != 2 || (next.Evidence != nil) != kept || (next.Resolution.Statement != nil) != kept {
			t.Errorf("%s: %+v, %+v", caller, next.Evidence, next.Resolution)
		}
		if _, err := l.Settle(t.Context(), s.Key, 1, b.Owner, Outcome{State: Waiting, LoopRequestID: "late"}); !errors.Is(err, ErrLost) {
			t.Fatal(err)
		}
		if late := get(t, l, s.Key).Resolution.Late; len(late) != 1 || late[0].LoopRequestID != "late" {
			t.Errorf("%s: heard late: %+v", caller, late)
		}
	}
}

// A look that may be blind lets nothing be sent again; a person who has looked in Loop says so with a note.
func TestALookThatMayBeBlind(t *testing.T) { onEach(t, aLookThatMayBeBlind) }

func aLookThatMayBeBlind(t *testing.T, temporary opener) {
	for name, change := range map[string]func(*Search){
		"nothing is known to be booked":    func(s *Search) { s.Control = ControlNone },
		"what is booked is not found":      func(s *Search) { s.Control = ControlMissed },
		"what cannot be is found":          func(s *Search) { s.Anything = true; s.Sightings[0].Unlettered = 100 },
		"a look from before the controls":  func(s *Search) { s.Control = ControlUnknown },
		"found, of what nobody can say so": func(s *Search) { s.Control, s.Anything = ControlMissed, true; s.Sightings[0].Lettered = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := temporary(t, c.Now)
			s := submission("r1", "one")
			reach(t, l, s, Uncertain)
			look := absent(1, "FA-one")
			change(&look)
			word := Statement{Caller: "anna", Note: "nothing of it in ACH"}

			if checked(t, l, s.Key, look); true { // too early
				if _, _, err := l.Confirm(t.Context(), s.Key, 1, word); !errors.Is(err, ErrEvidence) {
					t.Errorf("too early: %v", err)
				}
			}
			c.pass(ResubmitAfter + time.Minute)
			checked(t, l, s.Key, look)
			if _, err := l.Resubmit(t.Context(), s, 1, "anna", "server-9"); !errors.Is(err, ErrEvidence) {
				t.Errorf("sent again: %v", err)
			}
			if _, _, err := l.Confirm(t.Context(), s.Key, 1, Statement{Caller: "anna", Note: " "}); !errors.Is(err, ErrEvidence) {
				t.Errorf("without a note: %v", err)
			}
			r, _, err := l.Confirm(t.Context(), s.Key, 1, word)
			if err != nil || r.State != NotSent || !r.Resolution.Statement.Unproven {
				t.Errorf("with a note: %+v, %v", r, err)
			}
		})
	}
	// Loop may still come to what it has accepted: no note helps.
	c := newClock()
	l := temporary(t, c.Now)
	s := submission("r1", "one")
	reach(t, l, s, Uncertain)
	c.pass(ResubmitAfter + time.Minute)
	look := absent(1, "FA-one")
	look.Control, look.Accepted = ControlMissed, true
	checked(t, l, s.Key, look)
	if _, _, err := l.Confirm(t.Context(), s.Key, 1, Statement{Note: "x"}); !errors.Is(err, ErrEvidence) {
		t.Errorf("accepted: %v", err)
	}
	// A look that can see needs no note.
	checked(t, l, s.Key, absent(1, "FA-one"))
	if r, _, err := l.Confirm(t.Context(), s.Key, 1, Statement{}); err != nil || r.Resolution.Statement.Unproven {
		t.Errorf("proven: %+v, %v", r, err)
	}
}

func TestWhatLoopSaysOfWhatIsUncertain(t *testing.T) { onEach(t, whatLoopSaysOfWhatIsUncertain) }

func whatLoopSaysOfWhatIsUncertain(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	aged := func(id string) Key {
		s := submission(id, id)
		b := begin(t, l, s)
		submitting(t, l, b)
		settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-" + id})
		if r := grow(t, l, c, get(t, l, s.Key), FollowFor); r.State != Uncertain {
			t.Fatalf("%+v", r)
		}
		return s.Key
	}
	booked, failed := aged("r1"), aged("r2")
	for name, test := range map[string]struct {
		attempt int
		loopID  string
		said    State
	}{"another attempt": {2, "loop-r1", Succeeded}, "another id": {1, "loop-r2", Succeeded}, "no final word": {1, "loop-r1", Running}} {
		if _, err := l.Concluded(t.Context(), booked, test.attempt, test.loopID, Progress{State: test.said}); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := l.Concluded(t.Context(), booked, 1, "loop-r1", Progress{State: Succeeded})
	if err != nil || r.State != Succeeded || r.Error != nil || r.Updated != c.Now() || !reflect.DeepEqual(r, get(t, l, booked)) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := l.Concluded(t.Context(), booked, 1, "loop-r1", Progress{State: Failed}); !errors.Is(err, ErrLost) {
		t.Errorf("twice: %v", err)
	}
	r, err = l.Concluded(t.Context(), failed, 1, "loop-r2", Progress{State: Failed, Error: &Failure{LoopMessage: "compte inconnu"}})
	if err != nil || r.State != Failed || r.Error.LoopMessage != "compte inconnu" {
		t.Errorf("%+v, %v", r, err)
	}
	sent := submission("r3", "three") // whether Loop has it is unknown
	reach(t, l, sent, Uncertain)
	if _, err := l.Concluded(t.Context(), sent.Key, 1, "", Progress{State: Succeeded}); !errors.Is(err, ErrLost) {
		t.Errorf("never accepted: %v", err)
	}
}
