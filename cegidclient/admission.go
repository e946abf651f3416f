package cegidclient

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Class says what an attempt on Loop is for. Each class has places of its own, so that none keeps another out.
type Class int

// The classes.
const (
	// ClassRead: whatever may be sent again.
	ClassRead Class = iota
	// ClassWrite: whatever may not.
	ClassWrite
	// ClassPoll: the question what became of an import.
	ClassPoll

	classes = iota
)

// String gives the stable name, fit for a metric label.
func (c Class) String() string { return [classes]string{"read", "write", "poll"}[c] }

// MinConcurrency is the least [Limits.Concurrency]: a place for each class.
const MinConcurrency = int(classes)

type partyKey struct{}

// WithParty names the party that the calls with the context are made for. Where attempts wait for their turn, parties take turns:
// however many calls one of them has waiting, another one's next call waits for one of each. Calls without a name are of
// one party, too.
func WithParty(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, partyKey{}, name)
}

type turnByKey struct{}

// WithTurnBy bounds the wait of the calls made with the context for their turn, on top of [Limits.Wait]: for an owner who
// begins the same call more than once and has one wait for all. The call itself has its own time.
func WithTurnBy(ctx context.Context, latest time.Time) context.Context {
	return context.WithValue(ctx, turnByKey{}, latest)
}

type patienceKey struct{}

// WithPatience bounds the calls made with the context by a deadline that may still move. It is for an owner that callers wait
// for, who come and go: until says when the last of them leaves, and the owner ends the context then. A deadline of the context
// itself must not move: time-outs are measured by it.
func WithPatience(ctx context.Context, until func() (at time.Time, ends bool)) context.Context {
	return context.WithValue(ctx, patienceKey{}, until)
}

// deadlineOf is the deadline of a context, or the end of its owner's patience.
func deadlineOf(ctx context.Context) (time.Time, bool) {
	deadline, ok := ctx.Deadline()
	if until, has := ctx.Value(patienceKey{}).(func() (time.Time, bool)); has {
		if at, ends := until(); ends && (!ok || at.Before(deadline)) {
			return at, true
		}
	}
	return deadline, ok
}

// shares are how the places of a practice are divided. Kept places are never lent.
type shares struct {
	kept   [classes]int
	shared int // of reads and writes
	// reads is the most of the shared places that reads take while a write waits.
	reads int
}

func sharesOf(places int) shares {
	var s shares
	s.kept[ClassRead], s.kept[ClassPoll] = max(1, places/4), max(1, places/8)
	s.shared = places - s.kept[ClassRead] - s.kept[ClassPoll]
	s.reads = s.shared * 3 / 5
	return s
}

// maxWaiting bounds each class's line.
const maxWaiting = 1000

// admission is the one way to Loop of a practice's attempts, whichever clients make them: a place for each attempt under
// way, the configured rate, and the end of what a 429 has asked for. An attempt that cannot have its turn in time is
// refused at once, with the time after which to come back.
type admission struct {
	gate *Gate

	mu    sync.Mutex
	rate  *rate.Limiter // nil without
	wait  time.Duration // the longest for a turn
	most  [classes]time.Duration
	share shares
	lines [classes]line
	last  Class // whose turn it was
	timer *time.Timer
}

// line are the attempts of a class: those under way and those that wait.
type line struct {
	underWay []*place
	took     time.Duration // an attempt, lately; 0 before the first one has ended

	waiting map[string][]*waiter // by party, those who came first in front
	order   []string             // of the parties that wait, the next one in front
	n       int
	since   time.Time // when the first of those came who have waited here without a break
}

// place is what an attempt under way holds.
type place struct {
	class Class
	at    int // in underWay
	began time.Time
}

// waiter is an attempt that waits.
type waiter struct {
	class        Class
	party        string
	key          gateKey
	probe        bool
	came, latest time.Time
	paused       <-chan struct{} // closed when the breaker lets it go; nil where it never does
	turn         chan error      // nil is the turn, with the place below; else why there is none
	place        *place
}

