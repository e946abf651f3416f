package gateway

import (
	"bytes"
	"net/http"

	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
const (
	eventStream = "text/event-stream"
	lastEventID = "Last-Event-Id" // as net/http spells it
	// retryLine tells when to connect again once a stream has ended, in milliseconds.
	retryLine = "retry: 1000\n"
)

// asEvents lets the stream of events be written as Server-Sent Events where its caller asks for them before lines of JSON, and
// nothing else: who takes both, as generated clients do, expects lines. Where such a caller was is in a header, which its browser
// sends, and the address as it was first.
func asEvents(r *http.Request, found *route) *http.Request {
	accept := r.Header.Values("Accept")
	wanted, _ := preferred(accept, eventStream)
	if wanted == 0 {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del("Accept") // what it chooses among is chosen
	lines, _ := preferred(accept, ndjson)
	if found.request.FullName() != (&looppb.StreamEventsRequest{}).ProtoReflect().Descriptor().FullName() || lines >= wanted {
		return r
	}
	r.Header.Set("Accept", eventStream)
	if last := r.Header.Get(lastEventID); last != "" {
		query := r.URL.Query()
		query.Set("after", last)
		r.URL.RawQuery = query.Encode()
	}
	return r
}

// eventMarshaler writes messages of the stream of events as Server-Sent Events.
type eventMarshaler struct{ *marshaler }

// ContentType implements runtime.Marshaler.
func (*eventMarshaler) ContentType(any) string { return eventStream }

// StreamContentType implements runtime.StreamContentType.
func (*eventMarshaler) StreamContentType(any) string { return eventStream }

// Delimiter implements runtime.Delimited: each event ends by itself.
func (*eventMarshaler) Delimiter() []byte { return nil }

// Marshal writes what grpc-gateway makes of a message: it under the name result, or the error that a stream ends with. That has a
// name which is not the one of a browser's own.
func (m *eventMarshaler) Marshal(value any) ([]byte, error) {
	out := bytes.NewBufferString(retryLine)
	switch chunk := value.(type) {
	case map[string]any:
		message, _ := chunk["result"].(*looppb.StreamEventsResponse)
		return m.events(out, message)
	case map[string]proto.Message:
		text, err := m.marshaler.Marshal(chunk["error"])
		if err != nil {
			return nil, err
		}
		return append(append(append(out.Bytes(), "event: status\ndata: "...), text...), "\n\n"...), nil
	}
	return m.marshaler.Marshal(value)
}

// events has one event for each; without any, the place alone, which a browser notes and tells nobody, or nothing but a comment.
func (m *eventMarshaler) events(out *bytes.Buffer, message *looppb.StreamEventsResponse) ([]byte, error) {
	if len(message.GetEvents()) == 0 {
		if message.GetCursor() == "" {
			return append(out.Bytes(), ": still here\n\n"...), nil
		}
		return append(out.Bytes(), "id: "+message.GetCursor()+"\n\n"...), nil
	}
	for _, event := range message.GetEvents() {
		text, err := m.marshaler.Marshal(event)
		if err != nil {
			return nil, err
		}
		out.WriteString("id: " + event.GetId() + "\ndata: ")
		out.Write(text)
		out.WriteString("\n\n")
	}
	return out.Bytes(), nil
}
