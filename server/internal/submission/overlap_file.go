package submission

import (
	"context"
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/server/internal/ledger"
)

// Inspected is Report, with the entries that are like those of other imports, as far as the file was read.
func (f *FileIntake) Inspected(ctx context.Context) (ledger.Deposit, error) {
	d, refused := f.Report()
	if !booksEntries(Format(d.Format)) || f.look.Refused() || f.entries == nil {
		return d, refused
	}
	overlaps, err := f.compared(ctx)
	if err != nil {
		return d, diskOrLedger(err)
	}
	f.overlaps = f.writer.overlapsFor(d.Caller, overlaps)
	f.elsewhere = check.Without(findings(f.overlaps), f.about.Ignored)
	d.Report.Findings = check.Ordered(f.elsewhere, d.Report.Findings)
	if refused != nil || check.HasErrors(f.elsewhere) {
		return d, &FileRefusedError{d.Report.Findings}
	}
	return d, nil
}

// compared compares the entries of the file month by month, each of which is in memory at a time.
func (f *FileIntake) compared(ctx context.Context) (all []ledger.Overlap, err error) {
	key := ledger.Key{Practice: f.deposit.Practice, Dossier: f.deposit.Dossier, Collection: ledger.Imports}
	var month []identity.Entry
	compare := func() error {
		overlaps, err := f.writer.Ledger.Overlaps(ctx, key, ledger.Digests{Books: f.books, Entries: month})
		for _, overlap := range overlaps {
			overlap.Line = month[overlap.Entry].Line
			all = append(all, overlap)
		}
		month = month[:0]
		return err
	}
	for e, err := range f.entries.Entries() {
		if err == nil && len(month) > 0 && month[0].Month != e.Month {
			err = compare()
		}
		if err != nil {
			return nil, err
		}
		month = append(month, e)
	}
	err = compare()
	inOneState(all)
	return all, err
}

// inOneState lets all overlaps with an import name the state that was read last: it may move on between two months, and is one
// finding all the same.
func inOneState(all []ledger.Overlap) {
	last := map[ledger.Key]*ledger.OtherImport{}
	for _, overlap := range all {
		last[overlap.Of.Key] = overlap.Of
	}
	for i := range all {
		all[i].Of = last[all[i].Of.Key]
	}
}

// mostLooks is how many imports that failed, or whose outcome is unknown, are looked for on behalf of a file.
const mostLooks = 3

// compareFile looks for the entries of a deposit in other imports of the books. Where these failed, or their outcome is unknown,
// it looks for each of these imports in Loop, as ResolveImport does: of a deposit it is not kept which entry has which
// reference. Only what shows nothing of the whole import lets its entries pass.
func (w *Writer) compareFile(ctx context.Context, p Practice, s *ledger.Submission) (*compared, error) {
	g := glance{Writer: w, practice: p}
	seen := map[ledger.Key]*ledger.Evidence{}
	var cleared []EntryOverlap
	for {
		overlaps, err := w.Ledger.Overlaps(ctx, s.Key, *s.Digests)
		if err != nil {
			return nil, ledgerFault(err)
		}
		open, certain := others(overlaps)
		if certain || len(open) == 0 {
			return &compared{s.Digests, append(cleared, w.overlapsFor(s.Caller, overlaps)...)}, nil
		}
		for _, of := range open {
			evidence, record, err := g.at(ctx, of, len(seen) == mostLooks)
			if err != nil {
				return nil, err
			}
			if evidence == nil { // it has moved: it is compared again
				continue
			}
			mine := slices.DeleteFunc(slices.Clone(overlaps), func(o ledger.Overlap) bool { return o.Of.Key != of.Key })
			if !evidence.Proves() {
				return &compared{s.Digests, w.saw(s.Caller, mine, check.AlreadyImported, evidence)}, nil
			}
			seen[of.Key] = evidence
			s.Digests.Absent = append(s.Digests.Absent, ledger.Attempt{Key: record.Key, Number: record.Attempt})
			cleared = append(cleared, w.saw(s.Caller, mine, check.NotInLoop, evidence)...)
		}
	}
}

// others are the imports that entries are in and that a look may let them pass, each once; certain says that there is one
// which none lets pass.
func others(overlaps []ledger.Overlap) (open []*ledger.OtherImport, certain bool) {
	for _, overlap := range overlaps {
		switch {
		case !overlap.Refuses:
		case overlap.Of.Certain():
			return nil, true
		case !slices.ContainsFunc(open, func(o *ledger.OtherImport) bool { return o.Key == overlap.Of.Key }):
			open = append(open, overlap.Of)
		}
	}
	return open, false
}

// saw are overlaps with one import, and what was seen of it.
func (w *Writer) saw(caller string, overlaps []ledger.Overlap, likeness check.Likeness, seen *ledger.Evidence) []EntryOverlap {
	overlaps = slices.DeleteFunc(overlaps, func(o ledger.Overlap) bool { return !o.Refuses })
	out := w.overlapsFor(caller, overlaps)
	for i := range out {
		out[i].Likeness, out[i].Seen = likeness, seen
	}
	return out
}

// at looks for a whole import; nil where it has moved meanwhile. spent: Loop has been asked enough.
func (g *glance) at(ctx context.Context, of *ledger.OtherImport, spent bool) (*ledger.Evidence, ledger.Record, error) {
	record, doubt, err := g.current(ctx, of)
	switch {
	case err != nil, !record.State.Resolvable(), record.Attempt != of.Attempt:
		return nil, record, err
	case doubt != ledger.NoDoubt:
		return &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: doubt}, record, nil
	case spent:
		return &ledger.Evidence{Verdict: ledger.Inconclusive}, record, nil
	case len(record.DocumentReferences) == 0:
		return &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: ledger.ReferenceAbsent}, record, nil
	}
	search, err := look{g.practice.Client, g.Ledger, record}.at(ctx, spread(searchable(record.DocumentReferences), mostSearched))
	if err != nil {
		return nil, record, err
	}
	if len(search.Sightings) == 0 {
		return &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: ledger.ReferenceUnsearchable}, record, nil
	}
	return search.Evidence(), record, nil
}
