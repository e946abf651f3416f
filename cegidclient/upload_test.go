package cegidclient

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"cegid.internal/gateway/internal/testkit"
)

// azure is a storage to upload to: a fake, and Azure's own emulator where LOOP_TEST_AZURITE names it.
type azure interface {
	http.Handler
	// link is one below origin that lets a blob be written until then.
	link(origin, name string, until time.Time) string
	// get reads a blob and the checksum that it carries; nil when nothing is there.
	get(t *testing.T, name string) (content, md5sum []byte)
}

// fakeAzure knows what the emulator knows of a blob, and is stricter: block ids of one length, each content with its checksum.
type fakeAzure struct {
	mu     sync.Mutex
	blocks map[string]map[string][]byte // by path, uncommitted
	done   map[string]map[string][]byte // committed
	blobs  map[string][]byte
	sums   map[string]string
}

func newFakeAzure() *fakeAzure {
	return &fakeAzure{blocks: map[string]map[string][]byte{}, done: map[string]map[string][]byte{}, blobs: map[string][]byte{}, sums: map[string]string{}}
}

const fakeSignature = "canarySAS/+=signature"

func (f *fakeAzure) link(origin, name string, until time.Time) string {
	q := url.Values{"sv": {"2025-01-05"}, "se": {until.UTC().Format(time.RFC3339)}, "sig": {fakeSignature}}
	return origin + (&url.URL{Path: "/container/" + name, RawQuery: q.Encode()}).String()
}

func (f *fakeAzure) get(_ *testing.T, name string) (content, md5sum []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	md5sum, _ = base64.StdEncoding.DecodeString(f.sums["/container/"+name])
	return f.blobs["/container/"+name], md5sum
}

func (f *fakeAzure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, code := f.serve(r)
	if code != "" {
		w.Header().Set("x-ms-error-code", code)
		w.Header().Set("Content-Type", "application/xml")
	}
	w.Header().Set("x-ms-request-id", "azure-request-1")
	w.WriteHeader(status)
	if code != "" {
		_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>for %s</Message></Error>", code, r.URL)
	}
}

func (f *fakeAzure) serve(r *http.Request) (status int, code string) {
	q := r.URL.Query()
	until, err := time.Parse(time.RFC3339, q.Get("se"))
	if err != nil || q.Get("sig") != fakeSignature || time.Now().After(until) {
		return 403, "AuthenticationFailed"
	}
	body, err := io.ReadAll(r.Body)
	sum := md5.Sum(body)
	switch {
	case err != nil || int64(len(body)) != r.ContentLength:
		return 400, "IncompleteBody"
	case r.Method != http.MethodPut || r.Header.Get("x-ms-version") == "":
		return 400, "UnsupportedHttpVerb"
	case q.Get("comp") != "blocklist" && r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]):
		return 400, "Md5Mismatch"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path, blocks := r.URL.Path, f.blocks[r.URL.Path]
	switch q.Get("comp") {
	case "block":
		id := q.Get("blockid")
		for other := range blocks {
			if len(other) != len(id) {
				return 400, "InvalidBlobOrBlock"
			}
		}
		if _, err := base64.StdEncoding.DecodeString(id); err != nil || id == "" {
			return 400, "InvalidQueryParameterValue"
		}
		if blocks == nil {
			blocks = map[string][]byte{}
			f.blocks[path] = blocks
		}
		blocks[id] = body
	case "blocklist":
		var list struct{ Latest []string }
		if err := xml.Unmarshal(body, &list); err != nil || len(list.Latest) == 0 {
			return 400, "InvalidXmlDocument"
		}
		var whole []byte
		committed := map[string][]byte{}
		for _, id := range list.Latest {
			block, there := blocks[id]
			if !there {
				if block, there = f.done[path][id]; !there {
					return 400, "InvalidBlockList"
				}
			}
			whole, committed[id] = append(whole, block...), block
		}
		delete(f.blocks, path)
		f.done[path] = committed
		f.blobs[path], f.sums[path] = whole, r.Header.Get("x-ms-blob-content-md5")
	case "":
		if r.Header.Get("x-ms-blob-type") != "BlockBlob" {
			return 400, "MissingRequiredHeader"
		}
		f.blobs[path], f.sums[path] = body, r.Header.Get("x-ms-blob-content-md5")
	default:
		return 400, "InvalidQueryParameterValue"
	}
	return 201, ""
}

