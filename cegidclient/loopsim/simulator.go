package loopsim

import (
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// A Simulator answers as Loop does, for the world it holds. It is safe for concurrent use.
type Simulator struct {
	config    config
	router    *router
	admin     http.Handler
	recorder  *recorder
	faults    faults
	imports   imports
	documents documents
	storage   storage
	uuids     atomic.Uint64
	cap       atomic.Int64
	ahead     atomic.Int64 // of the machine, nanoseconds
	routeCaps sync.Map     // route → rows
	closed    chan struct{}
	close     func()

	mu     sync.RWMutex // guards what follows
	world  *world
	shapes map[string]Shape
	redact redactor
}

type config struct {
	basePath        string
	ignoreCase      bool
	pageCap         int
	requestLog      int
	selectSeparator string
	loopback        bool
	importWaiting   time.Duration
	importRunning   time.Duration
	maxBody         int64 // of a request; Loop's limit is not known
	depositLife     time.Duration
	depositRoom     int64
	azure           string // URL of a container; "" for the simulator's own storage
	azureKey        *blob.SharedKeyCredential
	model           filecheck.LoopModel
	initial         func() *world
	operations      []operation
	whenDue         func()
}

// An Option configures a Simulator.
type Option func(*config)

// WithLoopModel says what files of entries are taken where Loop's documentation says nothing: an entry of two dates, the
// journal AN. Lenient unless set. The checks of files know the same switch.
func WithLoopModel(model filecheck.LoopModel) Option { return func(c *config) { c.model = model } }

// WithSandboxWorld starts with the practices, dossiers and keys of the sandbox, and makes Reset return to them.
func WithSandboxWorld() Option { return func(c *config) { c.initial = sandboxWorld } }

// WithBasePath serves the API below a path instead of /loop-api-publiques; "" is the root.
func WithBasePath(path string) Option {
	return func(c *config) {
		c.basePath = strings.TrimRight(path, "/")
		if c.basePath != "" && c.basePath[0] != '/' {
			c.basePath = "/" + c.basePath
		}
	}
}

// WithPageCap sets the most rows that a list answers at once, 0 for no cap. Default 100: the one limit stated, for entries
// (loop-api: A 4); whether the other lists share it is unknown (R 1.6) [I].
func WithPageCap(rows int) Option { return func(c *config) { c.pageCap = rows } }

// WithCaseInsensitiveRoutes accepts routes in any letter case, as the gateway may (loop-api: C 2 [I]).
func WithCaseInsensitiveRoutes() Option { return func(c *config) { c.ignoreCase = true } }

// WithSelectSeparator sets what separates several names in the select parameter, "" to refuse several. Default ",": a
// guess, no separator is documented (loop-api: R 1.3).
func WithSelectSeparator(separator string) Option {
	return func(c *config) { c.selectSeparator = separator }
}

// WithRequestLog sets how many requests Requests remembers. Default 1000; the counters are exact whatever it is.
func WithRequestLog(n int) Option { return func(c *config) { c.requestLog = max(0, n) } }

// WithLoopback refuses requests whose Host is not a loopback one: a web page that makes its own name point at 127.0.0.1
// could otherwise use the simulator through the browser of the person who runs it. For a server that listens on loopback.
func WithLoopback() Option { return func(c *config) { c.loopback = true } }

// WithImportDelays sets how long an accepted import stays in status 1, then in status 2, before it is booked or fails
// (loop-api: A 3.6). Default 150 ms each; at Loop it can be hours (A 3.5).
func WithImportDelays(waiting, running time.Duration) Option {
	return func(c *config) { c.importWaiting, c.importRunning = importDelay(waiting), importDelay(running) }
}

// New returns a simulator of an empty world, unless WithSandboxWorld is among the options.
func New(opts ...Option) *Simulator {
	c := config{
		basePath: DefaultBasePath, pageCap: 100, requestLog: defaultLog, selectSeparator: ",", maxBody: 64 << 20,
		importWaiting: defaultImportDelay, importRunning: defaultImportDelay, initial: newWorld, operations: operations(),
		depositLife: defaultDepositLife, depositRoom: defaultDepositRoom, whenDue: func() {},
	}
	for _, opt := range opts {
		opt(&c)
	}
	s := &Simulator{
		config:   c,
		router:   newRouter(c.basePath, c.ignoreCase, c.operations),
		recorder: newRecorder(c.requestLog),
		closed:   make(chan struct{}),
		storage:  newStorage(c.depositLife, c.depositRoom),
	}
	s.close = sync.OnceFunc(func() {
		close(s.closed)
		s.storage.reset()
	})
	s.admin = s.adminHandler()
	s.Reset()
	return s
}

// NewSandbox returns a simulator of the sandbox world.
func NewSandbox(opts ...Option) *Simulator {
	return New(append([]Option{WithSandboxWorld()}, opts...)...)
}

// DefaultBasePath is where the gateway publishes the API (loop-api: C 1.4).
const DefaultBasePath = "/loop-api-publiques"

// BasePath returns the path below which the API is served, without a trailing slash.
func (s *Simulator) BasePath() string { return s.config.basePath }

// Close ends the answers that a fault holds back or delays and forgets deposited files; requests that come later are cut off.
// The simulator starts no goroutine of its own.
func (s *Simulator) Close() { s.close() }

// Reset returns to the world that New made: practices, dossiers, keys, shapes, page cap, import mode and delays, the time; faults,
// records, imports, entries, documents and deposited files are forgotten.
func (s *Simulator) Reset() {
	s.mu.Lock()
	if s.world != nil {
		s.world.retire()
	}
	s.world = s.config.initial()
	s.shapes = make(map[string]Shape)
	s.redact.learn(s.world.secrets())
	s.mu.Unlock()
	s.ahead.Store(0)
	s.SetPageCap(s.config.pageCap)
	s.ClearFaults()
	s.ResetCounters()
	s.imports.reset(s.config.importWaiting, s.config.importRunning)
	s.documents.reset()
	s.storage.reset()
}

// SetPageCap changes the most rows that a list answers at once, 0 for no cap.
func (s *Simulator) SetPageCap(rows int) { s.cap.Store(int64(max(0, rows))) }

func (s *Simulator) pageCap() int { return int(s.cap.Load()) }

// SetRoutePageCap gives one route, spelled as in Routes, a cap of its own, 0 for none at all. That all have the same is [I].
func (s *Simulator) SetRoutePageCap(route string, rows int) { s.routeCaps.Store(route, max(0, rows)) }

func (s *Simulator) pageCapOf(route string) int {
	if rows, ok := s.routeCaps.Load(route); ok {
		return rows.(int)
	}
	return s.pageCap()
}

func (s *Simulator) change(f func(*world) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.redact.learn(s.world.secrets()) }()
	return f(s.world)
}

