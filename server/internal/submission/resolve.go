package submission

import (
	"context"
	"errors"

	"cegid.internal/gateway/server/internal/ledger"
)

// Decision is what somebody wants to be done about an import whose outcome is open: one of Statement and Again, or a look into
// Loop.
type Decision struct {
	ledger.Key
	Caller string
	// Statement is what a person states.
	Statement *Word
	// Again is what is to be sent again: the same as before.
	Again *Again
}

// Word says whether an import is booked.
type Word struct {
	Booked bool
	Note   string
}

// Again is an import once more: one of them. Its Request is the decision's.
type Again struct {
	Entries *Entries
	File    *File
}

// Resolved is what was done about an import.
type Resolved struct {
	// Record is the import as it is. Replayed: it was sent again, or said, before.
	Record   ledger.Record
	Replayed bool
	// Unproven: somebody said that it is not booked, and no look that can see had shown it.
	Unproven bool
	// Action is check, confirm or resubmit; Result is a verdict, what was stated, or a state. Empty when nothing was done.
	Action, Result string
}

// Resolve carries a decision out. What was sent again is resolved, also when it ended in an error.
func (w *Writer) Resolve(ctx context.Context, p Practice, d Decision) (Resolved, error) {
	record, err := w.find(ctx, d.Caller, d.Key, ErrImportUnknown)
	if err != nil {
		return Resolved{}, err
	}
	r := &resolving{Writer: w, practice: p, by: d.Caller, Resolved: Resolved{Record: record}}
	switch {
	case d.Statement != nil:
		r.Action = "confirm"
		err = r.confirm(ctx, *d.Statement)
	case d.Again != nil:
		r.Action = "resubmit"
		err = r.resubmit(ctx, *d.Again)
	default:
		r.Action = "check"
		err = r.check(ctx)
	}
	if r.Result != "" && w.Resolved != nil {
		w.Resolved(ctx, d.Caller, r.Resolved)
	}
	if err != nil {
		return Resolved{}, r.moved(ctx, err)
	}
	return r.Resolved, nil
}

// resolving is a decision under way.
type resolving struct {
	*Writer
	Resolved
	practice Practice
	by       string
}

// demand refuses callers who may not decide on writes of the dossier.
func (r *resolving) demand() error {
	if r.Permissions.MayAdminister(r.by, r.Record.Practice, r.Record.Dossier) {
		return nil
	}
	return &NotAllowedError{}
}

// check looks for the import in Loop and keeps what it sees.
func (r *resolving) check(ctx context.Context) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.Result = string(r.Record.State); r.Record.State.Resolvable() {
		r.Result = string(r.Record.Evidence.Verdict)
	}
	return nil
}

// look asks Loop about an import that it has accepted, and looks for its entries. Where Loop says that it is booked,
// there is nothing to resolve after it.
func (r *resolving) look(ctx context.Context) error {
	if !r.Record.State.Resolvable() {
		return &NothingToResolveError{r.Record}
	}
	accepted, err := r.askLoop(ctx) // first: it may be booked as it fails
	if err != nil || !r.Record.State.Resolvable() {
		return err
	}
	search, err := look{r.practice.Client, r.Ledger, r.Record}.at(ctx, spread(searchable(r.Record.DocumentReferences), mostSearched))
	if err != nil {
		return err // what was seen before stays
	}
	search.Caller, search.Accepted = r.by, accepted
	record, err := r.Ledger.Checked(ctx, r.Record.Key, search)
	if err != nil {
		return ledgerFault(err)
	}
	r.Record = record
	return nil
}

// askLoop asks Loop, which has accepted an import and did not end it in time, what became of it, and keeps its final word.
// Without one, it is still accepted: not knowing is no failure, and Loop may still book it.
func (r *resolving) askLoop(ctx context.Context) (accepted bool, err error) {
	if r.Record.State != ledger.Uncertain || r.Record.LoopRequestID == "" {
		return false, nil
	}
	status, err := r.practice.Client.Imports.Status(ctx, r.Record.LoopRequestID)
	if err != nil || !status.State.Final() {
		return true, nil
	}
	record, err := r.Ledger.Concluded(ctx, r.Record.Key, r.Record.Attempt, r.Record.LoopRequestID, finally(status))
	if err != nil {
		return false, ledgerFault(err)
	}
	r.Record = record
	return false, nil
}

