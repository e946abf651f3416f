package tra

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/internal/testkit/tragen"
)

// addSeeds takes of each case the header and the lines that it is about, cut: a fuzzer makes little of long texts.
func addSeeds(f *testing.F) {
	base := good()
	for i, c := range cases {
		lines := c.change(good())
		seed := lines[:min(1, len(lines))]
		for _, line := range lines[len(seed):] {
			if !slices.Contains(base, line) && len(seed) < 4 {
				seed = append(seed, line[:min(len(line), 400)])
			}
		}
		f.Add([]byte(written(seed)), uint64(i))
	}
	f.Add([]byte(strings.Join(standard(good()), "\n")), uint64(0))
	f.Add(tragen.Bytes(tragen.Options{Standard: true, UTF8: true, ByLedger: 2})[:1<<10], uint64(0))
}

// FuzzValidator: whatever comes in, however it is cut, the report is the same and its places are in the file.
func FuzzValidator(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		var told []EntryTotal
		v := NewValidator(Options{Entries: func(e EntryTotal) { told = append(told, e) }})
		_, _ = v.Write(data)
		report := v.Close()
		sane(t, report)
		want := fmt.Sprintf("%+v", report)

		random := rand.New(rand.NewPCG(seed, 0))
		for _, most := range []int{2, 100} {
			v := NewValidator(Options{})
			for p := data; len(p) > 0; {
				n := min(len(p), random.IntN(most+1))
				if m, err := v.Write(p[:n]); m != n || err != nil {
					t.Fatal(m, err)
				}
				p = p[n:]
			}
			if got := fmt.Sprintf("%+v", v.Close()); got != want {
				t.Fatalf("in pieces of up to %d bytes\n%s\nat once\n%s", most, got, want)
			}
		}

		ends := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 1
		for _, found := range report.Findings {
			for _, line := range found.Lines {
				if line < 1 || line > ends {
					t.Fatalf("line %d of at most %d: %+v", line, ends, found)
				}
			}
		}
		lines := 0
		var sum textfile.Balance
		for _, j := range report.Journals {
			lines += j.Lines
			sum.Add(j.Debit, j.Credit)
		}
		if report.Movements > ends || report.Lines > report.Movements || report.Entries > report.Lines || lines > report.Lines || len(report.Journals) < MaxJournals && sum.Debit != report.Debit {
			t.Fatalf("%d movements of at most %d, %d lines, %d entries, %d lines of journals", report.Movements, ends, report.Lines, report.Entries, lines)
		}
		unbalanced := 0
		for _, e := range told {
			if e.Debit != e.Credit {
				unbalanced++
			}
		}
		if unbalanced < len(report.Unbalanced) {
			t.Fatalf("%d entries that do not balance were told, %d are reported", unbalanced, len(report.Unbalanced))
		}
	})
}

// FuzzReader: the reader hands out what the validator counts.
func FuzzReader(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, _ uint64) {
		v := NewValidator(Options{})
		_, _ = v.Write(data)
		want := v.Close()

		r := NewReader(iotest.DataErrReader(bytes.NewReader(data)), Options{})
		var sum textfile.Balance
		last, movements, ledger, unread := 0, 0, 0, 0
		for {
			l, err := r.Read()
			if err == io.EOF {
				break
			}
			if err != nil || l.Number <= last {
				t.Fatalf("%+v after line %d: %v", l, last, err)
			}
			last = l.Number
			if l.Record == nil {
				unread++
			}
			if !l.Valid && !v.Failed() {
				t.Fatalf("%+v is not valid", l)
			}
			m, ok := l.Record.(*Movement)
			if !ok {
				continue
			}
			movements++
			switch m.Kind {
			case General, WithThirdParty, GeneralAnalytic:
				ledger++
				sum.Add(m.Debit, m.Credit)
			}
			if len(m.Date) != 10 && m.Date != "" || m.Extended != nil && m.Breakdown != nil {
				t.Fatalf("%+v", m)
			}
		}
		if got := r.Report(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Fatalf("the reader reports\n%+v\nthe validator\n%+v", got, want)
		}
		if v.refused {
			return
		}
		if movements > want.Movements || movements+unread < want.Movements || ledger != want.Lines || sum.Debit != want.Debit || sum.Credit != want.Credit {
			t.Fatalf("%d movements, %d of the ledger, %d unread, %v; the report says %+v", movements, ledger, unread, sum, want)
		}
	})
}
