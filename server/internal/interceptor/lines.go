package interceptor

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

const (
	// linesPerSecond and linesAtOnce of a caller's calls that end alike have a line each, and strangersLines of those of
	// unknown clients; the rest is told every linesEvery. Of probes, one has a line in each probesEvery.
	linesPerSecond, linesAtOnce        = 100, 1000
	strangersPerSecond, strangersLines = 10, 100
	linesEvery                         = time.Second
	probesEvery                        = time.Minute
)

// Lines writes one line for each call, and keeps its record for its caller. The servers share it.
type Lines struct {
	log      *slog.Logger
	dossiers bool
	calls    *Calls

	known, strangers, probes *Sampler[lineKind]
	unlogged                 atomic.Int64
}

// lineKind is few: callers are those of the policy.
type lineKind struct {
	caller string
	code   codes.Code
	reason looppb.ErrorReason
	probe  string // its method
}

// NewLines writes to log, with the dossier where the operator wants it there. calls may be nil.
func NewLines(log *slog.Logger, dossiers bool, calls *Calls, registry prometheus.Registerer) *Lines {
	l := &Lines{log: log, dossiers: dossiers, calls: calls}
	tell := func(msg string) func(lineKind, int) {
		return func(kind lineKind, more int) {
			l.unlogged.Add(int64(more))
			log.LogAttrs(context.Background(), levelOf(kind.code, true), msg, slog.String("caller", kind.caller), slog.String("method", kind.probe),
				slog.String("code", kind.code.String()), slog.String("reason", reasonText(kind.code, kind.reason)), slog.Int("more", more))
		}
	}
	l.known = NewSampler(linesPerSecond, linesAtOnce, linesEvery, tell("more calls"))
	l.strangers = NewSampler(strangersPerSecond, strangersLines, linesEvery, tell("more calls"))
	l.probes = NewSampler(rate.Every(probesEvery), 1, probesEvery, tell("more probes"))
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gateway_calls_without_line_total", Help: "Calls that the log has counted, and given no line of their own.",
	}, func() float64 { return float64(l.unlogged.Load()) }))
	return l
}

// Flush tells of the calls that have no line of their own so far.
func (l *Lines) Flush() {
	for _, sampler := range []*Sampler[lineKind]{l.known, l.strangers, l.probes} {
		sampler.Flush()
	}
}

// write writes the line of a call that has ended, and keeps its record.
func (l *Lines) write(ctx context.Context, method string, began time.Time, err error) {
	call, took := CallFrom(ctx), time.Since(began)
	attempts, upstream := call.Attempts()
	turn, ledger := call.Waits()
	said, code, reason := call.LoopSaid(), status.Code(err), apierror.ReasonOf(err)
	l.calls.keep(call, CallRecord{
		Method: method, Code: code, Reason: reason, Began: began, Took: took,
		Attempts: attempts, Turn: turn, Loop: upstream, Ledger: ledger, Said: said,
	})
	kind := lineKind{caller: call.Caller, code: code, reason: reason}
	sampled := l.known
	switch {
	case public("/" + method):
		sampled, kind.probe = l.probes, method
	case call.Caller == "":
		sampled = l.strangers
	}
	if !sampled.First(kind) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", method),
		slog.String("code", code.String()),
		slog.String("caller", call.Caller),
		slog.String("by", call.By),
		slog.String("identity", call.Identity),
		slog.String("transport", call.Transport),
		slog.String("peer", call.Peer),
		slog.String("user_agent", call.UserAgent),
		slog.String("practice", call.Practice),
		slog.String("request_id", call.RequestID),
		slog.Float64("seconds", took.Seconds()),
		slog.Float64("wait_seconds", turn.Seconds()),
		slog.Int64("loop_attempts", attempts),
		slog.Float64("loop_seconds", upstream.Seconds()),
		slog.Int("loop_status", said.Status),
		slog.Float64("ledger_seconds", ledger.Seconds()),
	}
	if call.Trace != "" {
		attributes = append(attributes, slog.String("trace_id", call.Trace))
	}
	if said.Code != "" {
		attributes = append(attributes, slog.String("loop_code", said.Code))
	}
	if said.RequestID != "" {
		attributes = append(attributes, slog.String("loop_request_id", said.RequestID))
	}
	if l.dossiers {
		attributes = append(attributes, slog.String("dossier", call.Dossier))
	}
	if err != nil {
		attributes = append(attributes, slog.String("reason", apierror.ReasonName(reason)))
	}
	if call.Why != "" {
		attributes = append(attributes, slog.String("why", call.Why))
	}
	l.log.LogAttrs(ctx, levelOf(code, attempts > 0), "call", attributes...)
}

// levelOf tells faults from the rest. attempted: an unknown outcome is one of an attempt, and not a repeat that answers what
// is known.
func levelOf(code codes.Code, attempted bool) slog.Level {
	if code == codes.Internal || code == codes.Unknown && attempted {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// reasonText is the contract's reason; where there is none, the code.
func reasonText(code codes.Code, reason looppb.ErrorReason) string {
	if reason == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return code.String()
	}
	return apierror.ReasonName(reason)
}

// logCalls writes one line per call. Never a name or an amount, and a dossier where the operator wants it.
func logCalls(lines *Lines, known map[string]policy.Access) Named {
	return around("log", func(ctx context.Context, method string, _ bool, next func(context.Context) error) error {
		began := time.Now()
		err := next(ctx)
		lines.write(ctx, strings.TrimPrefix(methodName(known, method), "/"), began, err)
		return err
	})
}
