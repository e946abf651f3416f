package interceptor

import (
	"context"
	"math"
	"runtime/metrics"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// What a call takes of memory, by estimate, in bytes; measured, with a third to spare.
const (
	// idleMemory is what a server has that does nothing.
	idleMemory = 24 << 20
	// ofFile is a file that is read as it comes, ofAnswer a page of Loop's with what is made of it, ofCall anything else.
	ofFile, ofAnswer, ofCall = 8 << 20, 3 << 20, 256 << 10
	// timesRequest is what a call makes of its request, in requests as inMemory has them: an import is read, converted, checked,
	// compared and written as JSON. timesBody is what the gateway makes of a body before.
	timesRequest, timesBody = 4, 6
	// freeOfCharge is a message of a stream that needs no place of its own.
	freeOfCharge = 256 << 10
)

// memoryWait is the longest that a call waits for memory.
const memoryWait = 20 * time.Second

// Memory bounds what the calls at work hold together, so that a server in a small container says no where the kernel would kill it.
// The servers of a process share it. Nil bounds nothing.
type Memory struct {
	limit int64
	// calls is for what calls take from the message on, bodies for what the gateway has of them before. Apart, since who has the
	// one waits for the other.
	calls, bodies *room
	// arriving is for messages before anybody knows what they are.
	arriving int64
	method   map[string]int64
}

// NewMemory divides the memory that Go keeps to, in bytes, math.MaxInt64 being any. access has the methods.
func NewMemory(limit int64, access map[string]policy.Access) *Memory {
	if limit == math.MaxInt64 || limit <= 0 {
		return nil
	}
	// Four sixths of what there is: the rest is room for the collector, without which it would be at work all the time.
	part := max(limit-idleMemory, idleMemory) / 6
	m := &Memory{limit: limit, calls: newRoom(2 * part), bodies: newRoom(part), arriving: part, method: map[string]int64{}}
	for method := range access {
		m.method[method] = estimateOf(method)
	}
	return m
}

// share is a bound of bytes, or that part of the memory where it is less: never so little that one message is too large.
func (m *Memory) share(most, part int) int {
	if m == nil {
		return most
	}
	return min(most, max(int(m.limit)/part, MaxMessage+1))
}

// estimateOf is what a method takes beside its request.
func estimateOf(method string) int64 {
	if method == "" {
		return ofCall
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(dotted(method)))
	if err != nil {
		return ofCall // in tests
	}
	m, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return ofCall
	}
	if about := m.Input().Fields().ByName("metadata"); about != nil && about.Message() != nil &&
		about.Message().FullName() == (&looppb.FileMetadata{}).ProtoReflect().Descriptor().FullName() {
		return ofFile
	}
	if wraps, _ := proto.GetExtension(m.Options(), looppb.E_Wraps).([]string); len(wraps) > 0 &&
		(hasList(m.Output()) || m.IsStreamingServer()) {
		return ofAnswer
	}
	return ofCall
}

// request takes what a unary call needs whose message has so many bytes and parts, before anything is made of it.
func (m *Memory) request(ctx context.Context, method, caller string, size, parts int) (*claim, error) {
	if m == nil {
		return nil, nil
	}
	return m.calls.take(ctx, caller, m.method[method]+timesRequest*int64(2*size+partSize*parts), 2*size)
}

// stream takes what a stream needs.
func (m *Memory) stream(ctx context.Context, method, caller string) (*claim, error) {
	if m == nil {
		return nil, nil
	}
	return m.calls.take(ctx, caller, m.method[method], 0)
}

// message takes what a long message of a stream needs, until its next one. The stream has memory, and does not wait for more.
func (m *Memory) message(caller string, size int) (*claim, error) {
	if m == nil || size <= freeOfCharge {
		return nil, nil
	}
	return m.calls.more(caller, 2*int64(size))
}

// body takes what the gateway needs for a body of so many bytes, or for as long a one as there may be where that is not known, and
// says how long it may be.
func (m *Memory) body(ctx context.Context, caller string, length, most int64) (int64, *claim, error) {
	if m == nil {
		return most, nil, nil
	}
	if length < 0 {
		most = min(most, m.bodies.most/2/timesBody)
		length = most
	}
	c, err := m.bodies.take(ctx, caller, timesBody*min(length, most), 0)
	return most, c, err
}

var (
	errNoMemory = apierror.Error{
		Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT, RetryAfter: time.Second,
		Message: "the calls under way take all the memory that this server has for them: wait for some to end, or send less at once",
	}.Err()
	errBeyondMemory = apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		"this request alone takes more memory than this server has for calls: send less at once")
)

// room is memory that calls take and give back. Who has least of it is first to have more.
type room struct {
	most int64

	mu      sync.Mutex
	free    int64
	held    map[string]int64 // by caller
	waiting []*waiting       // as they came
	raw     int              // bytes of the messages that wait
	pressed bool             // there is less than was thought: one call at a time
}

type waiting struct {
	caller string
	bytes  int64
	turn   chan struct{} // closed
}

