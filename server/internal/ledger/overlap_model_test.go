package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/identity"
)

// The second model: two imports, under two ids, of one entry. Each is compared with the other, which takes its time, looks into
// Loop where the other failed or its outcome is unknown, and is begun under the lock of the books; then it goes its way
// through the same rules as in the first model. In between, the other does all that it may: it is begun, sent, lost, answered
// late, failed by Loop with its entry booked or without, and sent again. What a comparison and a look mean is told by the code
// that runs in the server; the order of the steps under the lock is that of comparison.settle.

// More fates: what Loop accepts may fail, and be booked all the same.
const (
	failedEmpty fate = turnedAway + 1 + iota
	failedBooked
)

func (f fate) accepted() bool { return f == booked || f == failedEmpty || f == failedBooked }
func (f fate) inBooks() bool  { return f == booked || f == failedBooked }

// comparing is where a program is before it has begun.
const comparing step = dead + 1

// glimpsed is what a comparison has seen of the other import.
type glimpsed struct {
	exists         bool
	state, attempt uint8
	absent         uint8 // the attempt that a look has shown not to be there, 0 for none
}

// side is one of the two imports: its row, its program, and what became of its attempts.
type side struct {
	row     place
	program program
	life    uint8
	seen    glimpsed
	again   bool // it is to be sent again by a person, and not to be begun
	repeats bool // it is said to repeat the other
	fates   [3]fate
	missed  [3]bool // an honest look has not found the attempt
}

type pair struct {
	sides   [2]side
	crashes uint8
	meant   bool // the entry is said to be meant twice, and was sent so
}

type pairSetting struct {
	name    string
	tries   [2]int
	crashes uint8
	repeats bool // the second import may be said to repeat the first
}

// overlapRules are those that mutants change.
type overlapRules struct {
	rules
	proves func(*Evidence) bool
	// locked: the verdict is of what is there under the lock, not of what was compared before.
	locked bool
	// covers says which attempt a look speaks of that was taken at another.
	covered func(looked, now uint8) uint8
	// late: what others have settled may still be begun again by its owner.
	late bool
}

func overlapDesign() overlapRules {
	return overlapRules{rules: design(), proves: (*Evidence).Proves, locked: true, covered: func(looked, _ uint8) uint8 { return looked }}
}

type pairStep struct {
	side uint8
	name string
}

type pairExplorer struct {
	rules   overlapRules
	setting pairSetting
	index   map[pair]int32
	worlds  []pair
	parent  []int32
	label   []pairStep
	broken  string
}

func pairKey(i int) Key {
	return Key{Practice: "demo", Dossier: "D", Collection: Imports, RequestID: string(rune('A' + i))}
}

func pairOwner(w *pair, i int) string { return ownerName(uint8(i)*16 + w.sides[i].life) }

// refuses asks the comparison of the server: what does it make of the other import as it was seen?
func (e *pairExplorer) refuses(i int, seen glimpsed, repeats bool) (refuses, certain bool) {
	d := &Digests{}
	if seen.absent > 0 {
		d.Absent = []Attempt{{pairKey(1 - i), int(seen.absent)}}
	}
	if repeats {
		d.RepeatOf = map[int]string{0: pairKey(1 - i).RequestID}
	}
	c := newComparison(pairKey(i), d)
	if seen.exists {
		entry := identity.Entry{Body: [16]byte{1}, Reference: 1, Document: 1}
		c.noteOverlap(0, entry, identity.Same, &OtherImport{Key: pairKey(1 - i), Attempt: int(seen.attempt), State: states[seen.state], number: 1})
	}
	c.forgive()
	found, there := c.best[0]
	return there && found.Refuses, there && found.Of.Certain()
}

func glimpse(p place, absent uint8) glimpsed {
	if !p.exists {
		return glimpsed{absent: absent}
	}
	return glimpsed{true, p.state, p.attempt, absent}
}

func (e *pairExplorer) run() {
	e.index = map[pair]int32{}
	e.add(pair{crashes: e.setting.crashes}, -1, pairStep{})
	for i := int32(0); int(i) < len(e.worlds) && e.broken == ""; i++ {
		for side := range 2 {
			e.expand(i, side)
		}
	}
}

func (e *pairExplorer) add(w pair, parent int32, label pairStep) int32 {
	at, known := e.index[w]
	if !known {
		at = int32(len(e.worlds))
		e.index[w] = at
		e.worlds, e.parent, e.label = append(e.worlds, w), append(e.parent, parent), append(e.label, label)
	}
	return at
}

