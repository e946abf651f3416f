package submission

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// pollLimit bounds one question, which is a single attempt: the poller comes again anyway. So does Config.CallLimit.
	pollLimit = 15 * time.Second
	// claimMargin is how much longer than a question a server has an import for itself: it also commits the answer.
	claimMargin = 5 * time.Second
	// Pauses between two rounds of housekeeping. Short leases are looked at five times in their time.
	expireEvery = time.Minute
	retainEvery = time.Hour
	// looksInFirstPoll bounds the looks that events cause.
	looksInFirstPoll = 4
)

// poller asks Loop how accepted imports go: one question at a time for each, however many watch.
type poller struct {
	cfg    Config
	cancel context.CancelFunc
	done   sync.WaitGroup
	signal chan struct{}

	mu sync.Mutex
	// asking are the imports that Loop is being asked about, by practice how many. A practice has as many as Loop lets it have:
	// one that is slow, or throttled, does not hold up the others.
	asking  map[ledger.Key]bool
	running map[string]int
	// free are the practices in which a question has ended, so that there may be the next one to put.
	free map[string]bool
	// recovered are the practices whose stalled imports are worth asking for again, recoveries how often each was.
	recovered  map[string]bool
	recoveries map[string]int
	// leapt are the practices whose Loop has leapt in time, so that all imports are; leaps how often each has.
	leapt map[string]bool
	leaps map[string]int
}

func startPoller(cfg Config) *poller {
	ctx, cancel := context.WithCancel(context.Background())
	p := &poller{
		cfg: cfg, cancel: cancel, signal: make(chan struct{}, 1), asking: map[ledger.Key]bool{}, running: map[string]int{},
		free:      map[string]bool{},
		recovered: map[string]bool{}, recoveries: map[string]int{}, leapt: map[string]bool{}, leaps: map[string]int{},
	}
	p.done.Go(func() { p.run(ctx) })
	p.done.Go(func() { p.keep(ctx) })
	return p
}

func (p *poller) stop() {
	p.cancel()
	p.done.Wait()
}

// look makes the poller look for what is due in a practice.
func (p *poller) look(practice string) {
	p.mu.Lock()
	p.free[practice] = true
	p.mu.Unlock()
	p.wake()
}

func (p *poller) wake() {
	select {
	case p.signal <- struct{}{}:
	default: // it will look anyway
	}
}

// hasten makes the poller ask for what stalled in a practice, without waiting for the ledger.
func (p *poller) hasten(practice string) {
	p.mu.Lock()
	p.recovered[practice] = true
	p.recoveries[practice]++
	p.mu.Unlock()
	p.wake()
}

// leap makes the poller ask for all that is followed in a practice.
func (p *poller) leap(practice string) {
	p.mu.Lock()
	p.leapt[practice] = true
	p.leaps[practice]++
	p.mu.Unlock()
	p.wake()
}

func (p *poller) leapsOf(practice string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaps[practice]
}

// leapAgain is for what was asked before the leap, and answered after it.
func (p *poller) leapAgain(practice string) {
	p.mu.Lock()
	p.leapt[practice] = true // no leap, as in hastenAgain
	p.mu.Unlock()
	p.wake()
}

func (p *poller) recoveriesOf(practice string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.recoveries[practice]
}

// hastenAgain is for what stalls by a question that was put before the practice recovered.
func (p *poller) hastenAgain(practice string) {
	p.mu.Lock()
	p.recovered[practice] = true // no recovery: questions under way would hasten one another without end
	p.mu.Unlock()
	p.wake()
}

// run looks at all practices when something is due, when the log of events says that there may be something else, and once in
// IdlePoll at least. In between it looks at practices in which a question has ended or which have recovered.
func (p *poller) run(ctx context.Context) {
	events, leave := p.cfg.Ledger.Questions()
	defer leave()
	for ctx.Err() == nil {
		done := p.makeDue(ctx)
		looked := time.Now()
		latest := time.Now().Add(p.round(ctx))
		next := time.NewTimer(time.Until(latest))
		by := func(at time.Time) {
			if at.Before(latest) {
				latest = at
				next.Reset(time.Until(at))
			}
		}
		if !done {
			by(looked.Add(p.cfg.FirstPoll))
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				waiting = false
			case <-next.C:
				waiting = false
			case <-events:
				by(looked.Add(p.cfg.FirstPoll / looksInFirstPoll))
			case <-p.signal:
				p.makeDue(ctx)
				p.again(ctx)
				by(time.Now().Add(p.cfg.FirstPoll)) // a question that ended is due again from then on, or has stayed so; or the ledger failed
			}
		}
		next.Stop()
	}
}

