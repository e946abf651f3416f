//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Take locks an open file or folder until it is closed, or the process ends however it ends. Errors: ErrTaken, and those of a file
// system without such locks.
func Take(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrTaken
	}
	return err
}
