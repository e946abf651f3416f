package cegidclient_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

const aFEC = `JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise
ACH|Achats|1|20260315|60700000|Achats|||FA-1|20260315|Achat|100,00|0,00|||20260331||
ACH|Achats|1|20260315|44566000|TVA|||FA-1|20260315|TVA|20,00|0,00|||20260331||
ACH|Achats|1|20260315|40100000|Fournisseurs|FEXEMPLE|Exemple|FA-1|20260315|Exemple|0,00|120,00|||20260331||
`

func content(text []byte) cegidclient.FileContent {
	sum := sha256.Sum256(text)
	return cegidclient.FileContent{Content: bytes.NewReader(text), Size: int64(len(text)), SHA256: sum[:]}
}

// TestADepositedFileIsBooked walks each format from the deposit to the books.
func TestADepositedFileIsBooked(t *testing.T) {
	tra := strings.Join([]string{
		"***S5CLIJRLETE   0101190001011900011     150320261030EXEMPLE",
		traLine("60700000", "", "", "FA-2", "D", "100,00"), traLine("60700000", "A", "PROJ1", "FA-2", "D", "100,00"),
		traLine("44566000", "", "", "FA-2", "D", "20,00"), traLine("40100000", "X", "FEXEMPLE", "FA-2", "C", "120,00"),
	}, "\r\n")
	demo := "journal;date;account;label;debit;credit;ref\nOD;2026-03-15;60700000;Achat;120,00;;FA-3\nOD;2026-03-15;40100000;Exemple;;120.00;FA-3\n"
	for _, tc := range []struct {
		name, file, content, format, piece, journal string
		lines                                       int
		submit                                      func(*cegidclient.Client, cegidclient.FileImport) (string, error)
	}{
		{"a FEC", "900000001FEC20261231.txt", aFEC, loopsim.FormatFEC, "FA-1", "ACH", 3, func(c *cegidclient.Client, f cegidclient.FileImport) (string, error) {
			return c.Files.ImportFEC(t.Context(), "DOSSIER_TEST", f)
		}},
		{"a TRA", "mars.tra", tra, loopsim.FormatTRA, "FA-2", "ACH", 3, func(c *cegidclient.Client, f cegidclient.FileImport) (string, error) {
			return c.Files.ImportTRA(t.Context(), "DOSSIER_TEST", f)
		}},
		{"a custom file", "mars été.csv", demo, loopsim.FormatCustom, "FA-3", "OD", 2, func(c *cegidclient.Client, f cegidclient.FileImport) (string, error) {
			f.Model = loopsim.DemoModel
			return c.Files.ImportCustom(t.Context(), "DOSSIER_TEST", f)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, sim := simulated(t, func(cfg *cegidclient.Config) { cfg.Unverified = []string{"import_tra"} })
			uri, err := client.Files.Deposit(t.Context(), tc.file, content([]byte(tc.content)))
			if err != nil || !strings.HasSuffix(uri, "/"+tc.file) {
				t.Fatal(uri, err)
			}
			id, err := tc.submit(client, cegidclient.FileImport{URI: uri, SIRET: loopsim.SandboxSIRET})
			testkit.OK(t, err)
			if status, err := client.Imports.Status(t.Context(), id); err != nil || status.State != cegidclient.StatusWaiting {
				t.Errorf("%+v, %v", status, err)
			}
			sim.FinishImports()
			status, err := client.Imports.Status(t.Context(), id)
			record := sim.Imports()[0]
			if err != nil || status.State != cegidclient.StatusSucceeded {
				t.Fatalf("%+v, %v: %s", status, err, record.Message)
			}
			sum := sha256.Sum256([]byte(tc.content))
			f := record.File
			if record.Format != tc.format || f == nil || f.Name != tc.file || f.Digest != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(tc.content)) ||
				f.Lines != tc.lines || f.Entries != 1 || f.Debit != "120.00" || f.Credit != "120.00" || f.Kept != tc.lines ||
				len(f.Journals) != 1 || f.Journals[0] != (loopsim.FileTotal{Code: tc.journal, Lines: tc.lines, Debit: "120.00", Credit: "120.00"}) || len(f.Accounts) != tc.lines {
				t.Errorf("%+v %+v", record, f)
			}
			booked, err := sim.Entries("partner", "DOSSIER_TEST")
			if err != nil || len(booked) != 1 || booked[0].RefPiece != tc.piece || booked[0].Journal != tc.journal || booked[0].Date != "2026-03-15" || booked[0].Import != id ||
				len(booked[0].Lines) != tc.lines || booked[0].Lines[0].SIRET != loopsim.SandboxSIRET {
				t.Errorf("%+v", booked)
			}
		})
	}
}

// traLine is a movement in positions 1 to 222 (loop-api: A 9.4).
func traLine(account, kind, party, ref, side, amount string) string {
	return fmt.Sprintf("%-3s%s%-2s%-17s%1s%-17s%-35s%-35s%-3s%8s%s%20s%s%8s%-3s%10s%-3s", "ACH", "15032026", "FF", account, kind, party, ref, "EXEMPLE", "", "", side, amount, "N", "", "EUR", "", "E--") + fmt.Sprintf("%43s%-2s", "", map[bool]string{true: "A1"}[kind == "A"])
}

// TestOfALargeFileTheFirstEntriesAreKeptAndTheTotalsOfAll: scattered lines, so that entries go on beyond what is kept.
func TestOfALargeFileTheFirstEntriesAreKeptAndTheTotalsOfAll(t *testing.T) {
	for name, o := range map[string]fecgen.Options{
		"entry by entry": {Size: 3 << 20},
		"by account":     {Size: 3 << 20, ByLedger: 50},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := simulated(t)
			file := fecgen.Bytes(o)
			v := fec.NewValidator(fec.Options{})
			_, _ = v.Write(file)
			want := v.Close()
			uri, err := client.Files.Deposit(t.Context(), fecgen.Name, content(file))
			testkit.OK(t, err)
			if _, err := client.Files.ImportFEC(t.Context(), "DOSSIER_TEST", cegidclient.FileImport{URI: uri}); err != nil {
				t.Fatal(err)
			}
			sim.FinishImports()
			record := sim.Imports()[0]
			f := record.File
			if record.Outcome != loopsim.ImportBooked || f.Lines != want.Lines || f.Lines <= 2*loopsim.KeptLines || f.Entries != want.Entries ||
				f.Debit != want.Debit.String() || f.Credit != want.Credit.String() || len(f.Journals) != len(want.Journals) || len(f.Accounts) != len(want.Accounts) {
				t.Fatalf("%s %+v", record.Message, f)
			}
			booked, err := sim.Entries("partner", "DOSSIER_TEST")
			lines := 0
			for _, e := range booked {
				lines += len(e.Lines)
			}
			if err != nil || lines != f.Kept || lines > loopsim.KeptLines || lines < loopsim.KeptLines-1000 {
				t.Errorf("%d lines of %d entries, %d kept, %v", lines, len(booked), f.Kept, err)
			}
		})
	}
}
