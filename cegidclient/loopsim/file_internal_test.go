package loopsim

import (
	"bytes"
	"testing"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// FuzzFiles: whatever a file holds, what is booked of it balances and is bounded.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise\n" +
			"ACH|A|1|20260315|60700000|A|||SIM-503|20260315|A|1,00|0|||20260331||\n",
		"***S5CLIJRLETE   0101190001011900011\r\nACH15032026FF60700000                           FA-1                               L                                              D                1,00N        EUR          E--",
		"journal;date;account;label;debit;credit;ref\nOD;2026-03-15;60700000;A;1,00;;R\nOD;2026-03-15;60700000;\xe9;;1.00;R\n",
	} {
		for format := range byte(3) {
			f.Add(format, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, format byte, content []byte) {
		source := &fileSource{format: []string{FormatFEC, FormatTRA, FormatCustom}[format%3], uri: "a/b", model: DemoModel}
		tally, entries := newTally(source, filecheck.Lenient), 0
		switch source.format {
		case FormatFEC:
			entries = readFEC(bytes.NewReader(content), tally)
		case FormatTRA:
			entries = readTRA(bytes.NewReader(content), tally)
		default:
			entries = readDemo(bytes.NewReader(content), tally)
		}
		r := tally.end(entries)
		sum := int64(0)
		for i := range r.kept {
			sum += r.kept[i].debit.cents - r.kept[i].credit.cents
		}
		if r.failure == "" && (sum != 0 || r.Kept != r.Lines || r.Debit != r.Credit) || len(r.references) > rememberedReferences {
			t.Errorf("%+v, %d cents out of balance", r.FileRecord, sum)
		}
		var m magic
		findMagic(bytes.NewReader(content), source.format, &m)
		dossier := newWorld()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(dossier.addPractice(Practice{Name: "p"}))
		must(dossier.addDossier("p", "D", Template))
		sub := &submission{file: source}
		sub.fill(r)
		n := uint64(0)
		booked, failure := dossier.practices["p"].dossiers["D"].book(sub, "request", func(string) string { return "id" }, func() uint64 { n++; return n })
		if (failure == "") != (len(booked) > 0) {
			t.Errorf("%d entries, %q", len(booked), failure)
		}
	})
}
