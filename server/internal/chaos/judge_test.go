package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The checker is written against the contract (docs/architecture.md, "Errors" and "Writes") and what the simulator shows
// over HTTP. It imports nothing of the server, the ledger or the simulator: what they have in common with their tests, it
// must not share.

// Stories of a plan that are not meant to be booked under their own id, or at all.
const (
	StoryTwin  = "twin"       // the entry of another id, in other words: ENTRY_ALREADY_IMPORTED, and unknown ever after
	StoryFails = "fails late" // accepted by Loop, then failed
	// StoryCorrects is the entry of another id that is UNCERTAIN or FAILED: sent under its own once a look has shown that the first is
	// not there, refused otherwise.
	StoryCorrects = "corrects"
)

// Books are what the simulator shows.
type Books struct {
	Imports []BookImport
	Entries []BookEntry
	// Questions are when Loop was last asked about an import, by its id there; nil where nobody has counted.
	Questions map[string]time.Time
}

// A BookImport is a POST /importJson as GET /_sim/imports shows it.
type BookImport struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// References tell imports apart: several may have the same document reference.
	References []string `json:"references"`
	Outcome    string   `json:"outcome"`
	ID         string   `json:"id"`
	Fault      string   `json:"fault"`
	Status     int      `json:"status"`
}

// A BookEntry is an entry as GET /_sim/entries shows it.
type BookEntry struct {
	ID        string `json:"id"`
	Import    string `json:"import"`
	Reference string `json:"reference"`
	RefPiece  string `json:"refPiece"`
	Lines     []struct {
		Debit string `json:"debit"`
	} `json:"lines"`
}

// Inspect reads the books of dossiers.
func Inspect(ctx context.Context, simulator string, dossiers ...string) (Books, error) {
	var books Books
	err := readLines(ctx, simulator+"/_sim/imports", func(dec *json.Decoder) error {
		var each BookImport
		err := dec.Decode(&each)
		if err == nil {
			books.Imports = append(books.Imports, each)
		}
		return err
	})
	for _, dossier := range dossiers {
		err = errors.Join(err, readLines(ctx, simulator+"/_sim/entries?dossier="+url.QueryEscape(dossier), func(dec *json.Decoder) error {
			var each BookEntry
			err := dec.Decode(&each)
			if err == nil {
				books.Entries = append(books.Entries, each)
			}
			return err
		}))
	}
	return books, err
}

func readLines(ctx context.Context, address string, read func(*json.Decoder) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	for dec := json.NewDecoder(response.Body); ; {
		if err := read(dec); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("%s: %w", address, err)
		}
	}
}

// A Complaint is a promise that was not kept.
type Complaint struct{ Rule, ID, Text string }

// The rules, by the promise that they watch.
const (
	RuleBookedTwice  = "booked twice"
	RuleFalseSuccess = "told SUCCEEDED and not booked"
	RuleFalseDenial  = "booked and told REFUSED or NOT_SENT"
	RuleLeftNotSent  = "left NOT_SENT"
	RuleUnexplained  = "UNCERTAIN without a cause"
	RuleTooUncertain = "more UNCERTAIN than causes"
	RuleSentAgain    = "sent again after an open outcome"
	RuleLost         = "lost sight of"
	RuleNotOver      = "not over in the end"
	RuleWentBack     = "an outcome was taken back"
	RuleFalseFailure = "told FAILED although Loop did not fail it"
	RuleWrongContent = "other content booked"
	RuleGuard        = "a guard did not hold"
	RuleAnswer       = "an answer outside the contract"
	RuleStranger     = "booked and nobody asked"
	RuleFalseFound   = "said to be FOUND and not booked"
	RuleFalseAbsence = "said to be NOT_FOUND and booked"
	RuleVague        = "INCONCLUSIVE without a cause"
	RuleUnseen       = "never looked for"
	RuleBlind        = "sent after a blind look"
	RuleUnasked      = "Loop is not asked any more"
	RuleUnrecorded   = "sent before the audit told of it"
)

// A Report is the comparison of a journal with the books.
type Report struct {
	Complaints []Complaint

	Imports, Booked, Failed, Uncertain int
	// Of the uncertain: struck by a fault that leaves the outcome open, or caught by a kill; of the latter, those that Loop
	// never saw, and those that it had answered. ByRestore are those of a ledger that was put back, whose answer the audit
	// does not have either.
	ByFault, ByKill, Unseen, Answered, ByRestore int
	// Pending are those that Loop has not ended, and is still asked about. Decided are decisions of people that were taken.
	Pending, Decided, Restores int
	// OpenFaults are submissions struck by such a fault.
	OpenFaults         int
	Submissions        int // importJson calls that Loop saw
	Kills, KillsAtWork int
	Halts              int // crashes of the database
	Calls, Repeats     int // of ImportEntries; those under an id that had been asked before
	// Of the uncertain and the failed: what a look into Loop said of each, and the doubts of those that it said nothing of.
	Found, NotFound, Inconclusive int
	Doubts                        map[string]int
	// Entries sent under another id: corrections that were booked, those that were refused to the end, and refusals that were of a
	// blind look; and entries that were booked again because they were meant.
	Corrected, Withheld, Blinded, Meant int
	Met                                 map[string]int // how often each fault struck
	Guards                              int            // calls that had to end with ENTRY_ALREADY_IMPORTED or REQUEST_ID_REUSED, and did
	Faults                              map[string]int
	Answers                             map[string]int // what calls ended with
}

