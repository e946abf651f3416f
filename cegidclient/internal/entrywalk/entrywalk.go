// Package entrywalk plans the questions by which the entry lines of a range of days are read whole, though Loop answers a
// hundred at most to each (loop-api: A 4). It knows neither HTTP nor what a line holds: who walks brings the asking along.
package entrywalk

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"time"
)

const (
	// Limit is how many lines Loop gives at most, by its documentation (loop-api: A 4).
	Limit = 100
	// doubted is the fewest lines that are taken for a limit lower than the documented one [I].
	doubted = 10
	// firstGap and lastGap are the days between two looks whether anything follows; each look in vain doubles the gap.
	firstGap, lastGap = 4, 32
	// batch and patience bound what a step gathers: lines, and questions that brought none.
	batch, patience = 100, 50
	// mostAwaited bounds the lines of full answers that narrower ones must bring again: those of a day and of one of its journals.
	mostAwaited = 2 * Limit
)

// A Question is one that Loop can be asked. The criteria of its conditions are those that Loop documents.
type Question struct {
	// Half is which of the primary criteria is asked, from 0 on.
	Half int
	// Day is the day, From the first day: YYYY-MM-DD, one at most is set.
	Day, From string
	// Journal and Account narrow it, where they are set.
	Journal, Account string
	// Control asks for all lines of the dossier that Half 0 or 1 has, whatever else the walk is narrowed to.
	Control bool
}

// A Line is an item of an answer.
type Line[T any] struct {
	Item T
	// ID is Loop's identity of the line, empty where it has none. Key is ID, or a digest of what the line holds.
	ID, Key string
}

// Reason is why a part may not be whole.
type Reason int

// The reasons.
const (
	// Full: as many lines came as Loop gives at most, and no criterion is left that would narrow the question.
	Full Reason = iota + 1
	// Doubtful: no longer answer came in the whole walk, so that Loop's limit may be lower than the documented one.
	Doubtful
	// Uncovered: lines of the day are in none of the journals and accounts of the dossier's lists, or moved while it was read.
	Uncovered
)

// A Gap is a part that may not be whole, or a day of which lines were not found again.
type Gap struct {
	Question Question
	Reason   Reason
}

// A Step is what came since the step before.
type Step[T any] struct {
	Items []T
	Gaps  []Gap
	// State resumes behind this step.
	State State
	// End: nothing follows.
	End bool
}

// State is how far a walk has come. It has no authority: a caller who makes one up walks on from there.
type State struct {
	// Day is the day to go on with; empty for the first one.
	Day string `json:"d,omitempty"`
	// Half, Journal and Account are what was read of Day: all halves before Half, and of Half all journals before Journal,
	// and that one too unless Account says up to where.
	Half    int    `json:"h,omitempty"`
	Journal string `json:"j,omitempty"`
	Account string `json:"a,omitempty"`
	// Done are the halves of which nothing follows, one bit each.
	Done uint `json:"e,omitempty"`
	// Look is the number of days until the next look whether anything follows, Gap that between looks; 0 at the start.
	Look int `json:"l,omitempty"`
	Gap  int `json:"g,omitempty"`
	// Longest is the length of the longest answer so far.
	Longest int `json:"m,omitempty"`
	// Awaited are digests, of four bytes each, of lines of Day that were seen, and that a narrower question has still to bring.
	Awaited []byte `json:"w,omitempty"`
	// Gaps: some part may not be whole.
	Gaps bool `json:"i,omitempty"`
}

// Valid reports whether a walk from one day to another with that many halves can have come so far.
func (s State) Valid(from, to string, halves int) bool {
	if s.Day == "" {
		return s.Half == 0 && s.Journal == "" && s.Account == "" && s.Done == 0
	}
	if _, err := time.Parse(time.DateOnly, s.Day); err != nil || s.Day < from || s.Day > after(to) {
		return false
	}
	return s.Half >= 0 && s.Half <= halves && s.Done < 1<<halves && s.Longest >= 0 && len(s.Awaited) <= 4*mostAwaited &&
		len(s.Awaited)%4 == 0 &&
		s.Look >= 0 && s.Look <= lastGap && s.Gap >= 0 && s.Gap <= lastGap
}