// expand adds all that one import leads to, and Loop and people with it.
func (e *pairExplorer) expand(from int32, i int) {
	w := e.worlds[from]
	move := func(name string, change func(*pair, *side) string) {
		if e.broken != "" {
			return
		}
		to := w
		wrong := change(&to, &to.sides[i])
		if to == w && wrong == "" {
			return
		}
		at := e.add(to, from, pairStep{uint8(i), name})
		if wrong != "" {
			e.broken = wrong + "\n" + e.trace(from, pairStep{uint8(i), name}, at)
		}
	}
	s := &w.sides[i]
	e.expandBefore(&w, i, move)
	e.expandCall(&w, i, move)
	for attempt := range s.fates {
		if s.fates[attempt] != inFlight {
			continue
		}
		for _, each := range []struct {
			fate
			name string
		}{
			{booked, "Loop books it"},
			{failedEmpty, "Loop accepts it, which fails with nothing booked"},
			{failedBooked, "Loop accepts it, which fails and is booked all the same"},
			{refusedByLoop, "Loop refuses it"},
			{turnedAway, "Loop turns it away"},
			{vanished, "Loop never sees it"},
		} {
			move(each.name, func(_ *pair, to *side) string { to.fates[attempt] = each.fate; return "" })
		}
	}
	if s.program.step == dead {
		move("its server starts", func(to *pair, mine *side) string {
			mine.life, mine.program = mine.life+1, program{}
			if st := mine.row.status(); mine.row.exists && st.owner != pairOwner(to, i) { // Recover
				st, _ = e.rules.abandon(st)
				mine.row = placeOf(st)
			}
			return ""
		})
	} else if w.crashes > 0 && s.program.step != idle {
		move("its server dies", func(to *pair, mine *side) string {
			to.crashes--
			mine.program, mine.seen, mine.again, mine.repeats = program{step: dead}, glimpsed{}, false, false
			return ""
		})
	}
	if !s.row.exists {
		return
	}
	if s.row.lease > 0 && s.program.step != ready && s.program.step != calling { // a call ends before its lease
		move("its lease ends", func(_ *pair, mine *side) string { mine.row.lease = 0; return "" })
	}
	move("somebody expires it", func(_ *pair, mine *side) string { mine.row = e.expired(mine.row); return "" })
	state := states[s.row.state]
	asked := subject{int(s.row.attempt), loopName(s.row.loop)}
	if state.Following() {
		move("Loop says that it runs", func(_ *pair, mine *side) string {
			if st, err := e.rules.follow(mine.row.status(), asked, state, Running, false, modelNow); err == nil {
				mine.row = placeOf(st)
			}
			return ""
		})
		move("Loop is asked for a week, and does not end it", func(_ *pair, mine *side) string {
			old := mine.row.status()
			old.followed = FollowFor.Microseconds()
			if st, err := e.rules.follow(old, asked, state, "", false, modelNow); err == nil {
				mine.row = placeOf(st)
			}
			return ""
		})
	}
	if s.row.status().toBeAsked() { // also what is UNCERTAIN
		if said, final := map[fate]State{booked: Succeeded, failedEmpty: Failed, failedBooked: Failed}[s.fates[s.row.attempt]]; final {
			move("Loop says how it ended", func(_ *pair, mine *side) string {
				st, err := e.rules.follow(mine.row.status(), asked, state, said, false, modelNow)
				if err != nil {
					return "what Loop says cannot be noted: " + err.Error()
				}
				mine.row = placeOf(st)
				return ""
			})
		}
	}
	if state.Resolvable() && s.over() && !s.fates[s.row.attempt].inBooks() {
		move("a person who has looked in Loop a day later says that it is not booked", func(_ *pair, mine *side) string {
			st := mine.row.status()
			st.submitted = modelNow - ResubmitAfter.Microseconds()
			st, err := e.rules.check(st, st.attempt, modelNow, notThere)
			if err == nil {
				st, err = e.rules.confirm(st, st.attempt, false, false, modelNow)
			}
			if err == nil {
				mine.missed[mine.row.attempt] = true
				mine.row = placeOf(st)
			}
			return ""
		})
	}
}

