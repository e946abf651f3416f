package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/contract"
)

var placeholder = regexp.MustCompile(`\{[a-z_.]+(=[^}]*)?\}`)

// templates are the paths of the contract by method.
func templates(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for method := range contract.Methods() {
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			continue
		}
		for _, each := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			method, template := binding(each)
			out[method] = append(out[method], template)
		}
	}
	for _, each := range uploadsUpTo(1) {
		out[http.MethodPost] = append(out[http.MethodPost], each.template)
	}
	if len(out[http.MethodGet]) < 10 || len(out[http.MethodPost]) < 10 {
		t.Fatalf("the contract has only these paths: %v", out)
	}
	return out
}

// large fills a list of accounts beyond what is worth compressing.
func large(_ context.Context, reply proto.Message) error {
	if list, ok := reply.(*looppb.ListAccountsResponse); ok {
		for i := range 100 {
			list.Accounts = append(list.Accounts, &looppb.Account{Number: fmt.Sprint(60700000 + i), Label: proto.String("Achats de marchandises")})
		}
	}
	return nil
}

// TestBrowsersAreToldToKeepToTLS: where it is ours, and of no page where they were.
func TestBrowsersAreToldToKeepToTLS(t *testing.T) {
	for _, c := range []struct {
		name string
		hsts time.Duration
		tls  bool
		want string
	}{
		{"over TLS", 48 * time.Hour, true, "max-age=172800"},
		{"over TLS, unless that is told", 0, true, ""},
		{"in plaintext, which may be another's TLS", 48 * time.Hour, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := serve(t, &upstream{}, func(cfg *Config) { cfg.HSTS = c.hsts }, func(s *httptest.Server) {
				if c.tls {
					s.StartTLS()
				} else {
					s.Start()
				}
			})
			for _, path := range []string{"/docs/", "/openapi.json", "/readyz", "/nothing", "/v1/nothing", accounts} {
				header := f.do(t, http.MethodGet, path, "").Header
				if got := header.Get("Strict-Transport-Security"); got != c.want {
					t.Errorf("%s: Strict-Transport-Security is %q; want %q", path, got, c.want)
				}
				if got := header.Values("Referrer-Policy"); !slices.Equal(got, []string{"no-referrer"}) {
					t.Errorf("%s: Referrer-Policy is %q", path, got)
				}
			}
		})
	}
}

// TestHeadIsGetWithoutItsBody: wherever GET is answered, with its status and its headers.
func TestHeadIsGetWithoutItsBody(t *testing.T) {
	paths := []string{"/", "/docs", "/docs/", "/docs/api/", "/docs/api/swagger-ui.css", "/openapi.json", "/healthz", "/readyz", "/nothing", "/v1/nothing", accounts + "?fliter=x", accounts + "/"}
	for _, template := range templates(t)[http.MethodGet] {
		paths = append(paths, placeholder.ReplaceAllString(template, "demo"))
	}
	for _, c := range []struct {
		name, coding string
		compression  bool
		http2        bool
	}{{name: "plain", coding: "identity"}, {name: "compressed", coding: "gzip", compression: true}, {name: "over HTTP/2", coding: "gzip", compression: true, http2: true}} {
		t.Run(c.name, func(t *testing.T) {
			var begun sync.Map // of streams, by their contexts
			f := serve(t, &upstream{answer: large, next: func(ctx context.Context, _ proto.Message) error {
				if _, again := begun.LoadOrStore(ctx, true); again {
					return io.EOF
				}
				return nil
			}}, func(cfg *Config) { cfg.Compression = c.compression; cfg.Site.OpenAPI = gen.OpenAPI }, func(s *httptest.Server) {
				if c.http2 {
					s.EnableHTTP2 = true
					s.StartTLS()
				} else {
					s.Start()
				}
			})
			for _, path := range paths {
				get := f.do(t, http.MethodGet, path, "", "Accept-Encoding", c.coding, "X-Request-Id", "same")
				asked := len(f.calls())
				head := f.do(t, http.MethodHead, path, "", "Accept-Encoding", c.coding, "X-Request-Id", "same")
				get.Header.Del("Date")
				head.Header.Del("Date")
				if head.StatusCode != get.StatusCode || head.text != "" || fmt.Sprint(head.Header) != fmt.Sprint(get.Header) {
					t.Errorf("%s: HEAD is answered %d %v %q;\nGET %d %v", path, head.StatusCode, head.Header, head.text, get.StatusCode, get.Header)
				}
				if strings.Contains(path, "practices/demo") && get.StatusCode == 200 && len(f.calls()) != asked+1 {
					t.Errorf("%s: the service was not asked by HEAD", path)
				}
			}
		})
	}
}

