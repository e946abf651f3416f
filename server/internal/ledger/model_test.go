package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The model check: every run of a small world, within bounds, under the rules that the SQL runs too. Owners begin,
// commit SUBMITTING, send, settle and follow; between any two steps an owner may die, a commit may go unconfirmed, a
// message or an answer may be lost or late, a lease may end, the caller may repeat the id, a person may look into Loop at
// once or a day later, say what became of it, and send it again. Time is relative, hence unbounded: what is left of a lease
// and of a call is all that counts.

const (
	tick       = time.Minute
	callTicks  = 1 // the call limit, imports.call_limit of the configuration
	leaseTicks = int(Lease / tick)
	modelNow   = int64(1) << 50
	maxTries   = 3
)

// fate is what became of the submission of an attempt on its way to Loop.
type fate uint8

const (
	unsent fate = iota
	inFlight
	vanished // never arrived, which is unknown
	booked
	refusedByLoop
	turnedAway
)

type step uint8

const (
	idle     step = iota
	begun         // RECEIVED is committed and confirmed
	ready         // SUBMITTING is committed and confirmed
	calling       // bytes have left
	settling      // knows its outcome
	dead
)

// program is one call that an owner serves.
type program struct {
	step    step
	attempt uint8
	left    uint8 // ticks of the call
	outcome uint8 // index into States, while settling
	named   bool  // the outcome comes with Loop's id
}

// place is a status, small and relative to now.
type place struct {
	exists, abandoned bool
	state             uint8 // index into States
	attempt, owner    uint8
	loop              uint8 // whose id of Loop's is known, see loopName; 0 nobody's
	lease             uint8 // ticks left
	absent, unproven  uint8 // a look that did not find it was taken, or one that may be blind: 0 never, else see the days below
	stated            stated
}

// When a look into Loop was taken that is noted as having found nothing.
const (
	never uint8 = iota
	atOnce
	aDayLater
)

type world struct {
	row      place
	programs [2]program
	life     [2]uint8 // how often an owner was started
	crashes  uint8    // that may still come
	faulty   bool     // there was a crash, or an unconfirmed commit
	fates    [maxTries + 1]fate
	sends    [maxTries + 1]uint8
	closed   [maxTries + 1]bool // the attempt was said to have booked nothing
	missed   [maxTries + 1]bool // a look a day after it was sent has not found it
}

type setting struct {
	name     string
	programs int
	// shared: the programs are calls of one process, which recovers at its start. Else of two, by lease.
	shared  bool
	crashes uint8
}

type explorer struct {
	rules   rules
	setting setting
	index   map[world]int32
	worlds  []world
	parent  []int32
	label   []string
	back    [][]int32 // for liveness
	edges   int
	broken  string
	via     place // where the row was in the midst of a transaction of two steps
}

var states = States()

// ownerName is one byte, to be fast.
func ownerName(owner uint8) string { return string([]byte{owner}) }

// loopName is the id that Loop gives an attempt, of one byte too.
func loopName(attempt uint8) string {
	if attempt == 0 {
		return ""
	}
	return string([]byte{attempt})
}

func stateIndex(s State) uint8 { return uint8(slices.Index(states, s)) }

func (p place) status() status {
	s := status{
		state: states[p.state], attempt: int(p.attempt), owner: ownerName(p.owner), abandoned: p.abandoned, loopID: loopName(p.loop),
		submitted: modelNow,
	}
	if s.state.Open() {
		s.leaseUntil = modelNow + int64(p.lease)*tick.Microseconds()
	}
	s.stated = p.stated
	looked := func(when uint8) (at int64) {
		switch when {
		case atOnce:
			return modelNow
		case aDayLater:
			s.submitted = modelNow - ResubmitAfter.Microseconds()
			return modelNow
		}
		return 0
	}
	s.absent, s.unproven = looked(p.absent), looked(p.unproven)
	return s
}

