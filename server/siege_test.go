package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/authntest"
	"cegid.internal/gateway/server/internal/policy"
)

// siege is a service with two tenants, and those who mean it harm. alice and audrey are of practice demo, for a dossier each;
// bob is of partner; carol has a token of the issuer's, dave a certificate, greedy has limits.
type siege struct {
	*world
	t       *testing.T
	p       *process
	server  *authority
	clients *authority
	issuer  *authntest.Issuer
	dave    tls.Certificate

	anonymous, certified *grpc.ClientConn
	web                  *http.Client
	browsers             []*http.Client
	// All that the attackers got to read.
	heard testkit.Log
	// lastJWT is a good one that was used.
	lastJWT string
}

const (
	places   = 300 // connections of each port
	alice    = "clg_canary-static-token-of-alice"
	audrey   = "clg_canary-static-token-of-audrey"
	bob      = "clg_canary-static-token-of-bob"
	greedy   = "clg_canary-static-token-of-greedy"
	audience = "gateway"
)

func besiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{world: newWorld(t), t: t, server: newAuthority(t), clients: newAuthority(t), issuer: authntest.Serve(t, audience)}
	s.twoPractices(t, s.server)
	s.plant(t)
	s.authorities(t, s.clients)
	s.settings["tls"] = "{certificate: tls.crt, key: tls.key, client_authorities: clients.pem}"
	s.settings["oidc"] = fmt.Sprintf("[{issuer: %q, audience: %s, allow_plain_http: true}]", s.issuer.URL, audience)
	s.settings["listen"] = fmt.Sprintf(`{grpc: "127.0.0.1:0", http: "127.0.0.1:0", operations: "127.0.0.1:0", connections: %d}`, places)
	s.settings["audit"] = "{file: audit.log}"
	s.settings["log"] = "{level: debug}"
	s.settings["raw"] = `[{method: GET, path: /simNotes, query: [take]}, {method: POST, path: /simNotes, write: true}]`
	s.write(t, "policy.yaml", fmt.Sprintf(`
callers:
  - {name: alice, token_hashes: [%q]}
  - {name: audrey, token_hashes: [%q]}
  - {name: bob, token_hashes: [%q]}
  - {name: carol, jwt: [{issuer: %q, subject: carol}]}
  - {name: dave, certificates: [dave.corp.example]}
  - {name: greedy, token_hashes: [%q], limits: {requests_per_second: 0.01, burst: 2}}
grants:
  - {callers: [alice, carol, dave, greedy], practices: [demo], dossiers: [CEGID001], rights: [read, write, raw]}
  - {caller: audrey, practices: [demo], dossiers: [CEGID003], rights: [read, write, raw]}
  - {caller: bob, practices: [partner], dossiers: ["*"], rights: [read, write, raw]}
`, policy.HashToken(alice), policy.HashToken(audrey), policy.HashToken(bob), s.issuer.URL, policy.HashToken(greedy)))
	s.p = s.serve(t, "")
	s.dave = s.clients.client(t, "dave.corp.example")
	s.anonymous = dial(t, s.p.grpc, s.trust())
	s.certified = dial(t, s.p.grpc, s.trust(s.dave))
	s.web = s.browser()
	return s
}

func (s *siege) trust(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: s.server.Pool, Certificates: certificates}
}

func (s *siege) browser(certificates ...tls.Certificate) *http.Client {
	web := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: s.trust(certificates...), ForceAttemptHTTP2: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	s.browsers = append(s.browsers, web)
	s.t.Cleanup(web.CloseIdleConnections)
	return web
}

// verdict is how a gRPC call ended: its code, and the reason if it has one.
func (s *siege) verdict(err error, trailer ...metadata.MD) string {
	said := status.Convert(err)
	text, _ := proto.Marshal(said.Proto())
	_, _ = fmt.Fprintf(&s.heard, "%s %q %v\n", said, text, trailer)
	for _, detail := range said.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return said.Code().String() + " " + info.GetReason()
		}
	}
	return said.Code().String()
}

// list lists accounts over gRPC, with metadata, which holds the token if there is one.
func (s *siege) list(practice, dossier string, md ...string) string {
	return s.listOver(s.anonymous, practice, dossier, md...)
}

func (s *siege) listOver(conn *grpc.ClientConn, practice, dossier string, md ...string) string {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), md...), patience)
	defer cancel()
	var trailer metadata.MD
	_, err := looppb.NewReferenceDataServiceClient(conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: practice, Dossier: dossier, PageSize: 1}, grpc.Trailer(&trailer))
	return s.verdict(err, trailer)
}

func as(token string) []string { return []string{"authorization", "Bearer " + token} }

// rest makes a REST call, and says its status and reason.
func (s *siege) rest(verb, path, body string, headers ...string) string {
	return s.restOver(s.web, verb, path, body, headers...)
}

