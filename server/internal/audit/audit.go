// Package audit keeps the records of writes, raw calls and refused access: one line of JSON each, in a stream or a file.
package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/smallfile"
)

// lookEvery is how often the file is looked for under its name.
const lookEvery = time.Second

// Sink takes the records.
type Sink struct {
	// Logger writes them.
	Logger *slog.Logger
	close  func() error
}

// Close ends the records. What is written afterwards is lost, and counted.
func (s *Sink) Close() error { return s.close() }

// Open opens where a configuration sends the records. What cannot be written there goes to log.
func Open(cfg config.Audit, log *slog.Logger, registry prometheus.Registerer) (*Sink, error) {
	failed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "audit_write_failures_total", Help: "Records of the audit that could not be written where they belong; the log has them instead.",
	})
	var out io.Writer = os.Stderr
	end := func() error { return nil }
	switch {
	case cfg.File != "":
		f := &file{path: cfg.File}
		if err := f.open(); err != nil {
			return nil, fmt.Errorf("audit.file: %w; make it writable for this process, or name another", err)
		}
		out, end = f, f.close
	case cfg.Stdout:
		out = os.Stdout
	}
	registry.MustRegister(failed)
	return &Sink{Logger: slog.New(slog.NewJSONHandler(&reporting{out, failed, log}, nil)), close: end}, nil
}

// reporting tells of what cannot be written, with the record, so that it is not lost.
type reporting struct {
	io.Writer
	failed prometheus.Counter
	log    *slog.Logger
}

func (r *reporting) Write(record []byte) (int, error) {
	n, err := r.Writer.Write(record)
	if err != nil {
		r.failed.Inc()
		r.log.Error("a record of the audit could not be written", "error", err.Error(), "record", string(record))
	}
	return n, err
}

// file is added to, a record at a time. When it is moved away, as tools that rotate files do, another one is begun.
type file struct {
	path string

	mu     sync.Mutex
	f      *os.File
	looked time.Time
	torn   bool // the last record is incomplete
}

func (f *file) open() error {
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return smallfile.ErrIrregular // opening a named pipe would wait for its reader
	}
	opened, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
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
	}
	if f.f != nil {
		_ = f.f.Close()
	}
	f.f, f.looked, f.torn = opened, time.Now(), last[0] != '\n'
	return nil
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
