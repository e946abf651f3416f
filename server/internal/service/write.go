package service

import (
	"context"
	"log/slog"

	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
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
