package ledger

import (
	"errors"
	"reflect"
	"testing"
)

// TestEveryCompareAndSetLooksAtStateAttemptAndLoopsID: what was decided on another row than the one that is there, also
// one whose request id was forgotten and came anew, is not stored.
func TestEveryCompareAndSetLooksAtStateAttemptAndLoopsID(t *testing.T) {
	onEach(t, everyCompareAndSetLooksAtStateAttemptAndLoopsID)
}

func everyCompareAndSetLooksAtStateAttemptAndLoopsID(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	r := reach(t, l, submission("r1", "one"), Waiting)
	for name, change := range map[string]func(*status){
		"another state":          func(s *status) { s.state = Running },
		"another attempt":        func(s *status) { s.attempt = 2 },
		"another of Loop's ids":  func(s *status) { s.loopID = "loop-0" },
		"before Loop had one":    func(s *status) { s.loopID = "" },
		"an attempt and its own": func(s *status) { s.attempt, s.loopID = 2, "loop-2" },
	} {
		err := l.write(t.Context(), func(w *writing) error {
			from, decided := r.status(), r
			change(&from)
			decided.State = Succeeded
			return w.update(from, &decided)
		})
		if got := get(t, l, r.Key); !errors.Is(err, ErrLost) || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %v, and the row is %+v", name, err, got)
		}
	}
}

// TestAnImportThatANoHasNamedIsKnownByItsID: Loop answered no, and named an import all the same.
func TestAnImportThatANoHasNamedIsKnownByItsID(t *testing.T) {
	onEach(t, anImportThatANoHasNamedIsKnownByItsID)
}

func anImportThatANoHasNamedIsKnownByItsID(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	b := begin(t, l, submission("r1", "one"))
	submitting(t, l, b)
	r := settle(t, l, b, Outcome{State: Uncertain, LoopRequestID: "loop-r1", Error: &Failure{Cause: CauseNamesImport, LoopImport: "loop-r1"}})
	if r.State != Uncertain || r.LoopRequestID != "loop-r1" {
		t.Fatalf("%+v", r)
	}
	if _, err := l.Settle(t.Context(), r.Key, 1, owner, Outcome{State: NotSent, LoopRequestID: "loop-r1"}); !errors.Is(err, ErrTransition) {
		t.Errorf("with NOT_SENT: %v", err)
	}
	if r, err := l.Concluded(t.Context(), r.Key, 1, "loop-r1", Progress{State: Succeeded}); err != nil || r.State != Succeeded {
		t.Errorf("%+v, %v", r, err)
	}
}
