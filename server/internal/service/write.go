package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/importer"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/preflight"
)

// Permissions is what writes need of the policy.
type Permissions interface {
	// Allows tells whether a caller has a right on a dossier of a practice.
	Allows(caller, practice, dossier string, right policy.Right) bool
	// Reaches tells what each grant of a caller on a practice, or on any, covers with a right.
	Reaches(caller, practice string, right policy.Right) []policy.Reach
}

// Writes is what the services share whose writes go under the ledger.
type Writes struct {
	practices   *Practices
	ledger      *ledger.Ledger
	importer    *importer.Importer
	permissions Permissions
	caller      func(context.Context) string
	log, audit  *slog.Logger
}

// NewWrites returns what they share; caller tells who makes a call.
func NewWrites(practices *Practices, l *ledger.Ledger, i *importer.Importer, permissions Permissions, caller func(context.Context) string, log, audit *slog.Logger) Writes {
	return Writes{practices: practices, ledger: l, importer: i, permissions: permissions, caller: caller, log: log, audit: audit}
}

// writes are those of one service, in its own words.
type writes struct {
	Writes
	words words
}

// words are how a service speaks of its writes.
type words struct {
	// it is what goes on without its caller, again what was sent twice, and twice what to do if that is meant.
	it, again, twice string
	// nothing says that nothing was done, mend what to do about a refusal, look where to look for what is uncertain.
	nothing, mend, look string
}

var (
	importWords = words{
		it: "the import", again: "the same entries were imported into this dossier", twice: "if they are meant twice, set allow_duplicate",
		nothing: "Nothing was booked.",
		mend:    "Mend the entries and send them under the same request_id.",
		look:    "Let ResolveImport look for it in Loop before sending the entries under another request_id.",
	}
	fileWords = words{
		it: "the import", again: "the same file was imported into this dossier", twice: "if it is meant twice, set allow_duplicate",
		nothing: "Nothing was booked.",
		mend:    "Mend the file, deposit it, and import it under the same request_id.",
		look:    "Let ResolveImport look for it in Loop before importing the file under another request_id.",
	}
	documentWords = words{
		it: "the upload", again: "the same document was stored in this dossier", twice: "if it is meant twice, set allow_duplicate",
		nothing: "Nothing was stored.",
		mend:    "Mend the document and send it under the same request_id.",
		look:    "Look for the document in Loop before sending it under another request_id.",
	}
	rawWords = words{
		it: "the call", again: "the same call was made", twice: "if it is meant twice, set allow_duplicate",
		nothing: "Nothing was done.",
		mend:    "Mend the call and make it under the same request_id.",
		look:    "Look in Loop at what it was to change before making it under another request_id.",
	}
)

// known answers what the ledger has under the id, unless it may be sent anew.
func (s *writes) known(ctx context.Context, submission ledger.Submission) (*importer.Result, error) {
	record, err := s.ledger.Get(ctx, submission.Key)
	switch {
	case errors.Is(err, ledger.ErrUnknown):
		return nil, nil
	case err != nil:
		return nil, err
	case record.State.NothingBooked():
		return nil, nil
	case !submission.Repeats(record):
		return nil, ledger.ErrReused
	}
	record, err = s.importer.Await(ctx, record)
	return &importer.Result{Record: record, Replayed: true}, err
}

// preparation is how long may take what is read from Loop before a write is noted, all together. With it, the wait for a
// turn and the call itself, a caller with the default deadline hears how its write ends.
const preparation = 10 * time.Second

// prepared does what is read from Loop before a write is noted.
func prepared(ctx context.Context, read func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, preparation)
	defer cancel()
	err := read(within)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return apierror.Error{
			Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, RetryAfter: preparation,
			Message: "Loop did not answer within " + preparation.String() + " what is read before a write is sent: nothing was sent",
		}.Err()
	}
	return err
}

// dossierIsShared makes sure that the practice's key may touch a dossier, before something is sent to it.
func dossierIsShared(ctx context.Context, p *preflight.Cache, practice *Practice, dossier string) error {
	return prepared(ctx, func(ctx context.Context) error { return p.Dossier(ctx, practice.Name, practice.Client, dossier) })
}

// visible: a caller's own writes, and those of dossiers that it may read.
func (s *writes) visible(caller string, record ledger.Record) bool {
	return record.Caller == caller || s.permissions.Allows(caller, record.Practice, record.Dossier, policy.Read)
}

