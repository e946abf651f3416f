package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/restname"
)

// grpc-gateway has no way for a body that is a file: these routes are made by hand. protoc-gen-openapiv3 knows nothing of
// them, so proto/openapi-extra.json describes them.

// upload is a method whose request over HTTP is a file. Of its messages the first holds the field metadata, the others data.
type upload struct {
	template, method         string
	about, request, response proto.Message // empty ones
	// maxSize is the most bytes that the service takes, tooLarge its error.
	maxSize  int64
	tooLarge func() error
	// limit bounds the arrival of a file, however steadily it drips.
	limit time.Duration
	// mediaTypes are those that a file may have.
	mediaTypes []string
	// contentType: the metadata has it, by the header of that name.
	contentType bool
	// page: the answer may be a page for a person.
	page bool
	// streams: the answer is a stream. whole is the method that answers one where that is asked for.
	streams bool
	whole   *upload
}

func uploadsUpTo(maxFile int64) []*upload {
	const dossier = "/v1/practices/{practice}/dossiers/{dossier}"
	file := upload{
		about: &looppb.FileMetadata{}, maxSize: maxFile, tooLarge: func() error { return apierror.FileTooLarge(maxFile) },
		limit:      20 * time.Minute,
		mediaTypes: []string{"application/octet-stream", "text/csv", "text/plain"},
	}
	deposit, validate := file, file
	deposit.template, deposit.method = dossier+"/files", looppb.ImportService_DepositFile_FullMethodName
	deposit.request, deposit.response = &looppb.DepositFileRequest{}, &looppb.DepositFileResponse{}
	validate.template, validate.method = dossier+"/files:validate", looppb.ImportService_ValidateFile_FullMethodName
	validate.request, validate.response = &looppb.ValidateFileRequest{}, &looppb.ValidateFileResponse{}
	report := file
	report.template, report.method = dossier+"/files:report", looppb.ImportService_StreamFileReport_FullMethodName
	report.request, report.response = &looppb.StreamFileReportRequest{}, &looppb.StreamFileReportResponse{}
	report.streams = true
	validate.page, validate.whole = true, &report
	return []*upload{
		{
			template: dossier + "/documents", method: looppb.DocumentService_StoreDocument_FullMethodName,
			about: &looppb.DocumentMetadata{}, request: &looppb.StoreDocumentRequest{}, response: &looppb.StoreDocumentResponse{},
			maxSize: cegidclient.MaxDocument, tooLarge: apierror.DocumentTooLarge, limit: 10 * time.Minute, contentType: true,
			mediaTypes: []string{"application/octet-stream", "application/pdf", "image/jpeg", "image/png"},
		},
		&deposit, &validate, &report,
	}
}

// with is a message of the upload with one field.
func (u *upload) with(name protoreflect.Name, value protoreflect.Value) proto.Message {
	out := u.request.ProtoReflect().New()
	out.Set(out.Descriptor().Fields().ByName(name), value)
	return out.Interface()
}

const (
	// uploadPiece is how much of a file is in memory at once, besides what connections hold. A message with it fits one of
	// grpc's buffers; the next larger one has a megabyte, and is cleared each time.
	uploadPiece = 32<<10 - 16
	// lingering is how long the rest of a file that was refused is taken in.
	lingering = 5 * time.Second
)

// route speaks of the metadata as of a request: its fields are parameters of the query.
func (u *upload) route() route {
	out := newTemplate(http.MethodPost, u.template, u.about.ProtoReflect().Descriptor())
	out.upload, out.method = u, strings.TrimPrefix(u.method, "/")
	if u.contentType {
		out.headers = map[protoreflect.Name]string{"content_type": "Content-Type"}
	}
	return out
}