// cause is what an attempt waits for.
type cause int

const (
	forPlace cause = iota
	forRate
	forGate

	causes = iota
)

func (a *admission) configure(limits Limits, most [classes]time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.share, a.wait, a.most = sharesOf(limits.Concurrency), limits.Wait, most
	switch {
	case limits.RatePerSecond <= 0:
		a.rate = nil
	case a.rate == nil:
		a.rate = rate.NewLimiter(rate.Limit(limits.RatePerSecond), max(limits.Burst, 1))
	default: // what was taken stays taken
		a.rate.SetLimit(rate.Limit(limits.RatePerSecond))
		a.rate.SetBurst(max(limits.Burst, 1))
	}
	a.dispatch(time.Now())
}

// places are those of a class that no other takes.
func (a *admission) places(class Class) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.share.kept[class]
}

// interceptor is the step of the chain.
func (a *admission) interceptor(count *brakes, o Observer) Interceptor {
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		w := waiter{class: call.class(), probe: call.probe, key: gateKey{subscription: markOf(call.pair.subscription), practice: call.Practice}}
		w.party, _ = ctx.Value(partyKey{}).(string)
		if p := call.tally.passage; p != nil {
			w.paused = p.paused
		}
		came := time.Now()
		place, err := a.take(ctx, &w, call.whole(), &count.of[w.class])
		if o != nil {
			name, _ := outcome(err)
			o.TurnDone(ctx, TurnEvent{
				Operation: call.Operation.ID, Practice: call.Practice, Class: w.class, Attempt: call.Attempt, Outcome: name,
				Duration: time.Since(came),
			})
		}
		if err != nil {
			return nil, err
		}
		answered := false
		defer func() { a.give(place, answered) }() // also when a hook panics
		resp, err := next(ctx, call)
		e, ok := asError(err)
		answered = err == nil || ok && !e.Local && e.Kind != KindInterrupted
		if ok && e.Kind == KindThrottled && !e.Local && e.RetryAfter > 0 && !call.probe {
			a.gate.remember(w.key, e.RetryAfter, time.Now())
		}
		if err == nil {
			a.gate.answered(w.key, place.began)
		}
		return resp, err
	}
}

// class of a call.
func (c *Call) class() Class {
	switch {
	case c.Operation.ID == statusOperation:
		return ClassPoll
	case c.Operation.Resend == ResendAlways:
		return ClassRead
	}
	return ClassWrite
}

// take waits for a place, as long as that is worth it. Its holder gives it back. whole: the attempt must have all of
// the time that it may take.
func (a *admission) take(ctx context.Context, w *waiter, whole bool, count *classBrakes) (*place, error) {
	now := time.Now()
	a.mu.Lock()
	line := &a.lines[w.class]
	w.came, w.latest = now, a.latest(ctx, w.class, whole, now)
	switch {
	case whole && w.latest.Before(now):
		a.mu.Unlock()
		count.busy.Add(1)
		return nil, tooLate(a.most[w.class])
	case line.n == 0 && a.room(w.class) > 0 && a.passes(w, now):
		p := a.hold(w.class, now)
		a.mu.Unlock()
		return p, nil
	}
	wait, cause := a.outlook(w, line.ahead(w.party, line.own(w.party, a.crowded(line, now))), now)
	if now.Add(wait).After(w.latest) || line.n >= maxWaiting {
		err := a.refusal(w, max(wait, a.drain(w, now)), cause)
		a.mu.Unlock()
		count.refused(err)
		return nil, err
	}
	w.turn = make(chan error, 1)
	line.join(w)
	a.dispatch(now)
	a.shed(w.class, now)
	a.mu.Unlock()
	defer count.waited(cause, now)
	return a.await(ctx, w, count)
}

// latest is when an attempt must have its turn.
func (a *admission) latest(ctx context.Context, class Class, whole bool, now time.Time) time.Time {
	latest := now.Add(a.wait)
	if by, ok := ctx.Value(turnByKey{}).(time.Time); ok && by.Before(latest) {
		latest = by
	}
	if deadline, ok := deadlineOf(ctx); ok {
		needs := a.lines[class].took
		if whole {
			needs = a.most[class]
		}
		if by := deadline.Add(-needs); by.Before(latest) {
			latest = by
		}
	}
	return latest
}

