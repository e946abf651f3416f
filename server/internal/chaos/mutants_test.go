package chaos

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// mutants are patches, each of which puts a fault into the server.
func mutants(t *testing.T) []string {
	t.Helper()
	patches, err := filepath.Glob(filepath.Join("testdata", "mutants", "*.patch"))
	if err != nil || len(patches) < 10 {
		t.Fatal(len(patches), "mutants", err)
	}
	return patches
}

var patchedFile = regexp.MustCompile(`(?m)^\+\+\+ b/(.+)$`)

// patched applies a patch to copies of its files in a folder: it returns the copy of each.
func patched(t *testing.T, folder, patch string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(patch)
	testkit.OK(t, err)
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	testkit.OK(t, err)
	copies := map[string]string{}
	for _, found := range patchedFile.FindAllStringSubmatch(string(text), -1) {
		to := filepath.Join(folder, found[1])
		content, err := os.ReadFile(filepath.Join(root, found[1]))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, content, 0o600)
		}
		testkit.OK(t, err)
		copies[filepath.Join(root, found[1])] = to
	}
	apply := exec.Command("git", "apply", "-")
	apply.Dir, apply.Stdin = folder, bytes.NewReader(text)
	apply.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(folder))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("the patch does not fit any more: %v\n%s", err, out)
	}
	return copies
}

// TestEachMutantFits: the tests of lives, which use them, do not run with the others.
func TestEachMutantFits(t *testing.T) {
	for _, patch := range mutants(t) {
		t.Run(filepath.Base(patch), func(t *testing.T) {
			if copies := patched(t, t.TempDir(), patch); len(copies) == 0 {
				t.Error("the patch names no file")
			}
		})
	}
}
