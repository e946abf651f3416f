package conformance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// pdf is a document that no other equals.
func pdf(content string) []byte { return []byte("%PDF-1.7\n" + content) }

func documentOf(id string, file []byte) *upload {
	return &upload{&looppb.DocumentMetadata{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id, FileName: "facture.pdf"}, file}
}

// storeOver hands in a document over a transport.
func (h *harness) storeOver(transport, caller string, u *upload) outcome {
	h.t.Helper()
	m := method(h.t, "DocumentService.StoreDocument")
	if transport == "gRPC" {
		return h.overGRPC(h.t.Context(), m, caller, u)
	}
	return h.overREST(h.restRequest(h.t.Context(), m, u), caller)
}

func (h *harness) store(caller string, u *upload) error {
	h.t.Helper()
	_, err := h.document(caller, u)
	return err
}

func (h *harness) document(caller string, u *upload) (*looppb.Document, error) {
	h.t.Helper()
	var got *looppb.Document
	var trailer metadata.MD
	err := h.uploadGRPC(as(h.t.Context(), caller), method(h.t, "DocumentService.StoreDocument"), u, &trailer, func(m proto.Message) { got = m.(*looppb.StoreDocumentResponse).GetDocument() })
	return got, err
}

// kept counts the documents that Loop has, by their content.
func (h *harness) kept(content []byte) int {
	n := 0
	for _, d := range h.Simulator.Documents() {
		if d.Outcome == loopsim.DocumentStored && d.Bytes == len(content) {
			n++
		}
	}
	return n
}

func TestTheSameDocumentUnderTheSameIDIsSentOnce(t *testing.T) {
	h := start(t, nil)
	first, err := h.document("everything", documentOf("FA-1", pdf("one")))
	testkit.OK(t, err)
	renamed := documentOf("FA-1", pdf("one"))
	renamed.FileName, renamed.UploadMode, renamed.UploadAuthor = "autre.pdf", looppb.UploadMode_UPLOAD_MODE_EMAIL, "a@example.test"
	for name, u := range map[string]*upload{"unchanged": documentOf("FA-1", pdf("one")), "under another name, by another way": renamed} {
		again, err := h.document("everything", u)
		if err != nil || !proto.Equal(again, first) {
			t.Errorf("%s: %v, %v; want what the first call got: %v", name, again, err, first)
		}
	}
	if got := h.storeOver("REST", "everything", documentOf("FA-1", pdf("one"))); got.Err != nil {
		t.Errorf("over REST: %+v", got.Err)
	}
	read, err := looppb.NewDocumentServiceClient(h.conn).GetDocument(as(t.Context(), "everything"), &looppb.GetDocumentRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"})
	if err != nil || !proto.Equal(read.GetDocument(), first) || len(first.GetLoopIds()) != 1 {
		t.Errorf("read later: %v, %v; want %v", read, err, first)
	}

	otherSide := documentOf("FA-1", pdf("one"))
	otherSide.Transaction = looppb.DocumentTransaction_DOCUMENT_TRANSACTION_SALE
	for name, u := range map[string]*upload{"another file": documentOf("FA-1", pdf("two")), "another side": otherSide} {
		if err := h.store("everything", u); reasonOf(err) != "REQUEST_ID_REUSED" || status.Code(err) != codes.AlreadyExists {
			t.Errorf("%s under the id: %v", name, err)
		}
	}
	if err := h.store("stranger", documentOf("FA-1", pdf("one"))); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("another caller: %v", err)
	}
	if calls := h.Simulator.Count("/storeDocument"); calls != 1 || h.kept(pdf("one")) != 1 {
		t.Errorf("Loop was called %d times and has %d", calls, h.kept(pdf("one")))
	}
	if calls := h.Simulator.Count("/compte"); calls > 2 {
		t.Errorf("the dossier was looked at %d times within a minute", calls)
	}
}

// TestAKnownDocumentIsAnsweredWithoutLoop: it may be down, or the dossier gone meanwhile.
func TestAKnownDocumentIsAnsweredWithoutLoop(t *testing.T) {
	h := start(t, nil)
	testkit.OK(t, h.store("everything", documentOf("FA-1", pdf("one"))))
	h.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503})
	if err := h.store("everything", documentOf("FA-1", pdf("one"))); err != nil {
		t.Error(err)
	}
}

