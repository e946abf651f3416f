package check

import (
	"slices"
	"strings"
	"testing"
)

func TestOverlapsAreToldOfEachEntryOrOnceForAnImport(t *testing.T) {
	of := func(likeness Likeness, id string, entries ...int) (out []Overlap) {
		for _, entry := range entries {
			out = append(out, Overlap{Entry: entry, Likeness: likeness, Import: id, State: "SUCCEEDED"})
		}
		return out
	}
	inFile := func(likeness Likeness, id string, lines ...int) []Overlap {
		out := of(likeness, id, lines...)
		for i := range out {
			out[i].Line = lines[i]
		}
		return out
	}
	eleven := make([]int, 11)
	for i := range eleven {
		eleven[i] = i + 2
	}
	for name, c := range map[string]struct {
		overlaps []Overlap
		want     []Finding
	}{
		"nothing":                      {nil, nil},
		"each entry that is refused":   {of(AlreadyImported, "r1", 0, 2), []Finding{{Code: entryAlreadyImported, Field: "entries[0]", Count: 1}, {Code: entryAlreadyImported, Field: "entries[2]", Count: 1}}},
		"a warning once for an import": {of(DocumentImported, "r1", 0, 1, 2), []Finding{{Code: documentImported, Field: "entries[0]", Count: 3}}},
		"of two imports":               {slices.Concat(of(MaybeImported, "r1", 0), of(MaybeImported, "r2", 1)), []Finding{{Code: entryMaybeImported, Field: "entries[0]", Count: 1}, {Code: entryMaybeImported, Field: "entries[1]", Count: 1}}},
		"errors first":                 {slices.Concat(of(MaybeImported, "r1", 0), of(AlreadyImported, "r1", 1)), []Finding{{Code: entryAlreadyImported, Field: "entries[1]", Count: 1}, {Code: entryMaybeImported, Field: "entries[0]", Count: 1}}},
		"a file":                       {inFile(AlreadyImported, "r1", eleven...), []Finding{{Code: entryAlreadyImported, Line: 2, Count: 11, Lines: eleven[:10], Grounds: Books}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Overlaps(c.overlaps)
			for i := range got {
				if got[i].Severity != ruleOf(got[i].Code).Severity {
					t.Errorf("%+v", got[i])
				}
				got[i].Severity, got[i].Message, got[i].French = 0, "", ""
			}
			if !slices.EqualFunc(got, c.want, func(a, b Finding) bool {
				return a.Code == b.Code && a.Field == b.Field && a.Count == b.Count && a.Line == b.Line && a.Grounds == b.Grounds && slices.Equal(a.Lines, b.Lines)
			}) {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
	gone := Overlaps([]Overlap{{Entry: 1, Likeness: NotInLoop, Import: "r1", State: "FAILED", Sought: "FA-1, FA-2"}, {Entry: 2, Likeness: NotInLoop, Import: "r1", State: "FAILED", Sought: "FA-1, FA-2"}})
	if len(gone) != 1 || !strings.Contains(gone[0].French, "l'import r1, à l'état « échec ».") || gone[0].Severity != Notice || gone[0].Count != 2 || !strings.Contains(gone[0].Message, "r1, which is FAILED") || !strings.Contains(gone[0].Message, "FA-1, FA-2") {
		t.Errorf("%+v", gone)
	}
	// Of a file, whose entries nobody can mark, the way out is another than of a request.
	for _, likeness := range []Likeness{AlreadyImported, MaybeImported, DocumentImported, NotInLoop} {
		whole, single := Overlaps(inFile(likeness, "r1", 2))[0], Overlaps(of(likeness, "r1", 0))[0]
		for _, said := range []string{whole.Message, whole.French} {
			if strings.Contains(said, "repeat_of") || strings.Contains(said, "{") || (likeness == AlreadyImported) != strings.Contains(said, "allow_duplicate") {
				t.Errorf("of a file: %s", said)
			}
		}
		for _, said := range []string{single.Message, single.French} {
			if (likeness == AlreadyImported) != strings.Contains(said, "repeat_of") {
				t.Errorf("of an entry: %s", said)
			}
		}
	}
	hidden := Overlaps([]Overlap{{Likeness: AlreadyImported, State: "WAITING"}})[0]
	if !strings.Contains(hidden.Message, "another caller's") || !strings.Contains(hidden.French, "l'import d'un autre appelant, qui est comptabilisé ou peut l'être : ") || strings.Contains(hidden.Message, "WAITING") {
		t.Errorf("%+v", hidden)
	}
}