// makeDue makes due what is worth asking for again; false when some of it is still to be done.
func (p *poller) makeDue(ctx context.Context) (done bool) {
	p.mu.Lock()
	recovered, leapt := p.recovered, p.leapt
	p.recovered, p.leapt = map[string]bool{}, map[string]bool{}
	p.mu.Unlock()
	done = true
	for _, set := range []struct {
		practices map[string]bool
		left      *map[string]bool
		makeDue   func(context.Context, string) error
	}{{recovered, &p.recovered, p.cfg.Ledger.Hasten}, {leapt, &p.leapt, p.cfg.Ledger.AskNow}} {
		for practice := range set.practices {
			err := set.makeDue(ctx, practice)
			if err == nil {
				p.look(practice)
				continue
			}
			if ctx.Err() == nil {
				p.cfg.Log.Debug("stalled imports are not asked for at once", "practice", practice, "error", err.Error())
			}
			done = false
			p.mu.Lock()
			(*set.left)[practice] = true // not at once, as in begin
			p.mu.Unlock()
		}
	}
	return done
}

// keep settles what owners have left over their lease, and forgets what is old enough.
func (p *poller) keep(ctx context.Context) {
	expire, retain := time.NewTicker(min(expireEvery, p.cfg.Ledger.Lease()/5)), time.NewTicker(retainEvery)
	defer expire.Stop()
	defer retain.Stop()
	var distrusted error // what was logged about the clock
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-expire.C:
			if clock := p.cfg.Ledger.Clock(); clock == nil {
				distrusted = nil
			} else if distrusted == nil {
				distrusted = clock
				p.tellOfClock(clock)
			}
			var expired ledger.Recovered
			if expired, err = p.cfg.Ledger.Expire(ctx); expired.NotSent+expired.Uncertain > 0 {
				p.cfg.Log.Warn("submissions over their lease were settled", "not_sent", expired.NotSent, "uncertain", expired.Uncertain)
			}
		case <-retain.C:
			if _, err = p.cfg.Ledger.Retain(ctx); errors.Is(err, ledger.ErrClock) {
				p.tellOfClock(err)
				continue
			}
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Debug("the ledger could not be kept in order", "error", err.Error())
		}
	}
}

func (p *poller) tellOfClock(why error) {
	p.cfg.Log.Error("the clock of the ledger cannot be trusted: nothing is forgotten and nothing grows older", "error", why.Error())
}

// round begins to ask for what is due in each practice, as far as there is room, and says when to look again.
func (p *poller) round(ctx context.Context) (pause time.Duration) {
	due, next, err := p.cfg.Ledger.Due(ctx, p.longest(), p.room)
	if err != nil {
		p.cannotLook(ctx, err)
		return p.cfg.FirstPoll
	}
	p.begin(ctx, due)
	pause = max(p.cfg.IdlePoll, p.cfg.FirstPoll)
	if len(due) > 0 { // some of it may stay so
		pause = p.cfg.FirstPoll
	}
	if next > 0 {
		pause = min(pause, next)
	}
	return pause
}

// again begins to ask for what is due where a question has ended.
func (p *poller) again(ctx context.Context) {
	p.mu.Lock()
	free := p.free
	p.free = map[string]bool{}
	p.mu.Unlock()
	for practice := range free {
		room := p.room(practice)
		if room == 0 {
			continue
		}
		due, err := p.cfg.Ledger.DueOf(ctx, practice, p.longest(), room)
		if err != nil {
			p.cannotLook(ctx, err)
			return
		}
		p.begin(ctx, due)
	}
}

func (p *poller) cannotLook(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.cfg.Log.Debug("the ledger does not say what is due", "error", err.Error())
	}
}

