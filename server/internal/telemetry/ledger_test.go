package telemetry

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/secret"
)

// TestALedgerThatIsGoneLeavesTheOtherMetrics: they are needed then more than ever.
func TestALedgerThatIsGoneLeavesTheOtherMetrics(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	registry := prometheus.NewPedanticRegistry()
	RegisterLedger(registry, l)
	ofLog := len(ledger.EventKinds()) + 3
	up := values(t, registry)
	if uncertain, ok := up["ledger_submissions state=UNCERTAIN"]; up["ledger_up"] != 1 || !ok || uncertain != 0 || up["ledger_failures_total kind=commit"]+up["ledger_failures_total kind=read"] != 0 || len(up) != 3+len(ledger.States())+ofLog {
		t.Errorf("while it answers: %v", up)
	}
	testkit.OK(t, l.Close())
	if down := values(t, registry); len(down) != 3+ofLog || down["ledger_up"] != 0 {
		t.Errorf("when it is gone: %v", down)
	}
	if down := values(t, registry); down["ledger_failures_total kind=read"] == 0 || down["ledger_failures_total kind=commit"] != 0 {
		t.Errorf("nothing was to be committed: %v", down)
	}
	if err := l.Connected(t.Context(), "demo", false); err == nil || values(t, registry)["ledger_failures_total kind=commit"] != 1 {
		t.Errorf("a commit failed: %v, %v", err, values(t, registry))
	}
}

// TestTheSecretOfALedgerIsWatched: its age, and that it cannot be read again.
func TestTheSecretOfALedgerIsWatched(t *testing.T) {
	now := secret.Status{Use: "postgres", ChangedAt: time.Now().Add(-time.Hour)}
	registry := prometheus.NewPedanticRegistry()
	RegisterLedgerSecret(registry, func() secret.Status { return now })
	if got := values(t, registry); len(got) != 2 || math.Abs(got["ledger_secret_age_seconds use=postgres"]-3600) > 60 || got["ledger_secret_read_failed use=postgres"] != 0 {
		t.Error(got)
	}
	now.Err = errors.New("gone")
	if got := values(t, registry); got["ledger_secret_read_failed use=postgres"] != 1 {
		t.Error(got)
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
