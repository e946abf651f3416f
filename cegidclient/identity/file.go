package identity

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"iter"

	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/tra"
)

// File gathers the entries of a file, line by line. It is not safe for concurrent use.
type File struct {
	h hasher
	// byNumber are the entries as the file numbers them. byDocument are those of a FEC where no number has come twice so
	// far; nil once one has.
	byNumber, byDocument *grouping
	result               *sorter
	spill                func() (SpillFile, error)
	seeds                [2]maphash.Seed
	err                  error
	document             struct { // of the line before, as most lines repeat it
		text, message []byte // message: how that of the line begins
		digest        uint64
	}
}

// NewFile makes a gatherer for one file. spill makes room for what does not fit into memory; nil keeps everything there.
func NewFile(key Key, spill func() (SpillFile, error)) *File {
	return &File{
		h: *newHasher(key), byNumber: &grouping{out: newSorter(spill)}, byDocument: &grouping{out: newSorter(spill)}, spill: spill,
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
}

// FEC takes a line of a FEC; see [fec.Options].
func (f *File) FEC(b *fec.Booking) {
	p := f.part(b.Line, b.Journal, b.Date, b.Document, b.Account, b.ThirdParty, nil, int64(b.Debit-b.Credit))
	key := append(append(append(f.byNumber.next[:0], b.Journal...), 0), b.Number...)
	again := f.group(f.byNumber, key, p, b.Number)
	if f.byDocument == nil {
		return
	}
	if again {
		f.fail(f.byDocument.out.close())
		f.byDocument = nil
		return
	}
	key = append(append(append(f.byDocument.next[:0], b.Journal...), 0), b.Document...)
	f.group(f.byDocument, binary.BigEndian.AppendUint32(append(key, 0), uint32(b.Date)), p, nil)
}

// TRA takes a line of a TRA; see [tra.Options].
func (f *File) TRA(b *tra.Booking) {
	if f.byDocument != nil { // that is for FEC
		f.byDocument = nil
	}
	p := f.part(b.Line, b.Journal, b.Date, b.Reference, b.Account, b.ThirdParty, b.Currency, int64(b.Debit-b.Credit))
	key := append(append(append(f.byNumber.next[:0], b.Journal...), 0), b.DocumentType...)
	key = binary.BigEndian.AppendUint32(append(key, 0), uint32(b.Date))
	if len(b.Number) > 0 {
		key = append(append(key, 'n'), b.Number...)
	} else {
		key = append(append(key, 'r'), b.Reference...)
	}
	f.group(f.byNumber, key, p, b.Number)
}

func (f *File) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// part is what a line adds to its entry.
func (f *File) part(line int, journal []byte, date int, document, account, thirdParty, unit []byte, cents int64) part {
	d := &f.document
	f.byNumber.spare = append(append(append(f.byNumber.spare[:0], journal...), 0), document...)
	f.byNumber.spare = binary.BigEndian.AppendUint32(append(f.byNumber.spare, 0), uint32(date))
	if !bytes.Equal(f.byNumber.spare, d.text) {
		d.text = append(d.text[:0], f.byNumber.spare...)
		d.digest = f.h.document(journal, date, document)
		d.message = append(d.message[:0], f.h.lineOf(journal, date, document)...)
	}
	f.h.message = append(f.h.message[:0], d.message...)
	return part{lines: f.h.lineEnds(account, thirdParty, unit, cents), count: 1, date: date, line: line, document: d.digest}
}

// grouping adds lines up to entries.
type grouping struct {
	key, next, spare []byte // of the current entry, and of the line
	current          part   // without lines before the first
	out              *sorter
}

// group adds a line to its entry, and tells whether the line before was of the same one.
func (f *File) group(g *grouping, key []byte, p part, reference []byte) (again bool) {
	g.next = key
	if g.current.count > 0 && bytes.Equal(g.key, key) {
		g.current.add(&p)
		return true
	}
	f.leave(g)
	g.key, g.next = g.next, g.key
	for i, seed := range f.seeds { // the author of the file does not know them, and they are kept nowhere
		binary.BigEndian.PutUint64(p.group[8*i:], maphash.Bytes(seed, key))
	}
	p.reference = f.h.reference(reference)
	g.current = p
	return false
}

func (f *File) leave(g *grouping) {
	if g.current.count > 0 {
		f.fail(g.out.add(g.current.record()))
		g.current.count = 0
	}
}

// part is an entry, or some of its lines.
type part struct {
	group               [16]byte
	lines               sum
	reference, document uint64
	count, date, line   int
}

// add takes more lines of the same entry, in whatever order they come.
func (p *part) add(other *part) {
	p.lines.add(other.lines)
	p.count += other.count
	p.date, p.line = min(p.date, other.date), min(p.line, other.line)
	switch {
	case p.document == 0:
		p.document = other.document
	case other.document != 0 && other.document != p.document:
		p.document = Several
	}
}

func (p *part) record() *record {
	var r record
	copy(r[:], p.group[:])
	for i, n := range [...]uint64{p.lines[0], p.lines[1], p.reference, p.document} {
		binary.BigEndian.PutUint64(r[16+8*i:], n)
	}
	for i, n := range [...]int{p.count, p.date, p.line} {
		binary.BigEndian.PutUint32(r[48+4*i:], uint32(n))
	}
	return &r
}

func partOf(r *record) (p part) {
	p.group = [16]byte(r[:16])
	for i, n := range [...]*uint64{&p.lines[0], &p.lines[1], &p.reference, &p.document} {
		*n = binary.BigEndian.Uint64(r[16+8*i:])
	}
	for i, n := range [...]*int{&p.count, &p.date, &p.line} {
		*n = int(binary.BigEndian.Uint32(r[48+4*i:]))
	}
	return p
}

// walk hands out the entries, put together.
func (g *grouping) walk(take func(*part) (more bool, err error)) error {
	var current part
	more := true
	err := g.out.walk(func(r *record) (bool, error) {
		p := partOf(r)
		if current.count > 0 && p.group == current.group {
			current.add(&p)
			return true, nil
		}
		var err error
		if current.count > 0 {
			more, err = take(&current)
		}
		current = p
		return more, err
	})
	if err == nil && more && current.count > 0 {
		_, err = take(&current)
	}
	return err
}

var errClosed = errors.New("identity: entries of a closed file")

// Entries hands out the entries once the last line was taken, by month, and within it by Body. It may be called again.
func (f *File) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := f.finish()
		if err == nil {
			err = f.result.walk(func(r *record) (bool, error) {
				return yield(Entry{
					Month: int(binary.BigEndian.Uint32(r[:])), Body: [16]byte(r[4:20]),
					Reference: binary.BigEndian.Uint64(r[20:]), Document: binary.BigEndian.Uint64(r[28:]), Line: int(binary.BigEndian.Uint32(r[36:])),
				}, nil), nil
			})
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// finish puts the entries together and in order, once.
func (f *File) finish() error {
	if f.byNumber == nil && f.result == nil {
		f.fail(errClosed)
	}
	if f.err != nil || f.result != nil {
		return f.err
	}
	f.leave(f.byNumber)
	chosen, numbered := f.byNumber, true
	if f.byDocument != nil {
		f.leave(f.byDocument)
		numbered = false // until a number comes twice
		f.fail(f.byNumber.walk(func(p *part) (bool, error) {
			numbered = p.count > 1
			return !numbered, nil
		}))
		if !numbered {
			chosen = f.byDocument
		}
	}
	f.result = newSorter(f.spill)
	f.fail(chosen.walk(func(p *part) (bool, error) {
		var r record
		body := f.h.body(p.lines, p.count)
		binary.BigEndian.PutUint32(r[:], uint32(p.date/100))
		copy(r[4:], body[:])
		binary.BigEndian.PutUint64(r[20:], p.reference)
		binary.BigEndian.PutUint64(r[28:], p.document)
		binary.BigEndian.PutUint32(r[36:], uint32(p.line))
		return true, f.result.add(&r)
	}))
	f.fail(f.forget())
	return f.err
}

func (f *File) forget() error {
	var err error
	for _, g := range []*grouping{f.byNumber, f.byDocument} {
		if g != nil {
			err = errors.Join(err, g.out.close())
		}
	}
	f.byNumber, f.byDocument = nil, nil
	return err
}

// Close gives up what the file needed, and removes what was put on disk.
func (f *File) Close() error {
	err := f.forget()
	if f.result != nil {
		err = errors.Join(err, f.result.close())
		f.result = nil
	}
	return err
}