// A Walk is what to read and how to ask.
type Walk[T any] struct {
	// From and To are the first and the last day, before the year 9999: YYYY-MM-DD.
	From, To string
	// Halves is the number of primary criteria that together cover what is wanted: two at most. What goes over from the first to
	// the second while the walk goes on is not lost, because of each part the second is asked for after the first.
	Halves int
	// Journals and Accounts list what a question is split by, in any order; nil where the walk is narrowed to one already.
	Journals, Accounts func(context.Context) ([]string, error)
	// Ask answers a question, with [Limit] lines at most. It is called from several goroutines, [Walk.Ahead] at once.
	Ask   func(context.Context, Question) ([]Line[T], error)
	Ahead int
}

// Steps walks on from a state. It ends at the first error. When the reader stops, the questions under way are cancelled.
func (w Walk[T]) Steps(ctx context.Context, at State) iter.Seq2[Step[T], error] {
	return func(yield func(Step[T], error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r := &walker[T]{
			Walk: w, ctx: ctx, yield: yield, at: at, turns: make(chan struct{}, max(w.Ahead, 1)),
			given: map[string]struct{}{}, late: map[string]struct{}{}, awaited: map[uint32]*T{}, accounts: make([]accounts, w.Halves),
		}
		for i := range r.accounts {
			r.accounts[i] = accounts{empty: map[string]bool{}, never: map[string]bool{}}
		}
		for digest := range slices.Chunk(at.Awaited, 4) {
			r.awaited[binary.BigEndian.Uint32(digest)] = nil
		}
		if err := r.run(); err != nil && err != errStopped {
			yield(Step[T]{}, err)
		}
	}
}

type walker[T any] struct {
	Walk[T]
	ctx   context.Context
	yield func(Step[T], error) bool
	turns chan struct{}

	at    State
	items []T
	gaps  []Gap
	quiet int // questions since the last step

	// given are the ids that came of the day at hand, late those of answers that reach beyond it. A line that is lettered while
	// the walk goes on is in both halves.
	given, late map[string]struct{}
	// awaited are lines of the day that a full answer held and no narrower one has brought yet; nil for one seen before the
	// walk was resumed.
	awaited  map[uint32]*T
	lists    [2][]string // journals and accounts, sorted
	read     [2]bool
	accounts []accounts // of each half
	measured bool       // whether small answers were looked into
}

// accounts is what a walk knows of the accounts of a half, so as not to ask each of them in each journal of each day.
type accounts struct {
	empty map[string]bool // it had no lines in one part
	never map[string]bool // it has none from the day on
}

type stop string

func (s stop) Error() string { return string(s) }

const errStopped stop = "the reader stopped"

func (r *walker[T]) run() error {
	if r.at.Day == "" {
		r.at.Day = r.From
	}
	for r.at.Day <= r.To && !r.allDone() {
		if r.at.Look == 0 && r.at.Half == 0 && r.at.Journal == "" && r.at.Account == "" {
			if err := r.look(); err != nil {
				return err
			}
			continue
		}
		if err := r.stretch(); err != nil {
			return err
		}
	}
	return r.step(true)
}

func (r *walker[T]) allDone() bool { return r.at.Done == 1<<r.Halves-1 }

func (r *walker[T]) done(half int) bool { return r.at.Done&(1<<half) != 0 }

// whole reports whether an answer cannot have been cut: a longer one came over the same way, or it is too short for a limit. A
// hundred are never whole, nor are more.
func (r *walker[T]) whole(lines int) bool {
	r.at.Longest = max(r.at.Longest, lines)
	return lines < doubted || lines < min(r.at.Longest, Limit)
}

// ask answers questions in their order, some of them ahead.
func (r *walker[T]) ask(questions []Question) iter.Seq2[int, answer[T]] {
	return ahead(r.ctx, cap(r.turns), len(questions), func(ctx context.Context, i int) answer[T] {
		lines, err := r.one(ctx, questions[i])
		return answer[T]{lines: lines, err: err, asked: 1}
	})
}

func (r *walker[T]) one(ctx context.Context, q Question) ([]Line[T], error) {
	select {
	case r.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.turns }()
	return r.Ask(ctx, q)
}

// look asks each half whether anything follows, and takes what follows where that is little.
func (r *walker[T]) look() error {
	var questions []Question
	var answers [][]Line[T]
	for half := range r.Halves {
		if r.done(half) {
			continue
		}
		q := Question{Half: half, From: r.at.Day}
		lines, err := r.one(r.ctx, q)
		if err != nil {
			return err
		}
		questions, answers = append(questions, q), append(answers, lines)
		r.whole(len(lines))
	}
	if err := r.measure(answers); err != nil {
		return err
	}
	for i, q := range questions {
		lines := answers[i]
		whole := r.whole(len(lines))
		if !whole && len(lines) < Limit {
			var err error
			if whole, err = r.addsUp(q, len(lines)); err != nil {
				return err
			}
		}
		if !whole {
			continue
		}
		if err := r.tail(q, lines); err != nil {
			return err
		}
	}
	r.measured = true
	r.at.Gap = min(max(2*r.at.Gap, firstGap), lastGap)
	r.at.Look = r.at.Gap
	return nil
}

// measure looks for a longer answer than those, so that they can be told from cut ones: the dossier's at large.
func (r *walker[T]) measure(answers [][]Line[T]) error {
	doubt := false
	for _, lines := range answers {
		doubt = doubt || !r.whole(len(lines))
	}
	if !doubt || r.measured || r.at.Longest >= Limit {
		return nil
	}
	for _, a := range r.ask([]Question{{Half: 0, Control: true}, {Half: 1, Control: true}}) {
		if a.err != nil {
			return a.err
		}
		r.whole(len(a.lines))
	}
	return nil
}

// addsUp reports whether the parts of an answer, all of them shorter, have as many lines together: then it was not cut.
func (r *walker[T]) addsUp(q Question, lines int) (bool, error) {
	if r.measured || r.Journals == nil {
		return false, nil
	}
	journals, err := r.list(0)
	if err != nil {
		return false, err
	}
	sum, parts := 0, make([]Question, len(journals))
	for i, journal := range journals {
		parts[i] = q
		parts[i].Journal = journal
	}
	for _, a := range r.ask(parts) {
		if a.err != nil {
			return false, a.err
		}
		if !r.whole(len(a.lines)) {
			return false, nil
		}
		sum += len(a.lines)
	}
	return sum == lines, nil
}

// tail takes all that a half has from a day on, less what lies beyond the range: that is asked for after it, so that it is as
// short at least.
func (r *walker[T]) tail(q Question, lines []Line[T]) error {
	beyond := map[string]struct{}{}
	if len(lines) > 0 {
		out, err := r.one(r.ctx, Question{Half: q.Half, From: after(r.To)})
		if err != nil {
			return err
		}
		if len(out) > len(lines) { // it grew in between
			return nil
		}
		for _, line := range out {
			if line.ID == "" {
				return nil // which of them lie beyond is unknown
			}
			beyond[line.ID] = struct{}{}
		}
		if len(out) > 0 && slices.ContainsFunc(lines, func(l Line[T]) bool { return l.ID == "" }) {
			return nil
		}
	}
	for _, line := range lines {
		if _, out := beyond[line.ID]; line.ID == "" || !out {
			r.give(line)
			if line.ID != "" {
				r.late[line.ID] = struct{}{}
			}
		}
	}
	r.at.Done |= 1 << q.Half
	return r.step(false)
}

// stretch reads the days until the next look. While one is read, the next ones are asked for.
func (r *walker[T]) stretch() error {
	var days [][]Question
	for day, n := r.at.Day, max(r.at.Look, 1); n > 0 && day <= r.To; day, n = after(day), n-1 {
		var halves []Question
		for half := range r.Halves {
			if !r.done(half) && (day > r.at.Day || half >= r.at.Half) {
				halves = append(halves, Question{Half: half, Day: day})
			}
		}
		days = append(days, halves)
	}
	for i, a := range ahead(r.ctx, cap(r.turns), len(days), func(ctx context.Context, i int) (out answer[T]) {
		for _, q := range days[i] {
			var lines []Line[T]
			if lines, out.err = r.one(ctx, q); out.err != nil || len(lines) >= Limit {
				out.halves = append(out.halves, lines)
				break // the other half is asked for when this one is read
			}
			out.halves = append(out.halves, lines)
		}
		return out
	}) {
		if a.err != nil {
			return a.err
		}
		split := false
		for k, q := range days[i] {
			var lines []Line[T]
			if k < len(a.halves) && !split {
				lines = a.halves[k]
			} else {
				var err error
				if lines, err = r.one(r.ctx, q); err != nil {
					return err
				}
			}
			split = split || !r.whole(len(lines))
			if err := r.part(q, lines, 1); err != nil {
				return err
			}
			r.at.Half, r.at.Journal, r.at.Account = q.Half+1, "", ""
			if err := r.step(false); err != nil {
				return err
			}
		}
		if err := r.endDay(); err != nil {
			return err
		}
	}
	return nil
}

// endDay goes on to the next day. What was seen of this one and did not come again is given all the same.
func (r *walker[T]) endDay() error {
	if len(r.awaited) > 0 {
		for _, item := range r.awaited {
			if item != nil {
				r.items = append(r.items, *item)
			}
		}
		r.gap(Question{Day: r.at.Day}, Uncovered)
		clear(r.awaited)
	}
	clear(r.given)
	r.at.Day, r.at.Half, r.at.Journal, r.at.Account = after(r.at.Day), 0, "", ""
	r.at.Look = max(r.at.Look-1, 0)
	return r.step(false)
}

// part takes an answer, or splits its question once more: by journal, then by account.
func (r *walker[T]) part(q Question, lines []Line[T], asked int) error {
	r.quiet += asked
	if r.whole(len(lines)) {
		for _, line := range lines {
			r.give(line)
		}
		return nil
	}
	for level, list := range []func(context.Context) ([]string, error){r.Journals, r.Accounts} {
		if list == nil || level == 0 && q.Journal != "" || level == 1 && q.Account != "" {
			continue
		}
		names, err := r.list(level)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			continue
		}
		if level == 0 {
			return r.byJournal(q, lines, names)
		}
		return r.byAccount(q, lines, names)
	}
	for _, line := range lines {
		r.give(line)
	}
	reason := Doubtful
	if len(lines) >= Limit {
		reason = Full
	}
	r.gap(q, reason)
	return nil
}