// emulator is Azurite, behind a proxy of ours.
type emulator struct {
	*httputil.ReverseProxy
	container *url.URL
	key       *blob.SharedKeyCredential
	transport *http.Transport
}

// Azurite publishes the key of its one account; it opens nothing else.
const (
	emulatorAccount = "devstoreaccount1"
	emulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

func newEmulator(t *testing.T, base string) *emulator {
	t.Helper()
	account, err := url.Parse(base)
	testkit.OK(t, err)
	key, err := blob.NewSharedKeyCredential(emulatorAccount, emulatorKey)
	testkit.OK(t, err)
	transport := &http.Transport{}
	e := &emulator{container: account.JoinPath("loop-" + strings.ToLower(t.Name()[:4]) + fmt.Sprint(time.Now().UnixNano())), key: key, transport: transport}
	e.ReverseProxy = &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: account.Scheme, Host: account.Host}) },
		Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
	}
	// A container is made by an account's signature.
	signed, err := sas.AccountSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: time.Now().Add(time.Hour), Permissions: "rwc", ResourceTypes: "c",
	}.SignWithSharedKey(key)
	testkit.OK(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.container.String()+"?restype=container&"+signed.Encode(), nil)
	testkit.OK(t, err)
	req.Header.Set("x-ms-version", "2021-12-02")
	res, err := transport.RoundTrip(req)
	testkit.OK(t, err)
	_ = res.Body.Close()
	if res.StatusCode != 201 {
		t.Fatalf("the emulator makes no container: %d", res.StatusCode)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return e
}

func (e *emulator) sign(t *testing.T, name string, until time.Time, permissions string) string {
	folders := strings.Split(e.container.Path, "/")
	signed, err := sas.BlobSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, StartTime: time.Now().Add(-time.Hour), ExpiryTime: until, Permissions: permissions,
		ContainerName: folders[len(folders)-1], BlobName: name,
	}.SignWithSharedKey(e.key)
	if err != nil {
		panic(err)
	}
	return (&url.URL{Path: e.container.Path + "/" + name, RawQuery: signed.Encode()}).String()
}

func (e *emulator) link(origin, name string, until time.Time) string {
	return origin + e.sign(nil, name, until, "cw")
}

func (e *emulator) get(t *testing.T, name string) (content, md5sum []byte) {
	t.Helper()
	origin := e.container.Scheme + "://" + e.container.Host
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+e.sign(t, name, time.Now().Add(time.Hour), "r"), nil)
	testkit.OK(t, err)
	req.Header.Set("x-ms-version", "2021-12-02")
	res, err := e.transport.RoundTrip(req)
	testkit.OK(t, err)
	defer res.Body.Close()
	content, err = io.ReadAll(res.Body)
	switch {
	case err != nil:
		t.Fatal(err)
	case res.StatusCode == 404:
		return nil, nil
	case res.StatusCode != 200:
		t.Fatalf("the emulator answers %d: %s", res.StatusCode, content)
	}
	md5sum, _ = base64.StdEncoding.DecodeString(res.Header.Get("Content-MD5"))
	return content, md5sum
}

// onEachStorage runs a test on the fake, and on the emulator where there is one.
func onEachStorage(t *testing.T, run func(t *testing.T, s *storage)) {
	t.Run("fake", func(t *testing.T) { run(t, newStorage(t, newFakeAzure())) })
	if base := os.Getenv("LOOP_TEST_AZURITE"); base != "" {
		t.Run("azurite", func(t *testing.T) { run(t, newStorage(t, newEmulator(t, base))) })
	}
}

// TestTheEmulatorIsThere skips where the tests above cannot ask it.
func TestTheEmulatorIsThere(t *testing.T) {
	base := os.Getenv("LOOP_TEST_AZURITE")
	if base == "" {
		t.Skip("LOOP_TEST_AZURITE does not say where Azurite listens")
	}
	if content, _ := newEmulator(t, base).get(t, "nothing"); content != nil {
		t.Errorf("%s", content)
	}
}

