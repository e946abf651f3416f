package restname

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestSentencesAreThere: what the list of sentences names is in the contract, and what the contract calls a sentence of ours
// is in the list.
func TestSentencesAreThere(t *testing.T) {
	loops := []protoreflect.Name{"ReplayChangesResponse", "LateAnswer"} // Loop's own words
	seen := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("cegid.loop.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			message := file.Messages().Get(i)
			for j := range message.Fields().Len() {
				field := message.Fields().Get(j)
				of := sentences[message.Name()]
				if slices.Contains(of, field.Name()) {
					if seen++; field.Kind() != protoreflect.StringKind {
						t.Errorf("%s is no text", field.FullName())
					}
				} else if field.Name() == "message" && !slices.Contains(loops, message.Name()) {
					t.Errorf("%s: is it a sentence of this service's?", field.FullName())
				}
			}
		}
		return true
	})
	want := 0
	for _, each := range sentences {
		want += len(each)
	}
	if seen != want {
		t.Errorf("%d of %d fields are in the contract", seen, want)
	}
}
