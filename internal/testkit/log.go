// Package testkit, with the packages below it, is what the tests of several packages share; programs never import it.
package testkit

import (
	"bytes"
	"sync"
)

// Log is what a server or program writes, which tests may read meanwhile. Its zero value is empty.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
