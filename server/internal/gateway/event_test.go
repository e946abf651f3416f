package gateway

import (
	"strings"
	"testing"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/restname"
)

// TestServerSentEvents: each message as its reader has it, who notes ids, is not told of what has no data, and passes comments by.
func TestServerSentEvents(t *testing.T) {
	m := &eventMarshaler{marshaler: &marshaler{names: restname.OfContract()}}
	for name, test := range map[string]struct {
		chunk any
		want  []string // the lines behind the first
	}{
		"nothing happens": {map[string]any{"result": &looppb.StreamEventsResponse{}}, []string{": still here", ""}},
		"where it begins": {map[string]any{"result": &looppb.StreamEventsResponse{Cursor: "7.0"}}, []string{"id: 7.0", ""}},
		"two events, and a place behind": {map[string]any{"result": &looppb.StreamEventsResponse{
			Cursor: "9.0", Events: []*looppb.Event{{Id: "8.0", Metadata: map[string]string{"note": "a\nb"}}, {Id: "8.1"}},
		}}, []string{"id: 8.0", `data: {"id":"8.0","metadata":{"note":"a\nb"}}`, "", "id: 8.1", `data: {"id":"8.1"}`, ""}},
		"it breaks off": {map[string]proto.Message{"error": &rpcstatus.Status{Code: 14, Message: "a\nb"}}, []string{"event: status", `data: {"code":14,"message":"a\nb","reason":"UNSPECIFIED","details":[]}`, ""}},
	} {
		text, err := m.Marshal(test.chunk)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if got := strings.Join(lines[1:], "\n"); !strings.HasPrefix(lines[0], "retry: ") || strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(strings.Join(test.want, "\n"), " ", "") {
			t.Errorf("%s: %q; want %q", name, lines, test.want)
		}
	}
}
