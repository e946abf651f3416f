package telemetry

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestALedgerThatIsGoneLeavesTheOtherMetrics: they are needed then more than ever.
func TestALedgerThatIsGoneLeavesTheOtherMetrics(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	RegisterLedger(registry, l)
	up := values(t, registry)
	if uncertain, ok := up["ledger_submissions state=UNCERTAIN"]; up["ledger_up"] != 1 || !ok || uncertain != 0 || up["ledger_failures_total"] != 0 || len(up) != 2+len(ledger.States()) {
		t.Errorf("while it answers: %v", up)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if down := values(t, registry); len(down) != 2 || down["ledger_up"] != 0 || values(t, registry)["ledger_failures_total"] == 0 {
		t.Errorf("when it is gone: %v", down)
	}
}
