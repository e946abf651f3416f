package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

func TestALedgerThatThisProcessMayNotWriteIsCalledSo(t *testing.T) {
	path := initialised(t)
	for folder := filepath.Dir(path); folder != filepath.Clean(os.TempDir()); folder = filepath.Dir(folder) {
		testkit.OK(t, os.Chmod(folder, 0o755))
	}
	if os.Geteuid() == 0 {
		testkit.OK(t, os.Chown(path, nobody, -1))
	}
	for name, c := range map[string]struct{ file, folder os.FileMode }{
		"a file for reading":   {0o400, 0o777},
		"a file for others":    {0o000, 0o777},
		"a folder for reading": {0o600, 0o555},
	} {
		err := errors.Join(os.Chmod(path, c.file), os.Chmod(filepath.Dir(path), c.folder))
		testkit.OK(t, err)
		err = asNobody(t, func() error {
			l, err := Open(t.Context(), path)
			if err == nil {
				err = errors.Join(l.Close(), errors.New("it was opened"))
			}
			return err
		})
		if !errors.Is(err, ErrReadOnly) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if err := asNobody(t, func() error { return CheckWritable(path) }); errors.Is(err, ErrReadOnly) != (c.file != 0o600) {
			t.Errorf("%s, looked at: %v", name, err)
		}
	}
}

// nobody is a user without rights.
const nobody = 65532

// asNobody does something without the rights of root, who may write everything.
func asNobody(t *testing.T, do func() error) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return do()
	}
	runtime.LockOSThread() // it is this thread's identity
	defer runtime.UnlockOSThread()
	testkit.OK(t, syscall.Setfsuid(nobody))
	defer func() { _ = syscall.Setfsuid(0) }()
	return do()
}
