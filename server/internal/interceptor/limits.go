package interceptor

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// Limits bound what each caller takes of the service, so that one job cannot take all of it. The servers share them.
type Limits struct {
	policy *policy.Policy
	mu     sync.Mutex
	usage  map[string]*usage // by caller; as many as policies ever named
}

// NewLimits returns the limits that a policy gives, as it changes.
func NewLimits(grants *policy.Policy) *Limits {
	return &Limits{policy: grants, usage: map[string]*usage{}}
}

// usage is what one caller takes.
type usage struct {
	limits          policy.Limits
	calls, streams  int
	held            int           // bytes of requests
	requests, bytes *rate.Limiter // nil without a limit
}

// place is what a call takes of its caller's limits, for as long as anybody holds it: the call itself, and whatever goes on
// without its caller, see Keep.
type place struct {
	limits    *Limits
	caller    string
	streaming bool
	held      int
	memory    *claim
	holders   int // of the limits' lock
}

// Keep lets what a call has begun count for its caller until it is done, however early the call ends: a caller who does not
// wait takes as much as one who does.
func Keep(ctx context.Context) (done func()) {
	p := CallFrom(ctx).place
	if p == nil { // nobody is limited
		return func() {}
	}
	p.limits.mu.Lock()
	defer p.limits.mu.Unlock()
	p.hold()
	p.memory.hold()
	return sync.OnceFunc(func() { p.leave(); p.memory.leave() })
}

// hold adds a holder. The lock is held.
func (p *place) hold() {
	if p.holders++; p.holders == 1 {
		p.count(1)
	}
}

func (p *place) leave() {
	p.limits.mu.Lock()
	defer p.limits.mu.Unlock()
	if p.holders--; p.holders == 0 {
		p.count(-1)
	}
}

func (p *place) count(n int) {
	u := p.limits.usage[p.caller]
	*u.underWay(p.streaming) += n
	u.held += n * p.held
}

// partSize is what each part of a request takes in memory beside its bytes, see MaxParts.
const partSize = 24

// inMemory is what the last request, of so many bytes, takes by estimate: an import holds its texts and what is sent of them.
func (r *reading) inMemory(size int) int { return 2*size + partSize*int(r.parts.Load()) }

// leastBurst of bytes, so that an answer takes few reservations.
const leastBurst = 64 << 10

// of returns a caller's usage under the limits that are in force. The lock is held.
func (l *Limits) of(caller string) *usage {
	u, known := l.usage[caller]
	if !known {
		u = &usage{}
		l.usage[caller] = u
	}
	if now := l.policy.Limits(caller); now != u.limits {
		u.limits = now
		burst := now.Burst
		if burst == 0 {
			burst = max(1, int(math.Ceil(now.RequestsPerSecond)))
		}
		u.requests = limiter(u.requests, now.RequestsPerSecond, burst)
		u.bytes = limiter(u.bytes, float64(now.BytesPerSecond), max(now.BytesPerSecond, leastBurst))
	}
	return u
}

// limiter changes a limiter without forgetting what was taken.
func limiter(before *rate.Limiter, perSecond float64, burst int) *rate.Limiter {
	switch {
	case perSecond <= 0:
		return nil
	case before == nil:
		return rate.NewLimiter(rate.Limit(perSecond), burst)
	}
	before.SetLimit(rate.Limit(perSecond))
	before.SetBurst(burst)
	return before
}

// admit lets a call in whose request takes so many bytes, or says what is exceeded. Its caller leaves the place.
func (l *Limits) admit(caller string, streaming bool, held int) (*place, *rate.Limiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(caller)
	if u.limits.Calls > 0 && *u.underWay(streaming) >= u.limits.Calls {
		return nil, nil, exceeded(time.Second,
			"%d calls of this caller are under way, writes that it does not wait for included, which is all it may have: wait for some to end",
			u.limits.Calls)
	}
	if u.limits.Bytes > 0 && u.held > 0 && u.held+held > u.limits.Bytes { // of one alone there is room
		return nil, nil, exceeded(time.Second, "the requests of this caller that are under way, writes that it does not wait for included, "+
			"take as much memory as they may, %d bytes: wait for some to end", u.limits.Bytes)
	}
	if wait := debt(u.bytes); wait > 0 {
		return nil, nil, exceeded(wait, "this caller may exchange %d bytes a second, and its last calls went beyond: wait",
			u.limits.BytesPerSecond)
	}
	if u.requests != nil {
		if turn := u.requests.Reserve(); turn.Delay() > 0 {
			wait := turn.Delay()
			turn.Cancel()
			return nil, nil, exceeded(wait, "this caller may begin %g calls a second: wait", u.limits.RequestsPerSecond)
		}
	}
	p := &place{limits: l, caller: caller, streaming: streaming, held: held}
	p.hold()
	return p, u.bytes, nil
}

// underWay counts streams apart: watches must not keep writes out.
func (u *usage) underWay(streaming bool) *int {
	if streaming {
		return &u.streams
	}
	return &u.calls
}

func exceeded(wait time.Duration, message string, args ...any) error {
	return apierror.Error{
		Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		Message: fmt.Sprintf(message, args...), RetryAfter: wait,
	}.Err()
}

