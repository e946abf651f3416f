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
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// fileCase is a file of a case: the mark of its kind, and zeros up to its size; a FEC of about that size, with a line changed;
// or a text.
type fileCase struct {
	Kind string `yaml:"kind"`
	Size int    `yaml:"size"`
	Text string `yaml:"text"`
	// Line of a FEC, where From is replaced by To.
	Line int    `yaml:"line"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

func (f *fileCase) content(t *testing.T) []byte {
	t.Helper()
	switch {
	case f.Text != "":
		return []byte(f.Text)
	case f.Kind == "fec":
		return fecgen.Bytes(fecgen.Options{Size: int64(f.Size), Edit: func(line int, text []byte) []byte {
			if line != f.Line {
				return text
			}
			if !bytes.Contains(text, []byte(f.From)) {
				t.Fatalf("line %d of the FEC has no %q: %q", line, f.From, text)
			}
			return bytes.Replace(text, []byte(f.From), []byte(f.To), 1)
		}})
	}
	head, known := map[string]string{
		"pdf": "%PDF-1.7\n", "png": "\x89PNG\r\n\x1a\n", "jpeg": "\xff\xd8\xff\xe0", "text": "Facture", "zip": "PK\x03\x04", "empty": "",
	}[f.Kind]
	if !known {
		t.Fatalf("file: no kind %q", f.Kind)
	}
	return append([]byte(head), make([]byte, max(0, f.Size-len(head)))...)
}

// uploading is a file with what is said of it, as one request.
type uploading interface {
	proto.Message
	about() proto.Message
	content() []byte
}

// upload is that of a document, uploaded that of any method.
type (
	upload struct {
		*looppb.DocumentMetadata
		file []byte
	}
	uploaded struct {
		proto.Message
		file []byte
	}
)

func (u *upload) about() proto.Message   { return u.DocumentMetadata }
func (u *upload) content() []byte        { return u.file }
func (u *uploaded) about() proto.Message { return u.Message }
func (u *uploaded) content() []byte      { return u.file }

// request reads the request of a case.
func (c *corpusCase) request(t *testing.T, m protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	descriptor := m.Input()
	if m.IsStreamingClient() {
		descriptor = m.Input().Fields().ByName("metadata").Message()
	}
	request := newMessage(t, descriptor)
	text, err := json.Marshal(c.Request)
	testkit.OK(t, err)
	if err := protojson.Unmarshal(text, request); err != nil {
		t.Fatalf("request: %v", err)
	}
	if !m.IsStreamingClient() {
		return request
	}
	return &uploaded{request, c.File.content(t)}
}

// uploadGRPC sends a file in pieces of odd sizes.
func (h *harness) uploadGRPC(ctx context.Context, m protoreflect.MethodDescriptor, u uploading, trailer *metadata.MD, keep func(proto.Message)) error {
	stream, err := h.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: m.IsStreamingServer()}, fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()), grpc.Trailer(trailer))
	if err != nil {
		return err
	}
	send := func(name protoreflect.Name, value protoreflect.Value) error {
		piece := newMessage(h.t, m.Input())
		piece.ProtoReflect().Set(m.Input().Fields().ByName(name), value)
		return stream.SendMsg(piece)
	}
	err = send("metadata", protoreflect.ValueOfMessage(u.about().ProtoReflect()))
	rest := u.content()
	for size := 700; err == nil && len(rest) > 0; size = min(3*size, 1<<20) {
		n := min(size, len(rest))
		err = send("data", protoreflect.ValueOfBytes(rest[:n]))
		rest = rest[n:]
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for {
		response := newMessage(h.t, m.Output())
		if err = stream.RecvMsg(response); err == nil {
			keep(response)
		}
		switch {
		case m.IsStreamingServer() && errors.Is(err, io.EOF):
			return nil
		case err != nil || !m.IsStreamingServer():
			return err
		}
	}
}

// uploadPaths are those of openapi.json.
var uploadPaths = map[protoreflect.Name]string{"StoreDocument": "documents", "DepositFile": "files", "ValidateFile": "files:validate", "StreamFileReport": "files:report"}

// uploadREST makes the request that openapi.json describes.
func (h *harness) uploadREST(ctx context.Context, m protoreflect.MethodDescriptor, u uploading) *http.Request {
	h.t.Helper()
	text, err := protojson.Marshal(u.about())
	testkit.OK(h.t, err)
	query, said := url.Values{}, map[string]string{}
	for name, value := range decode(h.t, text).(map[string]any) {
		switch name {
		case "practice", "dossier", "contentType", "requestId":
			said[name] = value.(string)
		default:
			parameter(query, name, value)
		}
	}
	path := fmt.Sprintf("/v1/practices/%s/dossiers/%s/%s?%s", url.PathEscape(said["practice"]), url.PathEscape(said["dossier"]), uploadPaths[m.Name()], query.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.rest+path, bytes.NewReader(u.content()))
	testkit.OK(h.t, err)
	for name, header := range map[string]string{"contentType": "Content-Type", "requestId": "Idempotency-Key"} {
		if said[name] != "" {
			request.Header.Set(header, said[name])
		}
	}
	return request
}
