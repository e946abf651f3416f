package fec

import (
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// TestTheHotLoopDoesNotAllocate: not on a good file, nor on one with findings on each line.
func TestTheHotLoopDoesNotAllocate(t *testing.T) {
	for name, o := range map[string]fecgen.Options{
		"good":      {Size: 1 << 18},
		"UTF-8":     {Size: 1 << 18, UTF8: true, Separator: '|'},
		"signed":    {Size: 1 << 18, Signed: true, LineEnd: "\n"},
		"by ledger": {Size: 1 << 18, ByLedger: 10},
		"with findings on each line": {Size: 1 << 18, Edit: func(line int, text []byte) []byte {
			if line == 1 {
				return text
			}
			return slices.Concat(text, []byte("USD ")) // padding, a currency without an amount
		}},
	} {
		t.Run(name, func(t *testing.T) {
			data := fecgen.Bytes(o)
			v := NewValidator(Options{})
			_, _ = v.Write(data) // what is kept is there now
			if v.Failed() {
				t.Fatalf("%q", shorts(v.Close().Findings))
			}
			first, _, _ := cutLine(data)
			rest := data[len(first):]
			perRun := testing.AllocsPerRun(5, func() {
				for p := rest; len(p) > 0; {
					n := min(len(p), 8<<10)
					_, _ = v.Write(p[:n])
					p = p[n:]
				}
			})
			if perLine := perRun / float64(v.books.Lines/7); perLine > 0.001 && o.ByLedger == 0 || perLine > 1 {
				t.Errorf("%.0f allocations for %d lines", perRun, v.books.Lines/7)
			}
		})
	}
}

func cutLine(data []byte) (line, rest []byte, ok bool) {
	i := slices.Index(data, '\n') + 1
	return data[:i], data[i:], i > 0
}

// TestMemoryStaysFlat: what is kept after 100 MB is what was kept after 10, and the one bad line near the end is found.
func TestMemoryStaysFlat(t *testing.T) {
	const size, bad = 100 << 20, 850_000
	gen := fecgen.New(fecgen.Options{Size: size, Edit: func(line int, text []byte) []byte {
		if line == bad {
			text = slices.Clone(text)
			text[len(text)-3] = 'x' // the last digit of ValidDate
		}
		return text
	}})
	v := NewValidator(Options{Name: fecgen.Name})
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	n, err := io.CopyN(v, gen, 10<<20)
	if err != nil || v.Failed() {
		t.Fatal(n, err)
	}
	before := live()
	if _, err := io.Copy(v, gen); err != nil {
		t.Fatal(err)
	}
	if after := live(); after > before+1<<20 {
		t.Errorf("%d bytes live after 10 MB, %d after 100", before, after)
	}
	r := v.Close()
	if len(r.Findings) != 1 || short(r.Findings[0]) != "DATE_INVALID 850000:16 ValidDate" || gen.Lines() < bad || gen.Lines() > bad*11/10 {
		t.Errorf("%q of %d lines", shorts(r.Findings), gen.Lines())
	}
}

// BenchmarkValidator reads 100 MB as an upload comes: in pieces of 32 KiB. The aim is 150 MB/s on one core.
func BenchmarkValidator(b *testing.B) {
	for name, o := range map[string]fecgen.Options{
		"tabs":   {Size: 100 << 20},
		"signed": {Size: 100 << 20, Separator: '|', LineEnd: "\n", UTF8: true, Signed: true},
		"ledger": {Size: 100 << 20, ByLedger: 1000},
	} {
		b.Run(name, func(b *testing.B) {
			data := fecgen.Bytes(o)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				v := NewValidator(Options{})
				for p := range slices.Chunk(data, 32<<10) {
					_, _ = v.Write(p)
				}
				if r := v.Close(); r.HasErrors() {
					b.Fatal(shorts(r.Findings))
				}
			}
		})
	}
}

// BenchmarkReader hands out the lines.
func BenchmarkReader(b *testing.B) {
	b.SetBytes(20 << 20)
	b.ReportAllocs()
	data := fecgen.Bytes(fecgen.Options{Size: 20 << 20})
	for b.Loop() {
		r := NewReader(newReader(data), Options{})
		for {
			if _, err := r.Read(); err != nil {
				break
			}
		}
	}
}

// TestMemoryIsBoundedWhateverComesIn fills every table to its end with the longest codes.
func TestMemoryIsBoundedWhateverComesIn(t *testing.T) {
	live := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	v := NewValidator(Options{})
	base := good()
	_, _ = v.Write([]byte(written(base[:1])))
	c := slices.Clone(base[1])
	code := func(i, width int) string {
		s := strconv.Itoa(i)
		return strings.Repeat("0", width-len(s)) + s
	}
	for i := range MaxOpenEntries + 1000 {
		long, number := code(i, textfile.MaxCode), 1_000_000_000
		c[JournalCode], c[JournalLib] = code(i%(MaxJournals+1), textfile.MaxCode), long
		c[EcritureNum] = code(i, 20) + "/" + strconv.Itoa(i%maxSequences*5000) // and a balance that stays open
		c[CompteNum], c[CompteLib] = code(number+i, textfile.MaxCode), long
		c[CompAuxNum], c[CompAuxLib] = long, long
		_, _ = v.Write([]byte(strings.Join(c, "|") + "\n"))
	}
	if kept := live() - before; kept > 96<<20 {
		t.Errorf("%d MiB kept", kept>>20)
	}
	r := v.Close()
	if len(r.Accounts) != MaxAccounts || len(r.Journals) != MaxJournals || len(r.Unbalanced) != maxUnbalanced || v.books.Open.Len() != MaxOpenEntries || len(v.parties.Rows) != textfile.MaxParties {
		t.Error(len(r.Accounts), len(r.Journals), len(r.Unbalanced), v.books.Open.Len(), len(v.parties.Rows))
	}
}
