// Package spool keeps documents on disk between their arrival and their going out, so that memory does not grow with
// them. A file has no name from the moment that it is open, where the system allows that: whatever happens to the
// process, nothing is left.
package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
)

const (
	prefix = "loop-gateway-document-"
	// atOnce and perCaller bound the files that exist at a time, and with them the disk that they take.
	atOnce    = 32
	perCaller = 8
)

// ErrFull says that too many documents are under way; ErrCallerFull that too many of this caller are.
var (
	ErrFull       = errors.New("spool: too many documents are under way")
	ErrCallerFull = errors.New("spool: too many documents of this caller are under way")
)

// Spool is a folder for files that live as long as their upload.
type Spool struct {
	folder string

	mu       sync.Mutex
	total    int
	byCaller map[string]int
}

// Open returns a spool in a folder that exists, the system's temporary one when empty, and removes what an earlier process
// left there. It proves that a file can be made.
func Open(folder string) (*Spool, error) {
	if folder == "" {
		folder = os.TempDir()
	}
	s := &Spool{folder: folder, byCaller: map[string]int{}}
	orphans, err := filepath.Glob(filepath.Join(quoted(folder), prefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, orphan := range orphans {
		_ = os.Remove(orphan) // another process's: it may still be in use there
	}
	probe, err := s.create()
	if err != nil {
		return nil, err
	}
	return s, probe.Close()
}

// quoted takes their meaning from the characters that Glob knows.
func quoted(path string) string {
	var out []byte
	for _, c := range []byte(path) {
		if c == '*' || c == '?' || c == '[' || c == '\\' && os.PathSeparator != '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}

// Create returns an empty file for a caller's document. Errors: ErrFull, ErrCallerFull, or the disk's.
func (s *Spool) Create(caller string) (*File, error) {
	s.mu.Lock()
	full, callerFull := s.total >= atOnce, s.byCaller[caller] >= perCaller
	if !full && !callerFull {
		s.total++
		s.byCaller[caller]++
	}
	s.mu.Unlock()
	switch {
	case callerFull:
		return nil, ErrCallerFull
	case full:
		return nil, ErrFull
	}
	file, err := s.create()
	if err != nil {
		s.release(caller)
		return nil, err
	}
	file.release = func() { s.release(caller) }
	return file, nil
}

func (s *Spool) create() (*File, error) {
	file, err := os.CreateTemp(s.folder, prefix+"*") // for this user alone
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	_ = os.Remove(file.Name()) // where an open file keeps its name, Close removes it
	return &File{file: file, digest: sha256.New(), release: func() {}}, nil
}

func (s *Spool) release(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.byCaller[caller]--; s.byCaller[caller] == 0 {
		delete(s.byCaller, caller)
	}
}

// File is a document on disk. It is written, then read, by one goroutine at a time.
type File struct {
	file    *os.File
	digest  hash.Hash
	size    int64
	release func()
	once    sync.Once
	closed  error
}

// Write appends.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.digest.Write(p[:n])
	f.size += int64(n)
	return n, err
}

// Size is the number of bytes written.
func (f *File) Size() int64 { return f.size }

// Digest is the SHA-256 of what was written.
func (f *File) Digest() [sha256.Size]byte { return [sha256.Size]byte(f.digest.Sum(nil)) }

// Reader reads from the first byte on.
func (f *File) Reader() io.Reader { return io.NewSectionReader(f.file, 0, f.size) }

// Close removes the file. It may be called more than once, and while a Reader is in use, which then fails.
func (f *File) Close() error {
	f.once.Do(func() {
		f.closed = f.file.Close()
		if err := os.Remove(f.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
			f.closed = errors.Join(f.closed, err)
		}
		f.release()
	})
	return f.closed
}
