package tra

import "io"

// Line is what the reader hands out.
type Line struct {
	// Number counts from 1, the header. A line without anything on it is left out.
	Number int
	// Valid tells that no finding of severity error is on the line itself.
	Valid bool
	// Record is a *[Header], *[Journal], *[Account], *[ThirdParty], *[Section], *[FiscalYear], *[Establishment],
	// *[BankAccount], *[Parameter] or *[Movement]; nil for a line that cannot be taken apart.
	Record any
}

// Reader hands out the lines of a TRA one by one.
type Reader struct {
	from   io.Reader
	v      *Validator
	buffer []byte
	queue  []Line // read and not yet handed out
	next   int
	err    error
}

const readSize = 32 << 10

// NewReader makes a reader of one file, with a buffer of its own.
func NewReader(from io.Reader, o Options) *Reader {
	r := &Reader{from: from, v: NewValidator(o), buffer: make([]byte, readSize)}
	r.v.emit = func(l Line) { r.queue = append(r.queue, l) }
	return r
}

// Read gives the next line, [io.EOF] after the last one, or the error of the reader below. A file that cannot be read
// ends at once; [Reader.Report] tells why.
func (r *Reader) Read() (Line, error) {
	for r.next == len(r.queue) {
		if r.err != nil {
			return Line{}, r.err
		}
		clear(r.queue) // of records that were handed out
		r.queue, r.next = r.queue[:0], 0
		n, err := r.from.Read(r.buffer)
		_, _ = r.v.Write(r.buffer[:n]) // fails only once it is closed, which comes last
		if r.v.refused && err == nil {
			err = io.EOF
		}
		if err != nil {
			if err == io.EOF {
				r.v.Close()
			}
			r.err = err
		}
	}
	r.next++
	return r.queue[r.next-1], nil
}

// Report is the validator's. It covers what was read so far, and is complete once Read has given [io.EOF].
func (r *Reader) Report() Report { return r.v.makeReport() }

// handOut gives a record to the reader, if there is one; before is the number of errors before the line.
func (v *Validator) handOut(record any, before int) {
	if v.emit != nil {
		v.emit(Line{Number: v.line, Valid: v.errors == before && record != nil, Record: record})
	}
}
