//go:build !linux

package livebackup

import "syscall"

// private leaves it to the mode of the folder.
func private(_, _ string, _ syscall.RawConn) error { return nil }
