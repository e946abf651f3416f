package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The times of a resolution.
const (
	// ResubmitAfter is how long after it was sent an import must be, before its absence from Loop says that it was not
	// booked: Loop works for hours.
	ResubmitAfter = 24 * time.Hour
	// CheckLasts is how long a look into Loop counts for a decision, which is taken right after it.
	CheckLasts = 5 * time.Minute

	maxLateAnswers = 10
)

// Verdict is what a look into Loop says of a submission.
type Verdict string

// The verdicts.
const (
	Found        Verdict = "FOUND"
	NotFound     Verdict = "NOT_FOUND"
	Inconclusive Verdict = "INCONCLUSIVE"
)

// Verdicts returns all of them: tests of other packages hold that each has its words, as of Doubts and EveryControl.
func Verdicts() []Verdict { return []Verdict{Found, NotFound, Inconclusive} }

// Doubt is why a look is Inconclusive.
type Doubt string

// The doubts.
const (
	NoDoubt               Doubt = ""
	ReferenceAbsent       Doubt = "REFERENCE_ABSENT"
	ReferenceUnsearchable Doubt = "REFERENCE_UNSEARCHABLE"
	TooEarly              Doubt = "TOO_EARLY"
	NotFailed             Doubt = "NOT_FAILED"
	PartlyFound           Doubt = "PARTLY_FOUND"
	NotUnique             Doubt = "NOT_UNIQUE"
	Different             Doubt = "DIFFERENT"
	Truncated             Doubt = "TRUNCATED"
	// SearchBlind: the look does not find what is booked, or finds what cannot be.
	SearchBlind Doubt = "SEARCH_BLIND"
)

// Control says whether a look has shown that it can see. Its values are those of cegid.loop.v1.ImportControl.
type Control string

// The controls.
const (
	ControlUnknown Control = "" // of a look from before there were any
	ControlFound   Control = "FOUND"
	ControlMissed  Control = "MISSED"
	ControlNone    Control = "NONE" // the dossier has nothing that is known to be booked
)

// EveryControl returns all that a look may have.
func EveryControl() []Control { return []Control{ControlFound, ControlMissed, ControlNone} }

// Doubts returns all of them, without NoDoubt.
func Doubts() []Doubt {
	return []Doubt{ReferenceAbsent, ReferenceUnsearchable, TooEarly, NotFailed, PartlyFound, NotUnique, Different, Truncated, SearchBlind}
}

// Clue is what entries of a document reference can be told by, beside it: those that Loop documents for its answer.
type Clue struct {
	Journals []string `json:"journals"`
	// Dates are those of the entries and of their documents, YYYY-MM-DD: which of both Loop answers is not documented.
	Dates []string `json:"dates"`
}

// Sighting is what Loop showed of a document reference.
type Sighting struct {
	Reference  string `json:"reference"`
	Unlettered int    `json:"unlettered,omitempty"`
	Lettered   int    `json:"lettered,omitempty"`
	// Truncated: there may be more.
	Truncated bool `json:"truncated,omitempty"`
	// Different: some do not fit the import's clue.
	Different bool `json:"different,omitempty"`
	// Others are imports that have the reference too, or may have it. The ledger fills it.
	Others int `json:"others,omitempty"`
}

func (s Sighting) found() bool { return s.Unlettered+s.Lettered > 0 }

// longestPlain is how long labels and references are at Cegid: Loop cuts labels without a word (loop-api: A 9.5, A 10.6), and
// what it does to references is not documented.
const longestPlain = 35

// Plain says whether nothing is known for which Loop might keep the reference otherwise than it was sent, so that it would
// not be found by it.
func (s Sighting) Plain() bool {
	return utf8.RuneCountInString(s.Reference) <= longestPlain && strings.TrimSpace(s.Reference) == s.Reference
}

