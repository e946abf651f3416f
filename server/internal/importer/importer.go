// Package importer owns submissions from the moment their row is committed: it sends each once, settles what became
// of it, and follows what Loop accepted until it is final, through restarts (design § 6).
package importer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
)

// Config is what the importer needs. Zero durations are the defaults.
type Config struct {
	Ledger *ledger.Ledger
	// Owner names this process; no other process, past or present, has the same name. Each submission has a name of its own
	// that begins with it.
	Owner string
	// Client finds the client of a practice; false when the practice is no longer configured.
	Client func(practice string) (*cegidclient.Client, bool)
	Log    *slog.Logger
	// Audit is told of each submission that was settled; nil takes Log.
	Audit *slog.Logger
	// CallLimit bounds a submission, whatever its caller's deadline. Default 60 s (design § 3).
	CallLimit time.Duration
	// FirstPoll and LastPoll bound the pause between two questions to Loop: it grows with the time that an import takes.
	// Defaults 1 s and 5 min.
	FirstPoll, LastPoll time.Duration
	// StalledPoll is the pause when asking makes no sense for now: an unknown status, a 404, a revoked key. Default 1 h.
	StalledPoll time.Duration
}

func (c Config) withDefaults() Config {
	for _, each := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.CallLimit, time.Minute}, {&c.FirstPoll, time.Second}, {&c.LastPoll, 5 * time.Minute}, {&c.StalledPoll, time.Hour},
	} {
		if *each.value <= 0 {
			*each.value = each.fallback
		}
	}
	return c
}

// Importer sends and follows.
type Importer struct {
	cfg Config

	owners      atomic.Int64
	submissions sync.WaitGroup
	stopping    chan struct{} // closed: no new submission
	stopOnce    sync.Once
	mu          sync.RWMutex // held for reading while a submission is being taken on
	poller      *poller
}

// New settles what an earlier process left behind and begins to follow what Loop has.
func New(ctx context.Context, cfg Config) (*Importer, error) {
	cfg = cfg.withDefaults()
	if cfg.Audit == nil {
		cfg.Audit = cfg.Log
	}
	recovered, err := cfg.Ledger.Recover(ctx, cfg.Owner)
	if err != nil {
		return nil, err
	}
	if recovered.NotSent+recovered.Uncertain > 0 {
		cfg.Log.Warn("submissions of an earlier process were settled", "not_sent", recovered.NotSent, "uncertain", recovered.Uncertain)
	}
	i := &Importer{cfg: cfg, stopping: make(chan struct{})}
	i.poller = startPoller(cfg)
	return i, nil
}

// Close takes no more submissions, waits for those under way, which CallLimit bounds, and stops following.
func (i *Importer) Close() {
	i.stopOnce.Do(func() {
		i.mu.Lock()
		close(i.stopping)
		i.mu.Unlock()
	})
	i.submissions.Wait()
	i.poller.stop()
}

// Hasten asks at once for the imports of a practice that stalled: its configuration or a secret of it has changed. It
// returns at once.
func (i *Importer) Hasten(practice string) { i.poller.hasten(practice) }

// Result is what became of a submission.
type Result struct {
	ledger.Record
	// Replayed says that nothing was sent for this call: the ledger knew the id.
	Replayed bool
}

// Submit begins a submission and answers what became of it; send calls Loop once. If the ledger knows the id already,
// the answer is what became of that, and nothing is sent. When ctx ends first, the submission goes on without its
// caller, who asks again with the same id.
func (i *Importer) Submit(ctx context.Context, submission ledger.Submission, send func(context.Context) (loopRequestID string, err error)) (Result, error) {
	return i.submit(ctx, i.beginning(submission), i.following(send), func() {})
}

// Resubmit is Submit for an import that a person wants to be sent again, see ledger.Resubmit; attempt is the one that it
// is to follow, by is who. When another has done so already, the answer is what became of that.
func (i *Importer) Resubmit(ctx context.Context, submission ledger.Submission, attempt int, by string, send func(context.Context) (loopRequestID string, err error)) (Result, error) {
	return i.submit(ctx, func(ctx context.Context, owner string) (ledger.Begun, error) {
		return i.cfg.Ledger.Resubmit(ctx, submission, attempt, by, owner)
	}, i.following(send), func() {})
}

func (i *Importer) following(send func(context.Context) (loopRequestID string, err error)) func(context.Context) ledger.Outcome {
	return func(ctx context.Context) ledger.Outcome {
		loopRequestID, err := send(ctx)
		return outcomeOf(loopRequestID, err, i.cfg.FirstPoll)
	}
}

// start opens an attempt for an owner, or finds that there is nothing to send.
type start func(ctx context.Context, owner string) (ledger.Begun, error)

