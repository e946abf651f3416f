package tra

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/internal/testkit/tragen"
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

func TestTheReaderHandsOutEachRecord(t *testing.T) {
	text := good()
	set(debt, "ECHEANCE", "14042026", "LIBELLE", "Réglé", "REFEXTERNE", "EXT-1", "QTE1", "2,5000", "VALIDE", "X", "VALIDDATE", "31032026", "LIBRETEXTE9", "neuf", "ECRITURENUM", "00042")(text)
	text[split1-1] = record(text[split1-1], "sub_plan_1", "SUB", "NUMVENTIL", "00001")
	text = append(text, "***RIBFEXEMPLE         000001X",
		record("BQ115032026OD", "TYPE CPTE", "G")+strings.Repeat(" ", 52)+`C:\scan\f.pdf`,
		record("BQ115032026OD", "TYPE CPTE", "V")+strings.Repeat(" ", 52)+"ABCdeux")
	got, err := lines(NewReader(strings.NewReader(written(text)), Options{}))
	if err != io.EOF || len(got) != len(text) {
		t.Fatal(len(got), err)
	}
	var kinds []string
	for i, l := range got {
		if l.Number != i+1 || l.Valid != (l.Number != cash+1) { // a parameter behind movements
			t.Errorf("%+v", l)
		}
		kinds = append(kinds, strings.TrimPrefix(reflect.TypeOf(l.Record).String(), "*tra."))
	}
	if want := "Header Journal Journal Account Account ThirdParty Section FiscalYear Establishment Parameter" + strings.Repeat(" Movement", 9) + " BankAccount Movement Movement"; strings.Join(kinds, " ") != want {
		t.Error(kinds)
	}
	for i, want := range map[int]any{
		headerLine: &Header{
			Producer: "S5", Origin: "CLI", Content: "JRL", Format: "ETE", Version: "011", Generated: "150320261030", User: "EXEMPLE", Company: "SOCIETE EXEMPLE", SubVersion: "001",
		},
		bank:     &Journal{Code: "BQ1", Label: "Banque", Nature: "BQE", Counterpart: "51200000", Mode: "BOR"},
		expense:  &Account{Code: "60700000", Label: "Achats de marchandises", Nature: "CHA", Axis1: true},
		supplier: &ThirdParty{Code: "FEXEMPLE", Label: "Fournisseur exemple", Nature: "FOU", Collective: "40100000", SIRET: "73282932000074"},
		section:  &Section{Code: "PROJ1", Axis: "A1"},
		year:     &FiscalYear{Code: "001", Start: "2026-01-01", End: "2026-12-31", State: "OUV"},
		premises: &Establishment{Code: "001", SIRET: "73282932000074"},
		unknown:  &Parameter{Name: "TLA", Text: "  something"},
		cash + 1: &BankAccount{ThirdParty: "FEXEMPLE", Number: "000001", Main: true},
		cash + 2: &Movement{Journal: "BQ1", Date: "2026-03-15", DocumentType: "OD", Kind: "G", Path: `C:\scan\f.pdf`},
		cash + 3: &Movement{Journal: "BQ1", Date: "2026-03-15", DocumentType: "OD", Kind: "V", Data: [4]string{"ABC", "deux"}},
		debt: &Movement{
			Journal: "ACH", Date: "2026-03-15", DocumentType: "OD", General: "40100000", Kind: "X", Auxiliary: "FEXEMPLE", Reference: "ACH-1", Label: "Réglé", PaymentMode: "VIR",
			Due: "2026-04-14", Side: "C", Amount1: "120.00", EntryType: "N", Currency: "EUR", AmountCode: "E--", Instalment: "1", Credit: 120_00,
			Extended: &Extended{
				ExternalReference: "EXT-1", Created: "2026-03-16", Opening: "N", Quantity1: "2.5000", FreeText9: "neuf", LetteringState: "AL", Validated: true, FECNumber: "00042", ValidDate: "2026-03-31",
			},
		},
		split1: &Movement{
			Journal: "ACH", Date: "2026-03-15", DocumentType: "OD", General: "60700000", Kind: "A", Auxiliary: "PROJ1", Reference: "ACH-1", Label: "Essai", Side: "D", Amount1: "60",
			EntryType: "N", Currency: "EUR", AmountCode: "E--", Axis: "A1", Debit: 60_00, Breakdown: &Breakdown{SubPlan1: "SUB", Number: "00001"},
		},
		payment: &Movement{
			Journal: "BQ1", Date: "2026-03-15", DocumentType: "OD", General: "40100000", Kind: "X", Auxiliary: "FEXEMPLE", Reference: "BQ1-1", Label: "Essai", Side: "D", Amount1: "130.4567",
			EntryType: "N", Currency: "USD", AmountCode: "DE-", Amount2: "120.00", Debit: 120_00, Extended: &Extended{Created: "2026-03-16", Opening: "N", LetteringState: "AL"},
		},
	} {
		if got := got[i-1].Record; !reflect.DeepEqual(got, want) {
			t.Errorf("line %d: got  %+v\nwant %+v", i, got, want)
		}
	}
}

