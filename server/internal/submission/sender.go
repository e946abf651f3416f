// Package submission owns submissions from the moment their row is committed: it sends each once, settles what became
// of it, and follows what Loop accepted until it is final, through restarts (docs/architecture.md, "Writes").
package submission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// Config is what a sender needs. Zero durations are the defaults.
type Config struct {
	Ledger *ledger.Ledger
	// Owner names this process; no other process, past or present, has the same name. Each submission has a name of its own
	// that begins with it.
	Owner string
	// Client finds the client of a practice; false when the practice is no longer configured.
	Client func(practice string) (*cegidclient.Client, bool)
	Log    *slog.Logger
	// Audit receives each submission that was settled; nil takes Log.
	Audit *slog.Logger
	// Ahead writes a record of the audit and returns once nothing can take it away; with an error nothing is sent. nil writes it
	// to Audit.
	Ahead func(context.Context, ...slog.Attr) error
	// Call is what the audit has of the call of ctx: its id, and how its caller is known. nil is nothing.
	Call func(ctx context.Context) []slog.Attr
	// RPC names the call that a kind of write comes by, for the audit.
	RPC func(ledger.Kind) string
	// Keep lets a submission count for the caller of ctx until done, which is when its outcome is committed; nil counts nothing.
	Keep func(ctx context.Context) (done func())
	// Ended receives the dossier of an import that Loop has ended, before all others are; it may be nil.
	Ended func(practice, dossier string)
	// CallLimit bounds the call of a submission, whatever its caller's deadline. It is the client's bound of a write, too.
	CallLimit time.Duration
	// WaitLimit bounds how long a submission waits for its turn, all attempts together.
	WaitLimit time.Duration
	// RepeatAfter429 lets what Loop turned away with a 429 be begun again, see again.go.
	RepeatAfter429 bool
	// FirstPoll and LastPoll bound the pause between two questions to Loop: it grows with the time that an import takes.
	FirstPoll, LastPoll time.Duration
	// IdlePoll is the longest pause between two looks for what is due, where no event has said so; not below FirstPoll. Default 30 s.
	IdlePoll time.Duration
	// StalledPoll is what the pause grows to when asking makes no sense for now: an unknown status, a 404, a revoked key.
	StalledPoll time.Duration
	// Follow receives each question how what was written goes, before and after it; the question is put with its context. nil
	// is not called.
	Follow func(ctx context.Context, key ledger.Key) (_ context.Context, end func())
}

// Sender sends and follows.
type Sender struct {
	cfg Config

	owners      atomic.Int64
	submissions sync.WaitGroup
	stop        context.CancelFunc
	stopped     context.Context // ended: no new submission, and nothing more leaves for Loop
	stopping    <-chan struct{} // its end
	mu          sync.RWMutex    // held for reading while a submission is being taken on
	poller      *poller
}

// New settles what an earlier process left behind and begins to follow what Loop has.
func New(ctx context.Context, cfg Config) (*Sender, error) {
	cfg.IdlePoll = cmp.Or(cfg.IdlePoll, 30*time.Second)
	if cfg.Audit == nil {
		cfg.Audit = cfg.Log
	}
	if cfg.Ahead == nil {
		cfg.Ahead = func(ctx context.Context, attributes ...slog.Attr) error {
			cfg.Audit.LogAttrs(ctx, slog.LevelInfo, "audit", attributes...)
			return nil
		}
	}
	if cfg.Call == nil {
		cfg.Call = func(context.Context) []slog.Attr { return nil }
	}
	recovered, err := cfg.Ledger.Recover(ctx, cfg.Owner)
	if err != nil && !errors.Is(err, ledger.ErrNotOpen) { // which settles when it opens
		return nil, err
	}
	if recovered.NotSent+recovered.Uncertain > 0 {
		cfg.Log.Warn("submissions of an earlier process were settled", "not_sent", recovered.NotSent, "uncertain", recovered.Uncertain)
	}
	if cfg.RPC == nil {
		cfg.RPC = func(kind ledger.Kind) string { return string(kind) }
	}
	if cfg.Keep == nil {
		cfg.Keep = func(context.Context) func() { return func() {} }
	}
	if cfg.Ended == nil {
		cfg.Ended = func(string, string) {}
	}
	i := &Sender{cfg: cfg}
	i.stopped, i.stop = context.WithCancel(context.Background())
	i.stopping = i.stopped.Done()
	i.poller = startPoller(cfg)
	return i, nil
}