func (r *Report) complain(rule, id, format string, args ...any) {
	r.Complaints = append(r.Complaints, Complaint{rule, id, fmt.Sprintf(format, args...)})
}

// Add sums reports of several runs.
func (r *Report) Add(o Report) {
	r.Complaints = append(r.Complaints, o.Complaints...)
	for _, pair := range [][2]*int{
		{&r.Imports, &o.Imports},
		{&r.Booked, &o.Booked},
		{&r.Failed, &o.Failed},
		{&r.Uncertain, &o.Uncertain},
		{&r.ByFault, &o.ByFault},
		{&r.ByKill, &o.ByKill},
		{&r.Unseen, &o.Unseen},
		{&r.Answered, &o.Answered},
		{&r.ByRestore, &o.ByRestore},
		{&r.Pending, &o.Pending},
		{&r.Decided, &o.Decided},
		{&r.Restores, &o.Restores},
		{&r.OpenFaults, &o.OpenFaults},
		{&r.Submissions, &o.Submissions},
		{&r.Kills, &o.Kills},
		{&r.KillsAtWork, &o.KillsAtWork},
		{&r.Halts, &o.Halts},
		{&r.Calls, &o.Calls},
		{&r.Repeats, &o.Repeats},
		{&r.Guards, &o.Guards},
		{&r.Corrected, &o.Corrected},
		{&r.Withheld, &o.Withheld},
		{&r.Blinded, &o.Blinded},
		{&r.Meant, &o.Meant},
		{&r.Found, &o.Found},
		{&r.NotFound, &o.NotFound},
		{&r.Inconclusive, &o.Inconclusive},
	} {
		*pair[0] += *pair[1]
	}
	for _, pair := range [][2]*map[string]int{{&r.Faults, &o.Faults}, {&r.Answers, &o.Answers}, {&r.Doubts, &o.Doubts}, {&r.Met, &o.Met}} {
		if *pair[0] == nil {
			*pair[0] = make(map[string]int)
		}
		for name, count := range *pair[1] {
			(*pair[0])[name] += count
		}
	}
}

// A life is all that is known of an id.
type life struct {
	id      string
	plan    Event
	events  []Event // asked and told, in order
	sent    []BookImport
	entries []BookEntry
	listed  bool
	last    *Event // told when all was over
	// decided are when somebody asked for a decision that was taken, or may have been.
	decided []decision
	// forgotten are when a restored ledger had it from the audit alone.
	forgotten []time.Time
}

// A decision takes a while.
type decision struct {
	asked, told time.Time
	action      string
}

// between says whether a decision lies between two instants.
func (l *life) between(from, until time.Time) bool {
	return slices.ContainsFunc(l.decided, func(d decision) bool { return !d.told.Before(from) && !d.asked.After(until) })
}

// absent says whether somebody has said that it is not booked.
func (l *life) absent() bool {
	return slices.ContainsFunc(l.decided, func(d decision) bool { return d.action == "confirm absent" })
}

// turnedAway says that Loop has taken none of it, if it ever came there.
func (l *life) turnedAway() bool {
	return len(l.entries) == 0 && !slices.ContainsFunc(l.sent, func(s BookImport) bool {
		return s.Outcome != "not-processed" || !atTheDoor(s.Status)
	})
}

// span is a while; without an end it lasts.
type span struct{ from, until time.Time }

// A leap is how wrong a clock was for a while.
type leap struct {
	span
	by time.Duration
}

// A lapse is a ledger that was put back: what it knew from one moment to the other, it had forgotten since a third.
type lapse struct {
	span
	since time.Time
}

// A death takes a while.
type death struct{ from, until time.Time }

// judgement is a comparison under way.
type judgement struct {
	Report
	lives  map[string]*life
	faults map[string]Event
	kills  []death
	asked  map[int]Event
	owners map[string]*life // by reference
	typed  map[string]bool  // references of what people booked
	shared map[string]int   // document references: how many imports and people have each
	// blind are dossiers whose lists of entries showed nothing, or anything, until they were sighted.
	blind   map[string]bool
	sighted time.Time
	// full is when the ledger could not store, lapses what it has forgotten, leaps when its clock was wrong.
	full      []span
	lapses    []lapse
	stops     []time.Time // of servers, in peace
	leaps     []leap
	questions map[string]time.Time
	over      time.Time // when the last was told
}

