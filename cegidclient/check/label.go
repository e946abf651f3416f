package check

import (
	"fmt"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
)

// CutLabels cuts labels that are too long after [MaxLabelLength] characters, in place, and gives a notice for each: Loop
// cuts them in silence (loop-api: A 10.6). Call it before [Entries] where the caller asked for it. Nothing else is ever
// cut.
func CutLabels(in *cegidclient.EntryImport) []Finding {
	var f found
	for i := range in.Entries {
		for j := range in.Entries[i].Lines {
			l := &in.Entries[i].Lines[j]
			if utf8.RuneCountInString(l.Label) <= MaxLabelLength || !utf8.ValidString(l.Label) {
				continue
			}
			whole := l.Label
			l.Label = string([]rune(whole)[:MaxLabelLength])
			f.add(labelCut, fmt.Sprintf("entries[%d].lines[%d].label", i, j),
				quoted("value", whole), number("most", MaxLabelLength), quoted("cut", l.Label))
		}
	}
	return f.list
}
