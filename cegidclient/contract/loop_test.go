//go:build contract

package contract

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLoop asks the Loop that LOOP_CONTRACT_… names, and writes the report. It fails where Loop answers otherwise than the
// code depends on; a question that stays open is no failure.
func TestLoop(t *testing.T) {
	cfg, err := FromEnvironment(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(cfg.Report); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(cfg.Report)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d as assumed, %d otherwise, %d not settled, %d requests; read %s.md, then send %s.json",
		report.Count(AsAssumed), report.Count(Otherwise), report.Count(NotSettled), report.Requests, path, path)
	for _, each := range report.Failed() {
		t.Errorf("%s: %s The code depends on: %s. Seen: %s", each.ID, each.Question, each.Assumed, each.Seen)
	}
}