func (s *siege) restOver(web *http.Client, verb, path, body string, headers ...string) string {
	request, err := http.NewRequestWithContext(s.t.Context(), verb, "https://"+s.p.http+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return ""
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header[headers[i]] = append(request.Header[headers[i]], headers[i+1])
	}
	response, err := web.Do(request)
	if err != nil {
		_, _ = fmt.Fprintln(&s.heard, err)
		return "no answer"
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	_, _ = fmt.Fprintf(&s.heard, "%s %v %s\n", response.Status, response.Header, text)
	return strconv.Itoa(response.StatusCode) + reasonOf(text)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// reasonOf is the reason in an error's body, after a space.
func reasonOf(body []byte) string {
	type details = struct{ Details []struct{ Reason string } }
	var whole struct {
		details
		Error details
	}
	_ = json.Unmarshal(body, &whole)
	for _, each := range append(whole.Details, whole.Error.Details...) {
		if each.Reason != "" {
			return " " + each.Reason
		}
	}
	return ""
}

// connect opens a TLS connection that speaks one protocol.
func (s *siege) connect(address, alpn string) (*tls.Conn, error) {
	config := s.trust()
	config.NextProtos = []string{alpn}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}

// bytes sends these over HTTP/1.1, and says what the first answer is, and whether another one follows: then something was
// taken for a request of its own.
func (s *siege) bytes(text string) string {
	conn, err := s.connect(s.p.http, "http/1.1")
	if err != nil {
		return "no connection"
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	in := bufio.NewReader(conn)
	said := ""
	for n := 0; ; n++ {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			if n == 0 {
				return "no answer"
			}
			return said
		}
		body, _ := io.ReadAll(response.Body)
		_, _ = fmt.Fprintf(&s.heard, "%s %v %s\n", response.Status, response.Header, body)
		if n > 0 {
			said += ", "
		}
		said += strconv.Itoa(response.StatusCode) + reasonOf(body)
	}
}

// frames is a connection of HTTP/2 whose frames are written one by one.
type frames struct {
	*http2.Framer
	conn    net.Conn
	encoder *hpack.Encoder
	block   *bytes.Buffer
	next    uint32
}

// frames begins HTTP/2 with a port, with settings of our own.
func (s *siege) frames(address string, settings ...http2.Setting) (*frames, error) {
	conn, err := s.connect(address, "h2")
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	out := bufio.NewWriter(conn)
	f := &frames{conn: conn, block: &bytes.Buffer{}, next: 1}
	f.Framer = http2.NewFramer(flushing{out}, conn)
	f.Framer.AllowIllegalWrites = true
	f.Framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.encoder = hpack.NewEncoder(f.block)
	_, err = io.WriteString(conn, http2.ClientPreface)
	return f, errors.Join(err, f.WriteSettings(settings...), f.WriteSettingsAck())
}

// flushing writes each frame at once.
type flushing struct{ *bufio.Writer }

func (w flushing) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	return n, errors.Join(err, w.Flush())
}

// fields are a header block of name and value in turn.
func (f *frames) fields(pairs ...string) []byte {
	f.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = f.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return bytes.Clone(f.block.Bytes())
}

// open begins a stream with a header block, and leaves it open.
func (f *frames) open(end bool, pairs ...string) (stream uint32, err error) {
	stream = f.next
	f.next += 2
	block := f.fields(pairs...)
	first := block[:min(len(block), 16<<10)]
	block = block[len(first):]
	err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(block) == 0, EndStream: end})
	for err == nil && len(block) > 0 {
		piece := block[:min(len(block), 16<<10)]
		block = block[len(piece):]
		err = f.WriteContinuation(stream, len(block) == 0, piece)
	}
	return stream, err
}

// gRPC and REST requests as header blocks.
func grpcFields(method string, more ...string) []string {
	return append([]string{
		":method", "POST", ":scheme", "https", ":path", method, ":authority", "gateway",
		"content-type", "application/grpc", "te", "trailers",
	}, more...)
}

func restFields(verb, path string, more ...string) []string {
	return append([]string{":method", verb, ":scheme", "https", ":path", path, ":authority", "gateway"}, more...)
}

// answer reads until a stream ends, or the connection: the status and the gRPC code, RST_STREAM or GOAWAY with its code.
func (f *frames) answer(stream uint32) string {
	said := ""
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return strings.TrimSpace(said + " closed")
		}
		switch frame := frame.(type) {
		case *http2.GoAwayFrame:
			return strings.TrimSpace(said + " GOAWAY " + frame.ErrCode.String())
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return strings.TrimSpace(said + " RST " + frame.ErrCode.String())
			}
		case *http2.MetaHeadersFrame:
			if frame.StreamID != stream {
				continue
			}
			for _, field := range frame.Fields {
				if field.Name == ":status" || field.Name == "grpc-status" {
					said += " " + field.Value
				}
			}
			if frame.StreamEnded() {
				return strings.TrimSpace(said)
			}
		case *http2.DataFrame:
			if frame.StreamID == stream && frame.StreamEnded() {
				return strings.TrimSpace(said)
			}
		}
	}
}

// peace are well-behaved callers of both transports, who go on through it all.
type peace struct {
	conn   *grpc.ClientConn
	calls  atomic.Int64
	mu     sync.Mutex
	failed []string
	stop   chan struct{}
	done   sync.WaitGroup
}