// Judge compares what callers were told with what was booked.
func Judge(events []Event, books Books) Report {
	j := judgement{
		lives: map[string]*life{}, faults: map[string]Event{}, asked: map[int]Event{},
		owners: map[string]*life{}, typed: map[string]bool{}, shared: map[string]int{}, blind: map[string]bool{},
	}
	j.questions = books.Questions
	j.Faults, j.Answers, j.Doubts, j.Met = map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range events {
		j.read(e)
	}
	slices.SortFunc(books.Imports, func(a, b BookImport) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, sent := range books.Imports {
		if slices.ContainsFunc(sent.References, func(reference string) bool { return j.typed[reference] }) {
			continue
		}
		j.Submissions++
		if sent.Fault != "" {
			j.Faults[j.describe(sent.Fault)]++
		}
		if j.open(sent) {
			j.OpenFaults++
		}
		for _, reference := range sent.References {
			if l := j.owners[reference]; l != nil {
				l.sent = append(l.sent, sent)
			} else {
				j.complain(RuleStranger, reference, "Loop was sent %q, which no caller has", reference)
			}
		}
	}
	for _, entry := range books.Entries {
		if l := j.owners[entry.Reference]; l != nil {
			l.entries = append(l.entries, entry)
		} else if !j.typed[entry.Reference] {
			j.complain(RuleStranger, entry.Reference, "%q is booked, which no caller has", entry.Reference)
		}
	}
	j.acrossIDs(books.Entries)
	for _, l := range j.lives {
		if l.plan.Story == StoryCorrects && len(l.sent) == 0 {
			j.shared[l.plan.Document]-- // Loop never received it
		}
	}
	for _, id := range slices.Sorted(maps.Keys(j.lives)) {
		j.judge(j.lives[id])
	}
	if j.Uncertain > j.OpenFaults+j.ByKill+j.ByRestore+j.Pending {
		j.complain(RuleTooUncertain, "", "%d imports are UNCERTAIN, after %d faults that leave the outcome open, %d caught by a kill and %d by a restore", j.Uncertain, j.OpenFaults, j.ByKill, j.ByRestore)
	}
	return j.Report
}

func (j *judgement) read(e Event) {
	switch e.Kind {
	case Struck:
		j.faults[e.Fault] = e
		if e.Dossier != "" {
			j.blind[e.Dossier] = true
		}
		return
	case Met:
		j.Met[j.describe(e.Fault)] += e.Times
		return
	case Sighted:
		j.sighted = e.At
		return
	case Killed:
		j.kills = append(j.kills, death{e.At, e.At})
		j.Kills++
		if e.UnderWay > 0 {
			j.KillsAtWork++
		}
		return
	case Died:
		if last := len(j.kills) - 1; last >= 0 {
			j.kills[last].until = e.At
		}
		return
	case Halted:
		j.Halts++ // which excuses nothing: no import is UNCERTAIN for it
		return
	case Stopped:
		j.stops = append(j.stops, e.At)
		return
	case Started, Resumed:
		return
	case Full:
		j.full = append(j.full, span{from: e.At})
		return
	case Freed:
		if last := len(j.full) - 1; last >= 0 {
			j.full[last].until = e.At
		}
		return
	case Leapt:
		if last := len(j.leaps) - 1; last >= 0 && j.leaps[last].until.IsZero() {
			j.leaps[last].until = e.At
		}
		if e.By != 0 {
			j.leaps = append(j.leaps, leap{span{from: e.At}, time.Duration(e.By * float64(time.Second))})
		}
		return
	case PutBack:
		j.lapses = append(j.lapses, lapse{span{from: e.Since}, e.At})
		return
	case Restored:
		if last := len(j.lapses) - 1; last >= 0 {
			j.lapses[last].until = e.At
		}
		j.Restores++
		return
	case Typed:
		j.shared[e.Document]++
		for _, reference := range e.References {
			j.typed[reference] = true
		}
		return
	}
	l := j.lives[e.ID]
	if l == nil {
		l = &life{id: e.ID}
		j.lives[e.ID] = l
	}
	switch e.Kind {
	case Planned:
		e.Document = cmp.Or(e.Document, e.ID)
		if l.plan = e; e.Story == StoryTwin {
			return // it bears what its twin does
		}
		j.shared[e.Document]++
		if len(e.References) == 0 {
			e.References = []string{e.ID}
		}
		for _, reference := range e.References {
			j.owners[reference] = l
		}
	case Listed:
		l.listed = true
	case Forgotten:
		l.forgotten = append(l.forgotten, e.At)
	case Asked:
		j.asked[e.Call] = e
		if e.Method == "ImportEntries" {
			j.Calls++
			if slices.ContainsFunc(l.events, func(o Event) bool { return o.Kind == Asked && o.Method == e.Method }) {
				j.Repeats++
			}
		}
		l.events = append(l.events, e)
	case Told:
		if e.Code != "" {
			j.Answers[strings.TrimSpace(e.Code+" "+e.Reason)]++
		} else {
			j.Answers["OK"]++
		}
		if e.Last {
			l.last, j.over = &e, e.At
		}
		l.events = append(l.events, e)
		if asked := j.asked[e.Call]; asked.Action != "" && undecided(e) == "" {
			l.decided = append(l.decided, decision{asked.At, e.At, asked.Action})
			if e.Code == "" {
				j.Decided++
			}
		}
	}
}

// undecided is the reason for which a decision was provably not taken.
func undecided(e Event) string {
	switch e.Reason {
	case "NOTHING_TO_RESOLVE", "MAY_BE_BOOKED", "STATED_OTHERWISE", "IMPORT_UNKNOWN", "ENTRY_ALREADY_IMPORTED", "REQUEST_ID_REUSED", "DUPLICATE_CONTENT":
		return e.Reason
	}
	return ""
}

func (j *judgement) describe(fault string) string {
	known, ok := j.faults[fault]
	if !ok {
		return fault // a magic reference
	}
	return known.What
}

// open says whether a submission was struck so that its sender cannot know what became of it.
func (j *judgement) open(sent BookImport) bool {
	fault, injected := j.faults[sent.Fault]
	if !injected {
		return slices.Contains([]string{"SIM-LOST-ANSWER", "SIM-CUT-BEFORE", "SIM-503", "SIM-503-BOOKED"}, sent.Fault)
	}
	kind, _, _ := strings.Cut(fault.What, " ")
	switch kind {
	case "latency":
		return false
	case "status":
		return !atTheDoor(fault.Status)
	}
	return true
}

// atTheDoor lists the answers that are taken as given before anything is looked at (docs/architecture.md, "Errors").
func atTheDoor(status int) bool {
	return slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests}, status)
}

