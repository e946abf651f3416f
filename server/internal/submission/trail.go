package submission

import (
	"context"
	"encoding/hex"
	"log/slog"

	"cegid.internal/gateway/server/internal/ledger"
)

// ahead is the audit's record of what is about to be sent: all that a ledger which has forgotten it is restored by. It has
// neither references nor what entries are told by.
func (i *Sender) ahead(ctx context.Context, r ledger.Record) []slog.Attr {
	return append(i.of(ctx, "submitting", r),
		slog.String("kind", string(r.Kind)), slog.String("format", r.Format),
		slog.Int("scheme", int(r.Fingerprint.Scheme)), slog.String("content", hex.EncodeToString(r.Fingerprint.Sum[:])),
		slog.Int("entries", r.Totals.Entries), slog.Int("lines", r.Totals.Lines), slog.String("debit", r.Totals.Debit),
		slog.String("credit", r.Totals.Credit),
		slog.String("first_date", r.Totals.FirstDate), slog.String("last_date", r.Totals.LastDate))
}

// note writes the audit's record of an attempt that has ended.
func (i *Sender) note(ctx context.Context, r ledger.Record) {
	i.cfg.Audit.LogAttrs(ctx, slog.LevelInfo, "audit", append(i.of(ctx, "submitted", r), slog.Int("entries", r.Totals.Entries),
		slog.Int("lines", r.Totals.Lines), slog.String("debit", r.Totals.Debit), slog.String("state", string(r.State)),
		slog.String("loop_request_id", r.LoopRequestID))...)
}

// of names an attempt. write is the same in all records of one attempt, and in those of no other.
func (i *Sender) of(ctx context.Context, event string, r ledger.Record) []slog.Attr {
	return append([]slog.Attr{
		slog.String("event", event), slog.String("caller", r.Caller), slog.String("rpc", i.cfg.RPC(r.Kind)), slog.String("practice", r.Practice),
		slog.String("dossier", r.Dossier), slog.String("collection", string(r.Collection)), slog.String("import", r.RequestID),
		slog.Int("attempt", r.Attempt), slog.String("write", r.Owner),
	}, i.cfg.Call(ctx)...)
}
