package submission

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/server/internal/ledger"
)

// EntryOverlap is an entry that is like one of another import which is booked or may be.
type EntryOverlap struct {
	// Entry is its index in the request; Line is where it begins in a file, or 0.
	Entry, Line int
	Likeness    check.Likeness
	// Import is the other one, and State its own: empty where the caller may not see it.
	Import string
	State  ledger.State
	// Seen is what a look into Loop has shown of it; nil without one.
	Seen *ledger.Evidence
}

// findings tell of overlaps.
func findings(overlaps []EntryOverlap) []check.Finding {
	all := make([]check.Overlap, 0, len(overlaps))
	for _, o := range overlaps {
		one := check.Overlap{Entry: o.Entry, Line: o.Line, Likeness: o.Likeness, Import: o.Import, State: string(o.State)}
		if o.Likeness == check.NotInLoop {
			one.Sought = sought(o.Seen)
		}
		all = append(all, one)
	}
	return check.Overlaps(all)
}

// sought are the references that a look has asked for.
func sought(seen *ledger.Evidence) string {
	var all []string
	for _, sighting := range seen.Sightings {
		all = append(all, sighting.Reference)
	}
	return strings.Join(all, ", ")
}

// overlapsFor are overlaps as a caller may see them, those of a file in the order of its lines.
func (w *Writer) overlapsFor(caller string, overlaps []ledger.Overlap) (out []EntryOverlap) {
	slices.SortStableFunc(overlaps, func(a, b ledger.Overlap) int { return a.Line - b.Line })
	for _, overlap := range overlaps {
		one := EntryOverlap{Entry: overlap.Entry, Line: overlap.Line, Likeness: check.MaybeImported}
		switch {
		case overlap.Refuses:
			one.Likeness = check.AlreadyImported
		case overlap.Match == identity.SameDocument:
			one.Likeness = check.DocumentImported
		}
		if w.visible(caller, ledger.Record{Key: overlap.Of.Key, Caller: overlap.Of.Caller}) {
			one.Import, one.State = overlap.Of.RequestID, overlap.Of.State
		}
		out = append(out, one)
	}
	return out
}

// compared says which entries are elsewhere.
type compared struct {
	digests *ledger.Digests
	// overlaps that refuse come with what a look has shown, if there was one; so do those that it has shown not to be in Loop.
	overlaps []EntryOverlap
}

// refusal is the error of entries that would be booked twice; nil without one.
func (c *compared) refusal() error {
	refused := slices.DeleteFunc(slices.Clone(c.overlaps), func(o EntryOverlap) bool { return o.Likeness != check.AlreadyImported })
	if len(refused) == 0 {
		return nil
	}
	return &EntryImportedError{refused}
}

// kept are the findings that an import is kept with: of those that may be ignored, none is of a look into Loop.
func (c *compared) kept(ignored []string) (out []check.Finding) {
	for _, finding := range findings(c.overlaps) {
		if finding.Severity == check.Notice {
			out = append(out, finding)
		} else {
			out = append(out, check.Without([]check.Finding{finding}, ignored)...)
		}
	}
	return out
}

// compare looks for entries in other imports of the books. Where these failed, or their outcome is unknown, it looks
// into Loop if that is asked for, once for all of them.
func (w *Writer) compare(ctx context.Context, p Practice, e *Entries, look bool) (*compared, error) {
	key, err := w.Ledger.IdentityKey(ctx)
	if err != nil {
		return nil, ledgerFault(err)
	}
	out := &compared{digests: &ledger.Digests{Books: p.books(e.Dossier), Entries: key.Entries(e.Content.Entries), RepeatOf: e.RepeatOf}}
	if e.AllowDuplicate {
		return out, nil
	}
	g := glance{Writer: w, practice: p, entries: e}
	for {
		overlaps, err := w.Ledger.Overlaps(ctx, e.Key, *out.digests)
		if err != nil {
			return nil, ledgerFault(err)
		}
		open := slices.DeleteFunc(slices.Clone(overlaps), func(o ledger.Overlap) bool { return !o.Refuses || o.Of.Certain() })
		certain := slices.ContainsFunc(overlaps, func(o ledger.Overlap) bool { return o.Refuses && o.Of.Certain() })
		if !look || certain || len(open) == 0 {
			out.overlaps = append(g.cleared, w.overlapsFor(e.Caller, overlaps)...)
			return out, nil
		}
		absent, err := g.over(ctx, open)
		if err != nil {
			return nil, err
		}
		if len(g.doubts) > 0 {
			out.overlaps = w.overlapsFor(e.Caller, overlaps)
			for i := range out.overlaps {
				if o := &out.overlaps[i]; o.Likeness == check.AlreadyImported {
					o.Seen = g.doubts[o.Entry]
				}
			}
			return out, nil
		}
		out.digests.Absent = append(out.digests.Absent, absent...)
	}
}

// glance is the look into Loop for entries that are in imports which failed, or whose outcome is unknown. An
// entry may be in several of them, one after another: Loop is asked once.
type glance struct {
	*Writer
	practice Practice
	entries  *Entries
	// seen is what Loop was asked, of the entries asked for; nil before.
	seen  *ledger.Evidence
	asked map[int]bool
	// doubts are of entries that may be booked; cleared are those that are not.
	doubts  map[int]*ledger.Evidence
	cleared []EntryOverlap
}