func placeOf(s status) place {
	p := place{exists: true, abandoned: s.abandoned, state: stateIndex(s.state), attempt: uint8(s.attempt), owner: s.owner[0]}
	if s.loopID != "" {
		p.loop = s.loopID[0]
	}
	p.stated = s.stated
	looked := func(at int64) uint8 {
		switch {
		case at == 0:
			return never
		case at-s.submitted >= ResubmitAfter.Microseconds():
			return aDayLater
		default:
			return atOnce
		}
	}
	p.absent, p.unproven = looked(s.absent), looked(s.unproven)
	if s.leaseUntil > modelNow {
		p.lease = uint8((s.leaseUntil - modelNow) / tick.Microseconds())
	}
	return p
}

// owner of a program, by the process's present life.
func (e *explorer) owner(w *world, i int) uint8 {
	process := e.process(i)
	return uint8(process)*16 + w.life[process]
}

func (e *explorer) process(i int) int {
	if e.setting.shared {
		return 0
	}
	return i
}

func (e *explorer) run() {
	e.index = make(map[world]int32)
	first := world{crashes: e.setting.crashes}
	e.add(first, -1, "")
	for i := int32(0); int(i) < len(e.worlds) && e.broken == ""; i++ {
		e.expand(i)
	}
	if e.broken == "" {
		e.checkAllCanSettle()
	}
}

func (e *explorer) add(w world, parent int32, label string) int32 {
	at, known := e.index[w]
	if !known {
		at = int32(len(e.worlds))
		e.index[w] = at
		e.worlds, e.parent = append(e.worlds, w), append(e.parent, parent)
		e.label, e.back = append(e.label, label), append(e.back, nil)
	}
	if parent >= 0 && parent != at {
		e.back[at] = append(e.back[at], parent)
		e.edges++
	}
	return at
}

// expand adds every world that one step leads to.
func (e *explorer) expand(from int32) {
	w := e.worlds[from]
	move := func(label string, change func(*world) string) {
		if e.broken != "" {
			return
		}
		to := w
		e.via = place{}
		wrong := change(&to)
		to.note()
		if to == w && wrong == "" {
			return
		}
		at := e.add(to, from, label)
		before := w.row
		if e.via.exists {
			before = e.via
		}
		if wrong == "" {
			wrong = judgeStep(before, to.row)
		}
		if wrong == "" {
			wrong = e.judge(&to)
		}
		if wrong != "" {
			e.broken = wrong + "\n" + e.trace(from, label, at)
		}
	}
	for i := range e.setting.programs {
		e.expandProgram(&w, i, move)
	}
	for process := range w.life {
		if e.process(process) == process && process < e.setting.programs {
			e.expandProcess(&w, process, move)
		}
	}
	for attempt := range w.fates {
		if w.fates[attempt] == inFlight {
			for outcome, name := range map[fate]string{booked: "books", refusedByLoop: "refuses", turnedAway: "turns away", vanished: "never sees"} {
				move(fmt.Sprintf("Loop %s attempt %d", name, attempt), func(to *world) string { to.fates[attempt] = outcome; return "" })
			}
		}
	}
	move("a minute passes", func(to *world) string {
		to.row.lease -= min(to.row.lease, 1)
		for i := range to.programs {
			to.programs[i].left -= min(to.programs[i].left, 1)
		}
		return ""
	})
	if !w.row.exists {
		return
	}
	move("somebody expires leases", func(to *world) string {
		s, changed := e.rules.expire(w.row.status(), modelNow)
		if changed {
			to.row = placeOf(s)
		}
		return ""
	})
	e.expandPerson(&w, move)
	state := states[w.row.state]
	if state == Uncertain && w.row.loop != 0 && w.fates[w.row.attempt] == booked { // it is asked for each day, and by a look
		for _, said := range []State{Succeeded, Failed} {
			move("Loop says at last "+string(said), func(to *world) string {
				s, err := e.rules.follow(to.row.status(), to.row.askedAbout(), Uncertain, said, false, modelNow)
				if err != nil {
					return "what Loop says at last cannot be noted: " + err.Error()
				}
				to.row = placeOf(s)
				return ""
			})
		}
	}
	if state.Following() || state == Uncertain && w.row.loop != 0 {
		e.expandStale(&w, move)
	}
	if state.Following() {
		for _, said := range []State{Waiting, Running, Succeeded, Failed} {
			move("Loop says "+string(said), func(to *world) string { return e.follow(to, said, func(*status) {}) })
		}
		move("Loop is asked for a week, and does not end it", func(to *world) string {
			return e.follow(to, Waiting, func(s *status) { s.followed = FollowFor.Microseconds() })
		})
	}
}

