package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestAnExportHasTheDepositsOrIsNotThere: what is erased of them is nowhere else, and half of an export must not pass for one.
func TestAnExportHasTheDepositsOrIsNotThere(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	deposit := ledger.Deposit{Practice: "demo", Dossier: "D1", Caller: "billing", Format: "FEC", FileName: "DUPONTFEC20261231.txt", URI: "loop:1", Report: ledger.FileReport{References: []string{"Dupont-1"}}}
	for _, practice := range []string{"demo", "other"} {
		deposit.Practice = practice
		if _, err := l.Deposited(t.Context(), deposit, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	c := &practiceRemoveCommand{Practice: "demo", Export: filepath.Join(t.TempDir(), "export.ndjson")}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := c.export(gone, l); err == nil {
		t.Fatal("it is exported to nobody")
	}
	if _, err := os.Stat(c.Export); err == nil {
		t.Error("half of an export is left")
	}
	if n, _, err := c.export(t.Context(), l); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	text, err := os.ReadFile(c.Export)
	if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), "DUPONTFEC20261231.txt") || !strings.Contains(string(text), "Dupont-1") || strings.Contains(string(text), "other") {
		t.Errorf("the export is %s, %v", text, err)
	}
}
