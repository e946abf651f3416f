package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/contract"
)

// TestTheWordForAllIsOfListsAlone: any other method refuses - as the name of a practice or dossier, before Loop is asked.
func TestTheWordForAllIsOfListsAlone(t *testing.T) {
	h := start(t, nil)
	taken := map[string]bool{}
	for m := range contract.Methods() {
		for _, field := range []protoreflect.Name{"practice", "dossier"} {
			about := m.Input()
			if m.IsStreamingClient() {
				about = m.Input().Fields().ByName("metadata").Message()
			}
			if about.Fields().ByName(field) == nil {
				continue
			}
			message := newMessage(t, about)
			for name, value := range map[protoreflect.Name]string{"practice": "demo", "dossier": "CEGID001", field: "-"} {
				if known := about.Fields().ByName(name); known != nil {
					message.ProtoReflect().Set(known, protoString(value))
				}
			}
			if ends := about.Fields().ByName("catch_up"); ends != nil { // else it goes on
				message.ProtoReflect().Set(ends, protoreflect.ValueOfBool(true))
			}
			var request proto.Message = message
			if m.IsStreamingClient() {
				request = &uploaded{message, pdf("x")}
			}
			got := h.overGRPC(t.Context(), m, "everything", request)
			if got.Err == nil {
				taken[fmt.Sprintf("%s %s", m.Name(), field)] = true
				continue
			}
			refused := slices.ContainsFunc(got.Err.Violations, func(v violation) bool {
				return strings.TrimPrefix(v.Field, "metadata.") == string(field) && strings.Contains(v.Description, "stands for all")
			})
			if got.Err.Reason != looppb.ErrorReason_ERROR_REASON_FIELD_INVALID.String()[len("ERROR_REASON_"):] || !refused {
				t.Errorf("%s answers - as its %s with %+v", m.FullName(), field, got.Err)
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(taken)), []string{"ListDossiers practice", "ListEvents practice", "ListImports dossier", "ListImports practice", "StreamEvents practice"}; !slices.Equal(got, want) {
		t.Errorf("- stands for all in %v; want %v", got, want)
	}
	if calls := h.Simulator.Count(""); calls != 0 {
		t.Errorf("Loop was called %d times", calls)
	}
}

// TestMetadataIsBounded: to the last pair and character.
func TestMetadataIsBounded(t *testing.T) {
	h := start(t, nil)
	pairs := func(n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[fmt.Sprint(i)] = ""
		}
		return out
	}
	long := func(n int) string { return strings.Repeat("é", n) }
	client := looppb.NewImportServiceClient(h.conn)
	for i, test := range []struct {
		metadata map[string]string
		taken    bool
	}{
		{pairs(16), true},
		{pairs(17), false},
		{map[string]string{long(64): long(256)}, true},
		{map[string]string{long(65): "x"}, false},
		{map[string]string{"x": long(257)}, false},
		{map[string]string{"": "x"}, false},
		{map[string]string{"x\n": "x"}, false},
		{map[string]string{"x": "x\x00"}, false},
	} {
		request := importOf(fmt.Sprint("M-", i), invoice(fmt.Sprint("M-", i), "120"))
		request.Metadata = test.metadata
		answer, err := client.ImportEntries(as(t.Context(), "everything"), request)
		switch {
		case test.taken && (err != nil || !maps.Equal(answer.GetImportRecord().GetMetadata(), test.metadata)):
			t.Errorf("%v: %v, %v", test.metadata, answer, err)
		case !test.taken && reasonOf(err) != "FIELD_INVALID":
			t.Errorf("%v: %v", test.metadata, err)
		}
	}
}
