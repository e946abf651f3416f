package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
)

var outer = map[string]string{
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

option go_package = "example.com/own;own";
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
	set := printable(t, outer)
	if err := printFiles(set, dir, "own/", "example.com"); err != nil {
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
	printable(t, printed) // needs nothing that is not in the bundle
}

// TestBundleOfSeveralPrefixes: with what nothing of ours refers to, such as the details of errors, and with Go packages.
func TestBundleOfSeveralPrefixes(t *testing.T) {
	const named = `option go_package = "google.example/rpc/code;code";`
	set := printable(t, map[string]string{
		"own/thing/v1/thing.proto": "syntax = \"proto3\";\npackage own.thing.v1;\nmessage Thing {}\n",
		"own/old/thing.proto":      "syntax = \"proto3\";\npackage own.old;\nmessage Thing {}\n",
		"google/rpc/code.proto":    "syntax = \"proto3\";\npackage google.rpc;\n" + named + "\nenum Code { OK = 0; }\n",
	})
	dir := t.TempDir()
	if err := printFiles(set, dir, "own/,google/rpc/", "example.com/gen/go"); err != nil {
		t.Fatal(err)
	}
	printed := read(t, dir)
	for path, want := range map[string]string{
		"own/thing/v1/thing.proto": `option go_package = "example.com/gen/go/own/thing/v1;thingv1";`,
		"own/old/thing.proto":      `option go_package = "example.com/gen/go/own/old;old";`,
		"google/rpc/code.proto":    named,
	} {
		head := header
		if strings.HasPrefix(path, "google/") {
			head = googleHeader
		}
		if text := printed[path]; !strings.HasPrefix(text, head) || !strings.Contains(text, want) {
			t.Errorf("%s: %q; want %s", path, text, want)
		}
	}
	printable(t, printed)
	if err := printFiles(set, dir, "own/,google/type/", ""); err == nil {
		t.Error("a prefix without files is not noticed")
	}
}

func TestEverythingIsPrintedWithItsOptions(t *testing.T) {
	dir := t.TempDir()
	if err := printFiles(printable(t, outer), dir, "", ""); err != nil {
		t.Fatal(err)
	}
	printed := read(t, dir)
	if len(printed) != len(outer) {
		t.Errorf("%d files printed, want %d", len(printed), len(outer))
	}
	if got := printed["own/service.proto"]; !strings.Contains(got, `(mark) = "a ( b ) c"`) {
		t.Errorf("the option is lost:\n%s", got)
	}
	again := t.TempDir()
	if err := printFiles(printable(t, printed), again, "", ""); err != nil {
		t.Fatal(err)
	}
	for path, text := range read(t, again) {
		if text != printed[path] {
			t.Errorf("%s changes when it is printed again:\n%s", path, text)
		}
	}
}

// printable returns the sources with all imports as a descriptor set.
func printable(t *testing.T, sources map[string]string) []byte {
	t.Helper()
	from := protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)}
	return marshal(t, compile(t, protocompile.SourceInfoStandard, from, slices.Collect(maps.Keys(sources))...))
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
