package filereport

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

func all[T any](t *testing.T, list func(func(T, error) bool)) (out []T) {
	t.Helper()
	for each, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, each)
	}
	return out
}

func everything(filecheck.Place) bool { return true }

// TestEachPlaceAndEntryComesBack: of what fits into memory, and of what does not.
func TestEachPlaceAndEntryComesBack(t *testing.T) {
	for _, most := range []int{10, 700, 60_000} {
		spilled := 0
		w := NewWhole(func() (SpillFile, error) {
			spilled++
			file, err := os.CreateTemp(t.TempDir(), "")
			return file, err
		})
		var places []filecheck.Place
		var entries []filecheck.EntryTotal
		for i := range most {
			p := filecheck.Place{Code: "A", Field: "Debit", Line: i + 1, Column: 12}
			switch {
			case i%7 == 3:
				p = filecheck.Place{Code: "B", Line: i - 2, Reading: filecheck.InUTF8}
			case i%5 == 0:
				p.Column = i // more kinds than are told apart at a time
			}
			e := filecheck.EntryTotal{Journal: "é\"\n", Number: fmt.Sprint(i), Date: "2026-01-31", Line: i, Debit: -1, Credit: filecheck.Cents(i), Currency: "USD", Exact: i%2 == 0}
			places, entries = append(places, p), append(entries, e)
			w.Place(p)
			w.Unbalanced(e)
		}
		w.Place(filecheck.Place{Code: "OF_THE_FILE"})
		for range 2 {
			if got := all(t, w.Places(everything)); !slices.Equal(got, places) {
				t.Errorf("%d places: %d come back", len(places), len(got))
			}
			if got := all(t, w.Entries()); !slices.Equal(got, entries) {
				t.Errorf("%d entries: %d come back", len(entries), len(got))
			}
		}
		for _, p := range all(t, w.Places(func(p filecheck.Place) bool { return p.Code == "A" })) {
			if p.Code != "A" {
				t.Fatalf("%+v stands", p)
			}
		}
		if err := w.Close(); err != nil || (spilled > 0) != (most > 1000) {
			t.Errorf("%d in %d files: %v", most, spilled, err)
		}
	}
}

// TestADiskThatIsFullEndsTheReport: it does not come short.
func TestADiskThatIsFullEndsTheReport(t *testing.T) {
	full := errors.New("full")
	w := NewWhole(func() (SpillFile, error) { return nil, full })
	for i := range 200_000 {
		w.Place(filecheck.Place{Code: "A", Line: 2 * i})
		w.Unbalanced(filecheck.EntryTotal{Line: i})
	}
	var got []error
	for _, err := range w.Places(everything) {
		got = append(got, err)
	}
	for _, err := range w.Entries() {
		got = append(got, err)
	}
	if len(got) != 2 || !errors.Is(got[0], full) || !errors.Is(got[1], full) {
		t.Errorf("%v", got)
	}
}

// TestPlacesAreAsOftenAsTheFindingSays: what another finding hides has none.
func TestPlacesAreAsOftenAsTheFindingSays(t *testing.T) {
	clean := string(fecgen.Bytes(fecgen.Options{Size: 50_000, Separator: '|'}))
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"clean":                    {clean, ""},
		"dates and an entry":       {strings.Replace(clean[:len(clean)/2], "2500,00", "2500,01", 1) + strings.Replace(clean[len(clean)/2:], "|2026", "|2O26", 3), "DATE_INVALID ENTRY_UNBALANCED"},
		"a cause and its effects":  {strings.Replace(clean, "|1|20260101|", "||20260101|", 1), "FIELD_REQUIRED"},
		"a mixture of encodings":   {strings.Replace(clean, "Fournisseur", "Fournissé\xe9r", 1) + "", ""},
		"each line with an effect": {strings.ReplaceAll(clean, ",", "."), "AMOUNT_POINT"},
	} {
		w := NewWhole(nil)
		v := fec.NewValidator(fec.Options{Place: w.Place, Unbalanced: w.Unbalanced})
		_, _ = v.Write([]byte(c.text))
		r := v.Close()
		count := map[string]int{}
		for _, p := range all(t, w.Places(v.Reports)) {
			count[p.Code]++
		}
		for _, f := range r.Findings {
			if f.Line > 0 && f.Code != "ENCODING_MIXED" { // which is counted by texts
				count[f.Code] -= f.Count
			}
		}
		delete(count, "ENCODING_MIXED")
		for code, n := range count {
			if n != 0 {
				t.Errorf("%s: %+d places of %s: %+v", name, n, code, r.Findings)
			}
		}
		for _, code := range strings.Fields(c.want) {
			if !slices.ContainsFunc(r.Findings, func(f fec.Finding) bool { return f.Code == code }) {
				t.Errorf("%s: no %s in %+v", name, code, r.Findings)
			}
		}
		if got := all(t, w.Entries()); len(got) != len(r.Unbalanced) {
			t.Errorf("%s: %d entries, want %d", name, len(got), len(r.Unbalanced))
		}
	}
}

// TestTheOddTextsOfAMixtureHavePlaces: those in the rarer encoding, whichever comes first.
func TestTheOddTextsOfAMixtureHavePlaces(t *testing.T) {
	lines := bytes.SplitAfter(fecgen.Bytes(fecgen.Options{Size: 50_000, Separator: '|'}), []byte("\n"))
	for _, c := range []struct{ rare, often string }{{"é", "\xe9"}, {"\xe9", "é"}} {
		for _, at := range []int{3, 90} {
			var text []byte
			for i, line := range lines {
				cells := bytes.Split(line, []byte("|"))
				if i > 0 && len(cells) == 18 {
					cells[10] = []byte(c.often)
					if i == at || i == at+1 {
						cells[10] = []byte(c.rare)
					}
					cells[5] = []byte("x")
					cells[1], cells[7] = []byte("J"), nil
					cells[6] = nil
				}
				text = append(text, bytes.Join(cells, []byte("|"))...)
			}
			w := NewWhole(nil)
			v := fec.NewValidator(fec.Options{Place: w.Place})
			_, _ = v.Write(text)
			v.Close()
			var got []filecheck.Place
			for _, p := range all(t, w.Places(v.Reports)) {
				if p.Code == "ENCODING_MIXED" {
					got = append(got, p)
				}
			}
			if len(got) != 2 || got[0].Line != at+1 || got[1].Line != at+2 || got[0].Column != 11 {
				t.Errorf("%q at %d: %+v", c.rare, at, got)
			}
		}
	}
}
