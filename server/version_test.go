package main

import (
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"cegid.internal/gateway/gen"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/diagnostics"
)

func TestABuildNamesItsReleaseAndItsCommit(t *testing.T) {
	checkout := &debug.BuildInfo{}
	checkout.Main.Version = "v0.0.0-20261129-abcdef"
	checkout.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		name, release, revision string
		info                    *debug.BuildInfo
		want                    diagnostics.Build
	}{
		{"a release", "1.2.3", "0123", checkout, diagnostics.Build{Version: "1.2.3", Revision: "0123"}},
		{"a release without git", "1.2.3", "", &debug.BuildInfo{}, diagnostics.Build{Version: "1.2.3"}},
		{"a checkout with changes", "", "", checkout, diagnostics.Build{Version: "v0.0.0-20261129-abcdef", Revision: "abcdef (modified)"}},
		{"nothing that is known", "", "", nil, diagnostics.Build{Version: "unknown"}},
	} {
		if got := buildOf(c.release, c.revision, c.info); got != c.want {
			t.Errorf("%s: %+v; want %+v", c.name, got, c.want)
		}
	}
}

// TestTheVersionStandsWhereItIsLookedFor: VERSION is what the next release is called.
func TestTheVersionStandsWhereItIsLookedFor(t *testing.T) {
	text, err := os.ReadFile("../VERSION")
	testkit.OK(t, err)
	version := strings.TrimSpace(string(text))
	var document struct{ Info struct{ Version string } }
	testkit.OK(t, json.Unmarshal(gen.OpenAPI, &document))
	if document.Info.Version != version {
		t.Errorf("the OpenAPI document is of %q, and VERSION says %q: run tools/generate.sh", document.Info.Version, version)
	}
	changes, err := os.ReadFile("../CHANGELOG.md")
	testkit.OK(t, err)
	if _, first, _ := strings.Cut(string(changes), "\n## "); !strings.HasPrefix(first, version+"\n") && !strings.HasPrefix(first, version+" ") {
		t.Errorf("CHANGELOG.md does not begin with %s", version)
	}
	// The packages follow the contract; a release gives them its whole name.
	number, _, _ := strings.Cut(version, "-")
	for file, says := range map[string]string{
		"../clients/python/src/loop_gateway/_version.py": `__version__ = "` + number + `"`,
		"../clients/typescript/package.json":             `"version": "` + number + `"`,
	} {
		content, err := os.ReadFile(file)
		testkit.OK(t, err)
		if !strings.Contains(string(content), says) {
			t.Errorf("%s does not say %s", file, says)
		}
	}
}
