package importer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// pollsOfPractice run at once: a practice that Loop throttles must not hold up the others.
	pollsOfPractice = 4
	// pollBatch is how many due imports are read at once.
	pollBatch = 1000
	// pollLimit bounds one question, which is a single attempt: the poller comes again anyway. So does Config.CallLimit.
	pollLimit = 15 * time.Second
	// claimMargin is how much longer than a question a server has an import for itself: it also commits the answer.
	claimMargin = 5 * time.Second
	// Pauses between two rounds of housekeeping. Short leases are looked at five times in their time.
	expireEvery = time.Minute
	retainEvery = time.Hour
)

// poller asks Loop how accepted imports go: one question at a time for each, however many watch.
type poller struct {
	cfg    Config
	cancel context.CancelFunc
	done   sync.WaitGroup
	signal chan struct{}

	mu sync.Mutex
	// asking are the imports that Loop is being asked about, by practice how many.
	asking  map[ledger.Key]bool
	running map[string]int
	// mended are the practices whose stalled imports are worth asking for again, mendings how often each was.
	mended   map[string]bool
	mendings map[string]int
}

func startPoller(cfg Config) *poller {
	ctx, cancel := context.WithCancel(context.Background())
	p := &poller{
		cfg: cfg, cancel: cancel, signal: make(chan struct{}, 1), asking: map[ledger.Key]bool{}, running: map[string]int{},
		mended: map[string]bool{}, mendings: map[string]int{},
	}
	p.done.Go(func() { p.run(ctx) })
	p.done.Go(func() { p.keep(ctx) })
	return p
}

func (p *poller) stop() {
	p.cancel()
	p.done.Wait()
}

// wake makes the poller look for what is due.
func (p *poller) wake() {
	select {
	case p.signal <- struct{}{}:
	default: // it will look anyway
	}
}

// hasten makes the poller ask for what stalled in a practice, without waiting for the ledger.
func (p *poller) hasten(practice string) {
	p.mu.Lock()
	p.mended[practice] = true
	p.mendings[practice]++
	p.mu.Unlock()
	p.wake()
}

func (p *poller) mendingsOf(practice string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mendings[practice]
}

// hastenAgain is for what stalls by a question that was put before the practice was mended.
func (p *poller) hastenAgain(practice string) {
	p.mu.Lock()
	p.mended[practice] = true // no mending: questions under way would hasten one another without end
	p.mu.Unlock()
	p.wake()
}

func (p *poller) run(ctx context.Context) {
	for ctx.Err() == nil {
		p.mend(ctx)
		p.round(ctx)
		select {
		case <-ctx.Done():
		case <-p.signal:
		case <-time.After(p.cfg.FirstPoll):
		}
	}
}

func (p *poller) mend(ctx context.Context) {
	p.mu.Lock()
	mended := p.mended
	p.mended = map[string]bool{}
	p.mu.Unlock()
	for practice := range mended {
		if err := p.cfg.Ledger.Hasten(ctx, practice); err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("stalled imports are not asked for at once", "practice", practice, "error", err.Error())
		}
	}
}

// keep settles what owners have left over their lease, and forgets what is old enough.
func (p *poller) keep(ctx context.Context) {
	expire, retain := time.NewTicker(min(expireEvery, p.cfg.Ledger.Lease()/5)), time.NewTicker(retainEvery)
	defer expire.Stop()
	defer retain.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-expire.C:
			var expired ledger.Recovered
			if expired, err = p.cfg.Ledger.Expire(ctx); expired.NotSent+expired.Uncertain > 0 {
				p.cfg.Log.Warn("submissions over their lease were settled", "not_sent", expired.NotSent, "uncertain", expired.Uncertain)
			}
		case <-retain.C:
			_, err = p.cfg.Ledger.Retain(ctx)
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("the ledger could not be kept in order", "error", err.Error())
		}
	}
}

// round begins to ask for what is due, as far as there is room; who is done makes room and calls for the next round.
func (p *poller) round(ctx context.Context) {
	due, err := p.cfg.Ledger.Due(ctx, time.Now(), pollBatch)
	if err != nil {
		if ctx.Err() == nil {
			p.cfg.Log.Error("the ledger does not say what is due", "error", err.Error())
		}
		return
	}
	if p.cfg.Ledger.Shared() { // the others begin elsewhere
		rand.Shuffle(len(due), func(a, b int) { due[a], due[b] = due[b], due[a] })
	}
	for _, record := range due {
		if !p.take(record.Key) {
			continue
		}
		p.done.Go(func() {
			answered := p.ask(ctx, record)
			p.release(record.Key)
			if answered { // else it stays due: not at once, which would be a loop without a pause
				p.wake()
			}
		})
	}
}

