package filereport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// A SpillFile holds what does not fit into memory. Closing it removes it.
type SpillFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// Whole keeps what a report leaves out of a file, as it is found: all places of its findings, and all entries that do not
// balance. Memory stays flat: what is more than a little waits in files.
type Whole struct {
	places, entries tape
	keys            []placeKey
	anew            bool // there were too many keys
	run             run
	encoder         *json.Encoder
}

// placeKey is what places share.
type placeKey struct {
	code, field string
	column      int
	reading     uint8
}

func (k placeKey) place() filecheck.Place {
	return filecheck.Place{Code: k.code, Field: k.field, Column: k.column, Reading: k.reading}
}

// run is places of a kind on lines that follow each other.
type run struct{ key, first, count int }

// NewWhole keeps in memory what is little, and the rest in files that spill makes.
func NewWhole(spill func() (SpillFile, error)) *Whole {
	w := &Whole{places: tape{spill: spill}, entries: tape{spill: spill}}
	w.encoder = json.NewEncoder(&w.entries)
	return w
}

// Place takes a place, as the validators tell it.
func (w *Whole) Place(p filecheck.Place) {
	if p.Line == 0 {
		return // of the whole file
	}
	key := placeKey{p.Code, p.Field, p.Column, p.Reading}
	at := w.run.key
	if at >= len(w.keys) || w.keys[at] != key {
		if at = slices.Index(w.keys, key); at < 0 {
			at = len(w.keys)
			if at == maxKeys { // of a file of oddities
				at, w.anew = 0, true
				w.keys = w.keys[:0]
				w.finishRun()
				w.places.record(keysAnew)
			}
			w.keys = append(w.keys, key)
			w.finishRun()
			w.places.record(newKey, uint64(len(p.Code)), uint64(len(p.Field)), uint64(p.Column), uint64(p.Reading))
			w.places.text(p.Code)
			w.places.text(p.Field)
		}
	}
	if w.run.count > 0 && at == w.run.key && p.Line == w.run.first+w.run.count {
		w.run.count++
		return
	}
	w.finishRun()
	w.run = run{at, p.Line, 1}
}

// maxKeys bounds what a place is compared with.
const maxKeys = 256

// The kinds of records; from firstRun on it is a run of the key behind it.
const (
	newKey = iota
	keysAnew
	firstRun
)

func (w *Whole) finishRun() {
	if r := &w.run; r.count > 0 {
		t := &w.places
		t.waiting = binary.AppendUvarint(t.waiting, uint64(firstRun+r.key))
		t.waiting = binary.AppendUvarint(t.waiting, uint64(r.first))
		t.waiting = binary.AppendUvarint(t.waiting, uint64(r.count))
		t.flush(tapeMemory)
		r.count = 0
	}
}

// Unbalanced takes an entry that does not balance, as the validators tell it.
func (w *Whole) Unbalanced(e filecheck.EntryTotal) { _ = w.encoder.Encode(e) } // the tape keeps its error

// Places returns all reported places, in the order in which they were found.
func (w *Whole) Places(reported func(filecheck.Place) bool) iter.Seq2[filecheck.Place, error] {
	return func(yield func(filecheck.Place, error) bool) {
		w.finishRun()
		if !w.anew && !slices.ContainsFunc(w.keys, func(k placeKey) bool { return reported(k.place()) }) {
			return // as in most files with accents: either reading would have its places
		}
		from, err := w.places.reader()
		if err == nil {
			err = replay(from, reported, yield)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(filecheck.Place{}, fmt.Errorf("places: %w", err))
		}
	}
}

var errEnough = errors.New("enough")

func replay(from *bufio.Reader, reported func(filecheck.Place) bool, yield func(filecheck.Place, error) bool) error {
	type known struct {
		filecheck.Place
		reported bool
	}
	var keys []known
	var err error
	next := func() (n int) {
		if err == nil {
			var value uint64
			value, err = binary.ReadUvarint(from)
			n = int(value)
		}
		return n
	}
	text := func(size int) string {
		out := make([]byte, size)
		if err == nil {
			_, err = io.ReadFull(from, out)
		}
		return string(out)
	}
	for {
		kind := next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
		case kind == keysAnew:
			keys = keys[:0]
		case kind == newKey:
			code, field := next(), next()
			added := known{Place: filecheck.Place{Column: next(), Reading: uint8(next())}}
			added.Code, added.Field = text(code), text(field)
			added.reported = reported(added.Place)
			keys = append(keys, added)
		default:
			of := &keys[kind-firstRun]
			line, count := next(), next()
			for i := range count {
				if p := of.Place; of.reported {
					if p.Line = line + i; !yield(p, nil) {
						return errEnough
					}
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

// Entries gives all entries that do not balance, in the order of the file.
func (w *Whole) Entries() iter.Seq2[filecheck.EntryTotal, error] {
	return func(yield func(filecheck.EntryTotal, error) bool) {
		from, err := w.entries.reader()
		if err != nil {
			yield(filecheck.EntryTotal{}, fmt.Errorf("entries: %w", err))
			return
		}
		for decoder := json.NewDecoder(from); ; {
			var e filecheck.EntryTotal
			switch err := decoder.Decode(&e); {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(e, fmt.Errorf("entries: %w", err))
				return
			case !yield(e, nil):
				return
			}
		}
	}
}

// Close lets go of the files.
func (w *Whole) Close() error { return errors.Join(w.places.close(), w.entries.close()) }

// tape is written, then read from its start, more than once perhaps. Its first error ends it.
type tape struct {
	spill   func() (SpillFile, error)
	waiting []byte
	file    SpillFile
	size    int64 // in the file
	err     error
}

// tapeMemory is what a tape keeps in memory.
const tapeMemory = 256 << 10

func (t *tape) Write(p []byte) (int, error) {
	t.waiting = append(t.waiting, p...)
	t.flush(tapeMemory)
	return len(p), t.err
}

func (t *tape) record(numbers ...uint64) {
	for _, n := range numbers {
		t.waiting = binary.AppendUvarint(t.waiting, n)
	}
	t.flush(tapeMemory)
}

func (t *tape) text(s string) { t.waiting = append(t.waiting, s...) }

func (t *tape) flush(beyond int) {
	if len(t.waiting) <= beyond {
		return
	}
	if t.file == nil && t.err == nil {
		t.file, t.err = t.spill()
	}
	if t.err == nil {
		_, t.err = t.file.Write(t.waiting)
		t.size += int64(len(t.waiting))
	}
	t.waiting = t.waiting[:0]
}

func (t *tape) reader() (*bufio.Reader, error) {
	if t.file == nil && t.err == nil {
		return bufio.NewReader(bytes.NewReader(t.waiting)), nil
	}
	if t.flush(0); t.err != nil {
		return nil, t.err
	}
	return bufio.NewReaderSize(io.NewSectionReader(t.file, 0, t.size), 64<<10), nil
}

func (t *tape) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