// expandPerson adds what a person may do, who looks into Loop honestly: what is not there at once may yet come; what is not
// there a day later was never booked, for nothing is under way so long.
func (e *explorer) expandPerson(w *world, move func(string, func(*world) string)) {
	attempt := int(w.row.attempt)
	fate := w.fates[attempt]
	look := func(s status, seen sight) func(*world) string {
		return func(to *world) string {
			s, err := e.rules.check(s, attempt, modelNow, seen)
			if err != nil {
				return ""
			}
			to.row = placeOf(s)
			to.missed[attempt] = to.missed[attempt] || seen == notThere && modelNow-s.submitted >= ResubmitAfter.Microseconds()
			return ""
		}
	}
	if fate != booked {
		s := w.row.status()
		s.submitted = modelNow
		move("a person looks at once, and it is not there", look(s, notThere))
	}
	over := fate != inFlight
	for i := range e.setting.programs { // nor does a call take so long
		over = over && !(w.programs[i].attempt == w.row.attempt && (w.programs[i].step == ready || w.programs[i].step == calling))
	}
	if fate != booked && over {
		s := w.row.status()
		s.submitted = modelNow - ResubmitAfter.Microseconds()
		move("a person looks a day later, and it is not there", look(s, notThere))
	}
	if over { // whatever became of it
		s := w.row.status()
		s.submitted = modelNow - ResubmitAfter.Microseconds()
		move("a blind look a day later", look(s, notSeen))
	}
	if fate == booked {
		move("a person finds it, and says so", func(to *world) string {
			if s, err := e.rules.confirm(to.row.status(), attempt, true, false, modelNow); err == nil {
				to.row = placeOf(s)
			}
			return ""
		})
	}
	move("a person says that it is not booked", func(to *world) string {
		if s, err := e.rules.confirm(to.row.status(), attempt, false, false, modelNow); err == nil {
			to.row = placeOf(s)
		}
		return ""
	})
	if fate != booked && over {
		move("a person has looked in Loop, and notes that it is not booked", func(to *world) string {
			if s, err := e.rules.confirm(to.row.status(), attempt, false, true, modelNow); err == nil {
				to.row = placeOf(s)
				to.missed[attempt] = true
			}
			return ""
		})
	}
	for i := range e.setting.programs {
		if w.programs[i].step != idle || attempt >= maxTries {
			continue
		}
		for _, unconfirmed := range []bool{false, true} {
			move(fmt.Sprintf("%d: Resubmit, unconfirmed: %t", i, unconfirmed), func(to *world) string {
				s, err := e.rules.resubmit(to.row.status(), attempt, ownerName(e.owner(to, i)), modelNow)
				if err != nil {
					return ""
				}
				to.row = placeOf(s)
				if to.faulty = to.faulty || unconfirmed; !unconfirmed {
					to.programs[i] = program{step: begun, attempt: to.row.attempt}
				}
				return ""
			})
		}
	}
}

// askedAbout is the subject of a question about the newest attempt.
func (p place) askedAbout() subject { return subject{int(p.attempt), loopName(p.loop)} }

// expandStale adds answers to questions that were put before: about an earlier attempt, and about an attempt of the same
// number that had another id, because its request id was forgotten and came anew.
func (e *explorer) expandStale(w *world, move func(string, func(*world) string)) {
	state := states[w.row.state]
	stale := []subject{{int(w.row.attempt), loopName(maxTries + 1)}}
	for earlier := 1; earlier < int(w.row.attempt); earlier++ {
		stale = append(stale, subject{earlier, loopName(uint8(earlier))})
	}
	for _, asked := range stale {
		for _, said := range []State{Waiting, Running, Succeeded, Failed} {
			move(fmt.Sprintf("Loop says %s of attempt %d, which it called %q", said, asked.attempt, asked.loopID), func(to *world) string {
				_, err := e.rules.follow(to.row.status(), asked, state, said, false, modelNow)
				if state == Uncertain {
					_, err = e.rules.conclude(to.row.status(), asked, said)
				}
				switch {
				case errors.Is(err, ErrLost):
					return ""
				case asked.attempt == int(to.row.attempt):
					return "an answer about another of Loop's ids settles an attempt"
				default:
					return fmt.Sprintf("an answer about attempt %d settles attempt %d", asked.attempt, to.row.attempt)
				}
			})
		}
	}
}