// over looks for entries, and answers the attempts that have none of them. What has moved meanwhile is neither in doubt nor
// absent: it is to be compared again.
func (g *glance) over(ctx context.Context, open []ledger.Overlap) (absent []ledger.Attempt, err error) {
	g.doubts = map[int]*ledger.Evidence{}
	type other struct {
		record   ledger.Record
		overlaps []ledger.Overlap
	}
	var others []*other
	moved := map[ledger.Key]bool{}
	for _, overlap := range open {
		at := slices.IndexFunc(others, func(o *other) bool { return o.record.Key == overlap.Of.Key })
		if at < 0 && !moved[overlap.Of.Key] {
			record, doubt, err := g.current(ctx, overlap.Of)
			if err != nil {
				return nil, err
			}
			if !record.State.Resolvable() || record.Attempt != overlap.Of.Attempt {
				moved[overlap.Of.Key] = true
				continue
			}
			if doubt != ledger.NoDoubt {
				g.doubt(doubt, open, overlap.Of)
				continue
			}
			at = len(others)
			others = append(others, &other{record: record})
		}
		if at < 0 {
			continue
		}
		o := others[at]
		o.overlaps = append(o.overlaps, overlap)
		if doubt := unsearchable(&o.record, g.entries.Content.Entries[overlap.Entry].DocumentReference); doubt != ledger.NoDoubt {
			g.doubts[overlap.Entry] = &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: doubt}
		}
	}
	if len(g.doubts) > 0 || len(others) == 0 {
		return nil, nil
	}
	if err := g.ask(ctx, others[0].record, open); err != nil || len(g.doubts) > 0 {
		return nil, err
	}
	for _, o := range others {
		absent = append(absent, ledger.Attempt{Key: o.record.Key, Number: o.record.Attempt})
		for _, overlap := range g.overlapsFor(g.entries.Caller, o.overlaps) {
			overlap.Likeness, overlap.Seen = check.NotInLoop, g.seen
			g.cleared = append(g.cleared, overlap)
		}
	}
	return absent, nil
}

// doubt notes of all entries that are in an import that it may be booked.
func (g *glance) doubt(doubt ledger.Doubt, open []ledger.Overlap, of *ledger.OtherImport) {
	for _, overlap := range open {
		if overlap.Of.Key == of.Key {
			g.doubts[overlap.Entry] = &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: doubt}
		}
	}
}

// current is an import as it is now, and why its absence from Loop would mean nothing.
func (g *glance) current(ctx context.Context, of *ledger.OtherImport) (ledger.Record, ledger.Doubt, error) {
	record, err := g.Ledger.Get(ctx, of.Key)
	if errors.Is(err, ledger.ErrUnknown) {
		return ledger.Record{}, ledger.NoDoubt, nil
	}
	if err != nil {
		return ledger.Record{}, ledger.NoDoubt, ledgerFault(err)
	}
	r := &resolving{Writer: g.Writer, practice: g.practice, Resolved: Resolved{Record: record}}
	accepted, err := r.askLoop(ctx)
	if err != nil && !errors.Is(err, ledger.ErrLost) {
		return ledger.Record{}, ledger.NoDoubt, err
	}
	if err != nil { // somebody else has its outcome
		return ledger.Record{}, ledger.NoDoubt, nil
	}
	early, err := g.Ledger.TooEarly(ctx, &r.Record)
	switch {
	case err != nil:
		return ledger.Record{}, ledger.NoDoubt, ledgerFault(err)
	case accepted:
		return r.Record, ledger.NotFailed, nil
	case early:
		return r.Record, ledger.TooEarly, nil
	}
	return r.Record, ledger.NoDoubt, nil
}

// unsearchable says why an entry of an import cannot be looked for by a reference. It must be spelt as that import had it:
// entries are the same in other spellings, too.
func unsearchable(of *ledger.Record, reference string) ledger.Doubt {
	whole := len(of.DocumentReferences) < ledger.KeptReferences
	switch {
	case reference == "":
		return ledger.ReferenceAbsent
	case !isSearchable(reference), !(ledger.Sighting{Reference: reference}).Plain(), whole &&
		!slices.Contains(of.DocumentReferences, reference):
		return ledger.ReferenceUnsearchable
	}
	return ledger.NoDoubt
}

// ask asks Loop for the entries, unless it was asked for them before.
func (g *glance) ask(ctx context.Context, of ledger.Record, open []ledger.Overlap) error {
	if g.seen != nil {
		for _, overlap := range open {
			if !g.asked[overlap.Entry] { // came between two comparisons
				g.doubts[overlap.Entry] = &ledger.Evidence{Verdict: ledger.Inconclusive, Doubt: ledger.TooEarly}
			}
		}
		return nil
	}
	var references []string
	g.asked = map[int]bool{}
	for _, overlap := range open {
		g.asked[overlap.Entry] = true
		if reference := g.entries.Content.Entries[overlap.Entry].DocumentReference; !slices.Contains(references, reference) {
			references = append(references, reference)
		}
	}
	search, err := look{g.practice.Client, g.Ledger, of}.at(ctx, spread(references, mostSearched))
	if err != nil {
		return err
	}
	g.seen = search.Evidence()
	if !g.seen.Proves() {
		for _, overlap := range open {
			g.doubts[overlap.Entry] = g.seen
		}
	}
	return nil
}