// Search is what a look into Loop has shown.
type Search struct {
	// Attempt that it speaks of.
	Attempt   int
	Caller    string
	Sightings []Sighting
	// Accepted: Loop had accepted it, and did not say before the look that it failed. It may still come to it.
	Accepted bool
	// Control is what became of looking for what is known to be booked.
	Control Control
	// Anything: Loop shows entries of a made-up reference.
	Anything bool
	// Took is how long ago it began: what happened since, it may have missed.
	Took time.Duration
}

// Evidence judges a look for entries of several attempts, none of which was sent too early for it. Its time is not known.
func (s Search) Evidence() *Evidence {
	out := &Evidence{Attempt: s.Attempt, Caller: s.Caller, Control: s.Control, Sightings: s.Sightings}
	out.Verdict, out.Doubt = judge(len(s.Sightings), s, false)
	return out
}

// TooEarly says whether it is too soon after an attempt was sent for its absence from Loop to mean anything. One that failed
// has come to its end.
func (l *Ledger) TooEarly(ctx context.Context, of *Record) (early bool, err error) {
	if of.State == Failed {
		return false, nil
	}
	err = l.reading(ctx, func(ctx context.Context, conn *sql.Conn) error {
		now, err := l.now(ctx, conn)
		if err != nil {
			return err
		}
		in, _, err := l.rulesAt(ctx, conn, now)
		early = in.early(of.status(), now)
		return err
	})
	return early, err
}

// Evidence is a look that was judged.
type Evidence struct {
	Attempt   int        `json:"attempt"`
	Time      time.Time  `json:"time"` // when it began
	Caller    string     `json:"caller"`
	Verdict   Verdict    `json:"verdict"`
	Doubt     Doubt      `json:"doubt,omitempty"`
	Control   Control    `json:"control,omitempty"`
	Sightings []Sighting `json:"sightings,omitempty"`
}

// sight is what it says of its attempt.
func (e *Evidence) sight() sight {
	switch {
	case e.Verdict == NotFound && e.Control == ControlFound:
		return notThere
	case e.Verdict == NotFound, e.Doubt == SearchBlind:
		return notSeen
	default:
		return unclear
	}
}

// Proves says whether it shows that its attempt is not in Loop.
func (e *Evidence) Proves() bool { return e.sight() == notThere }

// Statement is what a person states about an attempt.
type Statement struct {
	Attempt int       `json:"attempt"`
	Booked  bool      `json:"booked"`
	Caller  string    `json:"caller"`
	Note    string    `json:"note,omitempty"`
	Time    time.Time `json:"time"`
	// Unproven: no look that can see had shown it; the person has looked.
	Unproven bool `json:"unproven,omitempty"`
	// Before is the state that the submission had.
	Before State `json:"before"`
}

// LateAnswer is what Loop answered to an attempt after a person had decided.
type LateAnswer struct {
	Attempt       int    `json:"attempt"`
	State         State  `json:"state"`
	LoopRequestID string `json:"loop_request_id,omitempty"`
	// Cause is why it did not end well; Message is what Loop said then, and in rows of the servers before the reason, too.
	Cause   Cause     `json:"cause,omitempty"`
	Message string    `json:"message,omitempty"`
	Time    time.Time `json:"time"`
}

// Resolution is what people have decided, and what Loop answered after it.
type Resolution struct {
	Statement     *Statement   `json:"statement,omitempty"`
	Resubmissions int          `json:"resubmissions,omitempty"`
	ResubmitBy    string       `json:"resubmit_by,omitempty"`
	ResubmitTime  time.Time    `json:"resubmit_time,omitzero"`
	Late          []LateAnswer `json:"late,omitempty"`
}

// toOthers is what remains when another caller takes the id, who may not be one to read the first one's words and references:
// what Loop answered late, which may be booked, and the place for more of it.
func (r *Resolution) toOthers() *Resolution {
	if r == nil {
		return nil
	}
	return &Resolution{Late: r.Late}
}

// Resolvable says whether a person may resolve it: it is unknown, or not said by Loop, whether it is booked.
func (s State) Resolvable() bool { return s == Uncertain || s == Failed }

