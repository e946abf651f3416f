package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// TestAFileIsCheckedWithoutAService: the exit code is the verdict.
func TestAFileIsCheckedWithoutAService(t *testing.T) {
	good, err := os.ReadFile("../examples/123456782FEC20261231.txt")
	testkit.OK(t, err)
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		code       int
		says       string
	}{
		{"123456782FEC20261231.txt", string(good), 0, "Rien à corriger"},
		{"123456782FEC20261231.csv", strings.Replace(string(good), "180,00", "181,00", 1), 0, ""},
		{"123456782FEC20261230.txt", string(good) + "\r\n", 3, "LINE_EMPTY"},
		{"unbalanced.txt", strings.Replace(string(good), "100,00", "101,00", 1), 2, "ENTRY_UNBALANCED"},
		{"books.zip", "PK\x03\x04", 2, "FILE_COMPRESSED"},
	} {
		path := filepath.Join(dir, c.name)
		out, err := os.Create(path + ".out")
		testkit.OK(t, err)
		testkit.OK(t, os.WriteFile(path, []byte(c.text), 0o600))
		for _, command := range []fileCheckCommand{{}, {JSON: true}, {CSV: true}, {HTML: path + ".html"}, {HTML: "-"}} {
			command.File, command.Format, command.Language = path, "auto", "fr"
			code := 0
			if err := command.run(out, out); err != nil {
				code = err.(interface{ ExitCode() int }).ExitCode()
			}
			if code != c.code {
				t.Errorf("%s, %+v ends with %d, want %d", c.name, command, code, c.code)
			}
		}
		_ = out.Close()
		text, _ := os.ReadFile(path + ".out")
		page, err := os.ReadFile(path + ".html")
		if !strings.Contains(string(text), c.says) || !strings.Contains(string(text), `"valid": `) || !strings.Contains(string(text), "\r\nfile,,,,") || err != nil || !strings.Contains(string(page), "</html>") {
			t.Errorf("%s: %.2000s", c.name, text)
		}
	}
}
