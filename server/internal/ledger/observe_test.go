package ledger

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// TestStepsAreTold: each with its name, also one that the ledger refuses.
func TestStepsAreTold(t *testing.T) {
	l, err := Temporary(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var steps []Observation
	l.Observe(func(_ context.Context, step Observation) { steps = append(steps, step) })
	key := Key{Practice: "demo", Dossier: "D1", Collection: Imports, RequestID: "r1"}
	begun, err := l.Begin(t.Context(), Submission{Key: key, Caller: "billing", Kind: KindEntries, Fingerprints: []Fingerprint{fingerprintOf(1, []byte("a"))}}, "server")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Submitting(t.Context(), key, begun.Attempt, "server", time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), key, begun.Attempt, "server", Outcome{State: Uncertain, Error: &Failure{}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Submitting(t.Context(), key, begun.Attempt, "server", time.Second); !errors.Is(err, ErrLost) && !errors.Is(err, ErrTransition) {
		t.Fatal(err)
	}
	if _, err := l.Get(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, each := range steps {
		names = append(names, each.Name)
	}
	if want := []string{"begin", "submitting", "settle", "submitting", "read"}; !slices.Equal(names, want) {
		t.Errorf("told of %q; want %q", names, want)
	}
	if steps[3].Err == nil || steps[0].Err != nil {
		t.Errorf("%+v", steps)
	}

	open, err := l.CountOpen(t.Context())
	if err != nil || len(open) != 1 || open[0].Practice != "demo" || open[0].State != Uncertain || open[0].N != 1 || open[0].Oldest < 0 || open[0].Oldest > time.Minute {
		t.Errorf("%+v, %v", open, err)
	}
}