func (i *Importer) beginning(submission ledger.Submission) start {
	return func(ctx context.Context, owner string) (ledger.Begun, error) {
		return i.cfg.Ledger.Begin(ctx, submission, owner)
	}
}

// Do is Submit for what Loop carries out at once, so that there is nothing to follow: send answers the ids that Loop
// named. release is called once, when send is over or will not be called: what send reads may go then.
func (i *Importer) Do(ctx context.Context, submission ledger.Submission, send func(context.Context) (loopIDs map[string]string, err error), release func()) (Result, error) {
	return i.submit(ctx, i.beginning(submission), func(ctx context.Context) ledger.Outcome {
		loopIDs, err := send(ctx)
		if err == nil {
			return ledger.Outcome{State: ledger.Succeeded, LoopIDs: loopIDs}
		}
		return outcomeOf("", err, 0)
	}, release)
}

func (i *Importer) submit(ctx context.Context, start start, send func(context.Context) ledger.Outcome, release func()) (Result, error) {
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
	case settled := <-done:
		if settled.existing {
			return replay(settled.record)
		}
		return Result{Record: settled.record}, settled.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

type settled struct {
	record   ledger.Record
	existing bool // somebody else's
	err      error
}

// begin commits RECEIVED, after which the submission belongs to the importer.
func (i *Importer) begin(ctx context.Context, start start, send func(context.Context) ledger.Outcome, release func()) (ledger.Begun, <-chan settled, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	taken := false
	defer func() {
		if !taken {
			release()
		}
	}()
	select {
	case <-i.stopping:
		return ledger.Begun{}, nil, ErrStopping
	default:
	}
	// A name of its own tells a commit that was not confirmed from another call's. The ledger heeds ctx until it has begun:
	// a commit is not torn from its submission by a caller who leaves.
	owner := fmt.Sprintf("%s/%d", i.cfg.Owner, i.owners.Add(1))
	begun, err := start(ctx, owner)
	unconfirmed := errors.Is(err, ledger.ErrCommit)
	if err != nil && !unconfirmed || begun.Existing {
		return begun, nil, err
	}
	detached := context.WithoutCancel(ctx)
	done := make(chan settled, 1)
	taken = true
	i.submissions.Go(func() {
		mine := begun
		if unconfirmed {
			var err error
			if mine, err = i.confirm(detached, start, owner); err != nil || mine.Existing {
				release()
				done <- settled{mine.Record, mine.Existing, err}
				return
			}
		}
		record, err := i.own(detached, mine.Record, send, release)
		done <- settled{record, false, err}
	})
	return begun, done, nil
}

// confirm begins a submission again whose commit was not confirmed, until it is known: else it would stand in its caller's
// way until its lease is over.
func (i *Importer) confirm(ctx context.Context, start start, owner string) (ledger.Begun, error) {
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
	return errors.Is(err, ledger.ErrReused) || errors.As(err, new(*ledger.DuplicateError)) || errors.Is(err, ledger.ErrEvidence) || errors.Is(err, ledger.ErrLost)
}

// ErrStopping says that the importer takes no more submissions.
var ErrStopping = errors.New("importer: stopping")

// own sends a submission, once, and settles it.
func (i *Importer) own(ctx context.Context, record ledger.Record, send func(context.Context) ledger.Outcome, release func()) (ledger.Record, error) {
	outcome := i.send(ctx, record, send)
	release()
	after, err := i.settle(ctx, record, outcome)
	if err == nil {
		i.cfg.Audit.LogAttrs(ctx, slog.LevelInfo, "audit", slog.String("event", "submitted"), slog.String("caller", after.Caller),
			slog.String("rpc", after.RPC), slog.String("practice", after.Practice), slog.String("dossier", after.Dossier),
			slog.String("collection", string(after.Collection)), slog.String("import", after.RequestID), slog.Int("attempt", after.Attempt), slog.Int("entries", after.Totals.Entries),
			slog.Int("lines", after.Totals.Lines), slog.String("debit", after.Totals.Debit), slog.String("state", string(after.State)),
			slog.String("loop_request_id", after.LoopRequestID))
	}
	return after, err
}

// send calls Loop. A panic on the way must not end the process, nor hide what may have been sent.
func (i *Importer) send(ctx context.Context, record ledger.Record, send func(context.Context) ledger.Outcome) (outcome ledger.Outcome) {
	var leaving atomic.Bool
	defer func() {
		if p := recover(); p != nil {
			i.cfg.Log.Error("panic", "request_id", record.RequestID, "panic_type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			outcome = ledger.Outcome{State: ledger.NotSent, Error: &ledger.Failure{
				Reason: apierror.ReasonName(looppb.ErrorReason_ERROR_REASON_INTERNAL), Code: codes.Internal,
				Message: "a fault of this service, before anything was sent: nothing was booked",
			}}
			if leaving.Load() {
				outcome.State, outcome.Error = ledger.Uncertain, failureOf(nil)
			}
		}
	}()
	call, cancel := context.WithTimeout(ctx, i.cfg.CallLimit)
	defer cancel()
	// The last step before bytes leave, inside retry, gate and limits: from here on a crash means UNCERTAIN.
	call = cegidclient.WithBeforeSend(call, func(ctx context.Context, _ *cegidclient.Call) error {
		err := i.cfg.Ledger.Submitting(ctx, record.Key, record.Attempt, record.Owner, i.cfg.CallLimit)
		leaving.Store(err == nil)
		return err
	})
	return send(call)
}

