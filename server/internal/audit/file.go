package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cegid.internal/gateway/server/internal/filelock"
	"cegid.internal/gateway/server/internal/smallfile"
)

// lookEvery is how often the file is looked for under its name.
const lookEvery = time.Second

// file is added to, a record at a time. When it is moved away, as tools that rotate files do, another one is begun.
type file struct {
	path string

	mu     sync.Mutex
	f      *os.File
	looked time.Time
	torn   bool // the last record is incomplete

	syncing sync.Mutex // guards what follows
	waiting []waiter
	running bool
	failed  failed
}

// failed counts the syncs that failed, and has the error of the last. The system may have dropped all that was written before
// one, and tells of it once: the next sync says nothing of that.
type failed struct {
	syncs int
	err   error
}

// waiter waits for a record. before are the syncs that had failed before it was written.
type waiter struct {
	done   chan error
	before int
}

// failures is how many syncs have failed.
func (f *file) failures() int {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	return f.failed.syncs
}

// fail notes a sync that failed.
func (f *file) fail(err error) {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	f.failed = failed{f.failed.syncs + 1, err}
}

// begin opens the file and returns its last record; an empty one without any.
func (f *file) begin() (last Record, err error) {
	if err := f.open(); err != nil {
		return Record{}, err
	}
	if last, err = lastRecord(f.f); err != nil {
		return Record{}, errors.Join(err, f.close())
	}
	return last, nil
}

func (f *file) open() error {
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return smallfile.ErrIrregular // opening a named pipe would wait for its reader
	}
	opened, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// Records of two processes would not be one chain.
	if err := filelock.Take(opened); err != nil {
		return errors.Join(err, opened.Close())
	}
	info, err := opened.Stat()
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	last := []byte{'\n'}
	if info.Size() > 0 {
		if _, err := opened.ReadAt(last, info.Size()-1); err != nil {
			return errors.Join(err, opened.Close())
		}
	} else if err := syncFolder(f.path); err != nil { // its name is to outlive a crash, as its records do
		return errors.Join(err, opened.Close())
	}
	if f.f != nil { // those who wait for its records find them on the disk
		if err := f.f.Sync(); err != nil {
			f.fail(err)
			return errors.Join(err, opened.Close())
		}
		_ = f.f.Close()
	}
	f.f, f.looked, f.torn = opened, time.Now(), last[0] != '\n'
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f.Close()
}

func (f *file) Write(record []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) >= lookEvery {
		f.looked = time.Now()
		if f.moved() {
			if err := f.open(); err != nil {
				return 0, err
			}
		}
	}
	if f.torn { // a record begins on a line of its own
		if _, err := f.f.WriteString("\n"); err != nil {
			return 0, err
		}
	}
	n, err = f.f.Write(record)
	f.torn = err != nil && n > 0
	return n, err
}

func (f *file) moved() bool {
	mine, err := f.f.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(f.path)
	return err != nil || !os.SameFile(mine, there)
}

// synced waits until what was written is on the disk; before is what failures said before it was written. All who wait while a
// sync is under way share the next one.
func (f *file) synced(ctx context.Context, before int) error {
	done := make(chan error, 1)
	f.syncing.Lock()
	f.waiting = append(f.waiting, waiter{done, before})
	if !f.running {
		f.running = true
		go f.sync()
	}
	f.syncing.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done(): // a disk that hangs must not block callers
		return ctx.Err()
	}
}

// sync syncs for as long as somebody waits.
func (f *file) sync() {
	for {
		f.syncing.Lock()
		waiting := f.waiting
		f.waiting = nil
		f.running = len(waiting) > 0
		f.syncing.Unlock()
		if len(waiting) == 0 {
			return
		}
		if err := f.syncNow(); err != nil {
			f.fail(err)
		}
		f.syncing.Lock()
		now := f.failed
		f.syncing.Unlock()
		for _, waiter := range waiting {
			if waiter.before < now.syncs {
				waiter.done <- now.err
			} else {
				waiter.done <- nil
			}
		}
	}
}

func (f *file) syncNow() error {
	for {
		f.mu.Lock()
		current := f.f
		f.mu.Unlock()
		err := current.Sync()
		if !errors.Is(err, os.ErrClosed) {
			return err
		}
		f.mu.Lock()
		replaced := f.f != current // which has synced it
		f.mu.Unlock()
		if !replaced {
			return err
		}
	}
}

// longestRecord bounds how far back the last record is looked for.
const longestRecord = 1 << 20

// lastRecord reads the last whole record of a file; lines that are none may be after it.
func lastRecord(f *os.File) (Record, error) {
	info, err := f.Stat()
	if err != nil {
		return Record{}, err
	}
	from := max(0, info.Size()-longestRecord)
	tail, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return Record{}, err
	}
	for len(tail) > 0 {
		line := tail
		if i := bytes.LastIndexByte(bytes.TrimSuffix(tail, []byte("\n")), '\n'); i >= 0 {
			line = tail[i+1:]
		}
		tail = tail[:len(tail)-len(line)]
		if record, is := parse(bytes.TrimSuffix(line, []byte("\n"))); is && record.intact {
			return record, nil
		}
	}
	return Record{}, nil
}
