package service

import (
	"context"
	"errors"
	"log/slog"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
	"cegid.internal/gateway/server/internal/wording"
)

// Permissions is what writes need of the policy.
type Permissions interface {
	// Readable tells what each grant of a caller on a practice, or on any, lets it read.
	Readable(caller, practice string) []ledger.Grant
	// Operable tells where each grant of a caller lets it see the state of imports.
	Operable(caller, practice string) []ledger.Grant
}

// Writes is what the services share whose writes go under the ledger.
type Writes struct {
	practices   *tenant.Practices
	writer      *submission.Writer
	permissions Permissions
	caller      func(context.Context) string
	refuse      func(ctx context.Context, method string) error
	log         *slog.Logger
}

// NewWrites returns what they share; caller tells who makes a call, and refuse makes the error of one who may not decide on a write.
func NewWrites(practices *tenant.Practices, writer *submission.Writer, permissions Permissions, caller func(context.Context) string,
	refuse func(ctx context.Context, method string) error, log *slog.Logger,
) Writes {
	return Writes{practices: practices, writer: writer, permissions: permissions, caller: caller, refuse: refuse, log: log}
}

// named is a request that names a write.
type named interface {
	GetPractice() string
	GetDossier() string
	GetRequestId() string
}

func keyOf(request named, collection ledger.Collection) ledger.Key {
	return ledger.Key{
		Practice: request.GetPractice(), Dossier: request.GetDossier(), Collection: collection,
		RequestID: request.GetRequestId(),
	}
}

// request is what each write says of itself.
func (s *Writes) request(ctx context.Context, in interface {
	named
	GetMetadata() map[string]string
	GetAllowDuplicate() bool
}, collection ledger.Collection,
) submission.Request {
	return submission.Request{
		Key: keyOf(in, collection), Caller: s.caller(ctx), Metadata: in.GetMetadata(),
		AllowDuplicate: in.GetAllowDuplicate(),
	}
}

// told is an error of submission's as a caller sees it; what is not submission's stays as it is.
func (s *Writes) told(ctx context.Context, err error) error {
	if errors.As(err, new(*submission.NotAllowedError)) {
		return s.refuse(ctx, looppb.ImportService_ResolveImport_FullMethodName)
	}
	return wording.Of(ctx, err, func(err error) { s.log.Debug("the ledger does not answer", "error", err.Error()) })
}

// Unavailable is an error of the ledger's as a caller sees it.
func (s *Writes) Unavailable(ctx context.Context, err error) error {
	return s.told(ctx, &submission.LedgerError{Err: err})
}

var rpcNames = map[ledger.Kind]string{
	ledger.KindEntries: "ImportService.ImportEntries", ledger.KindFile: "ImportService.ImportFile",
	ledger.KindDocument: "DocumentService.StoreDocument", ledger.KindRaw: "RawService.Call",
}

// RPCName is the call that a kind of write comes by, as the audit has it.
func RPCName(kind ledger.Kind) string { return rpcNames[kind] }