// submissionError words what the ledger says of an id.
func (s *writes) submissionError(ctx context.Context, submission ledger.Submission, err error) error {
	var duplicate *ledger.DuplicateError
	switch {
	case errors.Is(err, ledger.ErrReused):
		return apierror.Error{
			Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
			Message:    "request_id: it stands for something else already: give each document an id of its own, and repeat a call unchanged",
			Violations: []apierror.Violation{{Field: "request_id", Description: "it stands for something else already"}},
		}.Err()
	case errors.As(err, &duplicate):
		out := apierror.Error{
			Code: codes.AlreadyExists, Reason: looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT,
			Message: s.words.again + " within 30 days under another request_id; " + s.words.twice,
		}
		if s.visible(submission.Caller, duplicate.Of) {
			out.Metadata = map[string]string{"requestId": duplicate.Of.RequestID, "state": string(duplicate.Of.State)}
			out.Message = fmt.Sprintf("%s under request_id %s, which is %s; %s",
				s.words.again, duplicate.Of.RequestID, duplicate.Of.State, s.words.twice)
			if state := duplicate.Of.State; state == ledger.Uncertain || state == ledger.Failed { // neither proves that nothing was booked
				out.Help = []string{s.words.look}
			}
		}
		return out.Err()
	case errors.Is(err, importer.ErrGoesOn) && errors.Is(context.Cause(ctx), interceptor.ErrShuttingDown):
		return apierror.ShuttingDown("this server is shutting down, and " + s.words.it + " may go on without you: repeat the call with the same request_id, and you get its outcome")
	case errors.Is(err, importer.ErrGoesOn):
		return apierror.New(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
			"the time allowed for the call is over, and "+s.words.it+" may go on without you: repeat the call with the same request_id, and you get its outcome")
	case errors.Is(err, importer.ErrStopping), errors.Is(context.Cause(ctx), interceptor.ErrShuttingDown) && interrupted(err):
		return apierror.ShuttingDown("this server is shutting down, and has sent nothing: call again with the same request_id")
	case interrupted(err): // before the ledger had it
		return apierror.New(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
			"the time allowed for the call is over, and nothing was sent: repeat the call with the same request_id")
	}
	return s.ledgerError(err)
}

func interrupted(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// ledgerError words a ledger that does not answer.
func (s *writes) ledgerError(err error) error {
	var upstream *cegidclient.Error
	if err == nil || errors.As(err, &upstream) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return err
	}
	s.log.Debug("the ledger does not answer", "error", err.Error())
	return apierror.Error{
		Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE, RetryAfter: 5 * time.Second,
		Message: "this service's memory of writes does not answer: repeat the call, a write with the same request_id",
	}.Err()
}

// outcomeError is the error that a write ended with, if it ended with one; nil where the write itself is the answer.
func (s *writes) outcomeError(record importer.Result) error {
	failure := record.Error
	if failure == nil {
		failure = &ledger.Failure{}
	}
	out := apierror.Error{
		Code: failure.Code, Reason: reasonNamed(failure.Reason), Message: failure.Message, LoopSaid: failure.LoopMessage, RetryAfter: failure.RetryAfter,
		Metadata: apierror.LoopMetadata(failure.Operation, failure.HTTPStatus, failure.LoopCode, failure.LoopCallID, failure.LoopInstanceID),
	}
	out.Metadata["state"] = string(record.State)
	if record.Replayed {
		out.Replay()
	}
	if out.Reason == looppb.ErrorReason_ERROR_REASON_LOOP_BUSY {
		out.LoopSaid = apierror.BusyFrench(failure.RetryAfter)
	}
	switch record.State {
	case ledger.NotSent:
		if out.Code == codes.OK {
			out.Code, out.Reason = codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE
		}
		out.Help = append(apierror.Cures(out.Reason), s.words.nothing+" Send the same request_id again.")
	case ledger.Refused:
		out.Code, out.Reason = codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED
		out.Help = []string{s.words.nothing + " " + s.words.mend}
	case ledger.Uncertain:
		out.Code, out.Reason = codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN
		out.Message = "it was sent, and nobody knows what became of it: it is not sent again by itself"
		out.Help = []string{
			"Repeat the call with the same request_id at any time: it sends nothing, and answers the outcome once it is known.",
			s.words.look,
		}
	default:
		return nil
	}
	return out.Err()
}

func reasonNamed(name string) looppb.ErrorReason {
	return looppb.ErrorReason(looppb.ErrorReason_value["ERROR_REASON_"+name])
}

func writeState(state ledger.State) looppb.WriteState {
	return looppb.WriteState(looppb.WriteState_value["WRITE_STATE_"+string(state)])
}

func writeError(f *ledger.Failure) *looppb.WriteError {
	if f == nil {
		return nil
	}
	return &looppb.WriteError{
		Reason: f.Reason, Message: f.Message, LoopMessage: f.LoopMessage, LoopInstanceId: f.LoopInstanceID, HttpStatus: int32(f.HTTPStatus),
	}
}
