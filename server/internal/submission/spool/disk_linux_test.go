package spool

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// TestADiskThatIsFullHasNoRoom: /dev/full answers every write as a full disk does.
func TestADiskThatIsFullHasNoRoom(t *testing.T) {
	folder := t.TempDir()
	s := opened(t, folder)
	s.open = func(string) (*os.File, error) {
		fd, err := syscall.Open("/dev/full", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
		return os.NewFile(uintptr(fd), folder+"/none"), err // by another name, lest /dev/full itself be removed
	}
	f, err := s.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, ErrNoRoom) {
		t.Errorf("%v", err)
	}
	if err := f.Close(); err != nil || s.bytes != 0 || s.total != 0 || len(names(t, folder)) > 0 {
		t.Errorf("%v; %d bytes in %d files are left", err, s.bytes, s.total)
	}
}