func (e *pairExplorer) expired(p place) place {
	if !p.exists {
		return p
	}
	if st, changed := e.rules.expire(p.status(), modelNow); changed {
		return placeOf(st)
	}
	return p
}

// over says whether nothing of its attempt is on its way any more.
func (s *side) over() bool {
	busy := s.program.attempt == s.row.attempt && (s.program.step == ready || s.program.step == calling)
	return s.fates[s.row.attempt] != inFlight && !busy
}

// expandBefore adds what comes before an import is begun: the comparison, the look, and the transaction that begins it.
func (e *pairExplorer) expandBefore(w *pair, i int, move func(string, func(*pair, *side) string)) {
	s := &w.sides[i]
	state := states[s.row.state]
	free := !s.row.exists || int(s.row.attempt) < e.setting.tries[i]
	switch {
	case s.program.step == idle && free:
		for _, repeats := range []bool{false, true} {
			if repeats && !(e.setting.repeats && i == 1) {
				continue
			}
			compare := func(again bool) func(to *pair, mine *side) string {
				return func(to *pair, mine *side) string {
					mine.program, mine.again, mine.repeats = program{step: comparing}, again, repeats
					mine.seen = glimpse(to.sides[1-i].row, 0)
					return ""
				}
			}
			name := map[bool]string{false: "is compared", true: "is compared, said to repeat"}[repeats]
			if !s.row.exists || state.NothingBooked() {
				move(name, compare(false))
			} else if state.Resolvable() {
				move(name+" by a person who wants it sent again", compare(true))
			}
		}
	case s.program.step == comparing:
		stop := func(_ *pair, mine *side) string {
			mine.program, mine.seen, mine.again, mine.repeats = program{}, glimpsed{}, false, false
			return ""
		}
		refused, certain := e.refuses(i, s.seen, s.repeats)
		switch {
		case refused && certain:
			move("is refused: the other is booked or under way", stop)
		case refused:
			move("is refused without a look", stop)
			e.expandLook(w, i, move)
		default:
			move("is begun", func(to *pair, mine *side) string { return e.begin(to, i) })
		}
	}
}

// expandLook adds the looks into Loop for the other import: honest ones and blind ones, at once and a day later.
func (e *pairExplorer) expandLook(w *pair, i int, move func(string, func(*pair, *side) string)) {
	other := &w.sides[1-i]
	if !other.row.exists || !states[other.row.state].Resolvable() || other.row.attempt != w.sides[i].seen.attempt {
		move("sees that the other has moved", func(to *pair, mine *side) string {
			mine.seen = glimpse(to.sides[1-i].row, 0)
			return ""
		})
		return
	}
	for _, look := range []struct {
		name  string
		later bool
		blind Control
	}{
		{name: "looks at once"},
		{name: "looks a day later", later: true},
		{"looks with a list that is empty", true, ControlMissed},
		{"looks where nothing proves that it sees", true, ControlNone},
	} {
		fate := other.fates[other.row.attempt]
		if look.later && !other.over() { // nothing is on its way so long
			continue
		}
		st := other.row.status()
		if st.submitted = modelNow; look.later {
			st.submitted -= ResubmitAfter.Microseconds()
		}
		if st.state != Failed && e.rules.early(st, modelNow) {
			continue // refused: TOO_EARLY
		}
		search := Search{Attempt: int(other.row.attempt), Control: ControlFound, Sightings: []Sighting{{Reference: "FA-1"}}}
		honest := look.blind == ControlUnknown
		if !honest {
			search.Control = look.blind
		} else if fate.inBooks() {
			search.Sightings[0].Unlettered = 1
		}
		if !e.rules.proves(search.Evidence()) {
			continue // refused, with what was seen
		}
		move(look.name, func(to *pair, mine *side) string {
			them := &to.sides[1-i]
			mine.seen = glimpse(them.row, them.row.attempt)
			if honest && !fate.inBooks() && fate != inFlight {
				them.missed[them.row.attempt] = true
			}
			return ""
		})
	}
}