func (j *judgement) judge(l *life) {
	for _, e := range l.events {
		if e.Kind == Told {
			j.answer(l, e)
		}
	}
	if l.plan.Kind == "" {
		j.complain(RuleStranger, l.id, "it was not planned")
		return
	}
	switch l.plan.Story {
	case StoryTwin:
		j.twin(l)
		return
	case StoryCorrects:
		if !j.correction(l) {
			return
		}
	}
	if l.plan.Repeats != "" && len(l.entries) > 0 {
		j.Meant++
	}
	j.Imports++
	j.books(l)
	j.sending(l)
	j.order(l)
	j.end(l)
}

// answer checks that a caller can have been told so.
func (j *judgement) answer(l *life, e Event) {
	asked := j.asked[e.Call]
	if asked.Expect != "" {
		switch {
		case e.Code == "":
			j.complain(RuleGuard, l.id, "%s had to end with %s, and succeeded: %s", e.Method, asked.Expect, e.State)
			return
		case e.Reason == asked.Expect:
			j.Guards++
			return
		}
	}
	fine := false
	switch e.Code {
	case "":
		// ImportEntries answers an import that is under way or over; other outcomes are errors.
		accepted := slices.Contains([]string{"WAITING", "RUNNING", "SUCCEEDED", "FAILED"}, e.State)
		fine = accepted || e.Method != "ImportEntries" && slices.Contains([]string{"RECEIVED", "SUBMITTING", "NOT_SENT", "REFUSED", "UNCERTAIN"}, e.State)
	case "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED":
		fine = e.State == "" || e.State == "NOT_SENT"
	case "UNKNOWN":
		fine = (e.Method == "ImportEntries" || asked.Action == "resubmit") && e.Reason == "OUTCOME_UNKNOWN" && e.State == "UNCERTAIN"
	case "INVALID_ARGUMENT":
		fine = e.Method == "ImportEntries" && e.Reason == "LOOP_REFUSED" && e.State == "REFUSED"
	case "FAILED_PRECONDITION":
		fine = asked.Method == "ResolveImport" && undecided(e) != "" ||
			e.Reason == "LOOP_CREDENTIAL_REJECTED" && (e.State == "" || e.State == "NOT_SENT") && j.faults["revoked"].Kind != ""
	case "NOT_FOUND":
		fine = e.Method != "ImportEntries" && e.Reason == "IMPORT_UNKNOWN"
	case "ALREADY_EXISTS":
		fine = l.plan.Story == StoryCorrects && e.Method == "ImportEntries" && e.Reason == "ENTRY_ALREADY_IMPORTED"
		if fine && e.Saw == "SEARCH_BLIND" {
			j.Blinded++
		}
		fine = fine || asked.Action == "resubmit" && undecided(e) != ""
	}
	if !fine {
		j.complain(RuleAnswer, l.id, "%s over %s: %s %s %s %s", e.Method, e.Via, e.Code, e.Reason, e.State, e.Text)
	}
}

// twin is the same content under another id: refused, and never known.
func (j *judgement) twin(l *life) {
	if of := j.lives[l.plan.Corrects]; of != nil && len(of.forgotten) > 0 && len(l.sent) == 0 {
		return // a restored ledger has not the entries of the first, and who restores it tells the callers so
	}
	if !slices.ContainsFunc(l.events, func(e Event) bool { return e.Reason == "ENTRY_ALREADY_IMPORTED" }) {
		j.complain(RuleGuard, l.id, "the same entry under another id never ended with ENTRY_ALREADY_IMPORTED")
	}
	if l.listed || l.last != nil && l.last.Code != "NOT_FOUND" {
		j.complain(RuleGuard, l.id, "the same entry under another id is known as an import")
	}
}

