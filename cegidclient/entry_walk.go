package cegidclient

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"cegid.internal/gateway/cegidclient/internal/entrywalk"
)

// MaxWalkDays is the longest range that [EntryService.Walk] takes. Each day costs a question or two.
const MaxWalkDays = 3660

// EntryWalk says which entries to walk through.
type EntryWalk struct {
	// From and To are the first and the last document date: YYYY-MM-DD, [MaxWalkDays] at most.
	From, To string
	// Query narrows the walk; its dates must be empty. Without Lettering, LetteringID and OriginID, what is lettered and what
	// is not are read both.
	Query EntryQuery
	// State goes on behind the step that it came with; empty to begin.
	State string
	// Ahead is the most questions under way. Default 4, [Limits.Concurrency] at most.
	Ahead int
}

// EntryGapReason is why a part of a walk may not be whole.
type EntryGapReason string

// The reasons.
const (
	// GapFull: as many lines came as Loop gives at most, and Loop documents no criterion that would split them further.
	GapFull EntryGapReason = "full"
	// GapDoubtful: no longer answer came during the walk, so that Loop's limit may be lower than its documentation says.
	GapDoubtful EntryGapReason = "doubtful"
	// GapUncovered: lines of the day were seen that no journal and account of the dossier's lists brought again. They are of
	// another one, or changed while the day was read.
	GapUncovered EntryGapReason = "uncovered"
)

// EntryGap is a part of a walk of which lines may be missing: the lines that meet the query.
type EntryGap struct {
	// Query is the question that Loop did not answer whole; its primary criterion is not set for GapUncovered, which is of a day.
	Query  EntryQuery
	Reason EntryGapReason
}

// EntryWalkStep is what came since the step before.
type EntryWalkStep struct {
	// Items are lines, day by day, but for those that came with a look at all that follows. None when many questions brought none.
	Items []BookedEntry
	Gaps  []EntryGap
	// State resumes the walk behind this step: see [EntryWalk]. It has no authority.
	State string
	// Questions is how often Loop was asked for entries so far, since the walk began or was resumed. What the dossier's lists
	// of journals and accounts cost is not in it.
	Questions int
	// End: nothing follows.
	End bool
	// Complete, at the end: nothing was named in Gaps, before the walk was resumed neither.
	Complete bool
}

