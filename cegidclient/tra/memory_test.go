package tra

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"

	"cegid.internal/gateway/internal/testkit/tragen"
)

// TestTheHotLoopDoesNotAllocate: not on a good file, nor on one with findings on each line.
func TestTheHotLoopDoesNotAllocate(t *testing.T) {
	for name, o := range map[string]tragen.Options{
		"good":      {Size: 1 << 20},
		"standard":  {Size: 1 << 19, Standard: true},
		"UTF-8":     {Size: 1 << 20, UTF8: true, Padded: true},
		"by ledger": {Size: 1 << 20, ByLedger: 10},
		"with findings on each line": {Size: 1 << 19, Standard: true, Edit: func(_ int, text []byte) []byte {
			if text[0] != '*' {
				text = slices.Clone(text)
				copy(text[159:], "USD")
				copy(text[118:], "ZZZ")
			}
			return text
		}},
	} {
		t.Run(name, func(t *testing.T) {
			data := tragen.Bytes(o)
			v := NewValidator(Options{})
			_, _ = v.Write(data) // what is kept is there now
			if v.Failed() {
				t.Fatalf("%q", shorts(v.Close().Findings))
			}
			movements := v.movements
			first := 0
			for data[first] == '*' {
				first += bytes.IndexByte(data[first:], '\n') + 1
			}
			perRun := testing.AllocsPerRun(5, func() {
				for p := data[first:]; len(p) > 0; {
					n := min(len(p), 8<<10)
					_, _ = v.Write(p[:n])
					p = p[n:]
				}
			})
			if perLine := perRun / float64(movements); perLine > 0.01 && o.ByLedger == 0 || perLine > 1 {
				t.Errorf("%.0f allocations for %d lines", perRun, movements)
			}
		})
	}
}

// TestMemoryStaysFlat: what is kept after 100 MB is what was kept after 10, and the one bad line near the end is found.
func TestMemoryStaysFlat(t *testing.T) {
	const size, bad = 100 << 20, 110_000
	gen := tragen.New(tragen.Options{Size: size, Edit: func(line int, text []byte) []byte {
		if line == bad {
			text = slices.Clone(text)
			text[150] = 'x' // TYPE ECRITURE
		}
		return text
	}})
	v := NewValidator(Options{})
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
	if len(r.Findings) != 1 || short(r.Findings[0]) != "VALUE_INVALID 110000:151 TYPE ECRITURE" || gen.Lines() < bad {
		t.Errorf("%q of %d lines", shorts(r.Findings), gen.Lines())
	}
}

// BenchmarkValidator reads 100 MB as an upload comes: in pieces of 32 KiB.
func BenchmarkValidator(b *testing.B) {
	for name, o := range map[string]tragen.Options{
		"trimmed":  {Size: 100 << 20},
		"padded":   {Size: 100 << 20, Padded: true, UTF8: true},
		"standard": {Size: 100 << 20, Standard: true},
		"ledger":   {Size: 100 << 20, ByLedger: 1000},
	} {
		b.Run(name, func(b *testing.B) {
			data := tragen.Bytes(o)
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
	data := tragen.Bytes(tragen.Options{Size: 20 << 20})
	for b.Loop() {
		r := NewReader(bytes.NewReader(data), Options{})
		for {
			if _, err := r.Read(); err != nil {
				break
			}
		}
	}
}
