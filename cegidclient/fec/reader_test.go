package fec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// lines reads all.
func lines(r *Reader) (out []Line, err error) {
	for {
		l, err := r.Read()
		if err != nil {
			return out, err
		}
		out = append(out, l)
	}
}

func TestTheReaderHandsOutEachField(t *testing.T) {
	grid := cash(22)(good())
	grid[3] = all2(grid[3], map[Field]string{CompteLib: "Fournisseurs \xe9trangers \x80", Debit: "1 200", Credit: "", Montantdevise: "-130,4567", Idevise: "USD", CompAuxLib: " x "})
	r := NewReader(strings.NewReader(written(grid)), Options{})
	got, err := lines(r)
	if err != io.EOF || len(got) != 5 {
		t.Fatal(len(got), err)
	}
	want := Line{
		Number: 4, JournalCode: "ACH", JournalLib: "Achats", EcritureNum: "1", EcritureDate: "2026-03-15",
		CompteNum: "40100000", CompteLib: "Fournisseurs étrangers €", CompAuxNum: "FEXEMPLE", CompAuxLib: "x", PieceRef: "FA-1", PieceDate: "2026-03-14", EcritureLib: "Fournisseur",
		Debit: 1200_00, EcritureLet: "AA", DateLet: "2026-03-20", ValidDate: "2026-03-31", Montantdevise: "-130.4567", Idevise: "USD",
		DateRglt: "2026-03-20", ModeRglt: "virement", IdClient: "Client exemple",
	}
	if got[2] != want {
		t.Errorf("got  %+v\nwant %+v", got[2], want)
	}
	if !got[0].Valid || got[0].Debit != 100_00 || got[1].Number != 3 {
		t.Errorf("%+v", got)
	}
	if r.Report().Lines != 5 || !r.Report().HasErrors() {
		t.Errorf("%+v", r.Report())
	}
}

func all2(cells []string, values map[Field]string) []string {
	for f, v := range values {
		cells[f] = v
	}
	return cells
}

func TestTheReaderTellsWhatItCannotRead(t *testing.T) {
	grid := all(signed("D", "-1"), set(3, EcritureDate, "20260231"), set(5, Montant, "x"))(good())
	grid[3] = grid[3][:5]
	got, _ := lines(NewReader(strings.NewReader(written(grid)), Options{}))
	var short []string
	for _, l := range got {
		short = append(short, fmt.Sprintf("%d %t %s %s %v %v", l.Number, l.Valid, l.EcritureDate, l.CompteNum, l.Debit, l.Credit))
	}
	want := []string{
		"2 true 2026-03-15 60700000 100.00 0.00", "3 false  44566000 20.00 0.00", "4 false   0.00 0.00", "5 false 2026-03-20 40100000 0.00 0.00", "6 true 2026-03-20 51200000 0.00 120.00",
	}
	if strings.Join(short, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", short)
	}

	r := NewReader(strings.NewReader("<?xml version=\"1.0\"?>\n"+strings.Repeat("x", 1<<20)), Options{})
	if l, err := r.Read(); err != io.EOF || r.Report().Findings[0].Code != "FILE_XML" {
		t.Error(l, err)
	}
	if _, err := r.Read(); err != io.EOF {
		t.Error(err)
	}
}

func TestAReadErrorComesBehindTheLinesBeforeIt(t *testing.T) {
	broken := errors.New("connection lost")
	r := NewReader(io.MultiReader(strings.NewReader(written(good())), iotest.ErrReader(broken)), Options{})
	got, err := lines(r)
	if err != broken || len(got) != 5 {
		t.Error(len(got), err)
	}
	if _, err := r.Read(); err != broken {
		t.Error(err)
	}
}

// TestGeneratedFilesAreRight: the generator's files have no finding but what the options ask for, and the lines that the
// reader hands out add up to the report.
func TestGeneratedFilesAreRight(t *testing.T) {
	for _, c := range []struct {
		o    fecgen.Options
		want string
	}{
		{fecgen.Options{}, "[]"},
		{fecgen.Options{Size: 1 << 20, Seed: 1}, "[]"},
		{fecgen.Options{Size: 1 << 18, Seed: 2, Separator: '|', LineEnd: "\n", Signed: true}, "[]"},
		{fecgen.Options{Size: 1 << 18, Seed: 3, LineEnd: "\r", CashBasis: true}, "[]"},
		{fecgen.Options{Size: 1 << 18, Seed: 4, UTF8: true}, "[ENCODING_UTF8]"},
		{fecgen.Options{Size: 1 << 18, Seed: 5, ByLedger: 100}, "[OPENING_NOT_FIRST VALIDATION_ORDER ENTRY_SCATTERED]"},
	} {
		t.Run(fmt.Sprintf("%+v", c.o), func(t *testing.T) {
			gen := fecgen.New(c.o)
			r := NewReader(iotest.HalfReader(gen), Options{Name: fecgen.Name})
			got, err := lines(r)
			if err != io.EOF {
				t.Fatal(err)
			}
			report := r.Report()
			sane(t, report)
			var codes []string
			for _, f := range report.Findings {
				codes = append(codes, f.Code)
			}
			if fmt.Sprint(codes) != c.want {
				t.Errorf("%q, want %s", shorts(report.Findings), c.want)
			}
			var sum textfile.Balance
			for _, l := range got {
				sum.Add(l.Debit, l.Credit)
				if !l.Valid {
					t.Fatalf("%+v", l)
				}
			}
			if len(got) != gen.Lines()-1 || report.Lines != len(got) || sum.Debit != report.Debit || sum.Credit != report.Credit || sum.Debit != sum.Credit || sum.Debit == 0 {
				t.Errorf("%d lines of %d, %v", len(got), gen.Lines(), sum)
			}
			if once, again := fecgen.Bytes(c.o), fecgen.Bytes(c.o); !bytes.Equal(once, again) {
				t.Error("not the same twice")
			}
		})
	}
}