// Stop takes no more submissions. What has not left for Loop becomes NOT_SENT at once; what is on its way goes on.
func (i *Sender) Stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stop()
}

// Close stops, waits for what is on its way to Loop, which CallLimit bounds, and for its commit, and ends following.
func (i *Sender) Close() {
	i.Stop()
	i.submissions.Wait()
	i.poller.stop()
}

// Hasten asks at once for the imports of a practice that stalled: its configuration or a secret of it has changed. It
// returns at once.
func (i *Sender) Hasten(practice string) { i.poller.hasten(practice) }

// AskNow asks at once for all imports of a practice that Loop has accepted, whatever their pauses: for a sandbox, whose Loop can
// leap in time. It returns at once.
func (i *Sender) AskNow(practice string) { i.poller.leap(practice) }

// Result is what became of a submission.
type Result struct {
	ledger.Record
	// Replayed says that nothing was sent for this call: the ledger knew the id.
	Replayed bool
}

// Submit begins a submission and answers what became of it; send calls Loop once. If the ledger knows the id already,
// the answer is what became of that, and nothing is sent. When ctx ends first, the submission goes on without its
// caller, who asks again with the same id.
func (i *Sender) Submit(ctx context.Context, submission ledger.Submission,
	send func(context.Context) (loopRequestID string, err error),
) (Result, error) {
	return i.submit(ctx, i.beginning(submission), i.following(send), func() {})
}

// Resubmit is Submit for an import that a person wants to be sent again, see ledger.Resubmit; attempt is the one that it
// is to follow, by is who. When another has done so already, the answer is what became of that.
func (i *Sender) Resubmit(ctx context.Context, submission ledger.Submission, attempt int, by string,
	send func(context.Context) (loopRequestID string, err error),
) (Result, error) {
	return i.submit(ctx, func(ctx context.Context, owner string) (ledger.Begun, error) {
		return i.cfg.Ledger.Resubmit(ctx, submission, attempt, by, owner)
	}, i.following(send), func() {})
}

func (i *Sender) following(send func(context.Context) (loopRequestID string, err error)) func(context.Context) ledger.Outcome {
	return func(ctx context.Context) ledger.Outcome {
		loopRequestID, err := send(ctx)
		return outcomeOf(loopRequestID, err, i.cfg.FirstPoll)
	}
}

// start opens an attempt for an owner, or finds that there is nothing to send.
type start func(ctx context.Context, owner string) (ledger.Begun, error)

func (i *Sender) beginning(submission ledger.Submission) start {
	return func(ctx context.Context, owner string) (ledger.Begun, error) {
		return i.cfg.Ledger.Begin(ctx, submission, owner)
	}
}

// Do is Submit for what Loop carries out at once, so that there is nothing to follow. send returns the ids that Loop named.
// release is called once, when send is over or will not be called: what send reads may go then.
func (i *Sender) Do(ctx context.Context, submission ledger.Submission, send func(context.Context) (loopIDs map[string]string, err error),
	release func(),
) (Result, error) {
	return i.submit(ctx, i.beginning(submission), func(ctx context.Context) ledger.Outcome {
		loopIDs, err := send(ctx)
		if err == nil {
			return ledger.Outcome{State: ledger.Succeeded, LoopIDs: loopIDs}
		}
		return outcomeOf("", err, 0)
	}, release)
}

func (i *Sender) submit(ctx context.Context, start start, send func(context.Context) ledger.Outcome, release func()) (Result, error) {
	begun, done, err := i.begin(ctx, start, send, release)
	if err != nil {
		return Result{}, err
	}
	replay := func(known ledger.Record) (Result, error) {
		record, err := i.Await(ctx, known)
		return Result{record, true}, err
	}
	if begun.Existing {
		return replay(begun.Record)
	}
	select {
	case got := <-done:
		// Others may be at it again since its lease ended: then what becomes of that is the answer.
		if got.existing || got.err == nil && got.record.State.Open() {
			return replay(got.record)
		}
		return Result{Record: got.record}, got.err
	case <-ctx.Done():
		return Result{}, goesOn(ctx.Err())
	}
}

