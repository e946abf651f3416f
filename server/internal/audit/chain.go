package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"sync"
)

// chain adds to each record its number, its chain, the number of the ledger's newest commit, and the hash of the record before.
// Its own hash comes last, over all that is before it in the line. The first record also has the number of the newest commit
// when the chain was begun.
type chain struct {
	mu       sync.Mutex
	out      io.Writer
	commit   func() int64
	since    int64 // the ledger's newest commit as it was opened
	known    int64 // the greatest commit of a record
	name     string
	sequence int64
	previous string
}

const (
	// nobody is the hash before the first record of a chain.
	nobody = "0000000000000000000000000000000000000000000000000000000000000000"
	// ending begins the end of a line: its hash.
	ending = `,"hash":"`
)

func newChain(out io.Writer) *chain {
	return &chain{out: out, commit: func() int64 { return 0 }, name: rand.Text()[:12], previous: nobody}
}

// goOn continues the chain of a record.
func (c *chain) goOn(last Record) {
	if last.Chain != "" {
		c.name, c.sequence, c.previous, c.known = last.Chain, last.Sequence, last.Hash, last.Commit
	}
}

func (c *chain) number(commit func() int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit, c.since = commit, commit()
}

func (c *chain) newest() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

var errNoRecord = errors.New("audit: a record is one line of JSON")

// Write takes one record, as slog's handler makes it.
func (c *chain) Write(record []byte) (int, error) {
	body, ok := bytes.CutSuffix(record, []byte("}\n"))
	if !ok {
		return 0, errNoRecord
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	commit := max(c.known, c.commit())
	line := make([]byte, 0, len(body)+256)
	line = append(line, body...)
	line = append(line, `,"chain":"`+c.name+`","sequence":`...)
	line = strconv.AppendInt(line, c.sequence+1, 10)
	line = append(line, `,"commit":`...)
	line = strconv.AppendInt(line, commit, 10)
	if c.sequence == 0 { // what was sent before it no record of the chain tells
		line = append(line, `,"since":`...)
		line = strconv.AppendInt(line, c.since, 10)
	}
	line = append(line, `,"previous":"`+c.previous+`"`...)
	hash := hashOf(line)
	line = append(line, ending+hash+"\"}\n"...)
	if _, err := c.out.Write(line); err != nil {
		return 0, err
	}
	c.known, c.sequence, c.previous = commit, c.sequence+1, hash
	return len(record), nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
