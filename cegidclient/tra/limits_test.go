package tra

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// limits are cases too large to be written down: of each, lines that balance two by two.
var limits = []struct {
	name  string
	want  []string
	lines int
	line  func(i int) string
}{
	{"too many journals", []string{"TOTALS_INCOMPLETE"}, 2 * (MaxJournals + 1), func(i int) string {
		return plain(i, "JOURNAL", fmt.Sprintf("%03x", i/2))
	}},
	{"too many accounts", []string{"TOTALS_INCOMPLETE"}, MaxAccounts + 2, func(i int) string {
		return plain(i, "GENERAL", fmt.Sprint(1_000_000+i))
	}},
	{"too many entries that are open at once", []string{"ENTRIES_UNFOLLOWED"}, 2 * (MaxOpenEntries + 1), func(i int) string {
		half := i / (MaxOpenEntries + 1)
		return plain(half, "NUMEROPIECE", fmt.Sprint(1+i-half*(MaxOpenEntries+1)))
	}},
	{"a file that does not balance, and too many entries that are open at once", []string{"ENTRIES_UNFOLLOWED", "FILE_UNBALANCED"}, 2 * (MaxOpenEntries + 1), func(i int) string {
		half, amount := i/(MaxOpenEntries+1), "1,00"
		if i == 2*MaxOpenEntries+1 {
			amount = "2,00"
		}
		return plain(half, "NUMEROPIECE", fmt.Sprint(1+i-half*(MaxOpenEntries+1)), "MONTANT1", amount)
	}},
	{"amounts beyond what can be added", []string{"TOTAL_TOO_LARGE"}, 10_000, func(i int) string { return plain(i, "MONTANT1", "9999999999999,99") }},
}

// plainLines are a debit and a credit of the standard format.
var plainLines = func() (two [2]string) {
	for i, side := range [...]string{"D", "C"} {
		two[i] = record("", "JOURNAL", "OD", "DATECOMPTABLE", "15032026", "TYPE PIECE", "OD", "GENERAL", "47100000", "LIBELLE", "Essai",
			"SENS", side, "MONTANT1", "1,00", "TYPE ECRITURE", "N", "CODEMONTANT", "E--")
	}
	return two
}()

func plain(i int, more ...string) string {
	return over(plainLines[i%2], slices.Concat([]string{"NUMEROPIECE", fmt.Sprint(i/2 + 1)}, more)...)
}

// over is record for plain lines: many of them, all of ASCII.
func over(line string, values ...string) string {
	b := []byte(line)
	for i := 0; i < len(values); i += 2 {
		f, value := named(values[i]), values[i+1]
		at := b[f.at-1:][:f.width]
		copy(at, strings.Repeat(" ", f.width))
		if f.kind == decimalKind {
			at = at[f.width-len(value):]
		}
		copy(at, value)
	}
	return string(b)
}

func TestEachLimitIsReportedWhenItIsPassed(t *testing.T) {
	for _, l := range limits {
		t.Run(l.name, func(t *testing.T) {
			v := NewValidator(Options{})
			_, _ = v.Write([]byte("***S5CLIDOSSTD"))
			_, _ = v.Write([]byte(strings.Repeat(" ", 19) + "011\n"))
			for i := range l.lines {
				_, _ = v.Write([]byte(l.line(i) + "\n"))
			}
			r := v.Close()
			var got []string
			for _, f := range r.Findings {
				if f.Code != "HEADER_LOOP" {
					got = append(got, f.Code)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, l.want) || r.Lines != l.lines {
				t.Errorf("%q, %d lines", shorts(r.Findings), r.Lines)
			}
			if len(r.Journals) > MaxJournals || len(r.Accounts) > MaxAccounts {
				t.Error(len(r.Journals), len(r.Accounts))
			}
			sane(t, r)
		})
	}
}

// TestMemoryIsBoundedWhateverComesIn fills every table to its end.
func TestMemoryIsBoundedWhateverComesIn(t *testing.T) {
	live := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	v := NewValidator(Options{})
	write := func(s string) { _, _ = v.Write([]byte(s + "\n")) }
	write("***S5CLIDOSETE")
	code := func(i int) string { return fmt.Sprintf("%017d", i) }
	label := strings.Repeat("x", 35)
	for i := range textfile.MaxParties + 10 {
		write("***CAE" + code(i) + label + "FOU-" + code(i))
		write("***CGN" + code(i) + label + "CHA")
	}
	for i := range MaxJournals + 10 {
		write(fmt.Sprintf("***JAL%03x", i) + label + strings.Repeat(" ", 232) + strings.Repeat("7;", 100))
	}
	for i := range 4 * maxRecordNames {
		write(fmt.Sprintf("***%03x", i))
		write("***EXO00101012026310120261OUV")
	}
	base := plain(0, "DEVISE", "USD", "CODEMONTANT", "D--", "TAUXDEV", "2")
	for i := range MaxOpenEntries + 1000 {
		write(over(base, "NUMEROPIECE", "", "REFINTERNE", code(i)+code(i), "GENERAL", code(i+1_000_000),
			"DEVISE", string([]byte{byte('A' + i%26), byte('A' + i/26%26), byte('A' + i/676%26)})))
	}
	if kept := live() - before; kept > 96<<20 {
		t.Errorf("%d MiB kept", kept>>20)
	}
	r := v.Close()
	if len(r.Unbalanced) != maxUnbalanced || v.books.Open.Len() != MaxOpenEntries || len(v.parties.Rows) != textfile.MaxParties || len(v.journals.Rows) != MaxJournals || len(v.records) != maxRecordNames || len(v.units.Rows) != maxUnits {
		t.Error(len(r.Unbalanced), v.books.Open.Len(), len(v.parties.Rows), len(v.journals.Rows), len(v.records), len(v.units.Rows))
	}
	sane(t, r)
}
