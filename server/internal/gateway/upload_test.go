package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

const documents = "/v1/practices/demo/dossiers/CEGID001/documents"

// depot replaces the service: it takes a file, and says how it ended.
type depot struct {
	// refuse is what the service answers after so many bytes, if it answers before the end.
	refuse      error
	refuseAfter int

	mu      sync.Mutex
	about   *looppb.DocumentMetadata
	header  metadata.MD
	content []byte
	ended   bool // the file, by its end
	over    bool // the call, however
}

func (d *depot) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return nil }

func (d *depot) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	s := &depotStream{depot: d, ctx: ctx, answer: make(chan error, 1)}
	d.mu.Lock()
	d.header, _ = metadata.FromOutgoingContext(ctx)
	d.mu.Unlock()
	context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.over = true
	})
	return s, nil
}

type depotStream struct {
	grpc.ClientStream
	depot  *depot
	ctx    context.Context
	answer chan error
	told   bool
}

func (s *depotStream) tell(err error) {
	if !s.told {
		s.told = true
		s.answer <- err
	}
}

func (s *depotStream) SendMsg(m any) error {
	s.depot.mu.Lock()
	defer s.depot.mu.Unlock()
	if s.told {
		return io.EOF
	}
	request := m.(*looppb.StoreDocumentRequest)
	if request.GetMetadata() != nil {
		s.depot.about = request.GetMetadata()
	}
	s.depot.content = append(s.depot.content, request.GetData()...)
	if s.depot.refuse != nil && len(s.depot.content) >= s.depot.refuseAfter {
		s.tell(s.depot.refuse)
	}
	return nil
}

func (s *depotStream) CloseSend() error {
	s.depot.mu.Lock()
	defer s.depot.mu.Unlock()
	s.depot.ended = true
	s.tell(nil)
	return nil
}

func (s *depotStream) RecvMsg(reply any) error {
	select {
	case err := <-s.answer:
		if err == nil {
			reply.(*looppb.StoreDocumentResponse).Document = &looppb.Document{State: looppb.WriteState_WRITE_STATE_SUCCEEDED}
		}
		return err
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// result is what the service has seen.
func (d *depot) result() (content []byte, ended, over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.content), d.ended, d.over
}

func uploads(t *testing.T, d *depot, tune func(*Config), tuneServer func(*httptest.Server)) *front {
	t.Helper()
	return serve(t, nil, func(cfg *Config) {
		cfg.Conn = d
		if tune != nil {
			tune(cfg)
		}
	}, tuneServer)
}

func TestAFileIsPassedOnAsItComes(t *testing.T) {
	d := &depot{}
	f := uploads(t, d, nil, nil)
	file := strings.Repeat("0123456789", 300_000) // more than the 1 MiB that other bodies may have
	got := f.do(t, http.MethodPost, documents+"?fileName=re%C3%A7u%20%231.pdf&upload_mode=UPLOAD_MODE_EMAIL&transaction=DOCUMENT_TRANSACTION_PURCHASE&allowDuplicate=true", file,
		"Content-Type", "application/pdf", "Idempotency-Key", "FA-1", "Authorization", "Bearer x", "Grpc-Metadata-X-Caller", "admin")
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/json" || !strings.Contains(got.text, "WRITE_STATE_SUCCEEDED") {
		t.Fatalf("HTTP %d %s", got.StatusCode, got.text)
	}
	content, ended, _ := d.result()
	if string(content) != file || !ended {
		t.Errorf("%d bytes, ended: %t", len(content), ended)
	}
	a := d.about
	if a.GetPractice() != "demo" || a.GetDossier() != "CEGID001" || a.GetRequestId() != "FA-1" || a.GetFileName() != "reçu #1.pdf" || a.GetContentType() != "application/pdf" ||
		a.GetUploadMode() != looppb.UploadMode_UPLOAD_MODE_EMAIL || a.GetTransaction() != looppb.DocumentTransaction_DOCUMENT_TRANSACTION_PURCHASE || !a.GetAllowDuplicate() {
		t.Errorf("%v", a)
	}
	if d.header.Get("authorization")[0] != "Bearer x" || len(d.header.Get("x-caller")) > 0 {
		t.Errorf("%v", d.header)
	}
}

// TestTheAnswerComesBeforeTheEndOfTheFile: to who waits for it, and to who writes on.
func TestTheAnswerComesBeforeTheEndOfTheFile(t *testing.T) {
	refusal := status.Error(codes.Unavailable, "")
	for name, writesOn := range map[string]bool{"to who waits for it": false, "to who writes on": true} {
		t.Run(name, func(t *testing.T) {
			f := uploads(t, &depot{refuse: refusal, refuseAfter: 10}, nil, nil)
			conn := dial(t, f)
			_, _ = fmt.Fprintf(conn, "POST %s?fileName=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n0123456789", documents)
			if writesOn {
				if _, err := conn.Write(bytes.Repeat([]byte("x"), 10_000_000)); err != nil {
					t.Errorf("writing on: %v", err)
				}
			}
			_ = conn.SetReadDeadline(time.Now().Add(patient))
			head := make([]byte, 13)
			if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 503 " {
				t.Errorf("answered %q, %v", head, err)
			}
		})
	}
}