// storage is a server before a storage, with faults, and a client.
type storage struct {
	azure
	t      *testing.T
	server *httptest.Server
	client *Client
	seen   *recorder

	mu       sync.Mutex
	faults   []func(w http.ResponseWriter, r *http.Request, next http.Handler) // of the requests to come
	requests []string                                                          // what each asked for: "", block, blocklist
}

const testBlock = 1000

func newStorage(t *testing.T, behind azure, adjust ...func(*Config)) *storage {
	t.Helper()
	s := &storage{azure: behind, t: t, seen: new(recorder)}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	cfg, _ := testConfig(nil)
	cfg.Transport, cfg.AllowPlainHTTP, cfg.Observer = nil, true, s.seen
	cfg.Retry = RetryPolicy{ThrottledDelay: time.Millisecond, SubmissionTimeout: 5 * time.Second}
	for _, f := range adjust {
		f(&cfg)
	}
	var err error
	if s.client, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	s.client.Files.upload.block = testBlock
	t.Cleanup(func() {
		s.client.Close()
		s.server.Close()
	})
	return s
}

func (s *storage) serve(w http.ResponseWriter, r *http.Request) {
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.Contains(lower, "apikey") || strings.Contains(lower, "subscription") || lower == "authorization" || lower == "cookie" {
			s.t.Errorf("the storage was sent %s", name)
		}
	}
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.Query().Get("comp"))
	var fault func(http.ResponseWriter, *http.Request, http.Handler)
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	if fault != nil {
		fault(w, r, s.azure)
		return
	}
	s.azure.ServeHTTP(w, r)
}

// asked gives what the requests so far asked for.
func (s *storage) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *storage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *storage) deposit(name string, until time.Duration) Deposit {
	return Deposit{URL: NewSecret(s.link(s.server.URL, name, time.Now().Add(until).Truncate(time.Second))), URI: name}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func fileOf(b []byte) FileContent {
	sum := sha256.Sum256(b)
	return FileContent{Content: bytes.NewReader(b), Size: int64(len(b)), SHA256: sum[:]}
}

func (s *storage) wantStored(t *testing.T, name string, want []byte) {
	t.Helper()
	got, sum := s.get(t, name)
	if wantSum := md5.Sum(want); !bytes.Equal(got, want) || !bytes.Equal(sum, wantSum[:]) {
		t.Errorf("%d bytes are stored of %d, with the checksum %x", len(got), len(want), sum)
	}
}

func TestAFileIsUploadedWhole(t *testing.T) {
	onEachStorage(t, func(t *testing.T, s *storage) {
		for name, tc := range map[string]struct {
			size     int
			requests []string
		}{
			"a byte":            {1, []string{""}},
			"a block":           {testBlock, []string{""}},
			"a block and a bit": {testBlock + 1, []string{"block", "block", "blocklist"}},
			"été à 100 %.txt":   {2 * testBlock, []string{"block", "block", "blocklist"}},
			"12 blocks":         {11*testBlock + 500, append(slices.Repeat([]string{"block"}, 12), "blocklist")},
		} {
			t.Run(name, func(t *testing.T) {
				content, d := randomBytes(tc.size), s.deposit("142ae28e/"+name, time.Hour)
				for range 2 { // the second time is harmless
					s.forget()
					testkit.OK(t, s.client.Files.Upload(t.Context(), d, fileOf(content)))
					if !slices.Equal(s.asked(), tc.requests) {
						t.Error(s.asked())
					}
					s.wantStored(t, "142ae28e/"+name, content)
				}
			})
		}
		if last := s.seen.calls[len(s.seen.calls)-1]; last.Operation != "upload_file" || last.Practice != "demo" || last.Outcome != "ok" {
			t.Errorf("%+v", last)
		}
	})
}

// answer is a fault that answers by itself.
func answerWith(status int, headers ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html>%s</html>", r.URL)
	}
}

