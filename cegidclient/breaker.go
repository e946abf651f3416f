package cegidclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// BreakerPolicy stops calls for a while when Loop seems to be down. Zero values are the defaults.
//
// A breaker of a library counts what has ended, and then tries one call, however long that takes. A Loop that hangs
// would be noticed after the time-outs of ten calls, and its return after one more; so this one is our own.
type BreakerPolicy struct {
	// Failures in a row (5xx, network, attempt time-outs) that open it. Default 10.
	Failures int
	// OpenFor is the pause between two trial calls while it is open. Default 1 s.
	OpenFor time.Duration
	// Silence is how long a read may be without an answer before it speaks for a Loop that hangs: three such reads, and no
	// answer to anything asked since the first of them, open it. Default 5 s, twice as long as reads took lately, and the time
	// of an attempt at most. Trial reads have as long, but for one at a time.
	Silence time.Duration
	// Disabled leaves it closed for ever.
	Disabled bool
	// Turned is told when it opens and closes. It must be quick.
	Turned func(BreakerTurn)
}

// BreakerTurn is a circuit breaker that opens or closes.
type BreakerTurn struct {
	Open bool
	// Why it opened.
	Why string
	// OpenFor is how long it was open, when it closes.
	OpenFor time.Duration
}

const silentReads = 3

// trial is how an attempt is made while calls are paused.
type trial uint8

const (
	noTrial      trial = iota
	quickTrial         // a read that has no longer than the silence, so that Loop's return is seen soon
	patientTrial       // a read that has all the time of an attempt, so that a Loop that is back, and slow, can answer
	writeTrial         // a write, which has a time of its own

	trials = iota
)

// mostTrials are under way at a time.
var mostTrials = [trials]int{quickTrial: 5, patientTrial: 1, writeTrial: 1}

func (p BreakerPolicy) withDefaults(attempt time.Duration) BreakerPolicy {
	setDefault(&p.Failures, 10)
	setDefault(&p.OpenFor, time.Second)
	setDefault(&p.Silence, 5*time.Second)
	p.Silence = min(p.Silence, attempt)
	return p
}

// breaker counts 5xx, network failures and silence only: a 4xx is an answer, and a caller who goes away proves nothing.
type breaker struct {
	policy  BreakerPolicy
	attempt time.Duration // what a read may take
	most    int           // reads whose silence opens it
	count   *brakes

	mu       sync.Mutex
	open     bool
	since    time.Time // open
	next     time.Time // the next trial
	trials   [trials]int
	slowest  time.Duration // that a read took lately, and was answered
	failures int           // in a row
	answers  int
	silent   int // reads asked since the last answer that are without one for too long
	waiting  map[*passage]struct{}
}

// passage is one attempt on its way through the breaker.
type passage struct {
	trial      trial
	class      Class
	conclusive bool // it says something of Loop's health
	answers    int  // of the breaker when the attempt began
	began      time.Time
	paused     chan struct{} // closed when it is let go while it waits for its turn
	silence    *time.Timer
}

var errPaused = errors.New("calls are paused")

func newBreaker(p BreakerPolicy, attempt time.Duration, places int, count *brakes) *breaker {
	b := &breaker{
		policy: p.withDefaults(attempt), attempt: attempt, most: min(silentReads, places-1), count: count,
		waiting: map[*passage]struct{}{},
	}
	count.state = b.state
	return b
}

func (b *breaker) state() BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.open && (b.trials != [trials]int{} || !time.Now().Before(b.next)):
		return BreakerHalfOpen
	case b.open:
		return BreakerOpen
	}
	return BreakerClosed
}

// intercept runs before the admission: nobody waits for a turn to call a Loop that is down, and who waits when that turns out
// is let go.
func (b *breaker) intercept(ctx context.Context, call *Call, next Next) (*Response, error) {
	if b.policy.Disabled || call.probe { // a probe asks Loop itself, and is no evidence for others
		return next(ctx, call)
	}
	p, err := b.enter(call)
	if err != nil {
		return nil, err
	}
	defer b.leave(p) // also when a hook panics
	if p.trial == noTrial && !b.await(p) {
		return nil, b.refusal(p.class)
	}
	call.tally.passage, call.tally.within = p, 0
	turn := ctx
	if p.trial == quickTrial || p.trial == patientTrial { // what hangs may hold all places: no long wait for one of them
		latest := time.Now().Add(b.policy.OpenFor)
		if by, ok := ctx.Value(turnByKey{}).(time.Time); !ok || latest.Before(by) {
			turn = context.WithValue(ctx, turnByKey{}, latest)
		}
	}
	resp, err := next(turn, call)
	switch e, ok := asError(err); {
	case ok && e.err == errPaused && ctx.Err() == nil:
		return nil, b.refusal(p.class)
	case ok && e.Kind == KindBusy && p.trial != noTrial && p.class != ClassWrite: // not a write with too little time, which asks nothing
		p.conclusive = true // its turn to try is used up
		return nil, b.refusal(p.class)
	}
	return resp, err
}

