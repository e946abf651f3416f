package main

import (
	"os"
	"syscall"
	"testing"
)

// asPostgres is another user than root, which PostgreSQL refuses.
func asPostgres(t *testing.T, folder string) *syscall.SysProcAttr {
	t.Helper()
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		const nobody = 65534
		attributes.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return attributes
}