// cutMidBlock reads a part of the body and resets the connection.
func cutMidBlock(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.CopyN(io.Discard, r.Body, testBlock/3)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// lost takes the request, and gives no answer.
func lost(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // the server only then sees that the client has gone
	<-r.Context().Done()
}

// corrupt changes a byte on the way.
func corrupt(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, _ := io.ReadAll(r.Body)
	body[len(body)/2] ^= 1
	r.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(w, r)
}

type fault = func(http.ResponseWriter, *http.Request, http.Handler)

func TestAnUploadOutlivesMishaps(t *testing.T) {
	busy := answerWith(503, "x-ms-error-code", "ServerBusy")
	for name, faults := range map[string][]fault{
		"a busy storage":             {nil, busy, busy},
		"a busy storage, at the end": {nil, nil, nil, busy},
		"a throttled caller":         {answerWith(429, "Retry-After", "0")},
		"a connection cut mid block": {nil, cutMidBlock},
		"an answer lost":             {nil, lost},
		"an answer lost at the end":  {nil, nil, nil, lost},
		"a storage that stalls":      {stall, nil, stall},
	} {
		t.Run(name, func(t *testing.T) {
			onEachStorage(t, func(t *testing.T, s *storage) {
				s.client.Files.upload.retry.SubmissionTimeout = 500 * time.Millisecond
				s.faults = faults
				content := randomBytes(2*testBlock + 100)
				testkit.OK(t, s.client.Files.Upload(t.Context(), s.deposit("a/b.txt", time.Hour), fileOf(content)))
				s.wantStored(t, "a/b.txt", content)
				failed := len(faults) - countNil(faults)
				if len(s.asked()) != 4+failed || s.seen.calls[0].Attempts != 4+failed || len(s.seen.attempts) != 4+failed {
					t.Errorf("%q, %+v", s.asked(), s.seen.calls)
				}
			})
		})
	}
}

func TestAByteThatChangesOnTheWayIsNoticed(t *testing.T) {
	onEachStorage(t, func(t *testing.T, s *storage) {
		content, d := randomBytes(2*testBlock+100), s.deposit("a/b.txt", time.Hour)
		s.faults = slices.Repeat([]fault{corrupt}, 3)
		err := s.client.Files.Upload(t.Context(), d, fileOf(content))
		if got, _ := s.get(t, "a/b.txt"); err == nil || got != nil {
			t.Errorf("%v, %d bytes are there", err, len(got))
		}
		wantNoLink(t, d, err)
		if _, is := s.azure.(*fakeAzure); !is { // the emulator has no code for it
			return
		}
		if e, _ := asError(err); e.Kind != KindUnavailable || e.Code != "Md5Mismatch" || e.Attempts != 3 {
			t.Errorf("%#v", err)
		}
		s.faults = []fault{nil, corrupt}
		testkit.OK(t, s.client.Files.Upload(t.Context(), d, fileOf(content)))
		s.wantStored(t, "a/b.txt", content)
	})
}

func countNil(faults []fault) (n int) {
	for _, f := range faults {
		if f == nil {
			n++
		}
	}
	return n
}

func TestWhyAnUploadFails(t *testing.T) {
	ever := func(f fault) []fault { return slices.Repeat([]fault{f}, 20) }
	for _, tc := range []struct {
		name     string
		faults   []fault
		kind     Kind
		status   int
		requests int
	}{
		{"the storage is down", ever(answerWith(503, "x-ms-error-code", "ServerBusy")), KindUnavailable, 503, 3},
		{"the storage fails", ever(answerWith(500)), KindUnavailable, 500, 3},
		{"connections are cut", ever(cutMidBlock), KindUnavailable, 0, 3},
		{"answers are lost", ever(lost), KindUnavailable, 0, 3},
		{"the link has expired meanwhile", []fault{nil, answerWith(403, "x-ms-error-code", "AuthenticationFailed")}, KindLinkRefused, 403, 2},
		{"the emulator's code for it", []fault{answerWith(403, "x-ms-error-code", "AuthorizationFailure")}, KindLinkRefused, 403, 1},
		{"the link opens nothing", []fault{answerWith(401)}, KindLinkRefused, 401, 1},
		{"the file is too large", []fault{answerWith(413, "x-ms-error-code", "RequestBodyTooLarge")}, KindRefused, 413, 1},
		{"a redirect", []fault{answerWith(307, "Location", "http://127.0.0.1:1/elsewhere")}, KindBadResponse, 307, 1},
		{"a web page", []fault{answerWith(200, "Content-Type", "text/html")}, KindBadResponse, 200, 1},
		{"a container that is gone", []fault{answerWith(404, "x-ms-error-code", "ContainerNotFound")}, KindBadResponse, 404, 1},
		{"something else", []fault{answerWith(409, "x-ms-error-code", "BlobImmutableDueToPolicy")}, KindBadResponse, 409, 1},
		{"a pause that outlasts the caller", ever(answerWith(503, "Retry-After", "20")), KindUnavailable, 503, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onEachStorage(t, func(t *testing.T, s *storage) {
				s.faults = tc.faults
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				d := s.deposit("a/b.txt", time.Hour)
				err := s.client.Files.Upload(ctx, d, fileOf(randomBytes(2*testBlock+100)))
				e, _ := asError(err)
				if e == nil || e.Kind != tc.kind || e.HTTPStatus != tc.status || e.Operation != "upload_file" || e.Attempts != tc.requests || len(s.asked()) != tc.requests || e.Local {
					t.Errorf("%d requests: %#v", len(s.asked()), err)
				}
				wantNoLink(t, d, err)
				if got, _ := s.get(t, "a/b.txt"); got != nil {
					t.Errorf("%d bytes are there all the same", len(got))
				}
				if last := s.seen.calls[0]; last.Outcome != tc.kind.String() || last.Attempts != tc.requests {
					t.Errorf("%+v", last)
				}
			})
		})
	}
}

