// Package app puts the service together: listeners, the two gRPC servers, the gateway, and an orderly end.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"

	repository "cegid.internal/gateway"
	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/diagnostics"
	"cegid.internal/gateway/server/internal/event"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/gateway"
	"cegid.internal/gateway/server/internal/inprocess"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/reads"
	"cegid.internal/gateway/server/internal/replicas"
	"cegid.internal/gateway/server/internal/service"
	"cegid.internal/gateway/server/internal/site"
	"cegid.internal/gateway/server/internal/status"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/submission/preflight"
	"cegid.internal/gateway/server/internal/submission/spool"
	"cegid.internal/gateway/server/internal/telemetry"
	"cegid.internal/gateway/server/internal/tenant"
)

const (
	maxMessage = interceptor.MaxMessage
	maxHeader  = 32 << 10
	// maxCalls are as many as a connection of gRPC's, or all of HTTP, may have under way: those beyond wait for their turn.
	maxCalls = 1000
	// streamWorkers are goroutines of gRPC's that run one call after another: the stack of each has grown to what a call needs.
	streamWorkers = 64
	// connectionBuffer is what a connection holds for its reader, each way. Larger ones would read whole dossiers ahead.
	connectionBuffer = 64 << 10
	// handshakeLimit bounds the beginning of a connection, idleLimit the time that one is kept for nothing.
	handshakeLimit = 10 * time.Second
	idleLimit      = 15 * time.Minute
	// minPing is half of what callers are told: a ping that comes early by its way is no abuse.
	minPing = 5 * time.Second
	// lastMoment is what calls get to answer SHUTTING_DOWN once their grace is over.
	lastMoment = 2 * time.Second
	// idlePoll is the longest pause between two looks for due questions to Loop, where no event has said so.
	idlePoll = 30 * time.Second
)

// Config is what the service is made of: what the operator decided, and what was opened for it.
type Config struct {
	Settings
	// TLS of the gRPC and HTTP listeners; nil is plaintext.
	TLS *tls.Config
	// Authorities vouch for the certificates of clients that TLS asks for; nil without.
	Authorities authn.Authorities
	// CertificateEnds are when certificates in use end; nil without.
	CertificateEnds func() map[telemetry.Certificate]time.Time
	// Sandbox is what the page at / tells of a sandbox; nil in production.
	Sandbox func() site.Sandbox
	// Build is what this program tells callers and monitoring about itself.
	Build diagnostics.Build
	// Issuers of the tokens that callers may have.
	Issuers authn.Issuers

	Practices *tenant.Practices
	// Gate is the way of the practices to Loop, which Config.Replicas servers share with the ledger; without it nobody learns of
	// others.
	Gate *cegidclient.Gate
	// Freshness keeps what Loop answers, and follows the clients of Practices; nil is one that follows none.
	Freshness *freshness.Store
	// Ledger of all writes. The server uses it until Serve returns, and does not close it.
	Ledger *ledger.Ledger
	// Memory is what Go keeps to, in bytes; 0 is any.
	Memory int64

	Log *slog.Logger
	// LogLevel is that of Log, for the operator to change; nil where it stays.
	LogLevel *slog.LevelVar
	// Audit receives writes and refused access, whatever the level of Log; nil takes Log.
	Audit *slog.Logger
	// Ahead writes a record of the audit that must be there before something is sent; nil writes it to Audit.
	Ahead func(context.Context, ...slog.Attr) error
	// Registry holds the metrics of the calls to Loop already.
	Registry *prometheus.Registry
	// Spans makes spans; nil makes none.
	Spans *telemetry.Spans
}

// Server is the service, its listeners bound.
type Server struct {
	cfg Config

	grpcListener, httpListener, operationsListener net.Listener
	doors                                          doors

	public           *grpc.Server
	inProcess        *inprocess.Server // that of the gateway
	http, operations *http.Server
	status           *status.Page
	health           *health.Server
	sender           *submission.Sender
	imports          *service.Imports
	documents        *service.Documents
	raw              *service.Raw
	events           *event.Service
	connections      *event.Connections
	refusals         *interceptor.Refusals
	lines            *interceptor.Lines
	recent           *interceptor.Calls
	strangers        *strangers

	calls *interceptor.Memory // nil without a limit

	readiness              *readiness
	replicas               *replicas.Replicas // nil where there can be no others
	reloader               atomic.Pointer[Reloader]
	drain, endCalls        context.CancelFunc
	draining, shuttingDown context.Context
}