func (e *explorer) follow(to *world, said State, before func(*status)) string {
	was := to.row.status()
	before(&was)
	s, err := e.rules.follow(was, to.row.askedAbout(), states[to.row.state], said, false, modelNow)
	if err != nil {
		return "what Loop says cannot be noted: " + err.Error()
	}
	to.row = placeOf(s)
	return ""
}

func (e *explorer) expandProgram(w *world, i int, move func(string, func(*world) string)) {
	p := w.programs[i]
	me := ownerName(e.owner(w, i))
	say := func(format string, args ...any) string { return fmt.Sprintf("%d: ", i) + fmt.Sprintf(format, args...) }
	to := func(w *world, s step) *program { w.programs[i].step = s; return &w.programs[i] }
	settleAs := func(w *world, outcome State) { to(w, settling).outcome = stateIndex(outcome) }
	switch p.step {
	case idle:
		move(say("Begin"), func(w *world) string {
			mine, wrong := e.begin(w, me)
			if mine {
				w.programs[i] = program{step: begun, attempt: w.row.attempt}
			}
			return wrong
		})
		move(say("Begin, unconfirmed"), func(w *world) string { _, wrong := e.begin(w, me); w.faulty = true; return wrong })
	case begun:
		s, err := e.rules.submit(w.row.status(), int(p.attempt), me, modelNow, callTicks*tick)
		move(say("Submitting: %v", err), func(w *world) string {
			switch {
			case err == nil:
				w.row = placeOf(s)
				to(w, ready).left = callTicks
			case strings.Contains(err.Error(), ErrLost.Error()):
				w.programs[i] = program{}
			default:
				settleAs(w, NotSent)
			}
			return ""
		})
		if err == nil {
			move(say("Submitting, unconfirmed"), func(w *world) string {
				w.row, w.faulty = placeOf(s), true
				settleAs(w, NotSent)
				return ""
			})
		}
		move(say("gives up before Submitting"), func(w *world) string { settleAs(w, NotSent); return "" })
	case ready:
		if p.left > 0 {
			move(say("sends"), func(w *world) string {
				to(w, calling)
				w.sends[p.attempt]++
				w.fates[p.attempt] = inFlight
				return sendable(w, int(p.attempt))
			})
		}
		move(say("cannot connect, or has no time left"), func(w *world) string { settleAs(w, NotSent); return "" })
	case calling:
		if outcome, ok := map[fate]State{booked: Waiting, refusedByLoop: Refused, turnedAway: NotSent}[w.fates[p.attempt]]; ok {
			move(say("hears %s", outcome), func(w *world) string { settleAs(w, outcome); return "" })
			if outcome == Waiting { // or Loop carried it out at once
				move(say("hears that it is done"), func(w *world) string { settleAs(w, Succeeded); return "" })
			}
		}
		if w.fates[p.attempt] == booked {
			move(say("hears a no that names an import"), func(w *world) string { settleAs(w, Uncertain); w.programs[i].named = true; return "" })
		}
		move(say("hears nothing usable"), func(w *world) string { settleAs(w, Uncertain); return "" })
	case settling:
		outcome, loopID := states[p.outcome], ""
		if outcome == Waiting || p.named {
			loopID = loopName(p.attempt)
		}
		s, _, err := e.rules.settle(w.row.status(), int(p.attempt), me, outcome, loopID)
		move(say("Settle %s: %v", outcome, err), func(w *world) string {
			w.programs[i] = program{}
			if err == nil {
				w.row = placeOf(s)
			} else if (outcome == Waiting || outcome == Succeeded) && w.row.stated != isBooked { // a person has seen it meanwhile
				return "what Loop accepted cannot be noted"
			}
			return ""
		})
		if err == nil {
			move(say("Settle %s, unconfirmed", outcome), func(w *world) string { w.row, w.faulty = placeOf(s), true; return "" })
		}
		e.expandAgain(w, i, me, move)
	}
}

