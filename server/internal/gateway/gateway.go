// Package gateway is the REST side: grpc-gateway in front of a server in the same process, with routing and errors of its own,
// and the pages beside it.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/restname"
	"cegid.internal/gateway/server/internal/site"
	"cegid.internal/gateway/server/internal/strictjson"
)

const requestIDHeader = "X-Request-Id"

// Config is what the gateway needs.
type Config struct {
	// Conn reaches the server that runs the interceptors. An interface, so that something faster than a connection can
	// take its place.
	Conn grpc.ClientConnInterface
	// MaxBody bounds a request's body, in bytes.
	MaxBody int64
	// MaxFile bounds a file of entries, in bytes.
	MaxFile int64
	// Check refuses a request of the wrong shape, as the service would.
	Check func(proto.Message) error
	// Identity is what the service learns about the client of a connection; nil tells nothing.
	Identity func(*tls.ConnectionState) metadata.MD
	// Arrive tells, by the credentials of a request, whether anybody is known by them, before anything of its body is read;
	// and then notes that it arrives, until leave. end ends it when others need its place. The context holds what the
	// service will be told. A body has so many bytes, or -1 where that is unknown, and most at most; of may it may be read. An error
	// says why it is not taken. Nil knows everybody.
	Arrive func(ctx context.Context, length, most int64, end func()) (may int64, leave func(), known bool, err error)
	// Refused receives each request that is refused here, before the service has it: of which method (empty for none), for which
	// practice, and why. The context holds what the service would be told. Nil is told nothing.
	Refused func(ctx context.Context, method, practice string, err error)
	// Origins are those whose pages may call, as browsers name them; none by default.
	Origins []string
	// HSTS is how long browsers are told to come by TLS alone; 0 tells them nothing.
	HSTS time.Duration
	// NoHealth leaves out what probes ask.
	NoHealth bool
	// Compression lets answers be compressed for those who take it.
	Compression bool
	// Site is what people read beside the API: /, /docs/, /openapi.json, /protos/. Without it there is none of these.
	Site *site.Config
	// Log receives the errors that the gateway makes itself and masks.
	Log *slog.Logger
	// Ready says why new calls are not welcome; nil when they are.
	Ready func() error
	// Writes says why no writes are taken; nil when they are, and without it.
	Writes func() error
	// BodyLimit bounds the arrival of a request's body, WriteLimit that of one piece of an answer at its reader. Zero is
	// 30 s.
	BodyLimit, WriteLimit time.Duration
}

// New returns the handler of the HTTP listener.
func New(cfg Config) (http.Handler, error) {
	routes := newRoutes(uploadsUpTo(cfg.MaxFile))
	json := &marshaler{names: restname.OfContract()}
	identity := handOver(cfg.Identity)
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, json),
		runtime.WithMarshalerOption(eventStream, &eventMarshaler{marshaler: json}),
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithMetadata(func(ctx context.Context, r *http.Request) metadata.MD { // one, since each has all that is there copied
			md := interceptor.OriginOf(r)
			maps.Copy(md, identity(ctx, r))
			return md
		}),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithForwardResponseOption(func(_ context.Context, w http.ResponseWriter, response proto.Message) error {
			if response == nil { // before the first message of a stream, which may turn out to have none
				w.Header().Set("Content-Type", json.StreamContentType(nil))
				w.Header().Set("X-Accel-Buffering", "no") // nginx would hold it back until it ends
			}
			noteReplay(w.Header(), response)
			return nil
		}),
		runtime.WithForwardResponseRewriter(func(ctx context.Context, answer proto.Message) (any, error) {
			return json.rewritten(ctx, answer)
		}),
		runtime.WithErrorHandler(writeError),
		runtime.WithStreamErrorHandler(json.streamError),
		runtime.WithRoutingErrorHandler(routingError),
	)
	if err := contract.RegisterREST(context.Background(), mux, older{idempotencyKeys{cfg.Conn}}); err != nil {
		return nil, err
	}
	api := &api{
		mux: mux, json: json, routes: routes, bounds: newBounds(), conn: cfg.Conn, check: cfg.Check,
		arrive: cfg.Arrive, maxBody: cfg.MaxBody, identity: identity, refused: cfg.Refused,
	}
	if api.arrive == nil {
		api.arrive = func(_ context.Context, _, most int64, _ func()) (int64, func(), bool, error) {
			return most, func() {}, true, nil
		}
	}

	answers := keeping(mux)
	pages, err := newPages(cfg, func(w http.ResponseWriter, r *http.Request, err error) { writeError(r.Context(), mux, json, w, r, err) })
	if err != nil {
		return nil, err
	}
	if cfg.Compression {
		for _, handler := range []*http.Handler{&answers, &pages} {
			if *handler, err = compressing(*handler); err != nil {
				return nil, err
			}
		}
	}
	api.answers = answers
	limits := limits{
		body: cmp.Or(cfg.BodyLimit, defaultLimit), write: cmp.Or(cfg.WriteLimit, defaultLimit), maxBody: cfg.MaxBody, upload: api.uploadLimit,
		log: cfg.Log,
	}
	return limits.around(withHeaders(cfg.HSTS, sharing(cfg.Origins, headAsGet(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before the ServeMux, which would redirect an empty dossier, //, to another path.
		if strings.HasPrefix("/"+strings.TrimLeft(r.URL.Path, "/"), "/v1/") {
			api.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))))), nil
}

