// Package inprocess carries calls from a client to a service of the same process. It does what a grpc.Server and a connection to
// it in memory do, without encoding messages and decoding them again. Bounds, contexts, metadata, errors and the orderly end are
// the same, and a test runs both (docs/architecture.md, "The way of a call").
//
// A message has one owner at a time: who sends one does not touch it any more.
package inprocess

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Config says what calls pass, and what they may be.
type Config struct {
	// Unary and Stream are around each handler; nil is nothing.
	Unary  grpc.UnaryServerInterceptor
	Stream grpc.StreamServerInterceptor
	// MaxRequest bounds a message to the service, in bytes of its encoding; 0 is no bound.
	MaxRequest int
	// MaxCalls bounds the calls under way; those beyond wait for their turn. 0 is no bound.
	MaxCalls int
	// Refused receives each call that does not come to its handler, and why; the context has its metadata. Nil receives nothing.
	Refused func(ctx context.Context, method string, err error)
	// Stats receive of each call what a grpc.Server would tell them.
	Stats []stats.Handler
}

// Server holds services, and is a way to them. Services are registered before the first call.
type Server struct {
	cfg     Config
	methods map[string]method
	places  chan struct{} // nil without a bound
	work    chan func()   // for goroutines that have run a handler and wait for another
	resting chan struct{} // has as many as may wait

	base   context.Context // of all calls
	cancel context.CancelFunc
	over   context.Context // ends when no call is to come, and none is under way
	end    context.CancelFunc

	mu       sync.Mutex
	draining bool
	underWay sync.WaitGroup
}

// method is a handler: unary or stream.
type method struct {
	server any
	unary  grpc.MethodHandler
	stream *grpc.StreamDesc
}

var (
	_ grpc.ServiceRegistrar    = (*Server)(nil)
	_ grpc.ClientConnInterface = (*Server)(nil)
)

// New returns a server without services.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, methods: map[string]method{}, work: make(chan func()), resting: make(chan struct{}, mostResting)}
	if cfg.MaxCalls > 0 {
		s.places = make(chan struct{}, cfg.MaxCalls)
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.over, s.end = context.WithCancel(s.base)
	return s
}

// RegisterService implements grpc.ServiceRegistrar.
func (s *Server) RegisterService(service *grpc.ServiceDesc, implementation any) {
	for _, unary := range service.Methods {
		s.methods["/"+service.ServiceName+"/"+unary.MethodName] = method{server: implementation, unary: unary.Handler}
	}
	for i := range service.Streams {
		stream := &service.Streams[i]
		s.methods["/"+service.ServiceName+"/"+stream.StreamName] = method{server: implementation, stream: stream}
	}
}

// GracefulStop takes no new calls and waits for those under way.
func (s *Server) GracefulStop() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.underWay.Wait()
	s.end()
}

// mostResting goroutines wait for work.
const mostResting = 64

// goes runs a unary handler on a goroutine of its own: one that has run another, whose stack has grown to what a call needs, or a new one.
func (s *Server) goes(handle func()) {
	select {
	case s.work <- handle:
	default:
		go s.handles(handle)
	}
}

func (s *Server) handles(handle func()) {
	for {
		handle()
		handle = nil // it holds the call
		select {
		case s.resting <- struct{}{}:
		default:
			return
		}
		select {
		case handle = <-s.work:
			<-s.resting
		case <-s.over.Done():
			return
		}
	}
}

// Stop takes no new calls and ends those under way: their contexts, and what their callers wait for.
func (s *Server) Stop() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.cancel()
}

var errStopped = status.Error(codes.Unavailable, "the server in this process has stopped")

// call is one on its way: what the handler and the caller share.
type call struct {
	server *Server
	name   string
	ctx    context.Context // the handler's
	end    context.CancelFunc
	stats  []stats.Handler

	mu              sync.Mutex
	header, trailer metadata.MD
	headed          chan struct{} // closed when the header is sent; nil for a unary call
	sent            bool
}

var localhost = &peer.Peer{Addr: &net.UnixAddr{Name: "in-process", Net: "unix"}}