// Walk reads the entries of a range of document dates past the hundred that Loop gives at most. A question that brings fewer is
// complete; any other is split by day, then by journal, then by account, both of the dossier's own lists. What cannot be split
// further is named in Gaps. [Config.EntryNames] spares no question: a line tells nothing of those that did not come.
//
// That all entries are lettered or not, and that each has a document date, a journal and an account of those lists, is inferred
// [I] (loop-api: A 4). So is which field is a line's identity: lines without objectId are not told apart, and come twice when they
// are lettered while the walk goes on. A walk is no snapshot: what is booked or changed meanwhile may come or not, and what loses
// its lettering may be missed. A walk that is resumed may bring a line again that was lettered meanwhile: keep them by identity.
//
// It ends at the first error; resume it by the state of the last step.
func (s *EntryService) Walk(ctx context.Context, dossier string, w EntryWalk) iter.Seq2[*EntryWalkStep, error] {
	return func(yield func(*EntryWalkStep, error) bool) {
		run, at, err := s.walk(dossier, w)
		if err != nil {
			yield(nil, s.c.annotate(&Call{Operation: s.op, Dossier: dossier}, err, nil))
			return
		}
		for step, err := range run.plan.Steps(ctx, at) {
			if err != nil {
				yield(nil, err)
				return
			}
			state, err := json.Marshal(step.State)
			if err != nil {
				yield(nil, err)
				return
			}
			out := &EntryWalkStep{
				Items: step.Items, State: string(state), Questions: int(run.questions.Load()), End: step.End, Complete: step.End && !step.State.Gaps,
			}
			for _, gap := range step.Gaps {
				out.Gaps = append(out.Gaps, run.gap(gap))
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// walkRun is a walk of one dossier.
type walkRun struct {
	plan      entrywalk.Walk[BookedEntry]
	query     EntryQuery
	halves    []LetteringState // empty ones where the query has a primary criterion
	questions atomic.Int64
}

// walk checks what is to be walked through, and where to begin.
func (s *EntryService) walk(dossier string, w EntryWalk) (*walkRun, entrywalk.State, error) {
	var at entrywalk.State
	from, err := time.Parse(time.DateOnly, w.From)
	if err != nil {
		return nil, at, invalid("document_date_from", "no day, which is written YYYY-MM-DD")
	}
	to, err := time.Parse(time.DateOnly, w.To)
	switch {
	case isNoDossier(dossier):
		return nil, at, invalid("dossier", "no dossier")
	case err != nil || to.Year() >= 9999:
		return nil, at, invalid("document_date_to", "no day before the year 9999, which is written YYYY-MM-DD")
	case to.Before(from):
		return nil, at, invalid("document_date_to", "before document_date_from")
	case to.Sub(from) >= MaxWalkDays*24*time.Hour:
		return nil, at, invalid("document_date_to", fmt.Sprintf("more than %d days after document_date_from: "+
			"walk through one part after the other", MaxWalkDays))
	case w.Query.DocumentDate != "" || w.Query.DocumentDateFrom != "":
		return nil, at, invalid("document_date", "the range says which days")
	}
	run := &walkRun{query: w.Query, halves: []LetteringState{Unlettered, Lettered}}
	if q := w.Query; q.Lettering != "" || q.LetteringID != "" || q.OriginID != "" {
		run.halves = []LetteringState{q.Lettering}
	}
	for half := range run.halves {
		if _, err := run.ask(entrywalk.Question{Half: half, Day: w.From}).filter(); err != nil {
			return nil, at, err
		}
	}
	if w.State != "" {
		if err := json.Unmarshal([]byte(w.State), &at); err != nil || !at.Valid(w.From, w.To, len(run.halves)) {
			return nil, at, invalid("state", "no state of this walk")
		}
	}
	if w.Ahead <= 0 {
		w.Ahead = defaultAhead
	}
	run.plan = entrywalk.Walk[BookedEntry]{
		From: w.From, To: w.To, Halves: len(run.halves), Ahead: min(w.Ahead, s.c.limits.Concurrency),
		Ask: func(ctx context.Context, q entrywalk.Question) ([]entrywalk.Line[BookedEntry], error) {
			run.questions.Add(1)
			got, err := s.List(ctx, dossier, run.ask(q))
			if err != nil {
				return nil, err
			}
			lines := make([]entrywalk.Line[BookedEntry], len(got.Items))
			for i := range got.Items {
				lines[i] = s.line(&got.Items[i])
			}
			return lines, nil
		},
	}
	if w.Query.Journal == "" {
		run.plan.Journals = codes(&s.c.Journals.Lister, dossier, func(j *Journal) *string { return j.Code })
	}
	if w.Query.Account == "" {
		run.plan.Accounts = codes(&s.c.Accounts.Lister, dossier, func(a *Account) *string { return a.Number })
	}
	return run, at, nil
}

// ask is a question as a query.
func (r *walkRun) ask(q entrywalk.Question) EntryQuery {
	if q.Control {
		return EntryQuery{Lettering: []LetteringState{Unlettered, Lettered}[q.Half]}
	}
	out := r.query
	out.Lettering, out.DocumentDate, out.DocumentDateFrom = r.halves[q.Half], q.Day, q.From
	if q.Journal != "" {
		out.Journal = q.Journal
	}
	if q.Account != "" {
		out.Account = q.Account
	}
	return out
}

func (r *walkRun) gap(g entrywalk.Gap) EntryGap {
	out := EntryGap{Query: r.ask(g.Question)}
	switch g.Reason {
	case entrywalk.Full:
		out.Reason = GapFull
	case entrywalk.Doubtful:
		out.Reason = GapDoubtful
	case entrywalk.Uncovered:
		out.Reason, out.Query.Lettering = GapUncovered, r.query.Lettering
	}
	return out
}

// line gives an entry its identity: objectId, by analogy with Loop's other answers [I].
func (s *EntryService) line(entry *BookedEntry) entrywalk.Line[BookedEntry] {
	out := entrywalk.Line[BookedEntry]{Item: *entry}
	for name, raw := range entry.Unmapped {
		if fold(name) == "objectid" {
			if id, _, ok := readText(raw); ok {
				out.ID, out.Key = id, id
			}
		}
	}
	if out.ID == "" {
		digest := sha256.Sum256(s.AppendJSON(nil, entry))
		out.Key = string(digest[:])
	}
	return out
}

// codes lists what a walk splits by, those that a filter can express. A line of another one is noticed: [GapUncovered].
func codes[T any](of *Lister[T], dossier string, code func(*T) *string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (out []string, err error) {
		for item, err := range of.All(ctx, dossier, ListOptions{}) {
			if err != nil {
				return nil, err
			}
			if c := code(item); c != nil && strings.TrimSpace(*c) != "" {
				if _, err := Equal(EntryJournal, *c).Expression(); err == nil {
					out = append(out, *c)
				}
			}
		}
		return out, nil
	}
}