// Fits says whether an entry that Loop shows can be of the submission, as far as Loop says. Journal and date are nil
// where it does not.
func (r *Record) Fits(reference string, journal, date *string) bool {
	clue, known := r.Clues[reference]
	if !known {
		return date == nil || r.Totals.FirstDate == "" || r.Totals.FirstDate <= *date && *date <= r.Totals.LastDate
	}
	return clue.fits(journal, date)
}

func (c Clue) fits(journal, date *string) bool {
	return (journal == nil || slices.Contains(c.Journals, *journal)) && (date == nil || slices.Contains(c.Dates, *date))
}

// judge says what sightings mean. FOUND and NOT_FOUND are said only where nothing speaks against them.
func judge(kept int, look Search, early bool) (Verdict, Doubt) {
	found, sightings := 0, look.Sightings
	var truncated, shared, different bool
	for _, sighting := range sightings {
		if !sighting.found() {
			continue
		}
		found++
		truncated, shared, different = truncated || sighting.Truncated, shared || sighting.Others > 0, different || sighting.Different
	}
	if look.Anything { // so that what was shown may be anything
		found = 0
	}
	doubt := NoDoubt
	switch {
	case kept == 0:
		doubt = ReferenceAbsent
	case len(sightings) == 0:
		doubt = ReferenceUnsearchable
	case found == 0 && early:
		doubt = TooEarly
	case found == 0 && look.Accepted:
		doubt = NotFailed
	case look.Anything, found == 0 && look.Control == ControlMissed:
		doubt = SearchBlind
	case found == 0 && !slices.ContainsFunc(sightings, Sighting.Plain):
		doubt = ReferenceUnsearchable
	case found == 0:
		return NotFound, NoDoubt
	case truncated:
		doubt = Truncated
	case shared:
		doubt = NotUnique
	case different:
		doubt = Different
	case found < len(sightings):
		doubt = PartlyFound
	default:
		return Found, NoDoubt
	}
	return Inconclusive, doubt
}

// Checked judges what a look into Loop has shown, and keeps it. The state stays. ErrLost: the row is not resolvable any
// more, or at another attempt. A look that began before the one that is kept changes nothing: it has seen less.
func (l *Ledger) Checked(ctx context.Context, key Key, look Search) (Record, error) {
	return l.change(ctx, key, func(w *writing, row *Record) error {
		began := w.now - look.Took.Microseconds()
		look := look
		look.Sightings = slices.Clone(look.Sightings)
		if err := w.others(row, look.Sightings); err != nil {
			return err
		}
		seen := &Evidence{Attempt: look.Attempt, Time: instant(began), Caller: look.Caller, Control: look.Control, Sightings: look.Sightings}
		seen.Verdict, seen.Doubt = judge(len(row.DocumentReferences), look, w.rules.early(row.status(), began))
		if _, err := w.rules.check(row.status(), look.Attempt, began, seen.sight()); err != nil {
			return err
		}
		if e := row.Evidence; e != nil && e.Attempt == look.Attempt && began < micros(e.Time) && micros(e.Time) <= w.now {
			return errUnchanged
		}
		row.Evidence = seen
		return nil
	})
}

// Concluded commits Loop's final word, SUCCEEDED or FAILED, on what it had accepted and did not end in time. ErrLost: the row is
// not UNCERTAIN any more, or at another attempt.
func (l *Ledger) Concluded(ctx context.Context, key Key, attempt int, loopRequestID string, said Progress) (Record, error) {
	return l.change(ctx, key, func(w *writing, row *Record) error {
		to, err := w.rules.conclude(row.status(), subject{attempt, loopRequestID}, said.State)
		if err != nil {
			return err
		}
		row.Polls++
		row.FollowError, row.Error = "", said.Error.clipped()
		row.apply(to, w.now)
		return nil
	})
}