// New builds the service and binds its listeners; it serves nothing yet.
func New(cfg Config) (_ *Server, err error) {
	if cfg.Audit == nil {
		cfg.Audit = cfg.Log
	}
	if cfg.Freshness == nil {
		cfg.Freshness = freshness.New(freshness.Config{Books: cfg.Practices.Books})
	}
	cfg.Freshness.Within(cfg.Memory)
	s := &Server{cfg: cfg, health: health.NewServer()}
	s.readiness = &readiness{
		ping: cfg.Ledger.Ping, trouble: cfg.Ledger.Trouble, changed: s.setHealth, log: cfg.Log,
		all: cfg.Config.Readiness.All, firstLedger: cfg.Config.Readiness.FirstLedger,
	}
	s.readiness.ledger = cfg.Ledger.Awaited()
	s.readiness.awaiting = s.readiness.ledger != nil
	s.draining, s.drain = context.WithCancel(context.Background())
	s.shuttingDown, s.endCalls = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.Close()
		}
	}()

	access, err := accessOf(contract.Services())
	if err != nil {
		return nil, err
	}
	validator, err := contractValidator()
	if err != nil {
		return nil, fmt.Errorf("compile the contract's rules: %w", err)
	}
	steps := telemetry.NewLedgerSteps(cfg.Registry)
	cfg.Ledger.Observe(func(ctx context.Context, step ledger.Observation) {
		steps(step)
		cfg.Spans.Step(ctx, step)
		interceptor.CallFrom(ctx).AddLedger(step.Took)
	})
	if err := s.openSender(); err != nil {
		return nil, err
	}
	telemetry.RegisterBuild(cfg.Registry, cfg.Build.Version, cfg.Build.Revision)
	telemetry.RegisterLedger(cfg.Registry, cfg.Ledger)
	telemetry.RegisterPractices(cfg.Registry, cfg.Practices.All)
	cfg.Registry.MustRegister(reads.Metrics{Store: cfg.Freshness})
	telemetry.RegisterEnds(cfg.Registry, telemetry.Ends{Certificates: cfg.CertificateEnds, Issuers: keysOf(cfg.Issuers)})
	s.refusals = interceptor.NewRefusals(cfg.Audit, cfg.Registry)
	s.recent = interceptor.NewCalls()
	s.lines = interceptor.NewLines(cfg.Log, cfg.Config.Log.Dossiers, s.recent, cfg.Registry)
	raw := rawdoor.New(cfg.Config.Raw...)
	if err := s.openHandlers(raw); err != nil {
		return nil, err
	}
	metrics := interceptor.NewMetrics(cfg.Registry)
	s.strangers = newStrangers(cfg.Log, cfg.Registry)
	door := s.openGRPC(interceptor.Config{
		Log: cfg.Log, Lines: s.lines, Metrics: metrics, Tracer: cfg.Spans.Tracer(), TraceDossiers: cfg.Config.Log.Dossiers,
		Deadlines: interceptor.Deadlines(cfg.Config.Deadlines),
		Callers:   interceptor.Identities{Policy: cfg.Policy, Issuers: cfg.Issuers},
		Access:    access, Validator: validator, Limits: interceptor.NewLimits(cfg.Policy),
		Reads:  reads.Interceptor(cfg.Freshness, cfg.Practices),
		Memory: interceptor.NewMemory(cfg.Memory, access),
		Audit:  cfg.Audit, Route: raw.RouteOf, Refusals: s.refusals, Draining: s.draining, Shutdown: s.shuttingDown,
	})
	if err := s.openREST(validator, door, door.Refused(s.lines, metrics)); err != nil {
		return nil, err
	}
	s.status = status.New(status.Config{Metrics: cfg.Registry, Ready: s.readiness.why, Writes: s.readiness.whyNoWrites})
	s.operations = s.newHTTPServer(s.operationsHandler())
	s.operations.ReadTimeout = 2 * time.Minute // longer than a profile takes: it would cut one
	return s, s.listen()
}

