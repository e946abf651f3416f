package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
)

// TestAKeyThatThisProcessMayNotReadIsNoMatterOfItsContent: "check that they belong together" leads astray.
func TestAKeyThatThisProcessMayNotReadIsNoMatterOfItsContent(t *testing.T) {
	dir := folder(t)
	for path := dir; path != filepath.Clean(os.TempDir()); path = filepath.Dir(path) {
		testkit.OK(t, os.Chmod(path, 0o755))
	}
	write(t, dir, "tls.crt", "certificate")
	write(t, dir, "tls.key", "key")
	testkit.OK(t, os.Chmod(filepath.Join(dir, "tls.key"), 0))
	path := write(t, dir, "gateway.yaml", "tls: {certificate: tls.crt, key: tls.key}\n")
	testkit.OK(t, os.Chmod(path, 0o644))
	if os.Geteuid() == 0 { // who may read everything: this thread is somebody else on the file system
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		testkit.OK(t, syscall.Setfsuid(65532))
		defer func() { _ = syscall.Setfsuid(0) }()
	}
	_, err := config.Load(path, nil)
	if err == nil || !strings.Contains(err.Error(), "tls.key: this process may not read the file; change its owner or mode") || strings.Contains(err.Error(), "belong together") {
		t.Errorf("the error is %v", err)
	}
}