// handOver says whose connection it is. Not for a page elsewhere whose reader has a certificate: the browser would show
// it unasked, and the reader is not the one who calls.
func handOver(identity func(*tls.ConnectionState) metadata.MD) func(context.Context, *http.Request) metadata.MD {
	browsers := http.NewCrossOriginProtection()
	return func(_ context.Context, r *http.Request) metadata.MD {
		if identity == nil || r.TLS == nil || browsers.Check(r) != nil {
			return nil
		}
		return identity(r.TLS)
	}
}

// incomingHeader is the allow-list of what an HTTP caller may say to the service besides its request. By default
// grpc-gateway passes every Grpc-Metadata-* header on, so that a caller could write what the service believes to have put
// there itself. Authorization passes on its own.
func incomingHeader(key string) (string, bool) {
	for _, header := range callerHeaders {
		if header.passed && header.name == key {
			return strings.ToLower(key), true
		}
	}
	return "", false
}

// withHeaders gives each request an id, the caller's own if it is well-formed, and answers it, with what browsers are to
// know of all answers.
func withHeaders(hsts time.Duration, next http.Handler) http.Handler {
	strict := "max-age=" + strconv.Itoa(int(hsts.Seconds()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !interceptor.ValidRequestID(id) || len(r.Header.Values(requestIDHeader)) > 1 {
			id = interceptor.NewRequestID()
			r.Header.Set(requestIDHeader, id)
		}
		w.Header().Set(requestIDHeader, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer") // a path names a dossier
		if r.TLS != nil && hsts > 0 {
			w.Header().Set("Strict-Transport-Security", strict)
		}
		next.ServeHTTP(w, r)
	})
}

// api routes what is below /v1/.
type api struct {
	mux      *runtime.ServeMux
	answers  http.Handler // mux, which answers whole ones compressed if that is wanted
	json     *marshaler
	routes   routes
	bounds   strictjson.Bounds
	conn     grpc.ClientConnInterface
	check    func(proto.Message) error
	arrive   func(ctx context.Context, length, most int64, end func()) (int64, func(), bool, error)
	maxBody  int64
	identity func(context.Context, *http.Request) metadata.MD
	refused  func(ctx context.Context, method, practice string, err error)
}

// told is what the service learns about who makes a request.
func (a *api) told(r *http.Request) context.Context {
	return metadata.NewIncomingContext(r.Context(), metadata.Join(
		metadata.MD{
			"authorization": r.Header.Values("Authorization"), "traceparent": r.Header.Values("Traceparent"),
			interceptor.RequestIDKey: r.Header.Values(requestIDHeader),
		}, interceptor.OriginOf(r), a.identity(r.Context(), r)))
}

// unasked tells of a request that the service is not asked, and why, and gives that back.
func (a *api) unasked(r *http.Request, found *route, err error) error {
	if a.refused != nil {
		method, practice := "", ""
		if found != nil {
			method, practice = found.method, found.practice(r.URL.EscapedPath())
		}
		a.refused(a.told(r), method, practice, err)
	}
	return err
}

// refuse answers what the service is not asked.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, found *route, err error) {
	writeError(r.Context(), a.mux, a.json, w, r, a.unasked(r, found, err))
}

