package pgtest

import (
	"os"
	"syscall"
)

// attributes let no server outlive its test, and run it as a user that PostgreSQL accepts.
func attributes() *syscall.SysProcAttr {
	out := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		out.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return out
}