// expandAgain adds that an owner who was turned away begins again at once: two steps in one transaction, and both are
// judged.
func (e *explorer) expandAgain(w *world, i int, me string, move func(string, func(*world) string)) {
	p := w.programs[i]
	if states[p.outcome] != NotSent || w.fates[p.attempt] != turnedAway || p.attempt >= maxTries {
		return
	}
	between, _, err := e.rules.settle(w.row.status(), int(p.attempt), me, NotSent, "")
	if err != nil || between.attempt >= maxTries {
		return
	}
	for _, unconfirmed := range []bool{false, true} {
		move(fmt.Sprintf("%d: Again, unconfirmed: %t", i, unconfirmed), func(to *world) string {
			s, err := e.rules.again(to.row.status(), int(p.attempt), me, me, modelNow)
			if err != nil {
				return ""
			}
			before := to.row
			to.row = placeOf(between)
			to.note()
			e.via = to.row
			if wrong := judgeStep(before, to.row); wrong != "" {
				return wrong
			}
			to.row = placeOf(s)
			if to.faulty = to.faulty || unconfirmed; !unconfirmed {
				to.programs[i] = program{step: begun, attempt: to.row.attempt}
			}
			return ""
		})
	}
}

// begin may be two steps in one transaction, and both are judged.
func (e *explorer) begin(w *world, owner string) (mine bool, wrong string) {
	if !w.row.exists {
		w.row = placeOf(e.rules.receive(owner, modelNow))
		return true, ""
	}
	s, changed := e.rules.expire(w.row.status(), modelNow)
	if changed {
		before := w.row
		w.row = placeOf(s)
		w.note()
		e.via = w.row
		if wrong := judgeStep(before, w.row); wrong != "" {
			return false, wrong
		}
	}
	if s.attempt < maxTries {
		if again, err := e.rules.retake(s, owner, modelNow); err == nil {
			w.row = placeOf(again)
			return true, ""
		}
	}
	return false, ""
}

// note remembers which attempts were said to have booked nothing.
func (w *world) note() {
	if w.row.exists && states[w.row.state].NothingBooked() {
		w.closed[w.row.attempt] = true
	}
}

func (e *explorer) expandProcess(w *world, process int, move func(string, func(*world) string)) {
	mine := func(w *world, do func(*program)) {
		for i := range e.setting.programs {
			if e.process(i) == process {
				do(&w.programs[i])
			}
		}
	}
	if w.programs[process].step == dead {
		move(fmt.Sprintf("process %d starts", process), func(w *world) string {
			w.life[process]++
			mine(w, func(p *program) { *p = program{} })
			if e.setting.shared && w.row.exists { // Recover
				if s := w.row.status(); s.owner != ownerName(e.owner(w, process)) {
					s, _ = e.rules.abandon(s)
					w.row = placeOf(s)
				}
			}
			return ""
		})
	} else if w.crashes > 0 {
		move(fmt.Sprintf("process %d dies", process), func(w *world) string {
			w.crashes--
			w.faulty = true
			mine(w, func(p *program) { *p = program{step: dead} })
			return ""
		})
	}
}

// sendable is the promise itself: an attempt reaches Loop once, and only after all others are known to have booked
// nothing.
func sendable(w *world, attempt int) string {
	if w.sends[attempt] > 1 {
		return "an attempt was sent twice"
	}
	if w.closed[attempt] {
		return "an attempt was sent after it was said to have booked nothing"
	}
	for other, fate := range w.fates {
		if other != attempt && fate != unsent && fate != refusedByLoop && fate != turnedAway && !(fate == vanished && w.missed[other]) {
			return "a second attempt was sent although the first one may be booked"
		}
	}
	return ""
}

