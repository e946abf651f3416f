package telemetry

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestALedgerThatIsGoneLeavesTheOtherMetrics: they are needed then more than ever.
func TestALedgerThatIsGoneLeavesTheOtherMetrics(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	registry := prometheus.NewPedanticRegistry()
	RegisterLedger(registry, l)
	ofLog := len(ledger.EventKinds()) + 3
	up := values(t, registry)
	if uncertain, ok := up["ledger_submissions state=UNCERTAIN"]; up["ledger_up"] != 1 || !ok || uncertain != 0 || up["ledger_failures_total"] != 0 || len(up) != 2+len(ledger.States())+ofLog {
		t.Errorf("while it answers: %v", up)
	}
	testkit.OK(t, l.Close())
	if down := values(t, registry); len(down) != 2+ofLog || down["ledger_up"] != 0 || values(t, registry)["ledger_failures_total"] == 0 {
		t.Errorf("when it is gone: %v", down)
	}
}

// TestTheLogOfEventsIsCounted: what was written, who follows it and who waits for a submission.
func TestTheLogOfEventsIsCounted(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	registry := prometheus.NewPedanticRegistry()
	RegisterLedger(registry, l)
	want := func(when string, lost, found, followers, watchers float64) {
		t.Helper()
		got := values(t, registry)
		if got["ledger_events_total kind=CONNECTION_LOST"] != lost || got["ledger_events_total kind=CONNECTION_FOUND"] != found ||
			got["ledger_log_followers"] != followers || got["ledger_watchers"] != watchers || got["ledger_log_behind_seconds"] > 10 {
			t.Errorf("%s: %v", when, got)
		}
	}
	want("nothing has happened", 0, 0, 0, 0)
	for range 2 {
		testkit.OK(t, l.Connected(t.Context(), "demo", false))
	}
	_, leave := l.Subscribe(ledger.Key{Practice: "demo", Collection: ledger.Imports, RequestID: "r1"})
	want("a connection is lost, and somebody waits", 1, 0, 0, 1)
	leave()
	err = l.Follow(t.Context(), 0, true, func() (ledger.EventQuery, error) { return ledger.EventQuery{Limit: 10}, nil }, func(events []ledger.Event, _ ledger.Sequence) error {
		want("somebody follows", 1, 0, 1, 0)
		return errors.New("enough")
	})
	if err == nil || err.Error() != "enough" {
		t.Error(err)
	}
	want("they have left", 1, 0, 0, 0)
}
