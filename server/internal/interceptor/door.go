package interceptor

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

const (
	// arrivalLimit is how long a request may take to arrive.
	arrivalLimit = 30 * time.Second
	// strangersAtOnce and callersAtOnce bound the requests that arrive at a time, and with them the memory that is theirs:
	// of all unknown clients, and of each caller. The oldest gives way, since one that is well meant takes a moment.
	strangersAtOnce = 32
	callersAtOnce   = 256
	// streamWindow is how far a stream is read ahead of its handler where memory is bounded, in bytes.
	streamWindow = 256 << 10
)

// Door is what requests pass before the interceptors, which see a unary call when its message has arrived whole: grpc-go
// receives it, and makes values of its bytes, before it asks an interceptor, whether it knows the sender or not. Each server has its own.
type Door struct {
	callers Identities
	memory  *Memory

	mu       sync.Mutex
	arriving map[string]*list.List // of func(), to end it, by caller; the oldest first
	// inflated is what compressed messages of each caller have become, in bytes, and allInflated of all.
	inflated    map[string]int
	allInflated int
}

// NewDoor returns the door of a server whose callers are these, and whose calls share memory.
func NewDoor(callers Identities, certified Certified, memory *Memory) *Door {
	callers.Certified = certified
	return &Door{callers: callers, memory: memory, arriving: map[string]*list.List{}, inflated: map[string]int{}}
}

// Callers are those of its server.
func (d *Door) Callers() Identities { return d.callers }

// Options are those of its server, where others connect to it.
func (d *Door) Options() []grpc.ServerOption {
	options := []grpc.ServerOption{grpc.InTapHandle(d.tap)}
	if d.memory != nil {
		// Windows of a fixed size, or each stream of a fast connection would have megabytes of its own.
		options = append(options, experimental.BufferPool(newArrivingPool(d.memory.arriving, d.giveWay)),
			grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(4*streamWindow))
	}
	return options
}

// tap bounds the arrival of a call's first message. It must not wait: the whole connection would.
func (d *Door) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	ctx, cancel := context.WithCancel(ctx) // which grpc-go ends with the call
	ctx, caller := d.callers.identified(ctx)
	timer := time.AfterFunc(arrivalLimit, cancel)
	leave := d.enter(caller, cancel)
	a := &arrival{door: d, here: sync.OnceFunc(func() { timer.Stop(); leave() })}
	a.stop = context.AfterFunc(ctx, a.end)
	a.lasts = strings.HasPrefix(info.FullMethodName, "/grpc.reflection.") // it has many messages, and all it takes is a moment
	return context.WithValue(ctx, arrivalKey{}, a), nil
}

// arrival is a call whose messages come by a door.
type arrival struct {
	door  *Door
	here  func()      // says that its first message is
	lasts bool        // to its end, and not to its first message
	stop  func() bool // takes back what its context does at its end; false when that has begun

	// Of the door's mutex: what its messages have become by inflating, whose they are, its memory, and whether it has ended.
	caller  string
	claimed int
	memory  *claim
	ended   bool
}

type arrivalKey struct{}

func arrivalOf(ctx context.Context) *arrival {
	a, _ := ctx.Value(arrivalKey{}).(*arrival)
	return a
}

// end gives back what the call has, at the end of its context.
func (a *arrival) end() {
	a.here()
	a.release(true)
}

// answered ends it when a unary call has its answer, a moment before its context does, which would take a goroutine.
func (a *arrival) answered() {
	if a.stop() {
		a.end()
	}
}

// hold has it give back the memory of a call at its end.
func (a *arrival) hold(memory *claim) {
	a.door.mu.Lock()
	ended := a.ended
	a.memory = memory
	a.door.mu.Unlock()
	if ended {
		memory.leave()
	}
}

// arrived says that the first message of a call is here.
func arrived(ctx context.Context) {
	if a := arrivalOf(ctx); a != nil && !a.lasts {
		a.here()
	}
}

// enter notes a request that arrives; end ends it when others need its place.
func (d *Door) enter(caller string, end func()) (leave func()) {
	most := callersAtOnce
	if caller == "" {
		most = strangersAtOnce
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	queue, known := d.arriving[caller]
	if !known {
		queue = list.New()
		d.arriving[caller] = queue
	}
	if queue.Len() >= most {
		queue.Remove(queue.Front()).(func())()
	}
	place := queue.PushBack(end)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		queue.Remove(place) // nothing, when it gave way
	}
}