// await waits in line.
func (a *admission) await(ctx context.Context, w *waiter, count *classBrakes) (*place, error) {
	timer := time.NewTimer(time.Until(w.latest))
	defer timer.Stop()
	var err error
	select {
	case err = <-w.turn:
	case <-timer.C:
		if by, ok := ctx.Deadline(); ok && time.Until(by) <= 0 { // in the same moment
			<-ctx.Done()
		}
		err = a.giveUp(w, func(now time.Time) error {
			if ctx.Err() != nil {
				return interrupted(ctx, NotSent, nil)
			}
			wait, cause := a.outlook(w, 0, now)
			return a.refusal(w, max(wait, a.drain(w, now)), cause)
		})
	case <-ctx.Done():
		err = a.giveUp(w, func(time.Time) error { return interrupted(ctx, NotSent, nil) })
	case <-w.paused:
		err = a.giveUp(w, func(time.Time) error { return &Error{Kind: KindInterrupted, err: errPaused} })
	}
	if err == nil && ctx.Err() != nil {
		a.give(w.place, false)
		err = interrupted(ctx, NotSent, nil)
	}
	if err != nil {
		count.refused(err)
		return nil, err
	}
	return w.place, nil
}

// giveUp leaves the line, unless the turn came in the same moment.
func (a *admission) giveUp(w *waiter, why func(now time.Time) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.dispatch(now) // what is due in this very moment
	if !a.lines[w.class].leave(w) {
		return <-w.turn
	}
	err := why(now)
	a.dispatch(now) // without a write that waits there is more for reads
	return err
}

// give gives a place back. answered: how long it was held tells how long Loop takes.
func (a *admission) give(p *place, answered bool) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	line := &a.lines[p.class]
	last := len(line.underWay) - 1
	line.underWay[p.at] = line.underWay[last]
	line.underWay[p.at].at = p.at
	line.underWay[last] = nil
	line.underWay = line.underWay[:last]
	switch took := now.Sub(p.began); {
	case line.took == 0 && answered:
		line.took = took
	case answered, took > line.took: // at least so long
		line.took += (took - line.took) / 8
	}
	if a.waiting() > 0 {
		a.dispatch(now)
		for class := range a.lines {
			a.shed(Class(class), now)
		}
	}
}

func (a *admission) waiting() (n int) {
	for class := range a.lines {
		n += a.lines[class].n
	}
	return n
}

func (a *admission) hold(class Class, now time.Time) *place {
	line := &a.lines[class]
	p := &place{class: class, at: len(line.underWay), began: now}
	line.underWay = append(line.underWay, p)
	a.last = class
	return p
}

// room is how many more of a class may be under way.
func (a *admission) room(class Class) int {
	reads, writes := len(a.lines[ClassRead].underWay), len(a.lines[ClassWrite].underWay)
	kept := a.share.kept[class] - len(a.lines[class].underWay)
	if class == ClassPoll {
		return kept
	}
	borrowed := max(0, reads-a.share.kept[ClassRead])
	shared := max(0, a.share.shared-borrowed-writes)
	if class == ClassWrite {
		return shared
	}
	if a.lines[ClassWrite].n > 0 {
		shared = min(shared, a.share.reads-borrowed)
	}
	return max(0, kept) + max(0, shared)
}

// passes says whether neither rate nor gate holds an attempt back, and takes its part of the rate.
func (a *admission) passes(w *waiter, now time.Time) bool {
	if w.probe { // somebody wants to know what Loop says, now
		return true
	}
	if a.gate.refused(w.key, now) > 0 {
		return false
	}
	return a.rate == nil || a.waiting() == 0 && a.rate.AllowN(now, 1)
}

