package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// fileCase is a file of a case: the mark of its kind, and zeros up to its size.
type fileCase struct {
	Kind string `yaml:"kind"`
	Size int    `yaml:"size"`
}

func (f *fileCase) content(t *testing.T) []byte {
	t.Helper()
	head, known := map[string]string{
		"pdf": "%PDF-1.7\n", "png": "\x89PNG\r\n\x1a\n", "jpeg": "\xff\xd8\xff\xe0", "text": "Facture", "empty": "",
	}[f.Kind]
	if !known {
		t.Fatalf("file: no kind %q", f.Kind)
	}
	return append([]byte(head), make([]byte, max(0, f.Size-len(head)))...)
}

// upload is a file with what is said of it, as one request.
type upload struct {
	*looppb.DocumentMetadata
	file []byte
}

// request reads the request of a case.
func (c *corpusCase) request(t *testing.T, m protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	descriptor := m.Input()
	if m.IsStreamingClient() {
		descriptor = (&looppb.DocumentMetadata{}).ProtoReflect().Descriptor()
	}
	request := newMessage(t, descriptor)
	text, err := json.Marshal(c.Request)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(text, request); err != nil {
		t.Fatalf("request: %v", err)
	}
	if !m.IsStreamingClient() {
		return request
	}
	return &upload{request.(*looppb.DocumentMetadata), c.File.content(t)}
}

// uploadGRPC sends a file in pieces of odd sizes.
func (h *harness) uploadGRPC(ctx context.Context, u *upload, trailer *metadata.MD, keep func(proto.Message)) error {
	stream, err := looppb.NewDocumentServiceClient(h.conn).StoreDocument(ctx, grpc.Trailer(trailer))
	if err != nil {
		return err
	}
	err = stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: u.DocumentMetadata}})
	rest := u.file
	for size := 700; err == nil && len(rest) > 0; size = min(3*size, 1<<20) {
		n := min(size, len(rest))
		err = stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: rest[:n]}})
		rest = rest[n:]
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	response, err := stream.CloseAndRecv()
	if err == nil {
		keep(response)
	}
	return err
}

// uploadREST makes the request that openapi.json describes.
func (h *harness) uploadREST(ctx context.Context, u *upload) *http.Request {
	h.t.Helper()
	text, err := protojson.Marshal(u.DocumentMetadata)
	if err != nil {
		h.t.Fatal(err)
	}
	query := url.Values{}
	for name, value := range decode(h.t, text).(map[string]any) {
		switch name {
		case "practice", "dossier", "contentType", "requestId":
		default:
			query.Set(name, fmt.Sprint(value))
		}
	}
	path := "/v1/practices/" + url.PathEscape(u.GetPractice()) + "/dossiers/" + url.PathEscape(u.GetDossier()) + "/documents?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.rest+path, bytes.NewReader(u.file))
	if err != nil {
		h.t.Fatal(err)
	}
	if u.GetContentType() != "" {
		request.Header.Set("Content-Type", u.GetContentType())
	}
	if u.GetRequestId() != "" {
		request.Header.Set("Idempotency-Key", u.GetRequestId())
	}
	return request
}