// settle commits an outcome. What Loop said must not be lost to a passing fault of the database, so it is tried for as
// long as the process lives; its end waits for settleLimit.
func (i *Importer) settle(ctx context.Context, record ledger.Record, outcome ledger.Outcome) (ledger.Record, error) {
	stopping, told := i.stopping, false
	var giveUp <-chan time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		after, err := i.cfg.Ledger.Settle(ctx, record.Key, record.Attempt, record.Owner, outcome)
		switch {
		case err == nil:
			i.poller.wake()
			return after, nil
		case errors.Is(err, ledger.ErrLost), errors.Is(err, ledger.ErrTransition), errors.Is(err, ledger.ErrUnknown):
			// Another settled it meanwhile; its word stands.
			i.cfg.Log.Error("an outcome came too late", "request_id", record.RequestID, "practice", record.Practice,
				"outcome", string(outcome.State), "loop_request_id", outcome.LoopRequestID, "error", err.Error())
			now, err := i.cfg.Ledger.Get(ctx, record.Key)
			if err == nil && now.Caller != record.Caller { // who took the id once nothing was booked under it
				return ledger.Record{}, ledger.ErrReused
			}
			return now, err
		}
		if pause >= time.Second && !told {
			told = true
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

const settleLimit = 30 * time.Second

// outcomeOf is what the ledger keeps of the answer to a write.
func outcomeOf(loopRequestID string, err error, firstPoll time.Duration) ledger.Outcome {
	switch cegidclient.OutcomeOf(err) {
	case cegidclient.WriteAccepted:
		if loopRequestID == "" {
			break // there is nothing to follow it by
		}
		return ledger.Outcome{State: ledger.Waiting, LoopRequestID: loopRequestID, NextPoll: time.Now().Add(firstPoll)}
	case cegidclient.WriteRefused:
		return ledger.Outcome{State: ledger.Refused, Error: failureOf(err)}
	case cegidclient.WriteNotSent:
		return ledger.Outcome{State: ledger.NotSent, Error: failureOf(err)}
	}
	return ledger.Outcome{State: ledger.Uncertain, Error: failureOf(err)}
}

// failureOf is what suffices to give the same answer again.
func failureOf(err error) *ledger.Failure {
	if err == nil {
		return &ledger.Failure{
			Reason: apierror.ReasonName(looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN), Code: codes.Unknown,
			Message: "Loop accepted it without an id, so nobody can follow what becomes of it",
		}
	}
	var upstream *cegidclient.Error
	if !errors.As(err, &upstream) {
		// The before-send hook's own error: nothing was sent.
		return &ledger.Failure{
			Reason: apierror.ReasonName(looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE), Code: codes.Unavailable,
			Message: "it could not be noted that it was about to be sent, so it was not: nothing was booked. Send the same request_id again",
		}
	}
	mapped := apierror.FromLoop(upstream)
	switch upstream.Kind {
	case cegidclient.KindInterrupted: // our own limit, not the caller's
		mapped = apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, "it did not get its turn in time and was not sent")
	case cegidclient.KindUnavailable:
		mapped = apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, "Loop cannot be reached for now, and nothing was sent")
	case cegidclient.KindThrottled:
		mapped = apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA, "Loop asks to slow down, and has not taken it")
	}
	converted := status.Convert(mapped)
	failure := &ledger.Failure{
		Code: converted.Code(), Message: converted.Message(), LoopMessage: upstream.Message,
		Operation: upstream.Operation, LoopCode: upstream.Code, LoopCallID: upstream.RequestID, LoopInstanceID: upstream.InstanceID,
		HTTPStatus: upstream.HTTPStatus, RetryAfter: upstream.RetryAfter,
	}
	for _, detail := range converted.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			failure.Reason = info.GetReason()
		}
	}
	return failure
}

// Await answers what became of an import, once its owner has settled it. When somebody else has taken its id for other
// content meanwhile, that is no answer: ledger.ErrReused.
func (i *Importer) Await(ctx context.Context, known ledger.Record) (ledger.Record, error) {
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
		case <-time.After(awaitPause): // an owner in another process does not signal here
		case <-ctx.Done():
			return ledger.Record{}, ctx.Err()
		}
	}
}

const awaitPause = time.Second