// dispatch gives out what there is: to classes in turn, within a class to parties in turn.
func (a *admission) dispatch(now time.Time) {
	var wake time.Duration
	for blocked := [classes]bool{}; ; {
		class, ok := a.next(blocked)
		if !ok {
			break
		}
		line := &a.lines[class]
		w := line.first(a.crowded(line, now))
		wait := time.Duration(0)
		if !w.probe {
			if wait = a.gate.refused(w.key, now); wait == 0 && a.rate != nil {
				turn := a.rate.ReserveN(now, 1)
				if wait = turn.DelayFrom(now); wait > 0 {
					turn.CancelAt(now)
				}
			}
		}
		if wait > 0 {
			blocked[class] = true
			if wake == 0 || wait < wake {
				wake = wait
			}
			continue
		}
		line.leave(w)
		line.yield(w.party)
		w.place = a.hold(class, now)
		w.turn <- nil
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	if wake > 0 {
		a.timer = time.AfterFunc(wake, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.dispatch(time.Now())
		})
	}
}

// next is the class whose turn it is.
func (a *admission) next(blocked [classes]bool) (Class, bool) {
	for i := range Class(classes) {
		class := (a.last + 1 + i) % classes
		if a.lines[class].n > 0 && !blocked[class] && a.room(class) > 0 {
			return class, true
		}
	}
	return 0, false
}

// crowded: a line that has not been empty for a while is longer than a burst, and will not be worked off. Then those who
// came last go first: those who came first have the least time left, and the places would go to calls that nobody waits
// for any more.
func (a *admission) crowded(l *line, now time.Time) bool {
	return l.n > 0 && now.Sub(l.since) > a.wait/4
}

// shed refuses those in a line who will not have their turn in time, as far as it can be told.
func (a *admission) shed(class Class, now time.Time) {
	line := &a.lines[class]
	for line.n > 0 {
		w := line.worst(a.crowded(line, now))
		wait, cause := a.outlook(w, line.ahead(w.party, len(line.waiting[w.party])-1), now)
		if !now.Add(wait).After(w.latest) {
			return
		}
		line.leave(w)
		w.turn <- a.refusal(w, max(wait, a.drain(w, now)), cause)
	}
}

// outlook is how long it takes until an attempt has its turn with so many of its class ahead of it, and what keeps it most.
func (a *admission) outlook(w *waiter, ahead int, now time.Time) (wait time.Duration, why cause) {
	wait = a.untilFree(w.class, ahead, now)
	if w.probe {
		return wait, forPlace
	}
	if a.rate != nil {
		before := ahead
		for class := range a.lines {
			if Class(class) != w.class {
				before += min(a.lines[class].n, ahead+1)
			}
		}
		missing := float64(before+1) - a.rate.TokensAt(now)
		if paced := time.Duration(max(0, missing) / float64(a.rate.Limit()) * float64(time.Second)); paced > wait {
			wait, why = paced, forRate
		}
	}
	if shut := a.gate.refused(w.key, now); shut > wait {
		wait, why = shut, forGate
	}
	return wait, why
}

// drain is how long it takes until those who wait now have had their turn.
func (a *admission) drain(w *waiter, now time.Time) time.Duration {
	return a.untilFree(w.class, a.lines[w.class].n, now)
}

// untilFree is how long it takes until a place of a class is free with so many ahead. It goes by how long attempts have
// taken lately, and those under way so far.
func (a *admission) untilFree(class Class, ahead int, now time.Time) time.Duration {
	free := a.room(class)
	if ahead < free {
		return 0
	}
	ahead -= free
	ends := a.ends(class, now)
	if class == ClassWrite {
		if borrowed := len(a.lines[ClassRead].underWay) - a.share.kept[ClassRead]; borrowed > 0 {
			reads := a.ends(ClassRead, now)
			ends = append(ends, reads[:borrowed]...)
			slices.Sort(ends)
		}
	}
	if len(ends) == 0 {
		return 0
	}
	took := a.lines[class].took
	if took == 0 {
		took = ends[len(ends)-1]
	}
	return ends[ahead%len(ends)] + time.Duration(ahead/len(ends))*took
}

