//go:build contract

package contract

import (
	"os"
	"path/filepath"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// TestLoop asks the Loop that LOOP_CONTRACT_… names, and writes the report. It fails where Loop answers otherwise than the
// code depends on; a question that stays open is no failure.
func TestLoop(t *testing.T) {
	cfg, err := FromEnvironment(os.Environ())
	testkit.OK(t, err)
	report, err := Run(t.Context(), cfg)
	testkit.OK(t, err)
	testkit.OK(t, report.Write(cfg.Report))
	path, err := filepath.Abs(cfg.Report)
	testkit.OK(t, err)
	t.Logf("%d as assumed, %d otherwise, %d not settled, %d requests; read %s.md, then send %s.json",
		report.Count(AsAssumed), report.Count(Otherwise), report.Count(NotSettled), report.Requests, path, path)
	for _, each := range report.Failed() {
		t.Errorf("%s: %s The code depends on: %s. Seen: %s", each.ID, each.Question, each.Assumed, each.Seen)
	}
}