// TestHeadOfAStreamEndsWithTheFirstMessage: its reader sees none of them.
func TestHeadOfAStreamEndsWithTheFirstMessage(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		ended := make(chan struct{})
		f := serve(t, endless(ended), nil, func(s *httptest.Server) {
			if s.EnableHTTP2 = protocol == "HTTP/2"; s.EnableHTTP2 {
				s.StartTLS()
				return
			}
			s.Start()
		})
		if got := f.do(t, http.MethodHead, accounts+":stream", ""); got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: HTTP %d %v", protocol, got.StatusCode, got.Header)
		}
		<-ended
	}
}

func jsonName(name string) string {
	parts := strings.Split(name, "_")
	for i := range parts[1:] {
		parts[i+1] = strings.ToUpper(parts[i+1][:1]) + parts[i+1][1:]
	}
	return strings.Join(parts, "")
}

// TestAPathWithAnEmptyPart is another one for nobody: what lacks a value is refused, wherever it lacks.
func TestAPathWithAnEmptyPart(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	for method, list := range templates(t) {
		for _, template := range list {
			filled := placeholder.ReplaceAllString(template, "demo")
			for i, at := range placeholder.FindAllStringIndex(template, -1) {
				path := placeholder.ReplaceAllString(template[:at[0]], "demo") + placeholder.ReplaceAllString(template[at[1]:], "demo")
				name := strings.Trim(template[at[0]:at[1]], "{}")
				got := f.do(t, method, path, "")
				if got.StatusCode != 400 || got.reason != "FIELD_INVALID" || !slices.Contains(got.fields, jsonName(name)) {
					t.Errorf("%s %s, without part %d: HTTP %d %s", method, path, i, got.StatusCode, got.text)
				}
			}
			for i := range filled {
				if filled[i] != '/' {
					continue
				}
				path := filled[:i] + "/" + filled[i:]
				got := f.do(t, method, path, "")
				if (got.StatusCode != 404 || !strings.Contains(got.message, "empty part")) && (got.StatusCode != 400 || got.reason != "FIELD_INVALID") {
					t.Errorf("%s %s: HTTP %d %s", method, path, got.StatusCode, got.text)
				}
			}
			got := f.do(t, method, filled+"/", "")
			if got.StatusCode != 404 && got.StatusCode != 400 || !strings.Contains(got.message, "slash at the end") {
				t.Errorf("%s %s/: HTTP %d %s", method, filled, got.StatusCode, got.text)
			}
		}
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("the service was called: %v", calls)
	}
}

// certifiedFront serves with TLS to a client that has a certificate, which stands for somebody.
func certifiedFront(t *testing.T, u *upstream, tune func(*Config)) *front {
	t.Helper()
	f := serve(t, u, func(cfg *Config) {
		cfg.Identity = func(state *tls.ConnectionState) metadata.MD {
			if len(state.PeerCertificates) == 0 {
				return nil
			}
			return metadata.Pairs("certificate", "somebody")
		}
		if tune != nil {
			tune(cfg)
		}
	}, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		s.StartTLS()
	})
	f.Client().Transport.(*http.Transport).TLSClientConfig.Certificates = f.TLS.Certificates
	return f
}

