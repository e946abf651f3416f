package submission

import (
	"context"
	"errors"
	"fmt"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission/spool"
)

// The errors of this package say what happened; wording has the table that gives them code, reason and sentence. Besides
// them come those of cegidclient, and those of a context that ended.

// Failed is an error of a write, of which the table speaks in the words of its kind. What it holds and nobody else has made is
// the ledger's.
type Failed struct {
	Of  ledger.Kind
	Err error
}

func (e *Failed) Error() string { return string(e.Of) + ": " + e.Err.Error() }

// Unwrap gives what happened.
func (e *Failed) Unwrap() error { return e.Err }

// LedgerError says that the ledger did not answer.
type LedgerError struct{ Err error }

func (e *LedgerError) Error() string { return e.Err.Error() }

// Unwrap gives what the ledger said.
func (e *LedgerError) Unwrap() error { return e.Err }

// OutcomeError says that a write ended otherwise than well; its record says how.
type OutcomeError struct{ Result Result }

func (e *OutcomeError) Error() string { return "the write is " + string(e.Result.State) }

// DuplicateError says that the same content has another id.
type DuplicateError struct {
	// Of is the other write; zero unless Visible, to who asks.
	Of      ledger.Record
	Visible bool
}

func (e *DuplicateError) Error() string { return "the same content was sent under another id" }

// EntryImportedError says that entries are in other imports, which are booked or may be.
type EntryImportedError struct {
	// Overlaps are those of the entries that would be booked twice, in their order.
	Overlaps []EntryOverlap
}

func (e *EntryImportedError) Error() string { return "entries are in other imports" }

// Findings tell of each entry, or once of all that are of a file.
func (e *EntryImportedError) Findings() []check.Finding { return findings(e.Overlaps) }

// RefusedError says that checks found errors in entries, FileRefusedError that they did in a file.
type (
	RefusedError     struct{ Findings []check.Finding }
	FileRefusedError struct{ Findings []check.Finding }
)

func (e *RefusedError) Error() string     { return "the entries have errors" }
func (e *FileRefusedError) Error() string { return "the file has errors" }

// FieldError says that an argument is wrong. Value is what the sentence about some problems names.
type FieldError struct {
	Field   string
	Problem Problem
	Value   string
}

func (e *FieldError) Error() string { return e.Field + ": " + string(e.Problem) + " " + e.Value }

// Problem is what is wrong with an argument.
type Problem string

// The problems. Some are of any link, file or raw call, and others of one field.
const (
	NotIgnorable       Problem = "not ignorable"  // Value: the code
	FormatMissing      Problem = "format missing" // of a link
	ModelMissing       Problem = "model missing"  // of a custom file
	ModelGiven         Problem = "model given"    // of another one
	LinkRelative       Problem = "link relative"  // or unreadable
	LinkUser           Problem = "link with user" // or password
	LinkFragment       Problem = "link with fragment"
	LinkPlain          Problem = "link not https"
	LinkExpires        Problem = "link expires"        // before Loop fetches it
	DocumentType       Problem = "document type"       // not one that Loop reads
	DocumentOtherType  Problem = "document other type" // Value: what it is
	DocumentExtension  Problem = "document extension"  // Value: what it is to be
	RawDossierMissing  Problem = "dossier missing"
	RawDossierGiven    Problem = "dossier given"      // to a route of the practice's
	RawRequestID       Problem = "request id missing" // of a write
	RawBodyGiven       Problem = "body given"         // to a read
	RawBodyInvalid     Problem = "body invalid"
	RawNoParameters    Problem = "no parameters"    // of the route
	RawOtherParameters Problem = "other parameters" // Value: those of the route
	ExtraField         Problem = "extra field"      // may name another dossier
)

