package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockedByte lies beyond those that SQLite locks (https://www.sqlite.org/fileformat.html#the_lock_byte_page), so that the two are
// not in one another's way.
const lockedByte = 0x40000000 + 4096

// lockFile locks the very file, whatever its path, until it is closed or the process ends however it ends. ErrLocked: another
// has it. nil, nil: the file system has no such locks.
func lockFile(path string) (io.Closer, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	// A lock of the open file and not of the process: that would end as soon as SQLite, or anybody here, closes the file.
	err = unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: lockedByte, Len: 1})
	if err == nil {
		return file, nil
	}
	err = errors.Join(err, file.Close())
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
		return nil, ErrLocked
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return nil, nil
	}
	return nil, fmt.Errorf("ledger: %w", err)
}
