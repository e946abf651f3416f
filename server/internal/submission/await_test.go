package submission

import (
	"errors"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestWhoWaitsIsNotToldOfOtherContent: an id that is refused and taken again, for other content, is no answer to who
// waits for the first.
func TestWhoWaitsIsNotToldOfOtherContent(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	var loop loop
	i := open(t, l, &loop, nil)
	reused := 0
	for round := range 100 {
		id := "FA-" + time.Now().Format("150405.000000")
		first := submission(id)
		begun, err := l.Begin(t.Context(), first, "another process")
		testkit.OK(t, err)
		type told struct {
			record ledger.Record
			err    error
		}
		answer := make(chan told, 1)
		go func() {
			record, err := i.Await(t.Context(), begun.Record)
			answer <- told{record, err}
		}()
		testkit.OK(t, l.Submitting(t.Context(), begun.Key, 1, "another process", time.Minute))
		if _, err := l.Settle(t.Context(), begun.Key, 1, "another process", ledger.Outcome{State: ledger.Refused}); err != nil {
			t.Fatal(err)
		}
		other := first
		other.Fingerprints = []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte("mended")).Bytes([]byte{byte(round)}).Sum()}
		again, err := l.Begin(t.Context(), other, "another process")
		if err != nil || again.Attempt != 2 {
			t.Fatal(again, err)
		}
		got := <-answer
		switch {
		case errors.Is(got.err, ledger.ErrReused):
			reused++
		case got.err != nil || got.record.Attempt != 1 || got.record.State != ledger.Refused:
			t.Fatalf("told %+v, %v", got.record, got.err)
		}
		if _, err := l.Settle(t.Context(), again.Key, 2, "another process", ledger.Outcome{State: ledger.NotSent}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 100 learnt that the id was taken again", reused)
}