// TestWhoeverComesAfterARefusedFileIsServed: whether the file had arrived or not, and even if it just did.
func TestWhoeverComesAfterARefusedFileIsServed(t *testing.T) {
	for _, after := range []int{0, 10} {
		d := &depot{refuse: status.Error(codes.Unavailable, ""), refuseAfter: after}
		f := uploads(t, d, nil, nil)
		for range 50 {
			d.mu.Lock()
			d.content = nil
			d.mu.Unlock()
			if got := f.do(t, http.MethodPost, documents+"?fileName=a.pdf", "0123456789"); got.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("after %d bytes: HTTP %d %s", after, got.StatusCode, got.text)
			}
		}
	}
}

// TestAFileThatStopsComing: it is not taken for whole, and the caller is told.
func TestAFileThatStopsComing(t *testing.T) {
	for _, header := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		d := &depot{}
		f := uploads(t, d, func(cfg *Config) { cfg.BodyLimit = brief }, nil)
		conn := dial(t, f)
		_, _ = fmt.Fprintf(conn, "POST %s?fileName=a.pdf HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n5\r\n%%PDF-\r\n", documents, header)
		_ = conn.SetReadDeadline(time.Now().Add(patient))
		answered, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answered), "HTTP/1.1 400 ") || !strings.Contains(string(answered), "did not arrive whole") {
			t.Errorf("%s: answered %.300q, %v", header, answered, err)
		}
		if _, ended, over := d.result(); ended || !over {
			t.Errorf("%s: ended: %t, over: %t", header, ended, over)
		}
	}
}

// TestAFileMayTakeItsTime: as long as it keeps coming.
func TestAFileMayTakeItsTime(t *testing.T) {
	d := &depot{}
	const limit = 2 * time.Second
	f := uploads(t, d, func(cfg *Config) { cfg.BodyLimit = limit }, nil)
	reader, writer := io.Pipe()
	go func() {
		for range 5 {
			_, _ = writer.Write([]byte("0123456789"))
			time.Sleep(limit / 4)
		}
		_ = writer.Close()
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+documents+"?fileName=a.pdf", reader)
	testkit.OK(t, err)
	response, err := f.Client().Do(request)
	testkit.OK(t, err)
	defer response.Body.Close()
	if content, ended, _ := d.result(); response.StatusCode != http.StatusOK || len(content) != 50 || !ended {
		t.Errorf("HTTP %d, %d bytes", response.StatusCode, len(content))
	}
}

func TestAFileThatIsSaidToBeTooLargeIsNotRead(t *testing.T) {
	d := &depot{}
	f := uploads(t, d, nil, nil)
	conn := dial(t, f)
	_, _ = fmt.Fprintf(conn, "POST %s?fileName=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: 50000001\r\nExpect: 100-continue\r\n\r\n", documents)
	_ = conn.SetReadDeadline(time.Now().Add(patient))
	head := make([]byte, 13)
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 413 " {
		t.Errorf("answered %q, %v", head, err)
	}
	if d.about != nil {
		t.Error("the service was called")
	}
}

func TestFilesOverHTTP2(t *testing.T) {
	h2 := func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }
	d := &depot{}
	f := uploads(t, d, nil, h2)
	if got := f.do(t, http.MethodPost, documents+"?fileName=a.pdf", strings.Repeat("x", 3_000_000)); got.StatusCode != http.StatusOK || got.ProtoMajor != 2 {
		t.Errorf("HTTP/%d %d %s", got.ProtoMajor, got.StatusCode, got.text)
	}
	refusing := uploads(t, &depot{refuse: status.Error(codes.Unavailable, ""), refuseAfter: 10}, nil, h2)
	if got := refusing.do(t, http.MethodPost, documents+"?fileName=a.pdf", strings.Repeat("x", 20_000_000)); got.StatusCode != http.StatusServiceUnavailable || got.ProtoMajor != 2 {
		t.Errorf("refused: HTTP/%d %d %s", got.ProtoMajor, got.StatusCode, got.text)
	}
}

// TestTheDocumentDescribesTheUploads: the hand-made routes take the parameters that openapi.json shows, and what it says of
// a map in words.
func TestTheDocumentDescribesTheUploads(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			Description string
			Parameters  []struct{ Name, In string }
			RequestBody struct{ Content map[string]any }
		}
	}
	testkit.OK(t, json.Unmarshal(gen.OpenAPI, &document))
	for _, each := range uploadsUpTo(1) {
		described, ok := document.Paths[each.template]["post"]
		if !ok || len(described.RequestBody.Content) == 0 {
			t.Fatalf("%s: %+v", each.template, described)
		}
		var shown []string
		for _, parameter := range described.Parameters {
			if parameter.In == "query" {
				shown = append(shown, parameter.Name)
			}
		}
		found := each.route()
		for i := range found.request.Fields().Len() {
			if field := found.request.Fields().Get(i); field.IsMap() && strings.Contains(described.Description, "`"+field.JSONName()+"[name]=value`") {
				shown = append(shown, field.JSONName())
			}
		}
		if want := "is no parameter of this method: use " + strings.Join(shown, ", "); found.unknown("") != want {
			t.Errorf("%s: it %s; the document shows %v", each.template, found.unknown(""), shown)
		}
	}
}