// giveWay ends the oldest arrival: of the unknown clients, or else of who has most of them; false where there is none.
func (d *Door) giveWay() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	crowd := d.arriving[""]
	if crowd == nil || crowd.Len() == 0 {
		for _, arrivals := range d.arriving {
			if crowd == nil || arrivals.Len() > crowd.Len() {
				crowd = arrivals
			}
		}
	}
	if crowd == nil || crowd.Len() == 0 {
		return false
	}
	crowd.Remove(crowd.Front()).(func())()
	return true
}

// Arrive is for a request that does not come by the server's own connections: it tells whether its caller is known, and then
// notes its arrival; end ends it when others of that caller need its place. Its body has so many bytes, or length is -1, and may
// have most; an error says that there is no memory for it. Its caller leaves in any case.
func (d *Door) Arrive(ctx context.Context, length, most int64, end func()) (may int64, leave func(), known bool, err error) {
	who, err := d.callers.identify(ctx)
	if err != nil {
		return 0, func() {}, false, nil
	}
	may, claim, err := d.memory.body(ctx, who.caller, length, most)
	if err != nil {
		return 0, func() {}, true, err
	}
	out := d.enter(who.caller, end)
	return may, func() { out(); claim.leave() }, true, nil
}

// Refused writes the line of a request that was refused before the interceptors had it, and counts it: of which method, empty for
// none, for which practice, and why.
func (d *Door) Refused(lines *Lines, metrics *Metrics) func(ctx context.Context, method, practice string, err error) {
	return func(ctx context.Context, method, practice string, err error) {
		call := &Call{
			RequestID: requestIDOf(ctx), Trace: traceOf(ctx), Origin: originOf(ctx, d.callers.OverHTTP), Practice: loggable(practice),
		}
		who, unidentified := d.callers.identifyBy(ctx, d.callers.Issuers.VerifyAtOnce)
		if nobody, ok := errors.AsType[unknown](unidentified); ok {
			who, call.Why = identity{of: nobody.of}, nobody.why
		}
		call.Caller, call.By, call.Identity = who.caller, who.by, who.of
		ctx = context.WithValue(ctx, callKey{}, call)
		method = cmp.Or(strings.TrimPrefix(method, "/"), "unknown/unknown")
		lines.write(ctx, method, time.Now(), err)
		metrics.count(ctx, method, 0, err)
	}
}

// Guard registers services whose methods make nothing of a stranger's bytes.
func (d *Door) Guard(registrar grpc.ServiceRegistrar) grpc.ServiceRegistrar {
	return guarded{registrar, d}
}

type guarded struct {
	grpc.ServiceRegistrar
	door *Door
}

func (g guarded) RegisterService(service *grpc.ServiceDesc, implementation any) {
	copied := *service
	copied.Methods = make([]grpc.MethodDesc, 0, len(service.Methods))
	for _, method := range service.Methods {
		method.Handler = g.door.guard("/"+service.ServiceName+"/"+method.MethodName, method.Handler)
		copied.Methods = append(copied.Methods, method)
	}
	g.ServiceRegistrar.RegisterService(&copied, implementation)
}

// guard makes a request of a message for callers alone. The others' stays empty, and the interceptors refuse it as they do
// any: with a line in the log, a record and a reason. So do they with one that cannot be read.
func (d *Door) guard(method string, handle grpc.MethodHandler) grpc.MethodHandler {
	return func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		makeRoom(len(method))
		read := &reading{}
		stranger := false
		if !public(method) {
			who, err := d.callers.identify(ctx)
			stranger = err != nil
			if ctx.Value(outcomeKey{}) == nil {
				ctx = context.WithValue(ctx, outcomeKey{}, outcome{who, err})
			}
			read.taking = taking{memory: d.memory, method: method, caller: who.caller}
			if arrivalOf(ctx) == nil {
				defer func() { read.taking.claim.leave() }() // the answer is handed over, and not sent
			}
		}
		ctx = context.WithValue(ctx, readingKey{}, read)
		return handle(server, ctx, func(message any) error {
			if !stranger {
				read.failed = receive(ctx, decode, message)
			}
			return nil
		}, interceptor)
	}
}

