package main

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	optionsOfMethods = `syntax = "proto3";
package cegid.loop.v1;
import "google/protobuf/descriptor.proto";
message Access { string right = 1; }
message Lists { Access access = 1; string path = 2; }
extend google.protobuf.ServiceOptions { Lists lists = 50403; }
extend google.protobuf.MethodOptions { Access access = 50401; repeated string wraps = 50402; }
`
	head = `syntax = "proto3";
package cegid.loop.v1;
import "access.proto";
import "google/api/annotations.proto";
message M {}
`
	shared = `option (lists) = {access: {right: "read"} path: "/v1/{shop}/"};
`
	short = head + `service Things {
` + shared + `
// A comment.
rpc ListThings(M) returns (M);
rpc StreamThings(M) returns (stream M);
rpc ListOldThings(M) returns (M) {
  option (wraps) = "list_cups";
  option (wraps) = "list_jugs";
}
rpc StreamOldThings(M) returns (stream M) { option (access) = {right: "own"}; }
rpc ListParts(M) returns (M) {
  option idempotency_level = IDEMPOTENT;
  option (google.api.http) = {get: "/v1/all"};
}
rpc Make(M) returns (M);
}
service Others { rpc ListOthers(M) returns (M); }
`
	whole = head + `service Things {
` + shared + `
// A comment.
rpc ListThings(M) returns (M) {
  option idempotency_level = NO_SIDE_EFFECTS;
  option (access) = {right: "read"};
  option (wraps) = "list_things";
  option (google.api.http) = {get: "/v1/{shop}/things"};
}
rpc StreamThings(M) returns (stream M) {
  option idempotency_level = NO_SIDE_EFFECTS;
  option (access) = {right: "read"};
  option (wraps) = "list_things";
  option (google.api.http) = {get: "/v1/{shop}/things:stream"};
}
rpc ListOldThings(M) returns (M) {
  option idempotency_level = NO_SIDE_EFFECTS;
  option (access) = {right: "read"};
  option (wraps) = "list_cups";
  option (wraps) = "list_jugs";
  option (google.api.http) = {get: "/v1/{shop}/oldThings"};
}
rpc StreamOldThings(M) returns (stream M) {
  option idempotency_level = NO_SIDE_EFFECTS;
  option (access) = {right: "own"};
  option (wraps) = "list_cups";
  option (wraps) = "list_jugs";
  option (google.api.http) = {get: "/v1/{shop}/oldThings:stream"};
}
rpc ListParts(M) returns (M) {
  option idempotency_level = IDEMPOTENT;
  option (access) = {right: "read"};
  option (wraps) = "list_parts";
  option (google.api.http) = {get: "/v1/all"};
}
rpc Make(M) returns (M);
}
service Others { rpc ListOthers(M) returns (M); }
`
)

func withOptions(t *testing.T, source string, mode protocompile.SourceInfoMode) []byte {
	t.Helper()
	files := map[string]string{"access.proto": optionsOfMethods, "things.proto": source}
	from := protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)}
	return marshal(t, compile(t, mode, from, slices.Sorted(maps.Keys(files))...))
}

// TestListsHaveTheOptionsOfTheirService, and what they say themselves stays.
func TestListsHaveTheOptionsOfTheirService(t *testing.T) {
	var got bytes.Buffer
	if err := run(bytes.NewReader(withOptions(t, short, protocompile.SourceInfoNone)), &got, []string{"complete"}); err != nil {
		t.Fatal(err)
	}
	if got, want := worded(t, got.Bytes()), worded(t, withOptions(t, whole, protocompile.SourceInfoNone)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// worded is a set as text: messages of two sets are never equal, because their types are not.
func worded(t *testing.T, raw []byte) string {
	t.Helper()
	set, files, err := readSet(raw)
	if err != nil {
		t.Fatal(err)
	}
	return prototext.MarshalOptions{Multiline: true, Resolver: dynamicpb.NewTypes(files)}.Format(set)
}

func TestCommentsStayWithLists(t *testing.T) {
	var got bytes.Buffer
	if err := complete(withOptions(t, short, protocompile.SourceInfoStandard), &got); err != nil {
		t.Fatal(err)
	}
	_, files, err := readSet(got.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	comments := map[protoreflect.FullName]string{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		collect(comments, file)
		return true
	})
	if comments["cegid.loop.v1.Things.ListThings"] != "A comment." {
		t.Errorf("got %q", comments)
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"a stream without a list":      {shared + "rpc StreamThings(M) returns (stream M);", "StreamThings is neither"},
		"a list that streams":          {shared + "rpc ListThings(M) returns (stream M);", "ListThings is neither"},
		"a stream with one answer":     {shared + "rpc ListThings(M) returns (M);\nrpc StreamThings(M) returns (M);", "StreamThings is neither"},
		"a list of what is sent":       {shared + "rpc ListThings(stream M) returns (M);", "ListThings is neither"},
		"a list of nothing":            {shared + "rpc List(M) returns (M);", "List is neither"},
		"no path":                      {`option (lists) = {access: {right: "read"}};`, "lacks path or access"},
		"nothing asked of the callers": {`option (lists) = {path: "/v1/"};`, "lacks path or access"},
	} {
		t.Run(name, func(t *testing.T) {
			set := withOptions(t, head+"service Things {\n"+c.body+"\n}\n", protocompile.SourceInfoNone)
			if err := complete(set, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "Things: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
	if err := complete(printable(t, outer), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "the option ") {
		t.Errorf("a set without the options: %v", err)
	}
}
