package livebackup

import (
	"errors"
	"syscall"
)

// private gives a socket its mode before it has a name, so that no other user can open it in between.
func private(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0o600) })
	return errors.Join(err, failed)
}
