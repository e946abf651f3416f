package app

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// leavingTime is how long connections that were begun may take to be made; leavingMost bounds it on a busy machine.
	leavingTime = 200 * time.Millisecond
	leavingMost = 2 * time.Second
	// settling is what a server takes at most to begin with a connection that it was handed over.
	settling = 100 * time.Millisecond
)

// leavable is a listener that can be left so that nobody is lost. When a listener is closed the system resets the connections that
// it has made and the server has not accepted yet, and gRPC's server closes those that it has just accepted: who sent a call over
// one cannot know whether it was taken, and a balancer must not send it again.
type leavable struct {
	*net.TCPListener
	leaving, left, closed chan struct{}
	leave, close          func()
}

func newLeavable(l *net.TCPListener) *leavable {
	out := &leavable{TCPListener: l, leaving: make(chan struct{}), left: make(chan struct{}), closed: make(chan struct{})}
	out.leave = sync.OnceFunc(func() { close(out.leaving) })
	out.close = sync.OnceFunc(func() { close(out.closed) })
	return out
}

// Leave refuses new connections, and returns when those of before have been accepted. Accept then waits for the end.
func (l *leavable) Leave() {
	_ = l.refuse() // where it cannot be, a moment is left in which some are lost
	l.leave()
	_ = l.SetDeadline(time.Now().Add(leavingTime))
	select {
	case <-l.left:
	case <-l.closed:
	case <-time.After(leavingMost):
	}
	_ = l.TCPListener.Close()
}

// Accept implements net.Listener.
func (l *leavable) Accept() (net.Conn, error) {
	for {
		conn, err := l.TCPListener.Accept()
		select {
		case <-l.leaving:
		default:
			return conn, err
		}
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, os.ErrDeadlineExceeded) && l.waits():
			_ = l.SetDeadline(time.Now().Add(leavingTime)) // it was too busy to look
			continue
		}
		select {
		case <-l.left:
		default:
			close(l.left)
		}
		<-l.closed
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *leavable) Close() error {
	l.close()
	return l.TCPListener.Close()
}
