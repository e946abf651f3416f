package submission

import (
	"cmp"
	"context"
	"errors"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/submission/preflight"
	"cegid.internal/gateway/server/internal/submission/spool"
)

// Permissions is what writes need of the policy.
type Permissions interface {
	// MayRead, MayWrite, MayOperate and MayAdminister tell a caller's rights on a dossier of a practice.
	MayRead(caller, practice, dossier string) bool
	MayWrite(caller, practice, dossier string) bool
	MayOperate(caller, practice, dossier string) bool
	MayAdminister(caller, practice, dossier string) bool
}

// Practice is what a write needs of one.
type Practice struct {
	Name   string
	Client *cegidclient.Client
	// Books names the domain at Loop whose dossiers its entries are booked into, which practices with one key share; empty is its
	// own.
	Books string
	// PlainLinks lets links to files begin with http://.
	PlainLinks bool
}

// books are those that entries of a dossier are booked into.
func (p Practice) books(dossier string) ledger.Books {
	return ledger.Books{Domain: cmp.Or(p.Books, p.Name), Dossier: dossier}
}

// enabled tells whether an operation of the inventory may be used, of which the client decides.
func (p Practice) enabled(id string) bool {
	op, known := cegidclient.OperationByID(id)
	return known && p.Client.Enabled(&op)
}

// Writer carries out writes: each use case is a method. Its fields are set before it is used, and stay.
type Writer struct {
	Ledger      *ledger.Ledger
	Sender      *Sender
	Preflight   *preflight.Cache
	Spool       *spool.Spool
	Permissions Permissions
	Door        *rawdoor.Door
	// RPCs are the names of those that wrap an operation.
	RPCs func(operation string) []string
	// MaxFile is the most bytes that a file of entries may have, DepositLifetime how long one that was deposited can be imported.
	MaxFile int64
	// LoopModel is what is assumed of Loop where it is unknown how it reads a file.
	LoopModel       filecheck.LoopModel
	DepositLifetime time.Duration
	// Resolved receives each import that Resolve has done something about; by is the caller.
	Resolved func(ctx context.Context, by string, done Resolved)
}

// Request is what every write says of itself.
type Request struct {
	ledger.Key
	Caller         string
	Metadata       map[string]string
	AllowDuplicate bool
}

// submission has what the request says.
func (r Request) submission(of ledger.Kind) ledger.Submission {
	return ledger.Submission{Key: r.Key, Caller: r.Caller, Kind: of, Metadata: r.Metadata, AllowDuplicate: r.AllowDuplicate}
}

// write is an import that can be sent.
type write struct {
	submission ledger.Submission
	// check refuses what may not be sent, and completes the submission.
	check func(context.Context, *ledger.Submission) error
	send  func(context.Context) (loopRequestID string, err error)
}

// once sends it, unless the ledger knows it already.
func (w *Writer) once(ctx context.Context, it write) (Result, error) {
	// What the ledger knows is answered before the checks: dossier, link or deposit may have changed since.
	known, err := w.known(ctx, it.submission)
	if err != nil || known != nil {
		return w.outcome(it.submission, known, err)
	}
	if err := prepared(ctx, func(ctx context.Context) error { return it.check(ctx, &it.submission) }); err != nil {
		return Result{}, err
	}
	result, err := w.Sender.Submit(ctx, it.submission, it.send)
	return w.outcome(it.submission, &result, err)
}

// known answers what the ledger has under the id, unless it may be sent anew.
func (w *Writer) known(ctx context.Context, s ledger.Submission) (*Result, error) {
	record, err := w.Ledger.Get(ctx, s.Key)
	switch {
	case errors.Is(err, ledger.ErrUnknown):
		return nil, nil
	case err != nil:
		return nil, err
	case record.State.NothingBooked():
		return nil, nil
	case !s.Repeats(record):
		return nil, ErrReused
	}
	record, err = w.Sender.Await(ctx, record)
	return &Result{Record: record, Replayed: true}, err
}

// outcome is what became of a write, or the error that it ended with.
func (w *Writer) outcome(s ledger.Submission, result *Result, err error) (Result, error) {
	if duplicate, is := errors.AsType[*ledger.DuplicateError](err); is {
		err = &DuplicateError{}
		if w.visible(s.Caller, duplicate.Of) {
			err = &DuplicateError{Of: duplicate.Of, Visible: true}
		}
	}
	if overlap, is := errors.AsType[*ledger.OverlapError](err); is {
		err = &EntryImportedError{w.overlapsFor(s.Caller, overlap.Overlaps)}
	}
	if errors.Is(err, ledger.ErrNoDigests) { // they go with their deposit
		err = ErrDepositUnknown
	}
	if err != nil {
		return Result{}, fail(s.Kind, err)
	}
	switch result.State {
	case ledger.NotSent, ledger.Refused, ledger.Uncertain:
		return *result, fail(s.Kind, &OutcomeError{*result})
	}
	return *result, nil
}

// visible: a caller's own writes, and those of dossiers that it may read.
func (w *Writer) visible(caller string, record ledger.Record) bool {
	return record.Caller == caller || w.Permissions.MayRead(caller, record.Practice, record.Dossier)
}

// Shows tells whether a caller may see what was written, too; one who operates alone sees its state.
func (w *Writer) Shows(caller string, record ledger.Record) bool { return w.visible(caller, record) }

// operable: a caller who may operate on a dossier finds its imports.
func (w *Writer) operable(caller string, record ledger.Record) bool {
	return record.Collection == ledger.Imports && w.Permissions.MayOperate(caller, record.Practice, record.Dossier)
}

// find returns a write that a caller may see, or operate on; else unknown.
func (w *Writer) find(ctx context.Context, caller string, key ledger.Key, unknown error) (ledger.Record, error) {
	record, err := w.Ledger.Get(ctx, key)
	if errors.Is(err, ledger.ErrUnknown) || err == nil && !w.visible(caller, record) && !w.operable(caller, record) {
		return ledger.Record{}, unknown
	}
	return record, ledgerFault(err)
}

// Preparation is how long may take what is read from Loop before a write is noted, all together. With it, the wait for a
// turn and the call itself, a caller with the default deadline learns how its write ends.
const Preparation = 10 * time.Second

// prepared does what is read from Loop before a write is noted.
func prepared(ctx context.Context, read func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, Preparation)
	defer cancel()
	err := read(within)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return ErrPreparation
	}
	return err
}

// shared makes sure that the practice's key may touch a dossier, before something is sent to it.
func (w *Writer) shared(ctx context.Context, p Practice, dossier string) error {
	return prepared(ctx, func(ctx context.Context) error { return w.Preflight.Dossier(ctx, p.Name, p.Client, dossier) })
}