// uploadLimit bounds the arrival of the body of a request that is a file; 0 for others.
func (a *api) uploadLimit(r *http.Request) time.Duration {
	found, _ := a.routes.find(r.Method, r.URL.EscapedPath())
	if found == nil || found.upload == nil {
		return 0
	}
	return found.upload.limit
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	found, allowed := a.routes.find(r.Method, r.URL.EscapedPath())
	if found == nil {
		err := errNoSuchPath()
		switch {
		case a.routes.withoutEmptyParts(r):
			err = errEmptyPart()
		case len(allowed) > 0:
			err = errMethodNotAllowed(w, allowed)
		}
		a.refuse(w, r, found, err)
		return
	}
	for _, err := range []error{found.checkPath(r.URL.EscapedPath(), a.check), found.checkQuery(r.URL.RawQuery), checkTimeout(r.Header)} {
		if err != nil {
			a.refuse(w, r, found, err)
			return
		}
	}
	if err := a.checkMediaType(w, r, found); err != nil {
		refuseBody(w, r, func() { a.refuse(w, r, found, err) })
		return
	}
	if found.upload != nil {
		a.serveUpload(w, r, found)
		return
	}
	if !found.hasBody {
		// Taken off the connection all the same: it would end a stream when its time is over.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			a.refuse(w, r, found, bodyUnread(err))
			return
		}
	}
	if body, ok := r.Body.(*timedBody); ok && found.hasBody {
		may, leave, known, err := a.arrive(a.told(r), r.ContentLength, a.maxBody, body.interrupt)
		defer leave()
		if err != nil {
			refuseBody(w, r, func() { a.refuse(w, r, found, err) })
			return
		}
		if !known { // what a stranger sends is not for reading: the service refuses an empty request just as well
			empty := r.Clone(r.Context())
			empty.Body, empty.ContentLength = http.NoBody, 0
			refuseBody(w, r, func() { a.mux.ServeHTTP(w, empty) })
			return
		}
		if may < a.maxBody {
			r.Body = http.MaxBytesReader(w, r.Body, may)
		}
	}
	if found.hasBody {
		body, err := a.readRequest(r, found)
		if err != nil {
			a.refuse(w, r, found, err)
			return
		}
		r.Body = body
	}
	if found.httpMethod != http.MethodGet { // a read: the header means nothing
		r = r.WithContext(context.WithValue(r.Context(), idempotencyKey{}, r.Header.Values("Idempotency-Key")))
	}
	r = asEvents(r, found)
	if found.streams {
		a.mux.ServeHTTP(w, r)
		return
	}
	a.answers.ServeHTTP(w, r)
}

// defaultLimit is that of BodyLimit and WriteLimit.
const defaultLimit = 30 * time.Second

// limits bound what a slow peer holds, wherever it knocks: much of what answers here asks for no token.
type limits struct {
	body, write time.Duration
	maxBody     int64
	// upload tells how long the body of a request may take that is a file; 0 for others. It may be large, which is not for
	// here to judge, and long on its way, as long as it keeps coming.
	upload func(*http.Request) time.Duration
	log    *slog.Logger
}

func (l limits) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// There may have been a length, too, which net/http drops; what follows may be a request to us, and part of the
			// body to a proxy before us: RFC 9112 § 6.1 ends the connection.
			w.Header().Set("Connection", "close")
		}
		if r.ContentLength != 0 {
			// A client that announces a body and does not send it would hold on for ever: net/http waits for it even where no
			// handler reads it.
			now := time.Now()
			_ = control.SetReadDeadline(now.Add(l.body)) // an error means a writer without connection, in tests
			if limit := l.upload(r); limit > 0 {
				r.Body = &timedBody{ReadCloser: r.Body, control: control, stall: l.body, until: now.Add(limit)}
			} else {
				r.Body = &timedBody{ReadCloser: http.MaxBytesReader(w, r.Body, l.maxBody), control: control}
			}
		}
		answer := &answerWriter{ResponseWriter: w, control: control, limit: l.write, log: l.log}
		next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), answerKey{}, answer)))
	})
}

// marshaler labels streams as what they are: one JSON object a line.
type marshaler struct {
	runtime.JSONPb
	names   restname.Names
	scratch scratch
}

func (*marshaler) StreamContentType(any) string { return "application/x-ndjson" }

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text))
}
