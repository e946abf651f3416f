package livebackup

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestStartingRemovesHalvesAlone: what a killed server has left of a copy goes, and whatever else lies beside the ledger stays,
// a backup of any name above all.
func TestStartingRemovesHalvesAlone(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "ledger.db")
	if err := ledger.Init(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	kept := []string{"ledger.db.backup-2026-11-29", "ledger.db.backup-folder/copy.db", "ledger.db.half-1", ".ledger.db.half-file", ".other.db.half-1/copy.db"}
	left := []string{".ledger.db.half-1/copy.db", ".ledger.db.half-1/copy.db-wal", ".ledger.db.half-2/copy.db"}
	for _, name := range append(kept, left...) {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := ledger.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := os.WriteFile(socketOf(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(l, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is no socket is replaced")
	}
	if err := os.Remove(socketOf(path)); err != nil {
		t.Error(err)
	}
	s, err := Start(l, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
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
