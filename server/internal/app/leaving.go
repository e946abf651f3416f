package app

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// leavingTime is how long connections that were begun may take to be made; leavingMost bounds it on a busy machine.
	leavingTime = 200 * time.Millisecond
	leavingMost = 2 * time.Second
	// beginning is how long a server may take to begin with a connection that it was handed over; one that has sent nothing by then is
	// for later.
	beginning = time.Second
)

// doors are the listeners of callers, and who has just come in.
type doors struct {
	listeners []*leavable

	mu       sync.Mutex
	arriving map[net.Conn]time.Time
}

// leave closes the listeners, and returns when the servers have begun with all that came before. Else gRPC's server would close those
// that it has not begun to read, and net/http's those whose first request it has not read.
func (d *doors) leave() {
	var leaving sync.WaitGroup
	for _, listener := range d.listeners {
		leaving.Go(listener.Leave)
	}
	leaving.Wait()
	for begun := time.Now(); d.waits() && time.Since(begun) < leavingMost; {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
}

func (d *doors) waits() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, since := range d.arriving {
		if time.Since(since) < beginning {
			return true
		}
	}
	return false
}

func (d *doors) came(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.arriving == nil {
		d.arriving = map[net.Conn]time.Time{}
	}
	d.arriving[conn] = time.Now()
}

func (d *doors) began(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.arriving, conn)
}

// ofHTTP receives the connections of net/http, for which one is new until it has its first request.
func (d *doors) ofHTTP(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		d.came(conn)
		return
	}
	d.began(conn)
}

// ofGRPC is a listener whose connections have begun when they are read from.
func (d *doors) ofGRPC(l net.Listener) net.Listener { return begun{l, d} }

type begun struct {
	net.Listener
	doors *doors
}

func (b begun) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	out := &beginningConn{Conn: conn}
	out.begins = sync.OnceFunc(func() { b.doors.began(out) })
	b.doors.came(out)
	return out, nil
}

type beginningConn struct {
	net.Conn
	begins func()
}

func (c *beginningConn) Read(p []byte) (int, error) {
	c.begins()
	return c.Conn.Read(p)
}

func (c *beginningConn) Close() error {
	c.begins()
	return c.Conn.Close()
}

// leavable is a listener that can be left without losing a client. When a listener is closed, the system resets the connections
// that it has made and the server has not accepted yet. A caller who sent a call over one cannot know whether it was taken, and
// a balancer must not send it again.
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

// Leave accepts no more, and returns when the connections of before have been accepted. Accept then waits for the end.
func (l *leavable) Leave() {
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
		case errors.Is(err, os.ErrDeadlineExceeded) && l.end():
			_ = l.SetDeadline(time.Now().Add(time.Millisecond)) // for the next look: somebody has come just now
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