// wantNoLink looks for the signature of a link, written in whatever way.
func wantNoLink(t *testing.T, d Deposit, v any) {
	t.Helper()
	u, err := url.Parse(d.URL.Reveal())
	testkit.OK(t, err)
	text := prints(t, v)
	for _, secret := range []string{u.Query().Get("sig"), url.QueryEscape(u.Query().Get("sig")), u.RawQuery, "sig="} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown: %s", secret, text)
		}
	}
}

func TestALinkThatOpensNothingIsToldApart(t *testing.T) {
	onEachStorage(t, func(t *testing.T, s *storage) {
		forged := s.deposit("a/b.txt", time.Hour)
		forged.URL = NewSecret(strings.Replace(forged.URL.Reveal(), "sig=", "sig=x", 1))
		for name, d := range map[string]Deposit{
			"an expired one": s.deposit("a/b.txt", -time.Minute), "a forged one": forged,
		} {
			t.Run(name, func(t *testing.T) {
				s.forget()
				err := s.client.Files.Upload(t.Context(), d, fileOf(randomBytes(10)))
				if e, _ := asError(err); e == nil || e.Kind != KindLinkRefused || e.HTTPStatus != 403 || e.Code == "" || e.RequestID == "" || len(s.asked()) != 1 {
					t.Errorf("%#v", err)
				}
				wantNoLink(t, d, err)
			})
		}
	})
}

func TestTheCallerEndsAnUpload(t *testing.T) {
	s := newStorage(t, newFakeAzure())
	ctx, cancel := context.WithCancel(t.Context())
	s.faults = []fault{nil, func(w http.ResponseWriter, r *http.Request, next http.Handler) { cancel(); stall(w, r, next) }}
	d := s.deposit("a/b.txt", time.Hour)
	err := s.client.Files.Upload(ctx, d, fileOf(randomBytes(3*testBlock)))
	if e, _ := asError(err); e == nil || e.Kind != KindInterrupted || !errors.Is(err, context.Canceled) || len(s.asked()) != 2 {
		t.Errorf("%#v", err)
	}
	wantNoLink(t, d, err)
	late, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	s.faults = []fault{stall}
	if err := s.client.Files.Upload(late, d, fileOf(randomBytes(10))); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNobodyIsThere(t *testing.T) {
	s := newStorage(t, newFakeAzure())
	d := s.deposit("a/b.txt", time.Hour)
	s.server.Close()
	err := s.client.Files.Upload(t.Context(), d, fileOf(randomBytes(10)))
	if e, _ := asError(err); e == nil || e.Kind != KindUnavailable || e.Attempts != 3 {
		t.Errorf("%#v", err)
	}
	wantNoLink(t, d, err)
}

// brokenReader fails from an offset on.
type brokenReader struct {
	from int64
	once bool // the first reading, for checksums, goes well
	seen map[int64]bool
	mu   sync.Mutex
}

func (b *brokenReader) ReadAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if off+int64(len(p)) > b.from && (!b.once || b.seen[off]) {
		return 0, errors.New("open /spool/sig=canarySAS: gone")
	}
	b.seen[off] = true
	clear(p)
	return len(p), nil
}