func TestTheSameDocumentUnderAnotherID(t *testing.T) {
	h := start(t, nil)
	testkit.OK(t, h.store("everything", documentOf("FA-1", pdf("one"))))
	err := h.store("everything", documentOf("FA-1-bis", pdf("one")))
	got := failureOf(status.Convert(err))
	if got.Reason != "DUPLICATE_CONTENT" || got.Metadata["requestId"] != "FA-1" || !strings.Contains(got.Message, "the same document was stored in this dossier under request_id FA-1") {
		t.Errorf("told %+v", got)
	}
	if err := h.store("stranger", documentOf("FA-2", pdf("one"))); reasonOf(err) != "DUPLICATE_CONTENT" || strings.Contains(err.Error(), "FA-1") {
		t.Errorf("who may not read the dossier is told %v", err)
	}
	twice := documentOf("FA-1-bis", pdf("one"))
	twice.AllowDuplicate = true
	if err := h.store("everything", twice); err != nil || h.kept(pdf("one")) != 2 {
		t.Errorf("meant twice: %v, %d stored", err, h.kept(pdf("one")))
	}
	elsewhere := documentOf("FA-3", pdf("one"))
	elsewhere.Dossier = "BIG00001"
	if err := h.store("everything", elsewhere); err != nil {
		t.Errorf("in another dossier: %v", err)
	}
}

// TestAnIDNamesADocumentAndAnImport: an invoice's number is a good id for both.
func TestAnIDNamesADocumentAndAnImport(t *testing.T) {
	h := start(t, nil)
	imports, documents := looppb.NewImportServiceClient(h.conn), looppb.NewDocumentServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	testkit.OK(t, h.store("everything", documentOf("DOC-1", pdf("one"))))
	if _, err := imports.ImportEntries(ctx, importOf("FA-1", invoice("facture.pdf", "120"))); err != nil { // the document's name, of all references
		t.Fatal(err)
	}
	if _, err := imports.GetImport(ctx, &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "DOC-1"}); reasonOf(err) != "IMPORT_UNKNOWN" {
		t.Errorf("a document as an import: %v", err)
	}
	if _, err := documents.GetDocument(ctx, &looppb.GetDocumentRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"}); reasonOf(err) != "DOCUMENT_UNKNOWN" {
		t.Errorf("an import as a document: %v", err)
	}
	watch, err := imports.WatchImport(ctx, &looppb.WatchImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "DOC-1"})
	if err == nil {
		_, err = watch.Recv()
	}
	if reasonOf(err) != "IMPORT_UNKNOWN" {
		t.Errorf("a document is watched: %v", err)
	}
	for _, request := range []*looppb.ListImportsRequest{{Practice: "partner", Dossier: "-"}, {Practice: "partner", Dossier: "-", DocumentReference: "facture.pdf"}, {Practice: "partner", Dossier: "-", PageSize: 1}} {
		list, err := imports.ListImports(ctx, request)
		if err != nil || len(list.GetImports()) != 1 || list.GetImports()[0].GetRequestId() != "FA-1" {
			t.Errorf("%v lists %v, %v", request, list, err)
		}
	}
	if _, err := imports.ImportEntries(ctx, importOf("DOC-1", invoice("FA-2", "120"))); err != nil {
		t.Errorf("an import under a document's id: %v", err)
	}
	if err := h.store("everything", documentOf("FA-1", pdf("two"))); err != nil {
		t.Errorf("a document under an import's id: %v", err)
	}
	// Who may neither write as the caller did nor read the dossier sees nothing.
	if _, err := documents.GetDocument(as(t.Context(), "stranger"), &looppb.GetDocumentRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "DOC-1"}); reasonOf(err) != "DOCUMENT_UNKNOWN" {
		t.Errorf("a stranger reads %v", err)
	}
}