// TestMediaTypes: a body of another type than the operation takes is refused before anything of it is read.
func TestMediaTypes(t *testing.T) {
	const body = `{"keyKind": "KEY_KIND_ADVANCED"}`
	plain, certified := serve(t, &upstream{}, nil, nil), certifiedFront(t, &upstream{}, nil)
	for _, c := range []struct {
		contentType   string
		plain, byCert bool
	}{
		{"", true, true},
		{"application/json", true, true},
		{"application/JSON; charset=UTF-8", true, true},
		{"application/json;charset=us-ascii", true, true},
		{"application/x-www-form-urlencoded", true, false},
		{"application/x-www-form-urlencoded; charset=UTF-8", true, false},
		{"application/octet-stream", true, false},
		{"application/json; charset=iso-8859-1", false, false},
		{"text/plain", false, false},
		{"text/json", false, false},
		{"application/xml", false, false},
		{"application/grpc-web+proto", false, false},
		{"application/connect+json", false, false},
		{"application/problem+json", false, false},
		{"multipart/form-data; boundary=x", false, false},
		{"application/json, text/plain", false, false},
		{"nonsense/", false, false},
		{"nonsense", false, false},
	} {
		for _, side := range []struct {
			name    string
			f       *front
			takes   bool
			headers []string
		}{
			{"without a certificate", plain, c.plain, nil},
			{"with a certificate", certified, c.byCert, nil},
			{"with a certificate and a token", certified, c.plain, []string{"Authorization", "Bearer t"}},
		} {
			before := len(side.f.calls())
			headers := side.headers
			if c.contentType != "" {
				headers = append([]string{"Content-Type", c.contentType}, headers...)
			}
			got := side.f.do(t, http.MethodPost, connection, body, headers...)
			if side.takes {
				if got.StatusCode != 200 || len(side.f.calls()) != before+1 {
					t.Errorf("%q %s: HTTP %d %s", c.contentType, side.name, got.StatusCode, got.text)
				}
				continue
			}
			if got.StatusCode != 415 || got.reason != "MEDIA_TYPE_UNSUPPORTED" || !slices.Equal(got.fields, []string{"Content-Type"}) || got.Header.Get("Accept") != "application/json" ||
				!strings.Contains(got.message, "send application/json") || len(side.f.calls()) != before {
				t.Errorf("%q %s: HTTP %d %v %s", c.contentType, side.name, got.StatusCode, got.Header, got.text)
			}
		}
	}
	for name, headers := range map[string][]string{
		"two types": {"Content-Type", "application/json", "Content-Type", "text/plain"}, "one twice": {"Content-Type", "application/json", "Content-Type", "application/json"},
	} {
		if got := plain.do(t, http.MethodPost, connection, body, headers...); got.StatusCode != 415 {
			t.Errorf("%s: HTTP %d %s", name, got.StatusCode, got.text)
		}
	}
	if got := plain.do(t, http.MethodPost, connection, "", "Content-Type", "text/plain"); got.StatusCode != 200 {
		t.Errorf("the type of no body: HTTP %d %s", got.StatusCode, got.text)
	}
	if got := plain.do(t, http.MethodGet, accounts, "", "Content-Type", "text/plain", "Content-Encoding", "gzip"); got.StatusCode != 200 {
		t.Errorf("of what is not read: HTTP %d %s", got.StatusCode, got.text)
	}
}

// TestMediaTypesAreThoseOfTheDocument: what /openapi.json says of each body is what is taken.
func TestMediaTypesAreThoseOfTheDocument(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody *struct{ Content map[string]json.RawMessage }
		}
	}
	testkit.OK(t, json.Unmarshal(gen.OpenAPI, &document))
	all, bodies := newRoutes(uploadsUpTo(1)), 0
	for path, operations := range document.Paths {
		for method, operation := range operations {
			found, _ := all.find(strings.ToUpper(method), placeholder.ReplaceAllString(path, "demo"))
			if found == nil {
				t.Errorf("%s %s is in the document alone", method, path)
				continue
			}
			var said []string
			if operation.RequestBody != nil {
				for each := range operation.RequestBody.Content {
					said = append(said, each)
				}
				bodies++
			}
			slices.Sort(said)
			if !slices.Equal(said, found.mediaTypes()) {
				t.Errorf("%s %s: the document says %q, the gateway takes %q", method, path, said, found.mediaTypes())
			}
		}
	}
	if bodies < 5 {
		t.Errorf("the document has only %d bodies", bodies)
	}
}

