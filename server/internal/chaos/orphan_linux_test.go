package chaos

import "syscall"

// noOrphan makes a child die with the thread that has started it.
func noOrphan() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