func (p *poller) take(key ledger.Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asking[key] || p.running[key.Practice] >= pollsOfPractice {
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
	p.running[key.Practice]--
}

// ask asks Loop once and commits what it says; false when it could not, or another server does.
func (p *poller) ask(ctx context.Context, record ledger.Record) bool {
	mine, err := p.cfg.Ledger.Claim(ctx, record, p.limit()+claimMargin)
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Error("an import could not be claimed, and is not asked for yet", "request_id", record.RequestID, "practice", record.Practice, "error", err.Error())
	}
	if err != nil || !mine {
		return false
	}
	mendings := p.mendingsOf(record.Practice)
	progress := p.safeProgress(ctx, record)
	if ctx.Err() != nil {
		return false // the answer, if any, was cut short by our own end
	}
	_, err = p.cfg.Ledger.Followed(ctx, record.Key, record.State, progress)
	if err == nil && progress.FollowError != "" && p.mendingsOf(record.Practice) != mendings {
		p.hastenAgain(record.Practice)
	}
	if err == nil || errors.Is(err, ledger.ErrLost) {
		return true
	}
	if ctx.Err() == nil {
		p.cfg.Log.Error("what Loop says of an import could not be committed", "request_id", record.RequestID, "practice", record.Practice, "error", err.Error())
	}
	return false
}

func (p *poller) limit() time.Duration { return min(pollLimit, p.cfg.CallLimit) }

// safeProgress outlives a panic: an answer that nobody foresaw must not end the process at each start.
func (p *poller) safeProgress(ctx context.Context, record ledger.Record) (progress ledger.Progress) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Log.Error("panic", "request_id", record.RequestID, "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			progress = p.stalled("a fault of this service; its log has more")
		}
	}()
	return p.progress(ctx, record)
}

func (p *poller) progress(ctx context.Context, record ledger.Record) ledger.Progress {
	client, known := p.cfg.Client(record.Practice)
	if !known {
		return p.stalled("the practice is no longer configured here")
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit())
	defer cancel()
	status, err := client.Imports.Status(cegidclient.Once(ctx), record.LoopRequestID)
	if err != nil {
		return p.troubled(record, err)
	}
	pause := time.Now().Add(p.pause(record))
	switch status.State {
	case cegidclient.StatusWaiting:
		return ledger.Progress{State: ledger.Waiting, NextPoll: pause}
	case cegidclient.StatusRunning:
		return ledger.Progress{State: ledger.Running, NextPoll: pause}
	case cegidclient.StatusSucceeded:
		return ledger.Progress{State: ledger.Succeeded}
	case cegidclient.StatusFailed:
		return ledger.Progress{State: ledger.Failed, Error: &ledger.Failure{
			Reason:      "LOOP_REFUSED",
			Message:     "Loop ended the import with errors, which its public API does not detail: look at the import in Loop. This does not prove that nothing was booked",
			LoopMessage: status.Message, LoopInstanceID: status.InstanceID, HTTPStatus: 200,
		}}
	}
	return p.stalled(fmt.Sprintf("Loop answers the status %q, which is not known", clip(status.Code)))
}

// troubled keeps the state: not knowing is no outcome.
func (p *poller) troubled(record ledger.Record, err error) ledger.Progress {
	var upstream *cegidclient.Error
	if errors.As(err, &upstream) {
		switch upstream.Kind {
		case cegidclient.KindUnavailable, cegidclient.KindThrottled, cegidclient.KindBusy, cegidclient.KindInterrupted, cegidclient.KindBadResponse:
			// Passing, a maintenance page included: the pause grows anyway, and Loop's own word counts.
			return ledger.Progress{
				NextPoll:    time.Now().Add(max(p.pause(record), min(upstream.RetryAfter, p.cfg.LastPoll))),
				FollowError: "Loop does not answer for now: " + upstream.Kind.String(),
			}
		}
		return p.stalled("Loop does not say how it goes: " + upstream.Kind.String())
	}
	return p.stalled("Loop could not be asked")
}

func (p *poller) stalled(why string) ledger.Progress {
	return ledger.Progress{NextPoll: time.Now().Add(p.cfg.StalledPoll), FollowError: why}
}

// pause grows with the age of the import: an answer that took an hour is not awaited by the second.
func (p *poller) pause(record ledger.Record) time.Duration {
	age := time.Since(record.Submitted)
	return min(max(age/4, p.cfg.FirstPoll), p.cfg.LastPoll)
}

func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}