// TestPagesAreAskedForOnce: they have a tag, a browser that has them is told that they still hold, and nobody uses them unasked.
func TestPagesAreAskedForOnce(t *testing.T) {
	for _, compression := range []bool{false, true} {
		f := serve(t, &upstream{}, func(cfg *Config) {
			cfg.Compression, cfg.Site.OpenAPI, cfg.Site.Protos = compression, gen.OpenAPI, fstest.MapFS{"cegid/loop/v1/x.proto": {Data: []byte("syntax = \"proto3\";\n")}}
		}, nil)
		for _, path := range []string{"/openapi.json", "/protos/cegid/loop/v1/x.proto", "/", "/protos/", "/docs/style.css", "/docs/api/", "/docs/api/swagger-ui.css", "/docs/api/swagger-ui-bundle.js", "/docs/api/favicon-32x32.png"} {
			for _, coding := range []string{"identity", "gzip"} {
				first := f.do(t, http.MethodGet, path, "", "Accept-Encoding", coding)
				tag := first.Header.Get("ETag")
				if first.StatusCode != 200 || !regexp.MustCompile(`^W/"[\w.-]+"$`).MatchString(tag) || first.Header.Get("Cache-Control") != "no-cache" {
					t.Errorf("%s, %s: HTTP %d %v", path, coding, first.StatusCode, first.Header)
				}
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					again := f.do(t, method, path, "", "Accept-Encoding", coding, "If-None-Match", tag)
					if again.StatusCode != 304 || again.text != "" || again.Header.Get("ETag") != tag || again.Header.Get("Cache-Control") != "no-cache" {
						t.Errorf("%s, %s, %s again: HTTP %d %v", method, path, coding, again.StatusCode, again.Header)
					}
				}
				if other := f.do(t, http.MethodGet, path, "", "Accept-Encoding", coding, "If-None-Match", `W/"other"`); other.StatusCode != 200 || other.text != first.text {
					t.Errorf("%s, %s, with the tag of another: HTTP %d", path, coding, other.StatusCode)
				}
			}
		}
		for _, path := range []string{accounts, "/v1/nothing", "/healthz"} {
			if got := f.do(t, http.MethodGet, path, ""); got.Header.Get("ETag") != "" || strings.HasPrefix(path, "/v1/") && got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", path, got.Header)
			}
		}
	}
}

// TestStreamsAreNotHeldBack: nginx is told to pass each message on; answers that are whole are its own affair.
func TestStreamsAreNotHeldBack(t *testing.T) {
	f := serve(t, &upstream{}, nil, nil)
	for path, want := range map[string]string{accounts + ":stream": "no", accounts: "", "/openapi.json": ""} {
		if got := f.do(t, http.MethodGet, path, ""); got.Header.Get("X-Accel-Buffering") != want {
			t.Errorf("%s: X-Accel-Buffering is %q; want %q", path, got.Header.Get("X-Accel-Buffering"), want)
		}
	}
}

func TestCompression(t *testing.T) {
	const html = "text/html,application/xhtml+xml"
	on := func(cfg *Config) { cfg.Compression = true; cfg.Site.OpenAPI = gen.OpenAPI }
	off := func(cfg *Config) { cfg.Site.OpenAPI = gen.OpenAPI }
	failing := &upstream{answer: func(context.Context, proto.Message) error { return errOdd }}
	for _, c := range []struct {
		name, path string
		f          *front
		accept     string
		gzip, vary bool
	}{
		{"a large list", accounts, serve(t, &upstream{answer: large}, on, nil), "gzip", true, true},
		{"a large list, of several codings", accounts, serve(t, &upstream{answer: large}, on, nil), "zstd;q=1, br;q=0.9, gzip;q=0.5", true, true},
		{"a large list, as it is", accounts, serve(t, &upstream{answer: large}, on, nil), "identity", false, true},
		{"a large list, not in gzip", accounts, serve(t, &upstream{answer: large}, on, nil), "gzip;q=0", false, true},
		{"a small list", accounts, serve(t, &upstream{}, on, nil), "gzip", false, true},
		{"an error", accounts, serve(t, failing, on, nil), "gzip", false, true},
		{"the document", "/openapi.json", serve(t, &upstream{}, on, nil), "gzip", true, true},
		{"the page", "/docs/api/", serve(t, &upstream{}, on, nil), "gzip", true, true},
		{"a large list, unless it is switched on", accounts, serve(t, &upstream{answer: large}, off, nil), "gzip", false, false},
		{"the document, unless it is switched on", "/openapi.json", serve(t, &upstream{}, off, nil), "gzip", false, false},
		{"a large list, for a client with a certificate", accounts, certifiedFront(t, &upstream{answer: large}, on), "gzip", false, false},
	} {
		got := c.f.do(t, http.MethodGet, c.path, "", "Accept-Encoding", c.accept, "Accept", html)
		if (got.Header.Get("Content-Encoding") == "gzip") != c.gzip || (got.Header.Get("Vary") == "Accept-Encoding") != c.vary {
			t.Errorf("%s: %v", c.name, got.Header)
		}
		plain := c.f.do(t, http.MethodGet, c.path, "", "Accept-Encoding", "identity", "X-Request-Id", got.Header.Get("X-Request-Id"))
		text := got.text
		if c.gzip {
			unzipped, err := gzip.NewReader(strings.NewReader(got.text))
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			all, err := io.ReadAll(unzipped)
			if err != nil || len(got.text) >= len(all) {
				t.Errorf("%s: %v; %d bytes of %d", c.name, err, len(got.text), len(all))
			}
			text = string(all)
		}
		if compact(text) != compact(plain.text) {
			t.Errorf("%s: it is another answer", c.name)
		}
	}
}