// chargeFor charges what a message measures, where anybody counts.
func chargeFor(bytes *rate.Limiter, message any) {
	if bytes != nil {
		charge(bytes, sizeOf(message))
	}
}

// sizeOf is what a message measures.
func sizeOf(message any) int {
	switch m := message.(type) {
	case proto.Message:
		return proto.Size(m)
	case encoded:
		return len(m.Encoded())
	}
	return 0
}

// charge takes what a message measures, which nobody knew before it was there: it may leave a debt.
func charge(bytes *rate.Limiter, size int) {
	if bytes == nil {
		return
	}
	for now := time.Now(); size > 0; {
		part := min(size, bytes.Burst())
		bytes.ReserveN(now, part)
		size -= part
	}
}

// debt is how long it takes to make up for what was taken beyond the limit.
func debt(bytes *rate.Limiter) time.Duration {
	if bytes == nil {
		return 0
	}
	missing := -bytes.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(min(missing/float64(bytes.Limit()), (24*time.Hour).Seconds()) * float64(time.Second))
}

// limitCalls bounds what a caller takes of this service, and names it as the one whose turn it is towards Loop. What a unary call
// takes of memory it has when it comes here.
func limitCalls(l *Limits, memory *Memory) Named {
	return Named{
		Name: "inbound limits",
		Unary: func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			call, read := CallFrom(ctx), readingOf(ctx)
			if call.Caller == "" { // a public method
				if read.failed != nil {
					return nil, read.failed
				}
				return next(ctx, request)
			}
			// What could not be read was read all the same, and inflated.
			size := read.uncharged()
			if size == 0 {
				size = sizeOf(request)
			}
			place, bytes, err := l.admit(call.Caller, false, read.inMemory(size))
			if err != nil {
				return nil, err
			}
			defer place.leave()
			charge(bytes, size)
			if read.failed != nil {
				return nil, read.failed
			}
			place.memory = read.taking.claim
			call.place = place
			response, err := next(cegidclient.WithParty(ctx, call.Caller), request)
			if err == nil {
				chargeFor(bytes, response)
			}
			return response, err
		},
		Stream: func(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			call := CallFrom(inner.Context())
			caller := call.Caller
			if caller == "" {
				return next(server, &pacedStream{ServerStream: inner, ctx: inner.Context()})
			}
			place, bytes, err := l.admit(caller, true, 0)
			if err != nil {
				return err
			}
			defer place.leave()
			held, err := memory.stream(inner.Context(), info.FullMethod, caller)
			if err != nil {
				return err
			}
			defer held.leave()
			place.memory = held
			call.place = place
			ctx := cegidclient.WithParty(inner.Context(), caller)
			paced := &pacedStream{ServerStream: inner, ctx: ctx, bytes: bytes, memory: memory, caller: caller}
			defer paced.end()
			return next(server, paced)
		},
	}
}

// readStall is the longest that a message of a stream waits for its reader. Over REST the edge is stricter, which sees the
// connection itself.
const readStall = 2 * time.Minute

// pacedStream keeps a stream to its caller's bytes a second: it waits, since it cannot be refused any more. It ends a stream
// that nobody reads.
type pacedStream struct {
	grpc.ServerStream
	ctx    context.Context
	bytes  *rate.Limiter
	memory *Memory
	caller string

	mu      sync.Mutex // since a handler may end while it receives
	message *claim     // of the last one
	ended   bool
}

// keep holds the memory of the last message, and gives back that of the one before.
func (s *pacedStream) keep(of *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.message.leave()
	if s.message = of; s.ended {
		s.message.leave()
		s.message = nil
	}
}

// end gives back what is held.
func (s *pacedStream) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.keep(nil)
}

func (s *pacedStream) Context() context.Context { return s.ctx }

func (s *pacedStream) RecvMsg(message any) error {
	if err := s.wait(); err != nil {
		return err
	}
	s.keep(nil)
	err := s.ServerStream.RecvMsg(message)
	read := readingOf(s.ctx).uncharged()
	if s.bytes != nil && read == 0 && err == nil {
		read = sizeOf(message)
	}
	charge(s.bytes, read)
	if err != nil {
		return err
	}
	of, err := s.memory.message(s.caller, read)
	s.keep(of)
	return err
}

func (s *pacedStream) SendMsg(message any) error {
	if err := s.wait(); err != nil {
		return err
	}
	chargeFor(s.bytes, message)
	// In the background, because nothing but the end of the call interrupts a SendMsg, no deadline either. One that is left
	// behind ends when the handler has returned.
	sent := make(chan error, 1)
	go func() { sent <- s.ServerStream.SendMsg(message) }()
	stalled := time.NewTimer(readStall)
	defer stalled.Stop()
	select {
	case err := <-sent:
		return err
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-stalled.C:
		return apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
			"nothing of this stream was read for "+readStall.String()+": read it as it comes, or ask page by page")
	}
}

// wait waits until what was taken is made up for.
func (s *pacedStream) wait() error {
	for wait := debt(s.bytes); wait > 0; wait = debt(s.bytes) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return s.ctx.Err()
		}
	}
	return nil
}