// begin is the transaction under the lock of the books.
func (e *pairExplorer) begin(to *pair, i int) string {
	mine, other := &to.sides[i], &to.sides[1-i]
	seen, repeats, again := mine.seen, mine.repeats, mine.again
	mine.program, mine.seen, mine.again, mine.repeats = program{}, glimpsed{}, false, false
	mine.row = e.expired(mine.row)
	if e.rules.locked {
		other.row = e.expired(other.row)
		seen = glimpse(other.row, e.rules.covered(seen.absent, other.row.attempt*min(seen.absent, 1)))
	}
	if refused, _ := e.refuses(i, seen, repeats); refused {
		return ""
	}
	owner := pairOwner(to, i)
	var st status
	var err error
	switch {
	case !mine.row.exists:
		st = e.rules.receive(owner, modelNow)
	case again: // right after a look of a day later
		if !mine.over() || mine.fates[mine.row.attempt].inBooks() {
			return ""
		}
		st = mine.row.status()
		st.submitted = modelNow - ResubmitAfter.Microseconds()
		if st, err = e.rules.check(st, st.attempt, modelNow, notThere); err == nil {
			mine.missed[mine.row.attempt] = true
			st, err = e.rules.resubmit(st, st.attempt, owner, modelNow)
		}
	default:
		st, err = e.rules.retake(mine.row.status(), owner, modelNow)
	}
	if err != nil { // it is under way, or not to be sent again
		return ""
	}
	if repeats {
		needed, _ := e.refuses(i, seen, false)
		to.meant = to.meant || needed
	}
	mine.row = placeOf(st)
	mine.program = program{step: begun, attempt: mine.row.attempt}
	return ""
}

// expandCall adds the sending of what has begun, as in the first model, without its minutes.
func (e *pairExplorer) expandCall(w *pair, i int, move func(string, func(*pair, *side) string)) {
	s := &w.sides[i]
	p, me := s.program, pairOwner(w, i)
	settleAs := func(outcome State) func(*pair, *side) string {
		return func(_ *pair, mine *side) string {
			mine.program.step, mine.program.outcome = settling, stateIndex(outcome)
			return ""
		}
	}
	switch p.step {
	case begun:
		st, err := e.rules.submit(s.row.status(), int(p.attempt), me, modelNow, callTicks*tick)
		move("is about to be sent", func(to *pair, mine *side) string {
			switch {
			case err == nil:
				mine.row, mine.program.step = placeOf(st), ready
			case strings.Contains(err.Error(), ErrLost.Error()):
				mine.program = program{}
			default:
				return settleAs(NotSent)(to, mine)
			}
			return ""
		})
	case ready:
		move("is sent", func(to *pair, mine *side) string {
			mine.program.step, mine.fates[p.attempt] = calling, inFlight
			return to.sendable(i, int(p.attempt))
		})
		move("cannot connect", settleAs(NotSent))
	case calling:
		switch fate := s.fates[p.attempt]; {
		case fate.accepted():
			move("is accepted", settleAs(Waiting))
		case fate == refusedByLoop:
			move("is refused", settleAs(Refused))
		case fate == turnedAway:
			move("is turned away", settleAs(NotSent))
		}
		move("hears nothing usable", settleAs(Uncertain))
	case settling:
		outcome, loopID := states[p.outcome], ""
		if outcome == Waiting {
			loopID = loopName(p.attempt)
		}
		st, _, err := e.rules.settle(s.row.status(), int(p.attempt), me, outcome, loopID)
		move("settles "+string(outcome), func(_ *pair, mine *side) string {
			mine.program = program{}
			if err == nil {
				mine.row = placeOf(st)
			}
			return ""
		})
		if outcome == NotSent && s.fates[p.attempt] == turnedAway && int(p.attempt) < e.setting.tries[i] {
			from := s.row.status()
			if e.rules.late && from.abandoned {
				from.state = Submitting
			}
			if st, err := e.rules.again(from, int(p.attempt), me, me, modelNow); err == nil {
				move("begins again", func(_ *pair, mine *side) string {
					mine.row = placeOf(st)
					mine.program = program{step: begun, attempt: mine.row.attempt}
					return ""
				})
			}
		}
	}
}

// sendable is the promise: an entry is sent only where no other attempt, of whatever id, can be booked, unless it is meant.
func (w *pair) sendable(i, attempt int) string {
	for j := range w.sides {
		for other, fate := range w.sides[j].fates {
			if j == i && other == attempt || j != i && w.meant {
				continue
			}
			switch fate {
			case unsent, refusedByLoop, turnedAway, failedEmpty:
			default:
				if fate == vanished && w.sides[j].missed[other] {
					continue
				}
				return fmt.Sprintf("%s is sent, and attempt %d of %s may be booked", pairKey(i).RequestID, other, pairKey(j).RequestID)
			}
		}
	}
	return ""
}