// openSender begins to send what is submitted, and to follow it.
func (s *Server) openSender() (err error) {
	cfg := s.cfg
	imports, owner := cfg.Config.Imports, interceptor.NewRequestID()
	if cfg.Gate != nil && cfg.Ledger.Shared() {
		s.replicas = replicas.New(replicas.Config{
			Ledger: cfg.Ledger, Gate: cfg.Gate, Server: owner, Replicas: cfg.Config.Replicas,
			Log: cfg.Log, Registry: cfg.Registry,
		})
	}
	s.sender, err = submission.New(context.Background(), submission.Config{
		Ledger: cfg.Ledger, Owner: owner, Client: cfg.Practices.Client, Log: cfg.Log,
		Audit: cfg.Audit, Ahead: cfg.Ahead, Call: callOf, RPC: service.RPCName, Keep: interceptor.Keep,
		WaitLimit: imports.WaitLimit, CallLimit: imports.CallLimit, RepeatAfter429: imports.RepeatAfter429,
		FirstPoll: imports.FirstPoll, LastPoll: imports.LastPoll, IdlePoll: idlePoll,
		StalledPoll: imports.StalledPoll, Ended: cfg.Freshness.Booked, Follow: cfg.Spans.Follow,
	})
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	for _, practice := range cfg.Practices.All() { // what stalled before the restart: that may have been its cure
		s.sender.Hasten(practice.Name)
	}
	return nil
}

// openHandlers makes the handlers that live as long as the server.
func (s *Server) openHandlers(raw *rawdoor.Door) error {
	cfg, files := s.cfg, s.cfg.Config.Files
	underWay, err := spool.Open(cfg.Config.Spool, files.SpoolSize)
	if err != nil {
		return fmt.Errorf("the folder for documents and files under way: %w", err)
	}
	telemetry.RegisterSpool(cfg.Registry, underWay.Use)
	writes := service.NewWrites(cfg.Practices, &submission.Writer{
		Ledger: cfg.Ledger, Sender: s.sender, Preflight: preflight.New(cfg.Freshness, interceptor.Keep), Spool: underWay,
		Permissions: permissions{cfg.Policy}, Door: raw, RPCs: contract.RPCs,
		MaxFile: files.MaxSize, LoopModel: files.LoopModel, DepositLifetime: files.DepositLifetime,
		Resolved: resolved(telemetry.NewResolutions(cfg.Registry), cfg.Audit),
	}, permissions{cfg.Policy}, callerOf, func(ctx context.Context, method string) error {
		return s.refusals.Refuse(ctx, method, policy.Administer)
	}, cfg.Log)
	s.imports, s.documents, s.raw = service.NewImports(writes), service.NewDocuments(writes), service.NewRaw(writes)
	s.events = event.New(event.Config{
		Ledger: cfg.Ledger, Visible: writes.Visible, Unavailable: writes.Unavailable, Draining: s.draining, Told: cfg.Spans.Told,
	})
	s.connections = event.Watch(cfg.Ledger, brakesOf(cfg.Practices), cfg.Log)
	return nil
}

// openGRPC makes the two servers, and returns the door of the one in this process.
func (s *Server) openGRPC(chain interceptor.Config) *interceptor.Door {
	cfg := s.cfg
	// Credentials belong to a server, not to a listener: the gateway's is reached in this process alone, without any.
	transport := insecure.NewCredentials()
	if cfg.TLS != nil {
		transport = s.strangers.ofGRPC(credentials.NewTLS(cfg.TLS))
	}
	publicDoor := interceptor.NewDoor(chain.Callers, interceptor.OfConnection(cfg.Authorities), chain.Memory)
	noSuchMethod := "no such method: server reflection lists them"
	if cfg.Config.Closed.Reflection {
		noSuchMethod = "no such method: see the contract"
	}
	public := chain
	public.Callers = publicDoor.Callers()
	unseen := interceptor.Unseen(chain.Access, publicDoor.Refused(chain.Lines, chain.Metrics))
	s.public = grpc.NewServer(append(append(interceptor.ServerOptions(interceptor.Chain(public)), publicDoor.Options()...),
		grpc.Creds(transport),
		grpc.StatsHandler(unseen),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			return apierror.New(codes.Unimplemented, looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN, noSuchMethod)
		}),
		grpc.ConnectionTimeout(handshakeLimit),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleLimit, Time: time.Minute, Timeout: 20 * time.Second,
			// A tenth more or less, by grpc-go. The longest stream ends by itself.
			MaxConnectionAge: cfg.Config.Listen.ConnectionAge, MaxConnectionAgeGrace: cfg.Config.Deadlines.StreamMax + time.Minute,
		}),
	)...)
	s.register(publicDoor.Guard(s.public))
	if !cfg.Config.Closed.Reflection {
		reflection.Register(s.public)
	}

	// What they learn about a client's certificate differs: only this one believes what it is handed over.
	overHTTP := chain.Callers
	overHTTP.OverHTTP = true
	door := interceptor.NewDoor(overHTTP, interceptor.HandedOver, chain.Memory)
	s.calls = chain.Memory
	chain.Callers = door.Callers()
	unary, stream := interceptor.Around(interceptor.Chain(chain))
	refused := door.Refused(chain.Lines, chain.Metrics)
	s.inProcess = inprocess.New(inprocess.Config{
		Unary: unary, Stream: stream, MaxRequest: maxMessage, MaxCalls: maxCalls,
		Refused: func(ctx context.Context, method string, err error) { refused(ctx, method, "", err) },
	})
	s.register(door.Guard(s.inProcess))
	return door
}