// TestPositionsAreRight: no fields of a record overlap, and each has a name of its own.
func TestPositionsAreRight(t *testing.T) {
	seen := map[string]bool{}
	for i, of := range []layout{layouts.header, layouts.journal, layouts.account, layouts.party, layouts.section, layouts.year, layouts.place, layouts.bank, layouts.movement, layouts.extended, layouts.breakdown} {
		end := 1
		for _, f := range of {
			if f.at < end || f.width < 1 || f.name == "" || seen[f.name] {
				t.Errorf("%+v in layout %d, after %d", f, i, end)
			}
			end, seen[f.name] = f.at+f.width, true
		}
	}
	if last := layouts.movement[len(layouts.movement)-1]; last.at+last.width-1 != lastStandard {
		t.Error(last)
	}
	if last := layouts.extended[len(layouts.extended)-1]; last.at+last.width-1 != lastExtended {
		t.Error(last)
	}
}

func TestTheReaderTellsWhatItCannotRead(t *testing.T) {
	text := all(set(vat, "MONTANT1", "x"), set(debt, "TYPE CPTE", "Z"))(good())
	got, _ := lines(NewReader(strings.NewReader(written(text)), Options{}))
	if l := got[vat-1]; l.Valid || l.Record.(*Movement).Amount1 != "x" || l.Record.(*Movement).Debit != 0 {
		t.Errorf("%+v", l)
	}
	if l := got[debt-1]; l.Valid || l.Record != nil || l.Number != debt {
		t.Errorf("%+v", l)
	}

	r := NewReader(strings.NewReader("<?xml version=\"1.0\"?>\n"+strings.Repeat("x", 1<<20)), Options{})
	if l, err := r.Read(); err != io.EOF || r.Report().Findings[0].Code != "NOT_TEXT" {
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
	if err != broken || len(got) != cash {
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
		o    tragen.Options
		want string
	}{
		{tragen.Options{}, "[]"},
		{tragen.Options{Size: 1 << 20, Seed: 1}, "[]"},
		{tragen.Options{Size: 1 << 20, Seed: 2, Padded: true, LineEnd: "\n"}, "[]"},
		{tragen.Options{Size: 1 << 18, Seed: 3, Standard: true, LineEnd: "\r"}, "[HEADER_LOOP]"},
		{tragen.Options{Size: 1 << 20, Seed: 4, UTF8: true}, "[ENCODING_UTF8]"},
		{tragen.Options{Size: 1 << 20, Seed: 5, ByLedger: 50}, "[ENTRY_SCATTERED]"},
	} {
		t.Run(fmt.Sprintf("%+v", c.o), func(t *testing.T) {
			gen := tragen.New(c.o)
			var balanced int
			r := NewReader(iotest.HalfReader(gen), Options{Entries: func(e EntryTotal) {
				if e.Debit == e.Credit && e.Exact {
					balanced++
				}
			}})
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
				if m, ok := l.Record.(*Movement); ok && m.Kind != Analytic {
					sum.Add(m.Debit, m.Credit)
				}
				if !l.Valid {
					t.Fatalf("%+v", l)
				}
			}
			if len(got) != gen.Lines() || sum.Debit != report.Debit || sum.Credit != report.Credit || sum.Debit != sum.Credit || sum.Debit == 0 || balanced != report.Entries {
				t.Errorf("%d lines of %d, %v, %d entries of %d", len(got), gen.Lines(), sum, balanced, report.Entries)
			}
			if once, again := tragen.Bytes(c.o), tragen.Bytes(c.o); !bytes.Equal(once, again) {
				t.Error("not the same twice")
			}
		})
	}
}

