package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// TestWhatProvesSecurityIsThere: the documents name a test for each promise, which may have moved since.
func TestWhatProvesSecurityIsThere(t *testing.T) {
	tests := map[string]int{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, "_test.go") {
			tests[entry.Name()]++
		}
		return err
	})
	testkit.OK(t, err)
	named := regexp.MustCompile("`((?:[a-z_]+/)*[a-z_]+_test\\.go|cegidclient|server/[a-z/]+)`")
	for document, most := range map[string]int{"../SECURITY.md": 8, "../docs/threat-model.md": 8} {
		text, err := os.ReadFile(document)
		testkit.OK(t, err)
		found := named.FindAllSubmatch(text, -1)
		if len(found) < most {
			t.Errorf("%s names %d tests: are they written otherwise by now?", document, len(found))
		}
		for _, match := range found {
			name := string(match[1])
			if _, err := os.Stat(filepath.Join("..", name)); err != nil && tests[name] != 1 {
				t.Errorf("%s names %s, of which there are %d", document, name, tests[name])
			}
		}
	}
}