// correction is the entry of an import that failed, or whose outcome is unknown. Refused to the end, it is told nothing
// else, and false; sent, it is an import like others, and so it must not be before the dossier's lists show what is there.
func (j *judgement) correction(l *life) (known bool) {
	taken := slices.ContainsFunc(l.events, func(e Event) bool { return e.State != "" && e.State != "NOT_SENT" })
	if j.Restores > 0 && !taken && l.turnedAway() {
		return false // given up, since a restored ledger has not the entries of the first
	}
	refused := slices.ContainsFunc(l.events, func(e Event) bool { return e.Reason == "ENTRY_ALREADY_IMPORTED" })
	if len(l.sent) == 0 && refused {
		j.Withheld++
		if l.last != nil && l.last.Code != "NOT_FOUND" && l.last.State != "NOT_SENT" {
			j.complain(RuleGuard, l.id, "it was refused, and is %s", l.last.State)
		}
		return false
	}
	if len(l.entries) > 0 {
		j.Corrected++
	}
	of := j.lives[l.plan.Corrects]
	if of == nil || of.last == nil {
		j.complain(RuleStranger, l.id, "it corrects %q, which is unknown", l.plan.Corrects)
		return true
	}
	if of.last.State != "UNCERTAIN" && of.last.State != "FAILED" {
		return true
	}
	for _, sent := range l.sent {
		if j.blind[l.plan.Dossier] && (j.sighted.IsZero() || sent.Time.Before(j.sighted)) {
			j.complain(RuleBlind, l.id, "%s is %s, and nobody could see whether it is booked", of.id, of.last.State)
		}
	}
	return true
}

// acrossIDs: an entry is booked once under all ids together, whatever its reference, unless it was meant to be booked again.
func (j *judgement) acrossIDs(entries []BookEntry) {
	first := map[string]*life{}
	for _, entry := range entries {
		l := j.owners[entry.Reference]
		if l == nil || l.plan.Repeats != "" || entry.RefPiece == "" {
			continue
		}
		same := fmt.Sprintf("%q %+v", entry.RefPiece, entry.Lines)
		if other := first[same]; other == nil {
			first[same] = l
		} else if other != l {
			j.complain(RuleBookedTwice, l.id, "%s is booked under %s, too", entry.RefPiece, other.id)
		}
	}
}

// books compares with what is booked.
func (j *judgement) books(l *life) {
	if len(l.entries) > 0 {
		j.Booked++
	}
	if len(l.entries) > 1 {
		j.complain(RuleBookedTwice, l.id, "%d entries are booked", len(l.entries))
	}
	for _, entry := range l.entries {
		if len(entry.Lines) == 0 || entry.Lines[0].Debit != l.plan.Amount || entry.RefPiece != l.plan.Document {
			j.complain(RuleWrongContent, l.id, "%s %+v is booked, and not %s %s", entry.RefPiece, entry.Lines, l.plan.Document, l.plan.Amount)
		}
	}
	// What was booked was on its way from this moment on.
	var since time.Time
	if i := slices.IndexFunc(l.sent, func(s BookImport) bool { return s.Outcome == "booked" }); i >= 0 {
		since = l.sent[i].Time
	}
	failed := slices.ContainsFunc(l.sent, func(s BookImport) bool { return s.Outcome == "failed" })
	for _, e := range l.events {
		if e.Kind != Told {
			continue
		}
		switch e.State {
		case "SUCCEEDED":
			if len(l.entries) == 0 {
				j.complain(RuleFalseSuccess, l.id, "told by %s", e.Method)
			}
		case "FAILED":
			if !failed {
				j.complain(RuleFalseFailure, l.id, "told by %s", e.Method)
			}
		case "NOT_SENT", "REFUSED":
			if len(l.entries) > 0 && (e.Last || !since.IsZero() && j.asked[e.Call].At.After(since)) {
				j.complain(RuleFalseDenial, l.id, "told %s by %s", e.State, e.Method)
			}
		}
	}
}

// sending: after a submission of unknown outcome there is no other.
func (j *judgement) sending(l *life) {
	for i, sent := range l.sent {
		again := i < len(l.sent)-1
		if again && l.between(sent.Time, l.sent[i+1].Time) {
			continue // somebody had decided on it: what is booked is looked at all the same
		}
		nothing := sent.Outcome == "not-processed" && atTheDoor(sent.Status) || sent.Outcome == "refused" && !j.open(sent)
		if again && !nothing {
			j.complain(RuleSentAgain, l.id, "importJson %d (%s, HTTP %d, %s) was followed by %d", sent.Seq, sent.Outcome, sent.Status, sent.Fault, l.sent[i+1].Seq)
		}
	}
}

