package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
)

var update = flag.Bool("update", false, "rewrite testdata/want.json")

// The document comes from the pinned generator itself, so that an upgrade which changes what it writes shows here.
func TestGeneratedDocumentIsCorrected(t *testing.T) {
	set := compile(t, protocompile.SourceInfoStandard, protocompile.SourceResolver{ImportPaths: []string{"testdata"}}, "shop.proto")
	imagePath := filepath.Join(t.TempDir(), "image.binpb")
	if err := os.WriteFile(imagePath, marshal(t, set), 0o600); err != nil {
		t.Fatal(err)
	}
	generated := generate(t, set, "shop.proto")
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		from := sources{
			version: "2.3.4", image: imagePath, extra: "testdata/extra.json", comments: "testdata/comments.json",
			reasons: "testdata/reasons.json", examples: "testdata/examples.json",
		}
		if err := correct(strings.NewReader(generated), out, from); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs differ")
	}
	const golden = "testdata/want.json"
	if *update {
		if err := os.WriteFile(golden, first.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), want) {
		t.Errorf("the document differs from %s; see what changed with `go -C tools test ./contract -update` and git diff", golden)
	}
}

func TestFaultyInputIsRefused(t *testing.T) {
	const status = `"components": {"schemas": {"google.rpc.Status": {}}}`
	empty := &image{files: &protoregistry.Files{}}
	for name, c := range map[string]struct{ doc, extra, want string }{
		"an operation without a method": {
			doc:  `{"paths": {"/x": {"get": {"operationId": "A_B"}}}, ` + status + `}`,
			want: "no method",
		},
		"a route that is described already": {
			doc:   `{"paths": {"/x": {"parameters": []}}, ` + status + `}`,
			extra: `{"paths": {"/x": {"parameters": []}}}`,
			want:  "already described",
		},
		"an addition that is neither path nor component": {
			doc: `{` + status + `}`, extra: `{"info": {}}`, want: "only paths and components",
		},
		"a document without the error schema": {doc: `{}`, want: "google.rpc.Status"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := decode(strings.NewReader(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			extra, err := decode(strings.NewReader("{}" + "\n"))
			if c.extra != "" {
				extra, err = decode(strings.NewReader(c.extra))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := fix(doc, empty, extra, about{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

// generate runs the pinned plugin as buf does.
func generate(t *testing.T, set *descriptorpb.FileDescriptorSet, path string) string {
	t.Helper()
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{FileToGenerate: []string{path}, ProtoFile: set.File})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	plugin := exec.CommandContext(t.Context(), "go", "tool", "protoc-gen-openapiv3")
	plugin.Stdin, plugin.Stdout, plugin.Stderr = bytes.NewReader(request), &stdout, &stderr
	if err := plugin.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	if len(response.File) != 1 {
		t.Fatalf("the plugin wrote %d files: %s", len(response.File), response.GetError())
	}
	return response.File[0].GetContent()
}

func TestADurationIsBoundedByItsPattern(t *testing.T) {
	for _, most := range []int{1, 9, 10, 600, 86400} {
		pattern := regexp.MustCompile(durationsUpTo(strconv.Itoa(most)))
		for seconds := range 2*most + 20 {
			for more, fits := range map[string]bool{"": seconds <= most, ".0": seconds <= most, ".000000001": seconds < most} {
				if text := fmt.Sprintf("%d%ss", seconds, more); pattern.MatchString(text) != fits {
					t.Fatalf("%s of at most %ds: matched by %s: %t", text, most, pattern, !fits)
				}
			}
		}
		for _, text := range []string{"", "s", "1", "-1s", "1.s", ".5s", "1.0000000000s", "1s ", "01s", "00s"} {
			if pattern.MatchString(text) {
				t.Errorf("%q is matched by %s", text, pattern)
			}
		}
	}
}
