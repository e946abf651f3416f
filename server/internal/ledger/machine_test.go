package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// The state machine of docs/architecture.md, "Writes", written down a second time, row by row.
func TestTheStateMachineIsTheDesigns(t *testing.T) {
	want := map[State]string{
		Received:   "submit→SUBMITTING, turn away→NOT_SENT, abandon→NOT_SENT",
		Submitting: "accept→WAITING, complete→SUCCEEDED, refuse→REFUSED, turn away→NOT_SENT, lose→UNCERTAIN, abandon→UNCERTAIN",
		Waiting:    "await→WAITING, run→RUNNING, succeed→SUCCEEDED, fail→FAILED, age→UNCERTAIN",
		Running:    "await→RUNNING, run→RUNNING, succeed→SUCCEEDED, fail→FAILED, age→UNCERTAIN",
		Succeeded:  "",
		Failed:     "state booked→SUCCEEDED, state not booked→REFUSED, resubmit→RECEIVED",
		NotSent:    "retake→RECEIVED, accept→WAITING, complete→SUCCEEDED",
		Refused:    "retake→RECEIVED, accept→WAITING, complete→SUCCEEDED",
		Uncertain: "accept→WAITING, complete→SUCCEEDED, refuse→REFUSED, turn away→NOT_SENT, lose→UNCERTAIN, succeed→SUCCEEDED, fail→FAILED, " +
			"state booked→SUCCEEDED, state not booked→NOT_SENT, resubmit→RECEIVED",
	}
	for _, from := range States() {
		var steps []string
		for _, happens := range events() {
			to, err := next(from, happens)
			if err == nil {
				steps = append(steps, string(happens)+"→"+string(to))
			} else if !errors.Is(err, ErrTransition) || to != from {
				t.Errorf("%s in %s: %s, %v", happens, from, to, err)
			}
		}
		if got := strings.Join(steps, ", "); got != want[from] {
			t.Errorf("%s: %s\nwant %s", from, got, want[from])
		}
	}
	if _, err := next("ELSEWHERE", submit); !errors.Is(err, ErrTransition) {
		t.Errorf("an unknown state: %v", err)
	}
}

func TestEveryStateIsOpenFollowingOrFinal(t *testing.T) {
	for _, s := range States() {
		if s.Final() == (s.Open() || s.Following()) || s.Open() && s.Following() {
			t.Errorf("%s", s)
		}
	}
}

func TestALeaseMustCoverTheWholeCall(t *testing.T) {
	r := design()
	s := r.receive("a", 0)
	last := (Lease - time.Minute).Microseconds()
	if _, err := r.submit(s, 1, "a", last, time.Minute); err != nil {
		t.Errorf("a lease that just covers: %v", err)
	}
	if _, err := r.submit(s, 1, "a", last+1, time.Minute); !errors.Is(err, ErrLease) {
		t.Errorf("a microsecond too little: %v", err)
	}
	if _, changed := r.expire(s, Lease.Microseconds()-1); changed {
		t.Error("expired early")
	}
	if to, changed := r.expire(s, Lease.Microseconds()); !changed || to.state != NotSent {
		t.Errorf("expired late: %+v", to)
	}
}

func events() []event {
	return []event{
		retake, submit, accept, complete, refuse, turnAway, lose, abandon, await, run, succeed, fail, age, stateBooked,
		stateAbsent, resubmit,
	}
}

// fingerprintOf digests parts.
func fingerprintOf(scheme int, parts ...[]byte) Fingerprint {
	h := NewHasher(scheme)
	for _, part := range parts {
		h.Bytes(part)
	}
	return h.Sum()
}

func TestFingerprintsTellSequencesApart(t *testing.T) {
	seen := make(map[Fingerprint]int)
	for i, f := range []Fingerprint{
		fingerprintOf(1),
		fingerprintOf(2),
		fingerprintOf(1, nil),
		fingerprintOf(1, nil, nil),
		fingerprintOf(1, []byte("ab")),
		fingerprintOf(1, []byte("a"), []byte("b")),
		fingerprintOf(1, []byte("ab"), nil),
		fingerprintOf(1, nil, []byte("ab")),
		NewHasher(1).Text("ab").Sum(),
		NewHasher(1).Int(0).Sum(),
		NewHasher(1).Int(-1).Sum(),
		NewHasher(1).Bytes(make([]byte, 8)).Sum(),
		NewHasher(1).Bool(false).Sum(),
		NewHasher(1).Bool(true).Sum(),
	} {
		if other, known := seen[f]; known {
			t.Errorf("%d and %d are the same", i, other)
		}
		seen[f] = i
	}
}

// Rows of 400 days are compared with it: another value is another scheme.
func TestTheEncodingOfFingerprintsNeverChanges(t *testing.T) {
	const want = "1:b1d993884bc95abd541340c9d68ab180329546c36bf5170f52231515b475bdea"
	got := NewHasher(1).Text("é").Bytes([]byte{0}).Int(42).Bool(true).Bool(false).Sum().String()
	if got != want {
		t.Errorf("%s", got)
	}
}
