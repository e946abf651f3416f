// Package audit keeps the records of writes, raw calls and refused access: one line of JSON each, in a stream or a file. Each
// record holds the hash of the one before, so that Read finds what was changed, taken out or moved.
package audit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/server/internal/config"
)

// Message is that of each record; other lines of a stream have others.
const Message = "audit"

// Sink takes the records.
type Sink struct {
	// Logger writes them.
	Logger *slog.Logger
	chain  *chain
	// file is nil where the records go to a stream.
	file *file
}

// Close ends the records. What is written afterwards is lost, and counted.
func (s *Sink) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.close()
}

// Open opens where a configuration sends the records. What cannot be written there goes to log.
func Open(cfg config.Audit, log *slog.Logger, registry prometheus.Registerer) (*Sink, error) {
	failed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "audit_write_failures_total", Help: "Records of the audit that could not be written where they belong; the log has them instead.",
	})
	s := &Sink{chain: newChain(os.Stderr)}
	switch {
	case cfg.File != "":
		s.file = &file{path: cfg.File}
		last, err := s.file.begin()
		if err != nil {
			return nil, fmt.Errorf("audit.file: %w; make it writable for this process alone, or name another", err)
		}
		s.chain.out = s.file
		s.chain.goOn(last)
	case cfg.Stdout:
		s.chain.out = os.Stdout
	}
	registry.MustRegister(failed)
	s.Logger = slog.New(slog.NewJSONHandler(&reporting{s.chain, failed, log}, nil))
	return s, nil
}

// Durable says whether Ahead returns only once a record is on the disk.
func (s *Sink) Durable() bool { return s.file != nil }

// Commit is the number of the ledger's newest commit of which a record tells; 0 without one.
func (s *Sink) Commit() int64 { return s.chain.newest() }

// Number gives the records from now on the number of the ledger's newest commit.
func (s *Sink) Number(commit func() int64) { s.chain.number(commit) }

// Ahead writes a record, and waits until it is on the disk where the sink is a file: with others that wait, it takes one or
// two syncs. On any error what it tells of must not be done.
func (s *Sink) Ahead(ctx context.Context, attributes ...slog.Attr) error {
	record := slog.NewRecord(time.Now(), slog.LevelInfo, Message, 0)
	record.AddAttrs(attributes...)
	before := 0
	if s.file != nil {
		before = s.file.failures()
	}
	if err := s.Logger.Handler().Handle(ctx, record); err != nil || s.file == nil {
		return err
	}
	return s.file.synced(ctx, before)
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