// compact takes out the spaces that protojson strews.
func compact(text string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(text)) != nil {
		return text
	}
	return out.String()
}

// TestAStreamIsNotCompressed: its first message is there before the second exists.
func TestAStreamIsNotCompressed(t *testing.T) {
	seen := make(chan struct{})
	messages := 0
	f := serve(t, &upstream{next: func(ctx context.Context, reply proto.Message) error {
		if messages++; messages == 2 {
			select {
			case <-seen:
			case <-ctx.Done():
			}
			return io.EOF
		}
		reply.(*looppb.StreamAccountsResponse).Accounts = []*looppb.Account{{Number: "60700000"}}
		return nil
	}}, func(cfg *Config) { cfg.Compression = true }, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+accounts+":stream", nil)
	testkit.OK(t, err)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := f.Client().Do(request)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	close(seen)
	if err != nil || !strings.Contains(line, "60700000") || response.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v %q %v", response.Header, line, err)
	}
}

// TestACompressedAnswerThatNobodyReadsIsDropped: the limit of a reader holds behind the compressor, too.
func TestACompressedAnswerThatNobodyReadsIsDropped(t *testing.T) {
	closed := make(chan struct{})
	noise := make([]byte, 32<<20)
	_, _ = rand.Read(noise)
	f := serve(t, &upstream{}, func(cfg *Config) {
		cfg.WriteLimit, cfg.Compression, cfg.Site.OpenAPI = brief, true, noise
	}, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(closed)
			}
		}
		s.Start()
	})
	if _, err := fmt.Fprint(dial(t, f), "GET /openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-t.Context().Done():
	}
}

const (
	app   = "https://app.example.com"
	other = "https://app.example.com.evil.example"
)

// TestPreflight: a browser asks for a page before it calls. It is answered without a token and without a call.
func TestPreflight(t *testing.T) {
	shared := serve(t, &upstream{}, func(cfg *Config) {
		cfg.Origins = []string{app, "http://localhost:3000"}
		cfg.Arrive = func(context.Context, int64, int64, func()) (int64, func(), bool, error) {
			t.Error("a preflight takes a place")
			return 0, func() {}, false, nil
		}
	}, nil)
	const sent = "authorization,content-type,grpc-timeout,idempotency-key,traceparent,tracestate,x-request-id"
	for _, c := range []struct {
		name, path, origin, method, headers string
		allowed                             bool
	}{
		{"a list", accounts, app, "GET", "authorization", true},
		{"another origin of the list", accounts, "http://localhost:3000", "GET", "authorization", true},
		{"an import with all that it can say", imports, app, "POST", sent, true},
		{"an upload", documents, app, "POST", "authorization,content-type,idempotency-key", true},
		{"a change", identity, app, "PATCH", "authorization,content-type", true},
		{"HEAD", accounts, app, "HEAD", "authorization", true},
		{"no headers", accounts, app, "GET", "", true},
		{"an origin that begins like one", accounts, other, "GET", "authorization", false},
		{"another scheme", accounts, "http://app.example.com", "GET", "authorization", false},
		{"another port", accounts, app + ":8443", "GET", "authorization", false},
		{"capital letters", accounts, "https://APP.example.com", "GET", "authorization", false},
		{"a page of nowhere", accounts, "null", "GET", "authorization", false},
		{"any", accounts, "*", "GET", "authorization", false},
		{"a header that nobody reads", accounts, app, "GET", "authorization,x-user-id", false},
		{"the hand-over", accounts, app, "GET", "grpc-metadata-x-loop-client-certificate-bin", false},
		{"a method that nobody uses", accounts, app, "PUT", "authorization", false},
	} {
		headers := []string{"Origin", c.origin, "Access-Control-Request-Method", c.method}
		if c.headers != "" {
			headers = append(headers, "Access-Control-Request-Headers", c.headers)
		}
		got := shared.do(t, http.MethodOptions, c.path, "", headers...)
		want := map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": "", "Access-Control-Allow-Headers": "", "Access-Control-Max-Age": ""}
		if c.allowed {
			want = map[string]string{"Access-Control-Allow-Origin": c.origin, "Access-Control-Allow-Methods": c.method, "Access-Control-Allow-Headers": c.headers, "Access-Control-Max-Age": "3600"}
		}
		want["Access-Control-Allow-Credentials"] = ""
		for name, value := range want {
			if got.Header.Get(name) != value {
				t.Errorf("%s: %s is %q; want %q", c.name, name, got.Header.Get(name), value)
			}
		}
		if got.StatusCode != 204 || got.text != "" || !strings.Contains(strings.Join(got.Header.Values("Vary"), ", "), "Origin") {
			t.Errorf("%s: HTTP %d %v", c.name, got.StatusCode, got.Header)
		}
	}
	if len(shared.calls()) > 0 || shared.log.String() != "" {
		t.Errorf("%d calls; the log has %s", len(shared.calls()), shared.log.String())
	}
}

