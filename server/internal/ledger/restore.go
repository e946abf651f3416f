package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sent is what the audit knows of an attempt that was about to be sent.
type Sent struct {
	Key
	Caller      string
	Kind        Kind
	Format      string
	Fingerprint Fingerprint
	Totals      Totals
	Attempt     int
	// Owner of the attempt, whose late answer still counts.
	Owner string
	// Time is when it was about to be sent, Commit the number of the newest commit before; 0 where the audit does not say.
	Time   time.Time
	Commit int64
	// State is how it ended, as the audit has it, and LoopRequestID Loop's id; empty where it does not say.
	State         State
	LoopRequestID string
	// noOlder is the latest time that the audit has of this commit or one before, in microseconds.
	noOlder int64
}

// Restored is what Restore did.
type Restored struct {
	// Forgotten are the submissions that are UNCERTAIN now, in the order of their keys.
	Forgotten []Record
	// Known is how many attempts the ledger knew.
	Known int
}

// NewestCommit is the number of the ledger's newest commit, whatever the audit knows, and why it is held; empty when it is not.
func (l *Ledger) NewestCommit(ctx context.Context) (commit int64, held string, err error) {
	err = l.write(ctx, func(w *writing) (err error) {
		commit, held, err = mark(w.ctx, w.tx)
		return err
	})
	return commit, held, err
}

// Restore makes UNCERTAIN what a ledger that was put back from a copy has forgotten of what the audit knows, and lets it be
// used again. newest is the number of the newest commit that the audit knows. It may be repeated. No server that sends may use
// the ledger meanwhile: of several, each refuses to.
func (l *Ledger) Restore(ctx context.Context, sent []Sent, newest int64) (Restored, error) {
	copied, _, err := l.NewestCommit(ctx)
	if err != nil {
		return Restored{}, err
	}
	latest := map[Key]Sent{}
	var youngest int64 // age goes by it, too: neither a clock that is years ahead nor one that was years behind makes a record too old
	for _, s := range slices.SortedStableFunc(slices.Values(sent), func(a, b Sent) int { return cmp.Compare(a.Commit, b.Commit) }) {
		youngest = max(youngest, micros(s.Time))
		s.noOlder = youngest
		// Of an id that a ledger had forgotten before, attempts were counted anew; commits go on.
		if known, is := latest[s.Key]; !is || cmp.Or(cmp.Compare(known.Commit, s.Commit), cmp.Compare(known.Attempt, s.Attempt)) <= 0 {
			latest[s.Key] = s
		}
	}
	var all []Sent
	for _, attempt := range latest {
		all = append(all, attempt)
	}
	slices.SortFunc(all, func(a, b Sent) int { return a.Key.compare(b.Key) })
	var out Restored
	for batch := range slices.Chunk(all, retainBatch) {
		var done Restored
		err := l.write(ctx, func(w *writing) error {
			done = Restored{}
			for _, attempt := range batch {
				if err := w.restore(attempt, copied, ago(youngest, KeepOutcome), &done); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return out, err
		}
		out.Forgotten, out.Known = append(out.Forgotten, done.Forgotten...), out.Known+done.Known
	}
	return out, l.write(ctx, func(w *writing) error {
		number, _, err := mark(w.ctx, w.tx)
		if err != nil {
			return err
		}
		// Events that are forgotten had numbers that are unknown here, and theirs must not come again.
		w.number = max(number, newest, l.Commit()) + restoredAhead
		_, err = w.changes(`UPDATE ledger_mark SET commits = $1, held = ''`, w.number)
		return err
	})
}

// restoredAhead is how far the numbers of commits go on behind those that are known: more than any server commits without a
// record of the audit.
const restoredAhead = 1 << 20

func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Practice, other.Practice), cmp.Compare(k.Dossier, other.Dossier), cmp.Compare(k.Collection, other.Collection),
		cmp.Compare(k.RequestID, other.RequestID))
}

// knows says whether a row is that of the end of an attempt, or of a later one, in a copy that was made at a commit.
func (r *Record) knows(sent *Sent, copied int64) bool {
	switch {
	case r.Attempt == sent.Attempt && r.Owner == sent.Owner:
		return r.State != Received // and yet sent: the copy was made in between
	case sent.Commit > copied:
		return false // it was sent later, however its attempt was counted
	}
	return r.Attempt > sent.Attempt || r.Attempt == sent.Attempt && r.State != Received
}

// restore settles one attempt. What the row knows of a later attempt, or of the end of this one, stays.
func (w *writing) restore(sent Sent, copied, before int64, done *Restored) error {
	row, err := w.row(sent.Key)
	known := err == nil
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	if known && row.knows(&sent, copied) || sent.State.NothingBooked() ||
		!known && sent.noOlder < min(before, w.since(KeepOutcome)) { // it is forgotten because of its age
		done.Known++
		return nil
	}
	// As it was in the ledger that is lost, and as Recover would have left it.
	lost := status{state: Submitting, attempt: sent.Attempt, owner: sent.Owner, submitted: micros(sent.Time)}
	to, abandoned := w.rules.abandon(lost)
	if !abandoned {
		return fmt.Errorf("%w: a restored submission", ErrTransition)
	}
	to.loopID, to.abandoned = sent.LoopRequestID, sent.State == "" // else its owner has said all that it will
	from, was := row.status(), row
	row = Record{Key: sent.Key, Created: sent.Time, Received: sent.Time}
	if known {
		row.Created, row.Resolution = was.Created, was.Resolution.toOthers()
	}
	row.fill(Submission{
		Caller: sent.Caller, Kind: sent.Kind, Format: sent.Format, Fingerprints: []Fingerprint{sent.Fingerprint},
		Totals: sent.Totals,
	})
	// By a clock that is years behind it would look too old as soon as that is right.
	row.apply(to, max(w.now, sent.noOlder))
	row.Error = forgotten()
	if to.toBeAsked() {
		row.NextPoll = instant(w.now)
	}
	if known {
		err = w.update(from, &row)
		if err == nil {
			err = w.index(&row)
		}
	} else {
		err = w.insert(&row)
	}
	if err == nil { // those of an earlier attempt are of other content
		err = w.attach(&Submission{Key: sent.Key})
	}
	if err != nil {
		return err
	}
	done.Forgotten = append(done.Forgotten, row)
	return nil
}

// forgotten is the error of a restored row.
func forgotten() *Failure {
	return &Failure{Cause: CauseForgotten, Detail: "the ledger was put back from a copy that did not know of it"}
}
