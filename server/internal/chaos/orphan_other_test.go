//go:build !linux

package chaos

import "syscall"

// noOrphan: elsewhere a test that is killed itself leaves its server behind.
func noOrphan() *syscall.SysProcAttr { return nil }
