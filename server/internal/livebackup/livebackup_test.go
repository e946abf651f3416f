package livebackup

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestStartingRemovesHalvesAlone: what a killed server has left of a copy goes, and whatever else lies beside the ledger stays,
// a backup of any name above all.
func TestStartingRemovesHalvesAlone(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "ledger.db")
	testkit.OK(t, ledger.Init(t.Context(), path))
	kept := []string{"ledger.db.backup-2026-11-29", "ledger.db.backup-folder/copy.db", "ledger.db.half-1", ".ledger.db.half-file", ".other.db.half-1/copy.db"}
	left := []string{".ledger.db.half-1/copy.db", ".ledger.db.half-1/copy.db-wal", ".ledger.db.half-2/copy.db"}
	for _, name := range append(kept, left...) {
		name = filepath.Join(folder, name)
		testkit.OK(t, os.MkdirAll(filepath.Dir(name), 0o700))
		testkit.OK(t, os.WriteFile(name, []byte("x"), 0o600))
	}
	l, err := ledger.Open(t.Context(), path)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	testkit.OK(t, os.WriteFile(socketOf(path), nil, 0o600))
	if _, err := Start(l, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is no socket is replaced")
	}
	if err := os.Remove(socketOf(path)); err != nil {
		t.Error(err)
	}
	s, err := Start(l, slog.New(slog.DiscardHandler))
	testkit.OK(t, err)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range kept {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(folder, filepath.Dir(name))); err == nil {
			t.Errorf("%s is there still", name)
		}
	}
}