// nextUUID: what Loop draws at random is counted here, so that a run repeats itself.
func (s *Simulator) nextUUID(kind string) string {
	return derivedUUID(kind, strconv.FormatUint(s.uuids.Add(1), 10))
}

// A caller is what the two keys of a request say.
type caller struct {
	slot     Slot // "" when the subscription key is refused
	sent     bool // a subscription key was sent
	practice string
	kind     KeyKind // "" when the API key is refused
}

// identify reads the keys. An unknown key, a wrong secret and a key not activated in LoopHub come out the same.
func (s *Simulator) identify(h http.Header) caller {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var c caller
	subscription := h.Get("Ocp-Apim-Subscription-Key")
	c.sent = subscription != ""
	for _, slot := range []Slot{Primary, Secondary} {
		if want := s.world.subscriptions[slot]; want != "" && c.slot == "" && same(want, subscription) {
			c.slot = slot
		}
	}
	key, secret, ok := splitAPIKey(h.Get("x-apikey"))
	if !ok {
		return c
	}
	if p, k, found := s.world.keyOwner(key); found && k.activated && k.opens(key, secret) {
		c.practice = p.name
		for kind, own := range p.keys {
			if own == k {
				c.kind = kind
			}
		}
	}
	return c
}

func (k *apiKey) opens(key, secret string) bool {
	if k.issued.key == key && k.issued.key != "" && same(k.issued.secret, secret) {
		return true
	}
	return k.key == key && same(k.secret, secret)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// practiceOf is the practice of a caller.
func (s *Simulator) practiceOf(c caller) *practice {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.world.practices[c.practice]
}

// reach finds a dossier that the caller's key may touch. One that does not exist and one that is not attached come out the
// same: a key must not learn which dossiers there are [I].
func (s *Simulator) reach(c caller, code string) *dossier {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.world.practices[c.practice]
	if p == nil || p.keys[c.kind] == nil || !p.keys[c.kind].attached[code] {
		return nil
	}
	return p.dossiers[code]
}

// ServeHTTP answers a request to the API or, below /_sim/, to the simulator itself.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.config.loopback && !loopbackHost(r.Host) {
		http.Error(w, "loopsim: this server answers to loopback names only", http.StatusForbidden)
		return
	}
	if strings.HasPrefix(r.URL.Path+"/", adminPrefix) {
		s.admin.ServeHTTP(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, DepositRoute+"/") {
		s.serveStorage(w, r)
		return
	}
	// The body is read whole before anything else: the server only notices that a client has gone once it is.
	body, bodyErr := io.ReadAll(http.MaxBytesReader(w, r.Body, s.config.maxBody))
	query := r.URL.Query()
	op := s.router.find(r.Method, r.URL.Path)
	route := UnknownRoute
	if op != nil {
		route = op.Path
	}
	who := s.identify(r.Header)
	dossier := query.Get("codeDossier")
	sub, dep := s.readWrite(op, r, query, body, bodyErr, who)
	switch {
	case dep != nil:
		dossier = dep.Dossier
	case sub != nil:
		dossier = sub.dossier
	}
	var id string
	var fault *Fault
	if bodyErr == nil {
		id, fault = s.faults.match(r.Method, route, who.practice, dossier)
	}
	if fault == nil && sub != nil && !s.imports.know(sub.magic.once) {
		id, fault = sub.magic.name, sub.magic.fault
	}
	if fault == nil && dep != nil {
		id, fault = dep.magic.name, dep.magic.fault
	}
	seq := s.arrive(r, query, route, dossier, who, id)
	var job *imported
	if sub != nil {
		job = s.receive(op.format, sub, body, who, id)
	}
	if dep != nil {
		s.take(dep, body, who, id)
	}
	leave := sync.OnceFunc(func() { s.recorder.leave(r.Method, route) })
	defer leave()

	d := delivery{
		sim: s, w: w, r: r, fault: fault,
		status: func(status int) {
			s.recorder.status(seq, status)
			if job != nil {
				s.imports.answered(job, status)
			}
			if dep != nil {
				s.documents.set(func() { dep.Status = status })
			}
		},
		leave: leave,
		process: func() answer {
			if bodyErr != nil {
				return gatewayAnswer(http.StatusRequestEntityTooLarge, gatewayMessage(http.StatusRequestEntityTooLarge))
			}
			return s.process(r, op, who, query, body, sub, job, dep)
		},
	}
	var tooLarge *http.MaxBytesError
	if bodyErr != nil && !errors.As(bodyErr, &tooLarge) {
		d.cut() // the client broke off
		return
	}
	d.run()
}

