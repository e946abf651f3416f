package main

import (
	"strings"
	"testing"

	"cegid.internal/gateway/server/internal/policy"
)

func TestCheckExplainsWhatACallerMayDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(t, "policy.yaml", `
callers: [{name: billing, token_hashes: ["`+policy.HashToken("a")+`"]}, {name: idle, token_hashes: ["`+policy.HashToken("b")+`"]}]
grants:
  - {caller: billing, practices: [demo], dossiers: ["C*"], rights: [read]}
  - {caller: billing, practices: [demo], dossiers: [CEGID001], rights: [write]}
`)
	path := w.config(t)
	first, second := "allowed by grants[0] ("+w.path("policy.yaml")+":4)\n", "allowed by grants[1] ("+w.path("policy.yaml")+":5)\n"
	for _, c := range []struct {
		arguments string
		code      int
		says      string // on standard output; on standard error when that is empty
	}{
		{"--as billing --practice demo --dossier CEGID001 --right write", 0, "billing, demo/CEGID001, write: " + second},
		{"--as billing --practice demo --dossier CEGID003 --right write", 3, "billing, demo/CEGID003, write: denied: the caller's grants on the practice that cover the dossier lack the right to write, and those with the right do not cover it\n"},
		{"--as billing --practice demo --dossier CEGID001 --rpc ImportService.ImportEntries", 0, "billing, demo/CEGID001, write (ImportService.ImportEntries): " + second},
		{"--as billing --practice demo --dossier X --rpc ReferenceDataService.StreamAccounts", 3, "read (ReferenceDataService.StreamAccounts): denied: none of the caller's grants on the practice covers the dossier"},
		{"--as billing --practice demo --rpc DiagnosticsService.ListDossiers", 0, "billing, demo, read (DiagnosticsService.ListDossiers): " + first},
		{"--as billing --practice demo --dossier CEGID001", 0, "read: " + first + "billing, demo/CEGID001, write: " + second + "billing, demo/CEGID001, practice: denied: none of the caller's grants on the practice has the right to practice\n"},
		{"--as billing --practice demo --dossier CEGID001 --rpc DocumentService.StoreDocument", 0, "billing, demo/CEGID001, write (DocumentService.StoreDocument): " + second},
		{"--as billing --practice demo --rpc RawService.Call", 3, "raw (RawService.Call): denied: none of the caller's grants on the practice has the right to raw"},
		{"--as idle --practice demo", 3, "idle, demo, read: denied: no grant of the caller is on the practice\n"},
		{"--as nobody --practice demo", 3, "the policy has no caller nobody; its callers are billing, idle"},
		{"--as billing --practice partner", 3, "the configuration has no practice partner"},
		{"--as billing --practice demo --rpc ImportService.ImportEntries", 1, "ImportService.ImportEntries is about a dossier; give --dossier"},
		{"--as billing --practice demo --dossier CEGID001 --rpc DiagnosticsService.ListDossiers", 1, "is about the practice itself; leave --dossier out"},
		{"--as billing --practice demo --rpc ImportService.Nothing", 1, "there is no method ImportService.Nothing; write Service.Method, such as "},
		{"--as billing", 80, "--as needs --practice"},
		{"--practice demo", 80, "need --as"},
		{"--as billing --practice demo --right write --rpc A.B", 80, "keep one"},
		{"--as billing --practice demo --right all", 80, "must be one of"},
	} {
		out, said, code := run(t, append([]string{"check", "--config", path}, strings.Fields(c.arguments)...)...)
		if code != c.code || !strings.Contains(out, c.says) && !strings.Contains(said, c.says) {
			t.Errorf("%s: code %d, %q, %q; want %d, %q", c.arguments, code, out, said, c.code, c.says)
		}
	}
	if w.Count("") > 0 {
		t.Error("Loop was called")
	}
}
