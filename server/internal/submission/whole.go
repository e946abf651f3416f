package submission

import (
	"iter"
	"slices"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// Whole is what the report on a file has no room for, however much it is: all places of the findings, as they were found, and
// all entries that do not balance. It is good until the intake is closed. Errors: spool.ErrNoRoom, or the disk's.
type Whole struct {
	Places  iter.Seq2[filecheck.Place, error]
	Entries iter.Seq2[filecheck.EntryTotal, error]
}

// Whole is that of a file of ReportFile, all of which has come and was reported on.
func (f *FileIntake) Whole() Whole {
	reported := func(p filecheck.Place) bool { return f.look.Reports(p) && !slices.Contains(f.about.Ignored, p.Code) }
	return Whole{Places: f.places(f.whole.Places(reported)), Entries: f.whole.Entries()}
}

// places are those of the entries that are in other imports, before the others.
func (f *FileIntake) places(others iter.Seq2[filecheck.Place, error]) iter.Seq2[filecheck.Place, error] {
	return func(yield func(filecheck.Place, error) bool) {
		for _, o := range f.overlaps {
			if code := o.Likeness.Code(); !slices.Contains(f.about.Ignored, code) && !yield(filecheck.Place{Code: code, Line: o.Line}, nil) {
				return
			}
		}
		others(yield)
	}
}