// prove looks for the import and refuses what may be booked.
func (r *resolving) prove(ctx context.Context) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	switch {
	case !r.Record.State.Resolvable():
		return &NothingToResolveError{r.Record}
	case !r.Record.Evidence.Proves():
		return &MayBeBookedError{r.Record}
	}
	return nil
}

// confirm takes a person's statement.
func (r *resolving) confirm(ctx context.Context, word Word) error {
	if !word.Booked {
		if err := r.demand(); err != nil {
			return err
		}
		if r.Record.State.Resolvable() { // else it was said already, or there is nothing to say
			if err := r.look(ctx); err != nil && !errors.Is(err, ledger.ErrLost) { // somebody says it at the same time
				return err
			}
		}
	}
	record, again, err := r.Ledger.Confirm(ctx, r.Record.Key, r.Record.Attempt,
		ledger.Statement{Booked: word.Booked, Caller: r.by, Note: word.Note})
	if err != nil {
		return ledgerFault(err)
	}
	r.Record, r.Replayed, r.Unproven = record, again, record.Resolution.Statement.Unproven
	if r.Result = "NOT_BOOKED"; word.Booked {
		r.Result = "BOOKED"
	}
	return nil
}

// resubmit sends the import again: for that, a caller with the right to operate needs the right to write, too.
func (r *resolving) resubmit(ctx context.Context, again Again) error {
	if err := r.demand(); err != nil {
		return err
	}
	if !r.Permissions.MayWrite(r.by, r.Record.Practice, r.Record.Dossier) {
		return &NotAllowedError{}
	}
	var it write
	if again.File != nil {
		var err error
		if it, err = r.file(ctx, r.practice, *again.File, r.Record.Caller); err != nil {
			return err
		}
	} else {
		it = r.entries(r.practice, *again.Entries)
	}
	if r.Record.Kind != it.submission.Kind || !it.submission.Same(r.Record.Fingerprint) {
		return fail(it.submission.Kind, ErrReused)
	}
	if !r.Record.State.Resolvable() {
		return r.resubmitted(ctx, it.submission)
	}
	err := prepared(ctx, func(ctx context.Context) error {
		if err := it.check(ctx, &it.submission); err != nil {
			return err
		}
		return r.prove(ctx)
	})
	if errors.Is(err, ledger.ErrLost) { // somebody does it at the same time
		if r.Record, err = r.Ledger.Get(ctx, r.Record.Key); err != nil {
			return ledgerFault(err)
		}
		return r.resubmitted(ctx, it.submission)
	}
	if err != nil {
		return err
	}
	sent, err := r.Sender.Resubmit(ctx, it.submission, r.Record.Attempt, r.by, it.send)
	if errors.Is(err, ledger.ErrEvidence) || errors.Is(err, ledger.ErrLost) {
		return ledgerFault(err)
	}
	return r.ended(it.submission, sent, err)
}

// resubmitted answers a repetition: what became of the call before.
func (r *resolving) resubmitted(ctx context.Context, s ledger.Submission) error {
	if r.Record.Resolution == nil || r.Record.Resolution.Resubmissions == 0 || r.Record.State.NothingBooked() {
		return &NothingToResolveError{r.Record}
	}
	record, err := r.Sender.Await(ctx, r.Record)
	return r.ended(s, Result{record, true}, err)
}

// ended takes what became of what was sent again.
func (r *resolving) ended(s ledger.Submission, sent Result, err error) error {
	result, err := r.outcome(s, &sent, err)
	if result.State != "" {
		r.Record, r.Replayed, r.Result = result.Record, result.Replayed, string(result.State)
	}
	return err
}

// moved says why the ledger takes no decision on the import.
func (r *resolving) moved(ctx context.Context, err error) error {
	stated, otherwise := errors.AsType[*ledger.StatedError](err)
	if !otherwise && !errors.Is(err, ledger.ErrLost) && !errors.Is(err, ledger.ErrEvidence) {
		return err
	}
	now, failed := r.Ledger.Get(ctx, r.Record.Key)
	switch {
	case failed != nil:
		return ledgerFault(failed)
	case otherwise:
		return &StatedOtherwiseError{now, stated.Of}
	case errors.Is(err, ledger.ErrEvidence):
		return &MayBeBookedError{now}
	}
	return &NothingToResolveError{now}
}
