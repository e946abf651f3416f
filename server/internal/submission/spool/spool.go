// Package spool keeps files on disk between their arrival and their going out, so that memory does not grow with them. A
// file has no name from the moment that it is open, where the system allows that: whatever happens to the process,
// nothing is left.
package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	prefix = "loop-gateway-upload-"
	// atOnce and perCaller bound the files that exist at a time.
	atOnce    = 32
	perCaller = 8
)

var (
	// ErrFull says that too many files are under way, ErrCallerFull that too many of this caller are.
	ErrFull       = errors.New("spool: too many files are under way")
	ErrCallerFull = errors.New("spool: too many files of this caller are under way")
	// ErrNoRoom says that the files under way take all the bytes that they may, or all that the disk has.
	ErrNoRoom = errors.New("spool: no room on the disk")
)

// Spool is a folder for files that live as long as their upload.
type Spool struct {
	folder string
	size   int64
	open   func(folder string) (*os.File, error)

	mu       sync.Mutex
	bytes    int64
	total    int
	byCaller map[string]int
}

// Open returns a spool in a folder that exists, the system's temporary one when empty, and removes what an earlier process
// left there. It proves that a file can be made. size bounds the bytes of all files together.
func Open(folder string, size int64) (*Spool, error) {
	if folder == "" {
		folder = os.TempDir()
	}
	s := &Spool{folder: folder, size: size, open: temporary, byCaller: map[string]int{}}
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

// Create returns an empty file for a caller. Errors: ErrFull, ErrCallerFull, or the disk's.
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

// Use is how many bytes the files under way take, how many they may, and how many files there are.
func (s *Spool) Use() (bytes, most int64, files int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.size, s.total
}

// Scratch returns an empty file for what is worked out of a file that has its place: its bytes count, and it takes none.
func (s *Spool) Scratch() (*File, error) { return s.create() }

func temporary(folder string) (*os.File, error) {
	return os.CreateTemp(folder, prefix+"*") // for this user alone
}

func (s *Spool) create() (*File, error) {
	file, err := s.open(s.folder)
	if err != nil {
		return nil, wrapped(err)
	}
	_ = os.Remove(file.Name()) // where an open file keeps its name, Close removes it
	return &File{spool: s, file: file, release: func() {}}, nil
}

func wrapped(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return fmt.Errorf("spool: %w", err)
}

// take makes room for more bytes, or gives room back.
func (s *Spool) take(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+n > s.size {
		return ErrNoRoom
	}
	s.bytes += n
	return nil
}

func (s *Spool) release(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.byCaller[caller]--; s.byCaller[caller] == 0 {
		delete(s.byCaller, caller)
	}
}

// File is a file on disk. It is written, then read, by one goroutine at a time.
type File struct {
	spool   *Spool
	taken   int64 // bytes of the spool
	file    *os.File
	size    int64
	release func()
	once    sync.Once
	closed  error
}

// Write appends. Errors: ErrNoRoom, or the disk's.
func (f *File) Write(p []byte) (int, error) {
	if err := f.spool.take(int64(len(p))); err != nil {
		return 0, err
	}
	f.taken += int64(len(p))
	n, err := f.file.Write(p)
	f.size += int64(n)
	if err != nil {
		err = wrapped(err)
	}
	return n, err
}

// Size is the number of bytes written.
func (f *File) Size() int64 { return f.size }

// Reader reads from the first byte on.
func (f *File) Reader() *io.SectionReader { return io.NewSectionReader(f.file, 0, f.size) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Close removes the file. It may be called more than once, and while a Reader is in use, which then fails.
func (f *File) Close() error {
	f.once.Do(func() {
		f.closed = f.file.Close()
		if err := os.Remove(f.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
			f.closed = errors.Join(f.closed, err)
		}
		_ = f.spool.take(-f.taken)
		f.release()
	})
	return f.closed
}