// Confirm commits a person's statement. The same one again changes nothing; the contrary is a *StatedError. ErrEvidence:
// nothing may be said not to be booked without a fresh look that has not found it, and a note where that look has not shown
// that it can see. ErrLost as of Checked.
func (l *Ledger) Confirm(ctx context.Context, key Key, attempt int, word Statement) (row Record, again bool, err error) {
	row, err = l.change(ctx, key, func(w *writing, row *Record) error {
		from := row.status()
		to, err := w.rules.confirm(from, attempt, word.Booked, strings.TrimSpace(word.Note) != "", w.now)
		switch {
		case errors.Is(err, errStated):
			return &StatedError{Of: *row.Resolution.Statement}
		case err != nil:
			return err
		}
		if again = to == from; again {
			return errUnchanged
		}
		decided := row.Resolution.copied()
		decided.Statement = &Statement{
			Attempt: attempt, Booked: word.Booked, Caller: word.Caller, Note: clip(word.Note), Time: instant(w.now), Before: row.State,
			Unproven: !word.Booked && from.absent == 0,
		}
		row.Resolution = decided
		if row.State == Uncertain {
			row.Error = nil // it was uncertain
		}
		row.apply(to, w.now)
		return nil
	})
	return row, again, err
}

// Resubmit opens another attempt at what a person wants to be sent again, as Begin does; by is who. It keeps its caller.
// Existing: another has done so since. ErrEvidence, ErrLost: as of Confirm.
func (l *Ledger) Resubmit(ctx context.Context, s Submission, attempt int, by, owner string) (Begun, error) {
	var begun Begun
	err := l.compared(ctx, &s, func() error {
		var verdict error // as in Begin
		err := l.write(ctx, func(w *writing) error {
			var err error
			begun, verdict, err = w.resubmit(s, attempt, by, owner)
			return err
		})
		return errors.Join(err, verdict)
	})
	if err != nil {
		return Begun{}, err
	}
	return begun, nil
}

func (w *writing) resubmit(s Submission, attempt int, by, owner string) (begun Begun, verdict, err error) {
	if err := w.lock(&s); err != nil {
		return Begun{}, nil, err
	}
	if err := w.current(); err != nil {
		return Begun{}, nil, err
	}
	row, err := w.row(s.Key)
	if err != nil {
		return Begun{}, nil, err
	}
	if err := w.expire(&row); err != nil {
		return Begun{}, nil, err
	}
	switch {
	case row.Kind != s.Kind, !s.Same(row.Fingerprint):
		return Begun{}, ErrReused, nil
	case row.Attempt > attempt && !row.State.NothingBooked():
		return Begun{Record: row, Existing: true}, nil, nil
	}
	from := row.status()
	to, err := w.rules.resubmit(from, attempt, owner, w.now)
	if err != nil {
		return Begun{}, err, nil
	}
	if !s.AllowDuplicate {
		other, err := w.duplicate(s)
		if err != nil {
			return Begun{}, nil, err
		}
		if other != nil {
			return Begun{}, &DuplicateError{Of: *other}, nil
		}
	}
	if verdict, err := w.refusal(&s); verdict != nil || err != nil {
		return Begun{}, verdict, err
	}
	decided := row.Resolution.copied()
	decided.Resubmissions, decided.ResubmitBy, decided.ResubmitTime = decided.Resubmissions+1, by, instant(w.now)
	s.Caller, s.Metadata = row.Caller, row.Metadata
	row = Record{Key: s.Key, Created: row.Created, Received: instant(w.now), Evidence: row.Evidence, Resolution: decided}
	row.fill(s)
	row.apply(to, w.now)
	if err := w.update(from, &row); err != nil {
		return Begun{}, nil, err
	}
	if err := w.index(&row); err != nil {
		return Begun{}, nil, err
	}
	return Begun{Record: row}, nil, w.attach(&s)
}

// errUnchanged ends a change that there is no need for.
var errUnchanged = errors.New("ledger: nothing changed")

