package check

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
)

// CutLabels cuts labels that are too long after [MaxLabelLength] characters, and gives a notice for each: Loop cuts them in
// silence (loop-api: A 10.6). It gives an import of its own where it cuts. Call it before [Entries] where the caller asked for
// it. Nothing else is ever cut.
func CutLabels(in cegidclient.EntryImport) (cegidclient.EntryImport, []Finding) {
	var f found
	var entries []cegidclient.Entry // none of which is cut as long as it is nil
	for i := range in.Entries {
		lines := in.Entries[i].Lines // the caller's, until one is cut
		for j := range lines {
			whole := lines[j].Label
			if utf8.RuneCountInString(whole) <= MaxLabelLength || !utf8.ValidString(whole) {
				continue
			}
			if entries == nil {
				entries = slices.Clone(in.Entries)
			}
			if &entries[i].Lines[0] == &in.Entries[i].Lines[0] {
				entries[i].Lines = slices.Clone(lines)
			}
			l := &entries[i].Lines[j]
			l.Label = string([]rune(whole)[:MaxLabelLength])
			f.add(labelCut, fmt.Sprintf("entries[%d].lines[%d].label", i, j),
				quoted("value", whole), number("most", MaxLabelLength), quoted("cut", l.Label))
		}
	}
	if entries != nil {
		in.Entries = entries
	}
	return in, f.list
}
