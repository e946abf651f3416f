package interceptor

import (
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// violations are those of a request, as field and sentence.
func violations(t *testing.T, validator protovalidate.Validator, request proto.Message) (out [][2]string) {
	t.Helper()
	for _, detail := range status.Convert(CheckShape(validator, request)).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				out = append(out, [2]string{v.GetField(), v.GetDescription()})
			}
		}
	}
	return out
}

// TestEachViolationOfTheShapeNamesAField that the caller can write: no choice's name, and not nothing.
func TestEachViolationOfTheShapeNamesAField(t *testing.T) {
	validator, err := protovalidate.New()
	testkit.OK(t, err)
	refused := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("cegid.loop.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				for _, each := range violations(t, validator, dynamicpb.NewMessage(methods.Get(j).Input())) {
					refused++
					if field := methods.Get(j).Input().Fields().ByName(protoreflect.Name(each[0])); field == nil {
						t.Errorf("%s: a violation names %q: %s", methods.Get(j).FullName(), each[0], each[1])
					}
				}
			}
		}
		return true
	})
	if refused < 50 {
		t.Errorf("%d violations were looked at", refused)
	}
}

func TestViolationsSayWhatThereIs(t *testing.T) {
	validator, err := protovalidate.New()
	testkit.OK(t, err)
	lettering := looppb.LetteringState_LETTERING_STATE_UNSPECIFIED
	for name, c := range map[string]struct {
		request proto.Message
		fields  []string
		says    string
	}{
		"a choice that is missing": {
			&looppb.ResolveImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "A-1"},
			[]string{"check", "confirm", "resubmit"},
			"give one of check, confirm, resubmit",
		},
		"a choice deep in a request": {
			&looppb.ResolveImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "A-1", Action: &looppb.ResolveImportRequest_Resubmit{Resubmit: &looppb.ResubmitImport{
				Payload: &looppb.ResubmitImport_File{File: &looppb.ResubmittedFile{}},
			}}},
			[]string{"resubmit.file.deposit_id", "resubmit.file.url"},
			"give one of deposit_id, url",
		},
		"a rule on the whole request": {
			&looppb.ListEntriesRequest{Practice: "demo", Dossier: "A"},
			[]string{"lettering", "lettering_id", "origin_id"},
			"give lettering, lettering_id or origin_id",
		},
		"an enum's value that says nothing": {
			&looppb.ListEntriesRequest{Practice: "demo", Dossier: "A", Criterion: &looppb.ListEntriesRequest_Lettering{Lettering: lettering}},
			[]string{"lettering"},
			"one of its values: LETTERING_STATE_UNLETTERED, LETTERING_STATE_LETTERED",
		},
		"an enum's value that there is not": {
			&looppb.CheckConnectionRequest{Practice: "demo", Dossier: "A", KeyKind: 7},
			[]string{"key_kind"},
			"one of its values: KEY_KIND_STANDARD, KEY_KIND_ADVANCED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var fields []string
			for _, each := range violations(t, validator, c.request) {
				if fields = append(fields, each[0]); !strings.Contains(each[1], c.says) {
					t.Errorf("%s: says %q; want %q", each[0], each[1], c.says)
				}
			}
			if !slices.Equal(fields, c.fields) {
				t.Errorf("the fields are %q; want %q", fields, c.fields)
			}
		})
	}
}
