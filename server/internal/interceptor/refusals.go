package interceptor

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/policy"
)

const (
	// refusalsAtOnce and refusalsPerSecond of one caller for one reason have a record each; those beyond are counted, and
	// told every refusalsEvery: a caller who is refused as fast as he can call must not fill the disk.
	refusalsAtOnce    = 100
	refusalsPerSecond = 10
	refusalsEvery     = time.Second
)

// Refusals tells the audit of refused access, and counts it. The servers share it.
type Refusals struct {
	log    *slog.Logger
	kinds  *Sampler[refusalKind] // as many as callers and reasons, both of which we name
	counts *prometheus.CounterVec
}

type refusalKind struct{ caller, by, why string }

// NewRefusals returns one that writes to the audit.
func NewRefusals(audit *slog.Logger, registry prometheus.Registerer) *Refusals {
	r := &Refusals{log: audit, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_access_refused_total", Help: "Calls that were refused because nobody was known, or the policy does not allow them, " +
			"by why, as the audit says it.",
	}, []string{"why"})}
	registry.MustRegister(r.counts)
	r.kinds = NewSampler(refusalsPerSecond, refusalsAtOnce, refusalsEvery, func(kind refusalKind, more int) {
		audit.LogAttrs(context.Background(), slog.LevelWarn, "audit", slog.String("event", "refused"), slog.String("why", kind.why),
			slog.String("caller", kind.caller), slog.String("by", kind.by), slog.Int("more", more))
	})
	return r
}

// note notes a refused access.
func (r *Refusals) note(ctx context.Context, method, why string) {
	call := CallFrom(ctx)
	call.Why = why
	r.counts.WithLabelValues(why).Inc()
	if !r.kinds.First(refusalKind{call.Caller, call.By, why}) {
		return
	}
	r.log.LogAttrs(ctx, slog.LevelWarn, "audit", slog.String("event", "refused"), slog.String("why", why), slog.String("method", clip(method)),
		slog.String("caller", call.Caller), slog.String("by", call.By), slog.String("identity", call.Identity),
		slog.String("transport", call.Transport), slog.String("peer", call.Peer), slog.String("user_agent", call.UserAgent),
		slog.String("practice", call.Practice), slog.String("dossier", call.Dossier), slog.String("request_id", call.RequestID))
}

// Refuse notes that a caller lacks a right, and returns what it is told. For handlers that learn only from the request what
// it is about.
func (r *Refusals) Refuse(ctx context.Context, method string, right policy.Right) error {
	r.note(ctx, method, "needs the right to "+right.String())
	return notAllowed()
}

// Flush tells of those that were counted since the last time.
func (r *Refusals) Flush() { r.kinds.Flush() }