func (e *pairExplorer) trace(from int32, last pairStep, at int32) string {
	line := func(label pairStep, w *pair) string {
		out := fmt.Sprintf("  %s %s →", pairKey(int(label.side)).RequestID, label.name)
		for i := range w.sides {
			if row := w.sides[i].row; row.exists {
				out += fmt.Sprintf(" %s: %s %d", pairKey(i).RequestID, states[row.state], row.attempt)
			}
		}
		return out
	}
	lines := []string{line(last, &e.worlds[at])}
	for i := from; i > 0; i = e.parent[i] {
		lines = append(lines, line(e.label[i], &e.worlds[i]))
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

func pairSettings() []pairSetting {
	return []pairSetting{
		{name: "one attempt each, the second said to repeat the first", tries: [2]int{1, 1}, crashes: 1, repeats: true},
		{name: "the first is sent twice", tries: [2]int{2, 1}, crashes: 1},
		{name: "each is sent twice", tries: [2]int{2, 2}},
	}
}

// TestEveryRunOfTheModelOfTwoImportsBooksTheirEntryOnce: and a correction under another id needs nobody, where a look has shown
// that it can see.
func TestEveryRunOfTheModelOfTwoImportsBooksTheirEntryOnce(t *testing.T) {
	for _, setting := range pairSettings() {
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			e := &pairExplorer{rules: overlapDesign(), setting: setting}
			e.run()
			if e.broken != "" {
				t.Fatal(e.broken)
			}
			seen := map[string]bool{}
			for i := range e.worlds {
				w := &e.worlds[i]
				for j := range w.sides {
					if w.sides[j].row.exists {
						seen[pairKey(j).RequestID+" "+string(states[w.sides[j].row.state])] = true
					}
				}
				a, b := &w.sides[0], &w.sides[1]
				switch {
				case w.meant:
					seen["meant twice"] = seen["meant twice"] || a.fates[1] == booked && b.fates[1] == booked
				case !a.row.exists || !b.row.exists || states[b.row.state] != Succeeded:
				case states[a.row.state] == Failed:
					seen["corrected after FAILED"] = true
				case states[a.row.state] == Uncertain:
					seen["corrected after UNCERTAIN"] = true
				}
			}
			want := []string{"corrected after FAILED", "corrected after UNCERTAIN"}
			if setting.repeats {
				want = append(want, "meant twice")
			}
			for _, state := range States() {
				want = append(want, "A "+string(state), "B "+string(state))
			}
			for _, each := range want {
				if !seen[each] {
					t.Errorf("the model never came to %s", each)
				}
			}
			t.Logf("%d states", len(e.worlds))
		})
	}
}

func TestTheModelOfTwoImportsNoticesBrokenRules(t *testing.T) {
	for name, mutate := range map[string]func(*overlapRules){
		"a comparison outside of the lock": func(r *overlapRules) { r.locked = false },
		"a blind look that lets pass": func(r *overlapRules) {
			r.proves = func(e *Evidence) bool { return e.Proves() || e.Doubt == SearchBlind }
		},
		"a look that nothing proves and that lets pass":  func(r *overlapRules) { r.proves = func(e *Evidence) bool { return e.Verdict == NotFound } },
		"a look that lets pass whatever it has found":    func(r *overlapRules) { r.proves = func(e *Evidence) bool { return e.Control == ControlFound } },
		"a look at once that is taken for proof":         func(r *overlapRules) { r.resubmitAfter = 0 },
		"a look that speaks of later attempts, too":      func(r *overlapRules) { r.covered = func(_, now uint8) uint8 { return now } },
		"a repeat of what others have settled":           func(r *overlapRules) { r.late = true },
		"a lost answer that is taken for nothing booked": func(r *overlapRules) { r.next = instead(Submitting, lose, NotSent) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, setting := range pairSettings() {
				e := &pairExplorer{rules: overlapDesign(), setting: setting}
				mutate(&e.rules)
				if e.run(); e.broken != "" {
					t.Logf("%s, after %d states: %s", setting.name, len(e.worlds), e.broken)
					return
				}
			}
			t.Error("nothing is found")
		})
	}
}

// instead leads from a state to another than the machine's.
func instead(from State, happens event, to State) func(State, event) (State, error) {
	return func(s State, e event) (State, error) {
		if s == from && e == happens {
			return to, nil
		}
		return next(s, e)
	}
}