func TestAFileThatCannotBeRightIsNotUploaded(t *testing.T) {
	content := randomBytes(2 * testBlock)
	good, other := sha256.Sum256(content), sha256.Sum256([]byte("another"))
	for _, tc := range []struct {
		name  string
		link  string
		in    FileContent
		field string
	}{
		{"nothing", "", FileContent{}, "content"},
		{"an empty file", "", FileContent{Content: bytes.NewReader(nil)}, "content"},
		{"a file shorter than its size", "", FileContent{Content: bytes.NewReader(content), Size: 2*testBlock + 1}, "content"},
		{"a file that cannot be read", "", FileContent{Content: &brokenReader{from: testBlock + 1, seen: map[int64]bool{}}, Size: 2 * testBlock}, "content"},
		{"a file that cannot be read the second time", "", FileContent{Content: &brokenReader{from: testBlock + 1, once: true, seen: map[int64]bool{}}, Size: 2 * testBlock}, "content"},
		{"another file than was checked", "", FileContent{Content: bytes.NewReader(content), Size: 2 * testBlock, SHA256: other[:]}, "sha256"},
		{"another small file than was checked", "", FileContent{Content: bytes.NewReader(content), Size: 10, SHA256: good[:]}, "sha256"},
		{"half a digest", "", FileContent{Content: bytes.NewReader(content), Size: 2 * testBlock, SHA256: good[:16]}, "sha256"},
		{"more blocks than there can be", "", FileContent{Content: bytes.NewReader(content), Size: 50_000*testBlock + 1}, "content"},
		{"a link that is none", "sig=canarySAS", fileOf(content), "url"},
		{"a link of another protocol", "file:///etc/passwd?sig=canarySAS", fileOf(content), "url"},
		{"no link", " ", fileOf(content), "url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStorage(t, newFakeAzure())
			d := s.deposit("a/b.txt", time.Hour)
			if tc.link != "" {
				d.URL = NewSecret(tc.link)
			}
			err := s.client.Files.Upload(t.Context(), d, tc.in)
			if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != tc.field || !e.Local {
				t.Errorf("%#v", err)
			}
			if got, _ := s.get(t, "a/b.txt"); got != nil || slices.Contains(s.asked(), "blocklist") || slices.Contains(s.asked(), "") {
				t.Errorf("%q, %d bytes are there", s.asked(), len(got))
			}
			wantNoCanary(t, "the error", prints(t, err))
		})
	}
	t.Run("in the clear", func(t *testing.T) {
		s := newStorage(t, newFakeAzure(), func(cfg *Config) { cfg.AllowPlainHTTP = false })
		err := s.client.Files.Upload(t.Context(), s.deposit("a/b.txt", time.Hour), fileOf(content))
		if !errors.Is(err, ErrInvalidArgument) || len(s.asked()) != 0 {
			t.Error(err)
		}
	})
}