// register registers the services, the same with both servers.
func (s *Server) register(server grpc.ServiceRegistrar) {
	contract.RegisterGRPC(server,
		service.NewReferenceData(s.cfg.Practices), service.NewPracticeData(s.cfg.Practices),
		service.NewEntries(s.cfg.Practices, s.imports), s.imports, s.documents, service.NewChangeFeed(s.cfg.Practices), s.raw, s.events,
		diagnostics.New(s.cfg.Practices, s.cfg.Policy, callerOf, callsOf(s.recent), s.cfg.Build))
	if !s.cfg.Config.Closed.Health {
		grpc_health_v1.RegisterHealthServer(server, s.health)
	}
}

// openREST makes the gateway before the server in this process.
func (s *Server) openREST(
	validator protovalidate.Validator, door *interceptor.Door, refused func(ctx context.Context, method, practice string, err error),
) (err error) {
	cfg := s.cfg
	protos, err := fs.Sub(gen.Bundle, "bundle")
	if err != nil {
		return err
	}
	var pages *site.Config
	if !cfg.Config.Closed.Docs {
		pages = &site.Config{
			Documents: repository.Documents, OpenAPI: gen.OpenAPI, Protos: protos, Descriptors: gen.Descriptors, Contact: cfg.Config.Contact,
			Sandbox: cfg.Sandbox,
		}
	}
	rest, err := gateway.New(gateway.Config{
		Conn: s.inProcess, MaxBody: maxMessage, MaxFile: cfg.Config.Files.MaxSize, Site: pages,
		HSTS: cfg.Config.HTTP.HSTS, NoHealth: cfg.Config.Closed.Health, Origins: cfg.Config.HTTP.Origins,
		Compression: cfg.Config.HTTP.Compression,
		Ready:       s.readiness.why, Writes: s.readiness.whyNoWrites, Log: cfg.Log,
		Check:    func(request proto.Message) error { return interceptor.CheckShape(validator, request) },
		Identity: func(state *tls.ConnectionState) metadata.MD { return interceptor.HandOver(state, cfg.Authorities) },
		Arrive:   door.Arrive, Refused: refused,
	})
	if err != nil {
		return err
	}
	s.http = s.newHTTPServer(aging{cfg.Config.Listen.ConnectionAge, s.readiness.why}.around(rest))
	s.http.ConnContext, s.http.ConnState = withBirth, s.doors.ofHTTP
	return nil
}

// resolved counts what was done about an import whose outcome was open, and writes the audit's record of it.
func resolved(count func(action, result string), audit *slog.Logger) func(context.Context, string, submission.Resolved) {
	return func(ctx context.Context, by string, done submission.Resolved) {
		count(done.Action, done.Result)
		attributes := []slog.Attr{
			slog.String("event", "resolved"), slog.String("caller", by),
			slog.String("practice", done.Record.Practice), slog.String("dossier", done.Record.Dossier), slog.String("import", done.Record.RequestID),
			slog.String("action", done.Action), slog.String("result", done.Result), slog.Int("attempt", done.Record.Attempt),
			slog.String("state", string(done.Record.State)), slog.String("request_id", interceptor.CallFrom(ctx).RequestID),
		}
		if done.Unproven {
			attributes = append(attributes, slog.Bool("unproven", true))
		}
		audit.LogAttrs(ctx, slog.LevelInfo, "audit", attributes...)
	}
}

