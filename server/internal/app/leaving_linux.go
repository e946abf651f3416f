package app

import "golang.org/x/sys/unix"

// end has the listener listen no more, unless a connection is made and not accepted: then it says so. Between the look and the end is
// no more than a moment.
func (l *leavable) end() (waits bool) {
	err := l.control(func(fd int) error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if waits = err == nil && n > 0; waits {
			return nil
		}
		return unix.Shutdown(fd, unix.SHUT_RD)
	})
	return waits && err == nil
}

func (l *leavable) control(f func(fd int) error) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
