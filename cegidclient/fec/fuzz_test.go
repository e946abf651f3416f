package fec

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

func newReader(data []byte) io.Reader { return bytes.NewReader(data) }

func addSeeds(f *testing.F) {
	for i, c := range cases {
		write := c.text
		if write == nil {
			write = written
		}
		if s := write(c.change(good())); len(s) < 8<<10 {
			f.Add([]byte(s), uint64(i))
		}
	}
	f.Add(fecgen.Bytes(fecgen.Options{Size: 2 << 10, ByLedger: 3, CashBasis: true}), uint64(0))
}

// FuzzValidator: whatever comes in, however it is cut, the report is the same and its places are in the file.
func FuzzValidator(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		v := NewValidator(Options{})
		_, _ = v.Write(data)
		report := v.Close()
		sane(t, report)
		want := fmt.Sprintf("%+v", report)

		random := rand.New(rand.NewPCG(seed, 0))
		for _, most := range []int{1, 3, 100} {
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
		columns := max(bytes.Count(data, []byte("\t")), bytes.Count(data, []byte("|"))) + 1
		lines := 0
		for _, j := range report.Journals {
			lines += j.Lines
		}
		for _, found := range report.Findings {
			for _, line := range found.Lines {
				if line < 1 || line > ends {
					t.Fatalf("line %d of at most %d: %+v", line, ends, found)
				}
			}
			if found.Column > columns {
				t.Fatalf("column %d of at most %d: %+v", found.Column, columns, found)
			}
		}
		if report.Lines > ends || report.Entries > report.Lines || lines > report.Lines {
			t.Fatalf("%d lines of at most %d, %d entries, %d lines of journals", report.Lines, ends, report.Entries, lines)
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

		r := NewReader(iotest.DataErrReader(newReader(data)), Options{})
		var sum textfile.Balance
		count, last, invalid := 0, 0, 0
		for {
			l, err := r.Read()
			if err == io.EOF {
				break
			}
			if err != nil || l.Number <= last {
				t.Fatalf("%+v after line %d: %v", l, last, err)
			}
			count, last = count+1, l.Number
			sum.Add(l.Debit, l.Credit)
			if !l.Valid {
				invalid++
			}
			for _, day := range []string{l.EcritureDate, l.PieceDate, l.ValidDate, l.DateLet, l.DateRglt} {
				if len(day) != 10 && day != "" {
					t.Fatalf("%q", day)
				}
			}
		}
		if got := r.Report(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Fatalf("the reader reports\n%+v\nthe validator\n%+v", got, want)
		}
		if v.refused {
			want.Lines = v.books.Lines
		}
		if count != want.Lines || !v.refused && (sum.Debit != want.Debit || sum.Credit != want.Credit) || invalid > 0 && !want.HasErrors() {
			t.Fatalf("%d lines, %v, %d invalid; the report says %+v", count, sum, invalid, want)
		}
	})
}
