package cegidclient

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// RetryPolicy says how often an operation that may be re-sent is tried. Zero values are the defaults.
type RetryPolicy struct {
	// Attempts of a call, the first included. Default 3; 1 turns retries off.
	Attempts int
	// AttemptTimeout bounds one attempt of an operation that may be re-sent. Default 10 s.
	AttemptTimeout time.Duration
	// SubmissionTimeout bounds the one attempt of every other operation. Default 60 s. What books or stores is begun only
	// while its context has all of that time left: its answer must arrive. Else it is refused as [KindBusy].
	SubmissionTimeout time.Duration
	// BaseDelay doubles with each retry, up to MaxDelay; the pause is drawn between zero and that. Default 100 ms, 2 s.
	BaseDelay, MaxDelay time.Duration
	// ThrottledDelay is the base after a 429. Default 1 s.
	ThrottledDelay time.Duration
	// MaxRetryAfter caps the time slept for a Retry-After. Default 30 s.
	MaxRetryAfter time.Duration
	// Budget is the number of retries that the client has in hand: a retry costs one, a success gives
	// BudgetPerSuccess back. Default 10 and 0.3: a fifth of failures can be made up for, and an outage is not multiplied.
	Budget, BudgetPerSuccess float64
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	setDefault(&p.Attempts, 3)
	setDefault(&p.AttemptTimeout, 10*time.Second)
	setDefault(&p.SubmissionTimeout, 60*time.Second)
	setDefault(&p.BaseDelay, 100*time.Millisecond)
	setDefault(&p.MaxDelay, 2*time.Second)
	setDefault(&p.ThrottledDelay, time.Second)
	setDefault(&p.MaxRetryAfter, 30*time.Second)
	setDefault(&p.Budget, 10)
	setDefault(&p.BudgetPerSuccess, 0.3)
	return p
}

