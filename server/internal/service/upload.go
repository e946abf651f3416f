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
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/spool"
)

const (
	// uploadStall is the longest wait for the next piece of a file, documentLimit and fileLimit those for the whole: less
	// than a stream may take otherwise, because an upload holds a place in the spool.
	uploadStall   = time.Minute
	documentLimit = 10 * time.Minute
	fileLimit     = 20 * time.Minute
	// uploadRetry is when to come again for a place, roomRetry for room on the disk.
	uploadRetry = 2 * time.Second
	roomRetry   = 30 * time.Second
)

// piece is a message of an upload: first what is said of the file, then its bytes.
type piece[M proto.Message] interface {
	proto.Message
	GetMetadata() M
	GetData() []byte
}

// pieces is the stream of an upload, as far as receiving goes.
type pieces[P proto.Message] interface {
	Recv() (P, error)
	Context() context.Context
}

// opening receives what stands before the bytes.
func opening[M proto.Message, P piece[M]](stream pieces[P]) (M, error) {
	var none M
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return none, err
	}
	if err != nil || !given(first.GetMetadata()) {
		return none, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "metadata", "is missing: send it first, and the bytes after it")
	}
	return first.GetMetadata(), nil
}

func given(message proto.Message) bool { return message.ProtoReflect().IsValid() }

// receiveDocument writes the bytes of a document, and tells their type. What can be refused is refused as soon as it shows.
func receiveDocument(stream pieces[*looppb.StoreDocumentRequest], to io.Writer, about *looppb.DocumentMetadata) (contentType string, err error) {
	var head []byte
	size := 0
	err = receive(stream, documentLimit, func(data []byte) (err error) {
		if size += len(data); size > cegidclient.MaxDocument {
			return apierror.DocumentTooLarge()
		}
		if contentType == "" {
			head = append(head, data[:min(len(data), cegidclient.DocumentHead-len(head))]...)
			if len(head) == cegidclient.DocumentHead {
				if contentType, err = documentType(head, about); err != nil {
					return err
				}
			}
		}
		_, err = to.Write(data)
		return spoolError(err)
	})
	switch {
	case err != nil:
		return "", err
	case size == 0:
		return "", apierror.Field(looppb.ErrorReason_ERROR_REASON_DOCUMENT_EMPTY, "data", "the file is empty")
	case contentType == "": // it is shorter than a head
		return documentType(head, about)
	}
	return contentType, nil
}

// receive hands on the bytes of an upload as they come, until take refuses them.
func receive[M proto.Message, P piece[M]](stream pieces[P], limit time.Duration, take func(data []byte) error) error {
	in := open[M](stream, limit)
	defer in.close()
	for {
		data, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = take(data)
		}
		if err != nil {
			return err
		}
	}
}

// spoolError words what keeps a file from being kept until it is sent.
func spoolError(err error) error {
	full := apierror.Error{Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT, RetryAfter: uploadRetry}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, spool.ErrCallerFull):
		full.Message = "as many files of this caller are under way as it may have: wait for some to end"
	case errors.Is(err, spool.ErrFull):
		full.Message = "as many files are under way as this service takes at once: wait for some to end"
	case errors.Is(err, spool.ErrNoRoom):
		full.Reason, full.RetryAfter = looppb.ErrorReason_ERROR_REASON_SPOOL_FULL, roomRetry
		full.Message = "there is no room for the file on the server's disk for now, and nothing was sent to Loop: send it again later, and tell the operator if it lasts"
	default:
		return fmt.Errorf("keep the file until it is sent: %w", err)
	}
	return full.Err()
}

// inbox is the rest of an upload, which nobody waits for without end.
type inbox[M proto.Message, P piece[M]] struct {
	ctx      context.Context
	messages chan message[P]
	closed   chan struct{}
	limit    *time.Timer
}

type message[P proto.Message] struct {
	request P
	err     error
}

// open receives in the background, because nothing but the end of the call interrupts a Recv.
func open[M proto.Message, P piece[M]](stream pieces[P], limit time.Duration) *inbox[M, P] {
	in := &inbox[M, P]{ctx: stream.Context(), messages: make(chan message[P]), closed: make(chan struct{}), limit: time.NewTimer(limit)}
	go func() {
		for {
			request, err := stream.Recv()
			select {
			case in.messages <- message[P]{request, err}:
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

func (in *inbox[M, P]) close() {
	close(in.closed)
	in.limit.Stop()
}

// next returns the next bytes; io.EOF after the last.
func (in *inbox[M, P]) next() ([]byte, error) {
	stall := time.NewTimer(uploadStall)
	defer stall.Stop()
	var got message[P]
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
	sent := got.request.ProtoReflect()
	switch {
	case given(got.request.GetMetadata()):
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "metadata", "is given twice: send it first, and then the bytes alone")
	case sent.WhichOneof(sent.Descriptor().Oneofs().ByName("piece")) == nil:
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "data", "is missing from a message of the upload")
	}
	return got.request.GetData(), nil
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
		// What tools put on bytes whose type nobody has said says nothing: curl a form's.
		unsaid := media == "application/octet-stream" || media == "application/x-www-form-urlencoded"
		if err != nil || media != found && !unsaid {
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