// TestAnswersForPages: an answer says whether the page that asked may read it; one that may not is none of an error's.
func TestAnswersForPages(t *testing.T) {
	on := func(cfg *Config) { cfg.Origins = []string{app} }
	shared, closed, certified := serve(t, &upstream{}, on, nil), serve(t, &upstream{}, nil, nil), certifiedFront(t, &upstream{}, on)
	const exposed = "Accept, Accept-Encoding, Age, Allow, Cache-Status, Etag, Idempotent-Replayed, Retry-After, Www-Authenticate, X-Request-Id"
	for _, c := range []struct {
		name, verb, path string
		origins          []string
		f                *front
		allowed          bool
		vary             bool
		code             int
	}{
		{"a list", "GET", accounts, []string{app}, shared, true, true, 200},
		{"a stream", "GET", accounts + ":stream", []string{app}, shared, true, true, 200},
		{"a refusal", "GET", accounts + "?fliter=x", []string{app}, shared, true, true, 400},
		{"a wrong method", "DELETE", accounts, []string{app}, shared, false, true, 405},
		{"no such path", "GET", "/v1/nothing", []string{app}, shared, true, true, 404},
		{"a page", "GET", "/openapi.json", []string{app}, shared, true, true, 200},
		{"a caller that is no page", "GET", accounts, nil, shared, false, true, 200},
		{"another origin", "GET", accounts, []string{other}, shared, false, true, 200},
		{"a page of nowhere", "GET", accounts, []string{"null"}, shared, false, true, 200},
		{"two origins", "GET", accounts, []string{app, other}, shared, false, false, 200},
		{"a preflight, unless origins are configured", "OPTIONS", accounts, []string{app}, closed, false, false, 405},
		{"a list, unless origins are configured", "GET", accounts, []string{app}, closed, false, false, 200},
		{"a list for who has a certificate", "GET", accounts, []string{app}, certified, false, false, 200},
		{"a preflight of who has a certificate", "OPTIONS", accounts, []string{app}, certified, false, false, 405},
	} {
		var headers []string
		for _, origin := range c.origins {
			headers = append(headers, "Origin", origin)
		}
		if c.verb == http.MethodOptions {
			headers = append(headers, "Access-Control-Request-Method", "GET")
		}
		got := c.f.do(t, c.verb, c.path, "", headers...)
		origin, names := "", ""
		if c.allowed {
			origin, names = app, exposed
		}
		if got.StatusCode != c.code || got.Header.Get("Access-Control-Allow-Origin") != origin || got.Header.Get("Access-Control-Expose-Headers") != names ||
			got.Header.Get("Access-Control-Allow-Credentials") != "" || slices.Contains(got.Header.Values("Vary"), "Origin") != c.vary {
			t.Errorf("%s: HTTP %d %v", c.name, got.StatusCode, got.Header)
		}
	}
}

// TestPagesMaySayWhatCallersSay: the headers that reach the service are among those that a page may send.
func TestPagesMaySayWhatCallersSay(t *testing.T) {
	passed := 0
	for _, each := range callerHeaders {
		if each.name != http.CanonicalHeaderKey(each.name) {
			t.Errorf("%s is not spelt as net/http spells it", each.name)
		}
		if name, ok := incomingHeader(each.name); ok != each.passed || ok && name != strings.ToLower(each.name) {
			t.Errorf("%s: passed on is %t as %q; want %t", each.name, ok, name, each.passed)
		}
		if each.passed {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d headers are passed on; want the trace's two and the request's id", passed)
	}
}