func (s *siege) keepPeace() *peace {
	conn, compressing := dial(s.t, s.p.grpc, s.trust()), dial(s.t, s.p.grpc, s.trust(), grpc.WithDefaultCallOptions(compressed))
	p := &peace{conn: conn, stop: make(chan struct{})}
	web := s.browser()
	token := s.issuer.Token(s.t, map[string]any{"sub": "carol"})
	imports := looppb.NewImportServiceClient(conn)
	for name, call := range map[string]func(n int) string{
		"gRPC": func(n int) string {
			if n%20 == 1 {
				ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(alice)...), patience)
				defer cancel()
				_, err := imports.ImportEntries(ctx, sale(fmt.Sprint("peace-", n)))
				return strings.ToUpper(s.verdict(err))
			}
			return strings.ToUpper(s.listOver(conn, "demo", "CEGID001", as(alice)...))
		},
		"gRPC, compressed": func(int) string {
			return strings.ToUpper(s.listOver(compressing, "partner", "DOSSIER_TEST", as(bob)...))
		},
		"gRPC, with a JWT": func(int) string {
			return strings.ToUpper(s.listOver(conn, "demo", "CEGID001", as(token)...))
		},
		"REST": func(int) string {
			return strings.Replace(s.restOver(web, "GET", accounts, "", bearer(alice)...), "200", "OK", 1)
		},
	} {
		p.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-p.stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				p.calls.Add(1)
				if said := call(n); said != "OK" {
					p.mu.Lock()
					p.failed = append(p.failed, fmt.Sprintf("%s, call %d: %s", name, n, said))
					p.mu.Unlock()
				}
			}
		})
	}
	return p
}

// end tells how it went.
func (p *peace) end(t *testing.T) {
	t.Helper()
	close(p.stop)
	p.done.Wait()
	_ = p.conn.Close()
	if n := len(p.failed); n > 0 {
		t.Errorf("%d of %d calls of well-behaved callers failed, such as %q", n, p.calls.Load(), p.failed[:min(n, 5)])
	}
	if p.calls.Load() < 300 {
		t.Errorf("the well-behaved made %d calls: too few to prove anything", p.calls.Load())
	}
}

// sale is an import of one small entry.
func sale(id string) *looppb.ImportEntriesRequest {
	return &looppb.ImportEntriesRequest{
		Practice: "demo", Dossier: "CEGID001", RequestId: id,
		Entries: []*looppb.Entry{{
			Journal: "VTE", Date: "2026-03-15", Reference: id, DocumentReference: id, Lines: []*looppb.EntryLine{
				{Account: "41100000", ThirdParty: "CEXEMPLE", Label: canaryLabel, Side: &looppb.EntryLine_Debit{Debit: canaryAmount}, AttachmentUrl: canaryAttachment},
				{Account: "70700000", Label: canaryName, Side: &looppb.EntryLine_Credit{Credit: canaryAmount}},
				// Else the total, which the audit has, would be the amount.
				{Account: "41100000", ThirdParty: "CEXEMPLE", Label: canaryLabel, Side: &looppb.EntryLine_Debit{Debit: "1.00"}},
				{Account: "70700000", Label: canaryName, Side: &looppb.EntryLine_Credit{Credit: "1.00"}},
			},
		}},
	}
}

// refused counts the refusals of a kind that the audit tells, and the records that it needs for them.
func (s *siege) refused(t *testing.T, why string) (refusals, records int) {
	t.Helper()
	s.audit(t, func(record map[string]any) {
		if record["why"] != why {
			return
		}
		records++
		if more, told := record["more"].(float64); told {
			refusals += int(more)
		} else {
			refusals++
		}
	})
	return refusals, records
}

func (s *siege) audit(t *testing.T, each func(map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(s.path("audit.log"))
	testkit.OK(t, err)
	for line := range bytes.Lines(text) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil && bytes.HasSuffix(line, []byte("\n")) {
			t.Errorf("not a record: %s", line)
			continue
		}
		each(record)
	}
}

// unzipped is a profile's content.
func unzipped(text string) string {
	in, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return text
	}
	content, _ := io.ReadAll(in)
	return string(content)
}

// status reads a number from what the kernel says of the process, in kB.
func (p *process) status(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	testkit.OK(t, err)
	match := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB`).FindSubmatch(text)
	if match == nil {
		t.Fatalf("the kernel does not tell %s: %s", name, text)
	}
	n, _ := strconv.Atoi(string(match[1]))
	return n
}

// holds counts descriptors and goroutines.
func (p *process) holds(t *testing.T) (descriptors, goroutines int) {
	t.Helper()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, metrics := ask(t, web, "GET", "http://"+p.operations+"/metrics", "", "")
	number := func(name string) int {
		match := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(metrics)
		if match == nil {
			t.Fatalf("no metric %s", name)
		}
		value, _ := strconv.ParseFloat(match[1], 64)
		return int(value)
	}
	return number("process_open_fds"), number("go_goroutines")
}
