package ledger

import (
	"errors"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// TestAnotherAttemptLeavesNoGap: a submission that Loop turned away is begun again in one step, by its owner alone, and
// only once it was on its way or before.
func TestAnotherAttemptLeavesNoGap(t *testing.T) {
	design := design()
	for _, state := range States() {
		s := status{state: state, attempt: 1, owner: "a", leaseUntil: 100}
		to, err := design.again(s, 1, "a", "b", 50)
		if open := state.Open(); open != (err == nil) {
			t.Errorf("%s: %+v, %v", state, to, err)
		} else if open && (to.state != Received || to.attempt != 2 || to.owner != "b" || to.submitted != 0 || to.leaseUntil != 50+Lease.Microseconds()) {
			t.Errorf("%s: %+v", state, to)
		}
		for _, other := range []status{{state: state, attempt: 2, owner: "a"}, {state: state, attempt: 1, owner: "c"}} {
			if _, err := design.again(other, 1, "a", "b", 50); !errors.Is(err, ErrLost) {
				t.Errorf("%+v is not the owner's: %v", other, err)
			}
		}
	}
	// What others have settled since may have been sent under another id.
	if _, err := design.again(status{state: Uncertain, attempt: 1, owner: "a", abandoned: true}, 1, "a", "b", 50); !errors.Is(err, ErrLost) {
		t.Errorf("others have settled it: %v", err)
	}

	l, err := Temporary(t.Context(), nil)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	s := Submission{
		Key: Key{"demo", "CEGID001", Imports, "FA-1"}, Caller: "billing", Kind: KindEntries, Format: "ENTRIES",
		Fingerprints: []Fingerprint{fingerprintOf(1, []byte("x"))}, DocumentReferences: []string{"FA-1"},
	}
	begun, err := l.Begin(t.Context(), s, "a")
	testkit.OK(t, err)
	testkit.OK(t, l.Submitting(t.Context(), begun.Key, 1, "a", time.Minute))
	for range 2 { // the second time as after a commit that was not confirmed
		got, err := l.Again(t.Context(), begun.Key, 1, "a", "b")
		if err != nil || got.State != Received || got.Attempt != 2 || got.Owner != "b" || got.Error != nil || !got.Submitted.IsZero() || got.DocumentReferences[0] != "FA-1" || got.Fingerprint != begun.Fingerprint {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if _, err := l.Again(t.Context(), begun.Key, 1, "a", "c"); !errors.Is(err, ErrLost) {
		t.Errorf("once more from the first attempt: %v", err)
	}
	if _, err := l.Settle(t.Context(), begun.Key, 1, "a", Outcome{State: NotSent}); !errors.Is(err, ErrLost) {
		t.Errorf("the first attempt is not settled any more: %v", err)
	}
	if err := l.Submitting(t.Context(), begun.Key, 2, "b", time.Minute); err != nil {
		t.Error(err)
	}
	other := s
	other.RequestID = "FA-2"
	if _, err := l.Begin(t.Context(), other, "d"); !errors.As(err, new(*DuplicateError)) {
		t.Errorf("the same content under another id: %v", err)
	}
}
