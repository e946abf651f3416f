//go:build unix

package secret_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestANamedPipeIsRefusedInsteadOfWaitedFor(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parse(t, "${file:pipe}", dir).Read(); err == nil || !strings.Contains(err.Error(), "it is no regular file") {
		t.Errorf("the error is %v", err)
	}
}
