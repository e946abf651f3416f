//go:build !linux

package pgtest

import "syscall"

// attributes: elsewhere, a test that is killed leaves its server behind.
func attributes() *syscall.SysProcAttr { return nil }
