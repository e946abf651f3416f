package app

import (
	"golang.org/x/sys/unix"
)

// refuse has the system drop the first packet of new connections: it is sent again after a second, when nobody listens any more
// and the connection is refused. So none is made between the last look and the close.
func (l *leavable) refuse() error {
	const flags, syn = 13, 0x02 // of the header of TCP
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	}
	return l.control(func(fd int) error {
		filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &filter)
	})
}

// end has the listener listen no more, unless a connection is made and not accepted: then it says so. Where the filter is not to be
// had, no more than a moment is between the two.
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