// readWrite reads the body of an operation that submits or stores something.
func (s *Simulator) readWrite(op *operation, r *http.Request, query url.Values, body []byte, bodyErr error,
	who caller,
) (sub *submission, dep *deposit) {
	if op != nil && op.submits {
		sub = new(submission)
		switch {
		case bodyErr != nil:
		case op.format == FormatJSON:
			sub = readSubmission(body)
		default:
			sub = readFileSubmission(op.format, body)
			sub.magic = s.magicOf(sub.file, who.practice)
		}
	}
	if op != nil && op.stores {
		dep = readDeposit(r, query)
	}
	return sub, dep
}

func (s *Simulator) arrive(r *http.Request, query url.Values, route, dossier string, who caller, fault string) uint64 {
	s.mu.RLock()
	clean := s.redact.clean
	record := Request{
		Time: s.now(), Method: clean(r.Method), Route: route, Path: clean(r.URL.Path),
		Dossier: clean(dossier),
		Skip:    clean(query.Get("skip")), Take: clean(query.Get("take")),
		Filter: clean(query.Get("filter")), Sort: clean(query.Get("sort")), Select: clean(query.Get("select")),
		Practice: who.practice, Key: who.kind, Subscription: who.slot,
		Fault: fault, RemoteAddr: r.RemoteAddr,
	}
	s.mu.RUnlock()
	return s.recorder.arrive(record)
}

// process is a request's way when no fault strikes: gateway, API key, dossier, operation.
func (s *Simulator) process(r *http.Request, op *operation, who caller, query url.Values, body []byte, sub *submission, job *imported,
	dep *deposit,
) answer {
	switch {
	case op == nil: // an unknown path and a wrong method are the same to the gateway (C 3.1)
		return gatewayAnswer(http.StatusNotFound, gatewayMessage(http.StatusNotFound))
	case !who.sent: // C 3.1
		return gatewayAnswer(http.StatusUnauthorized, "Appel refusé : missing subscription key.")
	case who.slot == "": // C 3.1
		return gatewayAnswer(http.StatusUnauthorized, gatewayMessage(http.StatusUnauthorized))
	case who.kind == "": // C 1.2 says "refused", not how: status and object are [I]
		return s.serviceAnswer(http.StatusUnauthorized, codeKeyRefused, "La clé d'API n'est pas reconnue.")
	case op.cabinet && who.kind != Advanced: // C 1.2; status and object are [I]
		return s.serviceAnswer(http.StatusForbidden, codeAdvancedRequired, "Cette opération demande une clé d'API Cabinet.")
	}
	x := &exchange{
		sim: s, op: op, query: query, body: body, shape: s.shapeOf(op.Path), who: who, practice: who.practice, submission: sub, imported: job,
		deposit: dep,
		origin:  originOf(r),
	}
	if p := s.practiceOf(who); op.cabinet && p != nil {
		x.dossier = p.cabinet
	}
	if op.unbound {
		return op.serve(x)
	}
	code := query.Get("codeDossier")
	switch {
	case code == "" || op.cabinet && code != cabinetCode: // required (R 1.3); the answer is [I]
		return s.serviceAnswer(http.StatusBadRequest, codeDossierMissing, "Le paramètre « codeDossier » manque ou ne convient pas.")
	case op.cabinet:
		return op.serve(x)
	}
	if x.dossier = s.reach(who, code); x.dossier == nil { // C 1.2, R 1.2; status and object are [I]
		return s.dossierRefused()
	}
	return op.serve(x)
}

// deliver sends an answer whole.
func deliver(w http.ResponseWriter, a answer) {
	writeHead(w, a, len(a.body))
	_, _ = w.Write(a.body) // the client may have gone
}

func writeHead(w http.ResponseWriter, a answer, length int) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.contentType != "" && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	if length >= 0 && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(a.status)
}

// originOf is where a client has found the simulator.
func originOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