// longest is the longest pause that any question is given, or that a claim lasts.
func (p *poller) longest() time.Duration {
	return max(p.cfg.StalledPoll, p.cfg.LastPoll, p.limit()+claimMargin) // what is UNCERTAIN has a longer one of the ledger's
}

// places are a practice's questions under way at the most. A practice that is no longer configured has none.
func (p *poller) places(practice string) int {
	if client, known := p.cfg.Client(practice); known {
		return client.PollPlaces()
	}
	return 1
}

// room is how many of a practice to read, so that one more can be asked for; 0 when none can. Those under way may still
// be due, and are read again.
func (p *poller) room(practice string) int {
	places := p.places(practice)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[practice] >= places {
		return 0
	}
	return places
}

func (p *poller) begin(ctx context.Context, due []ledger.Question) {
	for _, question := range due {
		if !p.take(question.Key) {
			continue
		}
		p.done.Go(func() {
			ctx, end := ctx, func() {}
			if p.cfg.Follow != nil {
				ctx, end = p.cfg.Follow(ctx, question.Key)
			}
			more := p.ask(ctx, question)
			end()
			p.release(question.Key)
			if more {
				p.look(question.Practice)
			} else { // it stays due: not at once, which would be a loop without a pause
				p.wake()
			}
		})
	}
}

func (p *poller) take(key ledger.Key) bool {
	places := p.places(key.Practice)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asking[key] || p.running[key.Practice] >= places {
		return false
	}
	p.asking[key] = true
	p.running[key.Practice]++
	return true
}

func (p *poller) release(key ledger.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asking, key)
	if p.running[key.Practice]--; p.running[key.Practice] == 0 {
		delete(p.running, key.Practice)
	}
}

// ask asks Loop once and commits what it says; false when it stays due.
func (p *poller) ask(ctx context.Context, question ledger.Question) (over bool) {
	recoveries, leaps := p.recoveriesOf(question.Practice), p.leapsOf(question.Practice)
	claim := &claim{poller: p, question: question}
	progress, asked := p.safeProgress(ctx, question, claim)
	switch {
	case claim.lost: // another server asks, and it is due no more
		return true
	case !asked, ctx.Err() != nil: // the answer, if any, was cut short by our own end
		return false
	}
	if progress.State == ledger.Succeeded || progress.State == ledger.Failed {
		p.cfg.Ended(question.Practice, question.Dossier)
	}
	err := p.cfg.Ledger.Followed(ctx, question, progress)
	if err == nil && progress.FollowError != "" && p.recoveriesOf(question.Practice) != recoveries {
		p.hastenAgain(question.Practice)
	}
	if err == nil && p.leapsOf(question.Practice) != leaps {
		p.leapAgain(question.Practice)
	}
	if err == nil || errors.Is(err, ledger.ErrLost) {
		return true
	}
	if ctx.Err() == nil {
		p.cfg.Log.Debug("what Loop says of an import could not be committed", "request_id", question.RequestID, "practice",
			question.Practice, "error", err.Error())
	}
	return false
}

// claim makes a question this server's, once it has its turn: one that has none stays due, for others too.
type claim struct {
	poller   *poller
	question ledger.Question

	made, lost bool
}

var errNotClaimed = errors.New("submission: another server asks, or the ledger does not answer")

func (c *claim) make(ctx context.Context) error {
	if c.made { // an attempt with another subscription key
		return nil
	}
	p := c.poller
	mine, err := p.cfg.Ledger.Claim(ctx, c.question, p.limit()+claimMargin)
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Debug("an import could not be claimed, and is not asked for yet", "request_id", c.question.RequestID, "practice",
			c.question.Practice, "error", err.Error())
	}
	c.made, c.lost = mine, err == nil && !mine
	if !c.made {
		return errNotClaimed
	}
	return nil
}

func (p *poller) limit() time.Duration { return min(pollLimit, p.cfg.CallLimit) }

// safeProgress outlives a panic: an unforeseen answer must not end the process at each start.
func (p *poller) safeProgress(ctx context.Context, question ledger.Question, claim *claim) (progress ledger.Progress, asked bool) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Log.Error("panic", "request_id", question.RequestID, "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			progress, asked = p.stalled(question, "a fault of this service; its log has more"), true
		}
	}()
	return p.progress(ctx, question, claim)
}