// serveUpload passes a file on as it comes.
func (a *api) serveUpload(w http.ResponseWriter, r *http.Request, found *route) {
	if found.upload.streams {
		a.serveReport(w, r, found)
		return
	}
	if whole := found.upload.whole; whole != nil && wholeForm(r) != "" {
		as := *found
		as.upload = whole
		a.serveReport(w, r, &as)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	_, response, err := a.upload(ctx, cancel, r, found)
	var body []byte
	if err == nil && found.upload.page && wantsPage(r) {
		if page := response.(*looppb.ValidateFileResponse).GetPage(); page != "" {
			writePage(w, page)
			return
		}
	}
	if err == nil {
		body, err = a.json.Marshal(response)
	}
	if err != nil {
		refuseBody(w, r, func() { writeError(r.Context(), a.mux, a.json, w, r, restname.OfUpload(err)) })
		return
	}
	w.Header().Set("Content-Type", a.json.ContentType(response))
	noteReplay(w.Header(), response)
	_, _ = w.Write(body) // the caller may have gone
}

// refuseBody answers while the body may still be on its way. Who closes a connection with something unread in it takes
// the answer away from a caller who reads it last: so the rest is thrown away, for a while.
func refuseBody(w http.ResponseWriter, r *http.Request, answer func()) {
	body, ok := r.Body.(*timedBody)
	if !ok || body.whole() || r.ProtoMajor != 1 { // HTTP/2 ends the one stream
		answer()
		return
	}
	w.Header().Set("Connection", "close")
	answer()
	_ = http.NewResponseController(w).Flush()
	body.drain(lingering)
}

// upload makes the call, and gives its first answer, and the stream of others. What is under way ends with cancel.
func (a *api) upload(ctx context.Context, cancel func(), r *http.Request, found *route) (grpc.ClientStream, proto.Message, error) {
	u := found.upload
	about, err := u.aboutFile(r, found)
	if err == nil && r.ContentLength > u.maxSize {
		err = u.tooLarge()
	}
	if err == nil {
		ctx, err = runtime.AnnotateContext(ctx, a.mux, r, u.method)
	}
	if err != nil {
		return nil, nil, a.unasked(r, found, err)
	}
	stream, err := a.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: u.streams}, u.method)
	if err != nil {
		return nil, nil, err
	}
	// The answer may come before the end of the file, which is then of no more use.
	response := u.response.ProtoReflect().New().Interface()
	answered := make(chan error, 1)
	go func() {
		err := stream.RecvMsg(response)
		if body, ok := r.Body.(*timedBody); ok {
			body.interrupt()
		}
		answered <- err
	}()
	failed := u.send(stream, about, r.Body)
	if failed != nil {
		cancel() // lest it be taken for the end of the file
	}
	err = <-answered
	if failed != nil && status.Code(err) == codes.Canceled { // by that, or by net/http, which ends the request with its body
		err = apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "data",
			"the file did not arrive whole and in time: send it again")
	}
	return stream, response, err
}

// send sends a file in pieces, as long as anybody wants them.
func (u *upload) send(stream grpc.ClientStream, about protoreflect.Message, file io.Reader) error {
	err := stream.SendMsg(u.with("metadata", protoreflect.ValueOfMessage(about)))
	for err == nil {
		piece := make([]byte, uploadPiece) // grpc may still look at the one before
		n, ended := file.Read(piece)
		if n > 0 {
			err = stream.SendMsg(u.with("data", protoreflect.ValueOfBytes(piece[:n])))
		}
		switch {
		case err != nil:
		case errors.Is(ended, io.EOF):
			return stream.CloseSend()
		default:
			err = ended
		}
	}
	if errors.Is(err, io.EOF) {
		return nil // the service has answered: RecvMsg says what
	}
	return err
}

// aboutFile reads what a request says of its file.
func (u *upload) aboutFile(r *http.Request, found *route) (protoreflect.Message, error) {
	about := u.about.ProtoReflect().New()
	fields := about.Descriptor().Fields()
	if u.contentType {
		about.Set(fields.ByName("content_type"), protoreflect.ValueOfString(r.Header.Get("Content-Type")))
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err // checkQuery and checkPath have been there
	}
	if err := runtime.PopulateQueryParameters(about.Interface(), query, utilities.NewDoubleArray(nil)); err != nil {
		return nil, err
	}
	for i, value := range found.values(r.URL.EscapedPath()) {
		text, err := url.PathUnescape(value)
		if err != nil {
			return nil, err
		}
		about.Set(fields.ByName(protoreflect.Name(found.variables[i])), protoreflect.ValueOfString(text))
	}
	if language := fields.ByName("page_language"); u.page && wantsPage(r) {
		about.Set(language, protoreflect.ValueOfString(pageLanguage(r)))
	}
	if keys := r.Header.Values("Idempotency-Key"); len(keys) > 0 {
		if err := setRequestID(about, keys); err != nil {
			return nil, err
		}
	}
	return about, nil
}

// timedBody bounds the arrival of a body: the whole, or if stall is set, each of its parts. Once it has arrived it lifts the
// deadline of reading: after that, the server reads only to learn that the caller has left.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	until   time.Time

	mu sync.Mutex
	// arrived: to the end. cut: not before it was interrupted, which net/http takes for the end of the connection. failed:
	// by itself.
	arrived, cut, failed bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	if b.stall > 0 {
		b.set(func() (time.Time, bool) { return earlier(time.Now().Add(b.stall), b.until), !b.cut })
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.set(func() (time.Time, bool) { b.arrived = true; return time.Time{}, true })
	case err != nil:
		b.set(func() (time.Time, bool) { b.failed = !b.cut; return time.Time{}, false })
	}
	return n, err
}

// interrupt ends a Read that is under way, and all that follow, unless it has all arrived: what is read then is of the next
// request.
func (b *timedBody) interrupt() {
	b.set(func() (time.Time, bool) { b.cut = !b.arrived; return time.Now(), b.cut })
}

// whole tells whether another request may follow.
func (b *timedBody) whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.arrived && !b.cut
}

// drain throws away what still arrives within a while, if anything does.
func (b *timedBody) drain(limit time.Duration) {
	coming := false
	b.set(func() (time.Time, bool) { coming = !b.arrived && !b.failed; return time.Now().Add(limit), coming })
	if coming {
		_, _ = io.Copy(io.Discard, b.ReadCloser)
	}
}

// set sets the deadline of reading if it is to be set; an error means a writer without connection, in tests.
func (b *timedBody) set(deadline func() (at time.Time, now bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, now := deadline(); now {
		_ = b.control.SetReadDeadline(at)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