func setDefault[T int | float64 | time.Duration | int64](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// retrier is the retry interceptor. It works on calls, not attempts, because only there is known what may be
// re-sent: an operation whose Resend is not "always" gets exactly one attempt, whatever happens.
type retrier struct {
	policy  RetryPolicy
	keys    *keyring
	budget  *budget
	count   *brakes
	jitter  func(time.Duration) time.Duration
	waiting func(context.Context, time.Duration) error
}

func newRetrier(p RetryPolicy, keys *keyring, count *brakes) *retrier {
	return &retrier{
		policy: p, keys: keys, count: count, budget: newBudget(p.Budget, p.BudgetPerSuccess),
		jitter: fullJitter, waiting: sleep,
	}
}

func (r *retrier) intercept(ctx context.Context, call *Call, next Next) (*Response, error) {
	t := &retrial{retrier: r, call: call, attempts: 1}
	if call.Operation.Resend == ResendAlways && !call.single {
		t.attempts = r.policy.Attempts
	}
	t.wanted.primary = call.probe
	for attempt := 1; ; attempt++ {
		p, err := r.keys.pick(ctx, call.Operation.Key, t.wanted)
		if err != nil {
			return nil, err
		}
		this := *call
		this.Attempt, this.pair = attempt, p
		resp, err := next(ctx, &this)
		if err == nil {
			r.budget.earn()
			r.keys.accepted(p)
			r.judged(call, true)
			return resp, nil
		}
		e, ok := asError(err)
		if !ok {
			return nil, err // the before-send hook's own error
		}
		if t.charged && call.tally.attempts < attempt {
			r.budget.refund() // it was not made
		}
		t.charged = false
		if e.Kind == KindInterrupted {
			return nil, interrupted(ctx, call.tally.sent, t.last)
		}
		t.note(e, resp, p)
		if resp, err := t.awaitNext(ctx, attempt, e, p); err != nil {
			return resp, err
		}
	}
}

// retrial is a call while its attempts fail.
type retrial struct {
	*retrier
	call       *Call
	attempts   int    // at most
	last       *Error // what Loop said last
	lastResp   *Response
	wanted     choice
	triedOther bool
	charged    bool // the attempt is a retry that the budget paid for
}

// note keeps what an attempt failed with, and what that says of its key.
func (t *retrial) note(e *Error, resp *Response, p *pair) {
	if !e.Local || t.last == nil {
		t.last, t.lastResp = e, resp
	} else {
		// A refusal of our own says when, Loop's says what.
		why := StoppedByTurn
		if e.NoMore != "" {
			why = e.NoMore
		}
		t.last = stopped(t.last, why, max(e.RetryAfter, t.last.RetryAfter))
	}
	if provesKey(e) {
		t.keys.accepted(p)
		t.judged(t.call, true)
	}
	if e.HTTPStatus == http.StatusUnauthorized && (p.count == 1 || t.triedOther) {
		t.judged(t.call, false)
	}
}

// awaitNext returns once another attempt may begin, or with what the call ends with.
func (t *retrial) awaitNext(ctx context.Context, attempt int, e *Error, p *pair) (*Response, error) {
	turnedAway := e.HTTPStatus == http.StatusUnauthorized
	otherLeft := turnedAway && p.count > 1 && !t.triedOther
	if attempt >= t.attempts && (!otherLeft || !t.call.probe) {
		if turnedAway && t.call.Operation.Resend != ResendAlways {
			t.keys.prefer(p.other()) // a write is not sent again, but the next one should know better
		}
		if t.attempts > 1 && retriable(e) {
			t.last = stopped(t.last, StoppedByAttempts, t.last.RetryAfter)
		}
		return t.lastResp, t.last
	}
	if otherLeft {
		// Not charged to the budget: it happens once, and a budget spent by a bad key must not keep the good
		// one from being found.
		t.triedOther, t.wanted = true, p.other()
		return nil, nil
	}
	if !retriable(e) {
		return t.lastResp, t.last
	}
	if ctx.Err() != nil {
		return nil, interrupted(ctx, t.call.tally.sent, t.last)
	}
	wait := max(t.delay(e, attempt), e.RetryAfter)
	if wait > timeLeft(ctx) {
		return t.lastResp, stopped(t.last, StoppedByDeadline, max(wait, t.last.RetryAfter))
	}
	if !t.budget.spend() {
		return t.lastResp, stopped(t.last, StoppedByBudget, t.last.RetryAfter)
	}
	t.charged = true
	if t.waiting(ctx, min(wait, t.policy.MaxRetryAfter)) != nil {
		t.budget.refund()
		return nil, interrupted(ctx, t.call.tally.sent, t.last)
	}
	return nil, nil
}

// judged counts a call that Loop let in, or turned away with each subscription key. A probe asks for itself.
func (r *retrier) judged(call *Call, in bool) {
	switch {
	case call.probe:
	case in:
		r.count.rejections.Store(0)
	default:
		r.count.rejections.Add(1)
	}
}

// retriable: Loop's throttling, and an unavailable Loop. Not what was refused here: the admission has waited as long as it
// was worth it, and the open breaker is there to fail at once.
func retriable(e *Error) bool {
	return !e.Local && (e.Kind == KindThrottled || e.Kind == KindUnavailable)
}

// provesKey: an answer that only a caller with an accepted subscription key gets.
func provesKey(e *Error) bool {
	return e.Kind == KindRefused || e.Kind == KindDossierNotShared || e.Kind == KindNotFound
}

func (r *retrier) delay(e *Error, attempt int) time.Duration {
	base := r.policy.BaseDelay
	if e.Kind == KindThrottled {
		base = r.policy.ThrottledDelay
	}
	most := float64(base) * math.Pow(2, float64(attempt-1))
	return r.jitter(time.Duration(min(most, float64(r.policy.MaxDelay))))
}

func stopped(e *Error, why StopReason, retryAfter time.Duration) *Error {
	out := *e
	out.NoMore, out.RetryAfter = why, retryAfter
	return &out
}

func fullJitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most + 1)
}

// timeLeft gives the time to the deadline, without one a very long time.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := deadlineOf(ctx)
	if !ok {
		return math.MaxInt64
	}
	return time.Until(deadline)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// budget keeps an outage from being multiplied by the retries of every caller. It counts in thousandths of a
// retry, because ten times 0.1 is not 1.
type budget struct {
	mu                       sync.Mutex
	tokens, most, perSuccess int64
}

const wholeRetry = 1000

func newBudget(most, perSuccess float64) *budget {
	m := int64(most * wholeRetry)
	return &budget{tokens: m, most: m, perSuccess: int64(math.Round(perSuccess * wholeRetry))}
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < wholeRetry {
		return false
	}
	b.tokens -= wholeRetry
	return true
}

func (b *budget) refund() { b.give(wholeRetry) }

func (b *budget) left() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return float64(b.tokens) / wholeRetry
}

func (b *budget) earn() { b.give(b.perSuccess) }

func (b *budget) give(tokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+tokens, b.most)
}