// ends are when the attempts of a class under way will be over, the next one first.
func (a *admission) ends(class Class, now time.Time) []time.Duration {
	line := &a.lines[class]
	ends := make([]time.Duration, len(line.underWay))
	for i, place := range line.underWay {
		age := now.Sub(place.began)
		if ends[i] = line.took - age; ends[i] < 0 { // slower than the others: as late again, if it may
			ends[i] = min(-ends[i], max(0, a.most[class]-age))
		}
	}
	slices.Sort(ends)
	return ends
}

// refusal is the error of an attempt that will not have its turn in time.
func (a *admission) refusal(w *waiter, wait time.Duration, why cause) *Error {
	switch why {
	case forGate:
		return &Error{Kind: KindThrottled, Local: true, RetryAfter: wait, detail: "Loop throttled this practice a moment ago"}
	case forRate:
		return &Error{Kind: KindThrottled, Local: true, RetryAfter: min(wait, maxRetryAfter), detail: overRate}
	}
	wait = min(max(wait, time.Second), maxComeBack)
	wait += rand.N(wait/4 + 1) // not all of them at once
	return &Error{
		Kind: KindBusy, Local: true, RetryAfter: wait,
		detail: fmt.Sprintf("%d calls of its kind wait for Loop, and it would not have its turn in time", a.lines[w.class].n),
	}
}

// maxComeBack is the longest that somebody is told to stay away because of a line.
const maxComeBack = time.Minute

const overRate = "over the rate configured for this practice"

// tooLate is the error of a write that must not be begun: there would be no time for its answer.
func tooLate(whole time.Duration) *Error {
	return &Error{
		Kind: KindBusy, Local: true, RetryAfter: time.Second,
		detail: fmt.Sprintf("too little time was left for a whole call, which may take %s", whole),
	}
}

// join puts an attempt at the end of its party's.
func (l *line) join(w *waiter) {
	if l.n == 0 {
		l.since = w.came
	}
	if l.waiting == nil {
		l.waiting = map[string][]*waiter{}
	}
	if len(l.waiting[w.party]) == 0 {
		l.order = append(l.order, w.party)
	}
	l.waiting[w.party] = append(l.waiting[w.party], w)
	l.n++
}

// leave takes an attempt out; false when it is not in line any more.
func (l *line) leave(w *waiter) bool {
	at := slices.Index(l.waiting[w.party], w)
	if at < 0 {
		return false
	}
	l.n--
	l.waiting[w.party] = slices.Delete(l.waiting[w.party], at, at+1)
	if len(l.waiting[w.party]) == 0 {
		delete(l.waiting, w.party)
		l.order = slices.DeleteFunc(l.order, func(party string) bool { return party == w.party })
	}
	return true
}

// yield lets the other parties go first after a party's turn.
func (l *line) yield(party string) {
	if at := slices.Index(l.order, party); at >= 0 {
		l.order = append(slices.Delete(l.order, at, at+1), party)
	}
}

// first is whose turn it is.
func (l *line) first(crowded bool) *waiter {
	waiting := l.waiting[l.order[0]]
	if crowded {
		return waiting[len(waiting)-1]
	}
	return waiting[0]
}

// worst is who has his turn last: of the party that has most waiting.
func (l *line) worst(crowded bool) *waiter {
	var most []*waiter
	for _, party := range l.order {
		if waiting := l.waiting[party]; len(waiting) >= len(most) {
			most = waiting
		}
	}
	if crowded {
		return most[0]
	}
	return most[len(most)-1]
}

// own is how many of its party's come before an attempt that comes now.
func (l *line) own(party string, crowded bool) int {
	if crowded {
		return 0
	}
	return len(l.waiting[party])
}

// ahead is how many come before an attempt that so many of its party's come before.
func (l *line) ahead(party string, own int) int {
	n := own
	for other, waiting := range l.waiting {
		if other != party {
			n += min(len(waiting), own+1)
		}
	}
	return n
}