// judgeStep judges a change of the row without looking at the table of the state machine.
func judgeStep(from, to place) string {
	if !from.exists || !to.exists {
		return ""
	}
	before, after := states[from.state], states[to.state]
	same := from.attempt == to.attempt
	switch {
	case before == after && same:
		return ""
	case to.attempt < from.attempt:
		return "attempts go back"
	case before.NothingBooked() && !same && after == Received && to.attempt == from.attempt+1:
		return ""
	case before.Resolvable() && from.absent == aDayLater && !same && after == Received && to.attempt == from.attempt+1:
		return ""
	case !same:
		return fmt.Sprintf("%s led to another attempt", before)
	case before.Resolvable() && to.stated == isBooked && after == Succeeded,
		before.Resolvable() && to.stated == isNot && (from.absent == aDayLater || from.unproven == aDayLater) && after.NothingBooked():
		return ""
	case before == Uncertain && from.loop != 0 && (after == Succeeded || after == Failed):
		return ""
	case before == Uncertain && from.abandoned && !after.Open(),
		before == Received,
		before == Submitting && after != Received,
		before.Following() && !after.Open() && !after.NothingBooked():
		return ""
	default:
		return fmt.Sprintf("%s became %s", before, after)
	}
}

// judge judges what the row says against what has happened.
func (e *explorer) judge(w *world) string {
	if !w.row.exists {
		return ""
	}
	state, fate := states[w.row.state], w.fates[w.row.attempt]
	quiet := true
	for i := range e.setting.programs {
		p := w.programs[i]
		quiet = quiet && p.step == idle
		calls := p.attempt == w.row.attempt && e.owner(w, i) == w.row.owner && p.left > 0 && (p.step == ready || p.step == calling)
		if calls && state != Submitting {
			return "a call was given up within its limit, while its owner lives"
		}
	}
	switch {
	case state.NothingBooked() && fate != unsent && fate != refusedByLoop && fate != turnedAway && !(fate == vanished && w.missed[w.row.attempt]):
		return fmt.Sprintf("%s is said, and the submission may be booked", state)
	case (state.Following() || state == Succeeded || state == Failed) && fate != booked:
		return fmt.Sprintf("%s is said, and Loop did not accept it", state)
	case quiet && !w.faulty && state.Open():
		return fmt.Sprintf("nobody is at it any more, and it is %s", state)
	default:
		return ""
	}
}

// checkAllCanSettle finds worlds from which the row can never become final.
func (e *explorer) checkAllCanSettle() {
	can := make([]bool, len(e.worlds))
	var queue []int32
	for i, w := range e.worlds {
		if w.row.exists && states[w.row.state].Final() {
			can[i] = true
			queue = append(queue, int32(i))
		}
	}
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, before := range e.back[at] {
			if !can[before] {
				can[before] = true
				queue = append(queue, before)
			}
		}
	}
	for i := range e.worlds {
		if !can[i] {
			e.broken = "it can never settle\n" + e.trace(e.parent[i], e.label[i], int32(i))
			return
		}
	}
}

func (e *explorer) trace(from int32, last string, at int32) string {
	lines := []string{fmt.Sprintf("  %s  → %+v", last, e.worlds[at].row)}
	for i := from; i > 0; i = e.parent[i] {
		lines = append(lines, fmt.Sprintf("  %s  → %s %+v", e.label[i], states[e.worlds[i].row.state], e.worlds[i].row))
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

func settings() []setting {
	return []setting{
		{name: "one process, one call at a time", programs: 1, shared: true, crashes: 2},
		{name: "one process, two calls", programs: 2, shared: true, crashes: 1},
		{name: "two processes", programs: 2, crashes: 1},
	}
}

func TestEveryRunOfTheModelKeepsThePromise(t *testing.T) {
	for _, setting := range settings() {
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			e := &explorer{rules: design(), setting: setting}
			e.run()
			if e.broken != "" {
				t.Fatal(e.broken)
			}
			finals := make(map[State]int)
			for _, w := range e.worlds {
				if w.row.exists {
					finals[states[w.row.state]]++
				}
			}
			for _, state := range States() {
				if finals[state] == 0 {
					t.Errorf("the model never came to %s", state)
				}
			}
			t.Logf("%d states, %d steps: %v", len(e.worlds), e.edges, finals)
		})
	}
}