func newRoom(most int64) *room {
	return &room{most: most, free: most, held: map[string]int64{}}
}

// claim is what a call has of a room, for as long as somebody holds it.
type claim struct {
	room    *room
	caller  string
	bytes   int64
	holders int // of the room's lock
}

// hold lets what a call has begun keep its memory when the call ends. When its caller has left, the memory was given back already, and
// is taken again, room or not: what has begun has it.
func (c *claim) hold() {
	if c == nil {
		return
	}
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	if c.holders++; c.holders == 1 {
		c.room.give(c.caller, c.bytes)
	}
}

// leave gives it back when nobody holds it any more.
func (c *claim) leave() {
	if c == nil {
		return
	}
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.holders--; c.holders > 0 {
		return
	}
	r.free += c.bytes
	if r.held[c.caller] -= c.bytes; r.held[c.caller] == 0 {
		delete(r.held, c.caller)
	}
	r.dispatch()
}

// fits says whether there is room for a caller's next call. One caller leaves a quarter to others.
func (r *room) fits(caller string, bytes int64) bool {
	if r.pressed && r.free < r.most || bytes > r.free {
		return false
	}
	return r.has(caller, bytes)
}

func (r *room) has(caller string, bytes int64) bool {
	held := r.held[caller]
	return held == 0 || held+bytes <= r.most/4*3
}

// give gives memory to a caller. The lock is held, as in the functions above and below.
func (r *room) give(caller string, bytes int64) {
	r.free -= bytes
	r.held[caller] += bytes
}

// dispatch gives out what there is: of those whose share is not used up to who has least, and to nobody else while that one waits.
func (r *room) dispatch() {
	for {
		next := -1
		for i, w := range r.waiting {
			if r.has(w.caller, w.bytes) && (next < 0 || r.held[w.caller] < r.held[r.waiting[next].caller]) {
				next = i
			}
		}
		if next < 0 || !r.fits(r.waiting[next].caller, r.waiting[next].bytes) {
			return
		}
		w := r.waiting[next]
		r.waiting = append(r.waiting[:next], r.waiting[next+1:]...)
		r.give(w.caller, w.bytes)
		close(w.turn)
	}
}

func (r *room) try(caller string, bytes int64) (*claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > r.most {
		return nil, errBeyondMemory
	}
	if len(r.waiting) > 0 || !r.fits(caller, bytes) {
		return nil, errNoMemory
	}
	r.give(caller, bytes)
	return &claim{r, caller, bytes, 1}, nil
}

// more is for a call that has memory: it does not give way to those who wait for their first. Under pressure it is the one call that
// there may be, where no other has any.
func (r *room) more(caller string, bytes int64) (*claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > r.most {
		return nil, errBeyondMemory
	}
	others := r.most - r.free - r.held[caller]
	if r.pressed && others > 0 || bytes > r.free || !r.has(caller, bytes) {
		return nil, errNoMemory
	}
	r.give(caller, bytes)
	return &claim{r, caller, bytes, 1}, nil
}

// take waits for memory, as long as that is worth it. raw is what the caller's message takes meanwhile.
func (r *room) take(ctx context.Context, caller string, bytes int64, raw int) (*claim, error) {
	if c, err := r.try(caller, bytes); err == nil || bytes > r.most {
		return c, err
	}
	patience := memoryWait
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/2) // the rest is for the call itself
	}
	w := &waiting{caller: caller, bytes: bytes, turn: make(chan struct{})}
	r.mu.Lock()
	if patience <= 0 || r.raw > 0 && int64(r.raw+raw) > r.most/4 {
		r.mu.Unlock()
		return nil, errNoMemory
	}
	r.raw += raw
	r.waiting = append(r.waiting, w)
	r.dispatch()
	r.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var why error
	select {
	case <-w.turn:
	case <-timer.C:
		why = errNoMemory
	case <-ctx.Done():
		why = ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw -= raw
	if why != nil && r.forget(w) {
		r.dispatch() // it may have blocked a smaller one
		return nil, why
	}
	return &claim{r, caller, bytes, 1}, nil
}

// forget takes one that waits away; false when it waits no more.
func (r *room) forget(w *waiting) bool {
	for i, other := range r.waiting {
		if other == w {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func (r *room) press(pressed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pressed = pressed
	r.dispatch()
}

const (
	// lookEvery is the pause between two looks at the heap, pressedAt the part of the limit that may be in use.
	lookEvery = 50 * time.Millisecond
	pressedAt = .75
)

// Watch compares the estimates with the truth until ctx ends: while more of the heap is in use than they say, one call at a time
// begins.
func (m *Memory) Watch(ctx context.Context) {
	if m == nil {
		return
	}
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		metrics.Read(used)
		m.look(int64(used[0].Value.Uint64()))
	}
}

func (m *Memory) look(used int64) {
	pressed := used > int64(pressedAt*float64(m.limit))
	m.calls.press(pressed)
	m.bodies.press(pressed)
}