// TestFaultTableOfDocuments: that of imports, on the other route; the transports take turns.
func TestFaultTableOfDocuments(t *testing.T) {
	for i, row := range writeRows() {
		transport := []string{"gRPC", "REST"}[i%2]
		t.Run(row.name+"/"+transport, func(t *testing.T) {
			t.Parallel()
			file := pdf(strings.Repeat("x", 100_000))
			runWriteFault(t, row, func(h *harness) faultRun {
				return faultRun{
					"/storeDocument",
					func() outcome { return h.storeOver(transport, "everything", documentOf("FA-1", file)) },
					func() (fmt.Stringer, string) {
						got, err := looppb.NewDocumentServiceClient(h.conn).GetDocument(as(t.Context(), "everything"),
							&looppb.GetDocumentRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"})
						testkit.OK(t, err)
						return got.GetDocument().GetState(), got.GetDocument().GetError().GetReason()
					},
					func() int { return h.kept(file) },
				}
			})
		})
	}
}

// TestAnUploadThatBreaksTheRules: over gRPC, piece by piece.
func TestAnUploadThatBreaksTheRules(t *testing.T) {
	h := start(t, nil)
	about := func(id string) *looppb.StoreDocumentRequest {
		return &looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: documentOf(id, nil).DocumentMetadata}}
	}
	data := func(b []byte) *looppb.StoreDocumentRequest {
		return &looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: b}}
	}
	for _, c := range []struct {
		name                string
		pieces              []*looppb.StoreDocumentRequest
		code, reason, field string
	}{
		{"nothing at all", nil, "INVALID_ARGUMENT", "FIELD_INVALID", "metadata"},
		{"bytes without a word", []*looppb.StoreDocumentRequest{data(pdf("x"))}, "INVALID_ARGUMENT", "FIELD_INVALID", "metadata"},
		{"an empty piece first", []*looppb.StoreDocumentRequest{{}, about("B-1"), data(pdf("x"))}, "INVALID_ARGUMENT", "FIELD_INVALID", "metadata"},
		{"words alone", []*looppb.StoreDocumentRequest{about("B-2")}, "INVALID_ARGUMENT", "DOCUMENT_EMPTY", "data"},
		{"words, and empty bytes", []*looppb.StoreDocumentRequest{about("B-3"), data(nil), data([]byte{})}, "INVALID_ARGUMENT", "DOCUMENT_EMPTY", "data"},
		{"words twice", []*looppb.StoreDocumentRequest{about("B-4"), about("B-4"), data(pdf("x"))}, "INVALID_ARGUMENT", "FIELD_INVALID", "metadata"},
		{"other words after the bytes", []*looppb.StoreDocumentRequest{about("B-5"), data(pdf("x")), about("B-6")}, "INVALID_ARGUMENT", "FIELD_INVALID", "metadata"},
		{"an empty piece", []*looppb.StoreDocumentRequest{about("B-7"), data(pdf("x")), {}}, "INVALID_ARGUMENT", "FIELD_INVALID", "data"},
		{"a piece that is too large", []*looppb.StoreDocumentRequest{about("B-8"), data(pdf(strings.Repeat("x", 9<<20)))}, "RESOURCE_EXHAUSTED", "", ""}, // gRPC's own words
	} {
		t.Run(c.name, func(t *testing.T) {
			stream, err := looppb.NewDocumentServiceClient(h.conn).StoreDocument(as(t.Context(), "everything"))
			testkit.OK(t, err)
			for _, piece := range c.pieces {
				_ = stream.Send(piece) // the answer says what was wrong with it
			}
			_, err = stream.CloseAndRecv()
			got := failureOf(status.Convert(err))
			field := ""
			if len(got.Violations) > 0 {
				field = got.Violations[0].Field
			}
			if got.Code != c.code || got.Reason != c.reason || field != c.field {
				t.Errorf("told %+v; want %s %s of %q", got, c.code, c.reason, c.field)
			}
		})
	}
	if n := len(h.Simulator.Documents()); n != 0 {
		t.Errorf("Loop got %d documents", n)
	}
	if err := h.store("everything", documentOf("B-1", pdf("x"))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestHalfAFileIsNeverSent: the caller's end of a call, or of a connection, is not the end of the file.
func TestHalfAFileIsNeverSent(t *testing.T) {
	h := start(t, nil)
	head := pdf(strings.Repeat("x", 200_000))
	t.Run("over gRPC, given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(as(t.Context(), "everything"))
		stream, err := looppb.NewDocumentServiceClient(h.conn).StoreDocument(ctx)
		testkit.OK(t, err)
		for _, piece := range []*looppb.StoreDocumentRequest{
			{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: documentOf("H-1", nil).DocumentMetadata}}, {Piece: &looppb.StoreDocumentRequest_Data{Data: head}},
		} {
			testkit.OK(t, stream.Send(piece))
		}
		cancel()
	})
	for name, header := range map[string]string{"with its length": "Content-Length: 300000", "in chunks": "Transfer-Encoding: chunked"} {
		t.Run("over REST, cut off, "+name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.rest, "http://"))
			testkit.OK(t, err)
			defer conn.Close()
			body := string(head)
			if strings.Contains(header, "chunked") {
				body = fmt.Sprintf("%x\r\n%s\r\n", len(head), head)
			}
			_, _ = fmt.Fprintf(conn, "POST /v1/practices/partner/dossiers/DOSSIER_TEST/documents?fileName=facture.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer everything\r\n"+
				"Content-Type: application/pdf\r\nIdempotency-Key: H-2\r\n%s\r\n\r\n%s", header, body)
			testkit.OK(t, conn.(*net.TCPConn).CloseWrite())
			answer, _ := io.ReadAll(conn)
			if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || !bytes.Contains(answer, []byte("did not arrive whole")) {
				t.Errorf("answered %.300q", answer)
			}
		})
	}
	// Under the same ids the whole files are as good as new.
	for _, id := range []string{"H-1", "H-2"} {
		if err := h.store("everything", documentOf(id, pdf(id))); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, d := range h.Simulator.Documents() {
		if d.Bytes > 100 {
			t.Errorf("Loop got %d bytes", d.Bytes)
		}
	}
}