// change decides on a row that stays at its attempt, whose lease is settled first, and stores it.
func (l *Ledger) change(ctx context.Context, key Key, do func(*writing, *Record) error) (Record, error) {
	var row Record
	var verdict error
	err := l.write(ctx, func(w *writing) error {
		verdict = nil
		var err error
		if row, err = w.row(key); err != nil {
			return err
		}
		if err := w.expire(&row); err != nil {
			return err
		}
		from, changed := row.status(), row
		if err := do(w, &changed); err != nil {
			if !isVerdict(err) {
				return err
			}
			verdict = err
			return nil
		}
		row = changed
		return w.update(from, &row)
	})
	if err == nil && !errors.Is(verdict, errUnchanged) {
		err = verdict
	}
	if err != nil {
		return Record{}, err
	}
	return row, nil
}

// isVerdict tells what the rules say from a database that fails.
func isVerdict(err error) bool {
	return errors.Is(err, errUnchanged) || errors.Is(err, ErrLost) || errors.Is(err, ErrEvidence) || errors.As(err, new(*StatedError))
}

// others counts the imports that have the references of what was found, or may have them. Only the first references of an import
// are kept, so that a large one of the same days may hold any; so may one that was never read.
func (w *writing) others(row *Record, sightings []Sighting) error {
	const (
		of = `SELECT COUNT(*) FROM write_request s WHERE s.practice = $1 AND s.dossier = $2 AND s.collection = $3 AND s.request_id <> $4 AND ` +
			`s.state NOT IN ('NOT_SENT', 'REFUSED') AND `
		// What was not read, a custom file or one behind a link, has no totals.
		large = `(s.entries > $5 AND s.first_date <= $6 AND s.last_date >= $7 OR s.lines = 0)`
	)
	args := append(row.Key.args(), KeptReferences, row.Totals.LastDate, row.Totals.FirstDate)
	count := func(query string, args ...any) (n int, err error) {
		if err := w.tx.QueryRowContext(w.ctx, query, args...).Scan(&n); err != nil {
			return 0, fmt.Errorf("ledger: %w", err)
		}
		return n, nil
	}
	if !slices.ContainsFunc(sightings, Sighting.found) {
		return nil
	}
	may, err := count(of+large, args...)
	if err != nil {
		return err
	}
	for i := range sightings {
		if !sightings[i].found() {
			continue
		}
		have, err := count(of+`NOT `+large+` AND s.request_id IN (SELECT d.request_id FROM document_reference d `+
			`WHERE d.practice = $1 AND d.dossier = $2 AND d.collection = $3 AND d.reference = $8)`, append(args, indexed(sightings[i].Reference))...)
		if err != nil {
			return err
		}
		sightings[i].Others = may + have
	}
	return nil
}

// keepLate stores what Loop answered to an attempt after a person had decided on it and it changes nothing any more.
func (w *writing) keepLate(row *Record, attempt int, outcome Outcome) error {
	if !row.addLate(attempt, outcome, w.now) {
		return nil
	}
	return w.update(row.status(), row)
}

// addLate notes what Loop answered to an attempt after a person had decided on it: it must not be lost, for it may contradict
// the decision. false when there is nothing to note.
func (r *Record) addLate(attempt int, outcome Outcome, now int64) bool {
	if r.Resolution == nil || outcome.State == Uncertain || len(r.Resolution.Late) == maxLateAnswers {
		return false
	}
	late := LateAnswer{Attempt: attempt, State: outcome.State, LoopRequestID: outcome.LoopRequestID, Time: instant(now)}
	if f := outcome.Error.clipped(); f != nil {
		late.Cause, late.Message = f.Cause, f.LoopMessage
	}
	for _, answer := range r.Resolution.Late {
		if answer.Attempt == late.Attempt && answer.State == late.State && answer.LoopRequestID == late.LoopRequestID {
			return false // its commit was not confirmed
		}
	}
	decided := r.Resolution.copied()
	decided.Late = append(slices.Clone(decided.Late), late)
	r.Resolution = decided
	return true
}

func (r *Resolution) copied() *Resolution {
	if r == nil {
		return &Resolution{}
	}
	out := *r
	return &out
}