func (r *walker[T]) byJournal(q Question, full []Line[T], journals []string) error {
	if r.at.Journal == "" {
		r.await(full)
	} else { // resumed
		first, found := slices.BinarySearch(journals, r.at.Journal)
		if found && r.at.Account == "" {
			first++
		}
		journals = journals[first:]
	}
	parts := make([]Question, len(journals))
	for i, journal := range journals {
		parts[i] = q
		parts[i].Journal = journal
	}
	for i, a := range r.ask(parts) {
		if a.err != nil {
			return a.err
		}
		if r.at.Journal != parts[i].Journal {
			r.at.Account = "" // that journal is gone
		}
		if err := r.part(parts[i], a.lines, a.asked); err != nil {
			return err
		}
		r.at.Journal, r.at.Account = parts[i].Journal, ""
		if err := r.step(false); err != nil {
			return err
		}
	}
	return nil
}

// byAccount asks for each account. One that had nothing before is asked for from the day on, in all journals: mostly it has
// nothing there either, and is never asked for again.
func (r *walker[T]) byAccount(q Question, full []Line[T], names []string) error {
	if r.at.Account == "" {
		r.await(full)
	} else { // resumed
		first, found := slices.BinarySearch(names, r.at.Account)
		if found {
			first++
		}
		names = names[first:]
	}
	known := &r.accounts[q.Half]
	var parts, wide []Question
	for _, account := range names {
		if known.never[account] {
			continue
		}
		part, from := q, Question{}
		part.Account = account
		if known.empty[account] {
			from = Question{Half: q.Half, From: q.Day, Account: account}
		}
		parts, wide = append(parts, part), append(wide, from)
	}
	for i, a := range ahead(r.ctx, cap(r.turns), len(parts), func(ctx context.Context, i int) answer[T] {
		out := answer[T]{asked: 1}
		if wide[i].From != "" {
			if out.lines, out.err = r.one(ctx, wide[i]); out.err != nil || len(out.lines) == 0 {
				return out
			}
			out.asked, out.used = 2, true
		}
		out.lines, out.err = r.one(ctx, parts[i])
		return out
	}) {
		if a.err != nil {
			return a.err
		}
		account := parts[i].Account
		switch {
		case a.used: // elsewhere at least
			known.empty[account] = false
		case len(a.lines) > 0:
			known.empty[account] = false
		case wide[i].From != "":
			known.never[account] = true
		default:
			if _, seen := known.empty[account]; !seen {
				known.empty[account] = true
			}
		}
		if err := r.part(parts[i], a.lines, a.asked); err != nil {
			return err
		}
		r.at.Journal, r.at.Account = q.Journal, account
		if err := r.step(false); err != nil {
			return err
		}
	}
	return nil
}