// Problems returns all of them: tests of wording hold that each has its words.
func Problems() []Problem {
	return []Problem{
		NotIgnorable, FormatMissing, ModelMissing, ModelGiven, LinkRelative, LinkUser, LinkFragment, LinkPlain, LinkExpires,
		DocumentType, DocumentOtherType, DocumentExtension, RawDossierMissing, RawDossierGiven, RawRequestID, RawBodyGiven,
		RawBodyInvalid, RawNoParameters, RawOtherParameters, ExtraField,
	}
}

// FormatError says that a file is not of the format that its import names, but of another.
type FormatError struct{ Is Format }

func (e *FormatError) Error() string { return "the file is of the format " + string(e.Is) }

// FileTooLargeError says how many bytes a file may have.
type FileTooLargeError struct{ Most int64 }

func (e *FileTooLargeError) Error() string {
	return fmt.Sprintf("the file has more than %d bytes", e.Most)
}

// UnverifiedError says that an operation is not verified, and that the operator has not enabled it. Field asks for it.
type UnverifiedError struct{ Operation, Field string }

func (e *UnverifiedError) Error() string { return e.Field + ": " + e.Operation + " is not enabled" }

// NotAllowedError says that a caller lacks the right to administer the dossier.
type NotAllowedError struct{}

func (e *NotAllowedError) Error() string {
	return "the caller may not decide on writes of this dossier"
}

// NothingToResolveError, MayBeBookedError and StatedOtherwiseError say why a decision on an import is not taken; Record is as
// it is now.
type (
	NothingToResolveError struct{ Record ledger.Record }
	MayBeBookedError      struct{ Record ledger.Record }
	StatedOtherwiseError  struct {
		Record ledger.Record
		Of     ledger.Statement
	}
)

func (e *NothingToResolveError) Error() string { return "there is nothing to resolve" }
func (e *MayBeBookedError) Error() string      { return "the import may be booked" }
func (e *StatedOtherwiseError) Error() string  { return "somebody has stated otherwise" }

// RouteError says that a raw call is not for a route that the operator has listed.
type RouteError struct {
	// RPCs wrap the route; Deprecated: Loop does not want it called; Closed: no route is listed at all.
	RPCs               []string
	Deprecated, Closed bool
}

func (e *RouteError) Error() string { return "the route may not be called" }

// OtherDossierError says that a field of a raw call names a dossier that is not the call's own.
type OtherDossierError struct{ Field string }

func (e *OtherDossierError) Error() string { return e.Field + ": another dossier is named" }

var (
	// ErrFull, ErrCallerFull and ErrNoRoom are the spool's: there is no place for a file.
	ErrFull       = spool.ErrFull
	ErrCallerFull = spool.ErrCallerFull
	ErrNoRoom     = spool.ErrNoRoom

	// ErrReused says that the id is that of another write.
	ErrReused = ledger.ErrReused
	// ErrGoesOn comes with the end of a caller's context while its submission, which the ledger has, may go on without it.
	ErrGoesOn = errors.New("submission: it may go on")
	// ErrStopping says that nothing more is taken on.
	ErrStopping = errors.New("submission: stopping")
	// ErrPreparation says that Loop did not answer in time what is read before a write is sent.
	ErrPreparation = errors.New("submission: what is read before the write took too long")
	// ErrImportUnknown, ErrDocumentUnknown and ErrDepositUnknown do not tell what others have from what does not exist.
	ErrImportUnknown   = errors.New("submission: no such import")
	ErrDocumentUnknown = errors.New("submission: no such document")
	ErrDepositUnknown  = errors.New("submission: no such deposit")
	// ErrDocumentEmpty and ErrDocumentTooLarge are of a document's bytes.
	ErrDocumentEmpty    = errors.New("submission: the document is empty")
	ErrDocumentTooLarge = errors.New("submission: the document is too large")
)

// fail makes an error that of a kind of write.
func fail(of ledger.Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Failed{of, err}
}

// ledgerFault tells an error of the ledger from the end of the caller's context.
func ledgerFault(err error) error {
	if err == nil || Interrupted(err) {
		return err
	}
	return &LedgerError{err}
}

// Interrupted says whether an error is the end of a context.
func Interrupted(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