// watch runs after the admission: the attempt begins.
func (b *breaker) watch(ctx context.Context, call *Call, next Next) (*Response, error) {
	p := call.tally.passage
	if p == nil {
		return next(ctx, call)
	}
	silence, ok := b.begin(p)
	if !ok {
		return nil, b.refusal(p.class)
	}
	if p.trial == quickTrial {
		call.tally.within = silence
	}
	resp, err := next(ctx, call)
	switch e, ok := asError(err); {
	case err != nil && (!ok || e.Local || e.Kind == KindInterrupted):
	case ok && e.Kind == KindUnavailable:
		p.conclusive = true
		b.failed()
	default:
		p.conclusive = true
		b.answered(p)
	}
	return resp, err
}

func (b *breaker) enter(call *Call) (*passage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &passage{class: call.class(), paused: make(chan struct{})}
	if !b.open {
		return p, nil
	}
	now, how := time.Now(), quickTrial
	switch {
	case p.class == ClassWrite:
		how = writeTrial
	case b.trials[patientTrial] < mostTrials[patientTrial]:
		how = patientTrial
	}
	// One call is not tried twice, which would take as long twice.
	if now.Before(b.next) || b.trials[how] >= mostTrials[how] || call.Attempt > 1 {
		return nil, b.pausedLocked(p.class, now)
	}
	b.next = now.Add(b.policy.OpenFor)
	p.trial = how
	b.trials[how]++
	return p, nil
}

// await notes who may have to be let go while waiting; false when calls are paused by now.
func (b *breaker) await(p *passage) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		return false
	}
	b.waiting[p] = struct{}{}
	return true
}

// begin gives how long the attempt may be without an answer; false when it may not begin.
func (b *breaker) begin(p *passage) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, waits := b.waiting[p]
	if p.trial == noTrial && !waits { // let go in the moment of its turn
		return 0, false
	}
	delete(b.waiting, p)
	p.answers, p.began = b.answers, time.Now()
	silence := min(max(b.policy.Silence, 2*b.slowest), b.attempt)
	if p.class != ClassWrite {
		p.silence = time.AfterFunc(silence, func() { b.unanswered(p, silence) })
	}
	return silence, true
}

func (b *breaker) leave(p *passage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, p)
	if p.silence != nil {
		p.silence.Stop()
	}
	if p.trial != noTrial {
		b.trials[p.trial]--
		if !p.conclusive {
			b.next = time.Now() // another may try
		}
	}
}

func (b *breaker) unanswered(p *passage, silence time.Duration) {
	b.mu.Lock()
	var turn *BreakerTurn
	if p.answers == b.answers {
		if b.silent++; b.silent >= b.most {
			turn = b.openLocked(fmt.Sprintf("%d reads are without an answer for %s", b.silent, silence))
		}
	}
	b.mu.Unlock()
	b.tell(turn)
}

func (b *breaker) failed() {
	b.mu.Lock()
	var turn *BreakerTurn
	if b.failures++; b.failures >= b.policy.Failures {
		turn = b.openLocked(fmt.Sprintf("%d failures in a row", b.failures))
	}
	b.mu.Unlock()
	b.tell(turn)
}

func (b *breaker) answered(p *passage) {
	b.mu.Lock()
	b.answers++
	b.count.answers.Add(1)
	if p.class != ClassWrite {
		b.slowest = max(time.Since(p.began), b.slowest-b.slowest/8)
	}
	b.failures, b.silent = 0, 0
	var turn *BreakerTurn
	if b.open {
		b.open = false
		turn = &BreakerTurn{OpenFor: time.Since(b.since)}
	}
	b.mu.Unlock()
	b.tell(turn)
}

func (b *breaker) openLocked(why string) *BreakerTurn {
	if b.open {
		return nil
	}
	b.open, b.since = true, time.Now()
	b.next = b.since.Add(b.policy.OpenFor)
	for p := range b.waiting {
		close(p.paused)
	}
	clear(b.waiting)
	return &BreakerTurn{Open: true, Why: why}
}

func (b *breaker) tell(turn *BreakerTurn) {
	if turn != nil && b.policy.Turned != nil {
		b.policy.Turned(*turn)
	}
}

func (b *breaker) refusal(class Class) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pausedLocked(class, time.Now())
}

func (b *breaker) pausedLocked(class Class, now time.Time) *Error {
	b.count.of[class].paused.Add(1)
	return &Error{
		Kind: KindUnavailable, Local: true, RetryAfter: max(b.next.Sub(now), time.Second), // the trial calls soon show how Loop is
		NoMore: StoppedByBreaker, detail: "Loop failed several times in a row; calls are paused",
	}
}