// order: what a caller was told is not taken back in an answer that was asked for afterwards.
func (j *judgement) order(l *life) {
	known := false
	states := map[string]Event{} // first time that each was told
	for _, e := range l.events {
		if e.Kind != Told {
			continue
		}
		asked := j.asked[e.Call]
		told := func(state string) bool {
			before, ok := states[state]
			return ok && (before.At.Before(asked.At) || before.Call == e.Call) && !j.forgot(before.At, e.At) &&
				(state == "SUCCEEDED" || !l.between(before.At, e.At))
		}
		accepted := told("WAITING") || told("RUNNING")
		var back bool
		switch e.State {
		case "RECEIVED", "SUBMITTING", "NOT_SENT", "REFUSED":
			// What another than its owner has given up when the clock leapt, the owner's late answer still settles: the caller may
			// ask for it days later.
			given := states["UNCERTAIN"].At
			late := slices.ContainsFunc(j.leaps, func(at leap) bool { return at.from.Before(given) && given.Sub(at.from) < 24*time.Hour })
			back = accepted || told("SUCCEEDED") || told("FAILED") || told("UNCERTAIN") && !late
		case "WAITING":
			back = told("RUNNING") || told("SUCCEEDED") || told("FAILED")
		case "RUNNING":
			back = told("SUCCEEDED") || told("FAILED")
		case "SUCCEEDED":
			back = told("FAILED")
		case "FAILED":
			back = told("SUCCEEDED")
		case "UNCERTAIN":
			back = accepted && !j.sentLongAgo(l) || told("SUCCEEDED") || told("FAILED")
		}
		if back {
			j.complain(RuleWentBack, l.id, "%s after %v", e.State, slices.Sorted(maps.Keys(states)))
		}
		if e.Reason == "IMPORT_UNKNOWN" && known && !slices.ContainsFunc(l.events, func(o Event) bool { return o.Kind == Told && o.State != "" && j.forgot(o.At, e.At) }) {
			j.complain(RuleLost, l.id, "%s does not know it, after it was told %v", e.Method, slices.Sorted(maps.Keys(states)))
		}
		if e.State != "" {
			known = true
			if before, ok := states[e.State]; !ok || j.forgot(before.At, e.At) || l.between(before.At, e.At) {
				states[e.State] = e
			}
		}
	}
}

// forgot says whether what was told at an instant may be forgotten at another.
func (j *judgement) forgot(told, now time.Time) bool {
	return slices.ContainsFunc(j.lapses, func(s lapse) bool {
		return !told.Before(s.from) && (s.until.IsZero() || !told.After(s.until)) && s.since.Before(now)
	})
}

// sentLongAgo says whether the ledger may take an import for one that was sent long ago: it was, by the clock of the time.
func (j *judgement) sentLongAgo(l *life) bool {
	return slices.ContainsFunc(l.sent, func(s BookImport) bool {
		return slices.ContainsFunc(j.leaps, func(at leap) bool {
			return at.by < -24*time.Hour && !s.Time.Before(at.from) && (at.until.IsZero() || s.Time.Before(at.until))
		})
	})
}

// end looks at what the caller is left with.
func (j *judgement) end(l *life) {
	if l.last == nil {
		j.complain(RuleLost, l.id, "nobody asked what became of it")
		return
	}
	if l.last.Code != "" || !l.listed {
		j.complain(RuleLost, l.id, "GetImport answers %s %s; listed: %t", l.last.Code, l.last.Reason, l.listed)
		return
	}
	switch l.last.State {
	case "UNCERTAIN", "FAILED":
		j.looks(l)
	}
	switch l.last.State {
	case "SUCCEEDED":
	case "FAILED":
		j.Failed++
		if l.plan.Story != StoryFails {
			j.complain(RuleFalseFailure, l.id, "nothing made it fail")
		}
	case "NOT_SENT":
		if !l.absent() && !j.corrected(l) {
			j.complain(RuleLeftNotSent, l.id, "after %d submissions", len(l.sent))
		}
	case "UNCERTAIN":
		if !j.pursued(l) {
			j.uncertain(l)
		}
	default:
		if l.last.State == "REFUSED" && l.absent() || j.pursued(l) {
			return
		}
		j.complain(RuleNotOver, l.id, "it is %s", l.last.State)
	}
}

// askedWithin is how often Loop is asked, at the least, about what it has accepted: once a day.
const askedWithin = 25 * time.Hour