// makeRoom lets the stack of a goroutine grow at once to what a call needs, while there is little on it. Else it would double four
// times on the way, and each time all frames would be copied: a tenth of a small call's time.
//
//go:noinline
func makeRoom(at int) byte {
	if at >= 0 { // always, which the compiler does not know: nothing is cleared
		return 0
	}
	var room [24 << 10]byte
	return room[-at%len(room)]
}

// reading is what came of reading the messages of a call.
type reading struct {
	taking taking // of a unary call
	failed error  // why its request could not be read
	// The bytes that nobody has charged so far, inflated ones too, whether a message was made of them or not, and the parts of the
	// last message. Of a stream that is ended while it waits, they may come late.
	bytes, parts atomic.Int64
}

type readingKey struct{}

// readingOf is what came of reading so far; an empty one where nothing was read here.
func readingOf(ctx context.Context) *reading {
	if read, ok := ctx.Value(readingKey{}).(*reading); ok {
		return read
	}
	return &reading{}
}

// uncharged is how many bytes were read since this was last asked.
func (r *reading) uncharged() int { return int(r.bytes.Swap(0)) }

// errUnreadable words what grpc-go says of a message.
func errUnreadable(err error) error {
	const reason = looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED
	switch {
	case apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED, errors.Is(err, context.Canceled),
		errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errTooMany):
		return apierror.New(codes.InvalidArgument, reason, "the request has more parts than this service takes: send less at once")
	case errors.Is(err, errNotGzip):
		return apierror.New(codes.InvalidArgument, reason, "the message cannot be read: it is said to be gzip, and is not, or is cut short")
	}
	return apierror.New(codes.InvalidArgument, reason, "the message cannot be read: it is not of this contract, or not UTF-8")
}

// taking is the memory of a unary call; without a method nothing is taken.
type taking struct {
	memory         *Memory
	method, caller string
	claim          *claim
}

// take waits for the memory of a call whose message is here, and gives it back at the call's end.
func (t *taking) take(ctx context.Context, size, parts int) (err error) {
	arrived(ctx)
	t.claim, err = t.memory.request(ctx, t.method, t.caller, size, parts)
	if a := arrivalOf(ctx); a != nil && t.claim != nil {
		a.hold(t.claim) // until the answer is sent
	}
	return err
}

// receive receives a message, and says whose fault it is when it cannot. The answer is compressed only where it was.
func receive(ctx context.Context, from func(any) error, message any) error {
	c, read := &carrier{into: message, zippable: sentIn(ctx) == gzip.Name}, readingOf(ctx)
	if read.taking.method != "" {
		c.claim = func(size, parts int) error { return read.taking.take(ctx, size, parts) }
	}
	if a := arrivalOf(ctx); a != nil {
		a.release(false)
		c.inflate = func(zipped []byte) ([]byte, error) { return a.inflate(ctx, zipped) }
	}
	err := from(c)
	arrived(ctx)
	read.bytes.Add(int64(c.bytes))
	read.parts.Store(int64(c.parts))
	if c.zippable && c.plain {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity) // an error means that the answer has begun
	}
	switch said := status.Convert(err); {
	case c.err != nil:
		return errUnreadable(c.err)
	case said.Code() == codes.Internal, said.Code() == codes.Unimplemented: // a message that is cut short, another compression
		return errUnreadable(err)
	case said.Code() == codes.ResourceExhausted:
		return apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
			"the message is larger than this service takes: send less at once")
	}
	return err
}

// readable is a stream whose messages are received so.
type readable struct {
	grpc.ServerStream
	ctx context.Context
}

func newReadable(inner grpc.ServerStream) readable {
	return readable{inner, context.WithValue(inner.Context(), readingKey{}, &reading{})}
}

func (r readable) Context() context.Context { return r.ctx }

func (r readable) RecvMsg(message any) error {
	return receive(r.ctx, r.ServerStream.RecvMsg, message)
}

// errTooMany says that a message has more parts than this service makes values of.
var errTooMany = errors.New("more parts than this service takes")