func TestALinkThatIsRefusedIsReplacedOnce(t *testing.T) {
	for _, tc := range []struct {
		name        string
		dead, links int
		kind        Kind
	}{
		{"the first one works", 0, 1, 0},
		{"the first one is dead", 1, 2, 0},
		{"all are dead", 9, 2, KindLinkRefused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			behind := newFakeAzure()
			links := 0
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/getFileUrlDeposit") {
					behind.ServeHTTP(w, r)
					return
				}
				links++
				until := time.Now().Add(time.Hour)
				if links <= tc.dead {
					until = time.Now().Add(-time.Hour)
				}
				uri := fmt.Sprintf("place-%d/%s", links, r.URL.Query().Get("filename"))
				reply(200, mustJSON(t, map[string]string{"depositUrl": behind.link(server.URL, uri, until), "uri": uri}))(w, r)
			}))
			defer server.Close()
			c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.AllowPlainHTTP, cfg.BaseURL = nil, true, server.URL })
			content := randomBytes(100)
			uri, err := c.Files.Deposit(t.Context(), "mars.txt", fileOf(content))
			if links != tc.links {
				t.Errorf("%d links", links)
			}
			if tc.kind != 0 {
				if e, _ := asError(err); e == nil || e.Kind != tc.kind || uri != "" {
					t.Errorf("%s %#v", uri, err)
				}
				wantNoCanary(t, "the error", prints(t, err))
				return
			}
			if got, _ := behind.get(t, uri); err != nil || !bytes.Equal(got, content) || uri != fmt.Sprintf("place-%d/mars.txt", tc.links) {
				t.Error(uri, err)
			}
		})
	}
	t.Run("another failure is no reason", func(t *testing.T) {
		links := 0
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/getFileUrlDeposit") {
				links++
				reply(200, `{"depositUrl":"`+aLink+`","uri":"`+aURI+`"}`)(w, r)
				return
			}
			w.WriteHeader(413)
		})
		if _, err := c.Files.Deposit(t.Context(), "mars.txt", fileOf([]byte("x"))); !errors.Is(err, ErrRefused) || links != 1 {
			t.Error(links, err)
		}
	})
}

// TestTheSDKLogsNoSignature, however loudly it is told to log.
func TestTheSDKLogsNoSignature(t *testing.T) {
	var mu sync.Mutex
	var said strings.Builder
	azlog.SetListener(func(event azlog.Event, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&said, event, text)
	})
	defer azlog.SetListener(nil)
	s := newStorage(t, newFakeAzure())
	d := s.deposit("a/b.txt", time.Hour)
	s.faults = []fault{cutMidBlock, answerWith(503), nil, answerWith(403, "x-ms-error-code", "AuthenticationFailed")}
	if err := s.client.Files.Upload(t.Context(), d, fileOf(randomBytes(3*testBlock))); !errors.Is(err, ErrLinkRefused) {
		t.Error(err)
	}
	s.server.Close()
	if err := s.client.Files.Upload(t.Context(), d, fileOf(randomBytes(10))); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	u, err := url.Parse(d.URL.Reveal())
	testkit.OK(t, err)
	text := said.String()
	if !strings.Contains(text, "/container/a/b.txt") || !strings.Contains(text, "Retry") {
		t.Errorf("the log holds nothing of it: %s", text)
	}
	for _, secret := range []string{"canarySAS", u.RawQuery} {
		if strings.Contains(text, secret) {
			t.Errorf("the log shows %q: %s", secret, text)
		}
	}
}

// endless is a large file that takes no memory.
type endless struct{ watch func() }

func (e endless) ReadAt(p []byte, _ int64) (int, error) {
	e.watch()
	clear(p)
	return len(p), nil
}

func TestALargeUploadTakesLittleMemory(t *testing.T) {
	const size = 256 << 20
	received := int64(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.URL.Query().Get("comp") == "block" {
			received += n
		}
		w.WriteHeader(201)
	}))
	defer server.Close()
	c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.AllowPlainHTTP = nil, true })
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, peak, reads := stats.HeapAlloc, uint64(0), 0
	var mu sync.Mutex // the transport reads on a goroutine of its own
	content := endless{watch: func() {
		mu.Lock()
		defer mu.Unlock()
		if reads++; reads%500 == 0 {
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
		}
	}}
	err := c.Files.Upload(t.Context(), Deposit{URL: NewSecret(server.URL + "/a/b?sig=x")}, FileContent{Content: content, Size: size})
	if err != nil || received != size || peak == 0 {
		t.Fatal(err, received, peak)
	}
	grown := int64(peak) - int64(before)
	t.Logf("the heap has grown by %d KiB at most", grown>>10)
	if grown > 4*uploadBlock {
		t.Errorf("the heap has grown by %d KiB, more than a few blocks", grown>>10)
	}
}
