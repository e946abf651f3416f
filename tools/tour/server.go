package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// grace is how long a server may take to stop.
const grace = 15 * time.Second

type server struct {
	cmd        *exec.Cmd
	log        *buffer
	ended      chan struct{} // closed when the process has ended, err set before
	err        error
	readyAfter time.Duration
}

// startServer runs command in a process group of its own and waits until url answers 200.
func startServer(ctx context.Context, command, url string, within time.Duration) (*server, error) {
	if answers(ctx, url) {
		return nil, fmt.Errorf("something answers at %s before the server is started", url)
	}
	s := &server{log: &buffer{}, ended: make(chan struct{})}
	s.cmd = exec.Command("bash", "-c", "exec "+command)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = time.Second // a child that keeps the pipe open does not keep us
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	ready, cancel := context.WithDeadline(ctx, began.Add(within))
	defer cancel()
	for !answers(ready, url) {
		select {
		case <-s.ended:
			s.stop()
			return nil, fmt.Errorf("the server ended before it was ready: %v\n%s", s.err, s.log)
		case <-ready.Done():
			s.stop()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the server is not ready after %s\n%s", within, s.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.readyAfter = time.Since(began)
	return s, nil
}

// stop asks the whole group to end, then makes it.
func (s *server) stop() {
	group := -s.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(grace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // children that outlive the server
	<-s.ended
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// buffer holds what a server prints, which only matters when something fails.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// tail returns the last n lines.
func (b *buffer) tail(n int) []string {
	all := lines(b.String())
	return all[max(0, len(all)-n):]
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
