package interceptor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cegid.internal/gateway/server/internal/policy"
)

const (
	// refusalsAtOnce and refusalsPerSecond of one caller for one reason have a record each; those beyond are counted, and
	// told every refusalsEvery: whoever is refused as fast as he can call must not fill the disk.
	refusalsAtOnce    = 100
	refusalsPerSecond = 10
	refusalsEvery     = time.Second
)

// Refusals tells the audit of refused access. The servers share it.
type Refusals struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[refusalKind]*refusalCount // as many as callers and reasons, both of which we name
	timer *time.Timer                   // until those that were counted are told; nil without any
}

type refusalKind struct{ caller, by, why string }

type refusalCount struct {
	limit *rate.Limiter
	more  int
}

// NewRefusals returns one that writes to the audit.
func NewRefusals(audit *slog.Logger) *Refusals {
	return &Refusals{log: audit, kinds: map[refusalKind]*refusalCount{}}
}

// note notes a refused access.
func (r *Refusals) note(ctx context.Context, method, why string) {
	call := CallFrom(ctx)
	if !r.first(refusalKind{call.Caller, call.By, why}) {
		return
	}
	r.log.LogAttrs(ctx, slog.LevelWarn, "audit", slog.String("event", "refused"), slog.String("why", why), slog.String("method", clip(method)),
		slog.String("caller", call.Caller), slog.String("by", call.By), slog.String("practice", call.Practice),
		slog.String("dossier", call.Dossier),
		slog.String("request_id", call.RequestID))
}

// Refuse notes that a caller lacks a right, and returns what it is told. For handlers that learn only from the request what
// it is about.
func (r *Refusals) Refuse(ctx context.Context, method string, right policy.Right) error {
	r.note(ctx, method, "needs the right to "+right.String())
	return notAllowed()
}

// first tells whether a refusal has a record of its own; else it is counted.
func (r *Refusals) first(kind refusalKind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	count, known := r.kinds[kind]
	if !known {
		count = &refusalCount{limit: rate.NewLimiter(refusalsPerSecond, refusalsAtOnce)}
		r.kinds[kind] = count
	}
	if count.limit.Allow() {
		return true
	}
	count.more++
	if r.timer == nil {
		r.timer = time.AfterFunc(refusalsEvery, r.Flush)
	}
	return false
}

// Flush tells of those that were counted since the last time.
func (r *Refusals) Flush() {
	r.mu.Lock()
	more := map[refusalKind]int{}
	for kind, count := range r.kinds {
		if count.more > 0 {
			more[kind] = count.more
			count.more = 0
		}
	}
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.mu.Unlock()
	for kind, count := range more {
		r.log.LogAttrs(context.Background(), slog.LevelWarn, "audit", slog.String("event", "refused"), slog.String("why", kind.why),
			slog.String("caller", kind.caller), slog.String("by", kind.by), slog.Int("more", count))
	}
}