// list gives the journals (0) or accounts (1) of the dossier, sorted, read once.
func (r *walker[T]) list(level int) ([]string, error) {
	if !r.read[level] {
		names, err := []func(context.Context) ([]string, error){r.Journals, r.Accounts}[level](r.ctx)
		if err != nil {
			return nil, err
		}
		names = slices.Clone(names)
		slices.Sort(names)
		r.lists[level], r.read[level] = slices.Compact(names), true
	}
	return r.lists[level], nil
}

// give hands a line out, once.
func (r *walker[T]) give(line Line[T]) {
	delete(r.awaited, digest(line.Key))
	if line.ID != "" {
		if _, twice := r.given[line.ID]; twice {
			return
		}
		if _, twice := r.late[line.ID]; twice {
			return
		}
		r.given[line.ID] = struct{}{}
	}
	r.items = append(r.items, line.Item)
}

// await remembers the lines of a full answer: its parts must bring them again.
func (r *walker[T]) await(full []Line[T]) {
	for i := range full {
		if _, came := r.given[full[i].ID]; (full[i].ID == "" || !came) && len(r.awaited) < mostAwaited {
			r.awaited[digest(full[i].Key)] = &full[i].Item
		}
	}
}

func (r *walker[T]) gap(q Question, reason Reason) {
	r.gaps = append(r.gaps, Gap{q, reason})
	r.at.Gaps = true
}

