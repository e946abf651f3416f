//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes from adding to the file until this one ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