// callOf is what records of a write have of its call.
func callOf(ctx context.Context) []slog.Attr {
	call := interceptor.CallFrom(ctx)
	return []slog.Attr{slog.String("by", call.By), slog.String("request_id", call.RequestID)}
}

// keysOf says how fresh the keys of issuers are.
func keysOf(issuers authn.Issuers) func() []telemetry.Keys {
	return func() (out []telemetry.Keys) {
		for _, issuer := range issuers {
			fetched, failed := issuer.Keys()
			out = append(out, telemetry.Keys{Issuer: issuer.URL(), Fetched: fetched, Failed: failed})
		}
		return out
	}
}

func callerOf(ctx context.Context) string { return interceptor.CallFrom(ctx).Caller }

func (s *Server) newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: handshakeLimit,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(httpErrors{slog.DiscardHandler, s.strangers}, slog.LevelError),
	}
}

func (s *Server) listen() error {
	setting := "listen."
	if s.cfg.Sandbox != nil { // which has flags
		setting = "--"
	}
	for _, socket := range []struct {
		name, key, address string
		listener           *net.Listener
	}{
		{"gRPC", "grpc", s.cfg.Config.Listen.GRPC, &s.grpcListener},
		{"HTTP", "http", s.cfg.Config.Listen.HTTP, &s.httpListener},
		{"operations", "operations", s.cfg.Config.Listen.Operations, &s.operationsListener},
	} {
		listener, err := net.Listen("tcp", socket.address)
		if err != nil {
			return fmt.Errorf("the %s listener: %w; stop what has the address, or give another as %s%s", socket.name, err, setting, socket.key)
		}
		if tcp, ok := listener.(*net.TCPListener); ok && socket.key != "operations" {
			leaves := newLeavable(tcp)
			s.doors.listeners, listener = append(s.doors.listeners, leaves), leaves
		}
		*socket.listener = smallBuffers{listener}
		if s.cfg.Config.Listen.Connections > 0 && socket.key != "operations" {
			*socket.listener = &fewConnections{
				Listener: *socket.listener, places: make(chan struct{}, s.cfg.Config.Listen.Connections),
				full: func(peer string) { s.strangers.refused(socket.key, peer, noPlace, nil) },
			}
		}
		if socket.key == "grpc" {
			*socket.listener = s.doors.ofGRPC(*socket.listener)
		}
	}
	return nil
}

// smallBuffers bounds what the kernel holds for the readers of a listener's connections.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetWriteBuffer(connectionBuffer))
	}
	return conn, err
}

// fewConnections closes the connections that are more than there are places: a caller finds another server sooner than in
// a queue that somebody else fills.
type fewConnections struct {
	net.Listener
	places chan struct{}
	full   func(peer string)
}

func (l *fewConnections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			l.full(conn.RemoteAddr().String())
			_ = conn.Close()
		}
	}
}

// placed gives its place back when it ends.
type placed struct {
	net.Conn
	leave func()
}

func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}

// Close gives back what New took, in place of Serve.
func (s *Server) Close() {
	s.drain()
	s.endCalls()
	for _, listener := range []net.Listener{s.grpcListener, s.httpListener, s.operationsListener} {
		if listener != nil {
			_ = listener.Close()
		}
	}
	if s.public != nil { // its workers wait for calls already
		s.public.Stop()
	}
	if s.inProcess != nil {
		s.inProcess.Stop()
	}
	if s.sender != nil {
		s.sender.Close()
	}
	if s.connections != nil {
		s.connections.Close()
	}
}

// Follow has the server go by what a reloader reads, also as the operator asked.
func (s *Server) Follow(r *Reloader) {
	r.OnReload(func(before, now *config.Config) {
		if s.cfg.LogLevel != nil && before.Log.Level != now.Log.Level {
			s.cfg.LogLevel.Set(now.Log.Level)
		}
		if s.replicas != nil {
			s.replicas.SetReplicas(now.Replicas)
		}
	})
	s.reloader.Store(r)
}

// Hasten asks at once for the imports of a practice that stalled, because its configuration or a secret of it changed.
func (s *Server) Hasten(practice string) { s.sender.Hasten(practice) }