// pursued says whether Loop has what is not over, and has not ended it. Then it must still be asked for, and what it has ended
// must be over.
func (j *judgement) pursued(l *life) bool {
	if j.questions == nil || l.last.Loop == "" {
		return false
	}
	at := slices.IndexFunc(l.sent, func(s BookImport) bool { return s.ID == l.last.Loop })
	if at < 0 {
		j.complain(RuleStranger, l.id, "Loop has never given it the id %s", l.last.Loop)
		return true
	}
	if l.last.State == "UNCERTAIN" {
		j.Uncertain++
	}
	j.Pending++
	if last := j.questions[l.last.Loop]; j.over.Sub(last) > askedWithin {
		j.complain(RuleUnasked, l.id, "it is %s, and Loop was last asked at %s", l.last.State, last.Format(time.DateTime))
	}
	if outcome := l.sent[at].Outcome; outcome != "pending" {
		j.complain(RuleNotOver, l.id, "it is %s, and %s at Loop", l.last.State, outcome)
	}
	return true
}

// looks compares what looks into Loop said of an import with the books. By now all is over there.
func (j *judgement) looks(l *life) {
	var said Event
	for _, e := range l.events {
		if e.Kind != Told || e.Verdict == "" || !e.Last && (e.Method != "ResolveImport" || l.between(e.At, j.over) || j.forgot(e.At, j.over)) {
			continue // of an earlier attempt, perhaps
		}
		said = e
		switch booked := len(l.entries) > 0; {
		case e.Verdict == "FOUND" && !booked && !j.forgottenToo(l):
			j.complain(RuleFalseFound, l.id, "told by %s", e.Method)
		case e.Verdict == "NOT_FOUND" && booked:
			j.complain(RuleFalseAbsence, l.id, "told by %s", e.Method)
		}
	}
	switch said.Verdict {
	case "FOUND":
		j.Found++
	case "NOT_FOUND":
		j.NotFound++
	case "INCONCLUSIVE":
		j.Inconclusive++
		j.Doubts[said.Doubt]++
		early := said.Doubt == "TOO_EARLY" && len(l.entries) == 0 ||
			said.Doubt == "NOT_FAILED" && slices.ContainsFunc(l.sent, func(s BookImport) bool { return s.Outcome == "pending" }) ||
			said.Doubt == "REFERENCE_ABSENT" && len(l.forgotten) > 0 // the audit has no references
		if j.shared[l.plan.Document] == 1 && !early {
			j.complain(RuleVague, l.id, "%s, and nothing else has its document reference", said.Doubt)
		}
	default:
		j.complain(RuleUnseen, l.id, "it is %s, and it is unknown whether it is in Loop", l.last.State)
	}
	if l.last.Verdict != said.Verdict || l.last.Doubt != said.Doubt {
		j.complain(RuleLost, l.id, "%s %s was told, and GetImport answers %q %q", said.Verdict, said.Doubt, l.last.Verdict, l.last.Doubt)
	}
}

// forgottenToo says whether another import has the document reference of which a restored ledger knows no references.
func (j *judgement) forgottenToo(l *life) bool {
	for _, other := range j.lives {
		if other != l && other.plan.Document == l.plan.Document && len(other.forgotten) > 0 {
			return true
		}
	}
	return false
}

// atWork is how long before a kill a submission can have come that the kill caught: longer than any answer is held back,
// short of the server's own limit.
const (
	atWork   = 50 * time.Second
	lateness = 50 * time.Millisecond
)

// uncertain looks for the cause.
func (j *judgement) uncertain(l *life) {
	j.Uncertain++
	var from time.Time
	var sent *BookImport
	if len(l.sent) > 0 {
		sent = &l.sent[len(l.sent)-1]
		if j.open(*sent) {
			j.ByFault++
			return
		}
		from = sent.Time
	} else if i := slices.IndexFunc(l.events, func(e Event) bool { return e.Kind == Asked && e.Method == "ImportEntries" }); i >= 0 {
		from = l.events[i].At
	}
	if len(l.forgotten) > 0 && !l.forgotten[len(l.forgotten)-1].Before(from) {
		j.ByRestore++
		return
	}
	if sent != nil && slices.ContainsFunc(j.lapses, func(s lapse) bool { return j.underWay(l, sent.Time, s.from) }) {
		j.ByRestore++ // the copy that was put back knew no more than that it had been sent
		return
	}
	if sent != nil && slices.ContainsFunc(j.stops, func(at time.Time) bool { return j.fullAt(at) && j.underWay(l, sent.Time, at) }) {
		j.ByKill++ // it stopped with an outcome that it could not store
		return
	}
	turnedAway := sent != nil && sent.Outcome == "not-processed" && atTheDoor(sent.Status)
	caught := -1
	for i, k := range j.kills {
		// What left the server as it died arrives a moment after; and no caller can know of an outcome before.
		heard := slices.ContainsFunc(l.events, func(e Event) bool {
			return e.Kind == Told && e.State == "UNCERTAIN" && e.At.Before(k.from) && e.At.After(from)
		})
		if k.until.Add(lateness).Before(from) || heard {
			continue
		}
		if at := from; sent != nil {
			if turnedAway { // it was begun anew, and Loop did not see it
				at = cmp.Or(j.begun(l, k.from), from)
			}
			if k.from.Sub(at)-j.fullFor(at, k.from) > atWork {
				continue
			}
		}
		caught = i
		break
	}
	if caught < 0 {
		j.complain(RuleUnexplained, l.id, "%d submissions, none struck by a fault that leaves the outcome open, and no kill at that time", len(l.sent))
		return
	}
	j.ByKill++
	if sent == nil || turnedAway {
		j.Unseen++
	} else if sent.Status != 0 {
		j.Answered++
	}
}