// step hands out what was gathered, once it is worth it.
func (r *walker[T]) step(end bool) error {
	if !end && len(r.items) < batch && len(r.gaps) == 0 && r.quiet < patience {
		return nil
	}
	s := Step[T]{Items: r.items, Gaps: r.gaps, State: r.at, End: end}
	s.State.Awaited = nil
	for _, digest := range slices.Sorted(maps.Keys(r.awaited)) {
		s.State.Awaited = binary.BigEndian.AppendUint32(s.State.Awaited, digest)
	}
	r.items, r.gaps, r.quiet = nil, nil, 0
	if !r.yield(s, nil) {
		return errStopped
	}
	return nil
}

func digest(key string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return h.Sum32()
}

// after is the next day.
func after(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "" // checked before
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}

// answer is what came of a question.
type answer[T any] struct {
	lines  []Line[T]
	halves [][]Line[T] // of a day: as many as were asked for
	asked  int         // questions that it took
	used   bool        // the account has lines from the day on, in some journal
	err    error
}

// ahead does the jobs in order, some of them before their turn, and hands out what came of them in order.
func ahead[T any](ctx context.Context, window, jobs int, do func(context.Context, int) answer[T]) iter.Seq2[int, answer[T]] {
	return func(yield func(int, answer[T]) bool) {
		ctx, cancel := context.WithCancel(ctx)
		queue := make([]chan answer[T], 0, window)
		next := 0
		defer func() {
			cancel()
			for _, waiting := range queue {
				<-waiting // nothing goes on behind the reader's back
			}
		}()
		for i := range jobs {
			for ; next < jobs && len(queue) < window; next++ {
				to, job := make(chan answer[T], 1), next
				queue = append(queue, to)
				go func() { to <- do(ctx, job) }()
			}
			a := <-queue[0]
			queue = queue[1:]
			if !yield(i, a) {
				return
			}
		}
	}
}