// progress asks Loop; false when the question was not put, and stays due.
func (p *poller) progress(ctx context.Context, question ledger.Question, claim *claim) (ledger.Progress, bool) {
	client, known := p.cfg.Client(question.Practice)
	if !known {
		return unasked(p.stalled(question, "the practice is no longer configured here")), claim.make(ctx) == nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit())
	defer cancel()
	ctx = cegidclient.WithBeforeSend(ctx, func(ctx context.Context, _ *cegidclient.Call) error { return claim.make(ctx) })
	status, err := client.Imports.Status(cegidclient.WithParty(cegidclient.Once(ctx), question.Caller), question.LoopRequestID)
	if err != nil {
		return p.troubled(question, err), !errors.Is(err, errNotClaimed) && (claim.made || !withoutTurn(err))
	}
	pause := p.pause(question)
	switch status.State {
	case cegidclient.StatusWaiting:
		return ledger.Progress{State: ledger.Waiting, Pause: pause}, true
	case cegidclient.StatusRunning:
		return ledger.Progress{State: ledger.Running, Pause: pause}, true
	case cegidclient.StatusSucceeded, cegidclient.StatusFailed:
		return finally(status), true
	}
	return p.stalled(question, fmt.Sprintf("Loop answers the status %q, which is not known", clip(status.Code))), true
}

// finally is Loop's final word.
func finally(status cegidclient.ImportStatus) ledger.Progress {
	if status.State == cegidclient.StatusSucceeded {
		return ledger.Progress{State: ledger.Succeeded}
	}
	return ledger.Progress{State: ledger.Failed, Error: &ledger.Failure{
		Cause: ledger.CauseEndedWithErrors, LoopMessage: status.Message, LoopInstanceID: status.InstanceID, HTTPStatus: 200,
	}}
}

// withoutTurn says why a question that was not put had no turn: the line was long, Loop has asked for a pause, or the time
// was over first. None of it is a word about its import.
func withoutTurn(err error) bool {
	var upstream *cegidclient.Error
	if !errors.As(err, &upstream) {
		return false
	}
	return upstream.Kind == cegidclient.KindBusy || upstream.Kind == cegidclient.KindThrottled || upstream.Kind == cegidclient.KindInterrupted
}

// troubled keeps the state: not knowing is no outcome.
func (p *poller) troubled(question ledger.Question, err error) ledger.Progress {
	var upstream *cegidclient.Error
	if errors.As(err, &upstream) {
		switch upstream.Kind {
		case cegidclient.KindUnavailable, cegidclient.KindThrottled, cegidclient.KindBusy, cegidclient.KindInterrupted,
			cegidclient.KindBadResponse:
			// Passing, a maintenance page included: the pause grows anyway, and Loop's own word counts.
			return ledger.Progress{
				Pause:       max(p.pause(question), min(upstream.RetryAfter, p.cfg.LastPoll)),
				FollowError: "Loop does not answer for now: " + upstream.Kind.String(),
				Unasked:     true,
			}
		}
		why := p.stalled(question, "Loop does not say how it goes: "+upstream.Kind.String())
		switch upstream.Kind {
		case cegidclient.KindNotFound, cegidclient.KindRouteUnknown, cegidclient.KindRefused: // it has been asked
			return why
		}
		return unasked(why)
	}
	return unasked(p.stalled(question, "Loop could not be asked"))
}

// stalled is for what asking again at once does not help: the pause begins as that of the import, and grows.
func (p *poller) stalled(question ledger.Question, why string) ledger.Progress {
	pause := p.pause(question)
	if question.Troubled {
		pause = max(pause, 2*question.Paused)
	}
	return ledger.Progress{Pause: min(pause, p.cfg.StalledPoll), FollowError: why}
}

// unasked: nothing was learnt of the import, and it grows no older by it.
func unasked(progress ledger.Progress) ledger.Progress {
	progress.Unasked = true
	return progress
}

// pause grows with the age of the import: an answer that took an hour is not awaited by the second. What is UNCERTAIN has the
// pause of the ledger.
func (p *poller) pause(question ledger.Question) time.Duration {
	return min(max(question.Age/4, p.cfg.FirstPoll), p.cfg.LastPoll)
}

func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}
