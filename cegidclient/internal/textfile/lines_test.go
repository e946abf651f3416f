package textfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// collect cuts a text into lines, given in pieces of so many bytes.
func collect(text string, piece int) (out []string) {
	var l Lines
	l = Lines{
		Most: 8,
		Split: func(p []byte) int {
			return bytes.IndexAny(p, "\r\n")
		},
		Take: func(line []byte, how Ending) {
			out = append(out, fmt.Sprintf("%s|%s|%t", line, how, l.Long))
			l.Stop = string(line) == "stop"
		},
	}
	for p := range slices.Chunk([]byte(text), piece) {
		l.Write(p)
	}
	l.Close()
	return out
}

func TestLinesAreTheSameHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string][]string{
		"":                  nil,
		"a\r\nb\nc\rd":      {"a|CR LF|false", "b|LF|false", "c|CR|false", "d||false"},
		"a\r":               {"a|CR|false"},
		"\r\n\r\r\n\n":      {"|CR LF|false", "|CR CR LF|false", "|LF|false"},
		"a\r\r\r\nb\r\rc":   {"a|CR|false", "|CR CR LF|false", "b|CR|false", "|CR|false", "c||false"},
		"a\r\r":             {"a|CR|false", "|CR|false"},
		"12345678\n":        {"12345678|LF|false"},
		"123456789\nb":      {"12345678|LF|true", "b||false"},
		"123456789":         {"12345678||true"},
		"a\nstop\nb\n":      {"a|LF|false", "stop|LF|false"},
		"stop\r\n123456789": {"stop|CR LF|false"},
	} {
		for piece := 1; piece < 12; piece++ {
			if got := collect(text, piece); !slices.Equal(got, want) {
				t.Errorf("%q in pieces of %d: %q, want %q", text, piece, got, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-c]{0,12}(\r|\n|\r\n|\r\r\n)?){0,5}`).Draw(t, "text")
		want := collect(text, len(text)+1)
		if got := collect(text, rapid.IntRange(1, 9).Draw(t, "piece")); !slices.Equal(got, want) {
			t.Fatalf("%q, at once %q", got, want)
		}
	})
}

func TestNothingIsKeptOnceItStops(t *testing.T) {
	l := Lines{Most: 1 << 20, Split: func(p []byte) int { return bytes.IndexByte(p, '\n') }}
	l.Take = func([]byte, Ending) { l.Stop = true }
	l.Write([]byte("stop\n" + strings.Repeat("x", 1<<20)))
	l.Write([]byte(strings.Repeat("x", 1<<20)))
	if cap(l.carry) != 0 {
		t.Error(cap(l.carry))
	}
}

func TestAnEntryThatBalancesIsForgotten(t *testing.T) {
	var o OpenEntries
	o.Prepare()
	add := func(key string, line int, debit, credit Cents) (stored, full bool) {
		if o.Turns(append(o.Next(), key...)) {
			full = o.Leave()
			stored = o.Enter(line, 20260315)
		}
		o.Entry.Add(debit, credit)
		return stored, full
	}
	add("a", 1, 100, 0)
	add("b", 2, 5, 0)
	add("b", 3, 0, 5)
	if stored, _ := add("a", 4, 0, 40); !stored || o.Len() != 1 || o.Entry.Line != 1 {
		t.Error(stored, o.Len())
	}
	add(strings.Repeat("c", 1000), 5, 1, 0)
	add(strings.Repeat("c", 999), 6, 1, 0)
	o.Leave()
	var got []string
	for _, e := range o.Unbalanced() {
		got = append(got, fmt.Sprintf("%.1s %d %v", e.Key, e.Line, e.Difference()))
	}
	if want := []string{"a 1 0.60", "c 5 0.01", "c 6 0.01"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if _, full := add("a", 7, 0, 60); full || o.Leave() || o.Len() != 2 {
		t.Error(full, o.Len())
	}
}

func TestATableTakesNoMoreThanItsRows(t *testing.T) {
	table := NewTable[int](2)
	one, fresh := table.Row([]byte("a"))
	again, known := table.Row([]byte("a"))
	if !fresh || known || one != again {
		t.Error(fresh, known)
	}
	if row, _ := table.Row([]byte(strings.Repeat("x", MaxCode+1))); row != nil {
		t.Error("a code that is too long")
	}
	table.Row([]byte("b"))
	if row, _ := table.Row([]byte("c")); row != nil || len(table.Rows) != 2 {
		t.Error(len(table.Rows))
	}
}