// begin makes the context of a handler: it ends with that of the caller, has the caller's metadata as a server gets it, and
// none of its values.
func (s *Server) begin(ctx context.Context, name string, of *method) (_ *call, err error) {
	defer func() {
		if err != nil && s.cfg.Refused != nil {
			s.cfg.Refused(s.incoming(ctx), name, err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	found, known := s.methods[name]
	if !known {
		return nil, status.Error(codes.Unimplemented, "unknown method "+name)
	}
	*of = found
	if s.places != nil {
		select {
		case s.places <- struct{}{}:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-s.base.Done():
			return nil, errStopped
		}
	}
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		s.leave()
		return nil, errStopped
	}
	s.underWay.Add(1)
	s.mu.Unlock()

	c := &call{server: s, name: name}
	server := grpc.NewContextWithServerTransportStream(s.incoming(ctx), c)
	var cancel context.CancelFunc
	if deadline, has := ctx.Deadline(); has {
		server, cancel = context.WithDeadline(server, deadline)
	} else {
		server, cancel = context.WithCancel(server)
	}
	detach := context.AfterFunc(ctx, cancel)
	c.end = func() { detach(); cancel() }
	c.ctx = c.begun(server)
	return c, nil
}

// incoming is a context as a server has it: with the metadata of a caller's, and none of its values.
func (s *Server) incoming(ctx context.Context) context.Context {
	sent, _ := metadata.FromOutgoingContext(ctx)
	return metadata.NewIncomingContext(peer.NewContext(s.base, localhost), arriving(sent))
}

// leave gives back the place of a call.
func (s *Server) leave() {
	if s.places != nil {
		<-s.places
	}
}

// finish ends a call whose handler has returned. A header that was set goes out beside an error, too.
func (c *call) finish(err error) {
	c.mu.Lock()
	set := len(c.header) > 0
	c.mu.Unlock()
	if set {
		c.sendHeader()
	}
	c.ended(err)
	c.end()
	c.server.leave()
	c.server.underWay.Done()
}

// arriving makes metadata, which nobody else has, what arrives of it: without what the transport says itself (PROTOCOL-HTTP2.md of gRPC).
func arriving(sent metadata.MD) metadata.MD {
	for key := range sent {
		if reserved(key) {
			delete(sent, key)
		}
	}
	return sent
}

func reserved(key string) bool {
	switch key {
	case "content-type", "user-agent", "te":
		return true
	}
	return strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-")
}

// Method implements grpc.ServerTransportStream.
func (c *call) Method() string { return c.name }

var errHeaderSent = status.Error(codes.Internal, "the header has been sent already")

// SetHeader implements grpc.ServerTransportStream.
func (c *call) SetHeader(md metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return errHeaderSent
	}
	c.header = metadata.Join(c.header, md)
	return nil
}

// SendHeader implements grpc.ServerTransportStream.
func (c *call) SendHeader(md metadata.MD) error {
	if err := c.SetHeader(md); err != nil {
		return err
	}
	c.sendHeader()
	return nil
}

// sendHeader lets the caller have the header, once.
func (c *call) sendHeader() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return
	}
	c.sent = true
	for _, handler := range c.stats {
		handler.HandleRPC(c.ctx, &stats.OutHeader{FullMethod: c.name, Header: c.header.Copy()})
	}
	if c.headed != nil {
		close(c.headed)
	}
}

// SetTrailer implements grpc.ServerTransportStream.
func (c *call) SetTrailer(md metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trailer = metadata.Join(c.trailer, md)
	return nil
}

// heads are the header and the trailer so far.
func (c *call) heads() (header, trailer metadata.MD) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		header = c.header.Copy()
	}
	return header, c.trailer.Copy()
}

// begun tells the statistics that a call has begun.
func (c *call) begun(ctx context.Context) context.Context {
	c.stats = c.server.cfg.Stats
	if len(c.stats) == 0 {
		return ctx
	}
	of, now := c.server.methods[c.name], time.Now()
	header, _ := metadata.FromIncomingContext(ctx)
	for _, handler := range c.stats {
		ctx = handler.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: c.name})
		handler.HandleRPC(ctx, &stats.InHeader{FullMethod: c.name, RemoteAddr: localhost.Addr, LocalAddr: localhost.Addr, Header: header.Copy()})
		handler.HandleRPC(ctx, &stats.Begin{
			BeginTime: now, IsClientStream: of.stream != nil && of.stream.ClientStreams, IsServerStream: of.stream != nil && of.stream.ServerStreams,
		})
	}
	return ctx
}

// ended tells the statistics how a call ended.
func (c *call) ended(err error) {
	if len(c.stats) == 0 {
		return
	}
	_, trailer := c.heads()
	for _, handler := range c.stats {
		handler.HandleRPC(c.ctx, &stats.OutTrailer{Trailer: trailer})
		handler.HandleRPC(c.ctx, &stats.End{EndTime: time.Now(), Error: err})
	}
}

func (c *call) received(message any) {
	for _, handler := range c.stats {
		handler.HandleRPC(c.ctx, &stats.InPayload{Payload: message, Length: sizeOf(message), RecvTime: time.Now()})
	}
}

// weigh measures a message that is about to be sent, for answered: afterwards it is its reader's.
func (c *call) weigh(message any) int {
	if len(c.stats) == 0 {
		return 0
	}
	return sizeOf(message)
}

func (c *call) answered(bytes int) {
	for _, handler := range c.stats {
		handler.HandleRPC(c.ctx, &stats.OutPayload{Length: bytes, SentTime: time.Now()})
	}
}

// told is the error of a handler as a caller gets it: a status, whatever it was.
func told(err error) error {
	if err == nil {
		return nil
	}
	said, ok := status.FromError(err)
	if !ok {
		said = status.FromContextError(err)
	}
	if valid := strings.ToValidUTF8(said.Message(), "\uFFFD"); valid != said.Message() {
		proto := said.Proto()
		proto.Message = valid
		said = status.FromProto(proto)
	}
	return said.Err()
}