// TestACallerWhoIsRefusedNeedNotSendItAll: and gets the answer, however large the file is and whatever his library does.
func TestACallerWhoIsRefusedNeedNotSendItAll(t *testing.T) {
	h := start(t, nil)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.rest, "http://"))
	testkit.OK(t, err)
	defer conn.Close()
	begun := time.Now()
	_, _ = fmt.Fprintf(conn, "POST /v1/practices/partner/dossiers/DOSSIER_TEST/documents?fileName=facture.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer reader\r\n"+
		"Content-Type: application/pdf\r\nIdempotency-Key: R-1\r\nContent-Length: 40000000\r\n\r\n")
	if _, err := conn.Write(pdf(strings.Repeat("x", 20_000_000))); err != nil { // a library that writes first and reads then
		t.Errorf("writing on: %v", err)
	}
	head := make([]byte, 13)
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 403 " {
		t.Errorf("answered %q, %v", head, err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("answered after %s", took)
	}
}

// TestDocumentsOfMegabytesAtOnce: each reaches Loop as it left, and nothing stays behind.
func TestDocumentsOfMegabytesAtOnce(t *testing.T) {
	h := start(t, nil)
	done := make(chan error, 8)
	for i := range 8 {
		go func() {
			u := documentOf(fmt.Sprint("P-", i), pdf(strings.Repeat(string(rune('a'+i)), 3_000_000+i)))
			transport := []string{"gRPC", "REST"}[i%2]
			if got := h.storeOver(transport, "everything", u); got.Err != nil {
				done <- fmt.Errorf("%d: %+v", i, got.Err)
				return
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for i := range 8 {
		if n := h.kept(make([]byte, 3_000_009+i)); n != 1 {
			t.Errorf("document %d is there %d times", i, n)
		}
	}
}

// TestOneCallerTakesNotAllPlaces: a half-sent document holds one.
func TestOneCallerTakesNotAllPlaces(t *testing.T) {
	h := start(t, nil)
	ctx, cancel := context.WithCancel(as(t.Context(), "everything"))
	defer cancel()
	client := looppb.NewDocumentServiceClient(h.conn)
	begin := func(i int) error {
		stream, err := client.StoreDocument(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: documentOf(fmt.Sprint("S-", i), nil).DocumentMetadata}}); err != nil {
			return err
		}
		answered := make(chan error, 1)
		go func() { answered <- stream.RecvMsg(&looppb.StoreDocumentResponse{}) }()
		select {
		case err := <-answered:
			return err
		case <-time.After(500 * time.Millisecond):
			return nil
		}
	}
	for i := range 8 {
		if err := begin(i); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	err := begin(8)
	if got := failureOf(status.Convert(err)); got.Reason != "CALLER_LIMIT" || got.Code != "RESOURCE_EXHAUSTED" || got.Retry <= 0 {
		t.Errorf("the ninth: %+v", got)
	}
	if err := h.store("stranger", documentOf("S-9", pdf("x"))); err != nil {
		t.Errorf("another caller: %v", err)
	}
	cancel()
	for end := time.Now().Add(time.Minute); ; {
		if err = h.store("everything", documentOf("S-10", pdf("y"))); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Errorf("when the places are free again: %v", err)
	}
}

func TestADocumentAndARawCallAreAudited(t *testing.T) {
	h := start(t, nil)
	testkit.OK(t, h.store("everything", documentOf("FA-1", pdf("canary of a payload"))))
	if _, err := looppb.NewRawServiceClient(h.conn).Call(as(t.Context(), "raw"), &looppb.CallRequest{Practice: "demo", Dossier: "CEGID001", Method: "GET", Path: "/simNotes"}); err != nil {
		t.Fatal(err)
	}
	if _, err := looppb.NewRawServiceClient(h.conn).Call(as(t.Context(), "raw"), &looppb.CallRequest{Practice: "demo", Dossier: "CEGID001", Method: "GET", Path: "/secretCanary"}); err == nil {
		t.Fatal("an unlisted route is called")
	}
	for _, want := range []string{
		`"event":"done","method":"/cegid.loop.v1.DocumentService/StoreDocument","caller":"everything","by":"token","practice":"partner","dossier":"DOSSIER_TEST","right":"write"`,
		`"event":"submitted","caller":"everything","rpc":"DocumentService.StoreDocument","practice":"partner","dossier":"DOSSIER_TEST"`,
		`"method":"/cegid.loop.v1.RawService/Call","caller":"raw","by":"token","practice":"demo","dossier":"CEGID001","right":"raw","route":"GET /simNotes","code":"OK"`,
		`"right":"raw","route":"","code":"FailedPrecondition"`,
	} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the audit lacks %s", want)
		}
	}
	if strings.Contains(strings.ToLower(h.log.String()), "canary") || strings.Contains(h.log.String(), "facture.pdf") {
		t.Error("the log holds what a caller sent")
	}
}