func goesOn(err error) error { return fmt.Errorf("%w: %w", ErrGoesOn, err) }

type owned struct {
	record   ledger.Record
	existing bool // somebody else's
	err      error
}

// begin commits RECEIVED, after which the submission belongs to the sender.
func (i *Sender) begin(ctx context.Context, start start, send func(context.Context) ledger.Outcome,
	release func(),
) (ledger.Begun, <-chan owned, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	over, taken := i.cfg.Keep(ctx), false
	defer func() {
		if !taken {
			release()
			over()
		}
	}()
	select {
	case <-i.stopping:
		return ledger.Begun{}, nil, ErrStopping
	default:
	}
	// A name of its own tells a commit that was not confirmed from another call's. The ledger heeds ctx until it has begun:
	// a commit is not torn from its submission by a caller who leaves.
	owner := i.owner()
	begun, err := start(ctx, owner)
	unconfirmed := errors.Is(err, ledger.ErrCommit)
	if err != nil && !unconfirmed || begun.Existing {
		return begun, nil, err
	}
	detached := context.WithoutCancel(ctx)
	done := make(chan owned, 2) // what cannot be committed, and what was
	taken = true
	i.submissions.Go(func() {
		defer over()
		mine := begun
		if unconfirmed {
			var err error
			if mine, err = i.confirm(detached, start, owner); err != nil || mine.Existing {
				release()
				done <- owned{mine.Record, mine.Existing, err}
				return
			}
		}
		record, err := i.own(detached, mine.Record, send, release, func(err error) { done <- owned{err: err} })
		done <- owned{record, false, err}
	})
	return begun, done, nil
}

// confirm begins a submission again whose commit was not confirmed, until it is known: else it would block its caller's
// way until its lease is over.
func (i *Sender) confirm(ctx context.Context, start start, owner string) (ledger.Begun, error) {
	giveUp := time.After(i.cfg.CallLimit)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		begun, err := start(ctx, owner)
		if err == nil && begun.Owner == owner && begun.State == ledger.Received {
			begun.Existing = false // it was stored
		}
		if err == nil || decided(err) {
			return begun, err
		}
		select {
		case <-time.After(pause):
		case <-giveUp:
			return ledger.Begun{}, err
		case <-i.stopping:
			return ledger.Begun{}, err
		}
	}
}

// decided says whether the ledger has answered that nothing is to be sent.
func decided(err error) bool {
	return errors.Is(err, ledger.ErrReused) || errors.As(err, new(*ledger.DuplicateError)) || errors.As(err, new(*ledger.OverlapError)) ||
		errors.Is(err, ledger.ErrNoDigests) || errors.Is(err, ledger.ErrEvidence) || errors.Is(err, ledger.ErrLost)
}

// owner is a name for one attempt.
func (i *Sender) owner() string { return fmt.Sprintf("%s/%d", i.cfg.Owner, i.owners.Add(1)) }

// own sends a submission and settles it. unkept is told, once at the most, that the ledger does not take the outcome.
func (i *Sender) own(ctx context.Context, record ledger.Record, send func(context.Context) ledger.Outcome, release func(),
	unkept func(error),
) (ledger.Record, error) {
	turnBy := time.Now().Add(i.cfg.WaitLimit)
	outcome := i.send(ctx, record, turnBy, send)
	for repeats := 0; ; repeats++ {
		next, pause, begun := i.again(ctx, record, outcome, turnBy, repeats)
		if !begun {
			break
		}
		if record = next; !i.pause(pause) {
			outcome = stopped()
			break
		}
		outcome = i.send(ctx, record, turnBy, send)
	}
	release()
	after, err := i.settle(ctx, record, outcome, unkept)
	if err == nil {
		i.note(ctx, after)
	}
	return after, err
}

// commitLimit is how long the commit of SUBMITTING may take, on top of the wait and of the call.
const commitLimit = 10 * time.Second

