package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

var sources = map[string]string{
	"own/option.proto": `syntax = "proto3";
package own;
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { string mark = 50000; }
`,
	"own/unused.proto": `syntax = "proto3";
package own;
// Nobody needs it, and it is ours.
message Unused {}
`,
	"own/service.proto": `syntax = "proto3";
package own;
// A comment on an import that goes.
import "own/option.proto";
import "theirs/outer.proto";
import "theirs/spare.proto";
import "google/protobuf/timestamp.proto";
option java_multiple_files = true;
// Does things.
service Things {
  // Does one.
  rpc Do(Request) returns (stream Request) { option idempotency_level = NO_SIDE_EFFECTS; }
  // Does another.
  rpc Redo(stream Request) returns (Request);
}
// A request.
message Request {
  // Name.
  string name = 1 [(mark) = "a ( b ) c", deprecated = true];
  // Nested in a message of another file.
  theirs.Outer.Inner inner = 2;
  optional google.protobuf.Timestamp time = 3;
  map<string, Request> more = 4;
}
`,
	"theirs/outer.proto": `syntax = "proto3";
package theirs;
import "own/option.proto";
message Outer {
  message Inner { string text = 1 [(own.mark) = "x"]; }
}
`,
	"theirs/spare.proto": `syntax = "proto3";
package theirs;
message Spare {}
`,
}

const wantService = header + `syntax = "proto3";

package own;

import "google/protobuf/timestamp.proto";
import "theirs/outer.proto";

option java_multiple_files = true;

// Does things.
service Things {
  // Does one.
  rpc Do(Request) returns (stream Request) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }

  // Does another.
  rpc Redo(stream Request) returns (Request);
}

// A request.
message Request {
  // Name.
  string name = 1 [deprecated = true];
  // Nested in a message of another file.
  theirs.Outer.Inner inner = 2;
  optional google.protobuf.Timestamp time = 3;
  map<string, Request> more = 4;
}
`

func TestBundleHoldsWhatOwnFilesNeedWithoutOptions(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "own", "dropped.proto")
	if err := write(left, "not proto at all"); err != nil {
		t.Fatal(err)
	}
	set := compile(t, sources)
	if err := run(bytes.NewReader(set), dir, "own/"); err != nil {
		t.Fatal(err)
	}
	printed := read(t, dir)
	if got := printed["own/service.proto"]; got != wantService {
		t.Errorf("own/service.proto:\n%s\nwant:\n%s", got, wantService)
	}
	for _, path := range []string{"own/option.proto", "own/dropped.proto", "theirs/spare.proto"} {
		if printed[path] != "" {
			t.Errorf("%s is in the bundle", path)
		}
	}
	compile(t, printed) // needs nothing that is not in the bundle
}

func TestEverythingIsPrintedWithItsOptions(t *testing.T) {
	dir := t.TempDir()
	if err := run(bytes.NewReader(compile(t, sources)), dir, ""); err != nil {
		t.Fatal(err)
	}
	printed := read(t, dir)
	if len(printed) != len(sources) {
		t.Errorf("%d files printed, want %d", len(printed), len(sources))
	}
	if got := printed["own/service.proto"]; !strings.Contains(got, `(mark) = "a ( b ) c"`) {
		t.Errorf("the option is lost:\n%s", got)
	}
	again := t.TempDir()
	if err := run(bytes.NewReader(compile(t, printed)), again, ""); err != nil {
		t.Fatal(err)
	}
	for path, text := range read(t, again) {
		if text != printed[path] {
			t.Errorf("%s changes when it is printed again:\n%s", path, text)
		}
	}
}

// compile returns the sources with all imports as a descriptor set.
func compile(t *testing.T, sources map[string]string) []byte {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			Accessor: protocompile.SourceAccessorFromMap(sources),
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	var paths []string
	for path := range sources {
		paths = append(paths, path)
	}
	files, err := compiler.Compile(t.Context(), paths...)
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, file := range files {
		add(file)
	}
	raw, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, path := range []string{
		"own/option.proto", "own/unused.proto", "own/service.proto", "own/dropped.proto",
		"theirs/outer.proto", "theirs/spare.proto",
	} {
		if text, err := os.ReadFile(filepath.Join(dir, path)); err == nil {
			out[path] = string(text)
		}
	}
	return out
}
