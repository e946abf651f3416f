package conformance

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// unsaid are the flags and counts of answers that may be missing: Loop's own facts, of which it may say nothing, and what only
// some answers have.
var unsaid = map[protoreflect.FullName]string{
	"cegid.loop.v1.Account":             "Loop's",
	"cegid.loop.v1.AnalyticSection":     "Loop's",
	"cegid.loop.v1.Journal":             "Loop's",
	"cegid.loop.v1.MissionActivity":     "Loop's",
	"cegid.loop.v1.ThirdParty":          "Loop's",
	"cegid.loop.v1.Finding.occurrences": "of a file",
	"cegid.loop.v1.CallResponse":        "of a write",
}

// checkSaid looks for flags and counts that an answer leaves out although it could say them, also when they are false or 0.
func checkSaid(t *testing.T, transport string, message protoreflect.MessageDescriptor, answer any) {
	t.Helper()
	switch a := answer.(type) {
	case []any:
		for _, each := range a {
			checkSaid(t, transport, message, each)
		}
	case map[string]any:
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			value, said := a[field.JSONName()]
			switch kind := field.Kind(); {
			case field.IsMap():
			case field.Message() != nil && field.Message().ParentFile().Package() == looppb.File_cegid_loop_v1_import_proto.Package():
				checkSaid(t, transport, field.Message(), value)
			case (kind == protoreflect.BoolKind || kind == protoreflect.Int32Kind) && field.HasPresence() && !said &&
				unsaid[message.FullName()] == "" && unsaid[field.FullName()] == "":
				t.Errorf("%s: %s is left out: %v", transport, field.FullName(), a)
			}
		}
	}
}
