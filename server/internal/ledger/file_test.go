package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

func TestLookKnowsALedger(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"empty": "", "text": strings.Repeat("no ledger ", 100), "database": "SQLite format 3\x00" + strings.Repeat("\x00", 500)} {
		testkit.OK(t, os.WriteFile(at(name), []byte(content), 0o600))
	}
	testkit.OK(t, Init(t.Context(), at("ledger")))
	for name, want := range map[string]error{"nothing": ErrMissing, "": ErrNoLedger, "empty": ErrNoLedger, "text": ErrNoLedger, "database": ErrNoLedger, "ledger": nil} {
		if err := Look(at(name)); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", name, err, want)
		}
	}
	l, err := Open(t.Context(), at("ledger"))
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	if err := Look(at("ledger")); err != nil {
		t.Errorf("one that is open: %v", err)
	}
}

func TestABackupIsTheLedger(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	testkit.OK(t, Init(t.Context(), at("ledger")))
	l, err := Open(t.Context(), at("ledger"))
	testkit.OK(t, err)
	begun, err := l.Begin(t.Context(), Submission{Key: Key{"demo", "D1", Imports, "FA-1"}, Caller: "billing", Kind: KindEntries, Fingerprints: []Fingerprint{fingerprintOf(1)}, DocumentReferences: []string{"FA-1"}}, "owner")
	testkit.OK(t, err)
	if _, err := Backup(t.Context(), at("ledger"), at("while open")); !errors.Is(err, ErrLocked) {
		t.Errorf("of a ledger in use: %v", err)
	}
	// As a killed server leaves it: the last commits are beside the file.
	for _, name := range []string{"ledger", "ledger-wal"} {
		content, err := os.ReadFile(at(name))
		testkit.OK(t, err)
		testkit.OK(t, os.WriteFile(at(strings.Replace(name, "ledger", "killed", 1)), content, 0o600))
	}
	testkit.OK(t, l.Close())
	for _, from := range []string{"ledger", "killed"} {
		to := at(from + ".backup")
		if n, err := Backup(t.Context(), at(from), to); err != nil || n != 1 {
			t.Errorf("of %s: %d submissions, %v", from, n, err)
			continue
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("of %s: %v, %v", from, info, err)
		}
		restored, err := Open(t.Context(), to)
		testkit.OK(t, err)
		got, err := restored.Get(t.Context(), begun.Record.Key)
		if err != nil || got.Caller != "billing" || len(got.DocumentReferences) != 1 || got.State != Received {
			t.Errorf("of %s: %+v, %v", from, got, err)
		}
		testkit.OK(t, restored.Close())
	}

	before, err := os.ReadFile(at("ledger.backup"))
	testkit.OK(t, err)
	if _, err := Backup(t.Context(), at("ledger"), at("ledger.backup")); !errors.Is(err, ErrExists) {
		t.Errorf("over another backup: %v", err)
	}
	if after, _ := os.ReadFile(at("ledger.backup")); !bytes.Equal(before, after) {
		t.Error("that was touched")
	}
	for from, want := range map[string]error{"nothing": ErrMissing, "text": ErrNoLedger} {
		testkit.OK(t, os.WriteFile(at("text"), []byte("x"), 0o600))
		if _, err := Backup(t.Context(), at(from), at("other")); !errors.Is(err, want) {
			t.Errorf("of %s: %v; want %v", from, err, want)
		}
	}
	testkit.OK(t, os.WriteFile(at("damaged"), append(bytes.Clone(before[:len(before)/2]), make([]byte, len(before)/2)...), 0o600))
	if _, err := Backup(t.Context(), at("damaged"), at("other")); err == nil {
		t.Error("a damaged ledger passes for a backup")
	}
	for _, name := range []string{"while open", "other"} { // nothing half-made stays
		if _, err := os.Stat(at(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
