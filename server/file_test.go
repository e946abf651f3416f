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

// TestAReportDoesNotReplaceTheFileThatItIsOn, by whatever name.
func TestAReportDoesNotReplaceTheFileThatItIsOn(t *testing.T) {
	const text = "JournalCode|..."
	path := filepath.Join(t.TempDir(), "123456782FEC20261231.txt")
	testkit.OK(t, os.WriteFile(path, []byte(text), 0o600))
	testkit.OK(t, os.Symlink(path, path+".html"))
	for _, page := range []string{path, path + ".html"} {
		command := fileCheckCommand{File: path, Format: "auto", Language: "fr", HTML: page}
		if err := command.run(os.Stdout, os.Stdout); err == nil || !strings.Contains(err.Error(), "name another file") {
			t.Errorf("got %v", err)
		}
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != text {
		t.Errorf("the file is %q, %v", left, err)
	}
}
