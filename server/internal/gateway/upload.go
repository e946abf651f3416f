package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// grpc-gateway has no way for a body that is a file: this route is made by hand, and described in
// proto/openapi-extra.json (pitfall 16).

const (
	uploadTemplate = "/v1/practices/{practice}/dossiers/{dossier}/documents"
	// uploadPiece is how much of a file is in memory at once, besides what connections hold.
	uploadPiece = 64 << 10
	// uploadLimit bounds the arrival of a file, however steadily it drips.
	uploadLimit = 10 * time.Minute
	// lingering is how long the rest of a file that was refused is taken in.
	lingering = 5 * time.Second
)

// uploadRoute speaks of the metadata as of a request: its fields are parameters of the query.
func uploadRoute() route {
	out := newTemplate(http.MethodPost, uploadTemplate, (&looppb.DocumentMetadata{}).ProtoReflect().Descriptor())
	out.upload, out.headers = true, map[protoreflect.Name]string{"content_type": "Content-Type"}
	return out
}

// serveUpload passes a file on as it comes.
func (a *api) serveUpload(w http.ResponseWriter, r *http.Request, found *route) {
	response, err := a.upload(r, found)
	var body []byte
	if err == nil {
		body, err = a.json.Marshal(response)
	}
	if err != nil {
		refuseBody(w, r, func() { writeError(r.Context(), a.mux, a.json, w, r, err) })
		return
	}
	w.Header().Set("Content-Type", a.json.ContentType(response))
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

func (a *api) upload(r *http.Request, found *route) (*looppb.StoreDocumentResponse, error) {
	about, err := aboutDocument(r, found)
	if err != nil {
		return nil, err
	}
	if r.ContentLength > cegidclient.MaxDocument {
		return nil, apierror.DocumentTooLarge()
	}
	ctx, err := runtime.AnnotateContext(r.Context(), a.mux, r, looppb.DocumentService_StoreDocument_FullMethodName)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := a.documents.StoreDocument(ctx)
	if err != nil {
		return nil, err
	}
	// The answer may come before the end of the file, which is then of no more use.
	response := &looppb.StoreDocumentResponse{}
	answered := make(chan error, 1)
	go func() {
		err := stream.RecvMsg(response)
		if body, ok := r.Body.(*timedBody); ok {
			body.interrupt()
		}
		answered <- err
	}()
	failed := sendFile(stream, about, r.Body)
	if failed != nil {
		cancel() // lest it be taken for the end of the file
	}
	err = <-answered
	if failed != nil && status.Code(err) == codes.Canceled { // by that, or by net/http, which ends the request with its body
		err = apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "data", "the file did not arrive whole and in time: send it again")
	}
	return response, err
}

// sendFile sends a file in pieces, as long as anybody wants them.
func sendFile(stream looppb.DocumentService_StoreDocumentClient, about *looppb.DocumentMetadata, file io.Reader) error {
	err := stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: about}})
	for err == nil {
		piece := make([]byte, uploadPiece) // grpc may still look at the one before
		n, ended := file.Read(piece)
		if n > 0 {
			err = stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: piece[:n]}})
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

// aboutDocument reads what a request says of its file.
func aboutDocument(r *http.Request, found *route) (*looppb.DocumentMetadata, error) {
	about := &looppb.DocumentMetadata{ContentType: r.Header.Get("Content-Type")}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed(err.Error())
	}
	if err := runtime.PopulateQueryParameters(about, query, utilities.NewDoubleArray(nil)); err != nil {
		return nil, malformed(err.Error())
	}
	for i, value := range found.path.FindStringSubmatch(r.URL.EscapedPath())[1:] {
		text, err := url.PathUnescape(value)
		if err != nil {
			return nil, malformed(err.Error())
		}
		field := found.request.Fields().ByName(protoreflect.Name(found.variables[i]))
		about.ProtoReflect().Set(field, protoreflect.ValueOfString(text))
	}
	if keys := r.Header.Values("Idempotency-Key"); len(keys) > 0 {
		if err := setRequestID(about.ProtoReflect(), keys); err != nil {
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
