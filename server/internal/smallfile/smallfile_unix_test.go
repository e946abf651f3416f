//go:build unix

package smallfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

func TestRead(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for name, content := range map[string]string{"full": "1234", "over": "12345", "empty": ""} {
		testkit.OK(t, os.WriteFile(at(name), []byte(content), 0o600))
	}
	testkit.OK(t, errors.Join(syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("full", at("link")), os.Symlink("circle", at("circle")), os.Symlink("pipe", at("link to a pipe"))))
	for name, want := range map[string]struct {
		content string
		err     error
	}{
		"full":           {"1234", nil},
		"link":           {"1234", nil},
		"empty":          {"", nil},
		"over":           {"", ErrTooLarge},
		"pipe":           {"", ErrIrregular},
		"link to a pipe": {"", ErrIrregular},
		"":               {"", ErrIrregular}, // the folder
		"nothing":        {"", fs.ErrNotExist},
		"circle":         {"", syscall.ELOOP},
	} {
		if content, err := Read(at(name), 4); string(content) != want.content || !errors.Is(err, want.err) {
			t.Errorf("%q: %q, %v; want %q, %v", name, content, err, want.content, want.err)
		}
	}
}
