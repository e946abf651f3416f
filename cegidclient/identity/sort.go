package identity

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// SpillFile holds what does not fit into memory. Closing it removes it.
type SpillFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// record is what is sorted, by its bytes.
type record [64]byte

func (r *record) before(other *record) bool { return r.compare(other) < 0 }

// compare looks at the first bytes, which differ as a rule, as a number: that is faster.
func (r *record) compare(other *record) int {
	if a, b := binary.BigEndian.Uint64(r[:]), binary.BigEndian.Uint64(other[:]); a != b {
		return cmp.Compare(a, b)
	}
	return bytes.Compare(r[8:], other[8:])
}

const (
	runRecords = 1 << 15 // 2 MiB
	runBuffer  = 32 << 10
)

// sorter gives records back in order, any number of them: what is more than a run waits in a file, run by run.
type sorter struct {
	spill   func() (SpillFile, error)
	most    int // records in memory
	records []record
	file    SpillFile
	ends    []int64 // of the runs in the file
}

func newSorter(spill func() (SpillFile, error)) *sorter {
	return &sorter{spill: spill, most: runRecords}
}

func (s *sorter) add(r *record) error {
	if len(s.records) == s.most && s.spill != nil {
		if err := s.flush(); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	s.records = append(s.records, *r)
	return nil
}

func (s *sorter) sortMemory() {
	slices.SortFunc(s.records, func(a, b record) int { return a.compare(&b) })
}

// flush writes a run.
func (s *sorter) flush() (err error) {
	if s.file == nil {
		if s.file, err = s.spill(); err != nil {
			return err
		}
	}
	s.sortMemory()
	w := bufio.NewWriterSize(s.file, runBuffer)
	for i := range s.records {
		_, _ = w.Write(s.records[i][:]) // its error comes with Flush
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.ends = append(s.ends, s.end()+int64(len(s.records)*len(record{})))
	s.records = s.records[:0]
	return nil
}

func (s *sorter) end() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// walk hands the records out in order, until take says no. It may be called again.
func (s *sorter) walk(take func(*record) (more bool, err error)) error {
	s.sortMemory()
	sources := runs{{memory: s.records}}
	start := int64(0)
	for _, end := range s.ends {
		sources = append(sources, &run{file: bufio.NewReaderSize(io.NewSectionReader(s.file, start, end-start), runBuffer)})
		start = end
	}
	open := sources[:0]
	for _, r := range sources {
		more, err := r.next()
		if err != nil {
			return err
		}
		if more {
			open = append(open, r)
		}
	}
	heap.Init(&open)
	for len(open) > 0 {
		r := open[0]
		if more, err := take(&r.head); err != nil || !more {
			return err
		}
		more, err := r.next()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&open, 0)
		default:
			heap.Pop(&open)
		}
	}
	return nil
}

func (s *sorter) close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file, s.ends, s.records = nil, nil, nil
	return file.Close()
}

// run is a sorted sequence of records.
type run struct {
	head   record
	memory []record
	file   *bufio.Reader
}

func (r *run) next() (more bool, err error) {
	if r.file == nil {
		if len(r.memory) == 0 {
			return false, nil
		}
		r.head, r.memory = r.memory[0], r.memory[1:]
		return true, nil
	}
	switch _, err := io.ReadFull(r.file, r.head[:]); {
	case err == nil:
		return true, nil
	case errors.Is(err, io.EOF):
		return false, nil
	default:
		return false, fmt.Errorf("identity: %w", err)
	}
}

// runs is a heap.
type runs []*run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return r[i].head.before(&r[j].head) }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *runs) Push(x any)        { *r = append(*r, x.(*run)) }
func (r *runs) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
