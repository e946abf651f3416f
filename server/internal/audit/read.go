package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Event is what a record tells of.
type Event string

// The events that are read again.
const (
	Submitting Event = "submitting"
	Submitted  Event = "submitted"
)

// Record is what is read again of a record.
type Record struct {
	Time  time.Time `json:"time"`
	Event Event     `json:"event"`

	Caller     string `json:"caller"`
	Practice   string `json:"practice"`
	Dossier    string `json:"dossier"`
	Collection string `json:"collection"`
	Import     string `json:"import"`
	Attempt    int    `json:"attempt"`
	Write      string `json:"write"`
	Kind       string `json:"kind"`
	Format     string `json:"format"`
	Scheme     int    `json:"scheme"`
	Content    string `json:"content"`
	Entries    int    `json:"entries"`
	Lines      int    `json:"lines"`
	Debit      string `json:"debit"`
	Credit     string `json:"credit"`
	FirstDate  string `json:"first_date"`
	LastDate   string `json:"last_date"`
	State      string `json:"state"`

	LoopRequestID string `json:"loop_request_id"`

	Chain    string `json:"chain"`
	Sequence int64  `json:"sequence"`
	Commit   int64  `json:"commit"`
	// Since is of the first record of a chain: the ledger's commit as it was begun.
	Since    int64  `json:"since"`
	Previous string `json:"previous"`
	Hash     string `json:"hash"`

	// intact: the hash is that of the line.
	intact bool
}

// parse reads a line; false where it is no record of an audit.
func parse(line []byte) (r Record, is bool) {
	var named struct {
		Msg string `json:"msg"`
		Record
	}
	if err := json.Unmarshal(line, &named); err != nil || named.Msg != Message || named.Hash == "" {
		return Record{}, false
	}
	r = named.Record
	body := bytes.TrimSuffix(line, []byte(ending+r.Hash+`"}`))
	r.intact = len(body) < len(line) && hashOf(body) == r.Hash
	return r, true
}

// Chain is what was read of one chain.
type Chain struct {
	Name string
	// First and Last are the first and the last record of it, by their places in the files.
	First, Last Record
	Records     int
}

// Begins is the ledger's commit after which all that was sent is told by the chain, as far as it was read. A chain from before
// that was noted begins with the ledger, as it seems.
func (c *Chain) Begins() int64 {
	if c.First.Sequence == 1 {
		return c.First.Since
	}
	return c.First.Commit
}

// Audit is what files of an audit hold together.
type Audit struct {
	// Chains, in the order in which they begin.
	Chains []*Chain
	// Problems are what shows that a record was changed, taken out or moved, or that a file is missing.
	Problems []string
	// Strange counts the lines that are no records: others of a stream, and halves of a record that a crash cut short.
	Strange int
}

// Read reads files of an audit, those of each process in their order, and tells each record. It finds all that is wrong with
// their chains; error is of a file that cannot be read, or told's.
func Read(paths []string, told func(Record) error) (*Audit, error) {
	a := &Audit{}
	chains := map[string]*Chain{}
	for _, path := range paths {
		if err := a.read(path, chains, told); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return a, nil
}

func (a *Audit) read(path string, chains map[string]*Chain, told func(Record) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 64<<10)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if text := bytes.TrimSuffix(line, []byte("\n")); len(text) > 0 {
			record, is := parse(text)
			place := fmt.Sprintf("%s:%d", path, number)
			switch {
			case is:
				a.add(place, record, chains)
				if err := told(record); err != nil {
					return err
				}
			case bytes.Contains(text, []byte(ending)) && !cutShort(text):
				a.Problems = append(a.Problems, place+": a record was changed, and is none any more")
			default:
				a.Strange++
			}
		}
		if err != nil {
			return nil
		}
	}
}

// cutShort says whether a line is the beginning of a record, whose hash or what follows it is incomplete.
func cutShort(line []byte) bool {
	hash := line[bytes.LastIndex(line, []byte(ending))+len(ending):]
	return len(hash) <= len(nobody)+len(`"`) && len(bytes.Trim(hash, "0123456789abcdef\"")) == 0
}

// add compares a record with the one before it in its chain.
func (a *Audit) add(place string, r Record, chains map[string]*Chain) {
	problem := func(format string, args ...any) {
		a.Problems = append(a.Problems, place+": "+fmt.Sprintf(format, args...))
	}
	if !r.intact {
		problem("record %d of chain %s was changed", r.Sequence, r.Chain)
	}
	c := chains[r.Chain]
	if c == nil {
		c = &Chain{Name: r.Chain, First: r}
		chains[r.Chain], a.Chains = c, append(a.Chains, c)
		if (r.Sequence == 1) != (r.Previous == nobody) {
			problem("record %d of chain %s was changed", r.Sequence, r.Chain)
		}
	} else {
		switch last := c.Last; {
		case r.Sequence > last.Sequence+1:
			problem("records %d to %d of chain %s are missing", last.Sequence+1, r.Sequence-1, r.Chain)
		case r.Sequence <= last.Sequence:
			problem("record %d of chain %s comes after record %d", r.Sequence, r.Chain, last.Sequence)
		case r.Previous != last.Hash:
			problem("record %d of chain %s does not follow the record %d before it", r.Sequence, r.Chain, last.Sequence)
		case r.Commit < last.Commit:
			problem("record %d of chain %s tells of an older commit than the one before", r.Sequence, r.Chain)
		}
	}
	c.Last = r
	c.Records++
}
