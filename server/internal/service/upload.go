package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

const (
	// uploadStall is the longest wait for the next piece of a file, uploadLimit that for the whole: less than a stream may
	// take otherwise, because an upload holds a place in the spool.
	uploadStall = time.Minute
	uploadLimit = 10 * time.Minute
	// uploadRetry is when to come again for a place.
	uploadRetry = 2 * time.Second
)

// pieces is the stream of an upload, as far as receiving goes.
type pieces interface {
	Recv() (*looppb.StoreDocumentRequest, error)
	Context() context.Context
}

// opening receives what stands before the bytes.
func opening(stream pieces) (*looppb.DocumentMetadata, error) {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if first.GetMetadata() == nil {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "metadata", "is missing: send it first, and the bytes after it")
	}
	return first.GetMetadata(), nil
}

// receive writes the bytes of an upload, and tells their type. What can be refused is refused as soon as it shows.
func receive(stream pieces, to io.Writer, about *looppb.DocumentMetadata) (contentType string, err error) {
	in := open(stream)
	defer in.close()
	var head []byte
	size := 0
	for {
		data, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if size += len(data); size > cegidclient.MaxDocument {
			return "", apierror.DocumentTooLarge()
		}
		if contentType == "" {
			head = append(head, data[:min(len(data), cegidclient.DocumentHead-len(head))]...)
			if len(head) == cegidclient.DocumentHead {
				if contentType, err = documentType(head, about); err != nil {
					return "", err
				}
			}
		}
		if _, err := to.Write(data); err != nil {
			return "", fmt.Errorf("keep the document until it is sent: %w", err)
		}
	}
	switch {
	case size == 0:
		return "", apierror.Field(looppb.ErrorReason_ERROR_REASON_DOCUMENT_EMPTY, "data", "the file is empty")
	case contentType == "": // it is shorter than a head
		return documentType(head, about)
	}
	return contentType, nil
}

// inbox is the rest of an upload, which nobody waits for without end.
type inbox struct {
	ctx      context.Context
	messages chan message
	closed   chan struct{}
	limit    *time.Timer
}

type message struct {
	request *looppb.StoreDocumentRequest
	err     error
}

// open receives in the background, because nothing but the end of the call interrupts a Recv.
func open(stream pieces) *inbox {
	in := &inbox{ctx: stream.Context(), messages: make(chan message), closed: make(chan struct{}), limit: time.NewTimer(uploadLimit)}
	go func() {
		for {
			request, err := stream.Recv()
			select {
			case in.messages <- message{request, err}:
			case <-in.closed:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

func (in *inbox) close() {
	close(in.closed)
	in.limit.Stop()
}

// next returns the next bytes; io.EOF after the last.
func (in *inbox) next() ([]byte, error) {
	stall := time.NewTimer(uploadStall)
	defer stall.Stop()
	var got message
	select {
	case got = <-in.messages:
	case <-stall.C:
		return nil, errSlowUpload()
	case <-in.limit.C:
		return nil, errSlowUpload()
	case <-in.ctx.Done():
		return nil, in.ctx.Err()
	}
	if got.err != nil {
		return nil, got.err
	}
	switch piece := got.request.GetPiece().(type) {
	case *looppb.StoreDocumentRequest_Data:
		return piece.Data, nil
	case *looppb.StoreDocumentRequest_Metadata:
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "metadata", "is given twice: send it first, and then the bytes alone")
	}
	return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "data", "is missing from a message of the upload")
}

// documentType tells the type by the first bytes, and refuses a file that is not what it is said to be.
func documentType(head []byte, about *looppb.DocumentMetadata) (string, error) {
	refuse := func(field, description string) (string, error) {
		return "", apierror.Field(looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID, field, description)
	}
	found := cegidclient.DocumentType(head)
	if found == "" {
		return refuse("data", "the file is no PDF, JPEG or PNG, and Loop's robot reads nothing else")
	}
	if declared := about.GetContentType(); declared != "" {
		media, _, err := mime.ParseMediaType(declared)
		if err != nil || media != found {
			return refuse("content_type", "is not the type of the file, which is "+found+": say that, or leave it out")
		}
	}
	extension := strings.ToLower(path.Ext(about.GetFileName()))
	if !slices.Contains(extensions[found], extension) {
		return refuse("file_name", "does not end as the file's type does: it is "+found+", so let it end in "+extensions[found][0])
	}
	return found, nil
}

var extensions = map[string][]string{
	cegidclient.DocumentPDF: {".pdf"}, cegidclient.DocumentJPEG: {".jpg", ".jpeg"}, cegidclient.DocumentPNG: {".png"},
}

func errSlowUpload() error {
	return apierror.New(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the file did not arrive in time, and nothing was sent to Loop: send it again, in pieces of up to 1 MiB")
}