// send calls Loop, once. A panic on the way must not end the process, nor hide what may have been sent.
func (i *Sender) send(ctx context.Context, record ledger.Record, turnBy time.Time,
	send func(context.Context) ledger.Outcome,
) (outcome ledger.Outcome) {
	var leaving atomic.Bool
	defer func() {
		if p := recover(); p != nil {
			i.cfg.Log.Error("panic", "request_id", record.RequestID, "panic_type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			outcome = ledger.Outcome{State: ledger.NotSent, Error: &ledger.Failure{Cause: ledger.CauseFault}}
			if leaving.Load() {
				outcome.State, outcome.Error = ledger.Uncertain, failureOf(nil)
			}
		}
	}()
	call, cancel := context.WithDeadline(cegidclient.WithTurnBy(ctx, turnBy), turnBy.Add(commitLimit+i.cfg.CallLimit))
	defer cancel()
	// The end of the server ends the wait for a turn, and no call.
	var mu sync.Mutex
	var ended, submitting bool
	defer context.AfterFunc(i.stopped, func() {
		mu.Lock()
		defer mu.Unlock()
		if ended = true; !submitting {
			cancel()
		}
	})()
	// The last step before bytes leave, inside retry and admission: from here on a crash means UNCERTAIN.
	call = cegidclient.WithBeforeSend(call, func(ctx context.Context, _ *cegidclient.Call) error {
		mu.Lock()
		submitting = !ended
		mu.Unlock()
		if !submitting {
			return ErrStopping
		}
		within, done := context.WithTimeout(ctx, commitLimit)
		defer done()
		// Whatever becomes of the ledger, what may have been sent is found again.
		if err := i.cfg.Ahead(within, i.ahead(within, record)...); err != nil {
			return err
		}
		err := i.cfg.Ledger.Submitting(within, record.Key, record.Attempt, record.Owner, i.cfg.CallLimit)
		leaving.Store(err == nil)
		return err
	})
	outcome = send(call)
	if outcome.State == ledger.NotSent && i.stopped.Err() != nil && !leaving.Load() {
		return stopped()
	}
	return outcome
}

// stopped is the outcome of what had not left when the server stopped.
func stopped() ledger.Outcome {
	return ledger.Outcome{State: ledger.NotSent, Error: &ledger.Failure{Cause: ledger.CauseStopping, RetryAfter: time.Second}}
}

// settle commits an outcome. What Loop said must not be lost to a passing fault of the database, so it is tried for as
// long as the process lives; its end waits for settleLimit.
func (i *Sender) settle(ctx context.Context, record ledger.Record, outcome ledger.Outcome, unkept func(error)) (ledger.Record, error) {
	stopping, told := i.stopping, false
	var giveUp <-chan time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		after, err := i.cfg.Ledger.Settle(ctx, record.Key, record.Attempt, record.Owner, outcome)
		switch {
		case err == nil:
			return after, nil
		case errors.Is(err, ledger.ErrLost), errors.Is(err, ledger.ErrTransition), errors.Is(err, ledger.ErrUnknown):
			// Another settled it meanwhile; its outcome counts.
			i.cfg.Log.Error("an outcome came too late", "request_id", record.RequestID, "practice", record.Practice,
				"outcome", string(outcome.State), "loop_request_id", outcome.LoopRequestID, "error", err.Error())
			now, err := i.cfg.Ledger.Get(ctx, record.Key)
			if err == nil && now.Caller != record.Caller { // who took the id once nothing was booked under it
				return ledger.Record{}, ledger.ErrReused
			}
			return now, err
		}
		if pause >= tellUnkept && !told { // nothing is acknowledged that is not kept, nor is its caller left in silence
			told = true
			unkept(err)
			i.cfg.Log.Error("an outcome cannot be committed yet", "request_id", record.RequestID, "practice", record.Practice,
				"outcome", string(outcome.State), "loop_request_id", outcome.LoopRequestID, "error", err.Error())
		}
		select {
		case <-time.After(pause):
		case <-stopping:
			stopping, giveUp = nil, time.After(settleLimit)
		case <-giveUp:
			// The log is the last place that knows it.
			i.cfg.Log.Error("an outcome could not be committed", "request_id", record.RequestID, "practice", record.Practice,
				"outcome", string(outcome.State), "loop_request_id", outcome.LoopRequestID, "error", err.Error())
			return ledger.Record{}, err
		}
	}
}