// begun is when the last call before an instant asked for an import to be sent.
func (j *judgement) begun(l *life, before time.Time) (at time.Time) {
	for _, e := range l.events {
		if e.Kind == Asked && (e.Method == "ImportEntries" || e.Action == "resubmit") && !e.At.After(before) {
			at = e.At
		}
	}
	return at
}

// underWay says whether a submission that came to Loop at that time was under way at a moment: begun, and nobody told how it ended.
func (j *judgement) underWay(l *life, came, at time.Time) bool {
	told := slices.ContainsFunc(l.events, func(e Event) bool {
		return e.Kind == Told && e.State != "" && e.At.After(came) && !e.At.After(at)
	})
	return !told && !at.Before(j.begun(l, came)) && at.Sub(came)-j.fullFor(came, at) <= atWork
}

// corrected says whether another import has brought what this one did not.
func (j *judgement) corrected(l *life) bool {
	for _, other := range j.lives {
		if other.plan.Story == StoryCorrects && other.plan.Corrects == l.id && len(other.sent) > 0 {
			return true
		}
	}
	return false
}

// fullAt says whether the ledger could not store at a moment.
func (j *judgement) fullAt(at time.Time) bool {
	return slices.ContainsFunc(j.full, func(s span) bool { return !at.Before(s.from) && (s.until.IsZero() || !at.After(s.until)) })
}

// fullFor is how long in between the ledger could not store.
func (j *judgement) fullFor(from, until time.Time) (sum time.Duration) {
	for _, each := range j.full {
		end := each.until
		if end.IsZero() || end.After(until) {
			end = until
		}
		if begin := each.from; end.After(from) {
			if begin.Before(from) {
				begin = from
			}
			sum += max(0, end.Sub(begin))
		}
	}
	return sum
}

// Write prints the counts as a table.
func (r *Report) Write(out io.Writer, title string) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name string, value int, more string, args ...any) {
		_, _ = fmt.Fprintf(table, "  %s\t%6d\t%s\n", name, value, fmt.Sprintf(more, args...))
	}
	counted := func(counts map[string]int) string {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
		}
		return strings.Join(parts, ", ")
	}
	_, _ = fmt.Fprintln(table, title)
	row("imports", r.Imports, "")
	row("booked", r.Booked, "")
	row("failed", r.Failed, "asked for by their reference")
	row("uncertain", r.Uncertain, "%d by a fault, %d caught by a kill (%d not seen by Loop, %d answered), %d by a restore", r.ByFault, r.ByKill, r.Unseen, r.Answered, r.ByRestore)
	if r.Pending > 0 {
		row("pending", r.Pending, "at Loop, which is still asked")
	}
	row("submissions", r.Submissions, "importJson calls at Loop, %d struck so that their outcome is open", r.OpenFaults)
	row("kills", r.Kills, "%d while Loop was working at a submission", r.KillsAtWork)
	if r.Restores > 0 {
		row("restores", r.Restores, "of a ledger that was put back; %d decisions of people", r.Decided)
	}
	if r.Halts > 0 {
		row("database", r.Halts, "crashes of the database")
	}
	row("calls", r.Calls, "of ImportEntries, %d of them under an id asked for before", r.Repeats)
	row("looks", r.Found+r.NotFound+r.Inconclusive, "into Loop for what is uncertain or failed: %d FOUND, %d NOT_FOUND, %d INCONCLUSIVE (%s)",
		r.Found, r.NotFound, r.Inconclusive, counted(r.Doubts))
	row("corrections", r.Corrected, "of what is uncertain or failed, under another id; %d withheld to the end, %d refusals of blind looks", r.Withheld, r.Blinded)
	row("overrides", r.Meant, "entries booked again because they were meant")
	row("guards", r.Guards, "calls that had to end with ENTRY_ALREADY_IMPORTED or REQUEST_ID_REUSED, and did")
	_, _ = fmt.Fprintf(table, "  faults\t\t%s\n  met\t\t%s\n  answers\t\t%s\n", counted(r.Faults), counted(r.Met), counted(r.Answers))
	broken := map[string]int{}
	for _, each := range r.Complaints {
		broken[each.Rule]++
	}
	for _, rule := range []string{RuleBookedTwice, RuleFalseSuccess, RuleFalseDenial, RuleLeftNotSent, RuleSentAgain, RuleUnexplained, RuleLost, RuleFalseFound, RuleFalseAbsence, RuleBlind} {
		row(rule, broken[rule], "")
		delete(broken, rule)
	}
	others := 0
	for _, count := range broken {
		others += count
	}
	row("other complaints", others, "%s", counted(broken))
	return table.Flush()
}