func TestEachEntryIsTold(t *testing.T) {
	text := all(set(vat, "MONTANT1", "21,00"), set(payment, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,9"),
		set(money, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,9"), set(both, "NUMEROPIECE", "00000007"), set(cash, "NUMEROPIECE", "7"))(good())
	var told []EntryTotal
	v := NewValidator(Options{Entries: func(e EntryTotal) { told = append(told, e) }})
	_, _ = v.Write([]byte(written(text)))
	r := v.Close()
	want := []EntryTotal{
		{Journal: "BQ1", Date: "2026-03-15", Reference: "BQ1-1", Line: payment, Debit: 130_45, Credit: 130_45, Currency: "USD", Exact: true},
		{Journal: "BQ1", Date: "2026-03-15", Number: "7", Line: both, Debit: 5_00, Credit: 5_00, Exact: true},
		{Journal: "ACH", Date: "2026-03-15", Reference: "ACH-1", Line: goods, Debit: 121_00, Credit: 120_00, Exact: true},
	}
	if !slices.Equal(told, want) || !slices.Equal(r.Unbalanced, want[2:]) {
		t.Errorf("%+v\n%+v", told, r.Unbalanced)
	}
	if want := []string{"ACH-1", "BQ1-1", "CB-2"}; !slices.Equal(r.References, want) {
		t.Errorf("%q; want %q", r.References, want)
	}
	if r.Foreign != 2 || r.Partial || r.Debit != 126_00 || r.Entries != 3 {
		t.Errorf("%+v", r)
	}
}

func TestDatesAreReadAsTheFormatWritesThem(t *testing.T) {
	for _, c := range []struct {
		text, want string
		how        dateShape
	}{
		{"15032026", "2026-03-15", dateGood},
		{"29022028", "2028-02-29", dateGood},
		{"20102026", "2026-10-20", dateGood},
		{"", "", dateNone},
		{"00000000", "", dateNone},
		{"01011900", "", dateNone},
		{"20260315", "2026-03-15", dateOtherForm},
		{"20121015", "2012-10-15", dateOtherForm},
		{"30022026", "", dateNoDay},
		{"31042026", "", dateNoDay},
		{"01010001", "0001-01-01", dateGood},
		{"32012026", "", dateInvalid},
		{"15132026", "", dateInvalid},
		{"1503202", "", dateInvalid},
		{"150320260", "", dateInvalid},
		{"15/03/26", "", dateInvalid},
	} {
		if got, how := parseDate([]byte(c.text)); got.String() != c.want || how != c.how {
			t.Errorf("%q is %q with %d, want %q with %d", c.text, got, how, c.want, c.how)
		}
	}
}

func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	v := NewValidator(Options{})
	_, _ = v.Write([]byte(written(good())))
	if v.Failed() {
		t.Error("failed")
	}
	first := v.Close()
	if n, err := v.Write([]byte("x")); n != 0 || err == nil {
		t.Error(n, err)
	}
	if second := v.Close(); fmt.Sprint(first) != fmt.Sprint(second) {
		t.Error("the report changed")
	}
}

func TestAFileThatCannotBeReadIsRefusedAtOnce(t *testing.T) {
	for content, refused := range map[string]bool{"PK\x03\x04" + strings.Repeat("x", 100) + "\n": true, written(good()): false, "": false} {
		v := NewValidator(Options{})
		_, _ = v.Write([]byte(content))
		if v.Refused() != refused {
			t.Errorf("%.10q is refused: %t", content, v.Refused())
		}
	}
}

// TestEachByteOfALineIsLookedAt: wherever it is in the eight bytes that are looked at together, beside whatever else.
func TestEachByteOfALineIsLookedAt(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for _, filler := range []byte{' ', '!', '~', '9'} {
				text := bytes.Repeat([]byte{filler}, 20)
				text[at] = byte(c)
				v := NewValidator(Options{})
				end := v.split(text)
				want := -1
				if c == '\r' || c == '\n' {
					want = at
				}
				if control := want < 0 && (c < ' ' || c == 0x7f); end != want || v.high != (c >= 0x80) || v.control != control {
					t.Fatalf("%#02x at %d of %q: ends at %d, high %v, control %v", c, at, filler, end, v.high, v.control)
				}
			}
		}
	}
}