func TestTheModelNoticesBrokenRules(t *testing.T) {
	change := func(from State, happens event, to State) func(*rules) {
		return func(r *rules) {
			r.next = func(s State, e event) (State, error) {
				switch {
				case s != from || e != happens:
					return next(s, e)
				case to == "":
					return s, ErrTransition
				default:
					return to, nil
				}
			}
		}
	}
	whoever := func(but func(event) bool) func(*rules) {
		return func(r *rules) {
			owns := r.owns
			r.owns = func(s status, attempt int, owner string, what event) bool {
				return but(what) || owns(s, attempt, owner, what)
			}
		}
	}
	anyLease := func(r *rules) { r.covers = func(int64, int64, time.Duration) bool { return true } }
	for name, test := range map[string]struct {
		mutate func(*rules)
		want   string
	}{
		"SUBMITTING after the lease has ended": {
			func(r *rules) {
				change(NotSent, submit, Submitting)(r)
				covers := r.covers
				r.covers = func(until, now int64, call time.Duration) bool { return until == 0 || covers(until, now, call) }
			}, "NOT_SENT became SUBMITTING",
		},
		"whoever had an earlier attempt sends": {
			whoever(func(what event) bool { return what == submit }), "an attempt was sent after it was said to have booked nothing",
		},
		"whoever had an earlier attempt settles": {
			whoever(func(what event) bool { return what != submit }), "a call was given up within its limit, while its owner lives",
		},
		"a lease that ends during the call": {anyLease, "a call was given up within its limit"},
		"a lost owner that is taken for one that did not send": {
			change(Submitting, abandon, NotSent), "NOT_SENT is said, and the submission may be booked",
		},
		"a lost answer that is taken for none": {
			change(Submitting, lose, NotSent), "NOT_SENT is said, and the submission may be booked",
		},
		"UNCERTAIN sent again":           {change(Uncertain, retake, Received), "UNCERTAIN led to another attempt"},
		"FAILED sent again":              {change(Failed, retake, Received), "FAILED led to another attempt"},
		"a late answer that is dropped":  {change(Uncertain, accept, ""), "what Loop accepted cannot be noted"},
		"a late success that is dropped": {change(Uncertain, complete, ""), "what Loop accepted cannot be noted"},
		"a success that was never told":  {change(Submitting, abandon, Succeeded), "SUCCEEDED is said, and Loop did not accept it"},
		"a look at once that is taken for proof": {
			func(r *rules) { r.resubmitAfter = 0 }, "UNCERTAIN led to another attempt",
		},
		"a person's no that is taken for a yes": {change(Uncertain, stateAbsent, Succeeded), "SUCCEEDED is said, and Loop did not accept it"},
		"a person's yes that is taken for a no": {change(Uncertain, stateBooked, NotSent), "UNCERTAIN became NOT_SENT"},
		"an answer about an earlier attempt": {
			func(r *rules) {
				r.concerns = func(asked subject, s status) bool { return asked.loopID == s.loopID || asked.attempt < s.attempt }
			}, "an answer about attempt 1 settles attempt 2",
		},
		"an answer about another of Loop's ids": {
			func(r *rules) {
				r.concerns = func(asked subject, s status) bool { return asked.attempt == s.attempt }
			}, "an answer about another of Loop's ids settles",
		},
		"a blind look that is taken for proof": {
			func(r *rules) { r.proof = func(s status) int64 { return max(s.absent, s.unproven) } }, "UNCERTAIN led to another attempt",
		},
		"a last word that is dropped":    {change(Uncertain, succeed, ""), "what Loop says at last cannot be noted"},
		"a dead owner whose row is left": {change(Submitting, abandon, ""), "it can never settle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, setting := range settings() {
				e := &explorer{rules: design(), setting: setting}
				test.mutate(&e.rules)
				e.run()
				if e.broken != "" {
					found = append(found, e.broken)
					t.Logf("%s, after %d states: %s", setting.name, len(e.worlds), e.broken)
					break
				}
			}
			if len(found) == 0 || !strings.Contains(found[0], test.want) {
				t.Errorf("found %q and not %q", found, test.want)
			}
		})
	}
}