// AskNow asks at once for all accepted imports of a practice, because a sandbox's Loop has leapt in time.
func (s *Server) AskNow(practice string) { s.sender.AskNow(practice) }

// Addresses are where the service listens.
func (s *Server) Addresses() (grpcAddress, httpAddress, operationsAddress net.Addr) {
	return s.grpcListener.Addr(), s.httpListener.Addr(), s.operationsListener.Addr()
}

// Serve serves until ctx ends, or a listener fails, and then shuts down in order, within bounds.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 4)
	var serving sync.WaitGroup
	run := func(name string, serve func() error) {
		serving.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
				failed <- fmt.Errorf("the %s listener: %w", name, err)
			}
		})
	}
	// Before anybody is answered: the listeners are bound, and who asks in the first moment gets a service that is there.
	s.readiness.set(func(r *readiness) { r.serving = true })
	run("gRPC", func() error { return s.public.Serve(s.grpcListener) })
	run("HTTP", func() error {
		if s.cfg.TLS != nil {
			s.http.TLSConfig = s.cfg.TLS.Clone() // net/http writes to it while handshakes of both listeners read theirs
			return s.http.ServeTLS(s.httpListener, "", "")
		}
		return s.http.Serve(s.httpListener)
	})
	run("operations", func() error { return s.operations.Serve(s.operationsListener) })
	watching, stop := context.WithCancel(context.Background())
	serving.Go(func() { s.readiness.watch(watching) })
	serving.Go(func() { s.calls.Watch(watching) })
	go s.status.Run(watching) // the end waits for no metric: one may ask a ledger that hangs
	if s.replicas != nil {
		serving.Go(func() { s.replicas.Run(watching) })
	}

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-failed:
	}
	stop()
	s.shutdown()
	serving.Wait()
	return failure
}

// setHealth tells those who ask over gRPC.
func (s *Server) setHealth(reads, writes bool) {
	state := func(ready bool) grpc_health_v1.HealthCheckResponse_ServingStatus {
		if ready {
			return grpc_health_v1.HealthCheckResponse_SERVING
		}
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	s.health.SetServingStatus("", state(reads))
	for _, served := range contract.Services() {
		s.health.SetServingStatus(string(served.FullName()), state(reads && (writes || !ledgerServices[string(served.FullName())])))
	}
}

// ledgerServices need the ledger for what they are for.
var ledgerServices = map[string]bool{
	looppb.ImportService_ServiceDesc.ServiceName: true, looppb.DocumentService_ServiceDesc.ServiceName: true,
	looppb.RawService_ServiceDesc.ServiceName:   true,
	looppb.EventService_ServiceDesc.ServiceName: true,
}

// shutdown: not ready, a while for load balancers to notice, calls under way end by themselves, then with
// SHUTTING_DOWN, then by force.
func (s *Server) shutdown() {
	s.cfg.Log.Info("shutting down")
	s.readiness.set(func(r *readiness) { r.draining = true })
	if s.cfg.Config.Shutdown.Drain > 0 {
		time.Sleep(s.cfg.Config.Shutdown.Drain)
		s.doors.leave()
	}
	s.drain()
	s.sender.Stop() // what waits for its turn need not: another server takes it

	graceful := make(chan struct{})
	go func() {
		defer close(graceful)
		var stopping sync.WaitGroup
		stopping.Go(s.public.GracefulStop)
		// http.Server.Shutdown comes first: the gateway's calls run on the server in this process.
		stopping.Go(func() {
			_ = s.http.Shutdown(context.Background()) // bounded by Close below
			s.inProcess.GracefulStop()
		})
		stopping.Wait()
	}()
	if !within(graceful, s.cfg.Config.Shutdown.Grace) {
		s.endCalls()
		if !within(graceful, lastMoment) {
			s.cfg.Log.Warn("calls were cut off")
		}
	}
	s.endCalls()
	s.public.Stop()
	_ = s.http.Close()
	s.inProcess.Stop()
	<-graceful
	s.sender.Close() // submissions under way belong to the server, and are bounded
	s.connections.Close()
	s.refusals.Flush()
	s.lines.Flush()
	s.strangers.flush()
	_ = s.operations.Close()
	s.cfg.Practices.Close()
}

func within(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