// tellUnkept is the pause, and about the time, after which a caller is told that the ledger does not take an outcome.
const tellUnkept = 300 * time.Millisecond

const settleLimit = 30 * time.Second

// outcomeOf is what the ledger keeps of the answer to a write.
func outcomeOf(loopRequestID string, err error, firstPoll time.Duration) ledger.Outcome {
	switch cegidclient.OutcomeOf(err) {
	case cegidclient.WriteAccepted:
		if loopRequestID == "" {
			break // there is nothing to follow it by
		}
		return ledger.Outcome{State: ledger.Waiting, LoopRequestID: loopRequestID, Pause: firstPoll}
	case cegidclient.WriteRefused:
		return ledger.Outcome{State: ledger.Refused, Error: failureOf(err)}
	case cegidclient.WriteNotSent:
		return ledger.Outcome{State: ledger.NotSent, Error: failureOf(err)}
	}
	outcome := ledger.Outcome{State: ledger.Uncertain, Error: failureOf(err)}
	if outcome.Error.Cause == ledger.CauseNamesImport { // which can be asked for
		outcome.LoopRequestID, outcome.Pause = outcome.Error.LoopImport, firstPoll
	}
	return outcome
}

// failureOf is what suffices to give the same answer again.
func failureOf(err error) *ledger.Failure {
	var upstream *cegidclient.Error
	switch {
	case err == nil:
		return &ledger.Failure{Cause: ledger.CauseWithoutID}
	case errors.Is(err, ledger.ErrLease): // too much of the lease went by: that is no fault of the ledger's
		return &ledger.Failure{Cause: ledger.CauseNoTurn, Local: true, RetryAfter: time.Second}
	case !errors.As(err, &upstream): // the before-send hook's own error: nothing was sent
		return &ledger.Failure{Cause: ledger.CauseNotNoted, RetryAfter: 5 * time.Second}
	}
	failure := &ledger.Failure{
		Cause: ledger.Cause(upstream.Kind.String()), Detail: upstream.Detail(), Field: upstream.Field, Local: upstream.Local,
		LoopMessage: upstream.Message,
		Operation:   upstream.Operation, LoopCode: upstream.Code, LoopCallID: upstream.RequestID, LoopInstanceID: upstream.InstanceID,
		HTTPStatus: upstream.HTTPStatus, RetryAfter: upstream.RetryAfter,
	}
	if upstream.Kind == cegidclient.KindInterrupted { // our own limit, not the caller's
		failure.Cause, failure.RetryAfter = ledger.CauseNoTurn, cmp.Or(failure.RetryAfter, time.Second)
	}
	if upstream.LoopRequestID != "" {
		failure.Cause, failure.LoopImport = ledger.CauseNamesImport, upstream.LoopRequestID
	}
	return failure
}

// Await answers what became of an import, once its owner has settled it. When somebody else has taken its id for other
// content meanwhile, that is no answer: ledger.ErrReused.
func (i *Sender) Await(ctx context.Context, known ledger.Record) (ledger.Record, error) {
	changed, cancel := i.cfg.Ledger.Subscribe(known.Key)
	defer cancel()
	for {
		record, err := i.cfg.Ledger.Get(ctx, known.Key)
		switch {
		case err != nil:
			return ledger.Record{}, err
		case record.Attempt != known.Attempt && (record.Fingerprint != known.Fingerprint || record.Caller != known.Caller):
			return ledger.Record{}, ledger.ErrReused
		case !record.State.Open():
			return record, nil
		}
		select {
		case <-changed:
		case <-time.After(awaitPause):
		case <-ctx.Done():
			return ledger.Record{}, goesOn(ctx.Err())
		}
	}
}

// awaitPause is for what is not signalled, such as a database that did not answer when it was looked.
const awaitPause = 10 * time.Second
